import type { Session } from "./database.ts";
import { literal, quoted, type InstalledNames } from "./names.ts";
import { isSameSql, triggersOf, triggersSql } from "./triggers.ts";
import type { Table } from "./table.ts";

/** The last number that the log of touched records has given, deleted rows included: the position of the moment that a session reads. 0 before `install`. */
export function lastSequence(session: Session, names: InstalledNames): bigint {
  if (!hasTable(session, names.touched)) return 0n;
  const last = session.first("SELECT seq FROM main.sqlite_sequence WHERE name = ?", [names.touched])?.[0];
  return typeof last === "bigint" ? last : 0n;
}

export function hasTable(session: Session, name: string): boolean {
  return session.first("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?", [name]) !== undefined;
}

/** An object in the log: its number there, and the sequence that capture began at; earlier changes may be missing. */
export interface FollowedObject {
  readonly number: bigint;
  readonly since: bigint;
}

export function followedObject(session: Session, names: InstalledNames, object: string): FollowedObject | null {
  if (!hasTable(session, names.followed)) return null;
  const row = session.first(`SELECT number, since FROM main.${quoted(names.followed)} WHERE object = ?`, [object]);
  const [number, since] = row ?? [];
  return typeof number === "bigint" && typeof since === "bigint" ? { number, since } : null;
}

/** Whether every trigger of the table is there as it should be. A migration that rebuilds a table drops its triggers. */
export function isCaptured(session: Session, names: InstalledNames, table: Table): boolean {
  const followed = followedObject(session, names, table.schema.name);
  if (followed === null || !hasTable(session, names.touched)) return false;
  const stored = new Map(
    session.all(`${triggersSql(names)} AND tbl_name = ${literal(table.schema.name)}`).map(([name, , sql]) => [name, String(sql)]),
  );
  return triggersOf(names, table, followed.number).every((trigger) => isSameSql(stored.get(trigger.name) ?? "", trigger.sql));
}
