import { readImage, type EntityId, type RecordId, type SideIndex } from "@accord/core";
import type { ListedMember, SyncId } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import { layoutOf } from "./entity-header.ts";
import type { EntityOverlay } from "./entity-overlay.ts";
import { MEMBER_STATES, readMemberImages, STATES_WITH_RECORD } from "./entity-members.ts";
import { cellSet } from "./entity-read.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import type { OpenIntents } from "./open-intents.ts";
import type { Session } from "./session.ts";

/** The entities of records that exist at the side. */
export function findLinks(
  session: Session,
  catalogue: Catalogue,
  sync: SyncId,
  place: SideIndex,
  records: readonly RecordId[],
): (EntityId | null)[] {
  const side = catalogue.side(sync, place);
  const found = records.map((): EntityId | null => null);
  const sql = `SELECT j.key, m.entity FROM json_each(?) j CROSS JOIN member m ON m.side = ? AND m.record = j.value AND m.state IN ${STATES_WITH_RECORD}`;
  for (let at = 0; at < records.length; at += SET_SIZE_MAX) {
    const set = cellSet(records.slice(at, at + SET_SIZE_MAX).map((record) => side.toCell(record)));
    for (const [index, entity] of session.all<[number, number]>(sql, set, side.number)) found[at + index] = entity;
  }
  return found;
}

/** The records of entities that exist at the side. */
export function findRecords(
  session: Session,
  catalogue: Catalogue,
  overlay: EntityOverlay,
  sync: SyncId,
  place: SideIndex,
  entities: readonly EntityId[],
): (RecordId | null)[] {
  const side = catalogue.side(sync, place);
  const found = entities.map((): RecordId | null => null);
  for (let at = 0; at < entities.length; at += SET_SIZE_MAX) {
    const held: { readonly index: number; readonly record: string }[] = [];
    const set = `[${entities.slice(at, at + SET_SIZE_MAX).join(",")}]`;
    for (const [index, entity, records] of session.all<[number, number, string]>(
      "SELECT j.key, e.id, e.records FROM json_each(?) j CROSS JOIN entity e ON e.id = j.value",
      set,
    )) {
      const record = readImage(overlay.of(entity)?.records ?? records)[place];
      if (record !== null && record !== undefined) held.push({ index: at + index, record });
    }
    const live = `SELECT j.key, m.entity FROM json_each(?) j CROSS JOIN member m ON m.side = ? AND m.record = j.value AND m.state IN ${STATES_WITH_RECORD}`;
    for (const [key] of session.all<[number, number]>(live, cellSet(held.map(({ record }) => side.toCell(record))), side.number)) {
      const one = held[key];
      if (one !== undefined) found[one.index] = one.record;
    }
  }
  return found;
}

/** Members of one side in listing order. Former records that are gone are among them, with their state. */
export function listMembers(
  session: Session,
  catalogue: Catalogue,
  overlay: EntityOverlay,
  intents: OpenIntents,
  sync: SyncId,
  place: SideIndex,
  after: RecordId | null,
  limit: number,
): ListedMember[] {
  const side = catalogue.side(sync, place);
  const shape = catalogue.sync(sync);
  const sql = `SELECT CAST(m.record AS TEXT), m.entity, m.state, e.members, e.fields, e.header FROM member m JOIN entity e ON e.id = m.entity WHERE m.side = ? ${after === null ? "" : "AND m.record > ?"} ORDER BY m.record LIMIT ?`;
  type MemberRow = [string, number, number, string, string, string];
  const rows =
    after === null ? session.all<MemberRow>(sql, side.number, limit) : session.all<MemberRow>(sql, side.number, side.toCell(after), limit);
  const open = intents.atSide(side.number);
  return rows.map(([record, entity, state, ...row]) => {
    const { members, fields, header } = overlay.of(entity) ?? { members: row[0], fields: row[1], header: row[2] };
    const layout = layoutOf(header);
    const held = readMemberImages(members, fields)[place] ?? null;
    const image = held === null || layout === shape.version ? held : shape.imageAt(layout, place, held);
    return { record, entity, state: MEMBER_STATES[state] ?? "lost", image, hasIntent: open.has(entity) };
  });
}
