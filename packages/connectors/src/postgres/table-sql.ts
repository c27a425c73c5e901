import type { ColumnCodec, RecordId } from "@accord/core";
import { readImage, writeImage } from "@accord/core";
import type { ColumnFacts, TableFacts } from "./catalog.ts";
import { quoteName } from "./names.ts";
import type { Cell } from "./pipeline.ts";

/** One object, opened: what its statements are made of. */
export interface Table {
  readonly facts: TableFacts;
  readonly name: string;
  /** For FROM, UPDATE and DELETE: `ONLY` where a plain table might have heirs, whose rows are records of another object. */
  readonly only: string;
  /** For INSERT, which knows no ONLY. */
  readonly into: string;
  readonly key: readonly ColumnFacts[];
  readonly keyCodecs: readonly ColumnCodec[];
  /** The columns of images, in order. */
  readonly columns: readonly ColumnFacts[];
  readonly keyOrder: "integer" | "bytes";
}

/** The cell text of a column, exactly as COPY prints it, whatever its type: the type's own output function. `of` is a qualifier such as `t.`. */
export function cellSql(column: ColumnFacts, of: string): string {
  const { output } = column.type;
  const reference = of + quoteName(column.name);
  return output === "textout" || output === "varcharout" ? `${reference}::text` : `textin(${output}(${reference}))`;
}

/** A text parameter as a value of the column's base type; assigning it then checks length and scale, where a cast with a modifier would cut. */
export function castSql(text: string, column: ColumnFacts): string {
  return column.type.cast === "text" ? text : `${text}::${column.type.cast}`;
}

/** Whether the record's cell is exactly `text`: null-safe, and byte for byte, because some types call different values equal (citext, interval, numeric). */
export function sameCellSql(column: ColumnFacts, of: string, text: string): string {
  return `${cellSql(column, of)} COLLATE "C" IS NOT DISTINCT FROM ${text}`;
}

/** The record id: the key's cell, or the key's cells written as an image (escaped, separated by tabs). */
export function recordSql(table: Table, of: string): string {
  const [first, ...others] = table.key;
  if (first !== undefined && others.length === 0) return cellSql(first, of);
  return table.key.map((column) => escapeSql(cellSql(column, of))).join(" || E'\\t' || ");
}

/** The expressions of an image's cells, for a select list; the client receives them in text format, which is the output function's. */
export function imageSql(table: Table, of: string): string {
  return table.columns.map((column) => of + quoteName(column.name)).join(", ");
}

/** The key's cells of a record id, for the key's columns in order. */
export function keyCells(table: Table, record: RecordId): readonly Cell[] {
  if (table.key.length === 1) return [record];
  const cells = readImage(String(record)).map((cell) => cell ?? null);
  // An id of too many or too few parts is nobody's: a null is equal to nothing.
  return cells.length === table.key.length ? cells : table.key.map(() => null);
}

/** The record id of key cells. */
export function recordOf(cells: readonly Cell[]): RecordId {
  const [first = null, ...others] = cells;
  return others.length === 0 ? (first ?? "") : String(writeImage(cells));
}

/** As `writeImage` and COPY escape. */
function escapeSql(text: string): string {
  return ESCAPES.reduce(
    (inner, [letter, code]) => `replace(${inner}, E'\\x${code}', E'\\\\${letter}')`,
    `replace(${text}, E'\\\\', E'\\\\\\\\')`,
  );
}

/** By number, because PostgreSQL before 16 reads `\v` as a plain v. */
const ESCAPES = [
  ["b", "08"],
  ["t", "09"],
  ["n", "0a"],
  ["v", "0b"],
  ["f", "0c"],
  ["r", "0d"],
] as const;
