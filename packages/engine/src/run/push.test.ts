import { Stage, STAGE_OBJECT, STAGE_SYNC, UNCANCELLED } from "@accord/testkit";
import type { FakeCall, FakeObject, Fault, StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { drainAll } from "./drain.ts";

const REFUSING: FakeObject = {
  ...STAGE_OBJECT,
  columns: STAGE_OBJECT.columns.map((column) =>
    column.name === "name" ? { ...column, refuses: (cell: string) => (cell.startsWith("poison") ? "no poison here" : null) } : column,
  ),
};

async function agreed(options: StageOptions = {}, count = 1) {
  const stage = new Stage(options);
  for (let index = 0; index < count; index += 1)
    stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Old", amount: "1.00" });
  const context = await stage.goLive();
  return { stage, context, left: stage.idOf(stage.crm, { email: "u0@x.org" }), right: stage.idOf(stage.erp, { email: "u0@x.org" }) };
}

/** Counts the write calls that reach a system. */
function countWrites(
  stage: Stage,
  system: number,
  fault: (call: FakeCall, count: number) => Fault | null = () => null,
): { count: number; sizes: number[] } {
  const seen = { count: 0, sizes: [] as number[] };
  stage.system(system).faults = (call) => {
    if (call.method !== "write") return null;
    seen.count += 1;
    seen.sizes.push(call.size);
    return fault(call, seen.count);
  };
  return seen;
}

describe("refusals", () => {
  test("[S47] one poison among forty is found by halves and parked; the rest is written", async () => {
    const { stage, context } = await agreed(
      { systems: [{ name: "crm" }, { name: "erp", objects: [REFUSING], batch: "all-or-nothing" }], syncs: [STAGE_SYNC] },
      40,
    );
    for (const [index, id] of [...stage.crm.records("customers").keys()].entries())
      stage.crm.user.update("customers", id, { name: index === 17 ? "poison" : "New" });
    const calls = countWrites(stage, 1);
    await stage.settle(context);
    expect(stage.rows(stage.erp, ["name"]).filter((name) => name === "New")).toHaveLength(39);
    const parked = await context.store.listParked(10, UNCANCELLED);
    expect(parked).toMatchObject([{ state: "parked", reason: "no poison here" }]);
    expect(calls.count).toBeLessThan(40);
    const [row] = await context.store.readJournal({ kinds: ["refused"], limit: 5 }, UNCANCELLED);
    expect(row?.payload).toContain("no poison here");
  });

  test("[S30] what was refused is tried again when a person asks, or when the record changes", async () => {
    const { stage, context, left, right } = await agreed({ systems: [{ name: "crm" }, { name: "erp", objects: [REFUSING] }] });
    stage.crm.user.update("customers", left, { name: "poison" });
    await stage.settle(context);
    await stage.settle(context);
    expect(stage.erp.record("customers", right)?.["name"]).toBe("Old");
    const refusals = stage.state.journal.filter(({ kind }) => kind === "refused").length;
    expect(refusals).toBe(1);
    await context.store.retryParked(null, stage.clock.nowMs(), UNCANCELLED);
    await stage.settle(context);
    expect(stage.state.journal.filter(({ kind }) => kind === "refused")).toHaveLength(2);
    stage.crm.user.update("customers", left, { name: "fine" });
    await stage.settle(context);
    expect(stage.erp.record("customers", right)?.["name"]).toBe("fine");
    expect(await context.store.listParked(10, UNCANCELLED)).toEqual([]);
  });

  test("[S30] a value that the side cannot hold is parked before it is sent", async () => {
    const short: FakeObject = {
      ...STAGE_OBJECT,
      columns: STAGE_OBJECT.columns.map((column) => (column.name === "amount" ? { ...column, type: "integer" as const } : column)),
    };
    const { stage, context, left } = await agreed({
      systems: [{ name: "crm" }, { name: "erp", objects: [short] }],
      syncs: [{ ...STAGE_SYNC, fields: [{ name: "email" }, { name: "name" }, { name: "amount", type: "text" }] }],
    });
    const calls = countWrites(stage, 1);
    stage.crm.user.update("customers", left, { amount: "1.50" });
    await stage.settle(context);
    expect(calls.count).toBe(0);
    expect((await context.store.listParked(10, UNCANCELLED)).map(({ code }) => code)).toEqual(["ACCORD_UNFIT_VALUE"]);
  });

  test("[S37] a unique value held by an unlinked record of the same key links it; held by another entity it is parked, and the holder stays", async () => {
    const unique: FakeObject = { ...STAGE_OBJECT, uniques: [["email"]] };
    const { stage, context } = await agreed({ systems: [{ name: "crm" }, { name: "erp", objects: [unique] }] });
    stage.crm.user.insert("customers", { email: "new@x.org", name: "New" });
    await stage.sweepAll(context);
    const holder = stage.erp.user.insert("customers", { email: "new@x.org", name: "Theirs" });
    await stage.settle(context);
    expect(stage.entityOf(1, holder)).toBe(stage.entityOf(0, stage.idOf(stage.crm, { email: "new@x.org" })));
    expect(stage.erp.records("customers").size).toBe(2);

    stage.crm.user.update("customers", stage.idOf(stage.crm, { email: "new@x.org" }), { email: "u0@x.org" });
    await stage.settle(context);
    expect(stage.erp.records("customers").size).toBe(2);
    expect(await context.store.listParked(10, UNCANCELLED)).toMatchObject([{ code: "ACCORD_TAKEN" }]);
  });
});

describe("systems that do not take writes now", () => {
  test("[S30] what was surely not sent waits longer each time, and arrives once", async () => {
    const { stage, context, left, right } = await agreed();
    const calls = countWrites(stage, 1, () => ({ kind: "unavailable" }));
    stage.crm.user.update("customers", left, { name: "New" });
    await stage.sweepAll(context);
    const waits: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { nextAtMs } = await stage.drain(context);
      const waitMs = (nextAtMs ?? 0) - stage.clock.nowMs();
      waits.push(waitMs);
      await stage.clock.advance(waitMs);
    }
    expect(waits).toEqual([400, 800, 1_600, 3_200, 6_400]);
    expect(calls.count).toBe(5);
    stage.erp.faults = null;
    await stage.drain(context);
    expect(stage.erp.record("customers", right)?.["name"]).toBe("New");
  });

  test("[S30] a system that says how long to wait is left alone that long", async () => {
    const { stage, context, left } = await agreed();
    countWrites(stage, 1, () => ({ kind: "rateLimited", retryAfterMs: 7_000 }));
    stage.crm.user.update("customers", left, { name: "New" });
    await stage.sweepAll(context);
    const { nextAtMs } = await stage.drain(context);
    expect((nextAtMs ?? 0) - stage.clock.nowMs()).toBe(7_000);
  });
});

describe("records that change under a write", () => {
  test("[S30] a failed precondition is read, merged and written anew; a user's edit of the same field is a conflict, lost to nobody [I2]", async () => {
    const { stage, context, left, right } = await agreed();
    stage.crm.user.update("customers", left, { name: "Ours" });
    countWrites(stage, 1, (_, count) => {
      if (count === 1) stage.erp.user.update("customers", right, { name: "Theirs" });
      return null;
    });
    await stage.settle(context);
    expect(stage.rows(stage.crm)).toEqual(stage.rows(stage.erp));
    expect(stage.state.journal.map(({ payload }) => payload).join()).toMatch(/"lost":"(Ours|Theirs)"/);
  });

  test("[S30] [S38] a record that is missing at its write was deleted: the update wins and makes it again", async () => {
    const { stage, context, left, right } = await agreed();
    stage.crm.user.update("customers", left, { name: "Alive" });
    countWrites(stage, 1, (_, count) => {
      if (count === 1) stage.erp.user.delete("customers", right);
      return null;
    });
    await stage.settle(context);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Alive"]);
    expect(stage.idOf(stage.erp, { name: "Alive" })).not.toBe(right);
    expect(stage.rows(stage.crm, ["name"])).toEqual(["Alive"]);
  });

  test("[S38] a delete meets an edit made a moment before it: the edit wins [I2]", async () => {
    const { stage, context, left, right } = await agreed();
    stage.crm.user.delete("customers", left);
    countWrites(stage, 1, (_, count) => {
      if (count === 1) stage.erp.user.update("customers", right, { name: "Alive" });
      return null;
    });
    await stage.settle(context);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Alive"]);
    expect(stage.rows(stage.crm, ["name"])).toEqual(["Alive"]);
  });

  test("[S30] a record that is never as it was just read is parked after some tries, not tried for ever", async () => {
    const { stage, context, left } = await agreed({ limits: { attemptsMax: 3 } });
    const object = context.syncs[0]?.objects[1];
    if (object === undefined) throw new RangeError("no object");
    object.write = (operations) => Promise.resolve(operations.map(() => ({ kind: "changed" as const })));
    stage.crm.user.update("customers", left, { name: "New" });
    await stage.settle(context);
    expect((await context.store.listParked(10, UNCANCELLED)).map(({ code }) => code)).toEqual(["ACCORD_KEEPS_CHANGING"]);
  });
});

describe("archiving", () => {
  const object: FakeObject = {
    ...STAGE_OBJECT,
    columns: [...STAGE_OBJECT.columns, { name: "state", type: "text", nullable: true, default: "A" }],
  };
  const archiving: StageOptions = {
    objects: [object],
    syncs: [{ ...STAGE_SYNC, sides: [{}, { archive: { column: "state", cell: "X", restored: "A" } }] }],
  };

  test("[S38] a delete is an archive where the side declares one; [S40] un-archiving by hand brings the record back everywhere", async () => {
    const { stage, context, left, right } = await agreed(archiving);
    stage.crm.user.delete("customers", left);
    await stage.settle(context);
    expect(stage.erp.record("customers", right)).toMatchObject({ state: "X", name: "Old" });
    expect(stage.crm.records("customers").size).toBe(0);
    await stage.settle(context);
    expect(stage.crm.records("customers").size).toBe(0);

    stage.erp.user.update("customers", right, { state: "A" });
    await stage.settle(context);
    expect(stage.rows(stage.crm)).toEqual(["u0@x.org|Old|1.00"]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S38] archiving by hand deletes elsewhere, and a revival restores in place", async () => {
    const { stage, context, right } = await agreed(archiving);
    stage.erp.user.update("customers", right, { state: "X" });
    await stage.settle(context);
    expect(stage.crm.records("customers").size).toBe(0);
    await stage.ask(context, { kind: "revive", entity: stage.entityOf(1, right), body: {} });
    expect(stage.erp.record("customers", right)).toMatchObject({ state: "A" });
    expect(stage.rows(stage.crm)).toEqual(["u0@x.org|Old|1.00"]);
  });
});

describe("pace and direction", () => {
  test("[S56] edits within the quiet period are one write, and its wait is bounded by the first", async () => {
    const { stage, context, left, right } = await agreed({ settings: { quietMs: 2_000 } });
    const calls = countWrites(stage, 1);
    for (const name of ["N", "Ne", "New"]) {
      stage.crm.user.update("customers", left, { name });
      await stage.sweepAll(context);
      await drainAll(context, UNCANCELLED);
      expect(calls.count).toBe(0);
      await stage.clock.advance(700);
    }
    await drainAll(context, UNCANCELLED);
    expect(calls.count).toBe(1);
    expect(stage.erp.record("customers", right)?.["name"]).toBe("New");
  });

  test("[S17] `fill` writes only where the side is empty, and that is no difference", async () => {
    const policy = { kind: "owner", ranks: [0], revert: false, fill: true, blanks: [], verified: null } as const;
    const stage = new Stage({ syncs: [{ ...STAGE_SYNC, fields: [{ name: "email" }, { name: "name", policy }] }] });
    stage.crm.user.insert("customers", { email: "a@x.org", name: "Crm" });
    stage.crm.user.insert("customers", { email: "b@x.org", name: "Crm" });
    stage.erp.user.insert("customers", { email: "a@x.org", name: "Own" });
    stage.erp.user.insert("customers", { email: "b@x.org" });
    const context = await stage.goLive();
    expect(stage.rows(stage.erp, ["email", "name"])).toEqual(["a@x.org|Own", "b@x.org|Crm"]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test.each(["revert", "keep"] as const)("[S55] an edit of a one-way field at a reader's side: %s", async (drift) => {
    const { stage, context, left, right } = await agreed({
      syncs: [{ ...STAGE_SYNC, fields: [{ name: "email" }, { name: "name", from: [0], drift }] }],
    });
    stage.erp.user.update("customers", right, { name: "Theirs" });
    await stage.settle(context);
    await stage.settle(context);
    expect(stage.crm.record("customers", left)?.["name"]).toBe("Old");
    expect(stage.erp.record("customers", right)?.["name"]).toBe(drift === "revert" ? "Old" : "Theirs");
    expect(stage.state.journal.map(({ payload }) => payload).join()).toContain("Theirs");
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S15] [S29] a system that alters what it is given is reported once and written no more [I6]", async () => {
    const altering: FakeObject = {
      ...STAGE_OBJECT,
      columns: STAGE_OBJECT.columns.map((column) =>
        column.name === "name" ? { ...column, alter: (cell) => cell?.toUpperCase() ?? null } : column,
      ),
    };
    const { stage, context, left, right } = await agreed({ systems: [{ name: "crm" }, { name: "erp", objects: [altering] }] });
    stage.crm.user.update("customers", left, { name: "New" });
    const calls = countWrites(stage, 1);
    await stage.settle(context);
    await stage.settle(context);
    expect(calls.count).toBe(1);
    expect(stage.erp.record("customers", right)?.["name"]).toBe("NEW");
    expect(stage.crm.record("customers", left)?.["name"]).toBe("New");
    expect(stage.state.journal.some(({ kind, payload }) => kind === "write" && payload.includes('"altered":["name"]'))).toBe(true);
  });
});

describe("late calls", () => {
  test("[S31] intents that grew old while earlier batches were slow are opened anew before their call", async () => {
    const { stage, context } = await agreed(
      { systems: [{ name: "crm" }, { name: "erp", capabilities: { batchSizeMax: 1, requestDeadlineMs: 5_000 } }] },
      8,
    );
    for (const id of stage.crm.records("customers").keys()) stage.crm.user.update("customers", id, { name: "New" });
    const ages: number[] = [];
    stage.erp.faults = ({ method, atMs }) => {
      if (method !== "write") return null;
      ages.push(Math.max(...[...stage.state.intents.values()].map(({ deadlineMs }) => deadlineMs - atMs)));
      return { kind: "slow", durationMs: 3_000 };
    };
    await stage.sweepAll(context);
    await stage.drive(drainAll(context, UNCANCELLED));
    expect(ages).toHaveLength(8);
    expect(Math.min(...ages), "time left to each call").toBeGreaterThanOrEqual(5_000);
    expect(new Set(stage.rows(stage.erp, ["name"]))).toEqual(new Set(["New"]));
  });
});
