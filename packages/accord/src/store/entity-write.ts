import type { SQLInputValue } from "node:sqlite";
import { readImage, writeImage, type EntityId } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type { Changes, StoredEntity, StoredMember } from "@accord/engine/store";
import type { Catalogue, Side } from "./catalogue.ts";
import { reviewSince, writeExtra, type EntityExtra } from "./entity-extra.ts";
import { writeHeader } from "./entity-header.ts";
import { MEMBER_STATES, readMemberBodies, STATES_WITH_RECORD, writeMemberBodies, type MemberBody } from "./entity-members.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import type { MatchHash } from "./match-hash.ts";
import { KEY, oldKeysOver, readKeys, writeKeys } from "./match-keys.ts";
import type { BulkInsert, Session } from "./session.ts";

type WrittenEntity = Changes["entities"][number];
/** What the store held of an entity before. */
interface Former {
  readonly records: readonly (string | null | undefined)[];
  readonly keys: string | null;
}

const ENTITY: BulkInsert = {
  into: "entity (id, sync, fields, header, records, members, keys, extra, review_since)",
  width: 9,
  conflict:
    "ON CONFLICT (id) DO UPDATE SET fields = excluded.fields, header = excluded.header, records = excluded.records, members = excluded.members, keys = excluded.keys, extra = excluded.extra, review_since = excluded.review_since",
};

/** A record that another entity holds makes `entity` null, which the column refuses. [S34] An unchanged link is not written again. */
const MEMBER: BulkInsert = {
  into: "member (side, record, entity, state)",
  width: 4,
  conflict: `ON CONFLICT (side, record) DO UPDATE SET entity = CASE WHEN entity = excluded.entity THEN entity END, state = excluded.state
    WHERE state <> excluded.state OR entity <> excluded.entity`,
};

export function writeEntities(session: Session, catalogue: Catalogue, hash: MatchHash, written: readonly WrittenEntity[]): void {
  if (written.length === 0) return;
  const last = lastOfEach(written);
  const former = formerOf(session, last);
  const entityCells: SQLInputValue[] = [];
  const memberCells: SQLInputValue[] = [];
  const keyCells: SQLInputValue[] = [];
  for (const { entity, keys } of last) {
    const shape = catalogue.sync(entity.sync);
    const before = former.get(entity.id);
    if (before !== undefined) unlinkFormer(session, shape.sides, entity, before);
    const keyText = keys === null ? (before?.keys ?? null) : writeKeys(keys);
    const records = writeImage(shape.sides.map(({ place }) => entity.members[place]?.record ?? null));
    const fields = writeImage(entity.fields.map(({ value }) => value));
    entityCells.push(
      entity.id,
      entity.sync,
      fields,
      writeHeader(entity, shape.version),
      records,
      writeMemberBodies(
        shape.sides.map(({ place }) => entity.members[place]),
        fields,
      ),
      keyText,
      writeExtra(entity),
      reviewSince(entity),
    );
    if (keyText !== (before?.keys ?? null)) oldKeysOver(session, hash, entity, readKeys(before?.keys ?? null), readKeys(keyText), keyCells);
    for (const side of shape.sides) pushMember(memberCells, side, entity.id, entity.members[side.place]);
  }
  session.insert(ENTITY, entityCells);
  session.insert(KEY, keyCells);
  writeMembers(session, catalogue, memberCells);
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
  for (let at = 0; at < written.length; at += SET_SIZE_MAX) {
    const ids = written.slice(at, at + SET_SIZE_MAX).map(({ entity }) => entity.id);
    const sql = "SELECT e.id, e.records, e.keys FROM json_each(?) j CROSS JOIN entity e ON e.id = j.value";
    for (const [id, records, keys] of session.all<[number, string, string | null]>(sql, `[${ids.join(",")}]`))
      former.set(id, { records: readImage(records), keys });
  }
  return former;
}

/** Frees record ids that this entity gives up, before anyone takes them: two records may swap their keys in one commit. [S63] */
function unlinkFormer(session: Session, sides: readonly Side[], entity: StoredEntity, before: Former): void {
  for (const side of sides) {
    const record = before.records[side.place];
    if (record === null || record === undefined || record === entity.members[side.place]?.record) continue;
    session.run("DELETE FROM member WHERE side = ? AND record = ? AND entity = ?", side.number, side.toCell(record), entity.id);
  }
}

function pushMember(cells: SQLInputValue[], side: Side, entity: EntityId, member: StoredMember | null | undefined): void {
  if (member === null || member === undefined || member.record === null) return;
  cells.push(side.number, side.toCell(member.record), entity, MEMBER_STATES.indexOf(member.state));
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

const NO_BODY: MemberBody = { state: "lost", image: null, position: null, seenAtMs: 0 };

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
  const row = session.first<[string, string | null, string, string]>(
    "SELECT records, extra, members, fields FROM entity WHERE id = ?",
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
  const gone = { ...body, incarnation: past?.incarnation ?? 1, retired };
  const changed: EntityExtra = { ...extra, gone: { ...extra.gone, [place]: gone } };
  const remaining = writeImage(records.map((id, index) => (index === place ? null : id)));
  session.run("UPDATE entity SET records = ?, extra = ? WHERE id = ?", remaining, JSON.stringify(changed), entity);
  session.run("DELETE FROM member WHERE side = ? AND record = ?", number, record);
}
