import { DatabaseSync } from "node:sqlite";
import type { CrashFields, HistoryRow } from "./evidence.ts";
import { COLUMNS, historyRow, INSTALLATION, statementOf } from "./system.ts";
import type { CrashSystem, CrashUser, UserAct } from "./system.ts";

const IMAGE = (row: string): string => `json_object(${COLUMNS.map((column) => `'${column}', ${row}.${column}`).join(", ")})`;
const NOTE = (kind: string, before: string, after: string): string =>
  `CREATE TRIGGER crash_${kind} AFTER ${kind} ON contacts BEGIN
     INSERT INTO crash_history (operation, kind, before, after) VALUES ((SELECT operation FROM crash_turn), '${kind}', ${before}, ${after});
   END;`;

/**
 * AUTOINCREMENT, since the readings of a plan cannot tell a record that was deleted and whose id was given to another from one that was edited. [S34]
 * Write transactions of SQLite follow one another: while `crash_turn` holds a row, whoever writes is that user.
 */
const SETUP = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE contacts (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT, name TEXT, city TEXT, note TEXT, points INTEGER NOT NULL DEFAULT 0, private TEXT);
  CREATE INDEX contacts_code ON contacts (code);
  CREATE TABLE crash_turn (operation TEXT);
  CREATE TABLE crash_history (sequence INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT, kind TEXT, before TEXT, after TEXT);
  ${NOTE("insert", "NULL", IMAGE("new"))}
  ${NOTE("update", IMAGE("old"), IMAGE("new"))}
  ${NOTE("delete", IMAGE("old"), "NULL")}`;

/** How long a call may hold this process; users try again later. Milliseconds. */
const BUSY_MS = 5;

/** A SQLite file in WAL mode with its users' table. */
export function sqliteSystem(name: string, file: string): CrashSystem {
  const open = (): DatabaseSync => new DatabaseSync(file, { timeout: BUSY_MS });
  const setup = open();
  setup.exec(SETUP);
  const admin = setup;
  return {
    name,
    connection: `{ connector: sqlite, file: "${file}", busyMs: 1500, requestMs: 1000 }`,
    object: "contacts",
    remote: null,
    moment: () => Promise.resolve(""),
    hasFollowed: () => Promise.resolve(true),
    openUser: () => Promise.resolve(user(open())),
    rows: () =>
      Promise.resolve(
        admin
          .prepare(`SELECT ${COLUMNS.map((column) => `CAST(${column} AS TEXT) AS ${column}`).join(", ")} FROM contacts ORDER BY code`)
          .all() as CrashFields[],
      ), // CAST makes every cell a text or null.
    history: () => Promise.resolve(historyWhere(admin, "", [])),
    lastSequence: () =>
      Promise.resolve(Number(admin.prepare("SELECT coalesce(max(sequence), 0) AS last FROM crash_history").get()?.["last"])),
    proofs: (intents) => Promise.resolve(proofsOf(admin, intents)),
    codeOf: (record) => {
      const code = admin.prepare("SELECT code FROM contacts WHERE id = ?").get(Number(record))?.["code"];
      return Promise.resolve(typeof code === "string" ? code : null);
    },
    hold: () => Promise.resolve(hold(open())),
    // What a dead process had begun in a file ends with it.
    settled: () => Promise.resolve(),
    close: () => Promise.resolve(admin.close()),
  };
}

function user(database: DatabaseSync): CrashUser {
  return {
    act: (operation, act) => Promise.resolve(transact(database, operation, act)),
    close: () => Promise.resolve(database.close()),
  };
}

function transact(database: DatabaseSync, operation: string, act: UserAct): readonly HistoryRow[] | null {
  try {
    database.exec("BEGIN IMMEDIATE");
    database.prepare("INSERT INTO crash_turn VALUES (?)").run(operation);
    database.exec(statementOf("contacts", act));
    database.exec("DELETE FROM crash_turn");
    const changed = historyWhere(database, "WHERE operation = ?", [operation]);
    database.exec("COMMIT");
    return changed;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    if (error instanceof Error && /locked|busy/.test(error.message)) return null;
    throw error;
  }
}

function historyWhere(database: DatabaseSync, where: string, values: readonly string[]): HistoryRow[] {
  const rows = database
    .prepare(`SELECT sequence, operation, kind, before, after FROM crash_history ${where} ORDER BY sequence`)
    .all(...values);
  return rows.map((row) => historyRow(row["sequence"], row["operation"], row["kind"], row["before"], row["after"]));
}

function proofsOf(database: DatabaseSync, intents: readonly string[]): ReadonlySet<string> {
  const find = database.prepare(`SELECT 1 FROM accord_applied_${INSTALLATION} WHERE intent = ?`);
  return new Set(intents.filter((intent) => find.get(intent) !== undefined));
}

function hold(database: DatabaseSync): (() => Promise<void>) | null {
  try {
    database.exec("BEGIN IMMEDIATE");
  } catch {
    database.close();
    return null;
  }
  return () => {
    database.exec("ROLLBACK");
    return Promise.resolve(database.close());
  };
}
