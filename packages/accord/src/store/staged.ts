import type { EntityId } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type { SyncId } from "@accord/engine/store";
import type { Session } from "./session.ts";

/** Places of staged records: sync × 2^41 + side × 2^36 + a number in listing order, from 1 and without gaps. */
const SYNC_SIZE = 2 ** 41;
const SIDE_SIZE = 2 ** 36;
const SYNCS_MAX = 2 ** 12;
export const SIDES_MAX = 2 ** 5;
/** Records that one side may list: what a word of `staged_group` can name. */
const RECORDS_MAX = 2 ** 27;

/** The side of a place. */
export function sideOfPlace(place: number): number {
  return Math.floor((place % SYNC_SIZE) / SIDE_SIZE);
}

/** Below every place of a side. */
export function firstPlace(sync: SyncId, side: number): number {
  assert(sync < SYNCS_MAX && side < SIDES_MAX, "a store holds 4095 syncs of 32 sides");
  return sync * SYNC_SIZE + side * SIDE_SIZE;
}

/** The records staged of one side. Their numbers in the sync go on from side to side, from 0: `before` + place − `low` − 1. */
export interface StagedSide {
  readonly place: number;
  /** The side as the tables name it. */
  readonly number: number;
  /** Below all places. */
  readonly low: number;
  readonly count: number;
  /** How many the sides before have. */
  readonly before: number;
}

/** What is staged of a sync, side by side. */
export function stagedSides(session: Session, sync: SyncId): readonly StagedSide[] {
  let before = 0;
  return session.all<[number, number]>("SELECT id, place FROM side WHERE sync = ? ORDER BY place", sync).map(([number, place]) => {
    const low = firstPlace(sync, place);
    const count = lastPlace(session, low) - low;
    assert(count < RECORDS_MAX, "a first listing holds 134 million records of a side");
    const side = { place, number, low, count, before };
    before += count;
    return side;
  });
}

/** The last place that is taken of a side, or `low`. */
export function lastPlace(session: Session, low: number): number {
  const sql = "SELECT max(place) FROM staged_record WHERE place > ? AND place < ?";
  return session.first<[number | null]>(sql, low, low + SIDE_SIZE)?.[0] ?? low;
}

/** The row of `first_contact`: how far a sync's first contact has come. */
export interface ContactRow {
  readonly sync: SyncId;
  /** Level entities have ids by the positions of their records at the first side: this is that of the first position. They are made in that order, one after another. */
  readonly firstEntity: EntityId;
  /** Chunks of the first side whose level groups were made. */
  readonly levelChunks: number;
  /** All other groups have ids from this on, in their own order: so what is made later stands behind what was made before, and no page of the file is parted. */
  readonly firstOther: EntityId;
  /** How many of them were committed. */
  readonly others: number;
  /** The place of the last of them. */
  readonly upTo: number;
  readonly isAlone: boolean;
}

export function readContact(session: Session, sync: SyncId): ContactRow | null {
  const row = session.first<[number, number, number, number, number, number]>(
    "SELECT first_entity, level_chunks, first_other, others, up_to, alone FROM first_contact WHERE sync = ?",
    sync,
  );
  if (row === undefined) return null;
  const [firstEntity, levelChunks, firstOther, others, upTo, alone] = row;
  return { sync, firstEntity, levelChunks, firstOther, others, upTo, isAlone: alone === 1 };
}

/** Notes records with partners of earlier sides whose group did not become an entity as it was staged. */
export function noteOthers(session: Session, places: readonly number[]): void {
  for (let at = 0; at < places.length; at += NOTED_AT_ONCE)
    session.run(
      "INSERT OR IGNORE INTO staged_other (place) SELECT value FROM json_each(?)",
      `[${places.slice(at, at + NOTED_AT_ONCE).join(",")}]`,
    );
}

/** Places that go into one statement. */
const NOTED_AT_ONCE = 4_096;

/** Forgets what was staged of a sync. */
export function forgetStaged(session: Session, sync: SyncId): void {
  const low = firstPlace(sync, 0);
  const high = low + SYNC_SIZE;
  const others = "SELECT 1 FROM staged_record WHERE place <= ? UNION ALL SELECT 1 FROM staged_record WHERE place >= ? LIMIT 1";
  const tables = ["staged_record", "staged_hash", "staged_group", "staged_other"];
  if (session.first(others, low, high) === undefined) {
    // Without a condition SQLite empties a table at once, whatever its size. https://www.sqlite.org/lang_delete.html#the_truncate_optimization
    for (const table of ["staged_link", "staged_page", ...tables]) session.run(`DELETE FROM ${table}`);
  } else {
    session.run("DELETE FROM staged_link WHERE sync = ?", sync);
    session.run("DELETE FROM staged_page WHERE side IN (SELECT id FROM side WHERE sync = ?)", sync);
    for (const table of tables) session.run(`DELETE FROM ${table} WHERE place > ? AND place < ?`, low, high);
  }
  session.run("DELETE FROM first_contact WHERE sync = ?", sync);
}
