import type { SQLInputValue } from "node:sqlite";
import type { RecordId } from "@accord/core";
import type { Changes, LoadedMark, Mark, Shard } from "@accord/engine/store";
import type { Catalogue, Side } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { cellSet, type EntityReader } from "./entity-read.ts";
import { groupBy } from "./group.ts";
import { takeFreeRows } from "./free-rows.ts";
import { PASSED_OVER_PAGE, SET_SIZE_MAX } from "./limits.ts";
import { foldMarks, moveMark } from "./mark-fold.ts";
import { linksOf, SHARD_SIZE } from "./mark-links.ts";
import { forgetStagedKeys, readKeys, stageKeys, writeKeys } from "./match-keys.ts";
import { mergedIntoOf } from "./merged.ts";
import { takeNumbers } from "./meta.ts";
import type { OpenIntents } from "./open-intents.ts";
import type { BulkInsert, Session } from "./session.ts";
import { readTally } from "./tally.ts";

const KINDS: readonly Mark["kind"][] = ["touched", "image", "deleted", "replaced"];

const MARK: BulkInsert = {
  into: "mark (seq, side, record, renamed_from, kind, image, position, from_ms, to_ms, keys, not_before_ms, attempts, entity, merged_into)",
  width: 14,
  conflict: "",
};

type MarkRow = [
  seq: number,
  side: number,
  record: string,
  renamedFrom: string | null,
  kind: number,
  image: string | null,
  position: string | null,
  fromMs: number,
  toMs: number,
  keys: string | null,
  notBeforeMs: number,
  attempts: number,
  entity: number | null,
  mergedInto: string | null,
];
const COLUMNS =
  "k.seq, k.side, CAST(k.record AS TEXT), CAST(k.renamed_from AS TEXT), k.kind, k.image, k.position, k.from_ms, k.to_ms, k.keys, k.not_before_ms, k.attempts, k.entity, k.merged_into";

/** Folds marks into those that wait. Returns the shards that have work by them. */
export function addMarks(context: CommitContext, marks: readonly Mark[]): Shard[] {
  const touched = new Set<Shard>();
  for (const [side, own] of groupBy(marks, (mark) => context.catalogue.side(mark.sync, mark.side))) {
    for (let at = 0; at < own.length; at += SET_SIZE_MAX) addMarksOfSide(context, side, own.slice(at, at + SET_SIZE_MAX), touched);
  }
  return [...touched].toSorted((a, b) => a - b);
}

function addMarksOfSide(context: CommitContext, side: Side, marks: readonly Mark[], touched: Set<Shard>): void {
  const { session, tally } = context;
  const records = new Set<RecordId>();
  for (const { record, renamedFrom } of marks) {
    records.add(record);
    if (renamedFrom !== null) records.add(renamedFrom);
  }
  const waiting = new Map<RecordId, WaitingMark>();
  const old: number[] = [];
  const isAny = session.first("SELECT 1 FROM mark WHERE side = ? LIMIT 1", side.number) !== undefined;
  for (const row of isAny ? waitingMarks(session, side, records) : []) {
    waiting.set(row[2], { ...markOf(side, row), attempts: row[11] });
    old.push(row[0]);
  }
  for (const mark of marks) {
    const moved = mark.renamedFrom === null ? undefined : waiting.get(mark.renamedFrom);
    const older = moved === undefined ? waiting.get(mark.record) : { ...moveMark(moved, mark), attempts: moved.attempts };
    if (mark.renamedFrom !== null) waiting.delete(mark.renamedFrom);
    waiting.set(mark.record, older === undefined ? { ...mark, attempts: 0 } : foldWaiting(older, mark));
  }
  if (old.length > 0) session.run("DELETE FROM mark WHERE seq IN (SELECT value FROM json_each(?))", `[${old.join(",")}]`);
  tally.add("mark", side.number, waiting.size - old.length);
  insertMarks(context, side, [...waiting.values()], touched);
}

/** A mark with how often it was put off. */
type WaitingMark = Mark & Pick<LoadedMark, "attempts">;

/** What was put off stays so: news of the record makes no reading succeed sooner. */
function foldWaiting(older: WaitingMark, newer: Mark): WaitingMark {
  const { attempts } = older;
  const notBeforeMs = attempts > 0 ? Math.max(older.notBeforeMs, newer.notBeforeMs) : newer.notBeforeMs;
  return { ...foldMarks(older, newer), notBeforeMs, attempts };
}

function waitingMarks(session: Session, side: Side, records: ReadonlySet<RecordId>): readonly MarkRow[] {
  const set = cellSet([...records].map((record) => side.toCell(record)));
  return session.all<MarkRow>(
    `SELECT ${COLUMNS} FROM json_each(?) j CROSS JOIN mark k ON k.side = ? AND k.record = j.value`,
    set,
    side.number,
  );
}

function insertMarks({ session, hash, shardOf }: CommitContext, side: Side, marks: readonly WaitingMark[], touched: Set<Shard>): void {
  const links = linksOf(session, side, marks);
  const first = takeNumbers(session, "mark", marks.length);
  const cells: SQLInputValue[] = [];
  const staged: { side: Side; cell: bigint | string; keys: readonly (string | null)[] }[] = [];
  marks.forEach((mark, index) => {
    const entity = links[index] ?? null;
    const shard = shardOf(entity);
    touched.add(shard);
    const cell = side.toCell(mark.record);
    const renamedFrom = mark.renamedFrom === null ? null : side.toCell(mark.renamedFrom);
    const keys = mark.keys === null ? null : writeKeys(mark.keys);
    if (mark.keys !== null && keys !== null && entity === null) staged.push({ side, cell, keys: mark.keys });
    const { kind, image, position, fromMs, toMs, notBeforeMs, attempts } = mark;
    cells.push(
      shard * SHARD_SIZE + first + index,
      side.number,
      cell,
      renamedFrom,
      KINDS.indexOf(kind),
      image,
      position,
      fromMs,
      toMs,
      keys,
      notBeforeMs,
      attempts,
      entity,
      mark.mergedInto ?? null,
    );
  });
  session.insert(MARK, cells);
  stageKeys(session, hash, staged);
}

/** The ready marks of a shard. */
export function loadMarks(
  session: Session,
  catalogue: Catalogue,
  reader: EntityReader,
  intents: OpenIntents,
  shard: Shard,
  limit: number,
  nowMs: number,
): LoadedMark[] {
  const end = (shard + 1) * SHARD_SIZE;
  const rows = takeFreeRows<MarkRow>(
    limit,
    (row) => row[12] === null || intents.of(row[1], row[12]) === null,
    (after, count) =>
      session.all<MarkRow>(
        `SELECT ${COLUMNS} FROM mark k WHERE k.seq >= ? AND k.seq < ? AND k.not_before_ms <= ? ORDER BY k.seq LIMIT ?`,
        after === null ? shard * SHARD_SIZE : after[0] + 1,
        end,
        nowMs,
        count,
      ),
  );
  const entities = reader.loadById(rows.flatMap((row) => row[12] ?? []));
  return rows.map((row) => {
    const entity = row[12] === null ? null : (entities.get(row[12]) ?? null);
    return { ...markOf(catalogue.sideByNumber(row[1]), row), sequence: row[0], attempts: row[11], entity };
  });
}

export function consumeMarks({ session, tally }: CommitContext, changes: Pick<Changes, "consumed" | "deferred">): void {
  for (let at = 0; at < changes.consumed.length; at += SET_SIZE_MAX) {
    const gone = session.all<[number]>(
      "DELETE FROM mark WHERE seq IN (SELECT value FROM json_each(?)) RETURNING side",
      `[${changes.consumed.slice(at, at + SET_SIZE_MAX).join(",")}]`,
    );
    for (const [side] of gone) tally.add("mark", side, -1);
  }
  for (const { sequence, notBeforeMs } of changes.deferred)
    session.run("UPDATE mark SET not_before_ms = ?, attempts = attempts + 1 WHERE seq = ?", notBeforeMs, sequence);
  if (changes.consumed.length > 0 && session.first("SELECT 1 FROM mark WHERE seq < ? LIMIT 1", SHARD_SIZE) === undefined)
    forgetStagedKeys(session);
}

export function countMarks(session: Session): number {
  let total = 0;
  for (const count of readTally(session, "mark").values()) total += count;
  return total;
}

/** Adds the shards with a mark that is ready and whose member has no open intent. */
export function addShardsWithMarks(session: Session, intents: OpenIntents, nowMs: number, ready: Set<Shard>): void {
  type KeyRow = [sequence: number, side: number, entity: number | null];
  const sql = "SELECT k.seq, k.side, k.entity FROM mark k WHERE k.seq >= ? AND k.not_before_ms <= ? ORDER BY k.seq LIMIT ?";
  let from = 0;
  for (let limit = 1; ;) {
    const rows = session.all<KeyRow>(sql, from, nowMs, limit);
    const free = rows.find(([, side, entity]) => entity === null || intents.of(side, entity) === null);
    if (free === undefined && rows.length < limit) return;
    const shard = free === undefined ? null : Math.floor(free[0] / SHARD_SIZE);
    if (shard !== null) ready.add(shard);
    // The next shard, or what lies beyond those that are passed over.
    from = shard === null ? (rows.at(-1)?.[0] ?? from) + 1 : (shard + 1) * SHARD_SIZE;
    limit = shard === null ? PASSED_OVER_PAGE : 1;
  }
}

/** When the next mark that is put off becomes ready. */
export function nextMarkAtMs(session: Session, nowMs: number): number | null {
  return (
    session.first<[number | null]>("SELECT min(not_before_ms) FROM mark WHERE not_before_ms > 0 AND not_before_ms > ?", nowMs)?.[0] ?? null
  );
}

function markOf(
  side: Side,
  [, , record, renamedFrom, kind, image, position, fromMs, toMs, keys, notBeforeMs, , , mergedInto]: MarkRow,
): Mark {
  const read = keys === null ? null : readKeys(keys).map((key) => key ?? null);
  return {
    sync: side.sync,
    side: side.place,
    record,
    kind: KINDS[kind] ?? "touched",
    image,
    position,
    renamedFrom,
    fromMs,
    toMs,
    keys: read,
    notBeforeMs,
    ...mergedIntoOf(mergedInto),
  };
}

/** Marks of records that are linked to nothing stand in the first shard. */
export function hasStrangers(session: Session, side: Side, nowMs: number, triesMax: number): boolean {
  const sql =
    "SELECT 1 FROM mark WHERE seq < ? AND side = ? AND entity IS NULL AND (not_before_ms <= ? OR attempts BETWEEN 1 AND ?) LIMIT 1";
  return session.first(sql, SHARD_SIZE, side.number, nowMs, triesMax) !== undefined;
}

/** Marks that were put off are looked at again. */
export function hurryMarks(session: Session, { number }: Side, nowMs: number): void {
  session.run(
    "UPDATE mark SET not_before_ms = ?1 WHERE not_before_ms > 0 AND not_before_ms > ?1 AND attempts > 0 AND side = ?2",
    nowMs,
    number,
  );
}
