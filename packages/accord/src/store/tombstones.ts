import { readImage, type EntityId } from "@accord/core";
import type { Collected, TombstoneQuery } from "@accord/engine/store";
import type { Side } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { readExtra } from "./entity-extra.ts";
import { isWithRecord } from "./entity-members.ts";
import { stateAt } from "./entity-states.ts";
import { readKeys } from "./match-keys.ts";

type TombRow = [id: number, states: string, records: string, keys: string | null, extra: string | null, lastEntry: number | null];

/**
 * Forgets entities that were deleted before a moment, hold no record anywhere and have nothing under way. [S39] Looks at `limit` entities in the order of their ids; `last` null: there are no more. Their
 * journal entries stay, and are found by the entity's number.
 */
export function collectTombstones(context: CommitContext, { sync, beforeMs, after, limit }: TombstoneQuery): Collected {
  const { session, catalogue, overlay } = context;
  const { sides } = catalogue.sync(sync);
  const ids = session.all<[EntityId, string]>(
    "SELECT id, states FROM entity WHERE sync = ? AND id > ? ORDER BY id LIMIT ?",
    sync,
    after ?? -1,
    limit,
  );
  const last = ids.length < limit ? null : (ids.at(-1)?.[0] ?? null);
  const dead = ids.flatMap(([id, states]) => (isGone(overlay.of(id)?.states ?? states, sides) ? [id] : []));
  const rows = dead.length === 0 ? [] : rowsOf(context, dead).filter(([, , , , extra]) => isOld(extra, beforeMs));
  const busy = busyAmong(
    context,
    sides,
    rows.map(([id]) => id),
  );
  const done = rows.filter(([id]) => !busy.has(id));
  for (const row of done) forget(context, sync, sides, row);
  return { collected: done.length, last };
}

/** Whether no system has a record of it. */
function isGone(states: string, sides: readonly Side[]): boolean {
  return states.startsWith("D") && sides.every(({ place }) => !isWithRecord(stateAt(states, place)));
}

function rowsOf({ session, overlay }: CommitContext, ids: readonly EntityId[]): readonly TombRow[] {
  const sql = "SELECT e.id, e.states, e.records, e.keys, e.extra, e.last_entry FROM json_each(?) j CROSS JOIN entity e ON e.id = j.value";
  return session.all<TombRow>(sql, `[${ids.join(",")}]`).map((row): TombRow => {
    const held = overlay.of(row[0]);
    return held === undefined ? row : [row[0], held.states, held.records, held.keys, held.extra, held.lastEntry];
  });
}

/** Deleted before then; a merged entity is no tombstone: what it became is asked for as long as anything names it. [S41] */
function isOld(text: string | null, beforeMs: number): boolean {
  const { life, review } = readExtra(text);
  return life?.kind === "deleted" && life.atMs < beforeMs && review === undefined;
}

/** Those of them that something waits for, or that others have become. */
function busyAmong({ session, intents }: CommitContext, sides: readonly Side[], ids: readonly EntityId[]): ReadonlySet<EntityId> {
  if (ids.length === 0) return new Set();
  const set = `[${ids.join(",")}]`;
  const busy = new Set<EntityId>();
  const named = [
    "SELECT entity FROM mark WHERE entity IN (SELECT value FROM json_each(?))",
    "SELECT entity FROM request WHERE entity IN (SELECT value FROM json_each(?))",
    "SELECT winner FROM merged WHERE winner IN (SELECT value FROM json_each(?))",
  ];
  for (const sql of named) for (const [id] of session.all<[EntityId]>(sql, set)) busy.add(id);
  for (const { number } of sides) {
    const due = "SELECT d.entity FROM json_each(?) j CROSS JOIN due d ON d.side = ? AND d.entity = j.value";
    for (const [id] of session.all<[EntityId]>(due, set, number)) busy.add(id);
    const open = intents.atSide(number);
    for (const id of ids) if (open.has(id)) busy.add(id);
  }
  return busy;
}

function forget({ session, hash, overlay, formers }: CommitContext, sync: number, sides: readonly Side[], row: TombRow): void {
  const [id, , records, keys, , lastEntry] = row;
  const names = readImage(records);
  for (const side of sides) {
    const record = names[side.place];
    if (record === null || record === undefined) continue;
    session.run("DELETE FROM member WHERE side = ? AND record = ? AND entity = ?", side.number, side.toCell(record), id);
  }
  for (const [rule, key] of readKeys(keys).entries())
    if (key !== null && key !== undefined)
      session.run("DELETE FROM match_key WHERE hash = ? AND entity = ?", hash.entityKey(sync, rule, key), id);
  if (lastEntry !== null)
    session.run(
      "INSERT INTO journal_head (entity, last_entry) VALUES (?, ?) ON CONFLICT (entity) DO UPDATE SET last_entry = excluded.last_entry",
      id,
      lastEntry,
    );
  session.run("DELETE FROM entity WHERE id = ?", id);
  overlay.drop(id);
  formers.drop(id);
}
