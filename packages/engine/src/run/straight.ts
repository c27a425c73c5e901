import type { EntityId, RecordId } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import type { Lease, LoadedMark, Mark, Shard, StoredEntity } from "../store/rows.ts";
import { BySide } from "./by-side.ts";
import { ChangeSet } from "./changes.ts";
import { refreshStates } from "./context.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Kept } from "./due.ts";
import type { FollowedSide } from "./followed-side.ts";
import { passesGuards } from "./guard.ts";
import { guardCanaries } from "./guard-sight.ts";
import type { Handover, Pulled } from "./handover.ts";
import { mergeMarks } from "./merge.ts";
import type { Merged } from "./merge.ts";
import { Once } from "./once.ts";
import { marksOf } from "./pull.ts";
import { openUpdate, sendWrites } from "./push.ts";
import type { OpenedWrites } from "./push.ts";
import { takeShard } from "./take-shard.ts";
import { hasTree } from "./tree.ts";

/** Batches whose calls are on their way while the next is merged: enough that a system and this process work at the same time. */
const UNDERWAY_MAX = 2;
/** Writes at most of a batch whose statements are sent while its intents are being committed: the rows that they lock stay locked for that long. */
const AHEAD_MAX = 16;
/** Batches taken one after another before everything else has its turn: marks, requests, retries. */
const TURN_BATCHES = 32;

/**
 * The straight way of plain news: images of linked records go from the feed through merge, push and settle in two commits. The first holds the feed's cursor, the merge
 * and the intents of what it made due, while what can still be undone of the call is sent ahead; the second what came of the calls. All other news of the batch (new, renamed, deleted or touched records, entities with an
 * open intent) becomes marks in the first commit and goes the ordinary way. [S6, S29, S33]
 *
 * Takes what feeds offer until they offer nothing more, or others must have their turn. Nobody else may drain meanwhile. The calls of a batch overlap with the merge of the
 * next: an entity whose call is on its way has an open intent, so that news of it becomes a mark.
 */
export async function carryOffers(context: EngineContext, handover: Handover, options: CallOptions): Promise<void> {
  const underway = new Map<Promise<void>, WrittenRecords>();
  // Our own writes may come back before their calls are settled: by then they are known for what they are, and no marks are made of them. [S57]
  const mayTake = (pulled: Pulled): boolean => {
    const written = [...underway.values()];
    return !written.some((records) => isOfRecords(pulled, records));
  };
  const failures: unknown[] = [];
  try {
    for (let taken = 0; ;) {
      options.signal.throwIfAborted();
      if (failures.length > 0) throw failures[0];
      const offer = taken < TURN_BATCHES ? handover.take(mayTake) : null;
      if (offer === null) {
        if (underway.size === 0) return;
        await Promise.race(taken < TURN_BATCHES ? [...underway.keys(), handover.next()] : underway.keys());
        continue;
      }
      taken += 1;
      let ahead: Promise<void> | null = null;
      let opened: readonly OpenedWrites[] | null = null;
      try {
        const counter = context.store.changeCounter();
        if (counter !== handover.statesAt) await refreshStates(context, options);
        handover.statesAt = counter;
        const merged = await mergeStraight(context, offer.pulled, options);
        if (underway.size === 0 && isBrief(merged.opened)) {
          ahead = sendAll(context, merged.opened, options, merged.commit.run);
          // A failure is met where the commit is, or kept with that of the call.
          ahead.catch(() => {});
          // A system that lets us wait for a session does not keep the feed waiting.
          await Promise.race([merged.commit.begun, ahead, offer.late]);
        }
        if (await isCommitted(context, merged)) opened = merged.opened;
      } finally {
        offer.answer(opened !== null);
      }
      if (opened === null || opened.length === 0) continue;
      while (underway.size >= UNDERWAY_MAX) await Promise.race(underway.keys());
      // Nobody may be waiting when it fails: the failure is kept for the next turn.
      const sending: Promise<void> = (ahead ?? sendAll(context, opened, options))
        .catch((error: unknown) => {
          failures.push(error);
        })
        .finally(() => underway.delete(sending));
      underway.set(sending, recordsOf(opened));
    }
  } finally {
    await Promise.allSettled(underway.keys());
  }
}

/** The records that are being written, by side. */
type WrittenRecords = BySide<Set<RecordId>>;

function recordsOf(opened: readonly OpenedWrites[]): WrittenRecords {
  const written: WrittenRecords = new BySide(() => new Set());
  for (const { sync, side, dispatches } of opened) {
    const records = written.of(sync.id, side);
    for (const { intent } of dispatches) if (intent.record !== null) records.add(intent.record);
  }
  return written;
}

function isOfRecords({ sides, batch }: Pulled, written: WrittenRecords): boolean {
  return batch.changes.some(({ object, record }) => {
    const followed = sides[object];
    return followed !== undefined && written.of(followed.sync.id, followed.side).has(record);
  });
}

function isBrief(opened: readonly OpenedWrites[]): boolean {
  return opened.length > 0 && opened.reduce((sum, { dispatches }) => sum + dispatches.length, 0) <= AHEAD_MAX;
}

/**
 * Side after side, since they may share entities. A shard that was taken over is another's to recover: its intents stay open. [S54]
 *
 * @param confirm commits the intents, where that was not done yet
 */
async function sendAll(
  context: EngineContext,
  opened: readonly OpenedWrites[],
  options: CallOptions,
  confirm?: () => Promise<void>,
): Promise<void> {
  for (const [place, writes] of opened.entries()) {
    try {
      if (place > 0) await sendWrites(context, { ...writes, isLater: true }, options);
      else await sendWrites(context, confirm === undefined ? writes : { ...writes, confirm }, options);
    } catch (error) {
      forgetLost(context, writes.leases, error);
      return;
    }
  }
}

function forgetLost(context: EngineContext, leases: Iterable<Lease>, error: unknown): void {
  if (!(error instanceof AccordError) || error.code !== "ACCORD_LEASE_LOST") throw error;
  for (const { name } of leases) context.leases.delete(name);
}

/** What a batch comes to, and the one commit that holds it: its merge, cursor and intents. */
interface MergedBatch {
  readonly opened: readonly OpenedWrites[];
  readonly leases: readonly Lease[];
  readonly commit: Once;
}

/** False: nothing was done, and the batch is to become marks. */
async function isCommitted(context: EngineContext, { leases, commit }: MergedBatch): Promise<boolean> {
  try {
    await commit.run();
    return true;
  } catch (error) {
    forgetLost(context, leases, error);
    return false;
  }
}

async function mergeStraight(context: EngineContext, pulled: Pulled, options: CallOptions): Promise<MergedBatch> {
  const changes = new ChangeSet();
  changes.cursor = { connection: pulled.connection, cursor: pulled.batch.cursor };
  const leases = new Map<Shard, Lease>();
  const busy = new Set<EntityId>();
  const opened: Omit<OpenedWrites, "leases">[] = [];
  const news = marksOf(context, pulled.sides, pulled.batch);
  await guardCanaries(context, [...news.values()].flat(), options);
  for (const [followed, marks] of news) {
    const plain = await plainNews(context, followed, marks, busy, leases, changes, options);
    if (plain.length === 0) continue;
    const merged = await mergeMarks(context, followed.sync, plain, changes, options);
    opened.push(...(await openWrites(context, followed.sync, merged, changes, options)));
    context.watch.merged(followed.sync.model.name, merged.looked);
  }
  // News that never became marks has none to consume.
  changes.consumed.length = 0;
  changes.deferred.length = 0;
  const held = [...leases.values()];
  const commit = new Once(async () => {
    if (held.length > 0) await context.store.commit(held, changes, options);
    else await context.store.commitPull({ marks: changes.marks, cursor: changes.cursor, listing: null }, options);
  });
  return { opened: opened.map((writes) => ({ ...writes, leases: held })), leases: held, commit };
}

/** The news of one side that can be merged at once, each with its entity; the rest goes into the change set as marks. */
async function plainNews(
  context: EngineContext,
  { sync, side }: FollowedSide,
  marks: readonly Mark[],
  busy: Set<EntityId>,
  leases: Map<Shard, Lease>,
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly LoadedMark[]> {
  // Places in trees are looked at one by one. [S46]
  const records = hasTree(sync.model) ? [] : imagedRecords(marks);
  const found = await context.store.loadQuiet(sync.id, side, records, options);
  const entities = new Map<RecordId, StoredEntity>();
  for (let index = 0; index < records.length; index += 1) {
    const record = records[index];
    const entity = found[index] ?? null;
    // What another object of the same connection has just changed was loaded before that.
    if (record === undefined || entity === null || busy.has(entity.id)) continue;
    const shard = context.store.shardOf(entity.id);
    if (leases.has(shard) || (await holdShard(context, shard, leases, options))) entities.set(record, entity);
  }
  for (const { id } of entities.values()) busy.add(id);
  const plain: LoadedMark[] = [];
  for (const mark of marks) {
    const entity = entities.get(mark.record) ?? null;
    // Numbers below zero are no mark's: they only tell the news apart.
    if (entity === null) changes.marks.push(mark);
    else plain.push({ ...mark, sequence: -1 - plain.length, attempts: 0, entity });
  }
  return plain;
}

/** The records of which nothing but images is told, each once. */
function imagedRecords(marks: readonly Mark[]): readonly RecordId[] {
  const imaged = new Set<RecordId>();
  const hinted = new Set<RecordId>();
  for (const { kind, record, renamedFrom } of marks) {
    (kind === "image" && renamedFrom === null ? imaged : hinted).add(record);
    if (renamedFrom !== null) hinted.add(renamedFrom);
  }
  for (const record of hinted) imaged.delete(record);
  return [...imaged];
}

async function holdShard(context: EngineContext, shard: Shard, leases: Map<Shard, Lease>, options: CallOptions): Promise<boolean> {
  const lease = await takeShard(context, shard, options);
  if (lease !== null) leases.set(shard, lease);
  return lease !== null;
}

/** Opens the intents of what a merge made due in a live sync, where no guard is near; everything else stays due. [S28, S43] */
async function openWrites(
  context: EngineContext,
  sync: RunningSync,
  { kept, references }: Merged,
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly Omit<OpenedWrites, "leases">[]> {
  if (!context.mayWrite || context.states.get(sync.id) !== "live") return [];
  const opened: Omit<OpenedWrites, "leases">[] = [];
  const taken = new Set<Dispatch["due"]>();
  for (const [side, dispatches] of updatesBySide(context, sync, kept)) {
    if (!(await passesGuards(context, sync, side, dispatches, changes, options))) continue;
    for (const { due, intent } of dispatches) {
      taken.add(due);
      changes.intentsOpened.push(intent);
    }
    opened.push({ sync, side, dispatches, references });
  }
  changes.withoutDue(taken);
  return opened;
}

/** Updates that need not wait, parents' sides first. [S56] */
function updatesBySide(context: EngineContext, sync: RunningSync, kept: readonly Kept[]): ReadonlyMap<number, readonly Dispatch[]> {
  const nowMs = context.clock.nowMs();
  const bySide = new Map<number, Dispatch[]>();
  for (const [side, object] of sync.objects.entries()) {
    const dispatches: Dispatch[] = [];
    for (const { entity, updates } of kept) {
      for (const update of updates) {
        if (update.due.side === side && update.due.notBeforeMs <= nowMs) dispatches.push(openUpdate(context, sync, object, entity, update));
      }
    }
    if (dispatches.length > 0) bySide.set(side, dispatches);
  }
  return bySide;
}
