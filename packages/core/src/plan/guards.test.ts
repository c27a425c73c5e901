import { describe, expect, test } from "vitest";
import { checkCount, checkGuards } from "./guards.ts";
import type { GuardCounts, GuardLimits } from "./guards.ts";

const limits: GuardLimits = {
  deletesMax: null,
  deletesShareMax: 0.01,
  rewritesShareMax: { email: 0.05 },
  emptiedShareMax: 0.1,
  changedShareMax: 0.5,
};
const counts = (change: Partial<GuardCounts>): GuardCounts => ({
  side: "crm",
  records: 1000,
  deletes: 0,
  rewrites: {},
  emptied: {},
  changed: 0,
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

  test("[S43] nearly all records rewritten stop, in whatever fields; fifty by hand do not", () => {
    expect(checkGuards(counts({ changed: 500 }), limits)).toBe(null);
    expect(checkGuards(counts({ changed: 501 }), limits)).toEqual({
      guard: "all-changed",
      reason: "501 of 1000 records of crm would be rewritten, more than 50 %",
    });
    expect(checkGuards(counts({ records: 49, changed: 49 }), limits)).toBe(null);
    expect(checkGuards(counts({ records: 50, changed: 50 }), limits)?.guard).toBe("all-changed");
  });

  test("[S43] a list with many fewer or many more records than were known is not believed", () => {
    expect(checkCount("crm", 1000, 500, 0.5)).toBe(null);
    expect(checkCount("crm", 1000, 499, 0.5)).toEqual({
      guard: "count",
      reason: "crm lists 499 records where 1000 were known: 501 are missing, more than 50 %",
    });
    expect(checkCount("crm", 1000, 1501, 0.5)?.reason).toContain("501 are new");
    expect(checkCount("crm", 30, 11, 0.5)).toBe(null);
    expect(checkCount("crm", 99, 10_000, 0.5)).toBe(null);
    expect(checkCount("crm", 0, 100_000, 0.5)).toBe(null);
    expect(checkCount("crm", 1000, 0, null)).toBe(null);
  });

  test("[S43] a handful of writes is no mass", () => {
    expect(checkGuards(counts({ records: 6, deletes: 4, emptied: { phone: 4 }, rewrites: { email: 4 } }), limits)).toBe(null);
  });
});
