import { createEntity, getRecord, joinMember, matchKeysOf, readImage, takesPart, UNKNOWN_FIELD, withMember } from "@accord/core";
import type { Entity, EntityId, GottenRecord, Joined, NativeImage, Observation, RecordId, References, SideIndex } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { OpenObject } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import { mergeEntry } from "../journal/payload.ts";
import type { MatchProposal } from "../match/matcher.ts";
import type { StoredEntity } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import { retryDelayMs } from "./context.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { isWriting, keepEntity } from "./due.ts";
import { hydrate, loadReferences } from "./hydrate.ts";
import { tellKin } from "./kin.ts";
import { finishMark, keepProblems, wakeChildren } from "./finish-mark.ts";
import { withoutRivals } from "./rivals.ts";
import type { Sight } from "./sight.ts";
import { withAsked } from "./unproven.ts";

/** A record to be joined, with its match keys. */
export interface JoiningRecord {
  readonly sight: Pick<Sight, "position" | "fromMs" | "toMs"> & { readonly mark: { readonly side: SideIndex; readonly record: RecordId } };
  readonly image: NativeImage;
  readonly gotten: GottenRecord;
  readonly keys: readonly (string | null)[];
  /** Outside the side's filter, or archived: it is known, so that nothing is made twice, and takes no part. [S42] */
  readonly isOutside: boolean;
}

/** An own create's answer is known within seconds: who waits for it looks again soon. Milliseconds. */
export const PUT_OFF_MS_MAX = 2_000;

type Seeker = JoiningRecord & { readonly sight: Sight };

/** First contact of records of one side: link, create, or leave to review. [S36] */
export async function joinRecords(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  sights: readonly Sight[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  const present = await putOffOwnCreates(context, sync, side, dropGone(sync, sights, changes), changes, options);
  if (present.length === 0) return;
  const seen = present.map(({ image }) => ({ side, image }));
  const early = await loadReferences(context, sync, [], seen, options);
  const seekers = putOffUnkeyed(
    context,
    sync,
    present.map(({ sight, image }) => ({ ...joiningRecord(sync, sight, image, early), sight })),
    changes,
  );
  const decisions = await propose(context, sync, side, seekers, options);
  const linked = decisions.flatMap((decision) => (decision.kind === "link" ? [decision.entity] : []));
  const stored = new Map((await context.store.loadEntities([...new Set(linked)], options)).map((entity) => [entity.id, entity]));
  const references = await loadReferences(context, sync, [...stored.values()], seen, options);
  let nextId = await context.store.reserveEntities(seekers.length, options);
  for (const [index, seeker] of seekers.entries()) {
    const decision = takeMatch(decisions[index] ?? { kind: "new" }, stored);
    if (decision.kind === "review") {
      leaveToReview(context, sync, seeker, decision, changes);
      continue;
    }
    const known = decision.kind === "link" ? hydrate(sync.model, decision.entity, references) : null;
    const joined = join(context, sync, seeker, known, references, nextId);
    if (known === null) nextId += 1;
    tellKin(context, sync, known, joined.entity, joined.events, changes);
    keepJoined(context, sync, seeker, joined, references, changes);
  }
}

/** A record whose match key names another that is not linked yet may be one that there is already: it waits until that can be told. [S36, S44] */
function putOffUnkeyed(context: EngineContext, sync: RunningSync, seekers: readonly Seeker[], changes: ChangeSet): readonly Seeker[] {
  const keyFields = new Set(sync.model.match.flat());
  return seekers.filter(({ sight, gotten }) => {
    if (!gotten.waiting.some((field) => keyFields.has(field))) return true;
    finishMark(context, sync, sight, true, changes);
    return false;
  });
}

async function propose(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  seekers: readonly Seeker[],
  options: CallOptions,
): Promise<readonly MatchProposal[]> {
  const known = await context.store.findMatches(
    sync.id,
    side,
    seekers.map(({ sight, keys }) => ({ record: sight.mark.record, keys })),
    options,
  );
  const candidates = await withAsked(context, sync, side, seekers, known, options);
  const proposals = await context.matcher.propose(
    seekers.map(({ sight, gotten }, index) => ({
      sync: sync.model.name,
      side,
      record: sight.mark.record,
      values: gotten.values,
      candidates: candidates[index] ?? [],
    })),
    options,
  );
  const records = seekers.map(({ sight }) => sight.mark.record);
  return withoutRivals(context, sync, side, records, proposals, options);
}

/** Records that are gone, or merged away, before they were ever linked are no one's loss. [S41] */
function dropGone(sync: RunningSync, sights: readonly Sight[], changes: ChangeSet): { sight: Sight; image: NativeImage }[] {
  return sights.flatMap((sight) => {
    if (sight.image !== null && sight.mergedInto === null) return [{ sight, image: sight.image }];
    changes.consumed.push(sight.mark.sequence);
    changes.problemsOver.push({ sync: sync.id, side: sight.mark.side, record: sight.mark.record });
    return [];
  });
}

/**
 * A record that an own create may have made, its answer still unknown, is left until the intent is closed: else it would become a second thing. [S33, S35]
 * Where the system cannot tell whose a record is, all new ones wait.
 */
async function putOffOwnCreates(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  present: readonly { sight: Sight; image: NativeImage }[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly { sight: Sight; image: NativeImage }[]> {
  const object = sync.objects[side];
  const open = present.length === 0 ? [] : await context.store.openCreates(sync.id, side, options);
  if (object === undefined || open.length === 0) return present;
  const own = await ownRecords(context, sync, object, open, options);
  return present.filter(({ sight: { mark } }) => {
    if (own !== null && !own.has(mark.record)) return true;
    const waitMs = Math.min(PUT_OFF_MS_MAX, retryDelayMs(context.limits, mark.attempts));
    changes.deferred.push({ sequence: mark.sequence, notBeforeMs: context.clock.nowMs() + waitMs });
    return false;
  });
}

/** The records that open creates have made, or null where the system cannot tell, or not now. */
async function ownRecords(
  context: EngineContext,
  sync: RunningSync,
  object: OpenObject,
  open: readonly EntityId[],
  options: CallOptions,
): Promise<ReadonlySet<RecordId> | null> {
  if (!object.capabilities.externalId) return null;
  try {
    return new Set((await object.findByEntity(open, options)).values());
  } catch (error) {
    if (!(error instanceof AccordError) || (error.remedy !== "retry" && error.remedy !== "reauthorize")) throw error;
    context.log.warn("join.deferred", { sync: sync.model.name, code: error.code });
    return null;
  }
}

const NOTHING_GOTTEN: GottenRecord = { values: [], problems: [], waiting: [] };

/** A record with what its image says: its values, its match keys, and whether it takes part. */
export function joiningRecord(sync: RunningSync, sight: JoiningRecord["sight"], image: NativeImage, references: References): JoiningRecord {
  const sideModel = sync.model.sides[sight.mark.side];
  const cells = readImage(image);
  const gotten = sideModel === undefined ? NOTHING_GOTTEN : getRecord(sideModel.mapping, cells, references);
  return {
    sight,
    image,
    gotten,
    keys: matchKeysOf(sync.model, gotten.values),
    isOutside: sideModel !== undefined && !takesPart(sideModel, cells),
  };
}

type Decision =
  { readonly kind: "link"; readonly entity: StoredEntity } | { readonly kind: "new" } | Extract<MatchProposal, { kind: "review" }>;

/** An entity can be linked once: a second record of this batch with the same key finds none. */
function takeMatch(decision: MatchProposal, stored: Map<EntityId, StoredEntity>): Decision {
  if (decision.kind !== "link") return decision;
  const entity = stored.get(decision.entity);
  stored.delete(decision.entity);
  return entity === undefined ? { kind: "new" } : { kind: "link", entity };
}

/** Links a record to an entity, or makes it one of its own with this id where `known` is null. */
export function join(
  context: EngineContext,
  sync: RunningSync,
  seeker: JoiningRecord,
  known: Entity | null,
  references: References,
  id: EntityId,
): Joined {
  const { mark } = seeker.sight;
  const observation: Observation = {
    image: seeker.image,
    position: seeker.sight.position,
    fromMs: seeker.sight.fromMs,
    toMs: seeker.sight.toMs,
    gotten: seeker.gotten,
  };
  const isLive = isWriting(context, sync);
  if (known === null) {
    const created = createEntity(sync.model, id, mark.side, mark.record, observation, isLive ? "user" : "initial", references);
    return seeker.isOutside
      ? {
          ...created,
          entity: setAside(
            created.entity,
            mark.side,
            created.entity.fields.map(() => UNKNOWN_FIELD),
            1,
          ),
        }
      : created;
  }
  const joined = joinMember(sync.model, known, mark.side, mark.record, observation, "match", references);
  if (!seeker.isOutside) return joined;
  const events = joined.events.filter(({ kind }) => kind === "joined");
  return { ...joined, events, entity: setAside(joined.entity, mark.side, known.fields, known.version) };
}

/** A member out of scope contributes no value: the canonical record stays as it was, or unknown throughout. [S42] */
function setAside(entity: Entity, side: SideIndex, fields: Entity["fields"], version: number): Entity {
  const member = entity.members[side];
  if (member === null || member === undefined) return entity;
  return withMember({ ...entity, fields, version }, side, { ...member, state: "outOfScope", ack: member.ack.map(() => 0) });
}

function keepJoined(
  context: EngineContext,
  sync: RunningSync,
  seeker: Seeker,
  joined: Joined,
  references: References,
  changes: ChangeSet,
): void {
  const { sight } = seeker;
  const isWaiting = joined.waiting.length > 0;
  finishMark(context, sync, sight, isWaiting, changes);
  keepProblems(context, sync, sight, joined.problems, isWaiting, changes);
  wakeChildren(context, sync, joined.entity.id, changes);
  changes.journal.push(
    mergeEntry(
      sync.model,
      { run: context.run, sync: sync.id, entity: joined.entity.id, side: sight.mark.side, atMs: context.clock.nowMs() },
      { record: sight.mark.record, fromMs: sight.fromMs, toMs: sight.toMs, version: joined.entity.version, events: joined.events },
    ),
  );
  keepEntity(context, sync, joined.entity, references, changes, seeker.isOutside ? seeker.keys : undefined);
}

function leaveToReview(
  context: EngineContext,
  sync: RunningSync,
  seeker: Seeker,
  review: Extract<MatchProposal, { kind: "review" }>,
  changes: ChangeSet,
): void {
  const { mark } = seeker.sight;
  changes.consumed.push(mark.sequence);
  changes.problems.push({
    sync: sync.id,
    side: mark.side,
    record: mark.record,
    kind: "ambiguous",
    reason: review.explanation,
    entities: review.entities,
    atMs: context.clock.nowMs(),
  });
}
