import { writeImage } from "@accord/core";
import type { NativeImage } from "@accord/core";
import { AccordError } from "@accord/engine/connector";
import type { Change, ChangeBatch, Cursor, Feed, NextOptions, OpenObject, Position } from "@accord/engine/connector";
import { cancelled } from "./clock.ts";
import type { Fault } from "./faults.ts";
import type { FakeChange } from "./history.ts";
import type { FakeInstallation } from "./installation.ts";
import type { FakeState } from "./state.ts";
import type { FakeWire } from "./wire.ts";

/** What a change takes in the fake log. */
export const CHANGE_BYTES = 100;

/** A fake position is the sequence of the last change that it includes. Its width makes text order the order of time. */
export function positionOf(sequence: number): Position {
  return String(sequence).padStart(12, "0");
}

export function cursorOf(sequence: number): Cursor {
  return `after:${sequence}`;
}

export function sequenceOfCursor(cursor: Cursor): number {
  return Number(cursor.slice("after:".length));
}

interface FeedFacts {
  readonly connection: string;
  readonly objects: readonly OpenObject[];
  readonly after: number;
}

/** The committed changes of some objects after a cursor: with images from a log, or as bare hints. */
export class FakeFeed implements Feed {
  readonly #system: FakeState;
  readonly #installation: FakeInstallation;
  readonly #wire: FakeWire;
  readonly #facts: FeedFacts;
  readonly #places: ReadonlyMap<string, number>;
  #after: number;
  #isCut = false;

  constructor(system: FakeState, installation: FakeInstallation, wire: FakeWire, facts: FeedFacts) {
    this.#system = system;
    this.#installation = installation;
    this.#wire = wire;
    this.#facts = facts;
    this.#after = facts.after;
    this.#places = new Map(facts.objects.map((object, place) => [object.schema.name, place]));
  }

  async next(options: NextOptions): Promise<ChangeBatch> {
    const fault = await this.#wire.send({ method: "next", object: null, size: options.changesMax }, options);
    if (this.#isCut) throw this.#wire.unreachable();
    if (this.#breaks(fault)) {
      this.#isCut = true;
      throw this.#wire.unreachable();
    }
    this.#wire.throwRefusals(fault);
    if (fault?.kind === "cursorExpired") this.#installation.forgottenThrough = this.#system.history.last;
    this.throwIfExpired();
    let batch = this.#take(options.changesMax);
    if (batch.changes.length === 0) {
      await this.#waitForCommit(options);
      this.throwIfExpired();
      batch = this.#take(options.changesMax);
    }
    await this.#wire.pause();
    return { ...batch, changes: this.#garble(batch.changes, fault) };
  }

  acknowledge(cursor: Cursor): void {
    this.#installation.forgottenThrough = Math.max(this.#installation.forgottenThrough, sequenceOfCursor(cursor));
  }

  get retainedBytes(): number {
    return (this.#system.history.last - Math.min(this.#system.history.last, this.#installation.forgottenThrough)) * CHANGE_BYTES;
  }

  async close(): Promise<void> {
    this.#isCut = true;
    await this.#wire.pause();
  }

  /** @throws ACCORD_CURSOR_EXPIRED where the log before the feed's place is gone. */
  throwIfExpired(): void {
    if (this.#after >= this.#installation.forgottenThrough) return;
    const { connection } = this.#facts;
    throw new AccordError("ACCORD_CURSOR_EXPIRED", `${connection} no longer has the changes since the last visit; it is listed again.`, {
      remedy: "reread",
      where: connection,
    });
  }

  #breaks(fault: Fault | null): boolean {
    return fault?.kind === "feedCut" || fault?.kind === "unavailable" || fault?.kind === "lostRequest" || fault?.kind === "lostReply";
  }

  #take(changesMax: number): ChangeBatch {
    const { changes: log } = this.#system.history;
    const changes: Change[] = [];
    while (this.#after < log.length && changes.length < changesMax) {
      const change = log[this.#after];
      this.#after += 1;
      if (change === undefined) continue;
      const place = this.#places.get(change.object);
      const object = place === undefined ? undefined : this.#facts.objects[place];
      if (place !== undefined && object !== undefined) changes.push(this.#wordOf(change, place, object));
    }
    return { changes, cursor: cursorOf(this.#after) };
  }

  #wordOf(change: FakeChange, object: number, open: OpenObject): Change {
    const facts = { object, record: change.record, committedAtMs: change.atMs };
    if (change.kind === "empty") return { ...facts, change: { kind: "emptied" } };
    const position = positionOf(change.sequence);
    const isBare = open.capabilities.capture !== "log" && this.#system.options.hints === "bare";
    const numbered = isBare ? {} : { position };
    if (change.kind === "rename") return { ...facts, change: { kind: "renamed", from: change.from ?? "", ...numbered } };
    if (change.kind === "merge" && change.into !== undefined && open.capabilities.merges === true)
      return { ...facts, change: { kind: "merged", into: change.into, ...numbered } };
    // Where ids are given again, nobody could tell one record's life from the next without the word of its end.
    if (change.after === null && (open.capabilities.capture === "log" || open.capabilities.reusesIds))
      return { ...facts, change: { kind: "deleted", position: isBare ? null : position } };
    if (open.capabilities.capture !== "log") return { ...facts, change: { kind: "touched", ...numbered } };
    return { ...facts, change: { kind: "image", image: this.#imageOf(change, open), position } };
  }

  #imageOf(change: FakeChange, open: OpenObject): NativeImage {
    const { shape } = this.#system.table(change.object);
    const omits = this.#system.options.omitsUnchanged;
    return writeImage(
      open.columns.map((column) => {
        const place = shape.placeOf(column);
        const cell = change.after?.[place] ?? null;
        const isOmitted = change.kind === "update" && change.before?.[place] === cell && omits?.(column) === true;
        return isOmitted ? undefined : cell;
      }),
    );
  }

  /** Resolves at the next commit, at the latest after `waitMs`. */
  async #waitForCommit(options: NextOptions): Promise<void> {
    const wake = new AbortController();
    const signal = AbortSignal.any([options.signal, this.#wire.closed, wake.signal]);
    const stop = this.#system.history.onCommit(() => wake.abort());
    try {
      await this.#system.clock.sleep(options.waitMs, { signal });
    } catch (cause) {
      if (options.signal.aborted || this.#wire.closed.aborted) throw cancelled();
      if (!wake.signal.aborted) throw cause;
    } finally {
      stop();
    }
  }

  #garble(changes: readonly Change[], fault: Fault | null): readonly Change[] {
    switch (fault?.kind) {
      case "hintsLost":
        return fault.places === undefined ? [] : changes.filter((_, place) => fault.places?.includes(place) !== true);
      case "hintsDuplicated":
        return changes.flatMap((change) => [change, change]);
      case "hintsReordered":
        return this.#system.random.shuffle(changes);
      default:
        return changes;
    }
  }
}
