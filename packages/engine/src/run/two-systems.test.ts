import { createFakeWorld, drive, engineBench, memoryStore, MemoryState, UNCANCELLED } from "@accord/testkit";
import type { BenchField, FakeSystem, FakeWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { applyPlan, drainUntilQuiet } from "./apply.ts";
import type { EngineContext } from "./context.ts";
import { makePlan } from "./plan.ts";
import { sweep } from "./list.ts";
import { planUndo } from "../journal/undo.ts";
import { drainAll, releaseLeases } from "./drain.ts";
import { checkEpochs } from "./epoch.ts";
import { runLive } from "./run.ts";
import type { GuardSettings } from "./settings.ts";
import { verify } from "./verify.ts";
import type { Difference } from "./verify.ts";

const COLUMNS = [
  { name: "id", type: "integer", generated: true },
  { name: "email", type: "text", nullable: true },
  { name: "name", type: "text", nullable: true },
  { name: "amount", type: "decimal", scale: 2, nullable: true },
  { name: "note", type: "text", nullable: true, default: "untouched" },
] as const;

interface Stage {
  readonly world: FakeWorld;
  readonly crm: FakeSystem;
  readonly erp: FakeSystem;
  readonly state: MemoryState;
  context(mayWrite?: boolean, guards?: GuardSettings): Promise<EngineContext>;
}

const FIELDS: readonly BenchField[] = [{ name: "email" }, { name: "name" }, { name: "amount", type: "decimal" }];

function stage(fields: readonly BenchField[] = FIELDS, match: readonly (readonly string[])[] = [["email"]]): Stage {
  const world = createFakeWorld({ seed: 7 });
  const object = { name: "customers", key: ["id"], columns: COLUMNS };
  const crm = world.add({ name: "crm", objects: [object] });
  const erp = world.add({ name: "erp", objects: [object] });
  const state = new MemoryState();
  const connections = [crm.connect(), erp.connect()];
  const codecs = async (system: number, column: string) => {
    const [schema] = (await connections[system]?.discover(UNCANCELLED)) ?? [];
    const codec = schema?.columns.find(({ name }) => name === column)?.codec;
    if (codec === null || codec === undefined) throw new RangeError(column);
    return codec;
  };
  return {
    world,
    crm,
    erp,
    state,
    async context(mayWrite = true, guards?: GuardSettings) {
      const sides = [];
      for (const [index, connection] of connections.entries()) {
        await connection.install(["customers"], "do", UNCANCELLED);
        const byColumn = new Map<string, Awaited<ReturnType<typeof codecs>>>();
        for (const { name } of COLUMNS) byColumn.set(name, await codecs(index, name));
        sides.push({
          connection: connection.name,
          object: "customers",
          key: "id",
          codecOf(column: string) {
            const codec = byColumn.get(column);
            if (codec === undefined) throw new RangeError(column);
            return codec;
          },
        });
      }
      return engineBench({
        host: world.host,
        store: memoryStore(state),
        connections,
        syncs: [{ name: "customers", fields, sides, match }],
        mayWrite,
        ...(guards === undefined ? {} : { settings: { guards } }),
      });
    },
  };
}

async function goLive(at: Stage): Promise<EngineContext> {
  const planning = await at.context(false);
  const { plan, summary } = await makePlan(planning, UNCANCELLED);
  const context = await at.context();
  await applyPlan(context, plan, summary, { sample: null, entities: null }, UNCANCELLED);
  return context;
}

async function settleAll(at: Stage, context: EngineContext): Promise<void> {
  for (const sync of context.syncs) {
    for (let side = 0; side < sync.objects.length; side += 1) await drive(at.world.host.clock, sweep(context, sync, side, UNCANCELLED));
  }
  await drive(at.world.host.clock, drainUntilQuiet(context, UNCANCELLED));
}

/** The rows of a system without their ids, as text, in order. */
function rows(system: FakeSystem): string[] {
  return [...system.records("customers").values()].map(({ email, name, amount, note }) => [email, name, amount, note].join("|")).toSorted();
}

function idOf(system: FakeSystem, email: string | null, name?: string): string {
  for (const [id, record] of system.records("customers")) {
    if (record["email"] === email && (name === undefined || record["name"] === name)) return id;
  }
  throw new RangeError(`no record ${email ?? ""} ${name ?? ""}`);
}

/** Two systems that agree on Ann, live. */
async function agreed(fields: readonly BenchField[] = FIELDS): Promise<{ at: Stage; context: EngineContext; left: string; right: string }> {
  const at = stage(fields);
  at.crm.user.insert("customers", { email: "ann@x.org", name: "Ann", amount: "10.00" });
  const context = await goLive(at);
  return { at, context, left: idOf(at.crm, "ann@x.org"), right: idOf(at.erp, "ann@x.org") };
}

async function differencesOf(context: EngineContext): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  await verify(context, (difference) => differences.push(difference), UNCANCELLED);
  return differences;
}

describe("first contact", () => {
  test("[S36] links by key, creates what is missing, and both sides agree", async () => {
    const at = stage();
    at.crm.user.insert("customers", { email: "ann@x.org", name: "Ann", amount: "1.50" });
    at.crm.user.insert("customers", { email: "bob@x.org", name: "Bob" });
    at.erp.user.insert("customers", { email: "ANN@x.org", name: "Anna", amount: null });
    at.erp.user.insert("customers", { email: "cid@x.org", name: "Cid", amount: "3.00" });
    const context = await goLive(at);
    expect(rows(at.erp)).toEqual(["ann@x.org|Ann|1.50|untouched", "bob@x.org|Bob||untouched", "cid@x.org|Cid|3.00|untouched"]);
    expect(rows(at.crm)).toEqual(rows(at.erp));
    expect(await differencesOf(context)).toEqual([]);
  });

  test("[S60] a plan writes nothing, and what changed since it is left alone and named", async () => {
    const at = stage();
    const ann = at.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
    at.crm.user.insert("customers", { email: "bob@x.org", name: "Bob" });
    const planning = await at.context(false);
    const { plan, summary } = await makePlan(planning, UNCANCELLED);
    expect(rows(at.erp)).toEqual([]);
    expect(summary.syncs[0]?.sides[1]?.operations.create).toBe(2);

    at.crm.user.update("customers", ann, { name: "Anne" });
    await settleAll(at, planning);
    const context = await at.context();
    const applied = await applyPlan(context, plan, summary, { sample: null, entities: null }, UNCANCELLED);
    expect(applied).toMatchObject({ released: 1, changed: [{ kind: "create" }] });
    expect(rows(at.erp)).toEqual(["bob@x.org|Bob||untouched"]);
  });

  test("[S36] two records with one key on either end go to review, and none is created for them", async () => {
    const at = stage();
    at.crm.user.insert("customers", { email: "twin@x.org", name: "One" });
    at.erp.user.insert("customers", { email: "twin@x.org", name: "A" });
    at.erp.user.insert("customers", { email: "twin@x.org", name: "B" });
    const context = await goLive(at);
    const problems = await context.store.listProblems(10, UNCANCELLED);
    expect(problems.map(({ kind }) => kind)).toEqual(["ambiguous", "ambiguous"]);
    expect(at.crm.records("customers").size).toBe(1);
  });
});

describe("live", () => {
  test("[S28] an edit on one side arrives on the other, and another sweep writes nothing [I6]", async () => {
    const { at, context, left, right } = await agreed();
    at.crm.user.update("customers", left, { name: "Anne" });
    await settleAll(at, context);
    expect(at.erp.record("customers", right)).toMatchObject({ name: "Anne", note: "untouched" });
    const before = [at.crm.history.last, at.erp.history.last];
    await settleAll(at, context);
    await settleAll(at, context);
    expect([at.crm.history.last, at.erp.history.last]).toEqual(before);
  });

  test("[S13] edits of different fields of one record on both sides merge", async () => {
    const { at, context, left, right } = await agreed();
    at.crm.user.update("customers", left, { name: "Anne" });
    at.erp.user.update("customers", right, { amount: "12.00" });
    await settleAll(at, context);
    expect(rows(at.crm)).toEqual(["ann@x.org|Anne|12.00|untouched"]);
    expect(rows(at.erp)).toEqual(rows(at.crm));
  });

  test("[S23] a true conflict under review freezes the field until a person decides", async () => {
    const { at, context, left, right } = await agreed([{ name: "email" }, { name: "name", policy: { kind: "review" } }]);
    at.crm.user.update("customers", left, { name: "Left" });
    at.erp.user.update("customers", right, { name: "Right" });
    await settleAll(at, context);
    expect(at.crm.record("customers", left)?.["name"]).toBe("Left");
    expect(at.erp.record("customers", right)?.["name"]).toBe("Right");
    const [review] = await context.store.listReviews(10, UNCANCELLED);
    if (review === undefined) throw new RangeError("no review");
    await context.store.addRequests(
      [
        {
          ...review,
          kind: "decide",
          body: JSON.stringify({ field: "name", value: "Both" }),
          run: context.run,
          atMs: at.world.host.clock.nowMs(),
        },
      ],
      UNCANCELLED,
    );
    await drive(at.world.host.clock, drainUntilQuiet(context, UNCANCELLED));
    expect(at.crm.record("customers", left)?.["name"]).toBe("Both");
    expect(at.erp.record("customers", right)?.["name"]).toBe("Both");
  });

  test("[S19] a count sold on one side and restocked on the other at once ends right [I8]", async () => {
    const { at, context, left, right } = await agreed([
      { name: "email" },
      { name: "amount", type: "decimal", policy: { kind: "counter", floor: "0", absolute: null } },
    ]);
    at.crm.user.update("customers", left, { amount: "7.00" });
    at.erp.user.update("customers", right, { amount: "30.00" });
    await settleAll(at, context);
    expect(at.crm.record("customers", left)?.["amount"]).toBe("27.00");
    expect(at.erp.record("customers", right)?.["amount"]).toBe("27.00");
  });

  test("[S38] a delete propagates, and against an update the update wins", async () => {
    const { at, context, left, right } = await agreed();
    at.crm.user.delete("customers", left);
    await settleAll(at, context);
    expect(at.erp.records("customers").size).toBe(0);

    const second = await agreed();
    second.at.crm.user.delete("customers", second.left);
    second.at.erp.user.update("customers", second.right, { name: "Alive" });
    await settleAll(second.at, second.context);
    expect(rows(second.at.crm)).toEqual(["ann@x.org|Alive|10.00|untouched"]);
    expect(rows(second.at.erp)).toEqual(rows(second.at.crm));
    expect(right).toBe(second.right);
  });

  test("[S29] a user's edit between our read and our write is not overwritten [I2]", async () => {
    const { at, context, left, right } = await agreed();
    at.crm.user.update("customers", left, { name: "Anne" });
    let hasEdited = false;
    at.erp.faults = (call) => {
      if (call.method === "write" && !hasEdited) {
        hasEdited = true;
        at.erp.user.update("customers", right, { amount: "99.00" });
      }
      return null;
    };
    await settleAll(at, context);
    at.erp.faults = null;
    await settleAll(at, context);
    expect(rows(at.crm)).toEqual(["ann@x.org|Anne|99.00|untouched"]);
    expect(rows(at.erp)).toEqual(rows(at.crm));
  });

  test("[S30] a record that one side refuses is parked with the reason and does not hold up others", async () => {
    const { at, context } = await agreed();
    at.crm.user.insert("customers", { email: "poison@x.org", name: "x".repeat(5000) });
    at.crm.user.insert("customers", { email: "fine@x.org", name: "Fine" });
    at.erp.faults = null;
    await settleAll(at, context);
    expect(at.erp.records("customers").size).toBeGreaterThanOrEqual(2);
  });
});

describe("undo", () => {
  test("[S59] a pilot is undone on the side it wrote to, and the next plan shows it again", async () => {
    const at = stage();
    at.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
    at.crm.user.insert("customers", { email: "new@x.org", name: "New" });
    at.erp.user.insert("customers", { email: "ann@x.org", name: "Old name" });
    const planning = await at.context(false);
    const { plan, summary } = await makePlan(planning, UNCANCELLED);
    const pilot = await at.context();
    await applyPlan(pilot, plan, summary, { sample: 10, entities: null }, UNCANCELLED);
    expect(rows(at.erp)).toEqual(["ann@x.org|Ann||untouched", "new@x.org|New||untouched"]);

    const undoing = await at.context();
    const items = await planUndo(undoing, { run: pilot.run }, UNCANCELLED);
    const requests = items.map((item) => ({
      sync: 1,
      entity: item.entity,
      kind: "undo" as const,
      body: JSON.stringify(item),
      run: undoing.run,
      atMs: 0,
    }));
    await undoing.store.addRequests(requests, UNCANCELLED);
    await drive(at.world.host.clock, drainUntilQuiet(undoing, UNCANCELLED));
    expect(rows(at.erp)).toEqual(["ann@x.org|Old name||untouched"]);
    expect(rows(at.crm)).toEqual(["ann@x.org|Ann||untouched", "new@x.org|New||untouched"]);

    const again = await makePlan(await at.context(false), UNCANCELLED);
    expect(again.summary.syncs[0]?.sides[1]?.operations).toMatchObject({ create: 1, update: 1 });
    const whole = await at.context();
    await applyPlan(whole, again.plan, again.summary, { sample: null, entities: null }, UNCANCELLED);
    expect(rows(at.erp)).toEqual(rows(at.crm));
  });

  test("[S59] a live run is undone everywhere, but for what a user changed since", async () => {
    const { at, left, right } = await agreed();
    const context = await at.context();
    at.crm.user.update("customers", left, { name: "Wrong", amount: "1.00" });
    await settleAll(at, context);
    at.erp.user.update("customers", right, { amount: "2.00" });
    const later = await at.context();
    await settleAll(at, later);
    const items = await planUndo(later, { run: context.run }, UNCANCELLED);
    const requests = items.map((item) => ({
      sync: 1,
      entity: item.entity,
      kind: "undo" as const,
      body: JSON.stringify(item),
      run: later.run,
      atMs: 0,
    }));
    await later.store.addRequests(requests, UNCANCELLED);
    await drive(at.world.host.clock, drainUntilQuiet(later, UNCANCELLED));
    expect(rows(at.crm)).toEqual(["ann@x.org|Ann|2.00|untouched"]);
    expect(rows(at.erp)).toEqual(rows(at.crm));
  });
});

describe("guards and crashes", () => {
  test("[S43] a mass delete stops before it spreads, and goes on once approved", async () => {
    const at = stage();
    for (let index = 0; index < 40; index += 1) at.crm.user.insert("customers", { email: `u${index}@x.org`, name: "U" });
    await goLive(at);
    const context = await at.context(true, {
      deletesMax: null,
      deletesShareMax: 0.1,
      rewritesShareMax: {},
      changedShareMax: 1,
      countShareMax: null,
      canaries: {},
    });
    for (const id of at.crm.records("customers").keys()) at.crm.user.delete("customers", id);
    await settleAll(at, context);
    expect(at.erp.records("customers").size).toBeGreaterThanOrEqual(36);
    const [trip] = await context.store.listTrips(UNCANCELLED);
    expect(trip?.reason).toMatch(/deleted/);
    expect(context.states.get(1)).toBe("paused");

    await context.store.approveTrip(trip?.id ?? "", at.world.host.clock.nowMs(), UNCANCELLED);
    await context.store.setSyncState(1, "live", null, UNCANCELLED);
    await drive(at.world.host.clock, drainUntilQuiet(context, UNCANCELLED));
    expect(at.erp.records("customers").size).toBe(0);
  });

  test("[S31] [S32] an answer lost after the effect is found by its proof and not written twice [I8]", async () => {
    const { at, context, left, right } = await agreed([
      { name: "email" },
      { name: "amount", type: "decimal", policy: { kind: "counter", floor: null, absolute: null } },
    ]);
    at.crm.user.update("customers", left, { amount: "11.00" });
    let hasFailed = false;
    at.erp.faults = (call) => {
      if (call.method !== "write" || hasFailed) return null;
      hasFailed = true;
      return { kind: "lostReply" };
    };
    for (const [side] of context.syncs[0]?.objects.entries() ?? []) {
      const sync = context.syncs[0];
      if (sync !== undefined) await sweep(context, sync, side, UNCANCELLED);
    }
    await drive(at.world.host.clock, drainAll(context, UNCANCELLED));
    at.erp.user.update("customers", right, { amount: "21.00" });
    await at.world.host.clock.advance(120_000);
    at.erp.faults = null;
    await settleAll(at, await at.context());
    expect(hasFailed).toBe(true);
    expect(at.crm.record("customers", left)?.["amount"]).toBe("21.00");
    expect(at.erp.record("customers", right)?.["amount"]).toBe("21.00");
  });

  test("[S35] a create whose answer was lost is adopted, never made twice [I4]", async () => {
    const { at, context } = await agreed();
    at.crm.user.insert("customers", { email: "new@x.org", name: "New" });
    at.erp.faults = (call) => (call.method === "write" ? { kind: "lostReply" } : null);
    const sync = context.syncs[0];
    if (sync === undefined) throw new RangeError("no sync");
    await sweep(context, sync, 0, UNCANCELLED);
    await drive(at.world.host.clock, drainAll(context, UNCANCELLED));
    at.erp.faults = null;
    await at.world.host.clock.advance(120_000);
    await settleAll(at, await at.context());
    expect([...at.erp.records("customers").values()].filter(({ email }) => email === "new@x.org")).toHaveLength(1);
    expect(await differencesOf(context)).toEqual([]);
  });
});

describe("a store restored from a backup", () => {
  test("[S58] links come back from the proof rows, counts are not counted twice, and nothing is made twice", async () => {
    const fields: readonly BenchField[] = [{ name: "name" }, { name: "amount", type: "decimal", policy: { kind: "counter", floor: null } }];
    const at = stage(fields, [["name"]]);
    at.crm.user.insert("customers", { email: "ann@x.org", name: "Ann", amount: "10.00" });
    const context = await goLive(at);
    const backup = at.state.copy();

    at.crm.user.update("customers", idOf(at.crm, "ann@x.org"), { amount: "7.00" });
    at.crm.user.insert("customers", { email: "late@x.org", name: "Late", amount: "1.00" });
    await settleAll(at, context);
    at.erp.user.update("customers", idOf(at.erp, null, "Ann"), { name: "Anne" });
    const before = rows(at.erp);
    expect(before).toEqual(["|Anne|7.00|untouched", "|Late|1.00|untouched"]);

    Object.assign(at.state, backup, { restored: true, generation: 2, nextEntity: 1_000 });
    const planning = await at.context(false);
    const { plan, summary } = await makePlan(planning, UNCANCELLED);
    expect(rows(at.erp)).toEqual(before);
    await releaseLeases(planning, UNCANCELLED);
    const whole = await at.context();
    await applyPlan(whole, plan, summary, { sample: null, entities: null }, UNCANCELLED);
    expect(rows(at.erp)).toEqual(before);
    expect(rows(at.crm)).toEqual(["ann@x.org|Anne|7.00|untouched", "late@x.org|Late|1.00|untouched"]);
    expect(await differencesOf(whole)).toEqual([]);
  });
});

describe("a system restored from a backup", () => {
  test("[S12] is noticed before anything is written, and accepted by applying a plan", async () => {
    const { at, left } = await agreed();
    const backup = at.crm.backUp();
    at.crm.user.update("customers", left, { name: "Anne" });
    await settleAll(at, await at.context());
    at.crm.restore(backup);
    const context = await at.context();
    const stop = new AbortController();
    await expect(runLive(context, { signal: stop.signal })).rejects.toMatchObject({ code: "ACCORD_EPOCH_CHANGED" });

    const planning = await at.context(false);
    const { plan, summary } = await makePlan(planning, UNCANCELLED);
    await releaseLeases(planning, UNCANCELLED);
    await drive(at.world.host.clock, applyPlan(context, plan, summary, { sample: null, entities: null }, UNCANCELLED));
    await checkEpochs(context, UNCANCELLED);
    expect(rows(at.crm)).toEqual(rows(at.erp));
  });
});
