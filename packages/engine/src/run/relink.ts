import { getRecord, matchKeysOf, NO_REFERENCES, readImage } from "@accord/core";
import type { NativeImage, RecordId, SideIndex } from "@accord/core";
import type { ListedMember, Mark } from "../store/rows.ts";
import type { RunningSync } from "./context.ts";
import { touch } from "./due.ts";

/** Newcomers held back at most: beyond them a sweep tells a new key from a new record no more, and says so by treating them as new. */
const NEWCOMERS_MAX = 10_000;

/**
 * What a sweep has missed and found so far. A record that is gone and one that is new with equal match keys, each the only one with them, are one record under a new
 * id: it is linked again and never deleted. [S63]
 */
export class Whereabouts {
  private readonly sync: RunningSync;
  private readonly side: SideIndex;
  private readonly gone: ListedMember[] = [];
  private newcomers: { readonly record: RecordId; readonly image: NativeImage }[] = [];

  constructor(sync: RunningSync, side: SideIndex) {
    this.sync = sync;
    this.side = side;
  }

  missed(member: ListedMember): void {
    this.gone.push(member);
  }

  /** Holds a new record back, or gives its mark where too many are held already. */
  found(record: RecordId, image: NativeImage, nowMs: number): Mark | null {
    if (this.newcomers.length >= NEWCOMERS_MAX) return touch(this.sync, this.side, record, nowMs);
    this.newcomers.push({ record, image });
    return null;
  }

  /** Marks of all new records, and, where the listing was complete, of all that are missing: only then does absence say anything. [S11] */
  marks(isComplete: boolean, nowMs: number): Mark[] {
    const renamed = isComplete && this.gone.length > 0 ? this.pairs() : new Map<RecordId, RecordId>();
    const moved = new Set(renamed.values());
    const marks = this.newcomers.map(({ record }) => ({
      ...touch(this.sync, this.side, record, nowMs),
      renamedFrom: renamed.get(record) ?? null,
    }));
    if (!isComplete) return marks;
    return [
      ...marks,
      ...this.gone.filter(({ record }) => !moved.has(record)).map(({ record }) => touch(this.sync, this.side, record, nowMs)),
    ];
  }

  /** The old id by the new one. */
  private pairs(): Map<RecordId, RecordId> {
    const pairs = new Map<RecordId, RecordId>();
    const paired = new Set<RecordId>();
    for (let rule = 0; rule < this.sync.model.match.length; rule += 1) {
      const before = this.byKey(rule, this.gone);
      for (const [key, record] of this.byKey(rule, this.newcomers)) {
        const from = before.get(key) ?? null;
        if (record === null || from === null || pairs.has(record) || paired.has(from)) continue;
        pairs.set(record, from);
        paired.add(from);
      }
    }
    return pairs;
  }

  /** The one record with each key; null where there are several. */
  private byKey(
    rule: number,
    records: readonly { readonly record: RecordId; readonly image: NativeImage | null }[],
  ): Map<string, RecordId | null> {
    const mapping = this.sync.model.sides[this.side]?.mapping;
    const byKey = new Map<string, RecordId | null>();
    for (const { record, image } of records) {
      if (image === null || mapping === undefined) continue;
      const key = matchKeysOf(this.sync.model, getRecord(mapping, readImage(image), NO_REFERENCES).values)[rule] ?? null;
      if (key !== null) byKey.set(key, byKey.has(key) ? null : record);
    }
    return byKey;
  }
}
