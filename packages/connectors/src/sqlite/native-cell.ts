import { readImage, writeImage, type NativeCell, type RecordId } from "@accord/core";

/** A value as SQLite keeps it: NULL, INTEGER, REAL, TEXT or BLOB; and text whose bytes are not valid UTF-8, which other programs leave behind. */
export type NativeValue = null | bigint | number | string | Uint8Array | BrokenText;

/** Text by its bytes, because a JavaScript string could not hold them. */
export interface BrokenText {
  readonly bytes: Uint8Array;
}

export function isBroken(value: NativeValue): value is BrokenText {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
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

/** The record id of a key, or null where a part of it is NULL: such a row cannot be told from others. */
export function recordIdOf(key: readonly NativeValue[], forms: readonly CellForm[]): RecordId | null {
  const [first = null] = key;
  if (forms.length === 1) return cellOfValue(first, forms[0] ?? "text");
  if (key.includes(null)) return null;
  // An id is an image's text, but not an image of the record.
  const id: string = writeImage(key.map((value, index) => cellOfValue(value, forms[index] ?? "text")));
  return id;
}

/** The key that a record id names, or null where no record can have that id. */
export function keyOfRecordId(id: RecordId, forms: readonly CellForm[]): readonly NativeValue[] | null {
  const text: string = id;
  const cells: readonly NativeCell[] = forms.length === 1 ? [text] : readImage(text);
  if (cells.length !== forms.length) return null;
  const key = forms.map((form, index) => valueOfCell(cells[index] ?? null, form));
  const isStorable = key.every((value) => typeof value !== "bigint" || BigInt.asIntN(64, value) === value);
  return isStorable && recordIdOf(key, forms) === id ? key : null;
}

const INTEGER = /^-?\d+$/;

function valueOfTagged(cell: string): NativeValue {
  const rest = cell.slice(2);
  switch (cell[1]) {
    case "i":
      return INTEGER.test(rest) ? BigInt(rest) : null;
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
