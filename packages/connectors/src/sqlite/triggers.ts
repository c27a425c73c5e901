import { literal, quoted, type InstalledNames } from "./names.ts";
import type { Table } from "./table.ts";

/** One trigger as it should be. */
export interface Trigger {
  readonly name: string;
  readonly sql: string;
}

/**
 * The triggers that note every touched record of a table. The log keeps keys natively, one column per part, so that the record id is built by the same code
 * as everywhere else. An update notes the old key too: where it differs, the record was renamed. [S63]
 *
 * `REPLACE` deletes rows that stand in the way of a unique rule without firing delete triggers (unless the program turned recursive_triggers on); the
 * `replace` triggers note them beforehand. A hint too many is harmless, one too few is not. [S8]
 */
export function triggersOf(names: InstalledNames, table: Table, number: bigint): readonly Trigger[] {
  const { key, name } = table.schema;
  const on = `ON ${quoted(name)} FOR EACH ROW BEGIN`;
  const into = (columns: readonly string[]): string => `INSERT INTO ${quoted(names.touched)} (object, op, ${columns.join(", ")})`;
  const keyColumns = key.map((_, index) => `k${index}`);
  const fromColumns = key.map((_, index) => `f${index}`);
  const keyOf = (row: "NEW" | "OLD"): string => key.map((column) => `${row}.${quoted(column)}`).join(", ");
  const trigger = (kind: string, event: string, body: string): Trigger => {
    const triggerName = `${names.triggerPrefix}${kind}_${name}`;
    return { name: triggerName, sql: `CREATE TRIGGER ${quoted(triggerName)} ${event} ${body} END` };
  };
  return [
    trigger("insert", "AFTER INSERT", `${on} ${into(keyColumns)} VALUES (${number}, 'i', ${keyOf("NEW")});`),
    trigger(
      "update",
      "AFTER UPDATE",
      `${on} ${into([...keyColumns, ...fromColumns])} VALUES (${number}, 'u', ${keyOf("NEW")}, ${keyOf("OLD")});`,
    ),
    trigger("delete", "AFTER DELETE", `${on} ${into(keyColumns)} VALUES (${number}, 'd', ${keyOf("OLD")});`),
    ...table.replaceable.flatMap((unique, place) => {
      const columns = key.map(quoted).join(", ");
      const same = unique.map((column) => `${quoted(column)} = NEW.${quoted(column)}`).join(" AND ");
      const body = `${into(keyColumns)} SELECT ${number}, 'x', ${columns} FROM ${quoted(name)} WHERE ${same};`;
      const changed = unique.map((column) => `NEW.${quoted(column)} IS NOT OLD.${quoted(column)}`).join(" OR ");
      const updateOn = `ON ${quoted(name)} FOR EACH ROW WHEN ${changed} BEGIN`;
      return [
        trigger(`replace${place}_insert`, "BEFORE INSERT", `${on} ${body}`),
        trigger(`replace${place}_update`, `BEFORE UPDATE OF ${unique.map(quoted).join(", ")}`, `${updateOn} ${body}`),
      ];
    }),
  ];
}

/** The tables that `install` makes beside the triggers, with the most key parts that the log can hold at first; wider keys add columns. */
export function tablesOf(names: InstalledNames): readonly { readonly name: string; readonly sql: readonly string[] }[] {
  return [
    {
      name: names.touched,
      sql: [
        `CREATE TABLE ${quoted(names.touched)} (seq INTEGER PRIMARY KEY AUTOINCREMENT, object INTEGER NOT NULL, op TEXT NOT NULL, k0, f0)`,
      ],
    },
    {
      name: names.followed,
      sql: [`CREATE TABLE ${quoted(names.followed)} (number INTEGER PRIMARY KEY, object TEXT NOT NULL UNIQUE, since INTEGER NOT NULL)`],
    },
    {
      name: names.applied,
      sql: [
        `CREATE TABLE ${quoted(names.applied)} (store TEXT NOT NULL, object TEXT NOT NULL, entity INTEGER NOT NULL, record BLOB NOT NULL, intent TEXT NOT NULL, at INTEGER NOT NULL, ` +
          "PRIMARY KEY (store, object, entity)) WITHOUT ROWID",
        `CREATE UNIQUE INDEX ${quoted(`${names.applied}_record`)} ON ${quoted(names.applied)} (store, object, record)`,
        `CREATE INDEX ${quoted(`${names.applied}_intent`)} ON ${quoted(names.applied)} (intent)`,
      ],
    },
    {
      name: names.mark,
      sql: [
        `CREATE TABLE ${quoted(names.mark)} (one INTEGER PRIMARY KEY CHECK (one = 1), store TEXT, generation INTEGER, revision INTEGER, epoch TEXT NOT NULL, ` +
          "beat TEXT NOT NULL, beat_before TEXT NOT NULL, forgotten INTEGER NOT NULL)",
      ],
    },
  ];
}

/** Whether the stored SQL of a trigger is the wanted one. */
export function isSameSql(stored: string, wanted: string): boolean {
  return stored.replace(/\s+/g, " ").trim() === wanted.replace(/\s+/g, " ").trim();
}

/** SQL that finds Accord's triggers of one installation. */
export function triggersSql(names: InstalledNames): string {
  return `SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger' AND substr(name, 1, ${names.triggerPrefix.length}) = ${literal(names.triggerPrefix)}`;
}
