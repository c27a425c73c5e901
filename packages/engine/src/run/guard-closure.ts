import { checkGuards } from "@accord/core";
import type { GuardCounts, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { ChangeSet } from "./changes.ts";
import type { ClosureCounts } from "./closure.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { guardLimits, hasGrown, tallyOf, withoutApproved } from "./guard.ts";
import { trip, tripId } from "./trip.ts";

/**
 * Whether what follows a deletion at one side may be carried out: counted as a whole, on top of what was let through within the hour, before anything of it is. [S43, S45] Where not, the sync is
 * paused and a person asked; what was deleted before the approval passes. A plan shows its own counts.
 *
 * @param sinceMs when the first deletion was made. Epoch milliseconds
 */
export async function guardClosure(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  more: ClosureCounts,
  sinceMs: number,
  changes: ChangeSet,
  options: CallOptions,
): Promise<boolean> {
  if (!context.mayWrite || (more.deletes === 0 && Object.keys(more.emptied).length === 0)) return true;
  const tally = await tallyOf(context, sync, side, options);
  let counts: GuardCounts = {
    side: sync.model.sides[side]?.name ?? "",
    records: tally.records,
    deletes: tally.deletes + more.deletes,
    rewrites: added(tally.rewrites.counts, more.emptied),
    emptied: added(tally.emptied.counts, more.emptied),
    changed: tally.changed.count,
  };
  for (;;) {
    const stop = checkGuards(counts, guardLimits(sync));
    if (stop === null) return true;
    if (await hasGrown(context, sync, side, tally, options)) {
      counts = { ...counts, records: tally.records };
      continue;
    }
    const id = tripId(sync, side, stop);
    const approvedAtMs = (await context.store.listTrips(options)).find((known) => known.id === id)?.approvedAtMs ?? null;
    if (approvedAtMs === null || sinceMs > approvedAtMs) {
      changes.journal.push(await trip(context, sync, side, stop, options));
      return false;
    }
    counts = withoutApproved(counts, stop);
  }
}

function added(known: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>): Record<string, number> {
  const sum: Record<string, number> = { ...known };
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
