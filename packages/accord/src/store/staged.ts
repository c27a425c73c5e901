import { assert } from "@accord/engine/connector";
import type { SyncId } from "@accord/engine/store";
import type { Session } from "./session.ts";

/** Places of staged records: sync × 2^41 + side × 2^36 + a number in listing order. */
export const SYNC_SIZE = 2 ** 41;
export const SIDE_SIZE = 2 ** 36;
const SYNCS_MAX = 2 ** 12;
const SIDES_MAX = 2 ** 5;

/** Below every place of a side. */
export function firstPlace(sync: SyncId, side: number): number {
  assert(sync < SYNCS_MAX && side < SIDES_MAX, "a store holds 4095 syncs of 32 sides");
  return sync * SYNC_SIZE + side * SIDE_SIZE;
}

/** Puts links and match keys that were gathered in no order into their tables, sorted, and forgets what was staged. */
export function endFirstContact(session: Session, sync: SyncId): void {
  const low = firstPlace(sync, 0);
  const high = low + SYNC_SIZE;
  session.run(
    "INSERT INTO member (side, record, entity, state) SELECT side, record, entity, state FROM staged_link WHERE sync = ? AND side IS NOT NULL ORDER BY side, record",
    sync,
  );
  session.run(
    "INSERT INTO match_key (hash, entity) SELECT hash, entity FROM staged_link WHERE sync = ? AND hash IS NOT NULL ORDER BY hash ON CONFLICT DO NOTHING",
    sync,
  );
  const others = "SELECT 1 FROM staged_record WHERE place <= ? UNION ALL SELECT 1 FROM staged_record WHERE place >= ? LIMIT 1";
  if (session.first(others, low, high) === undefined) {
    // Without a condition SQLite empties a table at once, whatever its size. https://www.sqlite.org/lang_delete.html#the_truncate_optimization
    for (const table of ["staged_link", "staged_group", "staged_record", "staged_page"]) session.run(`DELETE FROM ${table}`);
  } else {
    session.run("DELETE FROM staged_link WHERE sync = ?", sync);
    session.run("DELETE FROM staged_group WHERE first > ? AND first < ?", low, high);
    session.run("DELETE FROM staged_record WHERE place > ? AND place < ?", low, high);
  }
  session.run("DELETE FROM first_contact WHERE sync = ?", sync);
}

/** Lists a sync that is still new once more: what was staged carries the columns, or the order of keys, of before. [S51] */
export function beginAnew(session: Session, sync: SyncId): void {
  if (session.first("SELECT 1 FROM sync WHERE id = ? AND state = 'new'", sync) === undefined) return;
  endFirstContact(session, sync);
  session.run("UPDATE side SET listing = 'none', listing_after = NULL, listed_at_ms = NULL WHERE sync = ?", sync);
}
