import { identityType, invalid, valid } from "./identity-type.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/**
 * An exact decimal number of any precision, never a float: `-12.5`, `1000`, `0.5`. No exponent, no plus sign, no leading or trailing zeros, no negative zero.
 * Also `NaN`, `Infinity` and `-Infinity`, because PostgreSQL's `numeric` has them; ordered as PostgreSQL orders them (NaN equals itself and is above
 * Infinity), and without a match key. Grouping signs and decimal commas are refused: which of the two a comma means is for a mapping to say.
 */
export const decimalType: ValueType = identityType({
  name: "decimal",
  version: 1,
  parse: parseDecimal,
  order: compareDecimals,
  key: (text) => (isFiniteDecimal(text) ? text : null),
});

/** The reach of PostgreSQL's `numeric` (its documentation, "Numeric Types"); without a bound, "1e999999999" would fill the memory. */
const DIGITS_BEFORE_POINT_MAX = 131_072;
const DIGITS_AFTER_POINT_MAX = 16_383;
/** A canonical text up to this length cannot pass either bound. */
const LENGTH_SURELY_IN_REACH = 16_000;

const SPELLING = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;

/** Reads a decimal in plain or scientific spelling, or one of PostgreSQL's special numbers in any case. */
export function parseDecimal(text: string): ParseResult {
  if (text.length <= LENGTH_SURELY_IN_REACH && isCanonicalFinite(text)) return valid(text);
  const trimmed = text.trim();
  const parts = SPELLING.exec(trimmed);
  if (parts === null) return parseSpecial(trimmed);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  if (whole === "" && fraction === "") return invalid("not a decimal number");
  return spellDecimal(sign === "-", whole + fraction, whole.length + Number(exponent));
}

/** Whether a canonical decimal is a number proper: not NaN, not infinite. */
export function isFiniteDecimal(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= ZERO && last <= NINE;
}

/** Numeric order of canonical decimals, exact at any length. */
export function compareDecimals(a: string, b: string): number {
  if (a === b) return 0;
  const rankA = specialRank(a);
  const rankB = specialRank(b);
  if (rankA !== 0 || rankB !== 0) return Math.sign(rankA - rankB);
  const negative = a.charCodeAt(0) === MINUS;
  if (negative !== (b.charCodeAt(0) === MINUS)) return negative ? -1 : 1;
  return negative ? compareMagnitudes(b.slice(1), a.slice(1)) : compareMagnitudes(a, b);
}

/** One pass over the characters, because nearly every text that arrives is canonical already. */
function isCanonicalFinite(text: string): boolean {
  const length = text.length;
  const start = text.charCodeAt(0) === MINUS ? 1 : 0;
  const first = text.charCodeAt(start);
  let at = start;
  while (at < length && isDigit(text.charCodeAt(at))) at += 1;
  if (at === start) return false;
  if (first === ZERO && at > start + 1) return false;
  if (at === length) return first !== ZERO || start === 0;
  if (text.charCodeAt(at) !== POINT) return false;
  at += 1;
  if (at === length || text.charCodeAt(length - 1) === ZERO) return false;
  while (at < length && isDigit(text.charCodeAt(at))) at += 1;
  return at === length;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function parseSpecial(trimmed: string): ParseResult {
  switch (trimmed.toLowerCase()) {
    case "nan":
      return valid("NaN");
    case "infinity":
    case "+infinity":
    case "inf":
    case "+inf":
      return valid("Infinity");
    case "-infinity":
    case "-inf":
      return valid("-Infinity");
    default:
      return invalid("not a decimal number");
  }
}

/** Writes `0.<digits> × 10^point` canonically. `point` may be infinite: an exponent too long for a number is too large in any case. */
function spellDecimal(negative: boolean, allDigits: string, pointInAll: number): ParseResult {
  let start = 0;
  let end = allDigits.length;
  while (start < end && allDigits.charCodeAt(start) === ZERO) start += 1;
  while (end > start && allDigits.charCodeAt(end - 1) === ZERO) end -= 1;
  if (start === end) return valid("0");
  const digits = allDigits.slice(start, end);
  const point = pointInAll - start;
  if (point > DIGITS_BEFORE_POINT_MAX) return invalid("a decimal number with too many digits before the point");
  if (digits.length - point > DIGITS_AFTER_POINT_MAX) return invalid("a decimal number with too many digits after the point");
  return valid((negative ? "-" : "") + placePoint(digits, point));
}

function placePoint(digits: string, point: number): string {
  if (point <= 0) return `0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return digits + "0".repeat(point - digits.length);
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** -Infinity, a number, Infinity, NaN. */
function specialRank(text: string): number {
  if (isFiniteDecimal(text)) return 0;
  return text === "NaN" ? 2 : text === "Infinity" ? 1 : -1;
}

/** Without signs and leading zeros, the longer whole part is larger; otherwise digits decide from the left, and a point sorts below every digit. */
function compareMagnitudes(a: string, b: string): number {
  const wholeA = wholeLength(a);
  const wholeB = wholeLength(b);
  if (wholeA !== wholeB) return wholeA < wholeB ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function wholeLength(text: string): number {
  const point = text.indexOf(".");
  return point === -1 ? text.length : point;
}
