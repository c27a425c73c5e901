import fc from "fast-check";
import { expect, test } from "vitest";
import { cellOfValue, keyOfRecordId, recordIdOf, spellReal, valueOfCell, type CellForm, type NativeValue } from "./native-cell.ts";

const forms: readonly CellForm[] = ["number", "text", "bytes"];
const anyForm = fc.constantFrom(...forms);
const anyValue: fc.Arbitrary<NativeValue> = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, 1, 1e21, 2 ** 63, Infinity, -Infinity, 5e-324),
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "~", "~i5", "5", "\\N", "a\0b", "\t"),
  fc.uint8Array(),
  fc.uint8Array().map((bytes) => ({ bytes })),
);

test("[S3] a cell names its native value exactly, storage class included", () => {
  fc.assert(
    fc.property(anyValue, anyForm, (value, form) => {
      const back = valueOfCell(cellOfValue(value, form), form);
      expect(Object.is(back, value) || JSON.stringify(tagged(back)) === JSON.stringify(tagged(value))).toBe(true);
    }),
  );
});

test("[S3] different native values have different cells", () => {
  fc.assert(
    fc.property(anyValue, anyValue, anyForm, (a, b, form) => {
      const isSame = JSON.stringify(tagged(a)) === JSON.stringify(tagged(b));
      expect(cellOfValue(a, form) === cellOfValue(b, form)).toBe(isSame);
    }),
  );
});

test.each([
  [5n, "number", "5"],
  [5, "number", "5.0"],
  [-0, "number", "-0.0"],
  [1e21, "number", "1e+21"],
  [-Infinity, "number", "-Infinity"],
  ["5", "number", "~t5"],
  [new Uint8Array([0, 255]), "number", "~b00ff"],
  ["abc", "text", "abc"],
  ["~abc", "text", "~t~abc"],
  [5n, "text", "~i5"],
  [0.1, "text", "~r0.1"],
  [new Uint8Array([0, 255]), "bytes", "00ff"],
  [{ bytes: new Uint8Array([65, 255]) }, "text", "~x41ff"],
] as const)("the cell of %o in a %s column is %s", (value, form, cell) => {
  expect(cellOfValue(value, form)).toBe(cell);
});

test("[S3] a record id names its key, and an id that no key can have names none", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyValue, anyForm), { minLength: 1, maxLength: 3 }), (parts) => {
      const key = parts.map(([value]) => value);
      const keyForms = parts.map(([, form]) => form);
      const id = recordIdOf(key, keyForms);
      if (key.includes(null)) expect(id).toBeNull();
      else expect(keyOfRecordId(id ?? "", keyForms)?.map(tagged)).toEqual(key.map(tagged));
    }),
  );
  expect(keyOfRecordId("99999999999999999999", ["number"])).toBeNull();
  expect(keyOfRecordId("007", ["number"])).toBeNull();
  expect(keyOfRecordId("~ix", ["text"])).toBeNull();
  expect(keyOfRecordId("1", ["number", "number"])).toBeNull();
});

test("a real is spelled by the shortest text that reads back to the same double", () => {
  fc.assert(fc.property(fc.double({ noNaN: true }), (value) => Object.is(Number(spellReal(value)), value)));
});

function tagged(value: NativeValue): unknown {
  if (typeof value === "bigint") return ["integer", value.toString()];
  if (typeof value === "number") return ["real", spellReal(value)];
  if (value instanceof Uint8Array) return ["blob", [...value]];
  return typeof value === "object" && value !== null ? ["broken", [...value.bytes]] : value;
}
