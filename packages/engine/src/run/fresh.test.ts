import { Stage, UNCANCELLED } from "@accord/testkit";
import { expect, test } from "vitest";
import type { EngineContext } from "./context.ts";
import { takeShard } from "./take-shard.ts";
import { deadlineOf, keepFresh } from "./fresh.ts";
import { DEFAULT_LIMITS, requestMsMax, startWithinMs } from "./limits.ts";

async function holding(): Promise<{ readonly stage: Stage; readonly context: EngineContext }> {
  const systems = ["crm", "erp"].map((name) => ({ name, capabilities: { requestDeadlineMs: requestMsMax(DEFAULT_LIMITS) } }));
  const stage = new Stage({ systems });
  const context = await stage.context();
  return { stage, context };
}

test("[S32] whatever the lease, a write that begins in time under a fresh one ends before it", () => {
  for (const leaseMs of [1_000, 2_000, 15_000, 60_000, 600_000]) {
    expect(requestMsMax({ leaseMs })).toBeGreaterThanOrEqual(leaseMs / 2);
    expect(startWithinMs({ leaseMs }) + requestMsMax({ leaseMs })).toBeLessThan(leaseMs);
  }
});

test("[S32] [S54] a lease that a call could outlast is renewed before it", async () => {
  const { stage, context } = await holding();
  const lease = await takeShard(context, 0, UNCANCELLED);
  const object = context.syncs[0]?.objects[1];
  if (lease === null || object === undefined) throw new Error("the stage is set");
  await keepFresh(context, [lease], object, [], UNCANCELLED);
  expect(context.leases.get("shard:0")).toEqual(lease);
  await stage.clock.advance(4_000);
  await keepFresh(context, [lease], object, [], UNCANCELLED);
  const held = context.leases.get("shard:0");
  expect(held?.epoch).toBe(lease.epoch);
  expect(held?.expiresAtMs).toBeGreaterThanOrEqual(deadlineOf(context, stage.clock.nowMs(), object));
});

test("[S32] [S54] a worker that was paused past its lease does not call once another has taken over", async () => {
  const { stage, context } = await holding();
  const lease = await takeShard(context, 0, UNCANCELLED);
  const object = context.syncs[0]?.objects[1];
  if (lease === null || object === undefined) throw new Error("the stage is set");
  await stage.clock.advance(DEFAULT_LIMITS.leaseMs + 1);
  await takeShard(await stage.context({ holder: "another" }), 0, UNCANCELLED);
  await expect(keepFresh(context, [lease], object, [], UNCANCELLED)).rejects.toMatchObject({ code: "ACCORD_LEASE_LOST" });
});
