import type { GuardStop } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { JournalEntry, SyncId, SyncState } from "../store/rows.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { pausedFrom } from "./paused-from.ts";
import type { TripPayload } from "./paused-from.ts";

/** What people approve: `customers/erp/deletes`. Emptying a side is the same question as deleting much of it. */
export function guardId(sync: string, side: string, stop: GuardStop): string {
  return `${sync}/${side}/${stop.guard === "emptied-side" ? "deletes" : stop.guard}`;
}

export function tripId(sync: RunningSync, side: number, stop: GuardStop): string {
  return guardId(sync.model.name, sync.model.sides[side]?.name ?? String(side), stop);
}

/** Pauses the sync and asks. Returns the entry for the journal, which the caller commits. [S43, I14] */
export async function trip(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  stop: GuardStop,
  options: CallOptions,
): Promise<JournalEntry> {
  const nowMs = context.clock.nowMs();
  const id = tripId(sync, side, stop);
  const reason = `${stop.reason}; nothing more is written until you approve: accord approve ${id}`;
  const stateBefore = await stateBeforePause(context, sync.id, options);
  await context.store.tripGuard(
    { id, sync: sync.id, guard: stop.guard, reason: stop.reason, trippedAtMs: nowMs, approvedAtMs: null },
    reason,
    options,
  );
  context.states.set(sync.id, "paused");
  if (stateBefore === "planned") context.pilots.add(sync.id);
  context.log.error("guard.tripped", { sync: sync.model.name, side: sync.model.sides[side]?.name, guard: stop.guard });
  const payload: TripPayload = { guard: stop.guard, reason: stop.reason, stateBefore };
  return { run: context.run, atMs: nowMs, sync: sync.id, entity: null, side, kind: "guard", payload: JSON.stringify(payload) };
}

/** What the sync is now or, while a guard has it paused, was before the first that did. */
async function stateBeforePause(context: EngineContext, sync: SyncId, options: CallOptions): Promise<SyncState> {
  const state = context.states.get(sync) ?? "live";
  return state === "paused" ? ((await pausedFrom(context.store, sync, options)) ?? "live") : state;
}
