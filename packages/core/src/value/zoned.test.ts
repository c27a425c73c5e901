import { describeValueTypeLaws } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { zoneName, zoneOffsetSeconds } from "./zone.ts";
import { zonedType } from "./zoned.ts";

describeValueTypeLaws(zonedType, {
  spellings: fc
    .tuple(
      fc.constantFrom("2024-01-01T00:00:00", "2024-07-01 12:00:00.5", "1890-06-01T00:00:00"),
      fc.constantFrom("Z", "+01:00", "-05:00"),
      fc.constantFrom("[Europe/Berlin]", "[europe/berlin]", "[America/New_York]", "[UTC]", "[+01:00]"),
    )
    .map((parts) => parts.join("")),
});

describe("zoned timestamp", () => {
  test.each([
    ["2024-01-01T00:00:00+01:00[Europe/Berlin]", "2024-01-01T00:00:00+01:00[Europe/Berlin]"],
    ["2023-12-31T23:00:00Z[europe/berlin]", "2024-01-01T00:00:00+01:00[Europe/Berlin]"],
    ["2024-07-01 00:00:00+00[Europe/Berlin]", "2024-07-01T02:00:00+02:00[Europe/Berlin]"],
    ["2024-07-01T00:00:00+01:00[Europe/Berlin]", "2024-07-01T01:00:00+02:00[Europe/Berlin]"],
    ["1890-01-01T00:00:00Z[Europe/Berlin]", "1890-01-01T00:53:28+00:53:28[Europe/Berlin]"],
    ["2024-01-01T00:00:00.000001Z[America/St_Johns]", "2023-12-31T20:30:00.000001-03:30[America/St_Johns]"],
    ["2024-01-01T00:00:00Z[UTC]", "2024-01-01T00:00:00+00:00[UTC]"],
    ["2024-01-01T00:00:00Z[+05:30]", "2024-01-01T05:30:00+05:30[+05:30]"],
  ])("%j reads as %j", (spelling, text) => {
    expect(zonedType.parse(spelling)).toEqual({ kind: "value", text });
  });

  test.each([
    "",
    "2024-01-01T00:00:00+01:00",
    "2024-01-01T00:00:00[Europe/Berlin]",
    "2024-01-01T00:00:00Z[Mars/Phobos]",
    "2024-01-01T00:00:00Z[Europe/Berlin][u-ca=hebrew]",
    "2024-01-01T00:00:00Z[]",
    "+999999-01-01T00:00:00Z[UTC]",
    "infinity",
  ])("%j is refused", (spelling) => {
    expect(zonedType.parse(spelling).kind).toBe("invalid");
  });

  test("the same moment in another zone is another value", () => {
    expect(zonedType.equal("2024-01-01T00:00:00+01:00[Europe/Berlin]", "2024-01-01T00:00:00+01:00[Europe/Paris]")).toBe(false);
  });

  test("a text stored with the offset of an older zone database stays equal", () => {
    const [before, after] = ["2040-07-01T02:00:00+02:00[Europe/Berlin]", "2040-07-01T01:00:00+01:00[Europe/Berlin]"];
    expect(zonedType.equal(before, after)).toBe(true);
    expect(zonedType.hash(before)).toBe(zonedType.hash(after));
    expect(zonedType.order?.(before, after)).toBe(0);
  });
});

describe("zone names", () => {
  test("every zone of the platform is found again from small letters", () => {
    const zones = Intl.supportedValuesOf("timeZone");
    expect(zones.length).toBeGreaterThan(400);
    expect(zones.map((zone) => zoneName(zone.toLowerCase()))).toEqual(zones);
  });

  test.each([
    "Etc/GMT+5",
    "GB-Eire",
    "W-SU",
    "US/East-Indiana",
    "NZ-CHAT",
    "America/Port-au-Prince",
    "Africa/Dar_es_Salaam",
    "America/Knox_IN",
    "Asia/Kolkata",
    "Asia/Calcutta",
    "EST5EDT",
    "Isle_of_Man",
  ])("%s keeps its spelling where the platform knows it", (zone) => {
    expect(zoneName(zone.toUpperCase())).toBe(zone === "Isle_of_Man" ? null : zone);
  });

  test("an offset is exact before and after the zones were made", () => {
    expect(zoneOffsetSeconds("Europe/Berlin", -3e12)).toBe(3208);
    expect(zoneOffsetSeconds("America/New_York", -3e12)).toBe(-17_762);
    expect(zoneOffsetSeconds("UTC", 0)).toBe(0);
    expect(zoneOffsetSeconds("UTC", 1e16)).toBeNull();
  });
});
