import { builtinTypes } from "@accord/core";
import type { ColumnCodec, ParseResult } from "@accord/core";

/**
 * Arrays as JSON arrays, order, repetition and nulls kept; several dimensions nest. Numbers and truth values stand without quotes, everything else as a
 * string, so that a `set` field reads it too. Arrays that do not begin at 1 cannot be carried: their bounds would be lost.
 */
export function arrayCodec(element: ColumnCodec, delimiter: string): ColumnCodec {
  return {
    typeName: "json",
    options: null,
    decode: (cell) => decodeArray(cell, element, delimiter),
    encode: (text) => encodeArray(text, element, delimiter),
  };
}

function invalid(problem: string): ParseResult {
  return { kind: "invalid", problem };
}

/** Thrown and caught in this file alone: nested reading has one way out. */
class Unfit extends Error {}

function decodeArray(cell: string, element: ColumnCodec, delimiter: string): ParseResult {
  if (cell.startsWith("[")) return invalid("an array that does not begin at 1");
  const reader = { cell, at: 0 };
  try {
    const json = readItems(reader, element, delimiter);
    return builtinTypes.get("json")?.parse(json) ?? { kind: "value", text: json };
  } catch (error) {
    if (error instanceof Unfit) return invalid(error.message);
    throw error;
  }
}

interface Reader {
  readonly cell: string;
  at: number;
}

function readItems(reader: Reader, element: ColumnCodec, delimiter: string): string {
  const items: string[] = [];
  if (reader.cell[reader.at] !== "{") throw new Unfit("no array");
  reader.at += 1;
  while (reader.at < reader.cell.length && reader.cell[reader.at] !== "}") {
    if (reader.cell[reader.at] === "{") items.push(readItems(reader, element, delimiter));
    else items.push(readItem(reader, element, delimiter));
    if (reader.cell[reader.at] === delimiter) reader.at += 1;
  }
  reader.at += 1;
  return `[${items.join(",")}]`;
}

function readItem(reader: Reader, element: ColumnCodec, delimiter: string): string {
  const { cell } = reader;
  let text = "";
  if (cell[reader.at] === '"') {
    reader.at += 1;
    while (reader.at < cell.length && cell[reader.at] !== '"') {
      if (cell[reader.at] === "\\") reader.at += 1;
      text += cell[reader.at] ?? "";
      reader.at += 1;
    }
    reader.at += 1;
  } else {
    const start = reader.at;
    while (reader.at < cell.length && cell[reader.at] !== delimiter && cell[reader.at] !== "}") reader.at += 1;
    text = cell.slice(start, reader.at);
    if (text === "NULL") return "null";
  }
  const decoded = element.decode(text);
  if (decoded.kind === "invalid") throw new Unfit(`an array with an element that is ${decoded.problem}`);
  return isBare(element, decoded.text) ? decoded.text : JSON.stringify(decoded.text);
}

function isBare(element: ColumnCodec, text: string): boolean {
  return element.typeName === "integer" || element.typeName === "boolean" || (element.typeName === "decimal" && !/[NI]/.test(text));
}

function encodeArray(text: string, element: ColumnCodec, delimiter: string): ParseResult {
  try {
    const items = readJsonItems({ cell: text, at: 0 });
    shapeOf(items);
    return { kind: "value", text: writeItems(items, element, delimiter) };
  } catch (error) {
    if (error instanceof Unfit) return invalid(error.message);
    throw error;
  }
}

type Item = string | null | readonly Item[];

const STRING = /"(?:[^"\\]|\\.)*"/y;
const SCALAR = /[^,[\]{}"\s]+/y;

/** Reads a canonical JSON array; numbers stay texts, since a 64-bit integer is no JavaScript number. */
function readJsonItems(reader: Reader): readonly Item[] {
  const items: Item[] = [];
  if (reader.cell[reader.at] !== "[") throw new Unfit("no JSON array");
  reader.at += 1;
  while (reader.cell[reader.at] !== "]") {
    if (reader.at >= reader.cell.length) throw new Unfit("no JSON array");
    items.push(readJsonItem(reader));
    if (reader.cell[reader.at] === ",") reader.at += 1;
  }
  reader.at += 1;
  return items;
}

function readJsonItem(reader: Reader): Item {
  const { cell } = reader;
  if (cell[reader.at] === "[") return readJsonItems(reader);
  const pattern = cell[reader.at] === '"' ? STRING : SCALAR;
  pattern.lastIndex = reader.at;
  const found = pattern.exec(cell)?.[0];
  if (found === undefined) throw new Unfit("an array with objects in it");
  reader.at += found.length;
  if (!found.startsWith('"')) return found === "null" ? null : found;
  const unquoted: unknown = JSON.parse(found);
  return String(unquoted);
}

/** Lengths by dimension; PostgreSQL's arrays are rectangular. */
function shapeOf(items: readonly Item[]): string {
  const shapes = new Set(items.map((item) => (Array.isArray(item) ? shapeOf(item) : "")));
  if (shapes.size > 1) throw new Unfit("an array whose inner arrays differ in length");
  const [inner = ""] = shapes;
  if (items.length > 0 && inner.startsWith("0")) throw new Unfit("an array of empty arrays");
  return `${items.length},${inner}`;
}

function writeItems(items: readonly Item[], element: ColumnCodec, delimiter: string): string {
  return `{${items.map((item) => writeItem(item, element, delimiter)).join(delimiter)}}`;
}

function writeItem(item: Item, element: ColumnCodec, delimiter: string): string {
  if (item === null) return "NULL";
  if (typeof item !== "string") return writeItems(item, element, delimiter);
  const type = element.typeName === "enum" ? undefined : builtinTypes.get(element.typeName);
  const canonical = type?.parse(item) ?? { kind: "value", text: item };
  const encoded = canonical.kind === "invalid" ? canonical : element.encode(canonical.text);
  if (encoded.kind === "invalid") throw new Unfit(`an array with an element that is ${encoded.problem}`);
  const { text } = encoded;
  // As array_out quotes: empty, NULL, and whatever holds a brace, the delimiter, a quote, a backslash or white space.
  const bare = text !== "" && text.toUpperCase() !== "NULL" && !/["\\{} \t\n\v\f\r]/.test(text) && !text.includes(delimiter);
  return bare ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}
