import type { EntityId } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { SyncId, SyncRow } from "../store/rows.ts";
import type { EngineContext, RunningSync } from "./context.ts";

/** How often tombstones are looked for. By elapsed time. Milliseconds. */
const COLLECT_MS = 600_000;
/** Entities looked at in one go, of each sync. */
const LOOK_MAX = 20_000;
/** No listing takes longer: a complete one that ended so long after a delete began after it. Milliseconds. */
const LISTING_MS_MAX = 86_400_000;

/**
 * Forgets entities that were deleted everywhere long ago, some thousand at a time. [S39] What comes of a collected one's records later (a hint that was held up, an id that is given out again) is nobody's,
 * and only a positive fresh reading makes a record of it. [S40] Their history stays in the journal.
 */
export class Collector {
  readonly #after = new Map<SyncId, EntityId>();
  #dueAtMs: number | null = null;

  /** Does its work now and then, however often it is called. */
  async pass(context: EngineContext, rows: readonly SyncRow[], options: CallOptions): Promise<void> {
    const elapsedMs = context.clock.elapsedMs();
    this.#dueAtMs ??= elapsedMs + COLLECT_MS;
    if (elapsedMs < this.#dueAtMs) return;
    this.#dueAtMs = elapsedMs + COLLECT_MS;
    for (const sync of context.syncs) {
      const row = rows.find(({ id }) => id === sync.id);
      const beforeMs = row === undefined ? null : tombstonesBeforeMs(context, sync, row);
      if (beforeMs === null || options.signal.aborted) continue;
      const after = this.#after.get(sync.id) ?? null;
      const { collected, last } = await context.store.collectTombstones({ sync: sync.id, beforeMs, after, limit: LOOK_MAX }, options);
      if (last === null) this.#after.delete(sync.id);
      else this.#after.set(sync.id, last);
      if (collected > 0) context.log.info("tombstones.collected", { sync: sync.model.name, collected });
    }
  }
}

/**
 * Who was deleted before this may be forgotten; null: nobody. It is older than the configured time, which covers how long feeds hold events and systems stay away; than any reading or request that may still
 * be on its way; and every side was listed to its end since, so that no system has anything left to tell of then. [S39] Epoch milliseconds.
 */
export function tombstonesBeforeMs(
  context: EngineContext,
  { objects, settings }: RunningSync,
  { state, listings }: SyncRow,
): number | null {
  if (state !== "live" || context.identity.restored) return null;
  const nowMs = context.clock.nowMs();
  let beforeMs = nowMs - settings.tombstoneMs;
  for (const [side, { capabilities }] of objects.entries()) {
    const lateMs = capabilities.staleReadMsMax + capabilities.requestDeadlineMs;
    const listedAtMs = listings.find((row) => row.side === side)?.completedAtMs ?? null;
    // A clock that was set back says nothing.
    if (listedAtMs === null || listedAtMs > nowMs) return null;
    beforeMs = Math.min(beforeMs, nowMs - lateMs, listedAtMs - LISTING_MS_MAX - lateMs);
  }
  return beforeMs;
}
