import { decimalDigitsMax } from "./limits.ts";

/** An exact decimal number: `digits` × 10^-`scale`, without trailing zeros after the point (scale is 0 or more). */
export interface Decimal {
  readonly kind: "decimal";
  readonly digits: bigint;
  /** Digits after the point. */
  readonly scale: number;
}

const exponentMax = decimalDigitsMax;

/** Makes a decimal in its one spelling; undefined when it would have more than `decimalDigitsMax` digits. */
function makeDecimal(digits: bigint, scale: number): Decimal | undefined {
  let reduced = digits;
  let places = scale;
  while (places > 0 && reduced % 10n === 0n) {
    reduced /= 10n;
    places -= 1;
  }
  if (places > decimalDigitsMax || reduced >= digitsBound || reduced <= -digitsBound) return undefined;
  return { kind: "decimal", digits: reduced, scale: places };
}

const digitsBound = 10n ** BigInt(decimalDigitsMax);

/** The decimal equal to an int. */
export function decimalFromInteger(value: bigint): Decimal {
  return { kind: "decimal", digits: value, scale: 0 };
}

/** Reads "12", "-0.50", ".5" or "1e3"; undefined for anything else, or for more than `decimalDigitsMax` digits. */
export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > decimalDigitsMax * 2) return undefined;
  const found = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?$/u.exec(text);
  if (found === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponentText = "0"] = found;
  if (whole === "" && fraction === "") return undefined;
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > exponentMax) return undefined;
  const magnitude = BigInt(whole + fraction);
  const digits = sign === "-" ? -magnitude : magnitude;
  const scale = fraction.length - exponent;
  return scale >= 0 ? makeDecimal(digits, scale) : makeDecimal(digits * 10n ** BigInt(-scale), 0);
}

/** The canonical text: no exponent, no trailing zeros, a digit before the point. */
export function formatDecimal(value: Decimal): string {
  if (value.scale === 0) return value.digits.toString();
  const negative = value.digits < 0n;
  const text = (negative ? -value.digits : value.digits).toString().padStart(value.scale + 1, "0");
  const point = text.length - value.scale;
  return `${negative ? "-" : ""}${text.slice(0, point)}.${text.slice(point)}`;
}

/** Negative, zero or positive as `left` is below, equal to or above `right`. */
export function compareDecimals(left: Decimal, right: Decimal): number {
  const scale = Math.max(left.scale, right.scale);
  const difference = digitsAt(left, scale) - digitsAt(right, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The exact sum, or undefined when it has too many digits. */
export function addDecimals(left: Decimal, right: Decimal): Decimal | undefined {
  const scale = Math.max(left.scale, right.scale);
  return makeDecimal(digitsAt(left, scale) + digitsAt(right, scale), scale);
}

/** The exact negative. */
export function negateDecimal(value: Decimal): Decimal {
  return { kind: "decimal", digits: -value.digits, scale: value.scale };
}

/** The exact product, or undefined when it has too many digits. */
export function multiplyDecimals(left: Decimal, right: Decimal): Decimal | undefined {
  return makeDecimal(left.digits * right.digits, left.scale + right.scale);
}

/** `left` / `right` to `scale` digits after the point, half away from zero. The caller has excluded a zero `right`. */
export function divideDecimals(left: Decimal, right: Decimal, scale: number): Decimal | undefined {
  const shift = scale + right.scale - left.scale;
  const numerator = shift >= 0 ? left.digits * 10n ** BigInt(shift) : left.digits;
  const denominator = shift >= 0 ? right.digits : right.digits * 10n ** BigInt(-shift);
  return makeDecimal(divideHalfAway(numerator, denominator), scale);
}

/** Rounds to `scale` digits after the point, half away from zero. */
export function roundDecimal(value: Decimal, scale: number): Decimal | undefined {
  if (value.scale <= scale) return value;
  return makeDecimal(divideHalfAway(value.digits, 10n ** BigInt(value.scale - scale)), scale);
}

/** The whole part, toward zero. */
export function truncateDecimal(value: Decimal): bigint {
  return value.scale === 0 ? value.digits : value.digits / 10n ** BigInt(value.scale);
}

function digitsAt(value: Decimal, scale: number): bigint {
  return scale === value.scale ? value.digits : value.digits * 10n ** BigInt(scale - value.scale);
}

function divideHalfAway(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n !== denominator < 0n;
  const above = numerator < 0n ? -numerator : numerator;
  const below = denominator < 0n ? -denominator : denominator;
  const rounded = (above * 2n + below) / (below * 2n);
  return negative ? -rounded : rounded;
}
