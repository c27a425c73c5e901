import type { SQLInputValue } from "node:sqlite";
import { readImage, writeImage, type EntityId } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type { Changes, StoredEntity } from "@accord/engine/store";
import type { Catalogue, Side } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { reviewSince, writeExtra, type EntityExtra } from "./entity-extra.ts";
import { writeHeader } from "./entity-header.ts";
import { MEMBER_STATES, readMemberBodies, STATES_WITH_RECORD, writeMemberBodies, type MemberBody } from "./entity-members.ts";
import { countStates, stateAt, writeStates } from "./entity-states.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import { KEY, oldKeysOver, readKeys, writeKeys } from "./match-keys.ts";
import type { BulkInsert, Session } from "./session.ts";

type WrittenEntity = Changes["entities"][number];
/** What the store held of an entity before. */
interface Former {
  readonly records: readonly (string | null | undefined)[];
  readonly recordsText: string;
  readonly states: string;
  readonly keys: string | null;
  readonly lastEntry: number | null;
}

const ENTITY: BulkInsert = {
  into: "entity (id, sync, fields, header, records, states, members, keys, extra, review_since, last_entry)",
  width: 11,
  conflict:
    "ON CONFLICT (id) DO UPDATE SET fields = excluded.fields, header = excluded.header, records = excluded.records, states = excluded.states, members = excluded.members, keys = excluded.keys, extra = excluded.extra, review_since = excluded.review_since, last_entry = excluded.last_entry",
};

/** A record that another entity holds makes `entity` null, which the column refuses. [S34] */
const MEMBER: BulkInsert = {
  into: "member (side, record, entity, state)",
  width: 4,
  conflict: `ON CONFLICT (side, record) DO UPDATE SET entity = CASE WHEN entity = excluded.entity THEN entity END, state = excluded.state
    WHERE state <> excluded.state OR entity <> excluded.entity`,
};

/** What writing entities leaves to be done by the other tables. */
export interface EntitiesWritten {
  /** The journal entry that was an entity's last before this commit. */
  readonly lastEntries: ReadonlyMap<EntityId, number | null>;
  /** Records that were linked or unlinked: the marks that wait for them may be another entity's now. */
  readonly relinked: readonly RecordCell[];
}

export interface RecordCell {
  readonly side: Side;
  readonly cell: bigint | string;
}

/** Writes entities with their members and keys. `entries`: each entity's last journal entry of this commit. */
export function writeEntities(
  { session, catalogue, hash, tally }: CommitContext,
  written: readonly WrittenEntity[],
  entries: ReadonlyMap<EntityId, number>,
): EntitiesWritten {
  const lastEntries = new Map<EntityId, number | null>();
  const relinked: RecordCell[] = [];
  if (written.length === 0) return { lastEntries, relinked };
  const last = lastOfEach(written);
  const former = formerOf(session, last);
  const early = headsOf(session, last, former);
  const entityCells: SQLInputValue[] = [];
  const memberCells: SQLInputValue[] = [];
  const keyCells: SQLInputValue[] = [];
  for (const { entity, keys } of last) {
    const { sides, version } = catalogue.sync(entity.sync);
    const before = former.get(entity.id);
    const records = writeRecords(entity, sides);
    const states = writeStates(entity, sides);
    if (before === undefined || before.recordsText !== records || before.states !== states) {
      if (before !== undefined) unlinkFormer(session, sides, entity, before, relinked);
      for (const side of sides) pushMember(memberCells, side, entity, before, states, relinked);
      countStates(tally, entity.sync, sides, before?.states ?? null, states);
    }
    const keyText = keys === null ? (before?.keys ?? null) : writeKeys(keys);
    if (keyText !== (before?.keys ?? null)) oldKeysOver(session, hash, entity, readKeys(before?.keys ?? null), readKeys(keyText), keyCells);
    const earlier = before === undefined ? (early.get(entity.id) ?? null) : before.lastEntry;
    lastEntries.set(entity.id, earlier);
    const fields = writeImage(entity.fields.map(({ value }) => value));
    entityCells.push(entity.id, entity.sync, fields, writeHeader(entity, version), records, states);
    entityCells.push(
      writeMemberBodies(entity.members, sides, fields),
      keyText,
      writeExtra(entity),
      reviewSince(entity),
      entries.get(entity.id) ?? earlier,
    );
  }
  session.insert(ENTITY, entityCells);
  session.insert(KEY, keyCells);
  writeMembers(session, catalogue, memberCells);
  return { lastEntries, relinked };
}

function writeRecords(entity: StoredEntity, sides: readonly Side[]): string {
  return writeImage(sides.map(({ place }) => entity.members[place]?.record ?? null));
}

/** Journal entries of entities that had no row when they were written. */
function headsOf(
  session: Session,
  written: readonly WrittenEntity[],
  former: ReadonlyMap<EntityId, Former>,
): ReadonlyMap<EntityId, number> {
  if (former.size === written.length || session.first("SELECT 1 FROM journal_head LIMIT 1") === undefined) return new Map();
  const ids = written.map(({ entity }) => entity.id).filter((id) => !former.has(id));
  const sql = "SELECT h.entity, h.last_entry FROM json_each(?) j CROSS JOIN journal_head h ON h.entity = j.value";
  return new Map(session.all<[number, number]>(sql, `[${ids.join(",")}]`));
}

/** One entry per entity: the last of several, with the keys of the last that names some. */
function lastOfEach(written: readonly WrittenEntity[]): readonly WrittenEntity[] {
  const byId = new Map<EntityId, WrittenEntity>();
  for (const one of written) {
    const earlier = byId.get(one.entity.id);
    byId.set(one.entity.id, earlier === undefined || one.keys !== null ? one : { entity: one.entity, keys: earlier.keys });
  }
  return byId.size === written.length ? written : [...byId.values()];
}

function formerOf(session: Session, written: readonly WrittenEntity[]): ReadonlyMap<EntityId, Former> {
  const former = new Map<EntityId, Former>();
  type FormerRow = [id: number, records: string, states: string, keys: string | null, lastEntry: number | null];
  for (let at = 0; at < written.length; at += SET_SIZE_MAX) {
    const ids = written.slice(at, at + SET_SIZE_MAX).map(({ entity }) => entity.id);
    const sql = "SELECT e.id, e.records, e.states, e.keys, e.last_entry FROM json_each(?) j CROSS JOIN entity e ON e.id = j.value";
    for (const [id, recordsText, states, keys, lastEntry] of session.all<FormerRow>(sql, `[${ids.join(",")}]`))
      former.set(id, { records: readImage(recordsText), recordsText, states, keys, lastEntry });
  }
  return former;
}

/** Frees record ids that this entity gives up, before anyone takes them: two records may swap their keys in one commit. [S63] */
function unlinkFormer(session: Session, sides: readonly Side[], entity: StoredEntity, before: Former, relinked: RecordCell[]): void {
  for (const side of sides) {
    const record = before.records[side.place];
    if (record === null || record === undefined || record === entity.members[side.place]?.record) continue;
    const cell = side.toCell(record);
    session.run("DELETE FROM member WHERE side = ? AND record = ? AND entity = ?", side.number, cell, entity.id);
    relinked.push({ side, cell });
  }
}

/** The row of a member that is new, or whose state is; nothing where it stays as it is. */
function pushMember(
  cells: SQLInputValue[],
  side: Side,
  entity: StoredEntity,
  before: Former | undefined,
  states: string,
  relinked: RecordCell[],
): void {
  const record = entity.members[side.place]?.record ?? null;
  if (record === null) return;
  const isLinked = before?.records[side.place] === record;
  const state = stateAt(states, side.place);
  if (isLinked && before !== undefined && stateAt(before.states, side.place) === state) return;
  const cell = side.toCell(record);
  cells.push(side.number, cell, entity.id, Number(state));
  if (!isLinked) relinked.push({ side, cell });
}

function writeMembers(session: Session, catalogue: Catalogue, cells: readonly SQLInputValue[]): void {
  try {
    session.insert(MEMBER, cells);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes("member.entity")) throw error;
    for (let at = 0; at < cells.length; at += MEMBER.width)
      displaceDead(session, catalogue, Number(cells[at]), cells[at + 1] ?? null, Number(cells[at + 2]));
    session.insert(MEMBER, cells);
  }
}

const NO_BODY: MemberBody = { image: null, position: null, seenAtMs: 0 };

/** A record id that lives again under another entity: the tombstone that held it keeps its image, and the id as a retired one. [S38] */
function displaceDead(session: Session, catalogue: Catalogue, number: number, record: SQLInputValue, taker: EntityId): void {
  const holder = session.first<[number, number]>(
    `SELECT entity, state IN ${STATES_WITH_RECORD} FROM member WHERE side = ? AND record = ? AND entity <> ?`,
    number,
    record,
    taker,
  );
  if (holder === undefined) return;
  const [entity, lives] = holder;
  assert(lives === 0, `entity ${taker} was given a record that entity ${entity} holds`);
  const row = session.first<[string, string | null, string, string, string]>(
    "SELECT records, extra, members, fields, states FROM entity WHERE id = ?",
    entity,
  );
  assert(row !== undefined, `entity ${entity} holds a record and is not there`);
  const { place } = catalogue.sideByNumber(number);
  const records = readImage(row[0]);
  // Only entity-extra.ts writes this text.
  const extra = (row[1] === null ? {} : JSON.parse(row[1])) as EntityExtra;
  const past = extra.past?.[place];
  const retired = [...(past?.retired ?? []).filter((id) => id !== records[place]), records[place] ?? ""];
  const body = readMemberBodies(row[2], row[3])[place] ?? NO_BODY;
  const state = MEMBER_STATES[Number(stateAt(row[4], place))] ?? "lost";
  const gone = { state, ...body, incarnation: past?.incarnation ?? 1, retired };
  const changed: EntityExtra = { ...extra, gone: { ...extra.gone, [place]: gone } };
  const remaining = writeImage(records.map((id, index) => (index === place ? null : id)));
  const states = `${row[4].slice(0, place + 1)}-${row[4].slice(place + 2)}`;
  session.run("UPDATE entity SET records = ?, states = ?, extra = ? WHERE id = ?", remaining, states, JSON.stringify(changed), entity);
  session.run("DELETE FROM member WHERE side = ? AND record = ?", number, record);
}
