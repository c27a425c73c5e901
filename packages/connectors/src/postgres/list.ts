import type { ListOptions, RecordPage } from "@accord/engine/connector";
import type { RecordId } from "@accord/core";
import type { Database } from "./client.ts";
import { CopyOut } from "./copy-out.ts";
import type { CopiedPage } from "./copy-out.ts";
import { asAccordError, cancelled, throwIfCancelled } from "./errors.ts";
import { LIST_QUERY_ROWS, SORT_SILENCE_MS } from "./limits.ts";
import { quoteName, quoteText } from "./names.ts";
import { readPosition } from "./positions.ts";
import { heardWithin, statementSilenceMs } from "./silence.ts";
import { recordSql } from "./table-sql.ts";
import type { Table } from "./table-sql.ts";

/**
 * Lists an object by COPY, in the order of record ids. Lines of COPY are images as they stand. [S3]
 *
 * Where an index gives the order (integer and uuid keys, texts that are ordered by bytes) the listing is a row of bounded queries, `WHERE key > last LIMIT n`:
 * no snapshot is held for longer than one of them takes. Elsewhere (texts in a language's order, composite keys) the server must sort the object, so that
 * it is sorted once, in one query. The position of a page is the snapshot of its query's transaction. [S57]
 */
export async function* listRecords(
  database: Database,
  table: Table,
  after: RecordId | null,
  options: ListOptions,
): AsyncIterable<RecordPage> {
  const order = orderOf(table);
  let last = after;
  for (;;) {
    let count = 0;
    // Held back until it is known whether it is the last.
    let held: RecordPage | null = null;
    for await (const page of queryPages(database, table, order, last, options)) {
      if (held !== null) yield held;
      throwIfCancelled(options.signal, database.where);
      held = page;
      count += page.ids.length;
    }
    const complete = order.limit === null || count < order.limit;
    if (held !== null && (complete || held.ids.length > 0)) {
      last = held.ids.at(-1) ?? last;
      yield complete ? { ...held, complete } : held;
      throwIfCancelled(options.signal, database.where);
    }
    if (complete) return;
  }
}

interface ListOrder {
  /** The condition that a listing after this id adds. */
  readonly after: (id: RecordId) => string;
  readonly by: string;
  /** Rows per query; null for one query that the server sorts. */
  readonly limit: number | null;
}

function orderOf(table: Table): ListOrder {
  const [first, ...others] = table.key;
  if (first !== undefined && others.length === 0) {
    const by = `t.${quoteName(first.name)}`;
    const indexed = (type: string): ListOrder => ({ after: (id) => `${by} > ${quoteText(id)}::${type}`, by, limit: LIST_QUERY_ROWS });
    if (table.keyOrder === "integer") return indexed("int8");
    if (first.type.name === "uuid" || first.bytewise) return indexed(first.type.cast);
  }
  const by = `(${recordSql(table, "t.")}) COLLATE "C"`;
  return { after: (id) => `${by} > ${quoteText(id)}`, by, limit: null };
}

/** The pages of one query: at least one, which may be empty. */
async function* queryPages(
  database: Database,
  table: Table,
  order: ListOrder,
  after: RecordId | null,
  options: ListOptions,
): AsyncIterable<RecordPage> {
  const { pageSize, signal } = options;
  const session = await database.borrow(options);
  const copy = new CopyOut(copySql(table, order, after), table.key.length, pageSize);
  const onAbort = (): void => copy.fail(cancelled(database.where));
  signal.addEventListener("abort", onAbort, { once: true });
  // Only while a page is waited for: a socket that rests because nobody takes pages says nothing either.
  const silenceMs = order.limit === null ? SORT_SILENCE_MS : statementSilenceMs(database.settings);
  const nextPage = (): Promise<CopiedPage | null> => heardWithin(silenceMs, session.client.connection.stream, () => copy.nextPage());
  let finished = false;
  try {
    session.client.query(copy);
    let page = await nextPage();
    const position = readPosition(copy.rows[0]?.[0] ?? "");
    if (page === null) yield { ids: [], images: [], position, complete: false };
    for (; page !== null; page = await nextPage()) yield { ...page, position, complete: false };
    finished = true;
  } catch (error) {
    throw asAccordError(error, database.where);
  } finally {
    signal.removeEventListener("abort", onAbort);
    session.release({ broken: !finished });
  }
}

/** One message of the simple protocol, hence one round trip a query. */
function copySql(table: Table, order: ListOrder, after: RecordId | null): string {
  const columns = [...table.key, ...table.columns].map((column) => `t.${quoteName(column.name)}`).join(", ");
  const where = after === null ? "" : ` WHERE ${order.after(after)}`;
  const limit = order.limit === null ? "" : ` LIMIT ${order.limit}`;
  return [
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    // A listing takes as long as its reader does. What must be sorted is best read in the order in which it lies.
    `SET LOCAL statement_timeout = 0`,
    ...(order.limit === null ? ["SET LOCAL enable_seqscan = on"] : []),
    "SELECT pg_current_snapshot()",
    `COPY (SELECT ${columns} FROM ${table.only} t${where} ORDER BY ${order.by}${limit}) TO STDOUT`,
    "COMMIT",
  ].join("; ");
}
