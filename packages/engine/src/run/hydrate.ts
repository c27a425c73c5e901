import { getRecord, NO_REFERENCES, readImage } from "@accord/core";
import type { CutImage, Entity, EntityId, Member, NativeImage, RecordId, References, SideIndex, SyncModel } from "@accord/core";
import type { StoredEntity } from "../store/rows.ts";
import type { CallOptions } from "../host/host.ts";
import type { EngineContext, RunningSync } from "./context.ts";

/** The entity with the shadows of its members derived from their images: `B = get(N)`. [S3] */
export function hydrate(model: SyncModel, stored: StoredEntity, references: References): Entity {
  const { id, life, version, fields, review } = stored;
  const members: (Member | null)[] = [];
  let cut: CutImage | null = null;
  for (let side = 0; side < model.sides.length; side += 1) {
    const member = stored.members[side] ?? null;
    const mapping = model.sides[side]?.mapping;
    if (member === null || mapping === undefined) {
      members.push(null);
      continue;
    }
    const { state, record, incarnation, image, ack, position, seenAtMs, intent, retired } = member;
    cut = cutOf(image, cut);
    const shadow = cut === null ? [] : getRecord(mapping, cut.cells, references).values;
    members.push({ state, record, incarnation, image, shadow, cut, ack, position, seenAtMs, intent, retired });
  }
  return { id, life, version, fields, review, members };
}

/** Sides that agree often hold the same text: it is cut once. */
function cutOf(image: NativeImage | null, last: CutImage | null): CutImage | null {
  if (image === null) return null;
  return last?.image === image ? last : { image, cells: readImage(image) };
}

/** The inverse of {@link hydrate}: what the store keeps. Its members say more than that, which the store passes over. */
export function dehydrate(sync: RunningSync, entity: Entity): StoredEntity {
  const { id, life, version, fields, review, members } = entity;
  return { id, sync: sync.id, life, version, fields, review, members };
}

/** An image read at a side, whose references are wanted too. */
export interface SeenImage {
  readonly side: SideIndex;
  readonly image: NativeImage;
}

/** Whether what a sync's records name is to be looked up: entities of other syncs, or the winners that Accord itself merges records into. */
export function hasReferences({ model }: RunningSync): boolean {
  return model.fields.some((field) => field.reference !== null) || model.sides.some(({ merged }) => merged?.isWritten === true);
}

/** Whether any system of a sync tells of merges. [S41] */
function tellsMerges({ model, objects }: RunningSync): boolean {
  return model.sides.some(({ merged }) => merged !== null) || objects.some(({ capabilities }) => capabilities.merges === true);
}

/** Loads what the references of these entities and images name, in a few set-based look-ups. [S44] */
export async function loadReferences(
  context: EngineContext,
  sync: RunningSync,
  entities: readonly StoredEntity[],
  seen: readonly SeenImage[],
  options: CallOptions,
): Promise<References> {
  if (!hasReferences(sync)) return NO_REFERENCES;
  const images = [...seen];
  for (const entity of entities) {
    for (const [side, member] of entity.members.entries()) {
      if (member !== null && member.image !== null) images.push({ side, image: member.image });
    }
  }
  const entitiesByRecord = await loadNamedEntities(context, sync, images, options);
  const named = new Set<EntityId>(entitiesByRecord.values());
  for (const entity of entities) collectCanonical(sync, entity, named);
  const winners = await loadWinners(context, sync, named, options);
  for (const winner of winners.values()) named.add(winner);
  const recordsByEntity = await loadNamedRecords(context, sync, [...named], options);
  // What is written is read back too: a record that no image names yet.
  for (const [key, record] of recordsByEntity) {
    const [parent = "", side = "", entity] = key.split("\t");
    entitiesByRecord.set(`${parent}\t${side}\t${record}`, Number(entity));
  }
  await loadOwnWinners(context, sync, entities, { winners, recordsByEntity }, options);
  return {
    entityOf: (parent, side, record) => entitiesByRecord.get(`${parent}\t${side}\t${record}`),
    recordOf: (parent, side, entity) => recordsByEntity.get(`${parent}\t${side}\t${entity}`),
    winnerOf: (entity) => winners.get(entity),
  };
}

/** What those of the named entities that were merged away have become. */
async function loadWinners(
  context: EngineContext,
  sync: RunningSync,
  named: ReadonlySet<EntityId>,
  options: CallOptions,
): Promise<Map<EntityId, EntityId>> {
  const winners = new Map<EntityId, EntityId>();
  const parents = new Set(sync.model.fields.flatMap(({ reference }) => reference?.sync ?? []));
  if (!context.syncs.some((parent) => parents.has(parent.model.name) && tellsMerges(parent))) return winners;
  const list = [...named];
  const found = await context.store.findWinners(list, options);
  list.forEach((entity, index) => {
    const winner = found[index] ?? null;
    if (winner !== null) winners.set(entity, winner);
  });
  return winners;
}

/** The records that Accord itself is to merge those of merged entities into. [S41] */
async function loadOwnWinners(
  context: EngineContext,
  sync: RunningSync,
  entities: readonly StoredEntity[],
  { winners, recordsByEntity }: { readonly winners: Map<EntityId, EntityId>; readonly recordsByEntity: Map<string, RecordId> },
  options: CallOptions,
): Promise<void> {
  const losers = entities.filter(({ life }) => life.kind === "merged").map(({ id }) => id);
  if (losers.length === 0) return;
  const found = await context.store.findWinners(losers, options);
  losers.forEach((loser, index) => {
    const winner = found[index] ?? null;
    if (winner !== null) winners.set(loser, winner);
  });
  const own = [...new Set(losers.flatMap((loser) => winners.get(loser) ?? []))];
  for (const [side, { merged }] of sync.model.sides.entries()) {
    if (merged?.isWritten !== true) continue;
    const records = await context.store.findRecords(sync.id, side, own, options);
    own.forEach((winner, index) => {
      const record = records[index] ?? null;
      if (record !== null) recordsByEntity.set(`${sync.model.name}\t${side}\t${winner}`, record);
    });
  }
}

function collectCanonical(sync: RunningSync, entity: StoredEntity, named: Set<EntityId>): void {
  for (const [index, field] of sync.model.fields.entries()) {
    const value = entity.fields[index]?.value;
    if (field.reference !== null && value !== null && value !== undefined) named.add(Number(value));
  }
}

async function loadNamedEntities(
  context: EngineContext,
  sync: RunningSync,
  images: readonly SeenImage[],
  options: CallOptions,
): Promise<Map<string, EntityId>> {
  const wanted = new Map<string, { readonly parent: string; readonly side: SideIndex; readonly records: Set<RecordId> }>();
  for (const { side, image } of images) {
    const cells = readImage(image);
    for (const mapping of sync.model.sides[side]?.mapping.fields ?? []) {
      const reference = mapping?.reference;
      const record = reference?.recordOf(cells);
      if (!reference || record === null || record === undefined) continue;
      const key = `${reference.sync}\t${reference.side}`;
      const entry = wanted.get(key) ?? { parent: reference.sync, side: reference.side, records: new Set() };
      entry.records.add(record);
      wanted.set(key, entry);
    }
  }
  const result = new Map<string, EntityId>();
  for (const { parent, side, records } of wanted.values()) {
    const parentSync = context.syncs.find(({ model }) => model.name === parent);
    if (parentSync === undefined) continue;
    const list = [...records];
    const links = await context.store.findLinks(parentSync.id, side, list, options);
    list.forEach((record, index) => {
      const entity = links[index];
      if (entity !== null && entity !== undefined) result.set(`${parent}\t${side}\t${record}`, entity);
    });
  }
  return result;
}

async function loadNamedRecords(
  context: EngineContext,
  sync: RunningSync,
  entities: readonly EntityId[],
  options: CallOptions,
): Promise<Map<string, RecordId>> {
  const result = new Map<string, RecordId>();
  const asked = new Set<string>();
  for (const side of sync.model.sides) {
    for (const mapping of side.mapping.fields) {
      const reference = mapping?.reference;
      if (!reference || asked.has(`${reference.sync}\t${reference.side}`)) continue;
      asked.add(`${reference.sync}\t${reference.side}`);
      const parentSync = context.syncs.find(({ model }) => model.name === reference.sync);
      if (parentSync === undefined) continue;
      const records = await context.store.findRecords(parentSync.id, reference.side, entities, options);
      entities.forEach((entity, index) => {
        const record = records[index];
        if (record !== null && record !== undefined) result.set(`${reference.sync}\t${reference.side}\t${entity}`, record);
      });
    }
  }
  return result;
}
