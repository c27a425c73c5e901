import { addDecimals, compareDecimals, decimalFromInteger, multiplyDecimals, negateDecimal, type Decimal } from "./decimal.ts";
import { makeInstant } from "./instant.ts";
import { textCharactersMax } from "./limits.ts";
import type { Meter } from "./meter.ts";
import type { BinaryOperator } from "./syntax.ts";
import { Failure, isDecimal, isDuration, isInstant, isList, isMap, kindName, type Outcome, type Value } from "./value.ts";

const integerMin = -(2n ** 63n);
const integerMax = 2n ** 63n - 1n;

/** Applies an operator to two known values. CEL's rules, with exact decimals; where it departs from CEL, see `order`. */
export function applyOperator(operator: BinaryOperator, left: Value, right: Value, meter: Meter): Outcome {
  switch (operator) {
    case "==":
      return equal(left, right, meter);
    case "!=": {
      const same = equal(left, right, meter);
      return same instanceof Failure ? same : !same;
    }
    case "<":
    case "<=":
    case ">":
    case ">=":
      return order(operator, left, right);
    case "in":
      return isIn(left, right, meter);
    default:
      return calculate(operator, left, right, meter);
  }
}

/** Negates a number or a duration. */
export function negate(value: Value): Outcome {
  if (typeof value === "bigint") return makeInteger(-value);
  if (typeof value === "number") return -value;
  if (value !== null && isDecimal(value)) return negateDecimal(value);
  if (isDuration(value)) return { kind: "duration", microseconds: -value.microseconds };
  return new Failure(`${kindName(value)} cannot be negated`);
}

/** An int, or the overflow error of CEL. */
export function makeInteger(value: bigint): Outcome {
  return value > integerMax || value < integerMin ? new Failure("the integer goes beyond 64 bits") : value;
}

/** Takes an int as the decimal it equals; undefined for what is neither. */
export function asDecimal(value: Value): Decimal | undefined {
  if (typeof value === "bigint") return decimalFromInteger(value);
  return isDecimal(value) ? value : undefined;
}

/** Equality across kinds is false, as in CEL, except that int, double and decimal compare by number. */
function equal(left: Value, right: Value, meter: Meter): boolean | Failure {
  if (left === right) return true;
  if (left === null || right === null) return false;
  if (typeof left !== "object" || typeof right !== "object") return equalAcross(left, right);
  if (isDecimal(left)) return isDecimal(right) && left.digits === right.digits && left.scale === right.scale;
  if (isInstant(left)) return isInstant(right) && left.microseconds === right.microseconds;
  if (isDuration(left)) return isDuration(right) && left.microseconds === right.microseconds;
  if (isMap(left)) return isMap(right) && equalMaps(left, right, meter);
  return isList(left) && isList(right) && equalLists(left, right, meter);
}

function equalAcross(left: Value, right: Value): boolean | Failure {
  if (typeof left === "number" || typeof right === "number") {
    if (isDecimal(left) || isDecimal(right)) return mixed();
    // An int and a double are compared by their mathematical values, which is CEL's equality across types.
    return isNumber(left) && isNumber(right) && compare(left, right) === 0;
  }
  if (typeof left === "bigint" && isDecimal(right)) return right.scale === 0 && right.digits === left;
  return isDecimal(left) && left.scale === 0 && left.digits === right;
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function equalLists(left: readonly Value[], right: readonly Value[], meter: Meter): boolean | Failure {
  if (left.length !== right.length) return false;
  meter.spend(left.length);
  for (const [index, element] of left.entries()) {
    const same = equal(element, right[index] ?? null, meter);
    if (same !== true) return same;
  }
  return true;
}

function equalMaps(left: ReadonlyMap<string, Value>, right: ReadonlyMap<string, Value>, meter: Meter): boolean | Failure {
  if (left.size !== right.size) return false;
  meter.spend(left.size);
  for (const [key, element] of left) {
    const other = right.get(key);
    if (other === undefined) return false;
    const same = equal(element, other, meter);
    if (same !== true) return same;
  }
  return true;
}

function isIn(value: Value, holder: Value, meter: Meter): Outcome {
  if (isMap(holder)) return typeof value === "string" && holder.has(value);
  if (!isList(holder)) return new Failure(`"in" needs a list or map on its right, not ${kindName(holder)}`);
  meter.spend(holder.length);
  let failure: Failure | undefined;
  for (const element of holder) {
    const same = equal(value, element, meter);
    if (same === true) return true;
    if (same instanceof Failure) failure ??= same;
  }
  return failure ?? false;
}

/**
 * Orders two values. With null the answer is false, where CEL has an error: systems' own filters leave out records whose
 * field is empty, and a filter must select the same records whether it is pushed down or evaluated here.
 */
function order(operator: "<" | "<=" | ">" | ">=", left: Value, right: Value): Outcome {
  if (left === null || right === null) return false;
  const sign = compare(left, right);
  if (typeof sign !== "number") return sign;
  switch (operator) {
    case "<":
      return sign < 0;
    case "<=":
      return sign <= 0;
    case ">":
      return sign > 0;
    case ">=":
      return sign >= 0;
  }
}

/** Below, equal or above zero; NaN when doubles have no order. */
function compare(left: Value, right: Value): number | Failure {
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  if (isNumber(left) && isNumber(right)) return left < right ? -1 : left > right ? 1 : left >= right ? 0 : Number.NaN;
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  if (isInstant(left) && isInstant(right)) return compareBig(left.microseconds, right.microseconds);
  if (isDuration(left) && isDuration(right)) return compareBig(left.microseconds, right.microseconds);
  const [leftDecimal, rightDecimal] = [asDecimal(left), asDecimal(right)];
  if (leftDecimal !== undefined && rightDecimal !== undefined) return compareDecimals(leftDecimal, rightDecimal);
  if (mixesDouble(left, right)) return mixed();
  return new Failure(`${kindName(left)} and ${kindName(right)} have no order`);
}

/** By code point, as CEL orders text; JavaScript's own order is by UTF-16 unit and differs above U+FFFF. */
function compareText(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const [leftUnit, rightUnit] = [left.charCodeAt(index), right.charCodeAt(index)];
    if (leftUnit === rightUnit) continue;
    // Half of a code point above U+FFFF is greater than any unit that stands for itself.
    if (isSurrogate(leftUnit) !== isSurrogate(rightUnit)) return isSurrogate(leftUnit) ? 1 : -1;
    return leftUnit - rightUnit;
  }
  return left.length - right.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd8_00 && unit <= 0xdf_ff;
}

function compareBig(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

type Arithmetic = "+" | "-" | "*" | "/" | "%";

function calculate(operator: Arithmetic, left: Value, right: Value, meter: Meter): Outcome {
  if (left === null || right === null) {
    return new Failure(`"${operator}" met null; give a value for it with coalesce(), or put texts together with join()`);
  }
  if (typeof left === "bigint" && typeof right === "bigint") return calculateIntegers(operator, left, right);
  if (typeof left === "string" && typeof right === "string" && operator === "+") return concatenate(left, right, meter);
  if (typeof left === "number" && typeof right === "number") return calculateDoubles(operator, left, right);
  if (isList(left) && isList(right) && operator === "+") {
    meter.spend(left.length + right.length);
    return [...left, ...right];
  }
  const [leftDecimal, rightDecimal] = [asDecimal(left), asDecimal(right)];
  if (leftDecimal !== undefined && rightDecimal !== undefined) return calculateDecimals(operator, leftDecimal, rightDecimal, meter);
  if (mixesDouble(left, right)) return mixed();
  return calculateTimes(operator, left, right) ?? new Failure(`"${operator}" is not defined for ${kindName(left)} and ${kindName(right)}`);
}

function calculateIntegers(operator: Arithmetic, left: bigint, right: bigint): Outcome {
  if ((operator === "/" || operator === "%") && right === 0n) return new Failure("division by zero");
  switch (operator) {
    case "+":
      return makeInteger(left + right);
    case "-":
      return makeInteger(left - right);
    case "*":
      return makeInteger(left * right);
    case "/":
      return makeInteger(left / right);
    case "%":
      return left % right;
  }
}

function calculateDoubles(operator: Arithmetic, left: number, right: number): Outcome {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return new Failure(`"%" is not defined for double and double`);
  }
}

function calculateDecimals(operator: Arithmetic, left: Decimal, right: Decimal, meter: Meter): Outcome {
  meter.spend(1);
  switch (operator) {
    case "+":
      return addDecimals(left, right) ?? tooManyDigits();
    case "-":
      return addDecimals(left, negateDecimal(right)) ?? tooManyDigits();
    case "*":
      return multiplyDecimals(left, right) ?? tooManyDigits();
    default:
      return new Failure(`decimals are divided with div(a, b, scale), not "${operator}"`);
  }
}

/** Undefined when the operator does not fit. */
function calculateTimes(operator: Arithmetic, left: Value, right: Value): Outcome | undefined {
  if (operator !== "+" && operator !== "-") return undefined;
  const shift = (from: bigint, by: bigint): bigint => (operator === "+" ? from + by : from - by);
  if (isInstant(left) && isDuration(right)) return instantOr(shift(left.microseconds, right.microseconds));
  if (isDuration(left) && isInstant(right) && operator === "+") return instantOr(left.microseconds + right.microseconds);
  const sameKind = (isInstant(left) && isInstant(right) && operator === "-") || (isDuration(left) && isDuration(right));
  if (!sameKind) return undefined;
  return { kind: "duration", microseconds: shift(left.microseconds, right.microseconds) };
}

function concatenate(left: string, right: string, meter: Meter): Outcome {
  const length = left.length + right.length;
  if (length > textCharactersMax) return textTooLong();
  meter.spendText(length);
  return left + right;
}

/** The failure of a text beyond `textCharactersMax`. */
export function textTooLong(): Failure {
  return new Failure(`the text grows beyond ${textCharactersMax.toString()} characters`);
}

/** The failure of a decimal beyond `decimalDigitsMax`. */
export function tooManyDigits(): Failure {
  return new Failure("the decimal has too many digits");
}

function instantOr(microseconds: bigint): Outcome {
  return makeInstant(microseconds) ?? new Failure("the instant is outside the years 0001 to 9999");
}

function mixesDouble(left: Value, right: Value): boolean {
  return (typeof left === "number" && isDecimal(right)) || (typeof right === "number" && isDecimal(left));
}

function mixed(): Failure {
  return new Failure("a decimal and a double do not mix; write the number as decimal('1.5')");
}
