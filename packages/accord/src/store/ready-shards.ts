import type { Shard } from "@accord/engine/store";
import { addShardsWithDue, nextDueAtMs } from "./due.ts";
import { overdueIntents } from "./intents.ts";
import { addShardsWithMarks, nextMarkAtMs } from "./marks.ts";
import type { OpenIntents } from "./open-intents.ts";
import { addShardsWithRequests } from "./requests.ts";
import type { Session } from "./session.ts";
import type { ShardOf } from "./shards.ts";

/** Shards with work, and when the next of what waits becomes ready. A few look-ups where nothing is, one per shard and kind of work where much is. */
export function readyShards(
  session: Session,
  intents: OpenIntents,
  shardOf: ShardOf,
  nowMs: number,
): { readonly shards: readonly Shard[]; readonly nextAtMs: number | null } {
  const ready = new Set<Shard>();
  addShardsWithMarks(session, intents, nowMs, ready);
  const nextRequestMs = addShardsWithRequests(session, nowMs, ready);
  addShardsWithDue(session, intents, nowMs, ready);
  const nextDeadlineMs = overdueIntents(intents, shardOf, nowMs, ready);
  const next = [nextMarkAtMs(session, nowMs), nextDueAtMs(session, nowMs), nextRequestMs, nextDeadlineMs].filter((atMs) => atMs !== null);
  return { shards: [...ready].toSorted((a, b) => a - b), nextAtMs: next.length === 0 ? null : Math.min(...next) };
}
