import { compareRecordIds } from "@accord/core";
import type { RecordId } from "@accord/core";

/** Cuts the record ids of a side into ranges, in listing order: each ends with its bound, the last one has none. */
export class RecordRanges {
  readonly bounds: readonly RecordId[];
  readonly order: "integer" | "bytes";
  /** The bounds as numbers, where all are safe integers. */
  private readonly numbers: Float64Array | null;

  constructor(order: "integer" | "bytes", bounds: readonly RecordId[]) {
    this.order = order;
    this.bounds = bounds;
    const numbers = order === "integer" ? Float64Array.from(bounds, Number) : null;
    this.numbers = numbers?.every(Number.isSafeInteger) === true ? numbers : null;
  }

  get count(): number {
    return this.bounds.length + 1;
  }

  /** Whether a record comes after all of a range. */
  isBeyond(range: number, record: RecordId): boolean {
    const bound = this.bounds[range];
    return bound !== undefined && compareRecordIds(this.order, record, bound) > 0;
  }

  /** The range that a record is in. `guess`: where it may well be. */
  find(record: RecordId, guess: number): number {
    if (this.numbers === null) return this.findText(record, guess);
    const number = Number(record);
    return Number.isSafeInteger(number) ? this.findNumber(this.numbers, number, guess) : this.findText(record, guess);
  }

  private findNumber(bounds: Float64Array, record: number, guess: number): number {
    if (record <= (bounds[guess] ?? Infinity) && record > (bounds[guess - 1] ?? -Infinity)) return guess;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (record > (bounds[middle] ?? Infinity)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private findText(record: RecordId, guess: number): number {
    if (!this.isBeyond(guess, record) && (guess === 0 || this.isBeyond(guess - 1, record))) return guess;
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.isBeyond(middle, record)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
