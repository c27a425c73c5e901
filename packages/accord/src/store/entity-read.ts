import { readImage, UNKNOWN_FIELD, type EntityId, type IntentId, type Life, type NativeImage, type RecordId } from "@accord/core";
import type { StoredEntity, StoredMember } from "@accord/engine/store";
import type { Catalogue, Side, SyncShape } from "./catalogue.ts";
import type { EntityOverlay } from "./entity-overlay.ts";
import { fieldOf, NO_PAST, readCase, readExtra, type EntityExtra } from "./entity-extra.ts";
import { MEMBER_STATES, readMemberBodies, type MemberBody } from "./entity-members.ts";
import type { Former, Formers } from "./entity-former.ts";
import { createHeaderReader, type EntityHeader } from "./entity-header.ts";
import { stateAt } from "./entity-states.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import { findWinners } from "./merged.ts";
import type { OpenIntents } from "./open-intents.ts";
import type { Session } from "./session.ts";

export interface EntityReader {
  /** In the order asked; those that do not exist are left out. */
  load(ids: readonly EntityId[]): StoredEntity[];
  loadById(ids: readonly EntityId[]): ReadonlyMap<EntityId, StoredEntity>;
  /** Of one sync, by id. */
  list(sync: number, after: EntityId | null, limit: number): StoredEntity[];
}

type EntityRow = [
  id: number,
  sync: number,
  fields: string,
  header: string,
  records: string,
  extra: string | null,
  members: string,
  states: string,
  keys: string | null,
  reviewSince: number | null,
  lastEntry: number | null,
];

const COLUMNS = "e.id, e.sync, e.fields, e.header, e.records, e.extra, e.members, e.states, e.keys, e.review_since, e.last_entry";

/** A row with what its texts say. */
interface ReadRow {
  readonly row: EntityRow;
  readonly shape: SyncShape;
  readonly header: EntityHeader;
  readonly extra: EntityExtra;
}

export function createEntityReader(
  session: Session,
  catalogue: Catalogue,
  intents: OpenIntents,
  formers: Formers,
  overlay: EntityOverlay,
): EntityReader {
  const readHeader = createHeaderReader();

  const read = (row: EntityRow): StoredEntity => {
    const one = { row, shape: catalogue.sync(row[1]), header: readHeader(row[3]), extra: readExtra(row[5]) };
    const entity = entityOf(one, membersOf(one, intents));
    return entity.life.kind === "merged" ? { ...entity, life: lifeNow(session, row[0], entity.life) } : entity;
  };
  const load = (ids: readonly EntityId[]): StoredEntity[] => {
    const found: StoredEntity[] = [];
    for (let at = 0; at < ids.length; at += SET_SIZE_MAX) {
      const set = `[${ids.slice(at, at + SET_SIZE_MAX).join(",")}]`;
      const rows = session.all<EntityRow>(`SELECT ${COLUMNS} FROM json_each(?) j CROSS JOIN entity e ON e.id = j.value`, set);
      for (const row of rows) {
        const current = currentRow(overlay, row);
        if (current === row) formers.keep(row[0], formerOfRow(row));
        found.push(read(current));
      }
    }
    return found;
  };
  return {
    load,
    loadById: (ids) => new Map(load([...new Set(ids)]).map((entity) => [entity.id, entity])),
    list: (sync, after, limit) =>
      session
        .all<EntityRow>(`SELECT ${COLUMNS} FROM entity e WHERE e.sync = ? AND e.id > ? ORDER BY e.id LIMIT ?`, sync, after ?? -1, limit)
        .map((row) => read(currentRow(overlay, row))),
  };
}

/** What it was merged into may have been merged itself since. [S41] */
function lifeNow(session: Session, entity: EntityId, life: Extract<Life, { kind: "merged" }>): Life {
  return { ...life, into: findWinners(session, [entity])[0] ?? life.into };
}

function currentRow(overlay: EntityOverlay, row: EntityRow): EntityRow {
  const held = overlay.of(row[0]);
  if (held === undefined) return row;
  const { fields, header, records, extra, members, states, keys, lastEntry } = held;
  return [row[0], row[1], fields, header, records, extra, members, states, keys, row[9], lastEntry];
}

function formerOfRow([, , , , records, extra, , states, keys, reviewSince, lastEntry]: EntityRow): Former {
  return { records, states, keys, extra, reviewSince, lastEntry };
}

function membersOf(one: ReadRow, intents: OpenIntents): (StoredMember | null)[] {
  const records = readImage(one.row[4]);
  const bodies = readMemberBodies(one.row[6], one.row[2]);
  return one.shape.sides.map((side) => memberOf(one, side, records[side.place] ?? null, bodies[side.place] ?? null, intents));
}

function memberOf(one: ReadRow, side: Side, record: RecordId | null, body: MemberBody | null, intents: OpenIntents): StoredMember | null {
  const intent = intents.of(side.number, one.row[0]);
  if (record === null || body === null) {
    const gone = one.extra.gone?.[side.place];
    if (gone === undefined) return intent === null ? null : beingCreated(one.shape.fields, intent);
    return { ...gone, image: imageOf(one, side, gone.image), record: null, ack: acksOf(one, side), intent };
  }
  const { incarnation, retired } = one.extra.past?.[side.place] ?? NO_PAST;
  return {
    state: MEMBER_STATES[Number(stateAt(one.row[7], side.place))] ?? "lost",
    record,
    incarnation,
    image: imageOf(one, side, body.image),
    ack: acksOf(one, side),
    position: body.position,
    seenAtMs: body.seenAtMs,
    intent,
    retired,
  };
}

/** A side that has never had a record, while a create is on its way. [S33] */
function beingCreated(fields: number, intent: IntentId): StoredMember {
  return {
    state: "creating",
    record: null,
    incarnation: 0,
    image: null,
    ack: Array.from({ length: fields }, () => 0),
    position: null,
    seenAtMs: 0,
    intent,
    retired: [],
  };
}

/** A JSON array of cells of one column. */
export function cellSet(cells: readonly (bigint | string)[]): string {
  return `[${cells.map((cell) => (typeof cell === "bigint" ? String(cell) : JSON.stringify(cell))).join(",")}]`;
}

function imageOf(one: ReadRow, side: Side, image: NativeImage | null): NativeImage | null {
  return image === null ? null : one.shape.imageAt(one.header.layout, side.place, image);
}

function acksOf(one: ReadRow, side: Side): readonly number[] {
  const acks = one.header.acks[side.place] ?? [];
  const places = one.shape.placesAt(one.header.layout);
  return places === null ? acks : places.map((place) => acks[place] ?? 0);
}

function entityOf({ row, shape, header, extra }: ReadRow, members: StoredEntity["members"]): StoredEntity {
  const values = row[2] === "" && header.fieldVersions.length === 0 ? [] : readImage(row[2]);
  const then = values.map((value, index) =>
    fieldOf(value, header.fieldVersions[index] ?? 0, header.provenances[index] ?? UNKNOWN_FIELD.provenance, extra, index),
  );
  const places = shape.placesAt(header.layout);
  return {
    id: row[0],
    sync: row[1],
    life: extra.life ?? LIVE,
    version: header.version,
    fields: places === null ? then : places.map((place) => then[place] ?? UNKNOWN_FIELD),
    review: readCase(extra.review),
    members,
  };
}

const LIVE: StoredEntity["life"] = { kind: "live" };
