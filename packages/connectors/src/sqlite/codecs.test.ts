import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { affinityOf } from "./affinity.ts";
import { meaningOf } from "./codecs.ts";
import { cellOfValue, valueOfCell, type NativeValue } from "./native-cell.ts";
import { asBound } from "./row-reader.ts";

const meaning = (type: string) => meaningOf(type, affinityOf(type, false));

const samples: Readonly<Record<string, readonly string[]>> = {
  integer: ["0", "-1", "9223372036854775807", "-9223372036854775808"],
  decimal: [
    "0",
    "12.5",
    "-0.01",
    "1234567.89",
    "9007199254740993",
    "18446744073709551616",
    "0.1",
    "1000000000000000000000",
    "Infinity",
    "-Infinity",
    "0.1234567890123456789",
    "NaN",
  ],
  boolean: ["true", "false"],
  text: [
    "",
    "5",
    "007",
    "7.5",
    "7.50",
    "1e5",
    " 5 ",
    "abc",
    "~i5",
    "\\N",
    "a\0b",
    "\t\n",
    "\ud800",
    "-0",
    "+5",
    ".5",
    "5.",
    "Infinity",
    "0x10",
  ],
  bytes: ["", "00ff"],
  date: ["2024-01-31", "0001-01-01", "-0043-03-15"],
  time: ["12:30:00", "23:59:59.123456"],
  timestamp: ["2024-01-31T12:30:00", "2024-01-31T12:30:00.123456"],
  instant: ["2024-01-31T12:30:00Z", "1899-12-31T23:59:59.000001Z"],
  json: ['{"a":1}', "5", '"x"', "[1.5,null]"],
  uuid: ["01234567-89ab-cdef-0123-456789abcdef"],
};

const declared: readonly (readonly [type: string, typeName: string])[] = [
  ["INTEGER", "integer"],
  ["BIGINT", "integer"],
  ["INT(11)", "integer"],
  ["REAL", "decimal"],
  ["DOUBLE PRECISION", "decimal"],
  ["NUMERIC", "decimal"],
  ["DECIMAL(10,2)", "decimal"],
  ["BOOLEAN", "boolean"],
  ["TEXT", "text"],
  ["VARCHAR(20)", "text"],
  ["STRING", "text"],
  ["", "text"],
  ["BLOB", "bytes"],
  ["DATE", "date"],
  ["TIME", "time"],
  ["DATETIME", "instant"],
  ["TIMESTAMP", "instant"],
  ["TIMESTAMP WITH TIME ZONE", "instant"],
  ["TIMESTAMP WITHOUT TIME ZONE", "timestamp"],
  ["JSON", "json"],
  ["UUID", "uuid"],
];

test.each(declared)("a column declared %s is of the natural type %s", (type, typeName) => {
  expect(meaning(type).codec.typeName).toBe(typeName);
});

test.each(declared)(
  "[S15] in a %s column SQLite holds exactly the cell that was predicted, and it decodes to what was encoded",
  (type, typeName) => {
    const database = new DatabaseSync(":memory:");
    database.exec(`CREATE TABLE t (c ${type})`);
    const insert = database.prepare("INSERT INTO t VALUES (?) RETURNING c");
    insert.setReadBigInts(true);
    const { codec, form } = meaning(type);
    const check = (text: string): void => {
      const encoded = codec.encode(text);
      if (encoded.kind === "invalid") return;
      expect(codec.decode(encoded.text)).toEqual({ kind: "value", text });
      const stored = insert.get(asBound(valueOfCell(encoded.text, form)));
      // The only column of the row; node:sqlite cannot know its type.
      expect(cellOfValue(stored?.["c"] as NativeValue, form)).toBe(encoded.text);
    };
    for (const text of samples[typeName] ?? []) check(text);
    if (typeName === "text")
      fc.assert(fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.double().map(String), fc.bigInt().map(String)), check));
    if (typeName === "decimal")
      fc.assert(
        fc.property(fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }), fc.nat(9), (digits, scale) => check(decimalOf(digits, scale))),
      );
    database.close();
  },
);

test.each([
  ["REAL", "0.1234567890123456789"],
  ["NUMERIC", "NaN"],
  ["STRING", "007"],
  ["STRING", "7.50"],
  ["TEXT", "\ud800"],
  ["NUMERIC", "18446744073709551617"],
])("[S15] what a %s column would mangle is refused: %s", (type, text) => {
  expect(meaning(type).codec.encode(text).kind).toBe("invalid");
});

test.each([
  ["STRING", "7", "~i7"],
  ["STRING", "7.5", "~r7.5"],
  ["NUMERIC", "5", "5"],
  ["REAL", "5", "5.0"],
  ["DATETIME", "2024-01-31T12:30:00Z", "2024-01-31 12:30:00"],
  ["TIMESTAMPTZ", "2024-01-31T12:30:00Z", "2024-01-31T12:30:00Z"],
  ["BOOLEAN", "true", "1"],
])("a %s column keeps %s as %s", (type, text, cell) => {
  expect(meaning(type).codec.encode(text)).toEqual({ kind: "value", text: cell });
});

test.each([
  ["", "~i5", "5"],
  ["TEXT", "~r0.1", "0.1"],
  ["REAL", "0.30000000000000004", "0.30000000000000004"],
  ["REAL", "1e+21", "1000000000000000000000"],
  ["REAL", "-0.0", "0"],
  ["DATETIME", "2024-01-31 12:30:00", "2024-01-31T12:30:00Z"],
  ["DATETIME", "2024-01-31T12:30:00+01:00", "2024-01-31T11:30:00Z"],
])("a cell of a %s column, %s, is read as %s", (type, cell, text) => {
  expect(meaning(type).codec.decode(cell)).toEqual({ kind: "value", text });
});

test.each([
  ["INTEGER", "5.5"],
  ["INTEGER", "~tabc"],
  ["BOOLEAN", "27"],
  ["DATE", "~i20240131"],
  ["DATE", "31.01.2024"],
  ["DATETIME", "~i1700000000"],
  ["TEXT", "~b00ff"],
  ["TEXT", "~x41ff"],
  ["BLOB", "~tabc"],
])("a cell of a %s column that is of another kind, %s, is a problem and never a wrong value", (type, cell) => {
  const result = meaning(type).codec.decode(cell);
  expect(result.kind).toBe("invalid");
  if (result.kind === "invalid") expect(result.problem).not.toContain(cell.replace(/^~./, ""));
});

function decimalOf(digits: bigint, scale: number): string {
  const sign = digits < 0n ? "-" : "";
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, "0");
  const whole = text.slice(0, text.length - scale);
  const fraction = text.slice(text.length - scale).replace(/0+$/, "");
  const spelled = fraction === "" || scale === 0 ? whole : `${whole}.${fraction}`;
  return spelled === "0" ? "0" : sign + spelled;
}
