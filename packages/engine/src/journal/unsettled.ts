import type { IntentId } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { EngineContext } from "../run/context.ts";
import type { Intent, LoadedIntent, Shard } from "../store/rows.ts";

/** How long the requests of open intents may still take, by intent. Zero and less: they have ended. Milliseconds. Remembers when each was first seen. */
export function waitsOf(context: EngineContext, shard: Shard, intents: readonly LoadedIntent[]): ReadonlyMap<IntentId, number> {
  const nowMs = context.clock.elapsedMs();
  const before = context.unsettled.get(shard);
  const since = new Map(intents.map(({ id }) => [id, before?.get(id) ?? nowMs]));
  context.unsettled.set(shard, since);
  return new Map(intents.map(({ id, openedAtMs, deadlineMs }) => [id, (since.get(id) ?? nowMs) + deadlineMs - openedAtMs - nowMs]));
}

/** A call of this process's own came back without an outcome: from now on its time is counted. */
export function noteUnsettled(context: EngineContext, { id, entity }: Intent): void {
  const shard = context.store.shardOf(entity);
  const since = context.unsettled.get(shard) ?? new Map<IntentId, number>();
  context.unsettled.set(shard, since.set(id, context.clock.elapsedMs()));
}

/** Looks at what a predecessor left open, so that its time is counted from the start. Returns the longest that a request of it may still take: milliseconds, null where nothing is open. */
export async function noteOpenIntents(context: EngineContext, options: CallOptions): Promise<number | null> {
  let longestMs: number | null = null;
  for (let shard = 0; shard < context.identity.shards; shard += 1) {
    const intents = await context.store.loadOpenIntents(shard, context.limits.pushBatch, options);
    for (const waitMs of waitsOf(context, shard, intents).values()) longestMs = Math.max(longestMs ?? 0, waitMs);
  }
  return longestMs;
}
