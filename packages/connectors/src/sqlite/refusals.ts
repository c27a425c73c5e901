import type { RecordId } from "@accord/core";
import type { WriteOutcome } from "@accord/engine/connector";
import type { BoundValue, Session } from "./database.ts";
import { failureOf, SQLITE, type SqliteFailure } from "./errors.ts";
import { quoted } from "./names.ts";
import type { RowReader } from "./row-reader.ts";
import type { Table } from "./table.ts";

/** What an operation tried to set, for finding who holds a unique value. */
export interface Attempt {
  readonly table: Table;
  readonly reader: RowReader;
  /** The values by column name. */
  readonly values: ReadonlyMap<string, BoundValue>;
  /** The record itself, for an update. */
  readonly record: RecordId | null;
}

/** The outcome of a statement that SQLite refused for what is in it; null where the failure is not the operation's own. */
export function refusalOf(session: Session, error: unknown, attempt: Attempt): WriteOutcome | null {
  const failure = failureOf(error);
  if (failure === null || NOT_ITS_OWN.has(failure.code)) return null;
  if (UNIQUE_CODES.has(failure.extendedCode)) return takenBy(session, failure, attempt);
  return { kind: "rejected", code: nameOf(failure), reason: failure.message };
}

/** Failures of the file, the disk or the schema: no operation is to blame. */
const NOT_ITS_OWN: ReadonlySet<number> = new Set([
  SQLITE.busy,
  SQLITE.locked,
  SQLITE.nomem,
  SQLITE.readonly,
  SQLITE.ioerr,
  SQLITE.corrupt,
  SQLITE.full,
  SQLITE.cantopen,
  SQLITE.notadb,
]);

/** SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE and _ROWID (https://www.sqlite.org/rescode.html). */
const UNIQUE_CODES: ReadonlySet<number> = new Set([1555, 2067, 2579]);

const CONSTRAINT_NAMES: ReadonlyMap<number, string> = new Map([
  [275, "SQLITE_CONSTRAINT_CHECK"],
  [531, "SQLITE_CONSTRAINT_COMMITHOOK"],
  [787, "SQLITE_CONSTRAINT_FOREIGNKEY"],
  [1299, "SQLITE_CONSTRAINT_NOTNULL"],
  [1811, "SQLITE_CONSTRAINT_TRIGGER"],
  [3091, "SQLITE_CONSTRAINT_DATATYPE"],
]);

export function nameOf(failure: SqliteFailure): string {
  return CONSTRAINT_NAMES.get(failure.extendedCode) ?? `SQLITE_${failure.extendedCode}`;
}

function takenBy(session: Session, failure: SqliteFailure, attempt: Attempt): WriteOutcome {
  const columns = columnsOf(failure.message, attempt.table.schema.name);
  return { kind: "taken", reason: failure.message, columns, holder: columns.length === 0 ? null : holderOf(session, columns, attempt) };
}

/** `UNIQUE constraint failed: customers.email, customers.kind` names them; an index on an expression gives its own name instead. */
function columnsOf(message: string, table: string): readonly string[] {
  const list = /^UNIQUE constraint failed: (.*)$/s.exec(message)?.[1];
  if (list === undefined || list.startsWith("index ")) return [];
  const prefix = `${table}.`;
  return list.split(", ").flatMap((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : []));
}

/** Compares as the unique rule does: with the columns' own collations. Columns that the operation left alone are taken from the record. */
function holderOf(session: Session, columns: readonly string[], attempt: Attempt): RecordId | null {
  const { table, reader, values, record } = attempt;
  const self = record === null ? [] : (reader.keyValues(record) ?? []);
  const bound: BoundValue[] = [];
  const conditions: string[] = [];
  for (const column of columns) {
    const value = values.get(column);
    if (value === undefined && record === null) return null;
    conditions.push(
      value === undefined
        ? `${quoted(column)} = (SELECT ${quoted(column)} FROM ${reader.fromSql} WHERE ${reader.keyIsSql})`
        : `${quoted(column)} = ?`,
    );
    bound.push(...(value === undefined ? self : [value]));
  }
  const key = table.schema.key.map(quoted).join(", ");
  const rows = session.all(`SELECT ${key} FROM ${reader.fromSql} WHERE ${conditions.join(" AND ")} LIMIT 2`, bound);
  return rows.map((row) => reader.idOf(row)).find((id) => id !== record) ?? null;
}
