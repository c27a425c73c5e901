import { writeImage, type NativeImage, type RecordId } from "@accord/core";
import type { BoundValue, Row, Session } from "./database.ts";
import { cellOfValue, isBroken, keyOfRecordId, recordIdOf, type CellForm, type NativeValue } from "./native-cell.ts";
import { quoted } from "./names.ts";
import type { Table } from "./table.ts";

/**
 * Turns rows of one table into record ids and images. Every way of reading goes through here, so that an image is the same text however it was read.
 * Rows are selected with {@link columnsSql}: the key, then the columns of the image.
 */
export interface RowReader {
  readonly columnsSql: string;
  readonly fromSql: string;
  /** `"id" = ?` for each part of the key, with the values in {@link keyValues}. */
  readonly keyIsSql: string;
  readonly keyForms: readonly CellForm[];
  readonly forms: readonly CellForm[];
  /** Null where no record can have the id. */
  keyValues(id: RecordId): readonly BoundValue[] | null;
  /** Null where the row cannot be identified: see `recordIdOf`. */
  idOf(row: Row): RecordId | null;
  imageOf(session: Session, row: Row): NativeImage;
  /** The native value of one column of the image. */
  valueOf(session: Session, row: Row, column: number): NativeValue;
  /** The row of exactly this id, or undefined. A key that is equal only by its collation ("ABC" for "abc") is another id. */
  find(session: Session, id: RecordId): Row | undefined;
}

export function createRowReader(table: Table, columns: readonly string[]): RowReader {
  const { key, name } = table.schema;
  const keyForms = table.keyForms;
  const forms = columns.map((column) => table.forms.get(column) ?? "text");
  const fromSql = `main.${quoted(name)}`;
  const columnsSql = [...key, ...columns].map(quoted).join(", ");
  const keyIsSql = key.map((column) => `${quoted(column)} = ?`).join(" AND ");
  const findSql = `SELECT ${columnsSql} FROM ${fromSql} WHERE ${keyIsSql}`;
  const repair = (session: Session, row: Row, column: number, text: string): NativeValue => {
    const sql = `SELECT CAST(${quoted(columns[column] ?? "")} AS BLOB) FROM ${fromSql} WHERE ${keyIsSql}`;
    const bytes = session.first(sql, row.slice(0, key.length))?.[0];
    return bytes instanceof Uint8Array && !isTextOf(bytes, text) ? { bytes } : text;
  };
  const valueOf = (session: Session, row: Row, column: number): NativeValue => {
    const value = row[key.length + column] ?? null;
    return typeof value === "string" && value.includes("\uFFFD") ? repair(session, row, column, value) : value;
  };
  const keyValues = (id: RecordId): readonly BoundValue[] | null => keyOfRecordId(id, keyForms)?.map((value) => asBound(value)) ?? null;
  const idOf = (row: Row): RecordId | null => recordIdOf(key.length === 1 ? [row[0] ?? null] : row.slice(0, key.length), keyForms);
  return {
    columnsSql,
    fromSql,
    keyIsSql,
    keyForms,
    forms,
    keyValues,
    idOf,
    valueOf,
    imageOf: (session, row) => {
      let image = "";
      for (let column = 0; column < forms.length; column += 1) {
        if (column > 0) image += "\t";
        const value = row[key.length + column] ?? null;
        const form = forms[column] ?? "text";
        if (typeof value === "string" && form === "text" && !SPECIAL_TEXT.test(value)) image += value;
        else if (typeof value === "bigint" && form === "number") image += value;
        else if (value === null) image += "\\N";
        else image += writeImage([cellOfValue(valueOf(session, row, column), form)]);
      }
      return image;
    },
    find: (session, id) => {
      const values = keyValues(id);
      const row = values === null ? undefined : session.first(findSql, values);
      return row !== undefined && idOf(row) === id ? row : undefined;
    },
  };
}

/** What SQL binds for a native value. Text that is not UTF-8 needs `CAST(? AS TEXT)` around it: see {@link placeholderOf}. */
export function asBound(value: NativeValue): BoundValue {
  return isBroken(value) ? value.bytes : value;
}

export function placeholderOf(value: NativeValue): string {
  return isBroken(value) ? "CAST(? AS TEXT)" : "?";
}

/** Texts whose cell differs from them: tagged, escaped, or perhaps not UTF-8. */
const SPECIAL_TEXT = /^~|[\t\n\r\\\uFFFD]/;

/** The text came with replacement characters: were they in the file, or do they stand for bytes that are no UTF-8? UTF-16 files are taken as they are. */
export function isTextOf(bytes: Uint8Array, text: string): boolean {
  if (bytes.byteLength === text.length * 2 && bytes.includes(0)) return true;
  return Buffer.from(text, "utf8").equals(bytes);
}
