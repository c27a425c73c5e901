import type { Session } from "./session.ts";
import type { StagedSide } from "./staged.ts";

/** Values of staged records in the order of the hashes of their keys. Those of equal keys stand together, in the order of the records' numbers. */
export interface SortedKeys {
  readonly length: number;
  /** False where so many records share a key that not all of them are here. */
  readonly isWhole: boolean;
  valueAt(index: number): number;
  hashAt(index: number): bigint;
  /** Whether two have the same key, as far as the first 44 bits of its hash tell. */
  isSame(index: number, other: number): boolean;
}

/** Bits that say which of the records it is. The others of 64 are the hash's. */
const ORDINAL_BITS = 20;
/** Records sorted at once: some 20 MB. */
export const KEYS_MAX = 2 ** ORDINAL_BITS;
const BUCKETS = 2 ** 16;

/**
 * Sorts the staged keys of a rule by their hashes, a bounded number at a time, whatever the size: ranges of hashes one after another, each read from the staged blobs and sorted as plain
 * numbers. That is several times as fast as an index would be. `valueOf` gives a record's value below 2^32, or a negative number where the record is not wanted; it is asked of one record
 * after another, in the order of their numbers in the sync, several times over.
 */
export function* sortedKeys(
  session: Session,
  sides: readonly StagedSide[],
  rule: number,
  lengthMax: number,
  valueOf: (number: number) => number,
): Generator<SortedKeys> {
  const counts = new Uint32Array(BUCKETS);
  forEachKey(session, sides, rule, valueOf, (_, high) => {
    const bucket = bucketOf(high);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  });
  for (const range of rangesOf(counts, lengthMax)) yield sortRange(session, sides, rule, range, valueOf);
}

/** Buckets of hashes, or a part of one that is too large: `length` records after the first `skip`. */
interface HashRange {
  readonly from: number;
  readonly to: number;
  readonly skip: number;
  readonly length: number;
  readonly isWhole: boolean;
}

function rangesOf(counts: Uint32Array, lengthMax: number): readonly HashRange[] {
  const ranges: HashRange[] = [];
  let from = 0;
  let length = 0;
  const close = (to: number): void => {
    if (length > 0) ranges.push({ from, to, skip: 0, length, isWhole: true });
    from = to;
    length = 0;
  };
  counts.forEach((count, bucket) => {
    if (length + count > lengthMax) close(bucket);
    if (count <= lengthMax) {
      length += count;
      return;
    }
    for (let skip = 0; skip < count; skip += lengthMax)
      ranges.push({ from: bucket, to: bucket + 1, skip, length: Math.min(lengthMax, count - skip), isWhole: false });
    from = bucket + 1;
  });
  close(counts.length);
  return ranges;
}

function sortRange(
  session: Session,
  sides: readonly StagedSide[],
  rule: number,
  { from, to, skip, length, isWhole }: HashRange,
  valueOf: (number: number) => number,
): SortedKeys {
  const sorted = new BigUint64Array(length);
  // All machines that Node runs on have the low half of a number first.
  const halves = new Uint32Array(sorted.buffer);
  const hashes = new BigInt64Array(length);
  const hashHalves = new Uint32Array(hashes.buffer);
  const values = new Uint32Array(length);
  let seen = 0;
  let ordinal = 0;
  forEachKey(session, sides, rule, valueOf, (low, high, value) => {
    const bucket = bucketOf(high);
    if (bucket < from || bucket >= to || seen++ < skip || ordinal >= length) return;
    values[ordinal] = value;
    hashHalves[ordinal * 2] = low;
    hashHalves[ordinal * 2 + 1] = high;
    halves[ordinal * 2] = ((low >>> ORDINAL_BITS) << ORDINAL_BITS) | ordinal;
    halves[ordinal * 2 + 1] = high ^ SIGN;
    ordinal += 1;
  });
  sorted.sort();
  const at = (index: number): number => (halves[index * 2] ?? 0) & (KEYS_MAX - 1);
  return {
    length: ordinal,
    isWhole,
    valueAt: (index) => values[at(index)] ?? 0,
    hashAt: (index) => hashes[at(index)] ?? 0n,
    isSame: (index, other) =>
      halves[index * 2 + 1] === halves[other * 2 + 1] && ((halves[index * 2] ?? 0) ^ (halves[other * 2] ?? 0)) >>> ORDINAL_BITS === 0,
  };
}

/** Hashes are SQLite's signed integers: sorted as unsigned ones with the sign turned, they come in its order. */
const SIGN = 0x80000000;

function bucketOf(high: number): number {
  return (high ^ SIGN) >>> 16;
}

function forEachKey(
  session: Session,
  sides: readonly StagedSide[],
  rule: number,
  valueOf: (number: number) => number,
  visit: (low: number, high: number, value: number) => void,
): void {
  for (const { low: lowest, count, before } of sides) {
    for (let after = lowest; after < lowest + count;) {
      const row = session.first<[number, Uint8Array]>(NEXT_HASHES, rule, after, lowest + count);
      if (row === undefined) break;
      const [place, bytes] = row;
      const halves = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      const first = before + place - lowest - 1;
      for (let index = 0; index < halves.length; index += 2) {
        const low = halves[index] ?? 0;
        const high = halves[index + 1] ?? 0;
        const value = (low | high) === 0 ? -1 : valueOf(first + index / 2);
        if (value >= 0) visit(low, high, value);
      }
      after = place;
    }
  }
}

const NEXT_HASHES = "SELECT place, hashes FROM staged_hash WHERE rule = ? AND place > ? AND place <= ? ORDER BY place LIMIT 1";
