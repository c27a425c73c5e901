import { readImage, UNKNOWN_FIELD, type EntityId, type IntentId, type MemberState } from "@accord/core";
import type { StoredEntity, StoredMember } from "@accord/engine/store";
import type { Catalogue, Side, SyncShape } from "./catalogue.ts";
import { fieldOf, NO_PAST, readCase, readExtra, type EntityExtra } from "./entity-extra.ts";
import { createHeaderReader, type EntityHeader } from "./entity-header.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import type { Session } from "./session.ts";

export const MEMBER_STATES: readonly MemberState[] = ["absent", "creating", "live", "archived", "deleted", "outOfScope", "lost"];
/** The states of a member whose record exists at its side, as SQL: live, archived, outOfScope. */
export const STATES_WITH_RECORD = "(2, 3, 5)";

export interface EntityReader {
  /** In the order asked; those that do not exist are left out. */
  load(ids: readonly EntityId[]): StoredEntity[];
  loadById(ids: readonly EntityId[]): ReadonlyMap<EntityId, StoredEntity>;
  /** Of one sync, by id. */
  list(sync: number, after: EntityId | null, limit: number): StoredEntity[];
}

type EntityRow = [id: number, sync: number, fields: string, header: string, records: string, extra: string | null];
type MemberRow = [place: number, entity: number, state: number, image: string | null, position: string | null, seenAtMs: number];

const COLUMNS = "e.id, e.sync, e.fields, e.header, e.records, e.extra";

/** One entity half read: its members' rows are still to come. */
interface Draft {
  readonly row: EntityRow;
  readonly shape: SyncShape;
  readonly header: EntityHeader;
  readonly extra: EntityExtra;
  readonly records: readonly (string | null | undefined)[];
  readonly members: (StoredMember | null)[];
}

export function createEntityReader(session: Session, catalogue: Catalogue): EntityReader {
  const readHeader = createHeaderReader();

  const draft = (row: EntityRow): Draft => {
    const shape = catalogue.sync(row[1]);
    return {
      row,
      shape,
      header: readHeader(row[3]),
      extra: readExtra(row[5]),
      records: readImage(row[4]),
      members: shape.sides.map(() => null),
    };
  };
  const complete = (rows: readonly EntityRow[]): StoredEntity[] => {
    const drafts = rows.map(draft);
    const intents = openIntents(session, drafts);
    const bySide = new Map<Side, Draft[]>();
    for (const one of drafts) {
      for (const side of one.shape.sides) {
        if (one.records[side.place] === null || one.records[side.place] === undefined) addGone(one, side, intents);
        else bySide.get(side)?.push(one) ?? bySide.set(side, [one]);
      }
    }
    for (const [side, having] of bySide) addMembers(session, side, having, intents);
    return drafts.map(entityOf);
  };
  const load = (ids: readonly EntityId[]): StoredEntity[] => {
    const found: StoredEntity[] = [];
    for (let at = 0; at < ids.length; at += SET_SIZE_MAX) {
      const set = `[${ids.slice(at, at + SET_SIZE_MAX).join(",")}]`;
      found.push(...complete(session.all<EntityRow>(`SELECT ${COLUMNS} FROM json_each(?) j CROSS JOIN entity e ON e.id = j.value`, set)));
    }
    return found;
  };
  return {
    load,
    loadById: (ids) => new Map(load([...new Set(ids)]).map((entity) => [entity.id, entity])),
    list: (sync, after, limit) =>
      complete(
        session.all<EntityRow>(
          `SELECT ${COLUMNS} FROM entity e WHERE e.sync = ? AND e.id > ? ORDER BY e.id LIMIT ?`,
          sync,
          after ?? -1,
          limit,
        ),
      ),
  };
}

/** Open intents by entity and side: the only source of a member's `intent`, so that opening one writes no member. [S29] */
function openIntents(session: Session, drafts: readonly Draft[]): ReadonlyMap<string, IntentId> {
  const found = new Map<string, IntentId>();
  if (drafts.length === 0 || session.first("SELECT 1 FROM intent LIMIT 1") === undefined) return found;
  const set = `[${drafts.map(({ row }) => row[0]).join(",")}]`;
  const sides = new Set(drafts.flatMap(({ shape }) => shape.sides));
  for (const side of sides) {
    const sql = "SELECT i.entity, i.id FROM json_each(?) j CROSS JOIN intent i ON i.side = ? AND i.entity = j.value";
    for (const [entity, intent] of session.all<[number, string]>(sql, set, side.number)) found.set(`${entity} ${side.number}`, intent);
  }
  return found;
}

function addMembers(session: Session, side: Side, drafts: readonly Draft[], intents: ReadonlyMap<string, IntentId>): void {
  const set = cellSet(drafts.map((one) => side.toCell(one.records[side.place] ?? "")));
  const rows = session.all<MemberRow>(
    "SELECT j.key, m.entity, m.state, m.image, m.position, m.seen_at_ms FROM json_each(?) j CROSS JOIN member m ON m.side = ? AND m.record = j.value",
    set,
    side.number,
  );
  for (const [place, entity, state, image, position, seenAtMs] of rows) {
    const one = drafts[place];
    if (one === undefined || one.row[0] !== entity) continue;
    const past = one.extra.past?.[side.place] ?? NO_PAST;
    one.members[side.place] = {
      state: MEMBER_STATES[state] ?? "lost",
      record: one.records[side.place] ?? null,
      incarnation: past.incarnation,
      image,
      ack: acksOf(one, side),
      position,
      seenAtMs,
      intent: intents.size === 0 ? null : (intents.get(`${entity} ${side.number}`) ?? null),
      retired: past.retired,
    };
  }
}

function addGone(one: Draft, side: Side, intents: ReadonlyMap<string, IntentId>): void {
  const gone = one.extra.gone?.[side.place];
  if (gone === undefined) return;
  one.members[side.place] = { ...gone, record: null, ack: acksOf(one, side), intent: intents.get(`${one.row[0]} ${side.number}`) ?? null };
}

/** A JSON array of cells of one column. */
export function cellSet(cells: readonly (bigint | string)[]): string {
  return `[${cells.map((cell) => (typeof cell === "bigint" ? String(cell) : JSON.stringify(cell))).join(",")}]`;
}

function acksOf(one: Draft, side: Side): readonly number[] {
  const acks = one.header.acks[side.place] ?? [];
  const places = one.shape.placesAt(one.header.layout);
  return places === null ? acks : places.map((place) => acks[place] ?? 0);
}

function entityOf({ row, shape, header, extra, members }: Draft): StoredEntity {
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
