import type { EntityId, RecordId, SideIndex } from "@accord/core";
import type { StoredEntity, SyncId } from "@accord/engine/store";
import type { Catalogue, Side } from "./catalogue.ts";
import { cellSet, type EntityReader } from "./entity-read.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import { findLinks } from "./links.ts";
import type { OpenIntents } from "./open-intents.ts";
import type { Session } from "./session.ts";

/** The entities of linked records for which nothing waits: no mark of the record, no open intent of the entity, nothing held of it. [S33, S59] */
export function loadQuiet(
  session: Session,
  catalogue: Catalogue,
  reader: EntityReader,
  intents: OpenIntents,
  sync: SyncId,
  place: SideIndex,
  records: readonly RecordId[],
): (StoredEntity | null)[] {
  const side = catalogue.side(sync, place);
  const links = findLinks(session, catalogue, sync, place, records);
  for (const index of markedAmong(session, side, records)) links[index] = null;
  const isBusy = (entity: EntityId): boolean =>
    intents.isAny() && catalogue.sync(sync).sides.some(({ number }) => intents.of(number, entity) !== null);
  const held = heldAmong(session, catalogue, sync, links);
  const quiet = links.map((entity) => (entity === null || held.has(entity) || isBusy(entity) ? null : entity));
  const entities = reader.loadById(quiet.flatMap((entity) => entity ?? []));
  return quiet.map((entity) => (entity === null ? null : (entities.get(entity) ?? null)));
}

/** Places of the records that a mark waits for, by the id that they have or had. */
function markedAmong(session: Session, side: Side, records: readonly RecordId[]): number[] {
  if (session.first("SELECT 1 FROM mark WHERE side = ? LIMIT 1", side.number) === undefined) return [];
  const places: number[] = [];
  for (let at = 0; at < records.length; at += SET_SIZE_MAX) {
    const set = cellSet(records.slice(at, at + SET_SIZE_MAX).map((record) => side.toCell(record)));
    const sql = `SELECT j.key FROM json_each(?) j WHERE EXISTS (SELECT 1 FROM mark k WHERE k.side = ? AND k.record = j.value)
      OR EXISTS (SELECT 1 FROM mark k WHERE k.side = ? AND k.renamed_from = j.value AND k.renamed_from IS NOT NULL)`;
    for (const [index] of session.all<[number]>(sql, set, side.number, side.number)) places.push(at + index);
  }
  return places;
}

/** Entities of which a write is held at some side: in a live sync what an undo put back. */
function heldAmong(session: Session, catalogue: Catalogue, sync: SyncId, entities: readonly (EntityId | null)[]): ReadonlySet<EntityId> {
  const held = new Set<EntityId>();
  if (session.first("SELECT 1 FROM due LIMIT 1") === undefined) return held;
  const set = JSON.stringify(entities.filter((entity) => entity !== null));
  for (const { number } of catalogue.sync(sync).sides)
    for (const [entity] of session.all<[EntityId]>(
      "SELECT d.entity FROM json_each(?) j JOIN due d ON d.side = ? AND d.entity = j.value WHERE d.state = 1",
      set,
      number,
    ))
      held.add(entity);
  return held;
}
