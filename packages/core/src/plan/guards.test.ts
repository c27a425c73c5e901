import { describe, expect, test } from "vitest";
import { checkGuards } from "./guards.ts";
import type { GuardCounts, GuardLimits } from "./guards.ts";

const limits: GuardLimits = { deletesMax: null, deletesShareMax: 0.01, rewritesShareMax: { email: 0.05 }, emptiedShareMax: 0.1 };
const counts = (change: Partial<GuardCounts>): GuardCounts => ({
  side: "crm",
  records: 1000,
  deletes: 0,
  rewrites: {},
  emptied: {},
  ...change,
});

describe("guards", () => {
  test("[S43] within the limits nothing stops", () => {
    expect(checkGuards(counts({ deletes: 10, rewrites: { email: 50, name: 900 }, emptied: { phone: 100 } }), limits)).toBe(null);
  });

  test("[S43] deletes stop by share and by number", () => {
    expect(checkGuards(counts({ deletes: 11 }), limits)).toEqual({
      guard: "deletes",
      reason: "11 of 1000 records of crm would be deleted, more than 1 %",
    });
    expect(checkGuards(counts({ deletes: 3 }), { ...limits, deletesMax: 2 })?.guard).toBe("deletes");
  });

  test("[S43] a side that would be emptied stops, whatever share is allowed", () => {
    expect(checkGuards(counts({ records: 5, deletes: 5 }), { ...limits, deletesShareMax: 1 })?.guard).toBe("emptied-side");
  });

  test("[S43] a field emptied or rewritten in many records stops, by name", () => {
    expect(checkGuards(counts({ emptied: { phone: 101 } }), limits)).toMatchObject({
      guard: "emptied",
      reason: expect.stringContaining("phone"),
    });
    expect(checkGuards(counts({ rewrites: { email: 51 } }), limits)).toMatchObject({
      guard: "rewrites",
      reason: expect.stringContaining("5 %"),
    });
  });

  test("[S43] a handful of writes is no mass", () => {
    expect(checkGuards(counts({ records: 6, deletes: 4, emptied: { phone: 4 }, rewrites: { email: 4 } }), limits)).toBe(null);
  });
});
