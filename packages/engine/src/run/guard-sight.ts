import { checkCount } from "@accord/core";
import type { GuardStop, NativeImage, RecordId, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { GuardTrip, Mark } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { takeShard } from "./take-shard.ts";
import { trip, tripId } from "./trip.ts";

/** What a complete list of a side showed beside what was known of it. */
export interface Counted {
  /** Members that the side was thought to show, and those of them that the list lacks. */
  readonly expected: number;
  readonly missing: number;
  /** Listed records that are no members. */
  readonly strangers: number;
}

/**
 * Whether a complete list of a side may be believed: it lacks few members and brings few strangers more than the last one did, or a person has approved that it is
 * otherwise. One that may not is forgotten, and its sync pauses: absence and novelty are concluded from believable lists alone. [S11, S43]
 */
export async function guardCount(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  { expected, missing, strangers }: Counted,
  options: CallOptions,
): Promise<boolean> {
  const share = sync.settings.guards.countShareMax;
  if (share === null) return true;
  const listing = (await context.store.listSyncs(options)).find(({ id }) => id === sync.id)?.listings.find((row) => row.side === side);
  // Members are what Accord's own writes have made of the side; strangers there were before take no part, and tell nothing.
  const grown = Math.max(0, strangers - (listing?.strangers ?? strangers));
  const name = nameOf(sync, side);
  const stop = checkCount(name, expected, expected - missing, share) ?? checkCount(name, expected, expected + grown, share);
  if (stop === null) return true;
  const standing = await tripOf(context, sync, side, stop, options);
  // An approval is for one list: the next complete one after it uses it up.
  const approvedAtMs = standing?.approvedAtMs ?? null;
  if (approvedAtMs !== null && approvedAtMs > (listing?.completedAtMs ?? 0)) return true;
  if (standing === null || approvedAtMs !== null) await stopFor(context, sync, side, stop, options);
  return false;
}

/**
 * Looks at the canaries among records of which something was told, before it is taken over: one that has changed or is gone pauses its sync, so that nothing of what
 * came with it is written anywhere. What was seen is merged nevertheless, and with a person's approval it is the canary's new state. [S43]
 */
export async function guardCanaries(context: EngineContext, marks: readonly Mark[], options: CallOptions): Promise<void> {
  for (const sync of context.syncs) {
    for (const [name, records] of Object.entries(sync.settings.guards.canaries)) {
      const side = sync.model.sides.findIndex((model) => model.name === name);
      const told = marks.filter((mark) => mark.sync === sync.id && mark.side === side);
      for (const record of records) {
        if (!told.some((mark) => mark.record === record || mark.renamedFrom === record)) continue;
        const fate = await fateOf(context, sync, side, record, options);
        if (fate === null) continue;
        const stop: GuardStop = { guard: "canary", reason: `the canary record ${record.replaceAll("\t", ", ")} of ${name} ${fate}` };
        const before = await tripOf(context, sync, side, stop, options);
        if (before === null || before.approvedAtMs !== null) await stopFor(context, sync, side, stop, options);
      }
    }
  }
}

/** What became of a record, read anew beside what is stored of it; null where it is as it was, or is no member yet. */
async function fateOf(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  record: RecordId,
  options: CallOptions,
): Promise<"changed" | "is gone" | null> {
  // Stored, read, stored: a write of our own that settles in between is no change.
  const before = await storedImage(context, sync, side, record, options);
  const now = (await sync.objects[side]?.read([record], options))?.images[0] ?? null;
  const after = await storedImage(context, sync, side, record, options);
  if (before === null || after === null || now === before || now === after) return null;
  return now === null ? "is gone" : "changed";
}

/** The image of a live member, as last seen; null where the record is none, or a write to it is under way. */
async function storedImage(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  record: RecordId,
  options: CallOptions,
): Promise<NativeImage | null> {
  const [entity] = await context.store.findLinks(sync.id, side, [record], options);
  if (entity === null || entity === undefined) return null;
  const [stored] = await context.store.loadEntities([entity], options);
  const member = stored?.members[side] ?? null;
  return member === null || member.intent !== null ? null : member.image;
}

/** The trip of this kind that is known, approved or not. */
async function tripOf(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  stop: GuardStop,
  options: CallOptions,
): Promise<GuardTrip | null> {
  const id = tripId(sync, side, stop);
  return (await context.store.listTrips(options)).find((known) => known.id === id) ?? null;
}

/** Pauses the sync, with its entry in the journal under the lease of shard 0: nothing of an entity changes. [S43, I14] */
async function stopFor(context: EngineContext, sync: RunningSync, side: SideIndex, stop: GuardStop, options: CallOptions): Promise<void> {
  const changes = new ChangeSet();
  changes.journal.push(await trip(context, sync, side, stop, options));
  const lease = await takeShard(context, 0, options);
  if (lease !== null) await context.store.commit(lease, changes, options);
}

function nameOf(sync: RunningSync, side: SideIndex): string {
  return sync.model.sides[side]?.name ?? String(side);
}
