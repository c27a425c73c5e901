import type { EntityId } from "@accord/core";

/** What the guards have let through at one side within the running window. [S43] */
export interface GuardTally {
  readonly sinceMs: number;
  /** The most records that were present at the side within the window, as far as it was looked at. */
  records: number;
  deletes: number;
  /** Records rewritten because somebody changed them elsewhere, and when the first of them was. */
  readonly changed: SeenRecords;
  changedSinceMs: number | null;
  readonly rewrites: SeenByField;
  readonly emptied: SeenByField;
}

/** By `sync/side`: what the store keeps of it, at hand. */
export type GuardLedger = Map<string, GuardTally>;

/** Bits at least: 8 kB. */
const BITS_MIN = 65_536;

/**
 * How many different records were seen: a record that changes every minute is one. A bit per record, by its entity's number, two for each record that the side had when the
 * first was seen: numbers are given one after another, so that hardly two share one; those that do count as one.
 */
export class SeenRecords {
  private bits: Uint32Array | null = null;
  count: number;

  /** @param count of records that were seen before: `recall` says which */
  constructor(count = 0) {
    this.count = count;
  }

  has(entity: EntityId): boolean {
    if (this.bits === null) return false;
    const bit = entity % (this.bits.length * 32);
    return ((this.bits[Math.floor(bit / 32)] ?? 0) & (1 << (bit % 32))) !== 0;
  }

  /** @param records that the side has now */
  add(entity: EntityId, records: number): void {
    if (this.has(entity)) return;
    this.recall(entity, records);
    this.count += 1;
  }

  /** It was seen before, and is in the count already. */
  recall(entity: EntityId, records: number): void {
    this.bits ??= new Uint32Array(Math.ceil(Math.max(BITS_MIN, records * 2) / 32));
    const bit = entity % (this.bits.length * 32);
    const word = Math.floor(bit / 32);
    this.bits[word] = (this.bits[word] ?? 0) | (1 << (bit % 32));
  }

  clear(): void {
    this.bits = null;
    this.count = 0;
  }
}

/** How many different records were seen by field, and since when. */
export class SeenByField {
  private readonly fields = new Map<string, SeenRecords>();
  /** When the first of them was. Epoch milliseconds; null while there are none. */
  sinceMs: number | null;

  /** @param counts of records that were seen before: `recall` says which */
  constructor(counts: Readonly<Record<string, number>> = {}, sinceMs: number | null = null) {
    for (const [field, count] of Object.entries(counts)) this.fields.set(field, new SeenRecords(count));
    this.sinceMs = sinceMs;
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.fields].map(([field, { count }]) => [field, count]));
  }

  has(field: string, entity: EntityId): boolean {
    return this.fields.get(field)?.has(entity) ?? false;
  }

  /** @param records that the side has now */
  add(field: string, entity: EntityId, records: number, nowMs: number): void {
    const seen = this.fields.get(field) ?? new SeenRecords();
    this.fields.set(field, seen);
    seen.add(entity, records);
    this.sinceMs ??= nowMs;
  }

  /** It was seen before, and is in the count already. */
  recall(field: string, entity: EntityId, records: number): void {
    this.fields.get(field)?.recall(entity, records);
  }

  clear(): void {
    this.fields.clear();
    this.sinceMs = null;
  }
}
