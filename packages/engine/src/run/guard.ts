import { checkGuards } from "@accord/core";
import type { Entity, GuardCounts, GuardLimits, GuardStop, OwedField } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { CreatePayload, WritePayload } from "../journal/payload.ts";
import type { GuardTallyRow } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { SeenRecords } from "./guard-ledger.ts";
import type { GuardTally } from "./guard-ledger.ts";
import type { Dispatch } from "./dispatch.ts";
import { trip, tripId } from "./trip.ts";

/** Guards count per hour. */
const WINDOW_MS = 3_600_000;
/** Journal entries looked at in one step. */
const JOURNAL_PAGE = 1_000;
/** A field emptied in more than this share of a side's records within a window is a mistake somewhere. */
const EMPTIED_SHARE_MAX = 0.2;

/** What a sync's settings allow. */
export function guardLimits({ settings }: RunningSync): GuardLimits {
  return { ...settings.guards, emptiedShareMax: EMPTIED_SHARE_MAX };
}

/**
 * Lets a batch of writes through, or stops the sync and asks. What was due before an approval passes: approval resumes where it stopped. [S43]
 * A stopped batch stays due as it is.
 */
export async function guardPush(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  dispatches: readonly Dispatch[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly Dispatch[]> {
  if (dispatches.length === 0) return dispatches;
  const tally = await tallyOf(context, sync, side, options);
  let counts = countsWith(sync, side, tally, dispatches);
  for (;;) {
    const stop = checkGuards(counts, guardLimits(sync));
    if (stop === null) break;
    if (await hasGrown(context, sync, side, tally, options)) {
      counts = { ...counts, records: tally.records };
      continue;
    }
    if (!(await isApproved(context, sync, side, stop, dispatches, options))) {
      changes.journal.push(await trip(context, sync, side, stop, options));
      return [];
    }
    // What was approved counts no more: else every later write within the window would ask again.
    counts = withoutApproved(counts, stop);
  }
  keepCounts(sync, side, tally, counts, dispatches, context.clock.nowMs(), changes);
  return dispatches;
}

/** Whether a batch is far from every guard. Then it is counted, with the change set that opens its intents; else nothing happens, and the ordinary way decides. [S43] */
export async function passesGuards(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  dispatches: readonly Dispatch[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<boolean> {
  const tally = await tallyOf(context, sync, side, options);
  const counts = countsWith(sync, side, tally, dispatches);
  if (checkGuards(counts, guardLimits(sync)) !== null) return false;
  keepCounts(sync, side, tally, counts, dispatches, context.clock.nowMs(), changes);
  return true;
}

/** The counts without what an approval of this stop covers. */
export function withoutApproved(counts: GuardCounts, { guard }: GuardStop): GuardCounts {
  switch (guard) {
    case "deletes":
    case "emptied-side":
      return { ...counts, deletes: 0 };
    case "rewrites":
      return { ...counts, rewrites: {} };
    case "emptied":
      return { ...counts, emptied: {} };
    case "all-changed":
      return { ...counts, changed: 0 };
    case "count":
    case "canary":
      return counts;
  }
}

/** Whether a write is of the kind that a guard counts. */
function isCounted({ guard }: GuardStop, { intent }: Dispatch): boolean {
  return guard === "deletes" || guard === "emptied-side" ? endsRecord(intent) : intent.kind === "update";
}

/** A merge ends a record as a delete does. */
function endsRecord({ kind }: Dispatch["intent"]): boolean {
  return kind === "delete" || kind === "archive" || kind === "merge";
}

/** What was let through at a side within the running hour. */
export async function tallyOf(context: EngineContext, sync: RunningSync, side: number, options: CallOptions): Promise<GuardTally> {
  const key = `${sync.id}/${side}`;
  const known = context.ledger.get(key);
  if (known !== undefined && context.clock.nowMs() - known.sinceMs < WINDOW_MS) return known;
  const tally = (await runningTally(context, sync, side, options)) ?? {
    sinceMs: context.clock.nowMs(),
    records: await countRecords(context, sync, side, options),
    deletes: 0,
    changed: new SeenRecords(),
    changedSinceMs: null,
    rewrites: new Map<string, number>(),
    emptied: new Map<string, number>(),
  };
  context.ledger.set(key, tally);
  return tally;
}

/** What an earlier process has let through within this very hour. */
async function runningTally(context: EngineContext, sync: RunningSync, side: number, options: CallOptions): Promise<GuardTally | null> {
  const row = await context.store.guardTally(sync.id, side, options);
  if (row === null || context.clock.nowMs() - row.sinceMs >= WINDOW_MS) return null;
  const { sinceMs, records, deletes, rewrites, emptied } = row;
  return {
    sinceMs,
    records,
    deletes,
    changed: await changedWithin(context, sync, row, options),
    changedSinceMs: row.changedSinceMs,
    rewrites: new Map(Object.entries(rewrites)),
    emptied: new Map(Object.entries(emptied)),
  };
}

/** The journal tells which records were written meanwhile: one of them that is rewritten again counts no more. */
async function changedWithin(
  context: EngineContext,
  sync: RunningSync,
  { side, records, changed, changedSinceMs }: GuardTallyRow,
  options: CallOptions,
): Promise<SeenRecords> {
  const seen = new SeenRecords(changed);
  if (changedSinceMs === null) return seen;
  const query = { sync: sync.id, kinds: ["write"], fromMs: changedSinceMs, limit: JOURNAL_PAGE } as const;
  let page = await context.store.readJournal(query, options);
  for (;;) {
    for (const { side: at, entity, payload } of page) {
      // The engine wrote this payload itself; what was erased since is counted once more at worst.
      const isUpdate =
        at === side && entity !== null && payload !== "" && (JSON.parse(payload) as WritePayload | CreatePayload).kind === "update";
      if (isUpdate) seen.recall(entity, records);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < JOURNAL_PAGE) return seen;
    page = await context.store.readJournal({ ...query, before: last.sequence }, options);
  }
}

async function countRecords(context: EngineContext, sync: RunningSync, side: number, options: CallOptions): Promise<number> {
  const state = await context.store.countState(options);
  return state.syncs.find((row) => row.sync === sync.id)?.members[side] ?? 0;
}

/** A window that began before a side was filled knows of too few records: looked at again before anything is stopped. */
export async function hasGrown(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  tally: GuardTally,
  options: CallOptions,
): Promise<boolean> {
  const records = await countRecords(context, sync, side, options);
  if (records <= tally.records) return false;
  tally.records = records;
  return true;
}

function countsWith(sync: RunningSync, side: number, tally: GuardTally, dispatches: readonly Dispatch[]): GuardCounts {
  const rewrites = new Map(tally.rewrites);
  const emptied = new Map(tally.emptied);
  let { deletes } = tally;
  let changed = tally.changed.count;
  for (const { intent, entity, fields } of dispatches) {
    // What was let through and is tried again is no second write.
    if (intent.attempt > 1) continue;
    if (endsRecord(intent)) deletes += 1;
    if (intent.kind !== "update") continue;
    if (isRewritten(sync, entity, fields) && !tally.changed.has(entity.id)) changed += 1;
    for (const { field, before, after } of fields) {
      const name = sync.model.fields[field]?.name ?? String(field);
      if (before !== null && before !== undefined) rewrites.set(name, (rewrites.get(name) ?? 0) + 1);
      if (before !== null && before !== undefined && after === null) emptied.set(name, (emptied.get(name) ?? 0) + 1);
    }
  }
  return {
    side: sync.model.sides[side]?.name ?? "",
    records: tally.records,
    deletes,
    rewrites: Object.fromEntries(rewrites),
    emptied: Object.fromEntries(emptied),
    changed,
  };
}

/**
 * Whether a write replaces a value because somebody changed it at another side: what first contact, a decision or an undo writes, a person has seen. Counts do not count: they
 * move all day, and add up whatever they do.
 */
export function isRewritten({ model }: RunningSync, entity: Entity, fields: readonly OwedField[]): boolean {
  return fields.some(({ field, before, after }) => {
    if (model.fields[field]?.policy.kind === "counter") return false;
    const cause = entity.fields[field]?.provenance.cause;
    return before !== null && before !== undefined && after !== undefined && (cause === "user" || cause === "policy");
  });
}

function keepCounts(
  sync: RunningSync,
  side: number,
  tally: GuardTally,
  counts: GuardCounts,
  dispatches: readonly Dispatch[],
  nowMs: number,
  changes: ChangeSet,
): void {
  if (!dispatches.some(({ intent }) => intent.kind !== "create")) return;
  tally.deletes = counts.deletes;
  // Nothing counts after an approval.
  if (counts.changed === 0) {
    tally.changed.clear();
    tally.changedSinceMs = null;
  } else {
    tally.changedSinceMs ??= nowMs;
    for (const { intent, entity, fields } of dispatches)
      if (intent.kind === "update" && intent.attempt === 1 && isRewritten(sync, entity, fields))
        tally.changed.add(entity.id, tally.records);
  }
  tally.rewrites.clear();
  tally.emptied.clear();
  for (const [name, count] of Object.entries(counts.rewrites)) tally.rewrites.set(name, count);
  for (const [name, count] of Object.entries(counts.emptied)) tally.emptied.set(name, count);
  const { records, deletes, rewrites, emptied } = counts;
  const { sinceMs, changed, changedSinceMs } = tally;
  changes.guarded.push({ sync: sync.id, side, sinceMs, records, deletes, changed: changed.count, changedSinceMs, rewrites, emptied });
}

async function isApproved(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  stop: GuardStop,
  dispatches: readonly Dispatch[],
  options: CallOptions,
): Promise<boolean> {
  const id = tripId(sync, side, stop);
  const approvedAtMs = (await context.store.listTrips(options)).find((known) => known.id === id)?.approvedAtMs ?? null;
  return approvedAtMs !== null && dispatches.every((one) => !isCounted(stop, one) || one.due.sinceMs <= approvedAtMs);
}
