import { compareRecordIds } from "@accord/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { RecordRanges } from "./record-ranges.ts";

const integers = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const near = fc.integer({ min: -50, max: 50 }).map(String);
const texts = fc.string({ unit: "binary", minLength: 1, maxLength: 4 });

test("[S9] a record is in the first range whose bound it does not exceed, whatever is guessed: as integers of 64 bits and as bytes", () => {
  for (const [order, ids] of [
    ["integer", near],
    ["integer", integers],
    ["bytes", texts],
  ] as const) {
    fc.assert(
      fc.property(fc.uniqueArray(ids, { maxLength: 12 }), ids, fc.nat(), (some, record, guess) => {
        const bounds = some.toSorted((a, b) => compareRecordIds(order, a, b));
        const ranges = new RecordRanges(order, bounds);
        const expected = bounds.filter((bound) => compareRecordIds(order, bound, record) < 0).length;
        expect(ranges.find(record, guess % ranges.count)).toBe(expected);
        expect(bounds.map((_, range) => ranges.isBeyond(range, record))).toEqual(bounds.map((_, range) => range < expected));
        expect(ranges.isBeyond(bounds.length, record)).toBe(false);
      }),
    );
  }
});
