import { newPlaces, readImage, refusePlace } from "@accord/core";
import type { Entity, EntityId, FieldIndex, MergeEvent, NativeImage, OwedField, RecordId, SideIndex, SyncModel } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { Lease, StoredEntity } from "../store/rows.ts";
import type { Reading } from "../connector/connector.ts";
import { AccordError } from "../connector/errors.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { takeShard } from "./take-shard.ts";
import { hydrate, loadReferences } from "./hydrate.ts";

/** Trees change under the lease of this shard, so that no two changes make a circle together. [S46, S54] */
const TREES = 0;
/** How long a change of a tree waits for others that were made before it and are not taken in yet. Milliseconds. */
export const TREE_WAIT_MS = 200;
/** A tree deeper than this is none. */
const DEPTH_MAX = 10_000;

/** Whether a sync has a field that is a tree. */
export function hasTree({ fields }: SyncModel): boolean {
  return fields.some(({ reference }) => reference?.tree === true);
}

/** The lease under which trees change. @throws ACCORD_LEASE_LOST where another process holds it: the shard comes again later */
export async function takeTrees(context: EngineContext, options: CallOptions): Promise<Lease> {
  const lease = await takeShard(context, TREES, options);
  if (lease === null) throw new AccordError("ACCORD_LEASE_LOST", "Another process is changing trees of this store.", { remedy: "stop" });
  return lease;
}

/** What a change of places in trees comes to: it stands, is refused, or cannot be told before what is known to have changed is taken in. */
export type Placed =
  | { readonly kind: "stands" }
  | { readonly kind: "refused"; readonly entity: Entity; readonly events: readonly MergeEvent[] }
  | { readonly kind: "later"; readonly records: readonly RecordId[] };

const STANDS: Placed = { kind: "stands" };

/**
 * Whether an entity may stand where it stands now: below nobody who stands below it. [S46] Where it would, a person decides, unless one of those in between has news at that side: then a user may
 * well have taken the circle apart, and the order of hearing is to blame.
 *
 * @param now entities merged so far, that are not stored yet
 */
export async function checkPlaces(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  before: Entity | null,
  after: Entity,
  atMs: number,
  now: ReadonlyMap<EntityId, Entity>,
  options: CallOptions,
): Promise<Placed> {
  let entity = after;
  const events: MergeEvent[] = [];
  for (const [field, above] of newPlaces(sync.model, before, after)) {
    const path = await pathTo(context, field, after.id, above, now, options);
    if (path === null) continue;
    const records = await newsOf(
      context,
      sync,
      side,
      path.filter((one) => one.id !== after.id),
      options,
    );
    if (records.length > 0) return { kind: "later", records };
    const refused = refusePlace(sync.model, before, entity, field, side, atMs);
    entity = refused.entity;
    events.push(...refused.events);
  }
  return events.length === 0 ? STANDS : { kind: "refused", entity, events };
}

/** Whether an entity would come to stand above itself there: for what people ask for. */
export async function isCircle(
  context: EngineContext,
  sync: RunningSync,
  before: Entity,
  after: Entity,
  options: CallOptions,
): Promise<boolean> {
  for (const [field, above] of newPlaces(sync.model, before, after)) {
    if ((await pathTo(context, field, after.id, above, new Map(), options)) !== null) return true;
  }
  return false;
}

/** Who stands between `above` and the entity, which stands above it already; null where it does not. */
async function pathTo(
  context: EngineContext,
  field: FieldIndex,
  entity: EntityId,
  above: EntityId,
  now: ReadonlyMap<EntityId, Entity>,
  options: CallOptions,
): Promise<readonly Pick<StoredEntity, "id">[] | null> {
  const path: Pick<StoredEntity, "id">[] = [];
  const seen = new Set<EntityId>();
  for (let id: EntityId | null = above; id !== null;) {
    if (id === entity) return path;
    if (seen.has(id) || path.length >= DEPTH_MAX) return path;
    seen.add(id);
    const one: Pick<StoredEntity, "id" | "fields" | "life"> | undefined =
      now.get(id) ?? (await context.store.loadEntities([id], options))[0];
    if (one === undefined || one.life.kind !== "live") return null;
    path.push(one);
    const value: string | null = one.fields[field]?.value ?? null;
    id = value === null ? null : Number(value);
  }
  return null;
}

/** The records of these entities at a side that are not as they were last seen. */
async function newsOf(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  path: readonly Pick<StoredEntity, "id">[],
  options: CallOptions,
): Promise<readonly RecordId[]> {
  const object = sync.objects[side];
  if (object === undefined) return [];
  const stored = await context.store.loadEntities(
    path.map(({ id }) => id),
    options,
  );
  const members = stored.flatMap(({ members: all }) => {
    const member = all[side] ?? null;
    return member === null || member.state !== "live" || member.record === null ? [] : [{ record: member.record, image: member.image }];
  });
  const news: RecordId[] = [];
  const size = object.capabilities.pageSizeMax;
  for (let start = 0; start < members.length; start += size) {
    const page = members.slice(start, start + size);
    const { images } = await object.read(
      page.map(({ record }) => record),
      options,
    );
    page.forEach(({ record, image }, index) => {
      if (images[index] !== image) news.push(record);
    });
  }
  return news;
}

/** The places in trees that a write gives: by field, whom the record is to stand below. */
export function placesWritten(
  model: SyncModel,
  entity: Entity,
  fields: readonly Pick<OwedField, "field">[],
): readonly (readonly [FieldIndex, EntityId])[] {
  return fields.flatMap(({ field }) => {
    const value = entity.fields[field]?.value ?? null;
    return model.fields[field]?.reference?.tree === true && value !== null ? [[field, Number(value)] as const] : [];
  });
}

/** What keeps a record from being put below another at a side: somebody who has to move there first, or news that is to be taken in first. */
export type Circle =
  { readonly kind: "waits"; readonly mover: EntityId } | { readonly kind: "later"; readonly records: readonly RecordId[] };

/**
 * Whether a record that came to stand below another at a side would stand above itself there, by what the side shows now. [S46] What is canonical has no circles, but a side may not have been told all
 * of it yet, show what waits for a person, or have been edited a moment ago. Null where it would not.
 */
export async function circleAt(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  field: FieldIndex,
  record: RecordId,
  above: EntityId,
  options: CallOptions,
): Promise<Circle | null> {
  const object = sync.objects[side];
  const reference = sync.model.sides[side]?.mapping.fields[field]?.reference;
  const [first] = await context.store.findRecords(sync.id, side, [above], options);
  if (object === undefined || !reference || first === undefined) return null;
  const path = new Map<RecordId, NativeImage>();
  for (let at: RecordId | null = first; at !== record;) {
    if (at === null || path.has(at) || path.size >= DEPTH_MAX) return null;
    const { images }: Reading = await object.read([at], options);
    const image = images[0] ?? null;
    if (image === null) return null;
    path.set(at, image);
    at = reference.recordOf(readImage(image));
  }
  return moverOf(context, sync, side, field, path, options);
}

/** Of those who stand between, by their records: who is to stand elsewhere canonically. */
async function moverOf(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  field: FieldIndex,
  path: ReadonlyMap<RecordId, NativeImage>,
  options: CallOptions,
): Promise<Circle> {
  const links = await context.store.findLinks(sync.id, side, [...path.keys()], options);
  const stored = await context.store.loadEntities(
    links.flatMap((id) => id ?? []),
    options,
  );
  const references = await loadReferences(context, sync, stored, [], options);
  const news: RecordId[] = [];
  let mover: EntityId | null = null;
  for (const one of stored) {
    const entity = hydrate(sync.model, one, references);
    const member = entity.members[side] ?? null;
    if (member !== null && member.record !== null && path.get(member.record) !== member.image) news.push(member.record);
    else if (member?.shadow[field] !== entity.fields[field]?.value) mover ??= one.id;
  }
  return mover === null ? { kind: "later", records: news } : { kind: "waits", mover };
}
