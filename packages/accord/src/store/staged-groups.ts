import type { Session } from "./session.ts";
import { KEYS_MAX, sortedKeys, type SortedKeys } from "./staged-keys.ts";
import { SIDES_MAX, type StagedSide } from "./staged.ts";

/** Records of one row of `staged_group`. */
export const CHUNK = 1_024;

/** In the column of a first record's own side: its level entity was made. */
export const MADE = 1;
/** In the column of a record's own side: others of the side, or of a partner's, have its key. */
const TWIN = 2;
/** In the column of a lone record's own side: from this on, its place among the groups that are not level, once its entity was made as it was staged. */
export const LONE = 3;

const POSITION_BITS = 27;
const POSITION_MASK = 2 ** POSITION_BITS - 1;

/**
 * Who meets whom, as rows of words: for each side a column with a word per record. In the column of another side stands the position (from 1, as listed) of the record's partner there, 0 where it has
 * none; in that of its own side what is known of the record.
 */
export class StagedGroups {
  readonly sides: readonly StagedSide[];
  private readonly session: Session;

  constructor(session: Session, sides: readonly StagedSide[]) {
    this.session = session;
    this.sides = sides;
  }

  /** The words of the records from `chunk` × 1024 on. */
  read(side: StagedSide, chunk: number): Uint32Array {
    const row = this.session.first<[Uint8Array]>("SELECT words FROM staged_group WHERE place = ?", placeOf(side, chunk));
    if (row === undefined) return new Uint32Array(CHUNK * this.sides.length);
    return new Uint32Array(row[0].buffer, row[0].byteOffset, row[0].byteLength / 4);
  }

  write(side: StagedSide, chunk: number, words: Uint32Array): void {
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    this.session.run("INSERT OR REPLACE INTO staged_group (place, words) VALUES (?, ?)", placeOf(side, chunk), bytes);
  }

  /** Writes words into the column of records' own side, by their positions, which grow. */
  mark(side: StagedSide, words: readonly (readonly [position: number, word: number])[]): void {
    let chunk = -1;
    let own: Uint32Array = new Uint32Array();
    for (const [position, word] of words) {
      const next = Math.floor((position - 1) / CHUNK);
      if (next !== chunk) {
        if (chunk >= 0) this.write(side, chunk, own);
        [chunk, own] = [next, this.read(side, next)];
      }
      own[side.place * CHUNK + ((position - 1) % CHUNK)] = word;
    }
    if (chunk >= 0) this.write(side, chunk, own);
  }

  /** Groups all records by their keys of the first rule. */
  build(): void {
    const pairsMax = Math.max(1, this.sides.length - 1);
    for (const keys of sortedKeys(this.session, this.sides, 0, Math.floor(KEYS_MAX / pairsMax), (number) => number)) {
      const updates = new Updates(keys.length * pairsMax);
      for (let from = 0; from < keys.length;) {
        let to = from + 1;
        while (to < keys.length && keys.isSame(from, to)) to += 1;
        if (to - from > 1 || !keys.isWhole) this.meet(keys, from, to, updates);
        from = to;
      }
      this.update(updates.sorted());
    }
  }

  private meet(keys: SortedKeys, from: number, to: number, updates: Updates): void {
    let areTwins = !keys.isWhole || to - from > this.sides.length;
    for (let index = from + 1; index < to && !areTwins; index += 1)
      areTwins = this.sideOf(keys.valueAt(index - 1)) === this.sideOf(keys.valueAt(index));
    for (let index = from; index < to; index += 1) {
      const number = keys.valueAt(index);
      if (areTwins) updates.add(number, this.sideOf(number).place, TWIN);
      else this.join(keys, from, to, index, updates);
    }
  }

  private join(keys: SortedKeys, from: number, to: number, index: number, updates: Updates): void {
    for (let other = from; other < to; other += 1) {
      if (other === index) continue;
      const partner = keys.valueAt(other);
      const { place, before } = this.sideOf(partner);
      updates.add(keys.valueAt(index), place, partner - before + 1);
    }
  }

  private update(updates: Uint32Array): void {
    let side: StagedSide | undefined;
    let chunk = -1;
    let words: Uint32Array = new Uint32Array();
    for (let index = 0; index < updates.length; index += 2) {
      const number = updates[index + 1] ?? 0;
      const word = updates[index] ?? 0;
      const own = this.sideOf(number);
      const position = number - own.before;
      const ownChunk = Math.floor(position / CHUNK);
      if (own !== side || ownChunk !== chunk) {
        if (side !== undefined) this.write(side, chunk, words);
        [side, chunk, words] = [own, ownChunk, this.read(own, ownChunk)];
      }
      words[(word >>> POSITION_BITS) * CHUNK + (position % CHUNK)] = word & POSITION_MASK;
    }
    if (side !== undefined) this.write(side, chunk, words);
  }

  private sideOf(number: number): StagedSide {
    for (const side of this.sides) if (number < side.before + side.count) return side;
    throw new RangeError("every staged record is of a side");
  }
}

/** Words to be written, sorted by the records' numbers. At most `SIDES_MAX` × 2^27 records: a word names a column and a position. */
class Updates {
  private readonly all: BigUint64Array;
  private readonly halves: Uint32Array;
  private length = 0;

  constructor(lengthMax: number) {
    this.all = new BigUint64Array(lengthMax);
    this.halves = new Uint32Array(this.all.buffer);
  }

  add(number: number, column: number, word: number): void {
    this.halves[this.length * 2] = (column % SIDES_MAX) * 2 ** POSITION_BITS + word;
    this.halves[this.length * 2 + 1] = number;
    this.length += 1;
  }

  /** Pairs: the word, and the number of the record. */
  sorted(): Uint32Array {
    this.all.subarray(0, this.length).sort();
    return this.halves.subarray(0, this.length * 2);
  }
}

function placeOf(side: StagedSide, chunk: number): number {
  return side.low + chunk * CHUNK + 1;
}

/** A group as its first record sees it. */
export interface PlacedGroup {
  /** The places of all its records, in the order of the sides. */
  readonly places: readonly number[];
  readonly isTwin: boolean;
}

/** Groups of which nothing was made as it was staged, in the order of their first records, from beyond a place. */
export function* groupsAfter(groups: StagedGroups, after: number): Generator<PlacedGroup> {
  for (const side of groups.sides) {
    const begin = Math.max(0, after - side.low);
    for (let chunk = Math.floor(begin / CHUNK); chunk * CHUNK < side.count; chunk += 1) {
      const words = groups.read(side, chunk);
      const end = Math.min(CHUNK, side.count - chunk * CHUNK);
      for (let index = Math.max(0, begin - chunk * CHUNK); index < end; index += 1) {
        const own = words[side.place * CHUNK + index] ?? 0;
        if (own === MADE || !isFirst(words, side.place, index)) continue;
        yield { places: placesOf(groups.sides, words, side, chunk, index), isTwin: own === TWIN };
      }
    }
  }
}

/** Whether no partner of a record is of a side before its own. */
export function isFirst(words: Uint32Array, side: number, index: number): boolean {
  for (let column = 0; column < side; column += 1) if (words[column * CHUNK + index] !== 0) return false;
  return true;
}

function placesOf(sides: readonly StagedSide[], words: Uint32Array, own: StagedSide, chunk: number, index: number): readonly number[] {
  const places: number[] = [];
  for (const side of sides) {
    const position = side === own ? chunk * CHUNK + index + 1 : (words[side.place * CHUNK + index] ?? 0);
    if (position !== 0) places.push(side.low + position);
  }
  return places;
}
