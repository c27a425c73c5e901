import { checkGuards } from "@accord/core";
import type { Entity, GuardCounts, GuardLimits, GuardStop, OwedField } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { CreatePayload, WritePayload } from "../journal/payload.ts";
import type { GuardTallyRow } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { SeenByField, SeenRecords } from "./guard-ledger.ts";
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
    rewrites: new SeenByField(),
    emptied: new SeenByField(),
  };
  context.ledger.set(key, tally);
  return tally;
}

/** What an earlier process has let through within this very hour. */
async function runningTally(context: EngineContext, sync: RunningSync, side: number, options: CallOptions): Promise<GuardTally | null> {
  const row = await context.store.guardTally(sync.id, side, options);
  if (row === null || context.clock.nowMs() - row.sinceMs >= WINDOW_MS) return null;
  const tally: GuardTally = {
    sinceMs: row.sinceMs,
    records: row.records,
    deletes: row.deletes,
    changed: new SeenRecords(row.changed),
    changedSinceMs: row.changedSinceMs,
    rewrites: new SeenByField(row.rewrites, row.rewritesSinceMs),
    emptied: new SeenByField(row.emptied, row.emptiedSinceMs),
  };
  await recallWrites(context, sync, side, tally, options);
  return tally;
}

/** The journal tells which records were written meanwhile: one of them that is rewritten again counts no more. */
async function recallWrites(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  { records, changed, changedSinceMs, rewrites, emptied }: GuardTally,
  options: CallOptions,
): Promise<void> {
  const fromMs = Math.min(changedSinceMs ?? Infinity, rewrites.sinceMs ?? Infinity, emptied.sinceMs ?? Infinity);
  if (fromMs === Infinity) return;
  const query = { sync: sync.id, kinds: ["write"], fromMs, limit: JOURNAL_PAGE } as const;
  let page = await context.store.readJournal(query, options);
  for (;;) {
    for (const { side: at, entity, atMs, payload } of page) {
      if (at !== side || entity === null || payload === "") continue;
      // The engine wrote this payload itself; what was erased since is counted once more at worst.
      const write = JSON.parse(payload) as WritePayload | CreatePayload;
      if (write.kind !== "update") continue;
      if (isSince(atMs, changedSinceMs)) changed.recall(entity, records);
      for (const { field, before, after } of write.fields) {
        if (before === null || before === undefined) continue;
        if (isSince(atMs, rewrites.sinceMs)) rewrites.recall(field, entity, records);
        if (after === null && isSince(atMs, emptied.sinceMs)) emptied.recall(field, entity, records);
      }
    }
    const last = page.at(-1);
    if (last === undefined || page.length < JOURNAL_PAGE) return;
    page = await context.store.readJournal({ ...query, before: last.sequence }, options);
  }
}

function isSince(atMs: number, sinceMs: number | null): boolean {
  return sinceMs !== null && atMs >= sinceMs;
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
  const rewrites = new Map(Object.entries(tally.rewrites.counts));
  const emptied = new Map(Object.entries(tally.emptied.counts));
  let { deletes } = tally;
  let changed = tally.changed.count;
  for (const { intent, entity, fields } of dispatches) {
    // What was let through and is tried again is no second write.
    if (intent.attempt > 1) continue;
    if (endsRecord(intent)) deletes += 1;
    if (intent.kind !== "update") continue;
    if (isRewritten(sync, entity, fields) && !tally.changed.has(entity.id)) changed += 1;
    for (const { name, isBounded, isEmptied } of rewrittenFields(sync, fields)) {
      if (isBounded && !tally.rewrites.has(name, entity.id)) rewrites.set(name, (rewrites.get(name) ?? 0) + 1);
      if (isEmptied && !tally.emptied.has(name, entity.id)) emptied.set(name, (emptied.get(name) ?? 0) + 1);
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

/** The fields of a write that replace a value, counts included; whether rewriting them is bounded, and whether they are emptied. */
function rewrittenFields(
  { model, settings }: RunningSync,
  fields: readonly OwedField[],
): readonly { readonly name: string; readonly isBounded: boolean; readonly isEmptied: boolean }[] {
  return fields.flatMap(({ field, before, after }) => {
    const name = model.fields[field]?.name ?? String(field);
    const isBounded = settings.guards.rewritesShareMax[name] !== undefined;
    return before === null || before === undefined ? [] : [{ name, isBounded, isEmptied: after === null }];
  });
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
  if (Object.keys(counts.rewrites).length === 0) tally.rewrites.clear();
  if (Object.keys(counts.emptied).length === 0) tally.emptied.clear();
  for (const { intent, entity, fields } of dispatches) {
    if (intent.kind !== "update" || intent.attempt !== 1) continue;
    for (const { name, isBounded, isEmptied } of rewrittenFields(sync, fields)) {
      if (isBounded && counts.rewrites[name] !== undefined) tally.rewrites.add(name, entity.id, tally.records, nowMs);
      if (isEmptied && counts.emptied[name] !== undefined) tally.emptied.add(name, entity.id, tally.records, nowMs);
    }
  }
  changes.guarded.push(rowOf(sync, side, tally));
}

function rowOf(sync: RunningSync, side: number, tally: GuardTally): GuardTallyRow {
  const { sinceMs, records, deletes, changed, changedSinceMs, rewrites, emptied } = tally;
  return {
    sync: sync.id,
    side,
    sinceMs,
    records,
    deletes,
    changed: changed.count,
    changedSinceMs,
    rewrites: rewrites.counts,
    rewritesSinceMs: rewrites.sinceMs,
    emptied: emptied.counts,
    emptiedSinceMs: emptied.sinceMs,
  };
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
