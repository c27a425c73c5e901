import { builtinTypes } from "@accord/core";
import type { ColumnCodec, ParseResult } from "@accord/core";

/** int2, int4, int8 and oid: the server prints what is canonical. */
export function integerCodec(least: bigint, greatest: bigint): ColumnCodec {
  // Nine digits fit everything but int2.
  const lengthMax = greatest > 32_767n && least < 0n ? 9 : 4;
  const keeps = (text: string): boolean => text.length <= lengthMax && (least < 0n || !text.startsWith("-"));
  return {
    typeName: "integer",
    options: null,
    decode: value,
    isAsIs: true,
    keeps,
    encode: (text) => {
      if (keeps(text)) return value(text);
      const number = BigInt(text);
      return number < least || number > greatest ? outOfRange : value(text);
    },
  };
}

/**
 * `numeric(p, s)` rounds half away from zero and prints every digit of its scale; `numeric` keeps what it is given.
 * Modifier: ((p << 16) | (s & 0x7ff)) + 4, s with a sign since PostgreSQL 15 [numeric.c, make_numeric_typmod].
 */
export function numericCodec(modifier: number): ColumnCodec {
  const type = { typeName: "decimal", options: null, decode: parseDecimal };
  if (modifier < 0) return { ...type, encode: value };
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  return { ...type, encode: (text) => encodeNumeric(text, precision, scale) };
}

/** Shortest text that reads back as the same double, as `extra_float_digits = 1` prints it. Decimals are rounded to the nearest double. */
export const float8Codec: ColumnCodec = floatCodec((number) => number, shortestOfDouble, 15);

export const float4Codec: ColumnCodec = floatCodec(Math.fround, shortestOfSingle, 6);

const outOfRange: ParseResult = { kind: "invalid", problem: "outside the range that the column holds" };

function value(text: string): ParseResult {
  return { kind: "value", text };
}

function parseDecimal(cell: string): ParseResult {
  return builtinTypes.get("decimal")?.parse(cell) ?? value(cell);
}

function encodeNumeric(text: string, precision: number, scale: number): ParseResult {
  if (text === "NaN") return value(text);
  if (text.endsWith("Infinity")) return outOfRange;
  const negative = text.startsWith("-");
  const [whole = "0", fraction = ""] = (negative ? text.slice(1) : text).split(".");
  const rounded =
    fraction.length <= scale
      ? (whole + fraction.padEnd(Math.max(scale, 0), "0")).replace(/^0+(?=\d)/, "")
      : round(whole + fraction, fraction.length - scale);
  // `rounded` counts units of 10^-scale: at most `precision` digits.
  if (rounded !== "0" && rounded.length > precision) return outOfRange;
  const digits = scale < 0 && rounded !== "0" ? rounded + "0".repeat(-scale) : rounded;
  const padded = scale > 0 ? digits.padStart(scale + 1, "0") : digits;
  const spelled = scale > 0 ? `${padded.slice(0, -scale)}.${padded.slice(-scale)}` : padded;
  return value(negative && /[1-9]/.test(spelled) ? `-${spelled}` : spelled);
}

/** Drops the last `count` digits, rounding half up in magnitude. */
function round(digits: string, count: number): string {
  if (count > digits.length) return "0";
  const kept = BigInt(digits.slice(0, digits.length - count) || "0");
  return String((digits[digits.length - count] ?? "0") >= "5" ? kept + 1n : kept);
}

function floatCodec(narrow: (number: number) => number, shortest: (number: number) => string, fixedDigitsMax: number): ColumnCodec {
  return {
    typeName: "decimal",
    options: null,
    decode: parseDecimal,
    encode: (text) => {
      if (text === "NaN" || text.endsWith("Infinity")) return value(text);
      const number = narrow(Number(text));
      if (!Number.isFinite(number) || (number === 0 && /[1-9]/.test(text))) return outOfRange;
      return value(number === 0 ? "0" : spellFloat(shortest(Math.abs(number)), number < 0, fixedDigitsMax));
    },
  };
}

/** Digits and exponent of the shortest decimal, as `d.ddde±x`. */
function shortestOfDouble(number: number): string {
  return number.toExponential();
}

function shortestOfSingle(number: number): string {
  for (let digits = 0; digits < 9; digits += 1) {
    const text = number.toExponential(digits);
    if (Math.fround(Number(text)) === number) return text;
  }
  return number.toExponential(8);
}

/** As PostgreSQL spells a float: plain from 1e-4 up to `fixedDigitsMax` digits before the point, else with an exponent of two digits at least [d2s.c, f2s.c]. */
function spellFloat(exponential: string, negative: boolean, fixedDigitsMax: number): string {
  const [mantissa = "0", exponentText = "0"] = exponential.split("e");
  const exponent = Number(exponentText);
  const digits = mantissa.replace(".", "");
  const sign = negative ? "-" : "";
  if (exponent < -4 || exponent >= fixedDigitsMax) {
    const spelledExponent = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${spelledExponent}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, "0");
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}
