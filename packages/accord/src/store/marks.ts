import type { SQLInputValue } from "node:sqlite";
import type { EntityId, RecordId } from "@accord/core";
import type { Changes, LoadedMark, Mark, Shard } from "@accord/engine/store";
import type { Catalogue, Side } from "./catalogue.ts";
import { cellSet, type EntityReader } from "./entity-read.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import { foldMarks, moveMark } from "./mark-fold.ts";
import type { MatchHash } from "./match-hash.ts";
import { forgetStagedKeys, readKeys, stageKeys, writeKeys } from "./match-keys.ts";
import { takeNumbers } from "./meta.ts";
import type { BulkInsert, Session } from "./session.ts";

/** Sequences of one shard: shard × 2^40 + a counter that never gives a number twice. */
const SHARD_SIZE = 2 ** 40;
const KINDS: readonly Mark["kind"][] = ["touched", "image", "deleted"];

const MARK: BulkInsert = {
  into: "mark (seq, side, record, renamed_from, kind, image, position, from_ms, to_ms, keys, not_before_ms, attempts)",
  width: 12,
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
];
const COLUMNS =
  "k.seq, k.side, CAST(k.record AS TEXT), CAST(k.renamed_from AS TEXT), k.kind, k.image, k.position, k.from_ms, k.to_ms, k.keys, k.not_before_ms, k.attempts";

/** The entity that a mark concerns: the one linked to the id that the record had, else to the id it has. */
const LINKED = `coalesce((SELECT m.entity FROM member m WHERE m.side = k.side AND m.record = k.renamed_from), (SELECT m.entity FROM member m WHERE m.side = k.side AND m.record = k.record))`;
const NOT_BLOCKED = "(linked IS NULL OR NOT EXISTS (SELECT 1 FROM intent i WHERE i.side = k.side AND i.entity = linked))";

/** Folds marks into those that wait. Returns the shards that have work by them. */
export function addMarks(session: Session, catalogue: Catalogue, hash: MatchHash, shards: number, marks: readonly Mark[]): Shard[] {
  const touched = new Set<Shard>();
  for (const [side, own] of groupBySide(catalogue, marks)) {
    for (let at = 0; at < own.length; at += SET_SIZE_MAX)
      addMarksOfSide(session, hash, shards, side, own.slice(at, at + SET_SIZE_MAX), touched);
  }
  return [...touched].toSorted((a, b) => a - b);
}

function groupBySide(catalogue: Catalogue, marks: readonly Mark[]): Map<Side, Mark[]> {
  const groups = new Map<Side, Mark[]>();
  for (const mark of marks) {
    const side = catalogue.side(mark.sync, mark.side);
    const group = groups.get(side);
    if (group === undefined) groups.set(side, [mark]);
    else group.push(mark);
  }
  return groups;
}

function addMarksOfSide(session: Session, hash: MatchHash, shards: number, side: Side, marks: readonly Mark[], touched: Set<Shard>): void {
  const records = new Set<RecordId>();
  for (const { record, renamedFrom } of marks) {
    records.add(record);
    if (renamedFrom !== null) records.add(renamedFrom);
  }
  const waiting = new Map<RecordId, Mark>();
  const old: number[] = [];
  const set = cellSet([...records].map((record) => side.toCell(record)));
  for (const row of session.all<MarkRow>(
    `SELECT ${COLUMNS} FROM json_each(?) j CROSS JOIN mark k ON k.side = ? AND k.record = j.value`,
    set,
    side.number,
  )) {
    waiting.set(row[2], markOf(side, row));
    old.push(row[0]);
  }
  for (const mark of marks) {
    const moved = mark.renamedFrom === null ? undefined : waiting.get(mark.renamedFrom);
    const older = moved === undefined ? waiting.get(mark.record) : moveMark(moved, mark);
    if (mark.renamedFrom !== null) waiting.delete(mark.renamedFrom);
    waiting.set(mark.record, older === undefined ? mark : foldMarks(older, mark));
  }
  if (old.length > 0) session.run("DELETE FROM mark WHERE seq IN (SELECT value FROM json_each(?))", `[${old.join(",")}]`);
  insertMarks(session, hash, shards, side, [...waiting.values()], touched);
}

function insertMarks(session: Session, hash: MatchHash, shards: number, side: Side, marks: readonly Mark[], touched: Set<Shard>): void {
  const links = linksOf(session, side, marks);
  const first = takeNumbers(session, "mark", marks.length);
  const cells: SQLInputValue[] = [];
  const staged: { side: Side; cell: bigint | string; keys: readonly (string | null)[] }[] = [];
  marks.forEach((mark, index) => {
    const entity = links[index] ?? null;
    const shard = shardOf(entity, shards);
    touched.add(shard);
    const cell = side.toCell(mark.record);
    const renamedFrom = mark.renamedFrom === null ? null : side.toCell(mark.renamedFrom);
    const keys = mark.keys === null ? null : writeKeys(mark.keys);
    if (mark.keys !== null && keys !== null && entity === null) staged.push({ side, cell, keys: mark.keys });
    const { kind, image, position, fromMs, toMs, notBeforeMs } = mark;
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
      0,
    );
  });
  session.insert(MARK, cells);
  stageKeys(session, hash, staged);
}

/** By mark: the entity linked to the id that the record had, else to the id it has. */
function linksOf(session: Session, side: Side, marks: readonly Mark[]): (EntityId | null)[] {
  if (session.first("SELECT 1 FROM member WHERE side = ? LIMIT 1", side.number) === undefined) return [];
  const links = marks.map((): EntityId | null => null);
  const sql = "SELECT j.key, m.entity FROM json_each(?) j CROSS JOIN member m ON m.side = ? AND m.record = j.value";
  const ask = (cells: readonly (bigint | string)[], take: (place: number, entity: EntityId) => void): void => {
    for (const [place, entity] of session.all<[number, number]>(sql, cellSet(cells), side.number)) take(place, entity);
  };
  ask(
    marks.map(({ record }) => side.toCell(record)),
    (place, entity) => {
      links[place] = entity;
    },
  );
  const renamed = marks.flatMap(({ renamedFrom }, index) => (renamedFrom === null ? [] : [{ index, cell: side.toCell(renamedFrom) }]));
  if (renamed.length === 0) return links;
  ask(
    renamed.map(({ cell }) => cell),
    (place, entity) => {
      const index = renamed[place]?.index;
      if (index !== undefined) links[index] = entity;
    },
  );
  return links;
}

/** The ready marks of a shard, and how many among those looked at have become another shard's work. */
export function loadMarks(
  session: Session,
  catalogue: Catalogue,
  reader: EntityReader,
  shards: number,
  shard: Shard,
  limit: number,
  nowMs: number,
): { readonly marks: LoadedMark[]; readonly strays: number } {
  const rows = session.all<[...MarkRow, number | null]>(
    `SELECT * FROM (SELECT ${COLUMNS}, ${LINKED} AS linked FROM mark k WHERE k.seq >= ? AND k.seq < ? AND k.not_before_ms <= ?) k WHERE ${NOT_BLOCKED} ORDER BY k.seq LIMIT ?`,
    shard * SHARD_SIZE,
    (shard + 1) * SHARD_SIZE,
    nowMs,
    limit,
  );
  const own = rows.filter((row) => shardOf(row[12], shards) === shard);
  const entities = reader.loadById(own.flatMap((row) => row[12] ?? []));
  const marks = own.map((row) => {
    const entity = row[12] === null ? null : (entities.get(row[12]) ?? null);
    return { ...markOf(catalogue.sideByNumber(row[1]), row), sequence: row[0], attempts: row[11], entity };
  });
  return { marks, strays: rows.length - own.length };
}

/** Records that are not linked wait in shard 0. [S36] */
function shardOf(entity: EntityId | null, shards: number): Shard {
  return entity === null ? 0 : entity % shards;
}

/** Brings the marks of records that were linked or unlinked since they came to the shard they belong to now. */
export function moveStrays(session: Session, shards: number, shard: Shard): void {
  const strays = session.all<[number, number]>(
    `SELECT seq, target FROM (SELECT k.seq AS seq, coalesce(${LINKED} % ${shards}, 0) AS target FROM mark k WHERE k.seq >= ? AND k.seq < ?) WHERE target <> ? ORDER BY seq`,
    shard * SHARD_SIZE,
    (shard + 1) * SHARD_SIZE,
    shard,
  );
  if (strays.length === 0) return;
  const first = takeNumbers(session, "mark", strays.length);
  strays.forEach(([seq, target], index) => {
    session.run("UPDATE mark SET seq = ? WHERE seq = ?", target * SHARD_SIZE + first + index, seq);
  });
}

export function consumeMarks(session: Session, changes: Pick<Changes, "consumed" | "deferred">): void {
  for (let at = 0; at < changes.consumed.length; at += SET_SIZE_MAX) {
    session.run(
      "DELETE FROM mark WHERE seq IN (SELECT value FROM json_each(?))",
      `[${changes.consumed.slice(at, at + SET_SIZE_MAX).join(",")}]`,
    );
  }
  for (const { sequence, notBeforeMs } of changes.deferred)
    session.run("UPDATE mark SET not_before_ms = ?, attempts = attempts + 1 WHERE seq = ?", notBeforeMs, sequence);
  if (changes.consumed.length > 0 && session.first("SELECT 1 FROM mark WHERE seq < ? LIMIT 1", SHARD_SIZE) === undefined)
    forgetStagedKeys(session);
}

export function countMarks(session: Session): number {
  return session.first<[number]>("SELECT count(*) FROM mark")?.[0] ?? 0;
}

export function hasReadyMark(session: Session, shard: Shard, nowMs: number): boolean {
  const sql = `SELECT 1 FROM (SELECT k.side AS side, ${LINKED} AS linked FROM mark k WHERE k.seq >= ? AND k.seq < ? AND k.not_before_ms <= ?) k WHERE ${NOT_BLOCKED} LIMIT 1`;
  return session.first(sql, shard * SHARD_SIZE, (shard + 1) * SHARD_SIZE, nowMs) !== undefined;
}

/** When the next mark that is put off becomes ready. */
export function nextMarkAtMs(session: Session, nowMs: number): number | null {
  return (
    session.first<[number | null]>("SELECT min(not_before_ms) FROM mark WHERE not_before_ms > 0 AND not_before_ms > ?", nowMs)?.[0] ?? null
  );
}

function markOf(
  side: Side,
  [, , record, renamedFrom, kind, image, position, fromMs, toMs, keys, notBeforeMs]: MarkRow | [...MarkRow, number | null],
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
  };
}
