import { decimalFromInteger, divideDecimals, formatDecimal, parseDecimal, roundDecimal, truncateDecimal } from "./decimal.ts";
import { asInteger, asText, type FunctionShape } from "./function-shape.ts";
import { civilTime, formatDay, formatInstant, isDate, parseDuration, parseInstant, type CivilTime } from "./instant.ts";
import { scaleMax } from "./limits.ts";
import type { Meter } from "./meter.ts";
import { asDecimal, makeInteger, tooManyDigits } from "./operator.ts";
import { scalar } from "./static-type.ts";
import { Failure, isDecimal, isDuration, isInstant, isList, isMap, kindName, type Outcome, type Value } from "./value.ts";

/** Conversions, decimals and times. Conversions give null for null. */
export const convertFunctions: ReadonlyMap<string, FunctionShape> = new Map<string, FunctionShape>([
  [
    "string",
    {
      usage: "string(value): text, in the canonical spelling",
      operands: [["text", "int", "bool", "double", "decimal", "instant", "duration"]],
      onNull: null,
      result: scalar("text"),
      run: toText,
    },
  ],
  [
    "int",
    {
      usage: "int(value): int; decimals and doubles lose what is after the point, an instant gives seconds since 1970",
      operands: [["int", "text", "decimal", "double", "instant"]],
      onNull: null,
      result: scalar("int"),
      run: toInteger,
    },
  ],
  [
    "double",
    {
      usage: "double(value): double",
      operands: [["double", "int", "text", "decimal"]],
      onNull: null,
      result: scalar("double"),
      run: toDouble,
    },
  ],
  [
    "decimal",
    {
      usage: "decimal(value): decimal, exact",
      operands: [["decimal", "int", "text"]],
      onNull: null,
      result: scalar("decimal"),
      run: toDecimal,
    },
  ],
  [
    "instant",
    {
      usage: "instant(text): instant, from '2024-01-01T00:00:00Z'",
      operands: [["text", "instant"]],
      onNull: null,
      result: scalar("instant"),
      run: toInstant,
    },
  ],
  [
    "timestamp",
    {
      usage: "timestamp(text): instant, CEL's own name of instant()",
      operands: [["text", "instant"]],
      onNull: null,
      result: scalar("instant"),
      run: toInstant,
    },
  ],
  [
    "duration",
    {
      usage: "duration(text): duration, from '1h30m'",
      operands: [["text", "duration"]],
      onNull: null,
      result: scalar("duration"),
      run: toDuration,
    },
  ],
  [
    "date",
    {
      usage: "date(value): the day as text 'YYYY-MM-DD'; of an instant, its day in UTC",
      operands: [["text", "instant"]],
      onNull: null,
      result: scalar("text"),
      run: toDate,
    },
  ],
  [
    "round",
    {
      usage: "round(decimal, scale): decimal with at most scale digits after the point, half away from zero",
      operands: [["decimal", "int"], ["int"]],
      optional: 1,
      onNull: null,
      result: scalar("decimal"),
      run: round,
    },
  ],
  [
    "div",
    {
      usage: "div(a, b, scale): a / b as a decimal with at most scale digits after the point, half away from zero",
      operands: [["decimal", "int"], ["decimal", "int"], ["int"]],
      onNull: null,
      result: scalar("decimal"),
      run: divide,
    },
  ],
  [
    "size",
    {
      usage: "size(value): characters of a text, elements of a list or map",
      operands: [["text", "list", "map"]],
      result: scalar("int"),
      run: size,
    },
  ],
  [
    "dyn",
    {
      usage: "dyn(value): the value, its type checked when it is evaluated",
      operands: [["any"]],
      result: scalar("dyn"),
      run: ([value]) => value ?? null,
    },
  ],
  ...timePart("getFullYear", "the year", (civil) => civil.year),
  ...timePart("getMonth", "the month, January is 0", (civil) => civil.month - 1),
  ...timePart("getDate", "the day of the month, from 1", (civil) => civil.day),
  ...timePart("getDayOfMonth", "the day of the month, from 0", (civil) => civil.day - 1),
  ...timePart("getDayOfWeek", "the day of the week, Sunday is 0", (civil) => civil.dayOfWeek),
  ...timePart("getHours", "the hour", (civil) => Math.floor(civil.secondOfDay / 3_600)),
  ...timePart("getMinutes", "the minute", (civil) => Math.floor(civil.secondOfDay / 60) % 60),
  ...timePart("getSeconds", "the second", (civil) => civil.secondOfDay % 60),
  ...timePart("getMilliseconds", "the millisecond", (civil) => Math.floor(civil.microsecond / 1_000)),
]);

function timePart(name: string, what: string, part: (civil: CivilTime) => number): readonly (readonly [string, FunctionShape])[] {
  const shape: FunctionShape = {
    usage: `${name}(instant): ${what}, in UTC`,
    operands: [["instant"]],
    onNull: null,
    result: scalar("int"),
    run: ([value]) => (value !== undefined && isInstant(value) ? BigInt(part(civilTime(value))) : null),
  };
  return [[name, shape]];
}

function toText([value = null]: readonly Value[]): Outcome {
  if (value === null || typeof value === "string") return value;
  if (typeof value !== "object") return String(value);
  if (isDecimal(value)) return formatDecimal(value);
  if (isInstant(value)) return formatInstant(value);
  if (!isDuration(value)) return new Failure(`${kindName(value)} has no text`);
  const seconds = parseDecimal(`${value.microseconds.toString()}e-6`);
  return seconds === undefined ? tooManyDigits() : `${formatDecimal(seconds)}s`;
}

function toInteger([value = null]: readonly Value[]): Outcome {
  if (typeof value === "string") {
    return /^[+-]?\d{1,30}$/u.test(value) ? makeInteger(BigInt(value.replace("+", ""))) : notA("an integer", "int");
  }
  if (typeof value === "number") {
    const whole = Math.trunc(value);
    return Number.isFinite(whole) ? makeInteger(BigInt(whole)) : new Failure("the double has no integer");
  }
  if (isDecimal(value)) return makeInteger(truncateDecimal(value));
  if (isInstant(value)) {
    const within = ((value.microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
    return (value.microseconds - within) / 1_000_000n;
  }
  return value;
}

function toDouble([value = null]: readonly Value[]): Outcome {
  if (typeof value === "bigint") return Number(value);
  if (isDecimal(value)) return Number(formatDecimal(value));
  if (typeof value !== "string") return value;
  return /^[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?$/u.test(value) ? Number(value) : notA("a number", "double");
}

function toDecimal([value = null]: readonly Value[], meter: Meter): Outcome {
  if (typeof value === "bigint") return decimalFromInteger(value);
  if (typeof value !== "string") return value;
  meter.spendText(value.length);
  return parseDecimal(value) ?? notA("a decimal number", "decimal");
}

function toInstant([value = null]: readonly Value[]): Outcome {
  if (typeof value !== "string") return value;
  return parseInstant(value) ?? notA("a time with its offset, such as 2024-01-01T00:00:00Z", "instant");
}

function toDuration([value = null]: readonly Value[]): Outcome {
  if (typeof value !== "string") return value;
  return parseDuration(value) ?? notA("a duration, such as 1h30m", "duration");
}

function toDate([value = null]: readonly Value[]): Outcome {
  if (isInstant(value)) return formatDay(civilTime(value));
  if (typeof value !== "string") return value;
  if (isDate(value)) return value;
  const instant = parseInstant(value);
  return instant === undefined ? notA("a day, such as 2024-12-31", "date") : formatDay(civilTime(instant));
}

function round([value = null, scale = 0n]: readonly Value[]): Outcome {
  const decimal = asDecimal(value);
  const places = scaleOf(scale);
  if (decimal === undefined || places === undefined) return badScale();
  return roundDecimal(decimal, places) ?? tooManyDigits();
}

function divide([left = null, right = null, scale]: readonly Value[]): Outcome {
  const [numerator, denominator, places] = [asDecimal(left), asDecimal(right), scaleOf(scale)];
  if (numerator === undefined || denominator === undefined || places === undefined) return badScale();
  if (denominator.digits === 0n) return new Failure("division by zero");
  return divideDecimals(numerator, denominator, places) ?? tooManyDigits();
}

function scaleOf(scale: Value | undefined): number | undefined {
  const places = asInteger(scale);
  return places >= 0n && places <= BigInt(scaleMax) ? Number(places) : undefined;
}

function badScale(): Failure {
  return new Failure(`the digits after the point go from 0 to ${scaleMax.toString()}`);
}

function size([value = null]: readonly Value[], meter: Meter): Outcome {
  if (isList(value)) return BigInt(value.length);
  if (isMap(value)) return BigInt(value.size);
  const text = asText(value);
  meter.spendText(text.length);
  return BigInt(Array.from(text).length);
}

/** Field values stay out of messages: they reach logs, and records hold personal data. */
function notA(what: string, name: string): Failure {
  return new Failure(`the text given to ${name}() is not ${what}`);
}
