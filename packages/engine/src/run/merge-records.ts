import { absorbMergeAtReceiver, mergedInto, mergeEntities, readImage, shellOf, swapRecords, withMember } from "@accord/core";
import type { Entity, EntityId, MergeEvent, MergeObservation, NativeImage, RecordId, References } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import { mergeEntry } from "../journal/payload.ts";
import type { Lease, LoadedMark, StoredEntity } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import { retryDelayMs } from "./context.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { takeShard } from "./take-shard.ts";
import { keepEntity, touch } from "./due.ts";
import { wakeChildren } from "./finish-mark.ts";
import { hydrate, loadReferences } from "./hydrate.ts";
import { joiningRecord } from "./join.ts";
import { flagLeftOvers, recordsOf } from "./left-over.ts";
import { repointRequests } from "./repoint.ts";

/** Shells of shells that are followed to the record that is left: a system that names more has gone in a ring. */
const STEPS_MAX = 20;
/** Tries to find the record that another was merged into, before a person is asked: it may be on its way to us. */
const TRIES_MAX = 3;

/**
 * Record merges: a system said that it made one record of two. [S41] Each is a commit of its own under the leases of both entities' shards, and nothing happens while any record of either is being
 * written: what a write brings is the state that is merged. [S33, S54]
 */
export async function mergeRecords(
  context: EngineContext,
  lease: Lease,
  sync: RunningSync,
  marks: readonly LoadedMark[],
  options: CallOptions,
): Promise<void> {
  for (const mark of marks) {
    const changes = new ChangeSet();
    const leases = await mergeRecord(context, sync, mark, changes, options);
    await context.store.commit([lease, ...leases.filter(({ name }) => name !== lease.name)], changes, options);
  }
}

/** What was seen of a record that is said to be merged away. */
interface Shell extends MergeObservation {
  /** The record that was left. */
  readonly into: RecordId;
}

/** Returns the leases that the change set needs beside the mark's own shard's. */
async function mergeRecord(
  context: EngineContext,
  sync: RunningSync,
  mark: LoadedMark,
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly Lease[]> {
  const [stored] = mark.entity === null ? [] : await context.store.loadEntities([mark.entity.id], options);
  // What was never linked has no place to lose.
  if (stored === undefined || stored.members[mark.side]?.record !== mark.record) return end(sync, mark, changes);
  if (isBusy(stored)) return putOff(context, mark, changes);
  const shell = await seeShell(context, sync, mark, stored, changes, options);
  if (shell === null) return [];
  const shown = stored.members[mark.side];
  if (stored.life.kind === "merged" && shown?.state === "archived" && shown.image === shell.image) return end(sync, mark, changes);
  const references = await loadReferences(context, sync, [stored], imageOf(mark, shell), options);
  const entity = hydrate(sync.model, stored, references);
  const received = absorbMergeAtReceiver(sync.model, entity, mark.side, shell);
  if (received !== null) {
    end(sync, mark, changes);
    keep(context, sync, mark, shell, received.entity, received.events, references, changes);
    return [];
  }
  const heir = await findHeir(context, sync, mark, shell.into, options);
  if (heir.kind === "wait") return putOff(context, mark, changes);
  if (heir.kind === "nobody") return leaveToPerson(context, sync, mark, shell, entity, references, changes);
  if (heir.kind === "stranger") {
    // Nobody knows the record that is left: the entity goes on under it, as under a new id. [S63]
    changes.consumed.push(mark.sequence);
    const { clock } = context;
    changes.marks.push({ ...touch(sync, mark.side, heir.record, clock.nowMs()), renamedFrom: mark.record });
    return [];
  }
  if (entity.life.kind === "merged") {
    end(sync, mark, changes);
    const event: MergeEvent = { kind: "merged", side: mark.side, record: mark.record, into: heir.entity };
    const left = withMember(entity, mark.side, shellOf(entity.members[mark.side] ?? null, shell));
    keep(context, sync, mark, shell, left, [event], references, changes);
    return [];
  }
  const other = heir.entity === entity.id ? heir.holder : heir.entity;
  if (other === entity.id) return end(sync, mark, changes);
  return join(context, sync, mark, shell, stored, other, changes, options);
}

/** Makes one of the two, or lets the entity go on under the record that its former self holds. */
async function join(
  context: EngineContext,
  sync: RunningSync,
  mark: LoadedMark,
  shell: Shell,
  stored: StoredEntity,
  other: EntityId,
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly Lease[]> {
  const lease = await takeShard(context, context.store.shardOf(other), options);
  const [known] = lease === null ? [] : await context.store.loadEntities([other], options);
  if (lease === null || known === undefined || isBusy(known)) return putOff(context, mark, changes);
  const references = await loadReferences(context, sync, [stored, known], imageOf(mark, shell), options);
  const entity = hydrate(sync.model, stored, references);
  const second = hydrate(sync.model, known, references);
  end(sync, mark, changes);
  if (second.life.kind === "merged") {
    const swapped = swapRecords(entity, second, mark.side, shell);
    changes.problemsOver.push(...recordsOf(sync, swapped.entity));
    keep(context, sync, mark, shell, swapped.former, [], references, changes);
    keep(context, sync, mark, shell, swapped.entity, swapped.events, references, changes);
    return [lease];
  }
  const { loser, winner, loserEvents, winnerEvents } = mergeEntities(sync.model, entity, second, mark.side, shell, references);
  changes.merged.push({ entity: loser.id, into: winner.id });
  const named = namingToo(references, sync, winner);
  keep(context, sync, mark, shell, loser, loserEvents, named, changes);
  keep(context, sync, mark, shell, winner, winnerEvents, references, changes);
  flagLeftOvers(context, sync, loser, named, changes);
  changes.requests.push(...repointRequests(context, sync, loser.id));
  wakeChildren(context, sync, loser.id, changes);
  wakeChildren(context, sync, winner.id, changes);
  context.log.info("record.merged", { sync: sync.model.name, entity: loser.id, into: winner.id });
  return [lease];
}

/** The same references, and where the winner's own records are: what is merged here is to be merged elsewhere. */
function namingToo(references: References, { model }: RunningSync, winner: Entity): References {
  return {
    ...references,
    recordOf(sync, side, entity) {
      const isOwn = sync === model.name && entity === winner.id;
      return isOwn ? (winner.members[side]?.record ?? undefined) : references.recordOf(sync, side, entity);
    },
  };
}

/** The shell as it reads now, or null: then the word was wrong, or old, and the mark is dealt with. */
async function seeShell(
  context: EngineContext,
  sync: RunningSync,
  mark: LoadedMark,
  stored: StoredEntity,
  changes: ChangeSet,
  options: CallOptions,
): Promise<Shell | null> {
  const side = sync.model.sides[mark.side];
  const object = sync.objects[mark.side];
  if (side === undefined || object === undefined) return null;
  const member = stored.members[mark.side];
  const fromMs = mark.fromMs < 0 ? Math.min(member?.seenAtMs ?? 0, mark.toMs) : mark.fromMs;
  if (mark.kind === "image" && mark.image !== null) {
    const into = mergedInto(side, readImage(mark.image));
    const isOld = mark.position !== null && (member?.position ?? null) !== null && object.covers(member?.position ?? "", mark.position);
    if (into !== null && !isOld) return { into, image: mark.image, position: mark.position, fromMs, toMs: mark.toMs };
  }
  try {
    const reading = await object.read([mark.record], options);
    const image = reading.images[0] ?? null;
    const told = image === null ? (reading.merged?.[0] ?? mark.mergedInto) : mergedInto(side, readImage(image));
    const nowMs = context.clock.nowMs();
    if (told !== null && told !== undefined)
      return { into: told, image, position: reading.position, fromMs, toMs: Math.max(fromMs, nowMs) };
    // It stands there by itself: whoever said otherwise spoke of another time.
    changes.consumed.push(mark.sequence);
    changes.marks.push(touch(sync, mark.side, mark.record, nowMs));
    return null;
  } catch (error) {
    if (!isPassing(error)) throw error;
    putOff(context, mark, changes, error.retryAfterMs);
    return null;
  }
}

/** Who the record that is left belongs to. */
type Heir =
  /** `holder` is linked to it; `entity` is what that has become. */
  | { readonly kind: "entity"; readonly entity: EntityId; readonly holder: EntityId }
  | { readonly kind: "stranger"; readonly record: RecordId }
  | { readonly kind: "nobody" }
  | { readonly kind: "wait" };

async function findHeir(context: EngineContext, sync: RunningSync, mark: LoadedMark, into: RecordId, options: CallOptions): Promise<Heir> {
  const side = sync.model.sides[mark.side];
  let record = into;
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const [holder = null] = await context.store.findLinks(sync.id, mark.side, [record], options);
    if (holder !== null) {
      const [winner = null] = await context.store.findWinners([holder], options);
      return { kind: "entity", entity: winner ?? holder, holder };
    }
    try {
      const reading = await sync.objects[mark.side]?.read([record], options);
      const image = reading?.images[0] ?? null;
      const next = image === null || side === undefined ? (reading?.merged?.[0] ?? null) : mergedInto(side, readImage(image));
      if (next === null && image === null) return mayStillShow(context, sync, mark) ? { kind: "wait" } : { kind: "nobody" };
      if (next === null && image !== null && reading !== undefined)
        return (await isSomebodys(context, sync, mark, { record, image, position: reading.position }, options))
          ? { kind: "wait" }
          : { kind: "stranger", record };
      if (next === null) return { kind: "nobody" };
      record = next;
    } catch (error) {
      if (!isPassing(error)) throw error;
      return { kind: "wait" };
    }
  }
  return { kind: "nobody" };
}

/** Whether a record that does not read yet may: it is tried a few times, and for as long as readings may be old. [S10] */
function mayStillShow({ clock }: EngineContext, { objects }: RunningSync, { side, attempts, toMs }: LoadedMark): boolean {
  return attempts < TRIES_MAX || clock.nowMs() - toMs <= 2 * (objects[side]?.capabilities.staleReadMsMax ?? 0);
}

/** Whether a record that nobody has linked may be one that we are making [S35], or fits another entity by its keys [S36]: then it is to be joined first, or a person decides whose it is. */
async function isSomebodys(
  context: EngineContext,
  sync: RunningSync,
  { side, entity }: LoadedMark,
  { record, image, position }: { readonly record: RecordId; readonly image: NativeImage; readonly position: string },
  options: CallOptions,
): Promise<boolean> {
  if ((await context.store.openCreates(sync.id, side, options)).length > 0) return true;
  const references = await loadReferences(context, sync, [], [{ side, image }], options);
  const sight = { mark: { side, record }, position, fromMs: 0, toMs: 0 };
  const { keys } = joiningRecord(sync, sight, image, references);
  const [matches = []] = await context.store.findMatches(sync.id, side, [{ record, keys }], options);
  return matches.some(({ entities }) => entities.some((other) => other !== entity?.id));
}

/** What it was merged into is not to be found: a person decides whether the rest of it lives. Until then nothing is written, deleted or made of it. */
function leaveToPerson(
  context: EngineContext,
  sync: RunningSync,
  mark: LoadedMark,
  shell: Shell,
  entity: Entity,
  references: References,
  changes: ChangeSet,
): readonly Lease[] {
  end(sync, mark, changes);
  if (entity.life.kind !== "live") return [];
  const review = { openedAtMs: shell.toMs, reason: "it was merged into a record that is not there", candidates: [] };
  const asked = { ...withMember(entity, mark.side, shellOf(entity.members[mark.side] ?? null, shell)), review };
  keep(context, sync, mark, shell, asked, [{ kind: "deleteConflict", side: mark.side, kept: "review" }], references, changes);
  return [];
}

function keep(
  context: EngineContext,
  sync: RunningSync,
  mark: LoadedMark,
  shell: Shell,
  entity: Entity,
  events: readonly MergeEvent[],
  references: References,
  changes: ChangeSet,
): void {
  if (events.length > 0) {
    changes.journal.push(
      mergeEntry(
        sync.model,
        { run: context.run, sync: sync.id, entity: entity.id, side: mark.side, atMs: context.clock.nowMs() },
        { record: mark.record, fromMs: shell.fromMs, toMs: shell.toMs, version: entity.version, events },
      ),
    );
  }
  keepEntity(context, sync, entity, references, changes);
}

function imageOf(mark: LoadedMark, { image }: Shell): readonly { readonly side: number; readonly image: string }[] {
  return image === null ? [] : [{ side: mark.side, image }];
}

function isBusy({ members }: StoredEntity): boolean {
  return members.some((member) => member !== null && member.intent !== null);
}

function end(sync: RunningSync, mark: LoadedMark, changes: ChangeSet): readonly Lease[] {
  changes.consumed.push(mark.sequence);
  changes.problemsOver.push({ sync: sync.id, side: mark.side, record: mark.record });
  return [];
}

function putOff(context: EngineContext, mark: LoadedMark, changes: ChangeSet, afterMs: number | null = null): readonly Lease[] {
  const notBeforeMs = context.clock.nowMs() + (afterMs ?? retryDelayMs(context.limits, mark.attempts));
  changes.deferred.push({ sequence: mark.sequence, notBeforeMs });
  return [];
}

function isPassing(error: unknown): error is AccordError {
  return error instanceof AccordError && (error.remedy === "retry" || error.remedy === "reauthorize");
}
