import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import type { ObjectSchema } from "@accord/core";
import {
  assert,
  type CallOptions,
  type Capabilities,
  type ConnectContext,
  type Connection,
  type ConnectionReport,
  type Cursor,
  type Feed,
  type FeedStanding,
} from "@accord/engine/connector";
import type { InstallMode, InstallStep, OpenObject, StoreMark } from "@accord/engine/connector";
import { SqliteFile, type Session } from "./database.ts";
import { notInstalled, stop } from "./errors.ts";
import { cursorOfNow, followTouched, standingOf } from "./feed.ts";
import { install, uninstall } from "./install.ts";
import { BATCH_SIZE_MAX, PAGE_SIZE_MAX } from "./limits.ts";
import { FIRST_EPOCH, readEpoch, readMark, writeMark } from "./mark.ts";
import { namesOf, type InstalledNames } from "./names.ts";
import { SqliteObject } from "./open-object.ts";
import { reportConnection } from "./report.ts";
import { withinLease } from "./settings.ts";
import type { SqliteSettings } from "./settings.ts";
import { readTables, type Table } from "./table.ts";
import { hasTable, isCaptured } from "./touched-log.ts";

/** One SQLite database file. */
export class SqliteConnection implements Connection {
  readonly name: string;
  readonly #settings: SqliteSettings;
  readonly #context: ConnectContext;
  readonly #file: SqliteFile;
  readonly #names: InstalledNames;

  constructor(given: SqliteSettings, context: ConnectContext) {
    const settings = withinLease(given, context.requestMsMax);
    this.name = context.name;
    this.#settings = settings;
    this.#context = context;
    this.#names = namesOf(context.installation);
    this.#file = new SqliteFile({ name: context.name, file: settings.file }, { ...settings, clock: context.clock });
  }

  async check(objects: readonly string[], options: CallOptions): Promise<ConnectionReport> {
    return this.#file.read((session) => {
      const tables = this.#tables(session);
      const found = objects.map((object) => {
        const table = findTable(tables, object);
        return { object, table, capabilities: this.#capabilities(session, table) };
      });
      return reportConnection(session, this.#file, found);
    }, options);
  }

  async discover(options: CallOptions): Promise<readonly ObjectSchema[]> {
    return this.#file.read((session) => this.#tables(session).map((table) => table.schema), options);
  }

  async open(object: string, columns: readonly string[], options: CallOptions): Promise<OpenObject> {
    return this.#file.read((session) => {
      const table = findTable(this.#tables(session), object);
      if (table === null) throw this.#missing(`There is no table ${object} in ${this.#file.place.file} (${this.name}).`);
      if (table.schema.keyProblem !== null) throw this.#missing(`${object} at ${this.name} cannot be a side: ${table.schema.keyProblem}.`);
      const unknown = columns.filter((column) => !table.forms.has(column));
      if (unknown.length > 0)
        throw this.#missing(`${object} at ${this.name} has no column ${unknown.join(", ")}: accord discover shows those it has.`);
      return new SqliteObject(this.#file, this.#context.clock, this.#names, table, columns, this.#capabilities(session, table));
    }, options);
  }

  async install(objects: readonly string[], mode: InstallMode, options: CallOptions): Promise<readonly InstallStep[]> {
    const work = (session: Session): readonly InstallStep[] => {
      const tables = this.#tables(session);
      const named = objects.map((object) => [object, findTable(tables, object)] as const);
      return install(session, {
        names: this.#names,
        mode,
        tables: named,
        readOnly: this.#file.readOnly,
        beat: this.#context.random.hex(8),
      });
    };
    return this.#change(work, mode, options);
  }

  async uninstall(mode: InstallMode, options: CallOptions): Promise<readonly InstallStep[]> {
    return this.#change((session) => uninstall(session, this.#names, mode, this.#file.readOnly), mode, options);
  }

  /** The place of the file, and what turns when the feed finds that the file is an older copy or another one: see mark.ts. */
  async epoch(options: CallOptions): Promise<string> {
    const turned = await this.#file.read((session) => readEpoch(session, this.#names) ?? FIRST_EPOCH, options);
    const place = createHash("sha256").update(realpathSync(this.#file.place.file)).digest("hex").slice(0, 16);
    return `${place}.${turned}`;
  }

  async follow(objects: readonly OpenObject[], cursor: Cursor, options: CallOptions): Promise<Feed> {
    const followed = objects.map((object) => {
      assert(object instanceof SqliteObject, "an object of another connector is followed");
      return { object, table: object.table };
    });
    const { clock, random } = this.#context;
    return followTouched({ file: this.#file, names: this.#names, clock, random, objects: followed }, cursor, options);
  }

  async currentCursor(options: CallOptions): Promise<Cursor> {
    return this.#file.read((session) => {
      if (!hasTable(session, this.#names.touched))
        throw notInstalled(`Nothing is installed in the SQLite file of ${this.name}: run accord install.`, this.#file.place);
      return cursorOfNow(session, this.#names);
    }, options);
  }

  async standing(cursor: Cursor, options: CallOptions): Promise<FeedStanding | null> {
    return this.#file.read((session) => standingOf(session, this.#names, cursor), options);
  }

  async readMark(options: CallOptions): Promise<StoreMark | null> {
    return this.#file.read((session) => readMark(session, this.#names), options);
  }

  async writeMark(mark: StoreMark, options: CallOptions): Promise<void> {
    const isWritten = await this.#file.write((session) => writeMark(session, this.#names, mark), options);
    if (!isWritten) throw notInstalled(`Nothing is installed in the SQLite file of ${this.name}: run accord install.`, this.#file.place);
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  #tables(session: Session): readonly Table[] {
    return readTables(session, { types: this.#settings.types, readOnly: this.#file.readOnly });
  }

  async #change<Result>(work: (session: Session) => Result, mode: InstallMode, options: CallOptions): Promise<Result> {
    return mode === "do" && !this.#file.readOnly ? this.#file.write(work, options) : this.#file.read(work, options);
  }

  #capabilities(session: Session, table: Table | null): Capabilities {
    const writable = !this.#file.readOnly;
    const proof = writable && hasTable(session, this.#names.applied);
    return {
      capture: table !== null && isCaptured(session, this.#names, table) ? "touched" : "sweep",
      compareAndSet: writable,
      proof,
      externalId: proof,
      changeHistory: false,
      reusesIds: table !== null && mayReuseIds(session, table),
      batchSizeMax: BATCH_SIZE_MAX,
      pageSizeMax: PAGE_SIZE_MAX,
      staleReadMsMax: 0,
      requestDeadlineMs: this.#settings.busyMs + this.#settings.requestMs,
    };
  }

  #missing(message: string): Error {
    return stop("ACCORD_OBJECT_MISSING", message, this.#file.place);
  }
}

/** Without AUTOINCREMENT a new row gets the highest row id and one. https://www.sqlite.org/autoinc.html */
function mayReuseIds(session: Session, { listing, schema }: Table): boolean {
  if (listing !== "integer") return false;
  return session.first("SELECT 1 FROM sqlite_schema WHERE name = ? AND sql LIKE '%AUTOINCREMENT%'", [schema.name]) === undefined;
}

/** Tables are found as they are written in the schema; SQLite itself is indifferent to case, accord.yaml is not. */
function findTable(tables: readonly Table[], object: string): Table | null {
  return tables.find((table) => table.schema.name === object) ?? null;
}
