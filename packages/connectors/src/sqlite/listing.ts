import type { NativeImage, RecordId } from "@accord/core";
import type { ListOptions, RecordPage } from "@accord/engine/connector";
import type { BoundValue, Row, Session, SqliteFile } from "./database.ts";
import { PAGE_SIZE_MAX, SORT_STEP_ROWS } from "./limits.ts";
import { quoted } from "./names.ts";
import { isBroken, keyOfRecordId, recordIdOf, type NativeValue } from "./native-cell.ts";
import { asBound, isTextOf, placeholderOf, type RowReader } from "./row-reader.ts";
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
  let next: readonly NativeValue[] | null = after === null ? null : keyOfRecordId(after, table.keyForms);
  for (;;) {
    const page = await file.read((session) => {
      const step = steps(session, next);
      return {
        ...imagesOf(session, reader, step.rows),
        position: source.positionOf(session),
        complete: step.next === null,
        next: step.next,
      };
    }, options);
    next = page.next;
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
        const rows = keys.map(([, ...key]) =>
          session.first(`SELECT ${reader.columnsSql} FROM ${reader.fromSql} WHERE ${reader.keyIsSql}`, key),
        );
        return {
          ...imagesOf(
            session,
            reader,
            rows.filter((row) => row !== undefined),
          ),
          position: source.positionOf(session),
          complete: keys.length < pageSize,
          last: keys.at(-1)?.[0],
        };
      }, options);
      last = page.last;
      yield page;
      if (page.complete) return;
    }
  } finally {
    sorted.drop();
  }
}

function imagesOf(
  session: Session,
  reader: RowReader,
  rows: readonly Row[],
): { readonly ids: readonly RecordId[]; readonly images: readonly NativeImage[] } {
  const ids: RecordId[] = [];
  const images: NativeImage[] = [];
  for (const row of rows) {
    const id = reader.idOf(row);
    if (id === null) continue;
    ids.push(id);
    images.push(reader.imageOf(session, row));
  }
  return { ids, images };
}

/** Some rows in the order of the key's index, and the key to go on from; null behind the last row. */
interface Step {
  readonly rows: readonly Row[];
  readonly next: readonly NativeValue[] | null;
}

/**
 * Reads step by step from behind a key. Rows with a NULL in their key are left out, and rows whose key is text that is not UTF-8: no id could name them.
 *
 * @param columnsSql begins with the key columns
 */
function createSteps(table: Table, columnsSql: string, size: number): (session: Session, after: readonly NativeValue[] | null) => Step {
  const { key, name } = table.schema;
  const keySql = key.map(quoted).join(", ");
  const known = key.map((column) => `${quoted(column)} IS NOT NULL`).join(" AND ");
  const exactSql = key.map((column) => `CASE typeof(${quoted(column)}) WHEN 'text' THEN CAST(${quoted(column)} AS BLOB) END`).join(", ");
  const keyOf = (row: Row): Row => row.slice(0, key.length);
  return (session, after) => {
    const behind = after === null ? "" : ` AND (${keySql}) > (${after.map((value) => placeholderOf(value)).join(", ")})`;
    const from = `FROM main.${quoted(name)} WHERE ${known}${behind} ORDER BY ${keySql} LIMIT ${size}`;
    const values = after === null ? [] : after.map((value) => asBound(value));
    const rows = session.all(`SELECT ${columnsSql} ${from}`, values);
    if (!rows.some((row) => keyOf(row).some((part) => typeof part === "string" && part.includes("\uFFFD")))) {
      return { rows, next: rows.length < size ? null : keyOf(rows.at(-1) ?? []) };
    }
    // Going on from what bytes were read as could lead back to the same rows: go on from the bytes.
    const exact = session.all(`SELECT ${exactSql} ${from}`, values);
    const keys = rows.map((row, index) => keyOf(row).map((part, place) => exactText(part, exact[index]?.[place])));
    const isReadable = (index: number): boolean => keys[index]?.every((part) => !isBroken(part)) === true;
    return { rows: rows.filter((_, index) => isReadable(index)), next: rows.length < size ? null : (keys.at(-1) ?? null) };
  };
}

function exactText(text: BoundValue, bytes: BoundValue | undefined): NativeValue {
  return typeof text === "string" && bytes instanceof Uint8Array && !isTextOf(bytes, text) ? { bytes } : text;
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
    let next: readonly NativeValue[] | null = null;
    for (;;) {
      const step = await this.#file.read((session) => {
        session.run(
          `CREATE TEMP TABLE IF NOT EXISTS ${this.#name.slice("temp.".length)} (id BLOB PRIMARY KEY, ${parts.join(", ")}) WITHOUT ROWID`,
        );
        const found = steps(session, next);
        for (const row of found.rows) {
          const bytes = Buffer.from(recordIdOf(row, keyForms) ?? "", "utf8");
          if (bound === null || bytes.compare(bound) > 0) session.run(insert, [bytes, ...row]);
        }
        return found;
      }, options);
      if (step.next === null) return;
      next = step.next;
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
