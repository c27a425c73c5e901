import { AccordError } from "@accord/engine/connector";
import type { CallOptions, Clock, Cursor, Log } from "@accord/engine/connector";
import type { Database } from "./client.ts";
import { serverFailure } from "./errors.ts";
import { SETTLE_POLL_MS, SETTLE_POLLS_MAX } from "./limits.ts";
import { quoteText } from "./names.ts";
import type { InstalledNames } from "./names.ts";
import { lsnToHex, parseSnapshot } from "./positions.ts";

/** What capture needs of its connection. */
export interface CaptureAccess {
  readonly database: Database;
  readonly names: InstalledNames;
  readonly clock: Clock;
  readonly log: Log;
}

/** The state of our replication slot and what surrounds it. LSNs are 16 hex digits. */
export interface SlotState {
  readonly exists: boolean;
  /** False where the server has given it up (`max_slot_wal_keep_size`), or it is not ours to read: another database, another plugin. */
  readonly usable: boolean;
  readonly activePid: number | null;
  /** Everything below is consumed: a feed cannot begin before it. */
  readonly confirmedHex: string;
  /** The end of the log now. */
  readonly currentHex: string;
  /** Bytes of log that the server keeps because of the slot. */
  readonly retainedBytes: number | null;
  readonly hasPublication: boolean;
  /** Tables in the publication, as `schema`, `table`. */
  readonly published: readonly (readonly [string, string])[];
}

export async function readSlot({ database, names }: Pick<CaptureAccess, "database" | "names">, options: CallOptions): Promise<SlotState> {
  const text = `
    SELECT s.slot_name, s.plugin = 'pgoutput' AND s.database = current_database() AND COALESCE(s.wal_status, 'lost') <> 'lost' AND s.restart_lsn IS NOT NULL,
      s.active_pid, s.confirmed_flush_lsn, pg_current_wal_insert_lsn(), pg_wal_lsn_diff(pg_current_wal_insert_lsn(), s.restart_lsn), p.oid,
      (SELECT json_agg(json_build_array(t.schemaname, t.tablename)) FROM pg_publication_tables t WHERE t.pubname = $1)
    FROM (SELECT 1) one
    LEFT JOIN pg_replication_slots s ON s.slot_name = $2
    LEFT JOIN pg_publication p ON p.pubname = $1`;
  const [row = []] = await database.rows(text, [names.publication, names.slot], options);
  const [slot, usable, activePid, confirmed, current, retained, publication, published] = row;
  return {
    exists: slot !== null && slot !== undefined,
    usable: usable === "t",
    activePid: activePid === null || activePid === undefined ? null : Number(activePid),
    confirmedHex: lsnToHex(confirmed ?? "0/0"),
    currentHex: lsnToHex(current ?? "0/0"),
    retainedBytes: retained === null || retained === undefined ? null : Number(retained),
    hasPublication: publication !== null && publication !== undefined,
    // The server's own JSON of the shape built above.
    published: typeof published === "string" ? (JSON.parse(published) as [string, string][]) : [],
  };
}

/**
 * Makes the slot. The publication has to be there before: decoding asks the catalogs as they were at each change.
 * The server waits for every transaction that is open now; the statement timeout bounds that.
 */
export async function createSlot({ database, names }: Pick<CaptureAccess, "database" | "names">, options: CallOptions): Promise<void> {
  try {
    await database.rows(createSlotSql(names), [], options);
  } catch (error) {
    const cause = error instanceof AccordError ? error.cause : error;
    if (serverFailure(cause)?.code !== "57014") throw error;
    throw new AccordError(
      "ACCORD_UNREACHABLE",
      `The replication slot at ${database.where} could not be made in time, because a transaction there has been open for long: end it (pg_stat_activity shows it) and try again.`,
      { remedy: "retry", where: database.where, cause: error },
    );
  }
}

export function createSlotSql(names: InstalledNames): string {
  return `SELECT pg_catalog.pg_create_logical_replication_slot(${quoteText(names.slot)}, 'pgoutput')`;
}

/** Removes the slot if it is there, ending whoever reads from it. */
export async function dropSlot(
  { database, names, clock }: Pick<CaptureAccess, "database" | "names" | "clock">,
  options: CallOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await database.rows(
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active_pid IS NOT NULL",
        [names.slot],
        options,
      );
      await database.rows(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1",
        [names.slot],
        options,
      );
      return;
    } catch (error) {
      const cause = error instanceof AccordError ? error.cause : error;
      const code = serverFailure(cause)?.code;
      if (code === "42704") return;
      // The reader that was told to end has not yet.
      if (code !== "55006" || attempt >= SETTLE_POLLS_MAX) throw error;
      await clock.sleep(SETTLE_POLL_MS, options);
    }
  }
}

/**
 * The cursor of now. A slot that is gone although its publication is there was given up or lost in a failover: it is made again here, since what it
 * missed is about to be listed.
 *
 * The end of the log would not do: a transaction whose commit is in the log may still be invisible to a listing (S57). What the slot has not been told to
 * forget begins earlier; changes that the listing has are recognised by their positions. Those that were streamed and acknowledged but are not visible yet
 * are waited for.
 * @throws {AccordError} ACCORD_NOT_INSTALLED
 */
export async function currentLogCursor(access: CaptureAccess, options: CallOptions): Promise<Cursor> {
  let state = await readSlot(access, options);
  if (!state.hasPublication) throw notInstalled(access.database.where, `there is no publication ${access.names.publication}`);
  if (!state.usable) {
    if (state.exists) await dropSlot(access, options);
    await createSlot(access, options);
    access.log.warn("postgres.slot_made_again", { slot: access.names.slot });
    state = await readSlot(access, options);
  }
  await settle(access, options);
  return state.confirmedHex;
}

/** Waits until the transactions that are under way now have ended; those that take long have not written their commit yet, and need no waiting for. */
async function settle({ database, clock }: CaptureAccess, options: CallOptions): Promise<void> {
  const snapshot = async () => parseSnapshot((await database.rows("SELECT pg_current_snapshot()", [], options))[0]?.[0] ?? "0:0:");
  const { xmax } = await snapshot();
  for (let poll = 0; poll < SETTLE_POLLS_MAX; poll += 1) {
    const { running, xmax: later } = await snapshot();
    if (later >= xmax && [...running].every((xid) => xid >= xmax)) return;
    await clock.sleep(SETTLE_POLL_MS, options);
  }
}

export function notInstalled(where: string, why: string): AccordError {
  return new AccordError("ACCORD_NOT_INSTALLED", `Changes at ${where} cannot be followed, because ${why}: run \`accord install\`.`, {
    remedy: "stop",
    where,
  });
}

export function cursorExpired(where: string, why: string): AccordError {
  return new AccordError(
    "ACCORD_CURSOR_EXPIRED",
    `The change log of ${where} does not reach back to where we stopped (${why}): everything is listed again.`,
    {
      remedy: "reread",
      where,
    },
  );
}
