import type { NativeImage, RecordId } from "@accord/core";
import type { ListOptions, RecordPage } from "@accord/engine/connector";
import type { BoundValue, Row, Session, SqliteFile } from "./database.ts";
import { PAGE_SIZE_MAX, SORT_STEP_ROWS } from "./limits.ts";
import { quoted } from "./names.ts";
import { keyOfRecordId, recordIdOf, type NativeValue } from "./native-cell.ts";
import { asBound, placeholderOf, type RowReader } from "./row-reader.ts";
import type { Table } from "./table.ts";

/** What a listing reads from. */
export interface ListSource {
  readonly file: SqliteFile;
  readonly table: Table;
  readonly reader: RowReader;
  /** The position of the moment that a session reads. */
  positionOf(session: Session): string;
}

/** Lists an object in the order of record ids, each page in a transaction of its own, so that no lock outlives a page. */
export async function* listRecords(source: ListSource, after: RecordId | null, options: ListOptions): AsyncIterable<RecordPage> {
  if (await isInKeyOrder(source, options)) yield* listByKey(source, after, options);
  else yield* listSorted(source, after, options);
}

/** A text key may hold blobs too (nothing converts them); they sort after all texts in the index, and elsewhere as record ids. */
async function isInKeyOrder({ file, table, reader }: ListSource, options: ListOptions): Promise<boolean> {
  if (table.listing !== "text") return table.listing === "integer";
  const key = quoted(table.schema.key[0] ?? "");
  return file.read((session) => session.first(`SELECT 1 FROM ${reader.fromSql} WHERE ${key} >= x'' LIMIT 1`) === undefined, options);
}

async function* listByKey(source: ListSource, after: RecordId | null, options: ListOptions): AsyncIterable<RecordPage> {
  const { file, table, reader } = source;
  const pageSize = Math.min(options.pageSize, PAGE_SIZE_MAX);
  const steps = createSteps(table, reader.columnsSql, pageSize);
  let last: readonly NativeValue[] | null = after === null ? null : keyOfRecordId(after, table.keyForms);
  for (;;) {
    const page = await file.read((session) => {
      const step = steps(session, last);
      return { ...imagesOf(session, reader, step.rows), position: source.positionOf(session), complete: step.rows.length < pageSize, last: step.last };
    }, options);
    last = page.last;
    yield page;
    if (page.complete) return;
  }
}

/**
 * Keys whose index has another order than their record ids (composite keys, typeless keys, other collations) are first sorted into a temporary table, in short
 * steps. A record made after its step is not in the listing; the positions tell, because each page's is of the moment its images were read.
 */
async function* listSorted(source: ListSource, after: RecordId | null, options: ListOptions): AsyncIterable<RecordPage> {
  const { file, table, reader } = source;
  const sorted = new SortedKeys(file, table);
  try {
    await sorted.fill(after, options);
    const pageSize = Math.min(options.pageSize, PAGE_SIZE_MAX);
    let last: BoundValue | undefined;
    for (;;) {
      const page = await file.read((session) => {
        const keys = sorted.page(session, last, pageSize);
        const rows = keys.map(([, ...key]) => session.first(`SELECT ${reader.columnsSql} FROM ${reader.fromSql} WHERE ${reader.keyIsSql}`, key));
        return { ...imagesOf(session, reader, rows.filter((row) => row !== undefined)), position: source.positionOf(session), complete: keys.length < pageSize, last: keys.at(-1)?.[0] };
      }, options);
      last = page.last;
      yield page;
      if (page.complete) return;
    }
  } finally {
    sorted.drop();
  }
}

function imagesOf(session: Session, reader: RowReader, rows: readonly Row[]): { readonly ids: readonly RecordId[]; readonly images: readonly NativeImage[] } {
  const ids: RecordId[] = [];
  const images: NativeImage[] = [];
  for (const row of rows) {
    const id = reader.idOf(row);
    if (id === null) continue;
    // A key that is no UTF-8 cannot be named by an id; a key that really has this character can.
    if (id.includes(REPLACEMENT) && (reader.find(session, id) === undefined || ids.includes(id))) continue;
    ids.push(id);
    images.push(reader.imageOf(session, row));
  }
  return { ids, images };
}

const REPLACEMENT = "\uFFFD";

/** Rows in the order of the key's index, from behind a key; and the key to go on from. Rows with a NULL in their key are left out. */
type Steps = (session: Session, after: readonly NativeValue[] | null) => { readonly rows: readonly Row[]; readonly last: readonly NativeValue[] | null };

/** @param columnsSql begins with the key columns */
function createSteps(table: Table, columnsSql: string, size: number): Steps {
  const { key, name } = table.schema;
  const keySql = key.map(quoted).join(", ");
  const known = key.map((column) => `${quoted(column)} IS NOT NULL`).join(" AND ");
  return (session, after) => {
    const behind = after === null ? "" : ` AND (${keySql}) > (${after.map((value) => placeholderOf(value)).join(", ")})`;
    const from = `FROM main.${quoted(name)} WHERE ${known}${behind} ORDER BY ${keySql}`;
    const values = after === null ? [] : after.map((value) => asBound(value));
    const rows = session.all(`SELECT ${columnsSql} ${from} LIMIT ${size}`, values);
    const last = rows.at(-1)?.slice(0, key.length) ?? null;
    if (last === null || !last.some((value) => typeof value === "string" && value.includes(REPLACEMENT))) return { rows, last };
    // Going on from what the bytes were read as could lead back to the same rows: go on from the bytes.
    const exact = key.map((column) => `CASE typeof(${quoted(column)}) WHEN 'text' THEN CAST(${quoted(column)} AS BLOB) ELSE ${quoted(column)} END`).join(", ");
    const bytes = session.first(`SELECT ${exact} ${from} LIMIT 1 OFFSET ${rows.length - 1}`, values) ?? last;
    return { rows, last: last.map((value, part) => (typeof value === "string" ? brokenText(bytes[part]) : value)) };
  };
}

function brokenText(bytes: BoundValue | undefined): NativeValue {
  return bytes instanceof Uint8Array ? { bytes } : (bytes ?? null);
}

/** The keys of one listing by the bytes of their record ids, in a temporary table that only this connection sees. SQLite keeps it in memory or a temporary file. */
class SortedKeys {
  static #made = 0;
  readonly #file: SqliteFile;
  readonly #table: Table;
  readonly #name: string;

  constructor(file: SqliteFile, table: Table) {
    SortedKeys.#made += 1;
    this.#file = file;
    this.#table = table;
    this.#name = `temp.accord_listing_${SortedKeys.#made}`;
  }

  async fill(after: RecordId | null, options: ListOptions): Promise<void> {
    const { keyForms, schema } = this.#table;
    const parts = keyForms.map((_, index) => `k${index}`);
    const steps = createSteps(this.#table, schema.key.map(quoted).join(", "), SORT_STEP_ROWS);
    const insert = `INSERT OR IGNORE INTO ${this.#name} VALUES (${["id", ...parts].map(() => "?").join(", ")})`;
    const bound = after === null ? null : Buffer.from(after, "utf8");
    let last: readonly NativeValue[] | null = null;
    for (;;) {
      const step = await this.#file.read((session) => {
        session.run(`CREATE TEMP TABLE IF NOT EXISTS ${this.#name.slice("temp.".length)} (id BLOB PRIMARY KEY, ${parts.join(", ")}) WITHOUT ROWID`);
        const found = steps(session, last);
        for (const row of found.rows) {
          const bytes = Buffer.from(recordIdOf(row, keyForms) ?? "", "utf8");
          if (bound === null || bytes.compare(bound) > 0) session.run(insert, [bytes, ...row]);
        }
        return found;
      }, options);
      if (step.rows.length < SORT_STEP_ROWS) return;
      last = step.last;
    }
  }

  /** Rows of the id's bytes and the key's parts. */
  page(session: Session, last: BoundValue | undefined, limit: number): readonly Row[] {
    const behind = last === undefined ? "" : "WHERE id > ?";
    return session.all(`SELECT * FROM ${this.#name} ${behind} ORDER BY id LIMIT ${limit}`, last === undefined ? [] : [last]);
  }

  drop(): void {
    this.#file.dropTemporary(this.#name);
  }
}
