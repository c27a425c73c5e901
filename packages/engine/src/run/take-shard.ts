import type { CallOptions } from "../host/host.ts";
import type { Lease, Shard } from "../store/rows.ts";
import type { EngineContext } from "./context.ts";

/** The shard's lease: the one already held while two thirds of its time are left, else a renewed or new one. */
export async function takeShard(context: EngineContext, shard: Shard, options: CallOptions): Promise<Lease | null> {
  const nowMs = context.clock.nowMs();
  const name = `shard:${shard}` as const;
  const held = context.leases.get(name);
  if (held !== undefined && held.expiresAtMs - nowMs > (context.limits.leaseMs * 2) / 3) return held;
  const lease = await context.store.takeLease(name, context.holder, nowMs + context.limits.leaseMs, nowMs, options);
  if (lease === null) context.leases.delete(name);
  else context.leases.set(name, lease);
  return lease;
}
