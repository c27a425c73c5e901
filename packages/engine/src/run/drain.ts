import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import { recoverShard } from "../journal/recover.ts";
import type { Lease, Shard } from "../store/rows.ts";
import { refreshStates } from "./context.ts";
import type { EngineContext } from "./context.ts";
import { mergeShard } from "./merge.ts";
import { pushShard } from "./push.ts";
import { answerRequests } from "./requests.ts";
import { takeShard } from "./take-shard.ts";

/** What a drain left behind. */
export interface Drained {
  /** False: another process holds the shard. */
  readonly held: boolean;
  /** Whether anything of it moved. */
  readonly worked: boolean;
  /** When something of the shard becomes ready that could not be done now; null where nothing waits. Epoch milliseconds. */
  readonly nextAtMs: number | null;
}

/**
 * The unit of work: carries one shard through merge, push and settle until nothing of it is ready. Safe to call more than once and from any process: the lease's
 * epoch fences every commit, so a stale holder changes nothing. [S54]
 */
export async function drain(context: EngineContext, shard: Shard, options: CallOptions): Promise<Drained> {
  const lease = await takeShard(context, shard, options);
  if (lease === null) return heldElsewhere(context, shard, options);
  try {
    await refreshStates(context, options);
    return { held: true, ...(await drainLeased(context, lease, shard, options)) };
  } catch (error) {
    if (!(error instanceof AccordError) || error.code !== "ACCORD_LEASE_LOST") throw error;
    context.leases.delete(lease.name);
    return heldElsewhere(context, shard, options);
  }
}

async function heldElsewhere(context: EngineContext, shard: Shard, options: CallOptions): Promise<Drained> {
  const other = await context.store.leaseHolder(`shard:${shard}`, options);
  return { held: false, worked: false, nextAtMs: other?.expiresAtMs ?? null };
}

/** Gives back every lease that this process holds, so that the next one need not wait for their end. */
export async function releaseLeases(context: EngineContext, options: CallOptions): Promise<void> {
  for (const lease of context.leases.values()) await context.store.releaseLease(lease, options);
  context.leases.clear();
}

async function drainLeased(
  context: EngineContext,
  lease: Lease,
  shard: Shard,
  options: CallOptions,
): Promise<{ readonly worked: boolean; readonly nextAtMs: number | null }> {
  let current = lease;
  let worked = false;
  for (;;) {
    options.signal.throwIfAborted();
    const recovered = await recoverShard(context, current, shard, options);
    // What is known to have happened comes first: what is asked for is decided on that. [S45]
    const merged = await mergeShard(context, current, shard, options);
    const answered = await answerRequests(context, current, shard, options);
    const pushed = context.mayWrite ? await pushShard(context, current, shard, options) : 0;
    if (recovered.closed + answered + merged + pushed === 0) return { worked, nextAtMs: recovered.nextAtMs };
    worked = true;
    current = await renew(context, shard, options);
  }
}

async function renew(context: EngineContext, shard: Shard, options: CallOptions): Promise<Lease> {
  const lease = await takeShard(context, shard, options);
  if (lease === null) throw new AccordError("ACCORD_LEASE_LOST", "Another process has taken over this shard.", { remedy: "stop" });
  return lease;
}

/** Drains every shard that has something ready, until none makes progress, or until others wait for their turn. Returns when to come back. */
export async function drainAll(
  context: EngineContext,
  options: CallOptions,
  isAwaited: () => boolean = () => false,
): Promise<{ readonly nextAtMs: number | null }> {
  for (;;) {
    const { shards, nextAtMs } = await context.store.readyShards(context.clock.nowMs(), options);
    let next = nextAtMs;
    let hasWorked = false;
    for (const shard of shards) {
      const drained = await drain(context, shard, options);
      hasWorked ||= drained.worked;
      next = earlier(next, drained.nextAtMs);
    }
    if (!hasWorked || isAwaited()) return { nextAtMs: next };
  }
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
