import type { OpenObject } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { Lease } from "../store/store.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext } from "./context.ts";
import type { Dispatch } from "./dispatch.ts";

/** A call begins within this of the commit that opened its intents, or they are opened anew. Milliseconds. */
const START_WITHIN_MS = 2_000;

/** When a request of an intent opened at `openedAtMs` has ended, whether or not anybody heard of it. Epoch milliseconds. [S31] */
export function deadlineOf(openedAtMs: number, object: OpenObject): number {
  return openedAtMs + START_WITHIN_MS + object.capabilities.requestDeadlineMs;
}

/**
 * What stands between a late call and a deadline that has passed already: intents that were opened a while ago (earlier batches were slow, the process was paused)
 * are opened anew just before their call. The commit checks the lease, so that a worker paused past it writes nothing. [S31, S32, S54] @throws ACCORD_LEASE_LOST
 */
export async function keepFresh(
  context: EngineContext,
  lease: Lease,
  object: OpenObject,
  batch: readonly Dispatch[],
  options: CallOptions,
): Promise<readonly Dispatch[]> {
  const nowMs = context.clock.nowMs();
  if (batch.every(({ intent }) => nowMs - intent.openedAtMs <= START_WITHIN_MS)) return batch;
  const fresh = batch.map((one) => ({ ...one, intent: { ...one.intent, openedAtMs: nowMs, deadlineMs: deadlineOf(nowMs, object) } }));
  const changes = new ChangeSet();
  for (const { intent } of fresh) {
    changes.intentsClosed.push(intent.id);
    changes.intentsOpened.push(intent);
  }
  await context.store.commit(lease, changes, options);
  return fresh;
}
