import type { CallOptions } from "@accord/engine/connector";
import type { Database } from "./client.ts";
import { readSlot } from "./log-slot.ts";
import type { SlotState } from "./log-slot.ts";
import type { InstalledNames } from "./names.ts";

/** What is installed at a database. */
export interface Installed {
  readonly schema: boolean;
  /** Whether proof rows can be written and read. [S27] */
  readonly applied: boolean;
  readonly mark: boolean;
  readonly touched: boolean;
  readonly slot: SlotState;
  /** Our triggers by `schema.table`. */
  readonly triggers: ReadonlyMap<string, readonly string[]>;
  /** How changes are followed: by the log where the slot and publication are there, else by triggers where their log is there. */
  readonly capture: "log" | "touched" | "none";
  /** Tables, as `schema.table`, whose changes are captured that way; all others are learnt from sweeps. */
  readonly captured: ReadonlySet<string>;
}

/** Reads what is installed. Needs no right but to connect. */
export async function readInstalled(
  access: { readonly database: Database; readonly names: InstalledNames },
  options: CallOptions,
): Promise<Installed> {
  const { database, names } = access;
  const [row = []] = await database.rows(
    `SELECT to_regnamespace($1) IS NOT NULL, ${usable("$2")} AND ${usable("$5")} AND ${usable("$6")}, ${usable("$3")}, to_regclass($4) IS NOT NULL,
      (SELECT json_agg(json_build_array(n.nspname || '.' || c.relname, t.tgname))
        FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_namespace own ON own.oid = f.pronamespace AND own.nspname = $1
        JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND NOT c.relispartition AND t.tgenabled <> 'D')`,
    [names.schema, names.applied, names.mark, names.touched, names.appliedBatch, names.ledgers],
    options,
  );
  const [schema, applied, mark, touched, json] = row;
  const slot = await readSlot(access, options);
  const triggers = new Map<string, string[]>();
  // The server's own JSON of the shape built above.
  for (const [table, trigger] of JSON.parse(json ?? "[]") as [string, string][])
    triggers.set(table, [...(triggers.get(table) ?? []), trigger]);
  // A slot that was given up is made again by `currentCursor`; the publication says that the log was chosen.
  const capture = slot.hasPublication ? "log" : touched === "t" ? "touched" : "none";
  const captured =
    capture === "log" ? slot.published.map(([space, table]) => `${space}.${table}`) : capture === "touched" ? triggers.keys() : [];
  return {
    schema: schema === "t",
    applied: applied === "t",
    mark: mark === "t",
    touched: touched === "t",
    slot,
    triggers,
    capture,
    captured: new Set(captured),
  };
}

function usable(parameter: string): string {
  return `COALESCE(has_table_privilege(to_regclass(${parameter}), 'SELECT, INSERT, UPDATE, DELETE'), false)`;
}
