import { Stage, UNCANCELLED } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { EngineContext } from "./context.ts";
import type { GuardSettings } from "./settings.ts";

const NONE: GuardSettings = { deletesMax: null, deletesShareMax: 1, rewritesShareMax: {} };

async function guarded(
  guards: Partial<GuardSettings>,
  count = 20,
): Promise<{ stage: Stage; context: EngineContext; ids: readonly string[] }> {
  const stage = new Stage({ settings: { guards: { ...NONE, ...guards } } });
  for (let index = 0; index < count; index += 1)
    stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Old", amount: "1.00" });
  const context = await stage.goLive();
  return { stage, context, ids: [...stage.crm.records("customers").keys()] };
}

/** As `accord approve` does. */
async function approve(stage: Stage, context: EngineContext): Promise<void> {
  for (const trip of await context.store.listTrips(UNCANCELLED)) await context.store.approveTrip(trip.id, stage.clock.nowMs(), UNCANCELLED);
  await context.store.setSyncState(1, "live", null, UNCANCELLED);
}

async function waiting(context: EngineContext): Promise<readonly string[]> {
  return (await context.store.listTrips(UNCANCELLED)).filter(({ approvedAtMs }) => approvedAtMs === null).map(({ id }) => id);
}

describe("guards", () => {
  test("[S43] [I13] too many deletes stop the sync before the first; approval resumes where it stopped", async () => {
    const { stage, context, ids } = await guarded({ deletesShareMax: 0.25 });
    for (const id of ids.slice(0, 8)) stage.crm.user.delete("customers", id);
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/erp/deletes"]);
    expect(context.states.get(1)).toBe("paused");
    expect(stage.erp.records("customers").size).toBeGreaterThanOrEqual(20 - 5);
    await approve(stage, context);
    await stage.settle(context);
    expect(stage.erp.records("customers").size).toBe(12);
  });

  test("[S43] after an approval ordinary writes and single deletes go on without asking again", async () => {
    const { stage, context, ids } = await guarded({ deletesMax: 5 });
    for (const id of ids.slice(0, 8)) stage.crm.user.delete("customers", id);
    await stage.settle(context);
    await approve(stage, context);
    await stage.settle(context);
    await stage.clock.advance(1_000);
    stage.crm.user.update("customers", ids[10] ?? "", { name: "New" });
    stage.crm.user.delete("customers", ids[11] ?? "");
    await stage.settle(context);
    expect(await waiting(context)).toEqual([]);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  });

  test("[S43] a second mass delete after an approval asks again", async () => {
    const { stage, context, ids } = await guarded({ deletesMax: 5 });
    for (const id of ids.slice(0, 8)) stage.crm.user.delete("customers", id);
    await stage.settle(context);
    await approve(stage, context);
    await stage.settle(context);
    await stage.clock.advance(1_000);
    for (const id of ids.slice(8, 16)) stage.crm.user.delete("customers", id);
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/erp/deletes"]);
  });

  test("[S43] deletes are counted per hour, over batches, and each once however often it is tried", async () => {
    const { stage, context, ids } = await guarded({ deletesMax: 5 });
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "unavailable" } : null);
    stage.crm.user.delete("customers", ids[0] ?? "");
    await stage.sweepAll(context);
    for (let round = 0; round < 10; round += 1) {
      await stage.drain(context);
      await stage.clock.advance(60_000);
    }
    expect(await waiting(context)).toEqual([]);
    stage.erp.faults = null;
    for (const id of ids.slice(1, 5)) {
      stage.crm.user.delete("customers", id);
      await stage.settle(context);
    }
    expect(await waiting(context)).toEqual([]);
    stage.crm.user.delete("customers", ids[5] ?? "");
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/erp/deletes"]);
  });

  test("[S43] an emptied side is the same question as deleting much of it", async () => {
    const { stage, context } = await guarded({});
    stage.crm.user.empty("customers");
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/erp/deletes"]);
    expect(stage.erp.records("customers").size).toBeGreaterThan(0);
  });

  test("[S43] a field emptied or rewritten in too many records stops", async () => {
    const emptied = await guarded({});
    for (const id of emptied.ids) emptied.stage.crm.user.update("customers", id, { name: null });
    await emptied.stage.settle(emptied.context);
    expect(await waiting(emptied.context)).toEqual(["customers/erp/emptied"]);

    const rewritten = await guarded({ rewritesShareMax: { name: 0.3 } });
    for (const id of rewritten.ids) rewritten.stage.crm.user.update("customers", id, { name: "New", amount: "2.00" });
    await rewritten.stage.settle(rewritten.context);
    expect(await waiting(rewritten.context)).toEqual(["customers/erp/rewrites"]);
    await approve(rewritten.stage, rewritten.context);
    await rewritten.stage.settle(rewritten.context);
    expect(rewritten.stage.rows(rewritten.stage.erp)).toEqual(rewritten.stage.rows(rewritten.stage.crm));
  });

  test("[S43] what trips at once for two reasons is asked twice", async () => {
    const { stage, context, ids } = await guarded({ deletesMax: 3, rewritesShareMax: { name: 0.1 } });
    for (const id of ids.slice(0, 10)) stage.crm.user.delete("customers", id);
    for (const id of ids.slice(10)) stage.crm.user.update("customers", id, { name: "New" });
    for (let round = 0; round < 3; round += 1) {
      await stage.settle(context);
      if (round < 2) await approve(stage, context);
    }
    expect((await context.store.listTrips(UNCANCELLED)).map(({ guard }) => guard).toSorted()).toEqual(["deletes", "rewrites"]);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  });

  test("[S43] [I14] a trip is in the journal with its reason", async () => {
    const { stage, context } = await guarded({ deletesMax: 0 });
    stage.crm.user.delete("customers", "1");
    await stage.settle(context);
    const [row] = await context.store.readJournal({ kinds: ["guard"], limit: 1 }, UNCANCELLED);
    expect(JSON.parse(row?.payload ?? "{}")).toEqual({
      guard: "deletes",
      reason: "1 deletes are due at erp, more than the 0 allowed",
      stateBefore: "live",
    });
  });
});
