import { expect, test } from "vitest";
import { PROJECT_EXAMPLE } from "../example.ts";
import { jsonSchemaOf, jsonSchemaOfText } from "./json-schema.ts";

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

test("the schema for a text takes its names from it, further syncs are welcome, and a text that is none gives the general one", () => {
  const syncs = find(jsonSchemaOfText(PROJECT_EXAMPLE), ["properties", "syncs"]);
  expect(Object.keys(Object(find(syncs, ["properties"])))).toEqual(["customers", "companies"]);
  expect(find(syncs, ["additionalProperties", "type"])).toBe("object");
  expect(jsonSchemaOfText("a: [")).toEqual(jsonSchemaOf(null));
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
