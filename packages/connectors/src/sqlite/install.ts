import type { InstallMode, InstallStep } from "@accord/engine/connector";
import type { Session } from "./database.ts";
import { FIRST_EPOCH } from "./mark.ts";
import { literal, quoted, type InstalledNames } from "./names.ts";
import { followedObject, hasTable, lastSequence } from "./touched-log.ts";
import { isSameSql, tablesOf, triggersOf, triggersSql, type Trigger } from "./triggers.ts";
import type { Table } from "./table.ts";

export interface InstallOrder {
  readonly names: InstalledNames;
  readonly mode: InstallMode;
  /** The objects by name; null where the file has none of that name. */
  readonly tables: readonly (readonly [object: string, table: Table | null])[];
  /** Whether the file may not be written: then every step is impossible. */
  readonly readOnly: boolean;
  /** A fresh random text: the log's first beat. See mark.ts. */
  readonly beat: string;
}

/** Makes tables and triggers, or says what would be made. Runs in one transaction: all or nothing. Repeatable: what is there as it should be is left alone. [S60] */
export function install(session: Session, order: InstallOrder): readonly InstallStep[] {
  const steps: InstallStep[] = [];
  const make = createMaker(session, order, steps);
  for (const table of tablesOf(order.names)) {
    make(`table ${table.name}`, table.sql, hasTable(session, table.name));
  }
  if (order.mode === "do" && !order.readOnly) {
    const columns = "one, epoch, beat, beat_before, forgotten";
    session.run(`INSERT OR IGNORE INTO ${quoted(order.names.mark)} (${columns}) VALUES (1, '${FIRST_EPOCH}', ?1, ?1, 0)`, [order.beat]);
  }
  for (const [object, table] of order.tables) {
    const problem = table === null ? "there is no such table" : table.schema.keyProblem;
    if (table === null || problem !== null) steps.push({ what: `triggers on ${object}`, sql: null, state: "impossible", reason: problem });
    else installTable(session, order, table, make);
  }
  return steps;
}

/** Removes every trigger and table of the installation, or says what would be removed. */
export function uninstall(session: Session, names: InstalledNames, mode: InstallMode, readOnly: boolean): readonly InstallStep[] {
  const triggers = session.all(triggersSql(names)).map(([name]) => ["trigger", String(name)] as const);
  const tables = tablesOf(names)
    .filter((table) => hasTable(session, table.name))
    .map((table) => ["table", table.name] as const);
  return [...triggers, ...tables].map(([kind, name]): InstallStep => {
    const sql = `DROP ${kind.toUpperCase()} ${quoted(name)}`;
    const what = `${kind} ${name}`;
    if (readOnly) return { what, sql, state: "impossible", reason: READ_ONLY };
    if (mode === "do") session.run(sql);
    return { what, sql, state: mode === "do" ? "done" : "would", reason: null };
  });
}

const READ_ONLY = "the file or its folder may only be read";

type Maker = (what: string, sql: readonly string[], isThere: boolean) => void;

function createMaker(session: Session, order: InstallOrder, steps: InstallStep[]): Maker {
  return (what, sql, isThere) => {
    const text = sql.join(";\n");
    if (isThere) steps.push({ what, sql: text, state: "already", reason: null });
    else if (order.readOnly) steps.push({ what, sql: text, state: "impossible", reason: READ_ONLY });
    else if (order.mode === "describe") steps.push({ what, sql: text, state: "would", reason: null });
    else {
      for (const statement of sql) session.run(statement);
      steps.push({ what, sql: text, state: "done", reason: null });
    }
  };
}

function installTable(session: Session, order: InstallOrder, table: Table, make: Maker): void {
  const { names } = order;
  const object = table.schema.name;
  widenLog(session, names, table.schema.key.length, make);
  const followed = followedObject(session, names, object);
  const wanted = triggersOf(names, table, followed?.number ?? nextNumber(session, order, object));
  const stored = new Map(
    session.all(`${triggersSql(names)} AND tbl_name = ${literal(object)}`).map(([name, , sql]) => [String(name), String(sql)]),
  );
  const isThere = (trigger: Trigger): boolean => isSameSql(stored.get(trigger.name) ?? "", trigger.sql);
  const complete = followed !== null && wanted.every(isThere);
  for (const name of stored.keys()) {
    if (!wanted.some((trigger) => trigger.name === name))
      make(`trigger ${name} (out of date) removed`, [`DROP TRIGGER ${quoted(name)}`], false);
  }
  for (const trigger of wanted) {
    const replaced = stored.has(trigger.name) && !isThere(trigger);
    make(`trigger ${trigger.name}`, replaced ? [`DROP TRIGGER ${quoted(trigger.name)}`, trigger.sql] : [trigger.sql], isThere(trigger));
  }
  if (order.mode === "do" && !order.readOnly && followed !== null && !complete) resumeCapture(session, names, object);
}

/**
 * Changes made while triggers were missing are not in the log: cursors from before have expired, and taking a number makes "before" certain. An object that was
 * never followed has no such gap: it is listed before anything is concluded from its changes.
 */
function resumeCapture(session: Session, names: InstalledNames, object: string): void {
  session.run(`INSERT INTO ${quoted(names.touched)} (object, op) VALUES (0, 'n')`);
  session.run(`UPDATE ${quoted(names.followed)} SET since = ? WHERE object = ?`, [lastSequence(session, names), object]);
}

function nextNumber(session: Session, order: InstallOrder, object: string): bigint {
  if (order.mode === "describe" || order.readOnly) return 0n;
  const followed = quoted(order.names.followed);
  session.run(`INSERT INTO ${followed} (object, since) VALUES (?, 0)`, [object]);
  return followedObject(session, order.names, object)?.number ?? 0n;
}

function widenLog(session: Session, names: InstalledNames, width: number, make: Maker): void {
  const columns = new Set(session.all(`SELECT name FROM pragma_table_xinfo(${literal(names.touched)})`).map(([name]) => String(name)));
  for (let part = 1; part < width; part += 1) {
    if (columns.has(`k${part}`)) continue;
    const sql = ["k", "f"].map((letter) => `ALTER TABLE ${quoted(names.touched)} ADD COLUMN ${letter}${part}`);
    make(`column ${part + 1} for keys in ${names.touched}`, sql, false);
  }
}
