import { plainMapping, smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { decimalType } from "../../value/decimal.ts";
import { instantType } from "../../value/instant.ts";
import { integerType } from "../../value/integer.ts";
import { addDecimals } from "./counter.ts";
import type { CounterPolicy } from "../policy.ts";

/** A canonical instant of the first hour of 1970. */
const at = (ms: number) =>
  `1970-01-01T00:${String(Math.floor(ms / 60_000)).padStart(2, "0")}:${String((ms % 60_000) / 1000).padStart(2, "0")}Z`;

const counter = (floor: string | null = null): CounterPolicy => ({ kind: "counter", floor });
const world = (start: string | null, floor: string | null = null, type = integerType) =>
  new SmallWorld(smallSync({ stock: { type, policy: counter(floor) } }, { sides: 3 }), [start, "x"]);

const stocktake = (it: SmallWorld, counted: string, asOfMs: number) => {
  it.edit(0, 1, counted);
  it.edit(0, 2, at(asOfMs));
};

describe("counter", () => {
  test("[S19] concurrent changes add up, in whatever order they are seen", () => {
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
    ]) {
      const it = world("10");
      it.edit(0, 0, "7");
      it.edit(1, 0, "12");
      it.edit(2, 0, "11");
      for (const side of order) it.absorb(side);
      it.settle();
      expect([it.cell(0, 0), it.cell(1, 0), it.cell(2, 0)]).toEqual(["10", "10", "10"]);
    }
  });

  test("[S19] equal edits are two changes, not one", () => {
    const it = world("10");
    it.edit(0, 0, "9");
    it.edit(1, 0, "9");
    it.settle();
    expect(it.cell(2, 0)).toBe("8");
  });

  test("[S19] a change made while a write is under way is added to what was written", () => {
    const it = world("10");
    it.edit(0, 0, "9");
    it.absorb(0);
    it.edit(1, 0, "13");
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual(["12", "12"]);
  });

  test("[S19] decimals are exact", () => {
    const it = world("0.1", null, decimalType);
    it.edit(0, 0, "0.3");
    it.edit(1, 0, "0.05");
    it.settle();
    expect(it.cell(2, 0)).toBe("0.25");
    expect(addDecimals("12345678901234567890.5", "-0.5")).toBe("12345678901234567890");
    expect(addDecimals("-0.5", "0.25")).toBe("-0.25");
    expect(addDecimals("-1", "1")).toBe("0");
  });

  test("[S19] a count that was never given counts as zero", () => {
    const it = world(null);
    it.edit(0, 0, "3");
    it.edit(1, 0, "4");
    it.settle();
    expect(it.cell(2, 0)).toBe("7");
  });

  test("[S19] a delta below the floor goes to review; going up from below it does not", () => {
    const it = world("3", "0");
    it.edit(0, 0, "1");
    it.edit(1, 0, "1");
    it.settle();
    expect(it.entity.fields[0]).toMatchObject({ value: "1", review: { reason: "the count would fall below 0" } });
    const low = world("-5", "0");
    low.edit(0, 0, "-3");
    low.settle();
    expect(low.cell(1, 0)).toBe("-3");
  });

  test("[S19] an emptied count, one that is no number and one out of range go to review", () => {
    const emptied = world("3");
    emptied.edit(0, 0, null);
    emptied.settle();
    expect(emptied.entity.fields[0]).toMatchObject({ value: "3", review: { reason: "the count was emptied" } });
    const endless = world("3", null, decimalType);
    endless.edit(0, 0, "Infinity");
    endless.settle();
    expect(endless.entity.fields[0]?.review).not.toBe(null);
    const large = world("9223372036854775806");
    large.edit(0, 0, "9223372036854775807");
    large.edit(1, 0, "9223372036854775807");
    large.settle();
    expect(large.entity.fields[0]?.review?.reason).toContain("range");
  });
});

describe("stocktakes", () => {
  const model = smallSync(
    {
      stock: { type: integerType, policy: { kind: "counter", floor: null, absolute: { value: 1, asOf: 2 } } },
      counted: { type: integerType, writers: [0], sides: { 1: null } },
      countedAt: { type: instantType, writers: [0], sides: { 1: null } },
    },
    { sides: 2 },
  );
  const make = () => new SmallWorld(model, ["20", null, null, "x"]);

  test("[S19] an absolute fact resets the count at all sides", () => {
    const it = make();
    stocktake(it, "17", it.nowMs);
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual(["17", "17"]);
  });

  test("[S19] deltas later than its instant apply on top, earlier ones are in it", () => {
    const it = make();
    it.edit(1, 0, "18");
    it.settle();
    const asOfMs = it.nowMs;
    it.nowMs += 1000;
    it.edit(1, 0, "15");
    it.settle();
    stocktake(it, "17", asOfMs);
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual(["14", "14"]);
    it.edit(1, 0, "13");
    it.settle();
    expect(it.cell(0, 0)).toBe("13");
  });

  test("[S19] a delta seen late but made before the count is in it already: it is listed and not applied", () => {
    const it = make();
    it.edit(1, 0, "18");
    stocktake(it, "17", it.nowMs + 1000);
    it.absorb(0);
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual(["17", "17"]);
    expect(it.events).toContainEqual(expect.objectContaining({ kind: "conflict", policy: "counter", lost: "18" }));
  });

  test("[S19] a side that sets its own count to the counted value makes no delta of it", () => {
    const it = make();
    it.edit(1, 0, "21");
    it.edit(0, 0, "17");
    stocktake(it, "17", it.nowMs);
    it.absorb(1);
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual(["17", "17"]);
  });

  test("[S19] a stocktake that arrives with another change of the count goes to review", () => {
    const it = make();
    it.edit(0, 0, "16");
    stocktake(it, "17", it.nowMs);
    it.settle();
    expect(it.entity.fields[0]).toMatchObject({ value: "20", review: { candidates: ["16", undefined] } });
  });

  test("[S19] an older stocktake changes nothing", () => {
    const it = make();
    stocktake(it, "17", it.nowMs);
    it.settle();
    stocktake(it, "5", 1000);
    it.settle();
    expect(it.cell(1, 0)).toBe("17");
  });

  test("[S19] a stocktake older than the movements that are remembered goes to review", () => {
    const it = make();
    const asOfMs = it.nowMs;
    it.nowMs += 1000;
    for (let change = 0; change < 70; change += 1) {
      it.edit(1, 0, String(19 - change));
      it.absorb(1);
    }
    it.settle();
    stocktake(it, "17", asOfMs);
    it.settle();
    expect(it.entity.fields[0]?.review?.reason).toContain("older");
    expect(it.entity.fields[0]?.deltas?.length).toBe(64);
  });

  test("[S19, S55] a side that may not write the facts makes no stocktake", () => {
    const reader = smallSync({
      stock: { type: integerType, policy: { kind: "counter", floor: null, absolute: { value: 1, asOf: 2 } } },
      counted: { type: integerType, writers: [0] },
      countedAt: { type: instantType, writers: [0], sides: { 1: { make: (column) => plainMapping(column, instantType) } } },
    });
    const it = new SmallWorld(reader, ["20", "20", at(1000), "x"]);
    it.edit(1, 1, "3");
    it.edit(1, 2, at(5000));
    it.settle();
    expect(it.cell(0, 0)).toBe("20");
  });
});
