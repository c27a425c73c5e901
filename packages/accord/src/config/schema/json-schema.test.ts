import { expect, test } from "vitest";
import { jsonSchemaOf } from "./json-schema.ts";

test("the JSON Schema of a file knows its side names, and takes no other key", () => {
  const text = JSON.stringify(jsonSchemaOf(new Map([["customers", ["crm", "erp"]]])));
  expect(text).toContain('"crm"');
  const fields = find(jsonSchemaOf(new Map([["customers", ["crm", "erp"]]])), [
    "properties",
    "syncs",
    "properties",
    "customers",
    "properties",
    "fields",
    "additionalProperties",
  ]);
  expect(Object.keys(Object(find(fields, ["properties"])))).toEqual([
    "type",
    "policy",
    "category",
    "sensitive",
    "from",
    "drift",
    "fields",
    "crm",
    "erp",
  ]);
  expect(find(fields, ["additionalProperties"])).toBe(false);
});

test("syncs that have no names yet may be added, and are checked loosely", () => {
  const syncs = find(jsonSchemaOf(new Map([["customers", ["crm", "erp"]]])), ["properties", "syncs"]);
  expect(Object.keys(Object(find(syncs, ["properties"])))).toEqual(["customers"]);
  expect(find(syncs, ["additionalProperties", "type"])).toBe("object");
});

test("defaults are written as a person writes them", () => {
  const sync = find(jsonSchemaOf(null), ["properties", "syncs", "additionalProperties", "properties"]);
  expect([find(sync, ["sweep", "default"]), find(sync, ["quiet", "default"]), find(sync, ["initial", "default"])]).toEqual([
    "24h",
    "0s",
    "owner",
  ]);
});

function find(node: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? Object.entries(at).find(([name]) => name === key)?.[1] : undefined),
    node,
  );
}
