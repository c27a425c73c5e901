import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { AccordError, type CallOptions, type Clock } from "@accord/engine/connector";
import { asAccordError, assertNotCancelled, failureOf, isBusy, SQLITE, stop, unreachable, type Place } from "./errors.ts";
import { BUSY_PAUSES_MS, STATEMENTS_KEPT_MAX, YIELD_AFTER_MS } from "./limits.ts";

/** A value as `node:sqlite` takes and gives it: integers are always bigints, numbers always doubles. */
export type BoundValue = null | bigint | number | string | Uint8Array;

export type Row = readonly BoundValue[];

/** How a file is opened and waited for. */
export interface FileOptions {
  readonly clock: Clock;
  readonly busyMs: number;
  readonly readOnly: boolean;
  readonly foreignKeys: boolean;
  readonly maxPageCount: number | null;
}

export interface WaitOptions extends CallOptions {
  /** How long to wait for other programs' locks, where it is not the connection's setting. Milliseconds. */
  readonly busyMs?: number;
}

/** SQL within one transaction. All calls are synchronous; statements are prepared once and kept. */
export interface Session {
  all(sql: string, values?: readonly BoundValue[]): readonly Row[];
  first(sql: string, values?: readonly BoundValue[]): Row | undefined;
  run(sql: string, values?: readonly BoundValue[]): void;
  /** False once SQLite itself has rolled the transaction back (a full disk, RAISE(ROLLBACK)). */
  readonly inTransaction: boolean;
}

/**
 * The user's database file. It is opened with the first call and never created; other programs may read and write it at any time. Each call to `read` or
 * `write` is one transaction that runs from start to end without giving way, so transactions of concurrent callers never mix; waiting for other
 * programs' locks gives way. Errors are AccordErrors as `asAccordError` makes them.
 */
export class SqliteFile {
  readonly place: Place;
  readonly #clock: Clock;
  readonly #busyMs: number;
  readonly #options: FileOptions;
  #opened: OpenedFile | null = null;
  #commits = 0;
  #openings = 0;
  #isClosed = false;
  #yieldedAtMs = 0;

  constructor(place: Place, options: FileOptions) {
    this.place = place;
    this.#clock = options.clock;
    this.#busyMs = options.busyMs;
    this.#options = options;
  }

  /** How many write transactions this process has committed: `dataVersion` counts only other connections' commits. */
  get commits(): number {
    return this.#commits;
  }

  /** How many times the file was opened: it grows when another file was put in its place. */
  get openings(): number {
    return this.#openings;
  }

  /** Whether writing is ruled out beforehand: by the setting, or because file or folder refuse it. SQLite needs the folder for its journal. */
  get readOnly(): boolean {
    return this.#options.readOnly || !isAllowed(this.place.file, constants.W_OK) || !isAllowed(dirname(this.place.file), constants.W_OK);
  }

  /** Runs `work` in one read transaction: all it reads is of one moment. It may run again when the file was locked. */
  async read<Result>(work: (session: Session) => Result, options: CallOptions): Promise<Result> {
    return this.#transaction("BEGIN", work, options);
  }

  /**
   * Runs `work` in one write transaction that has the write lock from its start. It may run again only when nothing of it was written.
   * @throws {AccordError} where it was rolled back; ACCORD_OUTCOME_UNKNOWN where the disk failed while it was being committed
   */
  async write<Result>(work: (session: Session) => Result, options: WaitOptions): Promise<Result> {
    const result = await this.#transaction(null, work, options);
    this.#commits += 1;
    return result;
  }

  /** A number that changes with every commit of another program. Costs a few microseconds. Null while the file is locked. */
  dataVersion(): bigint | null {
    try {
      const version = this.#open().session.first("PRAGMA data_version")?.[0];
      return typeof version === "bigint" ? version : null;
    } catch (error) {
      if (isBusy(error)) return null;
      throw asAccordError(error, this.place);
    }
  }

  /** Drops a temporary table of this connection, if the file it was made beside is still open. */
  dropTemporary(name: string): void {
    this.#opened?.database.exec(`DROP TABLE IF EXISTS ${name}`);
  }

  /** Ends the use of the file: later calls fail. Repeatable. */
  close(): void {
    this.#isClosed = true;
    this.#closeOpened();
  }

  #closeOpened(): void {
    this.#opened?.database.close();
    this.#opened = null;
  }

  async #transaction<Result>(begin: "BEGIN" | null, work: (session: Session) => Result, options: WaitOptions): Promise<Result> {
    const busyMs = options.busyMs ?? this.#busyMs;
    await this.#giveWay();
    const startedAtMs = this.#clock.nowMs();
    for (let attempt = 0; ; attempt += 1) {
      assertNotCancelled(options.signal, this.place);
      try {
        const opened = this.#open();
        return runTransaction(opened, begin ?? opened.writeBegin, work, this.place);
      } catch (error) {
        if (!isBusy(error) || this.#clock.nowMs() - startedAtMs >= busyMs) throw asAccordError(error, this.place);
      }
      await this.#clock.sleep(BUSY_PAUSES_MS[Math.min(attempt, BUSY_PAUSES_MS.length - 1)] ?? 1, options);
    }
  }

  /** Callers who loop over calls that never really wait would otherwise keep the event loop from ever turning. */
  async #giveWay(): Promise<void> {
    if (this.#clock.nowMs() - this.#yieldedAtMs < YIELD_AFTER_MS) return;
    await setImmediate();
    this.#yieldedAtMs = this.#clock.nowMs();
  }

  #open(): OpenedFile {
    if (this.#isClosed) throw stop("ACCORD_CONNECTION_CLOSED", `The connection ${this.place.name} was closed.`, this.place);
    const identity = this.#identity();
    if (this.#opened !== null && this.#opened.identity !== identity) this.#closeOpened();
    if (this.#opened === null) {
      this.#opened = openFile(this.place.file, identity, { ...this.#options, readOnly: this.readOnly });
      this.#openings += 1;
    }
    return this.#opened;
  }

  /** Device and inode: a file put in the place of another one must not be written through the old handle. */
  #identity(): string {
    const found = statSync(this.place.file, { throwIfNoEntry: false });
    if (found === undefined) {
      this.#closeOpened();
      throw unreachable(
        `There is no file ${this.place.file} for ${this.place.name}: check file: in accord.yaml; Accord never creates it.`,
        this.place,
      );
    }
    if (!found.isFile())
      throw unreachable(`${this.place.file} of ${this.place.name} is not a file: check file: in accord.yaml.`, this.place);
    return `${found.dev}:${found.ino}`;
  }
}

interface OpenedFile {
  readonly database: DatabaseSync;
  readonly session: Session;
  readonly identity: string;
  /** With a rollback journal a commit needs every reader gone; taking that lock first keeps the wait where nothing is written yet. */
  readonly writeBegin: string;
}

function openFile(file: string, identity: string, options: FileOptions): OpenedFile {
  // `mode=rw` never creates the file; a lock is waited for outside, without blocking the process.
  const address = pathToFileURL(file);
  address.searchParams.set("mode", options.readOnly ? "ro" : "rw");
  const database = new DatabaseSync(address, { readOnly: options.readOnly, enableForeignKeyConstraints: options.foreignKeys, timeout: 0 });
  try {
    if (options.maxPageCount !== null) database.exec(`PRAGMA max_page_count = ${options.maxPageCount}`);
    const session = createSession(database);
    const journalMode = session.first("PRAGMA journal_mode")?.[0];
    return { database, session, identity, writeBegin: journalMode === "wal" ? "BEGIN IMMEDIATE" : "BEGIN EXCLUSIVE" };
  } catch (error) {
    database.close();
    throw error;
  }
}

function createSession(database: DatabaseSync): Session {
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    if (statements.size >= STATEMENTS_KEPT_MAX) statements.clear();
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    statements.set(sql, statement);
    return statement;
  };
  return {
    // With setReturnArrays rows are arrays; the types of node:sqlite know only the object form.
    all: (sql, values = []) => prepared(sql).all(...values) as unknown as readonly Row[],
    first: (sql, values = []) => prepared(sql).get(...values) as unknown as Row | undefined,
    run: (sql, values = []) => {
      prepared(sql).run(...values);
    },
    get inTransaction() {
      return database.isTransaction;
    },
  };
}

function runTransaction<Result>(opened: OpenedFile, begin: string, work: (session: Session) => Result, place: Place): Result {
  const { session, database } = opened;
  session.run(begin);
  try {
    const result = work(session);
    commit(session, place);
    return result;
  } catch (error) {
    if (database.isTransaction) session.run("ROLLBACK");
    throw error;
  }
}

function commit(session: Session, place: Place): void {
  try {
    session.run("COMMIT");
  } catch (error) {
    if (failureOf(error)?.code !== SQLITE.ioerr) throw error;
    // The disk failed while the transaction was being made durable: only the file can tell on which side of it we are.
    throw new AccordError(
      "ACCORD_OUTCOME_UNKNOWN",
      `The disk failed while a write to ${place.name} (${place.file}) was being committed; check the disk.`,
      {
        remedy: "retry",
        where: place.name,
        cause: error,
      },
    );
  }
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
