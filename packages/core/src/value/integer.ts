import { compareDecimals, isFiniteDecimal, parseDecimal } from "./decimal.ts";
import { identityType, invalid, valid } from "./identity-type.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/**
 * A whole number from −2^63 to 2^63−1, exact: `42`, `-7`. Reads any exact spelling of a whole number (`007`, `+5`, `5.0`, `1e3`); `5.5` is refused,
 * not rounded.
 */
export const integerType: ValueType = identityType({ name: "integer", version: 1, parse: parseInteger, order: compareDecimals });

const LARGEST = "9223372036854775807";
const SMALLEST = "-9223372036854775808";
/** Any eighteen digits are in range; one more and the bounds have to be asked. */
const DIGITS_SURELY_IN_RANGE = 18;

const MINUS = 45;
const ZERO = 48;
const NINE = 57;

function parseInteger(text: string): ParseResult {
  if (isShortCanonical(text)) return valid(text);
  const decimal = parseDecimal(text);
  if (decimal.kind === "invalid") return invalid("not a whole number");
  if (decimal.text.includes(".") || !isFiniteDecimal(decimal.text)) return invalid("not a whole number");
  const inRange = compareDecimals(decimal.text, SMALLEST) >= 0 && compareDecimals(decimal.text, LARGEST) <= 0;
  return inRange ? decimal : invalid("a whole number outside the 64-bit range");
}

/** One pass without a regular expression: nearly every text that arrives is short and canonical. */
function isShortCanonical(text: string): boolean {
  const length = text.length;
  const start = text.charCodeAt(0) === MINUS ? 1 : 0;
  const digits = length - start;
  if (digits < 1 || digits > DIGITS_SURELY_IN_RANGE) return false;
  if (text.charCodeAt(start) === ZERO) return length === 1;
  for (let at = start; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}
