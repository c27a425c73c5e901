// oxlint-disable typescript/no-unnecessary-type-parameters -- the text of a statement decides the shape of its rows; the caller, who wrote it, names it.
import { closeSync, fdatasync, openSync } from "node:fs";
import { promisify } from "node:util";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { AccordError, type CallOptions } from "@accord/engine/connector";
import { storeError } from "./errors.ts";
import { BULK_ROWS, BUSY_TIMEOUT_MS, LOG_PAGES_MAX, PAGE_CACHE_KIB } from "./limits.ts";

/** One column of a row, as SQLite holds it. Integers are safe integers. */
export type Cell = string | number | bigint | null | Uint8Array;
export type Row = readonly Cell[];

/** One open store file with its prepared statements. Everything runs on the spot; a promise of the store's is settled before the next step of anyone. */
export interface Session {
  readonly file: string;
  readonly database: DatabaseSync;
  /** Rows as arrays. `Shape` names the columns of the statement, in its order. */
  all<Shape extends Row>(sql: string, ...values: readonly SQLInputValue[]): readonly Shape[];
  first<Shape extends Row>(sql: string, ...values: readonly SQLInputValue[]): Shape | undefined;
  /** Runs a statement and says how many rows it changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number;
  /** Inserts rows, their cells one after another, several per call. */
  insert(insert: BulkInsert, cells: readonly SQLInputValue[]): void;
  /** One transaction that other processes see whole or not at all. */
  write<Result>(work: () => Result): Result;
  /** The same, on disk no later than the next `write`: what a power cut takes with it is as if it had not happened yet, never a part of it. */
  writeSoon<Result>(work: () => Result): Result;
  /** Everything written before is on disk once this resolves; meanwhile this process does other things. */
  flush(): Promise<void>;
  /** One consistent view over several statements. */
  read<Result>(options: CallOptions, work: () => Result): Result;
  close(): void;
}

/** `INSERT INTO … VALUES` of many rows: the texts before and after the rows, and how many cells a row has. */
export interface BulkInsert {
  readonly into: string;
  readonly width: number;
  readonly conflict: string;
}

export interface SessionOptions {
  readonly durability: "full" | "normal";
  readonly maxPages: number | null;
}

export function openSession(file: string, options: SessionOptions): Session {
  const database = openDatabase(file, options);
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    statements.set(sql, statement);
    return statement;
  };
  const inserts = new Map<BulkInsert, BulkStatements>();
  const bulk = (insert: BulkInsert): BulkStatements => {
    const known = inserts.get(insert);
    if (known !== undefined) return known;
    const one = prepared(bulkSql(insert, 1));
    const made = { one, many: prepared(bulkSql(insert, BULK_ROWS)) };
    inserts.set(insert, made);
    return made;
  };
  let isSyncing = options.durability === "full";
  /** SQLite's locks are on other files: opening and closing this one leaves them alone. https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_ */
  let log: number | null = null;
  // In WAL mode NORMAL leaves a commit to the next sync of the log, which keeps the order of commits. https://www.sqlite.org/pragma.html#pragma_synchronous
  const sync = (wanted: boolean): void => {
    if (wanted === isSyncing || options.durability !== "full") return;
    database.exec(`PRAGMA synchronous = ${wanted ? "FULL" : "NORMAL"}`);
    isSyncing = wanted;
  };
  return {
    file,
    database,
    // With setReturnArrays rows are arrays; the types of node:sqlite know only the object form.
    all: <Shape extends Row>(sql: string, ...values: readonly SQLInputValue[]) =>
      prepared(sql).all(...values) as unknown as readonly Shape[],
    first: <Shape extends Row>(sql: string, ...values: readonly SQLInputValue[]) =>
      prepared(sql).get(...values) as unknown as Shape | undefined,
    run: (sql, ...values) => Number(prepared(sql).run(...values).changes),
    insert: (insert, cells) => {
      runBulk(bulk(insert), insert.width, cells);
    },
    write: (work) => {
      sync(true);
      return transact(database, file, prepared("BEGIN IMMEDIATE"), prepared("COMMIT"), work);
    },
    writeSoon: (work) => {
      sync(false);
      return transact(database, file, prepared("BEGIN IMMEDIATE"), prepared("COMMIT"), work);
    },
    // What is not in the log any more was synced by whoever moved it into the file. https://www.sqlite.org/wal.html#ckpt
    flush: async () => {
      if (options.durability !== "full") return;
      log ??= openSync(`${file}-wal`, "r");
      await flushFile(log);
    },
    read: (call, work) => {
      if (call.signal.aborted) throw new AccordError("ACCORD_CANCELLED", "The call to the store was cancelled.", { remedy: "stop" });
      return transact(database, file, prepared("BEGIN"), prepared("COMMIT"), work);
    },
    close: () => {
      if (!database.isOpen) return;
      statements.clear();
      if (log !== null) closeSync(log);
      database.close();
    },
  };
}

const flushFile = promisify(fdatasync);

interface BulkStatements {
  readonly one: StatementSync;
  readonly many: StatementSync;
}

function openDatabase(file: string, options: SessionOptions): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: false });
  try {
    useLog(database);
    database.exec(`PRAGMA synchronous = ${options.durability === "full" ? "FULL" : "NORMAL"}`);
    database.exec(`PRAGMA cache_size = -${PAGE_CACHE_KIB}`);
    database.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES_MAX}`);
    database.exec("PRAGMA temp_store = MEMORY");
    if (options.maxPages !== null) database.exec(`PRAGMA max_page_count = ${Math.trunc(options.maxPages)}`);
    return database;
  } catch (error) {
    database.close();
    throw storeError(error, file);
  }
}

/** SQLite does not wait for another process that is turning the log on at this very moment. https://www.sqlite.org/wal.html#sometimes_queries_return_sqlite_busy_in_wal_mode */
function useLog(database: DatabaseSync): void {
  const untilMs = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      const isBusy = error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
      if (!isBusy || performance.now() > untilMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_RETRY_MS);
    }
  }
}

/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;
/** Between two tries. Milliseconds. */
const BUSY_RETRY_MS = 10;

function transact<Result>(database: DatabaseSync, file: string, begin: StatementSync, commit: StatementSync, work: () => Result): Result {
  try {
    begin.run();
    const result = work();
    commit.run();
    return result;
  } catch (error) {
    // Some errors (a full disk) have rolled back already.
    if (database.isOpen && database.isTransaction) database.exec("ROLLBACK");
    throw storeError(error, file);
  }
}

function bulkSql(insert: BulkInsert, rows: number): string {
  const row = `(${Array.from({ length: insert.width }, () => "?").join(",")})`;
  return `INSERT INTO ${insert.into} VALUES ${Array.from({ length: rows }, () => row).join(",")} ${insert.conflict}`;
}

function runBulk(statements: BulkStatements, width: number, cells: readonly SQLInputValue[]): void {
  const chunk = width * BULK_ROWS;
  let at = 0;
  for (; at + chunk <= cells.length; at += chunk) statements.many.run(...cells.slice(at, at + chunk));
  for (; at < cells.length; at += width) statements.one.run(...cells.slice(at, at + width));
}
