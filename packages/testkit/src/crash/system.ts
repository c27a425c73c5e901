import type { CrashFields, HistoryRow } from "./evidence.ts";
import type { Remote } from "./trouble.ts";

/** What a user does to one thing. */
export type UserAct =
  | { readonly kind: "insert"; readonly fields: CrashFields }
  | { readonly kind: "set"; readonly code: string; readonly field: string; readonly value: string }
  | { readonly kind: "add"; readonly code: string; readonly amount: number }
  | { readonly kind: "delete"; readonly code: string };

/** One session of a user. One act at a time. */
export interface CrashUser {
  /** One transaction; returns what it changed once it is committed: nothing where the thing is not there, null where the database was busy. */
  act(operation: string, act: UserAct): Promise<readonly HistoryRow[] | null>;
  close(): Promise<void>;
}

/** A real database of a user, with a trigger that writes every change down: whoever made it, in the transaction that made it. */
export interface CrashSystem {
  readonly name: string;
  /** Its entry below `connections:` and its object, for accord.yaml. */
  readonly connection: string;
  readonly object: string;
  /** Null for a file. */
  readonly remote: Remote | null;
  openUser(): Promise<CrashUser>;
  /** A place in what happens at this side, to ask later whether Accord has followed it. */
  moment(): Promise<string>;
  /**
   * Whether Accord's feed, not a sweep, has come past the moment: the database itself shows what Accord told it to forget. True where a database cannot tell.
   */
  hasFollowed(moment: string): Promise<boolean>;
  rows(): Promise<readonly CrashFields[]>;
  history(): Promise<readonly HistoryRow[]>;
  /** The last change's sequence. */
  lastSequence(): Promise<number>;
  /** Which of Accord's intents have left their proof row. Tells which moment a kill hit; no invariant is judged by it. */
  proofs(intents: readonly string[]): Promise<ReadonlySet<string>>;
  /** The code of the thing that a record is, as Accord names records; null where it is gone. */
  codeOf(record: string): Promise<string | null>;
  /** A user's long transaction that keeps everyone else from writing, until the returned function ends it. Null where somebody is in the way. */
  hold(): Promise<(() => Promise<void>) | null>;
  /** Resolves when nothing that a dead client had begun is under way any more. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Columns of the table that the users share with Accord. */
export const COLUMNS = ["code", "name", "city", "note", "points", "private"] as const;

/** The installation's name in accord.yaml: it names Accord's own tables. */
export const INSTALLATION = "crash";

/** A row of a trigger's own table: JSON images as texts. */
export function historyRow(sequence: unknown, operation: unknown, kind: unknown, before: unknown, after: unknown): HistoryRow {
  return {
    sequence: Number(sequence),
    operation: textOf(operation) === "" ? null : textOf(operation),
    kind: kind === "insert" || kind === "delete" ? kind : "update",
    before: fieldsOf(before),
    after: fieldsOf(after),
  };
}

function fieldsOf(json: unknown): CrashFields | null {
  if (typeof json !== "string") return null;
  const parsed: unknown = JSON.parse(json);
  if (typeof parsed !== "object" || parsed === null) return null;
  const cells = new Map(Object.entries(parsed));
  return Object.fromEntries(COLUMNS.map((column) => [column, textOf(cells.get(column))]));
}

function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "bigint" ? String(value) : null;
}

/** A text as an SQL literal of either database. The campaign's values hold no backslash. */
export function literal(value: string | null): string {
  return value === null ? "NULL" : `'${value.replaceAll("'", "''")}'`;
}

/** The statement of an act on a table. */
export function statementOf(table: string, act: UserAct): string {
  switch (act.kind) {
    case "insert": {
      const columns = Object.keys(act.fields);
      const values = columns.map((column) => (column === "points" ? (act.fields[column] ?? "0") : literal(act.fields[column] ?? null)));
      return `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${values.join(", ")})`;
    }
    case "set":
      return `UPDATE ${table} SET ${act.field} = ${literal(act.value)} WHERE code = ${literal(act.code)}`;
    case "add":
      return `UPDATE ${table} SET points = points + (${act.amount}) WHERE code = ${literal(act.code)}`;
    case "delete":
      return `DELETE FROM ${table} WHERE code = ${literal(act.code)}`;
  }
}
