import type { SQLInputValue } from "node:sqlite";
import { readImage, type EntityId } from "@accord/core";
import type {
  Changes,
  Due,
  DueCount,
  DueKey,
  DueListing,
  DueQuery,
  DueState,
  LoadedDue,
  ParkedRow,
  Shard,
  SyncId,
  UndoWrite,
} from "@accord/engine/store";
import type { Catalogue, Side } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import type { EntityOverlay } from "./entity-overlay.ts";
import { groupBy } from "./group.ts";
import type { EntityReader } from "./entity-read.ts";
import { takeFreeRows } from "./free-rows.ts";
import { PASSED_OVER_PAGE, SET_SIZE_MAX } from "./limits.ts";
import type { OpenIntents } from "./open-intents.ts";
import { readPatches, writePatches } from "./patches.ts";
import type { BulkInsert, Session } from "./session.ts";

/** In the order of their numbers in the table; the indexes of `due` name 0 (ready) and 2 and above (set aside). */
export const STATES: readonly DueState[] = ["ready", "held", "waiting", "parked"];

/** The columns of {@link COLUMNS}. */
export type DueRow = [
  side: number,
  entity: number,
  state: number,
  notBeforeMs: number,
  sinceMs: number,
  attempts: number,
  waitsFor: number | null,
  extra: string | null,
];
export const COLUMNS = "d.side, d.entity, d.state, d.not_before_ms, d.since_ms, d.attempts, d.waits_for, d.extra";

/** What most due writes have not. Cells are images of pairs, since JSON does not know unknown from null. */
interface DueExtra {
  readonly code?: string;
  readonly reason?: string;
  readonly undo?: { readonly kind: UndoWrite["kind"]; readonly set: string; readonly expect: string };
}

/** Held for a reason: what an undo put back. It stays so, whatever else becomes due of the member, until a plan is applied. [S59] */
const STAYS_HELD = "state = 1 AND excluded.state = 0 AND json_extract(extra, '$.code') = 'ACCORD_UNDONE'";

/** Whether a row carries no undo: one that does is replaced by another undo alone. [S59] */
const noUndo = (extra: string): string => `(${extra} IS NULL OR json_extract(${extra}, '$.undo') IS NULL)`;

const insertDue = (changed: string): BulkInsert => ({
  into: "due (side, shard, entity, state, not_before_ms, since_ms, attempts, waits_for, extra)",
  width: 9,
  conflict: `ON CONFLICT (side, entity) DO UPDATE SET waits_for = excluded.waits_for, ${changed} WHERE ${noUndo("due.extra")} OR NOT ${noUndo("excluded.extra")}`,
});
const KEEPING_AGE = insertDue(
  `state = CASE WHEN ${STAYS_HELD} THEN 1 ELSE excluded.state END, extra = CASE WHEN ${STAYS_HELD} THEN extra ELSE excluded.extra END, ` +
    "not_before_ms = CASE WHEN state = 0 AND excluded.state = 0 THEN min(not_before_ms, excluded.not_before_ms) ELSE excluded.not_before_ms END",
);
const NEW_AGE = insertDue(
  "state = excluded.state, extra = excluded.extra, not_before_ms = excluded.not_before_ms, since_ms = excluded.since_ms, attempts = excluded.attempts",
);

export function writeDue(
  { session, catalogue, shardOf }: CommitContext,
  changes: Pick<Changes, "due" | "dueDone" | "undosDone" | "arrived">,
): void {
  const gone = "DELETE FROM due WHERE side = ? AND entity IN (SELECT value FROM json_each(?))";
  for (const [side, set] of keySets(catalogue, changes.undosDone ?? [])) session.run(gone, side, set);
  const run = runOf(changes.dueDone);
  if (run === null) for (const [side, set] of keySets(catalogue, changes.dueDone)) session.run(`${gone} AND ${noUndo("extra")}`, side, set);
  else {
    const { number } = catalogue.side(run.sync, run.side);
    session.run(`DELETE FROM due WHERE side = ? AND entity BETWEEN ? AND ? AND ${noUndo("extra")}`, number, run.from, run.to);
  }
  const keeping: SQLInputValue[] = [];
  const fresh: SQLInputValue[] = [];
  for (const due of lastOfEach(changes.due)) {
    const cells = due.keepAge ? keeping : fresh;
    const side = catalogue.side(due.sync, due.side).number;
    cells.push(
      side,
      shardOf(due.entity),
      due.entity,
      STATES.indexOf(due.state),
      due.notBeforeMs,
      due.sinceMs,
      due.attempts,
      due.waitsFor,
      writeDueExtra(due),
    );
  }
  session.insert(KEEPING_AGE, keeping);
  session.insert(NEW_AGE, fresh);
  // Of a first copy every record arrives, and mostly nobody waits.
  if (changes.arrived.length === 0 || session.first("SELECT 1 FROM due WHERE waits_for IS NOT NULL LIMIT 1") === undefined) return;
  for (let at = 0; at < changes.arrived.length; at += SET_SIZE_MAX) {
    const entities = changes.arrived.slice(at, at + SET_SIZE_MAX).map(({ entity }) => entity);
    session.run(
      `UPDATE due SET state = ${RELEASED}, waits_for = NULL, not_before_ms = 0, extra = ${NO_REASON}
       WHERE waits_for IN (SELECT value FROM json_each(?)) AND state = 2`,
      `[${entities.join(",")}]`,
    );
  }
}

/** The keys as one run of ids at one side, as those of a first copy are; else null. */
function runOf(keys: readonly DueKey[]): (Pick<DueKey, "sync" | "side"> & { readonly from: EntityId; readonly to: EntityId }) | null {
  const [first] = keys;
  if (first === undefined || keys.length === 1) return null;
  const { sync, side, entity: from } = first;
  const isRun = keys.every((key, index) => key.entity === from + index && key.side === side && key.sync === sync);
  return isRun ? { sync, side, from, to: from + keys.length - 1 } : null;
}

/** One entry per member: the last of several. */
function lastOfEach(due: Changes["due"]): Iterable<Changes["due"][number]> {
  const byEntity = new Map<EntityId, Changes["due"][number][]>();
  let isRepeated = false;
  for (const one of due) {
    const others = byEntity.get(one.entity);
    if (others === undefined) byEntity.set(one.entity, [one]);
    else {
      const same = others.findIndex(({ sync, side }) => sync === one.sync && side === one.side);
      isRepeated ||= same >= 0;
      others.splice(same < 0 ? others.length : same, 1, one);
    }
  }
  return isRepeated ? [...byEntity.values()].flat() : due;
}

/** What stops waiting becomes ready where its sync is being written, else it is held until a plan is applied. [S60] */
const RELEASED =
  "(SELECT CASE WHEN sync.state IN ('live', 'paused') THEN 0 ELSE 1 END FROM side JOIN sync ON sync.id = side.sync WHERE side.id = due.side)";

/** Without why it was set aside, and never null: it is not as a merge left it (due-plannable.ts). */
const NO_REASON = "json_remove(coalesce(extra, '{}'), '$.code', '$.reason')";

/** What is not put off beyond the moment it became due is ready whatever the clock says: it may have been set back since. */
const IS_TIME = "(d.not_before_ms <= d.since_ms OR d.not_before_ms <= ?)";

export function loadDue(session: Session, catalogue: Catalogue, reader: EntityReader, intents: OpenIntents, query: DueQuery): LoadedDue[] {
  const { number } = catalogue.side(query.sync, query.side);
  const open = intents.atSide(number);
  const rows = takeFreeRows<DueRow>(
    query.limit,
    ([, entity]) => !open.has(entity),
    (after, limit) =>
      session.all<DueRow>(
        `SELECT ${COLUMNS} FROM due d WHERE d.shard = ? AND d.side = ? AND d.state = 0 AND (d.since_ms, d.entity) > (?, ?) AND ${IS_TIME} ORDER BY d.since_ms, d.entity LIMIT ?`,
        query.shard,
        number,
        after === null ? EVER_MS : after[4],
        after === null ? 0 : after[1],
        query.nowMs,
        limit,
      ),
  );
  return withEntities(catalogue, reader, rows);
}

/** Before everything. Epoch milliseconds. */
const EVER_MS = Number.MIN_SAFE_INTEGER;

export function listDue(session: Session, catalogue: Catalogue, reader: EntityReader, listing: DueListing): LoadedDue[] {
  const rows = session.all<DueRow>(
    `SELECT ${COLUMNS} FROM due d WHERE d.side = ? AND d.entity > ? AND d.state IN (SELECT value FROM json_each(?)) ORDER BY d.entity LIMIT ?`,
    catalogue.side(listing.sync, listing.side).number,
    listing.after ?? -1,
    statesSet(listing.states),
    listing.limit,
  );
  return withEntities(catalogue, reader, rows);
}

/** Numbers of states as a JSON array. */
export function statesSet(states: readonly DueState[]): string {
  return `[${states.map((state) => STATES.indexOf(state)).join(",")}]`;
}

/** Adds the shards with a due write that is ready and whose member has no open intent. */
export function addShardsWithDue(session: Session, intents: OpenIntents, nowMs: number, ready: Set<Shard>): void {
  type KeyRow = readonly [shard: Shard, side: number, sinceMs: number, entity: EntityId];
  const sql = `SELECT d.shard, d.side, d.since_ms, d.entity FROM due d INDEXED BY due_ready
    WHERE d.state = 0 AND (d.shard, d.side, d.since_ms, d.entity) > (?, ?, ?, ?) AND ${IS_TIME} ORDER BY d.shard, d.side, d.since_ms, d.entity LIMIT ?`;
  let after: KeyRow = [0, 0, EVER_MS, 0];
  for (let limit = 1; ;) {
    const rows = session.all<KeyRow>(sql, ...after, nowMs, limit);
    const free = rows.find(([, side, , entity]) => intents.of(side, entity) === null);
    const last = rows.at(-1);
    if (free !== undefined) ready.add(free[0]);
    else if (last === undefined || rows.length < limit) return;
    // The next shard, or what lies beyond those that are passed over.
    after = free === undefined ? (last ?? after) : [free[0] + 1, 0, EVER_MS, 0];
    limit = free === undefined ? PASSED_OVER_PAGE : 1;
  }
}

export function nextDueAtMs(session: Session, nowMs: number): number | null {
  return (
    session.first<[number | null]>(
      "SELECT min(not_before_ms) FROM due WHERE state = 0 AND not_before_ms > since_ms AND not_before_ms > ?",
      nowMs,
    )?.[0] ?? null
  );
}

export function releaseDue(session: Session, catalogue: Catalogue, sync: SyncId, only: readonly DueKey[] | null, nowMs: number): void {
  const sql = "UPDATE due SET state = 0, not_before_ms = min(since_ms, ?) WHERE side = ? AND state = 1";
  if (only === null) {
    for (const side of catalogue.sync(sync).sides) session.run(sql, nowMs, side.number);
    return;
  }
  for (const [side, set] of keySets(catalogue, only))
    session.run(`${sql} AND entity IN (SELECT value FROM json_each(?))`, nowMs, side, set);
}

/** Keys by the number of their side, as JSON arrays of entity ids of a bounded size. */
function keySets(catalogue: Catalogue, keys: readonly DueKey[]): readonly (readonly [side: number, entities: string])[] {
  const sets: (readonly [number, string])[] = [];
  for (const [side, own] of groupBy(keys, (key) => catalogue.side(key.sync, key.side).number)) {
    for (let at = 0; at < own.length; at += SET_SIZE_MAX) {
      const entities = own.slice(at, at + SET_SIZE_MAX).map(({ entity }) => entity);
      sets.push([side, `[${entities.join(",")}]`]);
    }
  }
  return sets;
}

export function retryParked(session: Session, catalogue: Catalogue, only: readonly DueKey[] | null, nowMs: number): number {
  const change = `UPDATE due SET state = ${RELEASED}, not_before_ms = ?, attempts = 0, waits_for = NULL, extra = ${NO_REASON}`;
  if (only === null) return session.run(`${change} WHERE state = 3 AND state >= 2`, nowMs);
  let changed = 0;
  for (const [side, set] of keySets(catalogue, only))
    changed += session.run(`${change} WHERE side = ? AND state >= 2 AND entity IN (SELECT value FROM json_each(?))`, nowMs, side, set);
  return changed;
}

/** Writes that wait because their system could not be asked. */
export function hurryDue(session: Session, { number }: Side, nowMs: number): void {
  const wait = "state = 0 AND not_before_ms > since_ms AND not_before_ms > ?1";
  session.run(
    `UPDATE due SET not_before_ms = ?1 WHERE ${wait} AND side = ?2 AND json_extract(extra, '$.code') = 'ACCORD_NOT_SENT'`,
    nowMs,
    number,
  );
}

export function countDue(session: Session, catalogue: Catalogue): DueCount[] {
  return session
    .all<[number, number, number, number]>("SELECT side, state, count(*), min(since_ms) FROM due GROUP BY side, state ORDER BY side, state")
    .map(([number, state, count, oldestSinceMs]) => {
      const { sync, place } = catalogue.sideByNumber(number);
      return { sync, side: place, state: STATES[state] ?? "parked", count, oldestSinceMs };
    });
}

export function listParked(session: Session, catalogue: Catalogue, overlay: EntityOverlay, limit: number): ParkedRow[] {
  return session
    .all<[...DueRow, string | null]>(
      `SELECT ${COLUMNS}, e.records FROM due d LEFT JOIN entity e ON e.id = d.entity WHERE d.state >= 2 ORDER BY d.since_ms, d.entity, d.side LIMIT ?`,
      limit,
    )
    .map((row) => {
      const due = dueOf(catalogue, dueColumns(row));
      const records = overlay.of(due.entity)?.records ?? row[8];
      return { ...due, record: records === null ? null : (readImage(records)[due.side] ?? null) };
    });
}

/** Rows whose entities are there, with them. */
export function withEntities(catalogue: Catalogue, reader: EntityReader, rows: readonly DueRow[]): LoadedDue[] {
  const entities = reader.loadById(rows.map((row) => row[1]));
  return rows.flatMap((row) => {
    const stored = entities.get(row[1]);
    return stored === undefined ? [] : [{ ...dueOf(catalogue, row), stored }];
  });
}

/** The first columns of a row. */
function dueColumns(row: readonly [...DueRow, ...unknown[]]): DueRow {
  const [side, entity, state, notBeforeMs, sinceMs, attempts, waitsFor, extra] = row;
  return [side, entity, state, notBeforeMs, sinceMs, attempts, waitsFor, extra];
}

function dueOf(catalogue: Catalogue, [number, entity, state, notBeforeMs, sinceMs, attempts, waitsFor, extra]: DueRow): Due {
  const { sync, place } = catalogue.sideByNumber(number);
  // Only writeDueExtra makes this text.
  const { code, reason, undo } = (extra === null ? {} : JSON.parse(extra)) as DueExtra;
  return {
    sync,
    side: place,
    entity,
    state: STATES[state] ?? "parked",
    notBeforeMs,
    sinceMs,
    attempts,
    code: code ?? null,
    reason: reason ?? null,
    waitsFor,
    undo: undo === undefined ? null : { kind: undo.kind, set: readPatches(undo.set), expect: readPatches(undo.expect) },
  };
}

function writeDueExtra({ code, reason, undo }: Due): string | null {
  if (code === null && reason === null && undo === null) return null;
  const extra: DueExtra = {
    ...(code === null ? {} : { code }),
    ...(reason === null ? {} : { reason }),
    ...(undo === null ? {} : { undo: { kind: undo.kind, set: writePatches(undo.set), expect: writePatches(undo.expect) } }),
  };
  return JSON.stringify(extra);
}
