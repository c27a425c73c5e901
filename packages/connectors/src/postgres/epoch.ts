import type { CallOptions, StoreMark } from "@accord/engine/connector";
import type { Database } from "./client.ts";
import { notInstalled } from "./log-slot.ts";
import type { InstalledNames } from "./names.ts";

/**
 * A fingerprint of the database as a source. [S12] It changes when a backup is restored, when a standby takes over (it may lack the last commits) and when the
 * address leads elsewhere: the cluster's identifier, the timeline of its log, the database's oid.
 *
 * Where the role may not ask for the identifier or the timeline, the identity that `install` wrote down stands in for them. A disk snapshot that is put back
 * looks the same; the feed notices it, since the log then ends before the cursor.
 */
export async function readEpoch(
  { database, names }: { readonly database: Database; readonly names: InstalledNames },
  options: CallOptions,
): Promise<string> {
  const [rights = []] = await database.rows(
    `SELECT (SELECT oid FROM pg_database WHERE datname = current_database()), has_function_privilege('pg_control_system()', 'EXECUTE'),
      has_function_privilege('pg_walfile_name(pg_lsn)', 'EXECUTE') AND NOT pg_is_in_recovery(), to_regclass($1) IS NOT NULL AND has_table_privilege(to_regclass($1), 'SELECT')`,
    [names.mark],
    options,
  );
  const [oid, mayReadIdentifier, mayReadTimeline, hasMark] = rights;
  const ask = async (allowed: unknown, text: string): Promise<string> =>
    allowed === "t" ? ((await database.rows(text, [], options))[0]?.[0] ?? "-") : "-";
  const identifier = await ask(mayReadIdentifier, "SELECT system_identifier FROM pg_control_system()");
  // The first eight digits of a log file's name are the timeline that is written now; pg_control_checkpoint() lags behind a promotion.
  const timeline = await ask(mayReadTimeline, "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)");
  const origin = identifier === "-" || timeline === "-" ? await ask(hasMark, `SELECT origin FROM ${names.mark}`) : "-";
  return [identifier, timeline, oid ?? "-", origin].join("/");
}

/** Which store last wrote here, or null where nothing is installed or no store has. [S58] */
export async function readMark(
  { database, names }: { readonly database: Database; readonly names: InstalledNames },
  options: CallOptions,
): Promise<StoreMark | null> {
  if (!(await isInstalled(database, names, options))) return null;
  const [row] = await database.rows(`SELECT store, generation, revision FROM ${names.mark} WHERE store IS NOT NULL`, [], options);
  if (row === undefined) return null;
  const [store, generation, revision] = row;
  const mark = { storeId: store ?? "", generation: Number(generation) };
  return revision === null || revision === undefined ? mark : { ...mark, revision: Number(revision) };
}

/** @throws {AccordError} ACCORD_NOT_INSTALLED */
export async function writeMark(
  access: { readonly database: Database; readonly names: InstalledNames },
  mark: StoreMark,
  options: CallOptions,
): Promise<void> {
  const { database, names } = access;
  if (!(await isInstalled(database, names, options))) throw notInstalled(database.where, `there is no table ${names.mark}`);
  const text = `INSERT INTO ${names.mark} (store, generation, revision) VALUES ($1, $2, $3) ON CONFLICT (only_row) DO UPDATE SET store = $1, generation = $2, revision = $3`;
  await database.rows(text, [mark.storeId, String(mark.generation), mark.revision === undefined ? null : String(mark.revision)], options);
}

async function isInstalled(database: Database, names: InstalledNames, options: CallOptions): Promise<boolean> {
  return (await database.rows("SELECT to_regclass($1) IS NOT NULL", [names.mark], options))[0]?.[0] === "t";
}
