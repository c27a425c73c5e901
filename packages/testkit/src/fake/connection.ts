import { AccordError } from "@accord/engine/connector";
import type {
  CallOptions,
  Capabilities,
  Connection,
  ConnectionReport,
  Cursor,
  Feed,
  FeedStanding,
  InstallMode,
  InstallStep,
  OpenObject,
  StoreMark,
} from "@accord/engine/connector";
import type { ObjectSchema } from "@accord/core";
import { CHANGE_BYTES, cursorOf, FakeFeed, sequenceOfCursor } from "./feed.ts";
import type { FakeInstallation } from "./installation.ts";
import { FakeOpenObject } from "./open-object.ts";
import type { FakeState } from "./state.ts";
import { FakeWire } from "./wire.ts";

const FULL: Capabilities = {
  capture: "log",
  compareAndSet: true,
  proof: true,
  externalId: true,
  changeHistory: false,
  batchSizeMax: 1000,
  pageSizeMax: 1000,
  reusesIds: false,
  staleReadMsMax: 0,
  requestDeadlineMs: 30_000,
};

/** The connector port on a fake system. */
export class FakeConnection implements Connection {
  readonly name: string;
  readonly #system: FakeState;
  readonly #installation: FakeInstallation;
  readonly #wire: FakeWire;

  constructor(system: FakeState, name: string, installation: FakeInstallation, pause: (() => Promise<void>) | null = null) {
    this.#system = system;
    this.name = name;
    this.#installation = installation;
    this.#wire = new FakeWire(system, name, pause);
  }

  check(objects: readonly string[], options: CallOptions): Promise<ConnectionReport> {
    return this.#wire.ask({ method: "check", object: null, size: objects.length }, options, () => ({
      system: `Fake system ${this.#system.name}`,
      objects: objects.filter((object) => this.#system.tables.has(object)).map((object) => this.#report(object)),
      problems: objects
        .filter((object) => !this.#system.tables.has(object))
        .map((object) => ({ severity: "error" as const, text: `${this.name} has no object ${object}.`, remedy: "Check its spelling." })),
    }));
  }

  discover(options: CallOptions): Promise<readonly ObjectSchema[]> {
    return this.#wire.ask({ method: "discover", object: null, size: 0 }, options, () =>
      [...this.#system.tables.values()].map((table) => table.shape.schema),
    );
  }

  open(object: string, columns: readonly string[], options: CallOptions): Promise<OpenObject> {
    return this.#wire.ask({ method: "open", object, size: columns.length }, options, () => {
      const table = this.#system.tables.get(object);
      if (table === undefined) throw this.#missing(`has no object ${object}`);
      if (table.shape.keyPlaces.length === 0) throw this.#missing(`has no key for ${object}`);
      const known = new Set(table.shape.object.columns.map((column) => column.name));
      const missing = columns.filter((column) => !known.has(column));
      if (missing.length > 0) throw this.#missing(`has no column ${missing.join(", ")} in ${object}`);
      const facts = { connection: this.name, columns, capabilities: this.#capabilities(object) };
      return new FakeOpenObject(this.#system, this.#installation, this.#wire, table, facts);
    });
  }

  install(objects: readonly string[], mode: InstallMode, options: CallOptions): Promise<readonly InstallStep[]> {
    return this.#wire.ask({ method: "install", object: null, size: objects.length }, options, () => {
      const unknown = objects.filter((object) => !this.#system.tables.has(object));
      if (unknown.length > 0) throw this.#missing(`has no object ${unknown.join(", ")}`);
      const installation = this.#installation;
      const proof: InstallStep = step("proof table", installation.isInstalled, mode);
      const captures =
        this.#best.capture === "sweep" ? [] : objects.map((object) => step(`capture of ${object}`, installation.objects.has(object), mode));
      if (mode === "do") {
        if (!installation.isInstalled) installation.forgottenThrough = this.#system.history.last;
        installation.isInstalled = true;
        for (const object of objects) installation.objects.add(object);
      }
      return [proof, ...captures];
    });
  }

  uninstall(mode: InstallMode, options: CallOptions): Promise<readonly InstallStep[]> {
    return this.#wire.ask({ method: "uninstall", object: null, size: 0 }, options, () => {
      const installation = this.#installation;
      const captures =
        this.#best.capture === "sweep" ? [] : [...installation.objects].map((object) => step(`capture of ${object}`, false, mode));
      const steps = [...captures, step("proof table", !installation.isInstalled, mode)];
      if (mode === "do") installation.clear();
      return steps;
    });
  }

  epoch(options: CallOptions): Promise<string> {
    return this.#wire.ask({ method: "epoch", object: null, size: 0 }, options, () => this.#system.epoch);
  }

  follow(objects: readonly OpenObject[], cursor: Cursor, options: CallOptions): Promise<Feed> {
    return this.#wire.ask({ method: "follow", object: null, size: objects.length }, options, (fault) => {
      this.#requireCapture(objects.map((object) => object.schema.name));
      const feed = new FakeFeed(this.#system, this.#installation, this.#wire, {
        connection: this.name,
        objects,
        after: sequenceOfCursor(cursor),
      });
      if (fault?.kind === "cursorExpired") this.#installation.forgottenThrough = this.#system.history.last;
      feed.throwIfExpired();
      return feed;
    });
  }

  currentCursor(options: CallOptions): Promise<Cursor> {
    return this.#wire.ask({ method: "currentCursor", object: null, size: 0 }, options, () => {
      this.#requireCapture([]);
      return cursorOf(Math.max(this.#system.history.last, this.#installation.forgottenThrough));
    });
  }

  standing(cursor: Cursor, options: CallOptions): Promise<FeedStanding | null> {
    return this.#wire.ask({ method: "standing", object: null, size: 0 }, options, () => {
      if (!this.#installation.isInstalled || this.#best.capture === "sweep") return null;
      const { last } = this.#system.history;
      const { forgottenThrough } = this.#installation;
      const after = sequenceOfCursor(cursor);
      return {
        behind: { amount: Math.max(0, last - after), unit: "changes" },
        retainedBytes: Math.max(0, last - forgottenThrough) * CHANGE_BYTES,
        retainedBytesMax: null,
        isKept: after >= forgottenThrough,
      };
    });
  }

  readMark(options: CallOptions): Promise<StoreMark | null> {
    return this.#wire.ask({ method: "readMark", object: null, size: 0 }, options, () => this.#installation.mark);
  }

  writeMark(mark: StoreMark, options: CallOptions): Promise<void> {
    return this.#wire.ask({ method: "writeMark", object: null, size: 0 }, options, () => {
      if (!this.#installation.isInstalled) throw this.#notInstalled();
      this.#installation.mark = mark;
    });
  }

  async close(): Promise<void> {
    await this.#wire.pause();
    this.#wire.close();
  }

  get #best(): Capabilities {
    return { ...FULL, ...this.#system.options.capabilities };
  }

  /** What can be done for an object as things are installed now. */
  #capabilities(object: string): Capabilities {
    const best = this.#best;
    const { isInstalled, objects } = this.#installation;
    return {
      ...best,
      reusesIds: this.#system.tables.get(object)?.shape.isReusing === true,
      capture: isInstalled && objects.has(object) ? best.capture : "sweep",
      proof: best.proof && isInstalled,
      externalId: best.externalId && isInstalled,
    };
  }

  #report(object: string): ConnectionReport["objects"][number] {
    const notes = this.#installation.isInstalled
      ? []
      : [{ severity: "warning" as const, text: `Nothing is installed at ${this.name}.`, remedy: "Run accord install." }];
    return { object, capabilities: this.#capabilities(object), notes };
  }

  #requireCapture(objects: readonly string[]): void {
    const { isInstalled, objects: captured } = this.#installation;
    if (!isInstalled || this.#best.capture === "sweep" || objects.some((object) => !captured.has(object))) throw this.#notInstalled();
  }

  #missing(what: string): AccordError {
    return new AccordError("ACCORD_OBJECT_MISSING", `${this.name} ${what}; check the mapping.`, { remedy: "stop", where: this.name });
  }

  #notInstalled(): AccordError {
    return new AccordError("ACCORD_NOT_INSTALLED", `Nothing captures changes at ${this.name}; run accord install.`, {
      remedy: "stop",
      where: this.name,
    });
  }
}

function step(what: string, isSettled: boolean, mode: InstallMode): InstallStep {
  return { what, sql: null, state: isSettled ? "already" : mode === "do" ? "done" : "would", reason: null };
}
