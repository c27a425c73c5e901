import { describeValueTypeLaws } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimalType } from "./decimal.ts";
import { integerType } from "./integer.ts";

const smallDecimal = fc
  .tuple(
    fc.constantFrom("", "-", "+"),
    fc.constantFrom("0", "00", "1", "9", "10", "99"),
    fc.constantFrom("", ".", ".0", ".5", ".50", ".05", ".449"),
    fc.constantFrom("", "e0", "E1", "e-2"),
  )
  .map((parts) => parts.join(""));
const bigDecimal = fc.tuple(fc.bigInt(), fc.integer({ min: -30, max: 30 })).map(([digits, exponent]) => `${digits}e${exponent}`);
const specials = fc.constantFrom("NaN", "Infinity", "-Infinity", "inf");

describeValueTypeLaws(decimalType, { spellings: fc.oneof(smallDecimal, bigDecimal, specials) });
describeValueTypeLaws(integerType, {
  spellings: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    fc.constantFrom("0", "-0", "+0", "1", "01", "1.0", "10", "1e1", "-1", "-10", "-2", "9223372036854775807", "-9223372036854775808"),
  ),
});

describe("decimal", () => {
  test.each([
    ["0", "0"],
    ["-0", "0"],
    ["-0.00", "0"],
    ["0e99999999999999999999", "0"],
    ["1.50", "1.5"],
    ["1e3", "1000"],
    ["1.5E-3", "0.0015"],
    [".5", "0.5"],
    ["-.5", "-0.5"],
    ["5.", "5"],
    ["+007.10", "7.1"],
    [" 12 ", "12"],
    ["100", "100"],
    ["1e400", `1${"0".repeat(400)}`],
    ["12345678901234567890.12345678901234567890", "12345678901234567890.1234567890123456789"],
    ["nan", "NaN"],
    ["+inf", "Infinity"],
    ["-INFINITY", "-Infinity"],
  ])("%j reads as %j", (spelling, text) => {
    expect(decimalType.parse(spelling)).toEqual({ kind: "value", text });
  });

  test.each([
    "",
    " ",
    ".",
    "-",
    "e5",
    "1e",
    "1.2.3",
    "1,000",
    "1_000",
    "0x10",
    "--1",
    "1 2",
    "12,5",
    "1e200000",
    "1e-20000",
    "1e99999999999999999999",
    "1e-99999999999999999999",
  ])("%j is refused", (spelling) => {
    expect(decimalType.parse(spelling).kind).toBe("invalid");
  });

  test("a number as long as PostgreSQL's longest is read, and one digit more is refused", () => {
    const longest = `${"9".repeat(131_072)}.${"9".repeat(16_383)}`;
    expect(decimalType.parse(longest)).toEqual({ kind: "value", text: longest });
    expect(decimalType.parse(`9${longest}`).kind).toBe("invalid");
    expect(decimalType.parse(`${longest}9`).kind).toBe("invalid");
  });

  test("numbers are ordered by size, beyond what a float can tell apart, with NaN at the top as in PostgreSQL", () => {
    const ascending = [
      "-Infinity",
      "-100000000000000000000.2",
      "-100000000000000000000.1",
      "-9",
      "-0.1",
      "0",
      "0.05",
      "0.449",
      "0.5",
      "1",
      "1.5",
      "2",
      "10",
      "9007199254740992",
      "9007199254740993",
      "Infinity",
      "NaN",
    ];
    expect(ascending.toReversed().toSorted(decimalType.order ?? undefined)).toEqual(ascending);
  });

  test("the order is that of exact fractions", () => {
    const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: 0, max: 20 }));
    fc.assert(
      fc.property(decimal, decimal, ([digitsA, scaleA], [digitsB, scaleB]) => {
        const difference = digitsA * 10n ** BigInt(scaleB) - digitsB * 10n ** BigInt(scaleA);
        expect(decimalType.order?.(spell(digitsA, scaleA), spell(digitsB, scaleB))).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0);
      }),
    );
  });

  test("[S36] NaN and the infinities identify nothing", () => {
    expect(["NaN", "Infinity", "-Infinity", "0"].map((text) => decimalType.key(text))).toEqual([null, null, null, "0"]);
  });
});

describe("integer", () => {
  test.each([
    ["007", "7"],
    ["+5", "5"],
    ["-0", "0"],
    ["0", "0"],
    [" 12 ", "12"],
    ["5.0", "5"],
    ["1e3", "1000"],
    ["-42", "-42"],
    ["9223372036854775807", "9223372036854775807"],
    ["-9223372036854775808", "-9223372036854775808"],
    ["0009223372036854775807", "9223372036854775807"],
  ])("%j reads as %j", (spelling, text) => {
    expect(integerType.parse(spelling)).toEqual({ kind: "value", text });
  });

  test.each(["", "-", "5.5", "1e-1", "NaN", "Infinity", "9223372036854775808", "-9223372036854775809", "1e19", "1e100000", "12a", "1,000"])(
    "%j is refused",
    (spelling) => {
      expect(integerType.parse(spelling).kind).toBe("invalid");
    },
  );
});

function spell(digits: bigint, scale: number): string {
  const parsed = decimalType.parse(`${digits}e-${scale}`);
  return parsed.kind === "value" ? parsed.text : "";
}
