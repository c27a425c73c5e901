import { describe, expect, test } from "vitest";
import { analyseFilter } from "./analyse-filter.ts";

describe("a filter of plain terms is taken apart for the system to answer", () => {
  test("every operator and kind of literal", () => {
    expect(analyseFilter("lifecyclestage == 'customer' && amount > 10 && (a != null && b in ['x', 1, null])")).toEqual([
      { field: "lifecyclestage", op: "==", value: { kind: "text", text: "customer" } },
      { field: "amount", op: ">", value: { kind: "integer", text: "10" } },
      { field: "a", op: "!=", value: { kind: "null" } },
      { field: "b", op: "in", values: [{ kind: "text", text: "x" }, { kind: "integer", text: "1" }, { kind: "null" }] },
    ]);
    expect(analyseFilter("updated >= instant('2024-01-01T01:00:00+01:00')")).toEqual([
      { field: "updated", op: ">=", value: { kind: "instant", text: "2024-01-01T00:00:00Z" } },
    ]);
    expect(analyseFilter("a <= decimal('1.50')")).toEqual([{ field: "a", op: "<=", value: { kind: "decimal", text: "1.5" } }]);
    expect(analyseFilter("day < date('2024-02-29')")).toEqual([{ field: "day", op: "<", value: { kind: "date", text: "2024-02-29" } }]);
    expect(analyseFilter("active == true")).toEqual([{ field: "active", op: "==", value: { kind: "boolean", text: "true" } }]);
    expect(analyseFilter("count == -5")).toEqual([{ field: "count", op: "==", value: { kind: "integer", text: "-5" } }]);
  });

  test("a field whose name is no identifier", () => {
    expect(analyseFilter("field('First Name') == 'x'")).toEqual([{ field: "First Name", op: "==", value: { kind: "text", text: "x" } }]);
  });

  test("a literal on the left turns the operator round", () => {
    expect(analyseFilter("10 < amount")).toEqual([{ field: "amount", op: ">", value: { kind: "integer", text: "10" } }]);
  });

  test.each([
    "a == 'x' || b == 'y'",
    "!(a == 'x')",
    "a == b",
    "lower(a) == 'x'",
    "a > null",
    "a in b",
    "a in ['x', b]",
    "a > 1.5",
    "true",
    "active",
    "a.b == 'x'",
    "'x' == 'x'",
    "a ==",
    "date('2024-02-30') == d",
  ])("%s is left to be evaluated", (source) => {
    expect(analyseFilter(source)).toBeNull();
  });
});
