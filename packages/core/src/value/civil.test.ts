import fc from "fast-check";
import { expect, test } from "vitest";
import { dateOfDays, daysOfDate } from "./civil.ts";

test("days and dates agree with the platform's calendar wherever that reaches", () => {
  fc.assert(
    fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), (days) => {
      const platform = new Date(days * 86_400_000);
      const [year, month, day] = [platform.getUTCFullYear(), platform.getUTCMonth() + 1, platform.getUTCDate()];
      expect(daysOfDate(year, month, day)).toBe(days);
      const sign = year < 0 ? "-" : year > 9999 ? "+" : "";
      const monthAndDay = [month, day].map((number) => String(number).padStart(2, "0")).join("-");
      expect(dateOfDays(days)).toBe(`${sign}${String(Math.abs(year)).padStart(4, "0")}-${monthAndDay}`);
    }),
    { numRuns: 2000 },
  );
});

test("beyond the platform's reach, days and dates are each other's inverse up to seven digits of year", () => {
  expect(dateOfDays(daysOfDate(9_999_999, 12, 31) ?? 0)).toBe("+9999999-12-31");
  expect(dateOfDays(daysOfDate(-9_999_999, 1, 1) ?? 0)).toBe("-9999999-01-01");
  expect(dateOfDays((daysOfDate(9_999_999, 12, 31) ?? 0) + 1)).toBeNull();
  expect(daysOfDate(10_000_000, 1, 1)).toBeNull();
});

test.each([
  [2023, 2, 29],
  [1900, 2, 29],
  [2024, 13, 1],
  [2024, 0, 1],
  [2024, 4, 31],
  [2024, 1, 0],
])("there is no date %i-%i-%i", (year, month, day) => {
  expect(daysOfDate(year, month, day)).toBeNull();
});
