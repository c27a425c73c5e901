import { formatDecimal, parseDecimal } from "./decimal.ts";
import { formatInstant, isDate, parseInstant } from "./instant.ts";
import type { Meter } from "./meter.ts";
import { asDecimal, makeInteger } from "./operator.ts";
import { isOpen, listOf, scalar, type StaticType } from "./static-type.ts";
import { Failure, isDecimal, isInstant, isList, kindName, type Outcome, type Value } from "./value.ts";

/** Types of Accord's fields by name, as expressions know them. */
export type CelTypeName =
  | "text"
  | "integer"
  | "decimal"
  | "boolean"
  | "date"
  | "time"
  | "instant"
  | "zoned"
  | "uuid"
  | "bytes"
  | "json"
  | "enum"
  | "set"
  | "reference"
  | "group";

/** The static type of a field's values inside an expression; types without operators of their own are text. */
export function fieldType(name: CelTypeName): StaticType {
  switch (name) {
    case "integer":
      return scalar("int");
    case "decimal":
    case "instant":
      return scalar(name);
    case "boolean":
      return scalar("bool");
    case "set":
      return listOf(scalar("text"));
    case "text":
    case "date":
    case "time":
    case "zoned":
    case "uuid":
    case "bytes":
    case "json":
    case "enum":
    case "reference":
    case "group":
      return scalar("text");
  }
}

/** Reads a field's canonical text into a value; a failure when the text is not one that expressions can calculate with. */
export function readCanonical(name: CelTypeName, text: string, meter: Meter): Outcome {
  meter.spendText(text.length);
  switch (name) {
    case "integer":
      return /^-?\d{1,19}$/u.test(text) ? makeInteger(BigInt(text)) : notCanonical(name);
    case "decimal":
      return parseDecimal(text) ?? notCanonical(name);
    case "instant":
      return parseInstant(text) ?? notCanonical(name);
    case "boolean":
      return text === "true" ? true : text === "false" ? false : notCanonical(name);
    case "set":
      return readSet(text, meter) ?? notCanonical(name);
    default:
      return text;
  }
}

/** Whether an expression of this static type may give the result; the reason in words when it may not. */
export function checkResultType(type: StaticType, result: CelTypeName | "any"): string | undefined {
  if (type.kind === "dyn" || type.kind === "null") return undefined;
  if (result === "any") return anyProblem(type);
  const wanted = fieldType(result);
  if (wanted.kind === type.kind) {
    return elementProblem(type);
  }
  if (wanted.kind === "decimal" && type.kind === "int") return undefined;
  const help = helpByKind.get(wanted.kind);
  return `the expression gives ${type.kind}, but ${result} is wanted${help === undefined ? "" : `; ${help}`}`;
}

const helpByKind: ReadonlyMap<string, string> = new Map([
  ["text", "convert it with string()"],
  ["int", "convert it with int()"],
  ["decimal", "convert it with decimal()"],
  ["instant", "convert it with instant()"],
]);

function elementProblem(type: StaticType): string | undefined {
  if (!("element" in type) || type.element.kind === "text" || isOpen(type.element)) return undefined;
  return "the elements of a set are text; use list.map(x, string(x))";
}

function anyProblem(type: StaticType): string | undefined {
  const plain = type.kind !== "double" && type.kind !== "duration" && type.kind !== "map";
  return plain ? elementProblem(type) : `the expression gives ${type.kind}, which no field can hold`;
}

/** Turns a value into the canonical text of a type, or a failure when it is none of that type. */
export function writeCanonical(value: Value, result: CelTypeName | "any", meter: Meter): string | null | Failure {
  if (value === null) return null;
  if (result === "any") return writeAny(value, meter);
  switch (result) {
    case "integer":
      return typeof value === "bigint" ? value.toString() : wrongKind(value, result);
    case "decimal": {
      const decimal = asDecimal(value);
      return decimal === undefined ? wrongKind(value, result) : formatDecimal(decimal);
    }
    case "boolean":
      return typeof value === "boolean" ? String(value) : wrongKind(value, result);
    case "instant":
      return isInstant(value) ? formatInstant(value) : wrongKind(value, result);
    case "set":
      return isList(value) ? writeSet(value, meter) : wrongKind(value, result);
    default:
      return typeof value === "string" ? checkText(value, result) : wrongKind(value, result);
  }
}

function writeAny(value: Exclude<Value, null>, meter: Meter): string | Failure {
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || typeof value === "boolean") return value.toString();
  if (isDecimal(value)) return formatDecimal(value);
  if (isInstant(value)) return formatInstant(value);
  return isList(value) ? writeSet(value, meter) : wrongKind(value, "field");
}

function checkText(text: string, result: CelTypeName): string | Failure {
  switch (result) {
    case "date":
      return isDate(text) ? text : notCanonical(result);
    case "time":
      return /^(?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{0,5}[1-9])?|24:00:00)$/u.test(text) ? text : notCanonical(result);
    case "uuid":
      return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u.test(text) ? text : notCanonical(result);
    case "bytes":
      return text.length % 2 === 0 && /^[0-9a-f]*$/u.test(text) ? text : notCanonical(result);
    default:
      // Texts of json, zoned and group are made canonical by the field's own value type, which knows their parameters.
      return text;
  }
}

function readSet(text: string, meter: Meter): readonly string[] | undefined {
  const elements = parseJson(text);
  if (!Array.isArray(elements)) return undefined;
  meter.spend(elements.length);
  const texts = elements.filter((element): element is string => typeof element === "string");
  return texts.length === elements.length ? texts : undefined;
}

/** JSON array of the unique elements, sorted by UTF-16 code unit, as a set's canonical text is. */
function writeSet(list: readonly Value[], meter: Meter): string | Failure {
  meter.spend(list.length);
  const texts = list.filter((element): element is string => typeof element === "string");
  if (texts.length !== list.length) return new Failure("the elements of a set are text; use list.map(x, string(x))");
  for (const text of texts) meter.spendText(text.length);
  return JSON.stringify([...new Set(texts)].toSorted((left, right) => (left < right ? -1 : left > right ? 1 : 0)));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function wrongKind(value: Value, result: string): Failure {
  return new Failure(`the expression gives ${kindName(value)}, but ${result} is wanted`);
}

function notCanonical(name: CelTypeName): Failure {
  return new Failure(`a value is not a ${name} that expressions can work with`);
}
