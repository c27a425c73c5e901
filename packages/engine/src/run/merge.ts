import { keyValues, matchKeysOf, NO_REFERENCES } from "@accord/core";
import type { Absorbed, Entity, EntityId, References, SyncModel } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import { mergeEntry } from "../journal/payload.ts";
import type { Lease, LoadedMark, Shard, StoredEntity } from "../store/rows.ts";
import { absorbSight } from "./absorb-sight.ts";
import { breakFights } from "./break-fights.ts";
import { ChangeSet } from "./changes.ts";
import { withoutOvertaken } from "./confirm-renames.ts";
import { retryDelayMs } from "./context.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { keepEntity, touch } from "./due.ts";
import type { Kept } from "./due.ts";
import { hasReferences, hydrate, loadReferences } from "./hydrate.ts";
import { joinRecords } from "./join.ts";
import { tellKin } from "./kin.ts";
import { endLife, isAnotherThing, isUncertain } from "./new-life.ts";
import { finishMark, keepProblems, wakeChildren } from "./finish-mark.ts";
import { flagLeftOvers, recordsOf } from "./left-over.ts";
import { mergeRecords } from "./merge-records.ts";
import { lookAt } from "./sight.ts";
import type { Sight } from "./sight.ts";
import { checkPlaces, hasTree, takeTrees, TREE_WAIT_MS } from "./tree.ts";

/** How long marks of a sync that does not run here are left alone. Milliseconds. */
const SET_ASIDE_MS = 3_600_000;

/**
 * Phase two of a run: marks become canonical state. One batch of one shard: look at the records, absorb or join them, and commit the result together with the
 * marks it consumed and what it makes due. [S6, S13] Returns how many marks were looked at; zero when the shard has none ready.
 */
export async function mergeShard(context: EngineContext, lease: Lease, shard: Shard, options: CallOptions): Promise<number> {
  const marks = await context.store.loadMarks(shard, context.limits.mergeBatch, context.clock.nowMs(), options);
  for (const sync of context.syncs) {
    const own = marks.filter((mark) => mark.sync === sync.id);
    const linked = own.filter((mark) => mark.entity !== null && mark.mergedInto === undefined);
    if (linked.length > 0) await mergeLinked(context, lease, sync, linked, options);
    await mergeUnlinked(context, lease, sync, own, options);
    const told = own.filter((mark) => mark.entity !== null && mark.mergedInto !== undefined);
    if (told.length > 0) await mergeRecords(context, lease, sync, told, options);
  }
  const strange = marks.filter((mark) => !context.syncs.some(({ id }) => id === mark.sync));
  if (strange.length > 0) await setAside(context, lease, strange, options);
  return marks.length - strange.length;
}

/** Marks of a sync that does not run here (it is no longer in the file) wait, out of the way of all others. */
async function setAside(context: EngineContext, lease: Lease, marks: readonly LoadedMark[], options: CallOptions): Promise<void> {
  const changes = new ChangeSet();
  const notBeforeMs = context.clock.nowMs() + SET_ASIDE_MS;
  for (const { sequence } of marks) changes.deferred.push({ sequence, notBeforeMs });
  await context.store.commit(lease, changes, options);
}

async function mergeLinked(
  context: EngineContext,
  lease: Lease,
  sync: RunningSync,
  marks: readonly LoadedMark[],
  options: CallOptions,
): Promise<void> {
  const changes = new ChangeSet();
  const { looked, leases } = await mergeMarks(context, sync, marks, changes, options);
  await context.store.commit([...new Set([lease, ...leases])], changes, options);
  context.watch.merged(sync.model.name, looked);
}

/** What merging made of linked records, not committed yet. */
export interface Merged {
  readonly kept: readonly Kept[];
  readonly references: References;
  /** Records that were looked at. */
  readonly looked: number;
  /** Of what was looked at beyond the entities' own shards: the commit needs them too. [S46, S54] */
  readonly leases: readonly Lease[];
}

/** Absorbs marks of linked records into a change set, each entity once however many of its records are marked. [S13] */
export async function mergeMarks(
  context: EngineContext,
  sync: RunningSync,
  marks: readonly LoadedMark[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<Merged> {
  const valid = await withoutOvertaken(context, sync, marks, changes, options);
  const sights = await lookAt(context, sync, valid, changes, options);
  const references = hasReferences(sync) ? await referencesOf(context, sync, sights, options) : NO_REFERENCES;
  const leases = hasTree(sync.model) && sights.length > 0 ? [await takeTrees(context, options)] : [];
  const merged = new Map<EntityId, { readonly stored: StoredEntity; entity: Entity }>();
  for (const sight of sights) {
    const stored = sight.mark.entity;
    if (stored === null || isMergeToTell(context, sync, sight, stored, changes)) continue;
    const known = merged.get(stored.id)?.entity ?? hydrate(sync.model, stored, references);
    if (sight.mergedInto !== null) {
      changes.consumed.push(sight.mark.sequence);
      merged.set(stored.id, { stored, entity: known });
      continue;
    }
    if (isUnsure(context, sync, known, sight, references, changes)) continue;
    if (isAnotherThing(sync.model, known, sight, references)) {
      merged.set(stored.id, { stored, entity: endHere(context, sync, known, sight, references, changes) });
      continue;
    }
    const absorbed = absorbSight(sync.model, known, sight, references, context.identity.restored);
    const placed = leases.length === 0 ? absorbed : await place(context, sync, sight, known, absorbed, merged, changes, options);
    merged.set(stored.id, {
      stored,
      entity: placed === null ? known : keepSight(context, sync, known, sight, placed, references, changes),
    });
  }
  const kept: Kept[] = [];
  for (const { stored, entity } of merged.values()) {
    kept.push(keepEntity(context, sync, entity, references, changes, keysSince(sync.model, stored, entity)));
  }
  return { kept, references, looked: sights.length, leases };
}

/** A record that turns out to be merged away is told as such: that is a decision over two entities. [S41] */
function isMergeToTell(context: EngineContext, sync: RunningSync, sight: Sight, stored: StoredEntity, changes: ChangeSet): boolean {
  const { mark, image, mergedInto: into } = sight;
  if (into === null || (image !== null && stored.members[mark.side]?.image === image)) return false;
  const { side, record } = mark;
  const told = { ...touch(sync, side, record, context.clock.nowMs()), mergedInto: into, fromMs: sight.fromMs, toMs: sight.toMs };
  changes.consumed.push(mark.sequence);
  changes.marks.push(image === null ? told : { ...told, kind: "image", image, position: sight.position });
  return true;
}

function referencesOf(context: EngineContext, sync: RunningSync, sights: readonly Sight[], options: CallOptions): Promise<References> {
  const stored = sights.flatMap(({ mark }) => mark.entity ?? []);
  const seen = sights.flatMap(({ mark, image }) => (image === null ? [] : [{ side: mark.side, image }]));
  return loadReferences(context, sync, stored, seen, options);
}

/**
 * The match keys of an entity as merged, or null where they are as they were: most edits touch no field that identifies. An entity with a record out of scope may
 * stand under that record's keys instead. [S36, S42]
 */
function keysSince(model: SyncModel, before: StoredEntity, after: Entity): readonly (string | null)[] | null {
  const isSame = model.match.every((fields) =>
    fields.every((field) => after.fields[field]?.value !== undefined && before.fields[field]?.value === after.fields[field]?.value),
  );
  return isSame && before.members.every((member) => member?.state !== "outOfScope") ? null : matchKeysOf(model, keyValues(after));
}

/**
 * What was absorbed, where it changes the entity's place in a tree as it may. [S46] Null where that cannot be told yet: then nothing was seen, the record is read again soon, and those that have news
 * are read too.
 */
async function place(
  context: EngineContext,
  sync: RunningSync,
  { mark, toMs }: Sight,
  before: Entity,
  absorbed: Absorbed,
  merged: ReadonlyMap<EntityId, { readonly entity: Entity }>,
  changes: ChangeSet,
  options: CallOptions,
): Promise<Absorbed | null> {
  const now = new Map([...merged].map(([id, { entity }]) => [id, entity]));
  const placed = await checkPlaces(context, sync, mark.side, before, absorbed.entity, toMs, now, options);
  if (placed.kind === "stands") return absorbed;
  if (placed.kind === "refused") return { ...absorbed, entity: placed.entity, events: [...absorbed.events, ...placed.events] };
  const nowMs = context.clock.nowMs();
  changes.consumed.push(mark.sequence);
  for (const record of placed.records) changes.marks.push(touch(sync, mark.side, record, nowMs));
  changes.marks.push(touch(sync, mark.side, mark.record, nowMs, nowMs + TREE_WAIT_MS));
  return null;
}

function keepSight(
  context: EngineContext,
  sync: RunningSync,
  entity: Entity,
  sight: Sight,
  seen: Absorbed,
  references: References,
  changes: ChangeSet,
): Entity {
  const { mark } = sight;
  if (seen.reread) {
    changes.consumed.push(mark.sequence);
    changes.marks.push(touch(sync, mark.side, mark.record, context.clock.nowMs()));
    return entity;
  }
  const absorbed = breakFights(context, sync, seen);
  const isWaiting = absorbed.waiting.length > 0;
  finishMark(context, sync, sight, isWaiting, changes);
  keepProblems(context, sync, sight, absorbed.problems, isWaiting, changes);
  flagLeftOvers(context, sync, absorbed.entity, references, changes);
  if (entity.life.kind === "merged" && absorbed.entity.life.kind !== "merged") {
    changes.merged.push({ entity: entity.id, into: null });
    changes.problemsOver.push(...recordsOf(sync, absorbed.entity));
  }
  if (absorbed.entity.members[mark.side]?.state === "live" && entity.members[mark.side]?.state !== "live")
    wakeChildren(context, sync, entity.id, changes);
  tellKin(context, sync, entity, absorbed.entity, absorbed.events, changes);
  if (absorbed.events.length > 0) {
    changes.journal.push(
      mergeEntry(
        sync.model,
        { run: context.run, sync: sync.id, entity: entity.id, side: mark.side, atMs: context.clock.nowMs() },
        { record: mark.record, fromMs: sight.fromMs, toMs: sight.toMs, version: absorbed.entity.version, events: absorbed.events },
      ),
    );
  }
  return absorbed.entity;
}

/** Whether a reading waits for the log to tell whose record it is. [S34] */
function isUnsure(
  context: EngineContext,
  sync: RunningSync,
  entity: Entity,
  sight: Sight,
  references: References,
  changes: ChangeSet,
): boolean {
  const { side, sequence, attempts } = sight.mark;
  const object = sync.objects[side];
  if (object === undefined || context.states.get(sync.id) !== "live") return false;
  if (!isUncertain(sync.model, entity, sight, object, references)) return false;
  changes.deferred.push({ sequence, notBeforeMs: context.clock.nowMs() + retryDelayMs(context.limits, attempts) });
  return true;
}

/** The record that was linked is gone, and its id another thing's: that one is looked at as a newcomer. [S34] */
function endHere(
  context: EngineContext,
  sync: RunningSync,
  entity: Entity,
  { mark, fromMs, toMs, position }: Sight,
  references: References,
  changes: ChangeSet,
): Entity {
  const { side, record } = mark;
  const nowMs = context.clock.nowMs();
  const ended = endLife(sync.model, entity, side, record, { fromMs, toMs, position }, references);
  changes.consumed.push(mark.sequence);
  changes.marks.push(touch(sync, side, record, nowMs));
  tellKin(context, sync, entity, ended.entity, ended.events, changes);
  if (ended.events.length > 0) {
    const about = { run: context.run, sync: sync.id, entity: entity.id, side, atMs: nowMs };
    changes.journal.push(mergeEntry(sync.model, about, { record, fromMs, toMs, version: ended.entity.version, events: ended.events }));
  }
  context.log.info("record.reused", { sync: sync.model.name, side: sync.model.sides[side]?.name, entity: entity.id });
  return ended.entity;
}

/** Unlinked records join side by side: those of one side per commit, so that the next side's find them. [S36] */
async function mergeUnlinked(
  context: EngineContext,
  lease: Lease,
  sync: RunningSync,
  own: readonly LoadedMark[],
  options: CallOptions,
): Promise<void> {
  const unlinked = own.filter((mark) => mark.entity === null);
  for (let side = 0; side < sync.model.sides.length; side += 1) {
    const marks = unlinked.filter((mark) => mark.side === side);
    if (marks.length === 0) continue;
    const changes = new ChangeSet();
    const sights = await lookAt(context, sync, marks.map(asHint), changes, options);
    await joinRecords(context, sync, side, sights, changes, options);
    await context.store.commit(lease, changes, options);
    context.watch.merged(sync.model.name, sights.length);
  }
}

/**
 * An image of a record that is linked to nothing may be older than its delete: its id may even be one that was retired. So it counts as a hint, and only a positive
 * fresh reading makes a record of it. [S40] The images of a first listing are readings already.
 */
function asHint(mark: LoadedMark): LoadedMark {
  return mark.kind === "image" && mark.keys === null ? { ...mark, kind: "touched", image: null, position: null } : mark;
}
