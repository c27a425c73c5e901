import { readImage, writeImage, type NativeCell, type RecordId } from "@accord/core";
import { assert } from "@accord/engine/connector";

/** A value as SQLite keeps it: NULL, INTEGER, REAL, TEXT or BLOB; and text whose bytes are not valid UTF-8, which other programs leave behind. */
export type NativeValue = null | bigint | number | string | Uint8Array | BrokenText;

/** Text by its bytes, because a JavaScript string could not hold them. */
export interface BrokenText {
  readonly bytes: Uint8Array;
}

/**
 * Which storage class a column's cells have without a tag. SQLite lets any cell of a column have any class, so a cell text names the class exactly:
 *
 * | class   | `number` columns            | `text` columns      | `bytes` columns |
 * |---------|-----------------------------|---------------------|-----------------|
 * | INTEGER | `5`                         | `~i5`               | `~i5`           |
 * | REAL    | `5.0`, `1e+21`, `-Infinity` | `~r5.0`             | `~r5.0`         |
 * | TEXT    | `~tabc`                     | `abc` (`~abc` is `~t~abc`) | `~tabc`  |
 * | BLOB    | `~b00ff`                    | `~b00ff`            | `00ff`          |
 * | TEXT, not UTF-8 | `~x00ff`            | `~x00ff`            | `~x00ff`        |
 *
 * So equal cell texts are equal native values, and a before-image restores what was there, class included. [S3]
 */
export type CellForm = "number" | "text" | "bytes";

/** The one cell text of a native value; null for NULL. Reals are spelled by their shortest text that reads back to the same double. */
export function cellOfValue(value: NativeValue, form: CellForm): string | null {
  if (value === null) return null;
  if (typeof value === "string") return form === "text" && !value.startsWith("~") ? value : `~t${value}`;
  if (typeof value === "bigint") return form === "number" ? value.toString() : `~i${value}`;
  if (typeof value === "number") return form === "number" ? spellReal(value) : `~r${spellReal(value)}`;
  if (value instanceof Uint8Array) return form === "bytes" ? spellBytes(value) : `~b${spellBytes(value)}`;
  return `~x${spellBytes(value.bytes)}`;
}

/** The native value of a cell text. The inverse of {@link cellOfValue}. */
export function valueOfCell(cell: string | null, form: CellForm): NativeValue {
  if (cell === null) return null;
  if (cell.startsWith("~")) return valueOfTagged(cell);
  switch (form) {
    case "number":
      return INTEGER.test(cell) ? BigInt(cell) : Number(cell);
    case "text":
      return cell;
    case "bytes":
      return readBytes(cell);
  }
}

/** The shortest text of a double that reads back to the same double, always with a point, an exponent or `Infinity`, so that it is never taken for an integer. */
export function spellReal(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  const text = value.toString();
  return INTEGER.test(text) ? `${text}.0` : text;
}

/** The record id of a key, or null where a part of it is NULL or not valid text: such a row cannot be told from others. */
export function recordIdOf(key: readonly NativeValue[], forms: readonly CellForm[]): RecordId | null {
  const [first] = key;
  const [form] = forms;
  if (key.length === 1 && form !== undefined && first !== undefined) return identifying(first) ? cellOfValue(first, form) : null;
  const cells: NativeCell[] = [];
  for (const [index, value] of key.entries()) {
    const partForm = forms[index];
    if (partForm === undefined || !identifying(value)) return null;
    cells.push(cellOfValue(value, partForm));
  }
  return writeImage(cells);
}

/** The key that a record id names. */
export function keyOfRecordId(id: RecordId, forms: readonly CellForm[]): readonly NativeValue[] {
  const cells: readonly NativeCell[] = forms.length === 1 ? [id] : readImage(id);
  assert(cells.length === forms.length, "a record id has another number of parts than the key");
  return forms.map((form, index) => valueOfCell(cells[index] ?? null, form));
}

const INTEGER = /^-?\d+$/;

/** The replacement character stands for bytes that were lost on the way: two different keys could read as one. */
function identifying(value: NativeValue): boolean {
  return value !== null && !(typeof value === "string" && value.includes("\uFFFD"));
}

function valueOfTagged(cell: string): NativeValue {
  const rest = cell.slice(2);
  switch (cell[1]) {
    case "i":
      return BigInt(rest);
    case "r":
      return Number(rest);
    case "t":
      return rest;
    case "b":
      return readBytes(rest);
    default:
      return { bytes: readBytes(rest) };
  }
}

function spellBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

function readBytes(hexadecimal: string): Uint8Array {
  return new Uint8Array(Buffer.from(hexadecimal, "hex"));
}
