import type { ColumnSchema } from "@accord/core";
import type { ColumnTypes } from "@accord/engine/store";
import { expect, test } from "vitest";
import { columnTypesOf, retypedColumns } from "./retyped.ts";

const typed = ([native, natural]: readonly [string, string]): ColumnTypes => ({ city: { native, natural } });

const isNoticed = (before: readonly [string, string], now: readonly [string, string]): boolean => {
  return retypedColumns(typed(before), typed(now)).has("city");
};

test.each([
  ["text", "text", "integer", "integer"],
  ["text", "text", "character varying(5)", "text"],
  ["character varying(20)", "text", "character varying(5)", "text"],
  ["character(5)", "text", "text", "text"],
  ["bigint", "integer", "integer", "integer"],
  ["numeric(12,4)", "decimal", "numeric(12,2)", "decimal"],
  ["numeric(12,2)", "decimal", "numeric(12,4)", "decimal"],
  ["numeric", "decimal", "numeric(30,10)", "decimal"],
  ["real", "decimal", "double precision", "decimal"],
  ["timestamp without time zone", "timestamp", "timestamp with time zone", "instant"],
  ["timestamp with time zone", "instant", "timestamp(0) with time zone", "instant"],
  ["TEXT", "text", "TEXT", "json"],
  ["text", "text", "text[]", "set"],
  ["mood", "enum", "feeling", "enum"],
])("[S50] %s (%s) to %s (%s) is another type", (before, naturalBefore, now, naturalNow) => {
  expect(isNoticed([before, naturalBefore], [now, naturalNow])).toBe(true);
});

test.each([
  ["text", "text", "text", "text"],
  ["character varying(5)", "text", "character varying(20)", "text"],
  ["character varying(5)", "text", "text", "text"],
  ["VARCHAR(5)", "text", "TEXT", "text"],
  ["smallint", "integer", "bigint", "integer"],
  ["numeric(12,2)", "decimal", "numeric(14,4)", "decimal"],
  ["numeric(12,2)", "decimal", "numeric", "decimal"],
  ["timestamp(3) with time zone", "instant", "timestamp with time zone", "instant"],
])("[S50] %s (%s) to %s (%s) only holds more, and nothing stands in it otherwise than before", (before, naturalBefore, now, naturalNow) => {
  expect(isNoticed([before, naturalBefore], [now, naturalNow])).toBe(false);
});

const column = (name: string): ColumnSchema => ({
  name,
  nativeType: "integer",
  codec: null,
  codecProblem: null,
  nullable: true,
  writable: true,
  hasDefault: false,
  comment: null,
});

test("[S50] a column that was not known tells of no change; those of the key are looked at too", () => {
  expect(retypedColumns({}, { city: { native: "text", natural: "text" } }).size).toBe(0);
  const schema = {
    name: "customer",
    key: ["id"],
    keyProblem: null,
    keyOrder: "bytes" as const,
    uniques: [],
    references: [],
    comment: null,
    columns: ["id", "city", "note"].map(column),
  };
  expect(Object.keys(columnTypesOf(schema, ["city"]))).toEqual(["id", "city"]);
});
