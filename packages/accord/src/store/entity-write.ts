import type { SQLInputValue } from "node:sqlite";
import { readImage, writeImage, type EntityId } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type { StoredEntity } from "@accord/engine/store";
import type { Catalogue, Side } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import type { EntityCells } from "./entity-overlay.ts";
import type { WrittenEntity } from "./entity-former.ts";
import { reviewSince, writeExtra, type EntityExtra } from "./entity-extra.ts";
import { writeHeader } from "./entity-header.ts";
import { continueChain, type EntityChains } from "./journal.ts";
import { isWithRecord, MEMBER_STATES, readMemberBodies, STATES_WITH_RECORD, writeMemberBodies, type MemberBody } from "./entity-members.ts";
import { countStates, stateAt, writeStates } from "./entity-states.ts";
import { KEY, oldKeysOver, readKeys, writeKeys } from "./match-keys.ts";
import type { BulkInsert, Session } from "./session.ts";

/** The cells of a row of `entity`, and of `member`. */
export const ENTITY_ROW = {
  into: "entity (id, sync, fields, header, records, states, members, keys, extra, review_since, last_entry)",
  width: 11,
} as const;
export const MEMBER_ROW = { into: "member (side, record, entity, state)", width: 4 } as const;

const ENTITY: BulkInsert = {
  ...ENTITY_ROW,
  conflict:
    "ON CONFLICT (id) DO UPDATE SET fields = excluded.fields, header = excluded.header, records = excluded.records, states = excluded.states, members = excluded.members, keys = excluded.keys, extra = excluded.extra, review_since = excluded.review_since, last_entry = excluded.last_entry",
};

/** A record that another entity holds makes `entity` null, which the column refuses. [S34] */
const MEMBER: BulkInsert = {
  ...MEMBER_ROW,
  conflict: `ON CONFLICT (side, record) DO UPDATE SET entity = CASE WHEN entity = excluded.entity THEN entity END, state = excluded.state
    WHERE state <> excluded.state OR entity <> excluded.entity`,
};

/** A record that was linked or unlinked: the mark that waits for it may be another entity's now. */
export interface RecordCell {
  readonly side: Side;
  readonly cell: bigint | string;
}

/** Writes entities with their members and keys. `relinked` takes the records that are linked or unlinked by it. */
export function writeEntities(
  { session, catalogue, hash, tally, formers, overlay }: CommitContext,
  written: readonly WrittenEntity[],
  chains: EntityChains,
  relinked: RecordCell[],
): void {
  if (written.length === 0) return;
  const last = lastOfEach(written);
  const befores = formers.of(last);
  const early = headsOf(
    session,
    last.flatMap(({ entity }, index) => (befores[index] === undefined ? [entity.id] : [])),
  );
  const entityCells: SQLInputValue[] = [];
  const memberCells: SQLInputValue[] = [];
  const keyCells: SQLInputValue[] = [];
  for (const [index, { entity, keys }] of last.entries()) {
    const { sides, version } = catalogue.sync(entity.sync);
    const before = befores[index];
    const records = writeRecords(entity, sides);
    const states = writeStates(entity, sides);
    if (before === undefined || before.records !== records || before.states !== states) {
      const linked = before === undefined ? [] : readImage(before.records);
      unlinkFormer(session, sides, entity, linked, relinked);
      for (const side of sides) pushMember(memberCells, side, entity, linked, before?.states ?? null, states, relinked);
      countStates(tally, entity.sync, sides, before?.states ?? null, states);
    }
    const keyText = keys === null ? (before?.keys ?? null) : writeKeys(keys);
    if (keyText !== (before?.keys ?? null)) oldKeysOver(session, hash, entity, readKeys(before?.keys ?? null), readKeys(keyText), keyCells);
    const lastEntry = continueChain(chains, entity.id, before === undefined ? (early.get(entity.id) ?? null) : before.lastEntry);
    const fields = writeImage(entity.fields.map(({ value }) => value));
    const header = writeHeader(entity, version);
    const members = writeMemberBodies(entity.members, sides, fields);
    const since = reviewSince(entity);
    const cells: EntityCells = { fields, header, records, states, members, keys: keyText, extra: writeExtra(entity), lastEntry };
    // Reviews are looked for by an index: what changes them goes into the row.
    if (before !== undefined && before.reviewSince === since) {
      overlay.hold(entity.id, cells);
      formers.drop(entity.id);
      continue;
    }
    overlay.drop(entity.id);
    formers.keep(entity.id, { records, states, keys: keyText, extra: cells.extra, reviewSince: since, lastEntry });
    entityCells.push(entity.id, entity.sync, fields, header, records, states, members, keyText, cells.extra, since, lastEntry);
  }
  session.insert(ENTITY, entityCells);
  session.insert(KEY, keyCells);
  writeMembers(session, catalogue, { formers, overlay }, memberCells);
}

function writeRecords(entity: StoredEntity, sides: readonly Side[]): string {
  return writeImage(sides.map(({ place }) => entity.members[place]?.record ?? null));
}

/** Journal entries of new entities, made when they had no row. */
function headsOf(session: Session, ids: readonly EntityId[]): ReadonlyMap<EntityId, number> {
  if (ids.length === 0 || session.first("SELECT 1 FROM journal_head LIMIT 1") === undefined) return new Map();
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

/** By side: the record that the entity had. */
type Linked = readonly (string | null | undefined)[];

/** Frees record ids that this entity gives up, before anyone takes them: two records may swap their keys in one commit. [S63] */
function unlinkFormer(session: Session, sides: readonly Side[], entity: StoredEntity, linked: Linked, relinked: RecordCell[]): void {
  for (const side of sides) {
    const record = linked[side.place];
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
  linked: Linked,
  before: string | null,
  states: string,
  relinked: RecordCell[],
): void {
  const record = entity.members[side.place]?.record ?? null;
  if (record === null) return;
  const isLinked = linked[side.place] === record;
  const state = stateAt(states, side.place);
  if (isLinked && before !== null && stateAt(before, side.place) === state) return;
  const cell = side.toCell(record);
  cells.push(side.number, cell, entity.id, Number(state));
  if (!isLinked) relinked.push({ side, cell });
}

/**
 * Writes rows of `member`: four cells each. A record id belongs to the living: where one is freed and taken in the same commit, or was freed before, its tombstone gives it
 * up, whichever of the two is written first. [S34, S38]
 */
export function writeMembers(session: Session, catalogue: Catalogue, rows: EntityRows, cells: readonly SQLInputValue[]): void {
  try {
    session.insert(MEMBER, cells);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes("member.entity")) throw error;
    const members = Array.from({ length: cells.length / MEMBER.width }, (_, index) =>
      cells.slice(index * MEMBER.width, (index + 1) * MEMBER.width),
    );
    const isAlive = (member: readonly SQLInputValue[]): boolean => isWithRecord(`${Number(member[STATE_CELL])}`);
    for (const member of [...members.filter((one) => !isAlive(one)), ...members.filter(isAlive)])
      writeContested(session, catalogue, rows, member, isAlive(member));
  }
}

/** Where a row of `member` has its state. */
const STATE_CELL = 3;

/** Writes one row of `member`. Of two that claim a record the dead one gives it up; that two living ones do is a mistake of ours. */
function writeContested(
  session: Session,
  catalogue: Catalogue,
  rows: EntityRows,
  member: readonly SQLInputValue[],
  isAlive: boolean,
): void {
  const [number, record = null, taker] = member;
  const holder = session.first<[number, number]>(
    `SELECT entity, state IN ${STATES_WITH_RECORD} FROM member WHERE side = ? AND record = ? AND entity <> ?`,
    Number(number),
    record,
    Number(taker),
  );
  if (holder !== undefined) {
    const [entity, lives] = holder;
    assert(!isAlive || lives === 0, `entity ${Number(taker)} was given a record that entity ${entity} holds`);
    const isHeld = lives === 1;
    retireRecord(session, catalogue, rows, Number(number), isHeld ? Number(taker) : entity);
    if (isHeld) return;
    session.run("DELETE FROM member WHERE side = ? AND record = ?", Number(number), record);
  }
  session.insert(MEMBER, member);
}

/** What is kept in memory of entities' rows. */
type EntityRows = Pick<CommitContext, "formers" | "overlay">;

const NO_BODY: MemberBody = { image: null, position: null, seenAtMs: 0 };

/** The record id of a tombstone lives under another entity: the tombstone keeps its image, and the id as a retired one. [S38] */
function retireRecord(session: Session, catalogue: Catalogue, { formers, overlay }: EntityRows, number: number, entity: EntityId): void {
  const held = overlay.of(entity);
  const row = held ?? readCells(session, entity);
  const { place } = catalogue.sideByNumber(number);
  const records = readImage(row.records);
  // Only entity-extra.ts writes this text.
  const extra = (row.extra === null ? {} : JSON.parse(row.extra)) as EntityExtra;
  const past = extra.past?.[place];
  const retired = [...(past?.retired ?? []).filter((id) => id !== records[place]), records[place] ?? ""];
  const body = readMemberBodies(row.members, row.fields)[place] ?? NO_BODY;
  const state = MEMBER_STATES[Number(stateAt(row.states, place))] ?? "lost";
  const gone = { state, ...body, incarnation: past?.incarnation ?? 1, retired };
  const changed: EntityExtra = { ...extra, gone: { ...extra.gone, [place]: gone } };
  const remaining = writeImage(records.map((id, index) => (index === place ? null : id)));
  const states = `${row.states.slice(0, place + 1)}-${row.states.slice(place + 2)}`;
  overlay.hold(entity, { ...row, records: remaining, states, extra: JSON.stringify(changed) }, held);
  formers.drop(entity);
}

function readCells(session: Session, entity: EntityId): EntityCells {
  const sql = "SELECT fields, header, records, states, members, keys, extra, last_entry FROM entity WHERE id = ?";
  type Cells = [string, string, string, string, string, string | null, string | null, number | null];
  const row = session.first<Cells>(sql, entity);
  assert(row !== undefined, `entity ${entity} holds a record and is not there`);
  const [fields, header, records, states, members, keys, extra, lastEntry] = row;
  return { fields, header, records, states, members, keys, extra, lastEntry };
}
