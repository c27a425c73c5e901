import { Stage, STAGE_SYNC, UNCANCELLED } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { refreshStates } from "./context.ts";
import type { EngineContext } from "./context.ts";
import { releaseLeases } from "./drain.ts";
import { pausedFrom } from "./paused-from.ts";
import type { GuardSettings } from "./settings.ts";

const NONE: GuardSettings = {
  deletesMax: null,
  deletesShareMax: 1,
  rewritesShareMax: {},
  changedShareMax: 1,
  countShareMax: null,
  canaries: {},
};

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

/** Eight records of twenty are deleted, which was approved, and some time has passed. */
async function approvedDeletes(): Promise<Awaited<ReturnType<typeof guarded>>> {
  const world = await guarded({ deletesMax: 5 });
  for (const id of world.ids.slice(0, 8)) world.stage.crm.user.delete("customers", id);
  await world.stage.settle(world.context);
  await approve(world.stage, world.context);
  await world.stage.settle(world.context);
  await world.stage.clock.advance(1_000);
  return world;
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
    const { stage, context, ids } = await approvedDeletes();
    stage.crm.user.update("customers", ids[10] ?? "", { name: "New" });
    stage.crm.user.delete("customers", ids[11] ?? "");
    await stage.settle(context);
    expect(await waiting(context)).toEqual([]);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  });

  test("[S43] a second mass delete after an approval asks again", async () => {
    const { stage, context, ids } = await approvedDeletes();
    for (const id of ids.slice(8, 16)) stage.crm.user.delete("customers", id);
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/erp/deletes"]);
  });

  test("[S43] [I13] a process that dies and is started again is held to what was let through within the hour, and to no more after it", async () => {
    const { stage, context: first, ids } = await guarded({ deletesMax: 5 });
    await releaseLeases(first, UNCANCELLED);
    for (const [index, id] of ids.slice(0, 5).entries()) {
      stage.crm.user.delete("customers", id);
      // Each in a process of its own, of which nothing is left.
      const context = await stage.context({ holder: `life ${index}` });
      await stage.settle(context);
      await releaseLeases(context, UNCANCELLED);
    }
    expect(stage.erp.records("customers").size).toBe(15);
    stage.crm.user.delete("customers", ids[5] ?? "");
    const context = await stage.context({ holder: "the last" });
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/erp/deletes"]);
    expect(stage.erp.records("customers").size).toBe(15);
    await approve(stage, context);
    await stage.settle(context);
    await stage.clock.advance(3_600_000);
    for (const id of ids.slice(6, 10)) stage.crm.user.delete("customers", id);
    await stage.settle(context);
    expect(await waiting(context)).toEqual([]);
    expect(stage.erp.records("customers").size).toBe(10);
  });

  test("[S43] [I13] a record that is changed again and again counts once as changed, however many processes there were", async () => {
    const { stage, context: first, ids } = await guarded({ changedShareMax: 0.9 }, 60);
    await releaseLeases(first, UNCANCELLED);
    for (const name of ["A", "B", "C"]) {
      for (const id of ids.slice(0, 50)) stage.crm.user.update("customers", id, { name });
      const context = await stage.context({ holder: name });
      await stage.settle(context);
      await releaseLeases(context, UNCANCELLED);
      expect(await waiting(context)).toEqual([]);
    }
    for (const id of ids.slice(50)) stage.crm.user.update("customers", id, { name: "D" });
    const context = await stage.context({ holder: "D" });
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/erp/all-changed"]);
  });

  test("[S43] [I13] bounds of a field count records: one that is rewritten or emptied again and again is one, however many processes there were", async () => {
    const { stage, context: first, ids } = await guarded({ rewritesShareMax: { name: 0.5 } }, 60);
    await releaseLeases(first, UNCANCELLED);
    // Ten records, each five times; two of them are emptied each time.
    for (const [life, name] of ["A", "B", "C", "D", "E"].entries()) {
      for (const id of ids.slice(2, 12)) stage.crm.user.update("customers", id, { name });
      const context = await stage.context({ holder: name });
      await stage.settle(context);
      for (const id of ids.slice(0, 10)) stage.crm.user.update("customers", id, { name: null });
      await stage.settle(context);
      await releaseLeases(context, UNCANCELLED);
      expect([life, await waiting(context)]).toEqual([life, []]);
    }
    for (const id of ids.slice(12, 31)) stage.crm.user.update("customers", id, { name: "F" });
    const context = await stage.context({ holder: "F" });
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/erp/rewrites"]);
    await approve(stage, context);
    await stage.settle(context);
    for (const id of ids.slice(31, 34)) stage.crm.user.update("customers", id, { name: null });
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/erp/emptied"]);
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

  test("[S43] nearly all records rewritten stop, in whatever fields, and approval lets the rest through", async () => {
    const { stage, context, ids } = await guarded({ changedShareMax: 0.8 }, 60);
    for (const [index, id] of ids.entries()) stage.crm.user.update("customers", id, index % 2 === 0 ? { name: "New" } : { amount: "2.00" });
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/erp/all-changed"]);
    await approve(stage, context);
    await stage.settle(context);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  });

  test("[S43] a record that changes again and again is one, and counts that move are none", async () => {
    const stage = new Stage({
      settings: { guards: { ...NONE, changedShareMax: 0.5 } },
      syncs: [
        {
          ...STAGE_SYNC,
          fields: [{ name: "email" }, { name: "name" }, { name: "amount", type: "decimal", policy: { kind: "counter", floor: null } }],
        },
      ],
    });
    for (let index = 0; index < 60; index += 1)
      stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Old", amount: "1.00" });
    const context = await stage.goLive();
    const ids = [...stage.crm.records("customers").keys()];
    for (let round = 0; round < 8; round += 1) {
      for (const id of ids.slice(0, 10)) stage.crm.user.update("customers", id, { name: `Round ${round}` });
      for (const id of ids) stage.crm.user.update("customers", id, { amount: `${round + 2}.00` });
      await stage.settle(context);
    }
    expect(await waiting(context)).toEqual([]);
    expect(context.ledger.get("1/1")?.changed.count).toBe(10);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  });

  test("[S43] what first contact rewrites has been planned: it is no mass change", async () => {
    const stage = new Stage({ settings: { guards: { ...NONE, changedShareMax: 0.1 } } });
    for (let index = 0; index < 60; index += 1) {
      stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Left", amount: "1.00" });
      stage.erp.user.insert("customers", { email: `u${index}@x.org`, name: "Right", amount: "1.00" });
    }
    const context = await stage.goLive();
    expect(await waiting(context)).toEqual([]);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  });

  test("[S43] a list that lost most of its records is not believed: nothing is read, concluded or deleted until a person approves", async () => {
    const { stage, context, ids } = await guarded({ countShareMax: 0.5 }, 60);
    await stage.settle(context);
    for (const id of ids.slice(0, 40)) stage.crm.user.delete("customers", id);
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/crm/count"]);
    expect((await context.store.listTrips(UNCANCELLED))[0]?.reason).toBe(
      "crm lists 20 records where 60 were known: 40 are missing, more than 50 %",
    );
    await stage.settle(context);
    expect(await context.store.countMarks(UNCANCELLED)).toBe(0);
    expect(stage.erp.records("customers").size).toBe(60);
    await stage.clock.advance(1_000);
    await approve(stage, context);
    await stage.settle(context);
    expect(stage.erp.records("customers").size).toBe(20);
    await stage.clock.advance(1_000);
    for (const id of stage.crm.records("customers").keys()) stage.crm.user.delete("customers", id);
    await stage.settle(context);
    expect([await waiting(context), stage.erp.records("customers").size]).toEqual([["customers/crm/count"], 20]);
  });

  test("[S43] a list with many more records than before is not believed either", async () => {
    const { stage, context } = await guarded({ countShareMax: 0.5 }, 120);
    await stage.settle(context);
    for (let index = 0; index < 70; index += 1) stage.crm.user.insert("customers", { email: `again${index}@x.org`, name: "Twin" });
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/crm/count"]);
    expect(stage.erp.records("customers").size).toBe(120);
  });

  test("[S43] a plan of a list that is not believed, or of a dead canary, is not applied before a person approves", async () => {
    for (const guards of [{ countShareMax: 0.5 }, { canaries: { crm: ["1"] } }]) {
      const { stage, context, ids } = await guarded(guards, 60);
      await stage.settle(context);
      await releaseLeases(context, UNCANCELLED);
      for (const id of ids.slice(0, 40)) stage.crm.user.delete("customers", id);
      const planned = await stage.plan();
      expect(planned.summary.stops).toHaveLength(1);
      const applying = await stage.context();
      await expect(stage.apply(applying, planned)).rejects.toMatchObject({ code: "ACCORD_GUARD_STOP" });
      expect(stage.erp.records("customers").size).toBe(60);
      await stage.clock.advance(1_000);
      await approve(stage, applying);
      const again = await stage.plan();
      expect(again.summary.stops).toEqual([]);
      await stage.apply(await stage.context(), again);
      expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
    }
  });

  test("[S43] a canary that changes pauses the sync before anything that came with it is written; approved, it is what it is now", async () => {
    const { stage, context, ids } = await guarded({ canaries: { crm: ["3"] } });
    for (const id of ids) stage.crm.user.update("customers", id, { name: "New" });
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/crm/canary"]);
    expect((await context.store.listTrips(UNCANCELLED))[0]?.reason).toBe("the canary record 3 of crm changed");
    expect(stage.rows(stage.erp, ["name"]).filter((name) => name === "New")).toEqual([]);
    const [row] = await context.store.readJournal({ kinds: ["guard"], limit: 1 }, UNCANCELLED);
    expect(JSON.parse(row?.payload ?? "{}")).toMatchObject({ guard: "canary", stateBefore: "live" });
    await stage.clock.advance(1_000);
    await approve(stage, context);
    await stage.settle(context);
    expect(await waiting(context)).toEqual([]);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
    stage.crm.user.delete("customers", "3");
    await stage.settle(context);
    expect(await waiting(context)).toEqual(["customers/crm/canary"]);
    expect(stage.erp.records("customers").size).toBe(20);
  });

  test("[S43] [S60] a guard that trips in a pilot leaves the sync planned: after the approval nothing flows but what the pilot released", async () => {
    const stage = new Stage({ settings: { guards: { ...NONE, deletesMax: 0 } } });
    for (let index = 0; index < 5; index += 1) stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Old" });
    await stage.goLive();
    const context = await stage.context();
    await context.store.setSyncState(1, "planned", null, UNCANCELLED);
    await refreshStates(context, UNCANCELLED);
    stage.crm.user.delete("customers", "1");
    await stage.sweepAll(context);
    await stage.drain(context);
    await context.store.releaseDue(1, null, stage.clock.nowMs(), UNCANCELLED);
    await stage.drain(context);
    expect([context.states.get(1), [...context.pilots]]).toEqual(["paused", [1]]);
    stage.crm.user.update("customers", "2", { name: "New" });
    await stage.sweepAll(context);
    await stage.drain(context);
    const due = await context.store.countDue(UNCANCELLED);
    expect(due.map(({ state, count }) => [state, count])).toEqual(expect.arrayContaining([["held", 1]]));
    expect(await pausedFrom(context.store, 1, UNCANCELLED)).toBe("planned");
  });
});
