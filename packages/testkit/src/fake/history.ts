import type { EntityId, IntentId, RecordId } from "@accord/core";
import type { Clock } from "@accord/engine/connector";
import type { FakeRow } from "./table.ts";

/** Who wrote: a user by name, or Accord with the operation that asked for it. */
export type FakeAuthor =
  { readonly kind: "user"; readonly name: string } | { readonly kind: "accord"; readonly intent: IntentId; readonly entity: EntityId };

/** One committed change of one record. Checkers are built on these. */
export interface FakeChange {
  /** Its place in the system's log, from 1, in commit order. */
  readonly sequence: number;
  readonly transaction: number;
  readonly object: string;
  readonly kind: "insert" | "update" | "delete" | "merge" | "rename" | "empty";
  /** The record's id afterwards; empty where the object was emptied. */
  readonly record: RecordId;
  /** The id before a rename. An `update` of the new id follows in the same transaction. */
  readonly from: RecordId | null;
  /** The record that it was merged into: it is gone itself. [S41] */
  readonly into?: RecordId;
  /** The row's native cells, in the order of the object's columns. */
  readonly before: FakeRow | null;
  readonly after: FakeRow | null;
  readonly author: FakeAuthor;
  readonly atMs: number;
}

/** The committed changes of a system in order. */
export class FakeHistory {
  readonly #changes: FakeChange[] = [];
  /** By change: when it was committed, by a clock that nobody sets. */
  readonly #elapsedMs: number[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #clock: Pick<Clock, "elapsedMs">;
  #transactionLast = 0;

  constructor(clock: Pick<Clock, "elapsedMs">) {
    this.#clock = clock;
  }

  get changes(): readonly FakeChange[] {
    return this.#changes;
  }

  /** The sequence of the last committed change; 0 where there is none. */
  get last(): number {
    return this.#changes.length;
  }

  nextTransaction(): number {
    this.#transactionLast += 1;
    return this.#transactionLast;
  }

  append(changes: readonly FakeChange[]): void {
    if (changes.length === 0) return;
    for (const change of changes) {
      this.#changes.push(change);
      this.#elapsedMs.push(this.#clock.elapsedMs());
    }
    for (const listener of this.#listeners) listener();
  }

  /** Calls back after every commit, until the returned function is called. */
  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The sequence of the last change that was committed that long ago or longer. */
  lastBefore(agoMs: number): number {
    const atMs = this.#clock.elapsedMs() - agoMs;
    let sequence = this.last;
    while (sequence > 0 && (this.#elapsedMs[sequence - 1] ?? 0) > atMs) sequence -= 1;
    return sequence;
  }

  /** What a record that is gone was merged into; null where it was not. */
  winnerOf(object: string, record: RecordId): RecordId | null {
    const last = this.#changes.findLast((change) => change.object === object && change.record === record);
    return last?.kind === "merge" ? (last.into ?? null) : null;
  }

  /** What a record's row was right after the given sequence, from its row now. */
  rowAsOf(object: string, record: RecordId, now: FakeRow | null, sequence: number): FakeRow | null {
    let row = now;
    for (let index = this.last - 1; index >= sequence; index -= 1) {
      const change = this.#changes[index];
      if (change === undefined || change.object !== object) continue;
      if (change.from === record) row = change.before;
      else if (change.record === record) row = change.kind === "rename" ? null : change.before;
    }
    return row;
  }
}
