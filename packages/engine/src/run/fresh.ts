import type { OpenObject } from "../connector/connector.ts";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import { noteUnsettled } from "../journal/unsettled.ts";
import type { Lease } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext } from "./context.ts";
import type { Dispatch } from "./dispatch.ts";
import { startWithinMs } from "./limits.ts";

/** When a request of an intent opened at `openedAtMs` has ended, whether or not anybody heard of it. Epoch milliseconds. [S31] */
export function deadlineOf(context: EngineContext, openedAtMs: number, object: OpenObject): number {
  return openedAtMs + startWithinMs(context.limits) + object.capabilities.requestDeadlineMs;
}

/**
 * What stands between a late call and a deadline that has passed already: intents that were opened a while ago (earlier batches were slow, the process was paused)
 * are opened anew just before their call. The commit checks the lease, so that a worker paused past it writes nothing. [S31, S32, S54] `confirm` opens those that are
 * not durable yet. @throws ACCORD_LEASE_LOST
 */
export async function keepFresh<One extends Pick<Dispatch, "intent">>(
  context: EngineContext,
  leases: readonly Lease[],
  object: OpenObject,
  batch: readonly One[],
  options: CallOptions,
  confirm?: () => Promise<void>,
): Promise<readonly One[]> {
  const nowMs = context.clock.nowMs();
  const endsAtMs = deadlineOf(context, nowMs, object);
  for (const lease of leases) await outlast(context, lease, endsAtMs, options);
  if (batch.every(({ intent }) => nowMs - intent.openedAtMs <= startWithinMs(context.limits))) return batch;
  await confirm?.();
  const fresh = batch.map((one) => ({ ...one, intent: { ...one.intent, openedAtMs: nowMs, deadlineMs: endsAtMs } }));
  const changes = new ChangeSet();
  for (const { intent } of fresh) {
    changes.intentsClosed.push(intent.id);
    changes.intentsOpened.push(intent);
    noteUnsettled(context, intent);
  }
  await context.store.commit(leases, changes, options);
  return fresh;
}

/** The lease ends after the request does: it is renewed before a call that could outlast it. [S32] @throws ACCORD_LEASE_LOST */
async function outlast(context: EngineContext, lease: Lease, deadlineMs: number, options: CallOptions): Promise<void> {
  const held = context.leases.get(lease.name) ?? lease;
  if (held.expiresAtMs >= deadlineMs) return;
  const nowMs = context.clock.nowMs();
  const renewed = await context.store.takeLease(lease.name, context.holder, nowMs + context.limits.leaseMs, nowMs, options);
  if (renewed === null || renewed.epoch !== lease.epoch)
    throw new AccordError("ACCORD_LEASE_LOST", "Another process has taken over this shard.", { remedy: "stop" });
  context.leases.set(lease.name, renewed);
}
