import { checkGuards } from "@accord/core";
import type { GuardCounts, GuardStop } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import type { GuardTally } from "./guard-ledger.ts";
import type { Dispatch } from "./dispatch.ts";

/** Guards count per hour. */
const WINDOW_MS = 3_600_000;
/** A field emptied in more than this share of a side's records within a window is a mistake somewhere. */
export const EMPTIED_SHARE_MAX = 0.2;

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
    const stop = checkGuards(counts, { ...sync.settings.guards, emptiedShareMax: EMPTIED_SHARE_MAX });
    if (stop === null) break;
    if (await hasGrown(context, sync, side, tally, options)) {
      counts = { ...counts, records: tally.records };
      continue;
    }
    if (!(await isApproved(context, sync, side, stop, dispatches, options))) {
      await trip(context, sync, side, stop, changes, options);
      return [];
    }
    // What was approved counts no more: else every later write within the window would ask again.
    counts = withoutApproved(counts, stop);
  }
  keepCounts(tally, counts);
  return dispatches;
}

function withoutApproved(counts: GuardCounts, { guard }: GuardStop): GuardCounts {
  switch (guard) {
    case "deletes":
    case "emptied-side":
      return { ...counts, deletes: 0 };
    case "rewrites":
      return { ...counts, rewrites: {} };
    case "emptied":
      return { ...counts, emptied: {} };
  }
}

/** Whether a write is of the kind that a guard counts. */
function isCounted({ guard }: GuardStop, { intent }: Dispatch): boolean {
  const isDelete = intent.kind === "delete" || intent.kind === "archive";
  return guard === "deletes" || guard === "emptied-side" ? isDelete : intent.kind === "update";
}

async function tallyOf(context: EngineContext, sync: RunningSync, side: number, options: CallOptions): Promise<GuardTally> {
  const key = `${sync.id}/${side}`;
  const known = context.ledger.get(key);
  if (known !== undefined && context.clock.nowMs() - known.sinceMs < WINDOW_MS) return known;
  const records = await countRecords(context, sync, side, options);
  const fresh: GuardTally = { sinceMs: context.clock.nowMs(), records, deletes: 0, rewrites: new Map(), emptied: new Map() };
  context.ledger.set(key, fresh);
  return fresh;
}

async function countRecords(context: EngineContext, sync: RunningSync, side: number, options: CallOptions): Promise<number> {
  const state = await context.store.countState(options);
  return state.syncs.find((row) => row.sync === sync.id)?.members[side] ?? 0;
}

/** A window that began before a side was filled knows of too few records: looked at again before anything is stopped. */
async function hasGrown(
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
  let deletes = tally.deletes;
  for (const { intent, fields } of dispatches) {
    // What was let through and is tried again is no second write.
    if (intent.attempt > 1) continue;
    if (intent.kind === "delete" || intent.kind === "archive") deletes += 1;
    if (intent.kind !== "update") continue;
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
  };
}

function keepCounts(tally: GuardTally, counts: GuardCounts): void {
  tally.deletes = counts.deletes;
  tally.rewrites.clear();
  tally.emptied.clear();
  for (const [name, count] of Object.entries(counts.rewrites)) tally.rewrites.set(name, count);
  for (const [name, count] of Object.entries(counts.emptied)) tally.emptied.set(name, count);
}

/** What people approve: `customers/erp/deletes`. Emptying a side is the same question as deleting much of it. */
export function guardId(sync: string, side: string, stop: GuardStop): string {
  return `${sync}/${side}/${stop.guard === "emptied-side" ? "deletes" : stop.guard}`;
}

function tripId(sync: RunningSync, side: number, stop: GuardStop): string {
  return guardId(sync.model.name, sync.model.sides[side]?.name ?? String(side), stop);
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

async function trip(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  stop: GuardStop,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  const nowMs = context.clock.nowMs();
  const id = tripId(sync, side, stop);
  const reason = `${stop.reason}; nothing more is written until you approve: accord approve ${id}`;
  await context.store.tripGuard(
    { id, sync: sync.id, guard: stop.guard, reason: stop.reason, trippedAtMs: nowMs, approvedAtMs: null },
    options,
  );
  const stateBefore = context.states.get(sync.id) ?? "live";
  await context.store.setSyncState(sync.id, "paused", reason, options);
  context.states.set(sync.id, "paused");
  context.log.error("guard.tripped", { sync: sync.model.name, side: sync.model.sides[side]?.name, guard: stop.guard });
  changes.journal.push({
    run: context.run,
    atMs: nowMs,
    sync: sync.id,
    entity: null,
    side,
    kind: "guard",
    payload: JSON.stringify({ guard: stop.guard, reason: stop.reason, stateBefore }),
  });
}
