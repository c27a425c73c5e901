import { describeValueTypeLaws } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dateType } from "./date.ts";
import { instantType } from "./instant.ts";
import { timeType } from "./time.ts";
import { timestampType } from "./timestamp.ts";
import type { ValueType } from "./value-type.ts";

const dates = fc.constantFrom(
  "2024-01-01",
  "2024-1-1",
  "2023-12-31",
  "0001-01-01",
  "0000-12-31",
  "0001-12-31 BC",
  "-0043-03-15",
  "0044-03-15 BC",
  "+10000-01-01",
  "10000-01-01",
  "9999-12-31",
  "5874897-12-31",
);
const plainDates = fc.constantFrom("2024-01-01", "2023-12-31", "0001-01-01", "-0043-03-15", "+10000-01-01", "1899-06-30");
const times = fc.constantFrom(
  "00:00",
  "00:00:00",
  "24:00:00",
  "23:59:59.999999",
  "00:00:00.5",
  "00:00:00.50",
  "0:00:00.05",
  "12:30:00.000001",
);
const offsets = fc.constantFrom("Z", "z", "+00", "+0000", " UTC", "+01:00", "-01", "+05:30", "-00:25:21", "+23:59");
const infinities = fc.constantFrom("infinity", "-infinity", "Infinity");
const stamps = fc.tuple(plainDates, fc.constantFrom("T", " "), times).map((parts) => parts.join(""));

describeValueTypeLaws(dateType, { spellings: fc.oneof(dates, infinities) });
describeValueTypeLaws(timeType, { spellings: times });
describeValueTypeLaws(timestampType, { spellings: fc.oneof(stamps, infinities) });
describeValueTypeLaws(instantType, {
  spellings: fc.oneof(
    fc.tuple(stamps, offsets).map((parts) => parts.join("")),
    infinities,
  ),
});

describe.each<[ValueType, readonly (readonly [string, string])[], readonly string[]]>([
  [
    dateType,
    [
      ["2024-02-29", "2024-02-29"],
      ["1899-12-31", "1899-12-31"],
      ["2024-1-5", "2024-01-05"],
      [" 2024-01-05 ", "2024-01-05"],
      ["0044-03-15 BC", "-0043-03-15"],
      ["0001-01-01 BC", "0000-01-01"],
      ["-0000-01-01", "0000-01-01"],
      ["10000-01-01", "+10000-01-01"],
      ["+2024-01-01", "2024-01-01"],
      ["5874897-12-31", "+5874897-12-31"],
      ["4713-11-24 BC", "-4712-11-24"],
      ["Infinity", "infinity"],
      ["-infinity", "-infinity"],
    ],
    [
      "",
      "2023-02-29",
      "1900-02-29",
      "2024-13-01",
      "24-01-01",
      "20240101",
      "01/02/2024",
      "2024-01-01T00:00:00Z",
      "0000-01-01 BC",
      "-0044-03-15 BC",
      "99999999-01-01",
    ],
  ],
  [
    timeType,
    [
      ["09:30", "09:30:00"],
      ["9:30:00", "09:30:00"],
      ["00:00:00.500000", "00:00:00.5"],
      ["23:59:59.999999", "23:59:59.999999"],
      ["23:59:59.123456000", "23:59:59.123456"],
      ["24:00:00", "24:00:00"],
    ],
    ["", "24:00:01", "24:00:00.000001", "25:00", "12:60", "12:00:60", "12", "12:00:00+01", "12:00:00.1234567", "12:00:00."],
  ],
  [
    timestampType,
    [
      ["2024-01-01 00:00:00", "2024-01-01T00:00:00"],
      ["2024-01-01T12:30", "2024-01-01T12:30:00"],
      ["2024-01-01 00:00:00.120", "2024-01-01T00:00:00.12"],
      ["2023-12-31 24:00:00", "2024-01-01T00:00:00"],
      ["0044-03-15 12:00:00 BC", "-0043-03-15T12:00:00"],
      ["294276-12-31 23:59:59.999999", "+294276-12-31T23:59:59.999999"],
      ["infinity", "infinity"],
    ],
    [
      "",
      "2024-01-01",
      "2024-01-01T00:00:00Z",
      "2024-01-01 00:00:00+01",
      "2024-02-30 00:00:00",
      "2024-01-01 25:00:00",
      "9999999-12-31 24:00:00",
    ],
  ],
  [
    instantType,
    [
      ["2024-01-01 00:00:00.123456+00", "2024-01-01T00:00:00.123456Z"],
      ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"],
      ["2024-01-01t00:00:00z", "2024-01-01T00:00:00Z"],
      ["2024-01-01T00:00:00+01:00", "2023-12-31T23:00:00Z"],
      ["2026-05-06T11:32:21.000+0000", "2026-05-06T11:32:21Z"],
      ["2024-06-01 12:00:00 -0330", "2024-06-01T15:30:00Z"],
      ["2024-06-01 12:00:00 UTC", "2024-06-01T12:00:00Z"],
      ["1890-01-01 00:00:00+00:53:28", "1889-12-31T23:06:32Z"],
      ["0044-03-15 12:00:00+00 BC", "-0043-03-15T12:00:00Z"],
      ["4714-11-24 00:00:00+00 BC", "-4713-11-24T00:00:00Z"],
      ["294276-12-31 23:59:59.999999+00", "+294276-12-31T23:59:59.999999Z"],
      ["9999-12-31T23:30:00-01:00", "+10000-01-01T00:30:00Z"],
      ["2023-12-31T24:00:00Z", "2024-01-01T00:00:00Z"],
      ["-INFINITY", "-infinity"],
    ],
    [
      "",
      "2024-01-01T00:00:00",
      "2024-01-01",
      "2024-01-01T00:00:00+24",
      "2024-01-01T00:00:00+01:60",
      "2024-01-01T00:00:00.1234567Z",
      "2016-12-31T23:59:60Z",
      "1704067200000",
      "now",
      "2024-01-01T00:00:00+01:00[Europe/Berlin]",
    ],
  ],
])("$name", (type, spellings, refused) => {
  test.each(spellings)("%j reads as %j", (spelling, text) => {
    expect(type.parse(spelling)).toEqual({ kind: "value", text });
  });

  test.each(refused)("%j is refused", (spelling) => {
    expect(type.parse(spelling).kind).toBe("invalid");
  });
});

test("moments are ordered along the time line: years by number, fractions above none, the infinities outside", () => {
  const ascending = [
    "-infinity",
    "-9999999-01-01T00:00:00Z",
    "-0044-01-01T00:00:00Z",
    "-0043-12-31T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "2024-01-01T00:00:00Z",
    "2024-01-01T00:00:00.05Z",
    "2024-01-01T00:00:00.5Z",
    "2024-01-01T00:00:01Z",
    "+10000-01-01T00:00:00Z",
    "+294276-01-01T00:00:00Z",
    "infinity",
  ];
  expect(ascending.toReversed().toSorted(instantType.order ?? undefined)).toEqual(ascending);
});

test("instants agree with the platform's clock wherever that reaches", () => {
  fc.assert(
    fc.property(fc.date({ noInvalidDate: true }), (date) => {
      const parsed = instantType.parse(date.toISOString());
      if (parsed.kind === "invalid") throw new Error(parsed.problem);
      const [whole, fraction = "0"] = parsed.text.slice(0, -1).split(".");
      // The platform wants six digits of year with a sign.
      const platformText = `${(whole ?? "").replace(/^([+-])(\d{4,6})-/, (_, sign: string, year: string) => `${sign}${year.padStart(6, "0")}-`)}.${fraction}Z`;
      expect(new Date(platformText).getTime()).toBe(date.getTime());
    }),
  );
});

test("[S36] an infinity identifies nothing", () => {
  expect([dateType, timestampType, instantType].map((type) => type.key("infinity"))).toEqual([null, null, null]);
});
