import { describeValueTypeLaws } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { booleanType } from "./boolean.ts";
import { builtinTypes } from "./builtin.ts";
import { bytesType } from "./bytes.ts";
import { enumType } from "./enum.ts";
import { referenceType } from "./reference.ts";
import { uuidType } from "./uuid.ts";
import { equalValues } from "./value-type.ts";
import type { ValueType } from "./value-type.ts";

const stage = enumType(["lead", "customer", "lapsed"]);

describeValueTypeLaws(booleanType, { spellings: fc.constantFrom("true", "T", "yes", "1", "false", "f", "0", "off") });
describeValueTypeLaws(uuidType, {
  spellings: fc.oneof(fc.uuid(), fc.constantFrom("A0EEBC999C0B4EF8BB6D6BB9BD380A11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}")),
});
describeValueTypeLaws(bytesType, { spellings: fc.constantFrom("", "\\x", "00", "\\x00", "0xFF", "ff", "\\xDEADBEEF", "deadbeef") });
describeValueTypeLaws(stage, { spellings: fc.constantFrom("lead", "customer", "lapsed") });
describeValueTypeLaws(referenceType("customers"), { spellings: fc.constantFrom("1", "68719476737", "x") });

describe.each<[ValueType, readonly (readonly [string, string])[], readonly string[]]>([
  [
    booleanType,
    [
      ["true", "true"],
      ["t", "true"],
      ["YES", "true"],
      ["1", "true"],
      [" on ", "true"],
      ["f", "false"],
      ["No", "false"],
      ["0", "false"],
    ],
    ["", "2", "maybe", "tr"],
  ],
  [
    uuidType,
    [
      ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
      ["{a0eebc999c0b4ef8bb6d6bb9bd380a11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
      ["urn:uuid:a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    ],
    ["", "a0eebc99", "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-"],
  ],
  [
    bytesType,
    [
      ["", ""],
      ["\\xDEad", "dead"],
      ["0xff", "ff"],
      ["00ff", "00ff"],
    ],
    ["f", "\\xabc", "xyz", "0x0x", "de ad"],
  ],
  [stage, [["lead", "lead"]], ["", "Lead", " lead", "prospect", "__proto__"]],
  [referenceType("customers"), [["42", "42"]], [""]],
])("$name", (type, spellings, refused) => {
  test.each(spellings)("%j reads as %j", (spelling, text) => {
    expect(type.parse(spelling)).toEqual({ kind: "value", text });
  });

  test.each(refused)("%j is refused", (spelling) => {
    expect(type.parse(spelling).kind).toBe("invalid");
  });
});

test("[S21] an enumeration is ordered as its options are listed, and named after them", () => {
  expect(["lapsed", "lead", "customer"].toSorted(stage.order ?? undefined)).toEqual(["lead", "customer", "lapsed"]);
  expect([stage.name, referenceType("customers").name]).toEqual(["enum(lead, customer, lapsed)", "reference(customers)"]);
});

test("[S50] an option that nobody declared is refused, not guessed", () => {
  expect(stage.parse("Customer")).toEqual({ kind: "invalid", problem: "none of the 3 allowed values" });
});

test("[S5] unknown equals only unknown, null only null", () => {
  expect(equalValues(booleanType, undefined, undefined)).toBe(true);
  expect(equalValues(booleanType, null, null)).toBe(true);
  expect(equalValues(booleanType, null, undefined)).toBe(false);
  expect(equalValues(booleanType, "false", null)).toBe(false);
});

test("the built-in types are found by their own names", () => {
  expect([...builtinTypes.keys()]).toEqual([
    "text",
    "integer",
    "decimal",
    "boolean",
    "date",
    "time",
    "instant",
    "timestamp",
    "zoned",
    "uuid",
    "bytes",
    "json",
  ]);
  for (const [name, type] of builtinTypes) expect(type.name).toBe(name);
});

test("a problem never repeats the value", () => {
  for (const type of [...builtinTypes.values(), stage]) {
    const parsed = type.parse("§secret§");
    if (parsed.kind === "invalid") expect(parsed.problem).not.toContain("secret");
  }
});

test("every type reads long nonsense in an instant", () => {
  const nonsense = [
    "0".repeat(200_000),
    "1".repeat(200_000) + "x",
    " ".repeat(200_000) + "x",
    "[".repeat(200_000),
    '"\\'.repeat(100_000),
    "0.".repeat(100_000),
    "-".repeat(200_000),
    '{"":'.repeat(50_000),
  ];
  const startedAtMs = performance.now();
  for (const type of builtinTypes.values()) for (const text of nonsense) type.parse(text);
  expect(performance.now() - startedAtMs).toBeLessThan(2000);
});
