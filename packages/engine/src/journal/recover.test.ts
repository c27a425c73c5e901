import { Stage, UNCANCELLED } from "@accord/testkit";
import type { BenchField, Fault, StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { EngineContext } from "../run/context.ts";
import { sweep } from "../run/list.ts";

const DEADLINE_MS = 30_000;

/** Two systems that agree on Ann; `capabilities` are those of the second one. */
async function agreed(
  capabilities: NonNullable<NonNullable<StageOptions["systems"]>[number]["capabilities"]> = {},
  fields?: readonly BenchField[],
): Promise<Ground> {
  const options: StageOptions = { systems: [{ name: "crm" }, { name: "erp", capabilities }] };
  const stage = new Stage(fields === undefined ? options : { ...options, syncs: [{ name: "customers", match: [["email"]], fields }] });
  stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann", amount: "10.00" });
  const context = await stage.goLive();
  return { stage, context, left: stage.idOf(stage.crm, { email: "ann@x.org" }), right: stage.idOf(stage.erp, { email: "ann@x.org" }) };
}

interface Ground {
  readonly stage: Stage;
  readonly context: EngineContext;
  readonly left: string;
  readonly right: string;
}

/** The second system's next write meets this fault, and the process dies with the outcome unknown. */
async function crashInWrite({ stage, context }: Ground, fault: Fault | null): Promise<void> {
  let isDone = false;
  stage.erp.faults = ({ method }) => {
    if (method !== "write" || isDone) return null;
    isDone = true;
    return fault;
  };
  await stage.sweepAll(context);
  await stage.drain(context);
  stage.erp.faults = null;
  expect(isDone).toBe(true);
  expect(stage.state.intents.size).toBe(1);
}

/** A new process, once nothing of the old one can still arrive. */
async function restart({ stage }: Ground, waitMs = DEADLINE_MS + 15_000): Promise<EngineContext> {
  await stage.clock.advance(waitMs);
  const context = await stage.context({ holder: "second" });
  // What was left open is closed in the first, and what is found beside it may have to wait for that.
  for (let round = 0; round < 3; round += 1) await stage.settle(context);
  return context;
}

const PROOF = { "with proof": {}, "without proof": { proof: false } } as const;

describe.each(Object.entries(PROOF))("[S32] the crash table, %s", (_, capabilities) => {
  test("intent committed, the call never arrived: it is computed and made again", async () => {
    const ground = await agreed(capabilities);
    ground.stage.crm.user.update("customers", ground.left, { name: "Anne" });
    await crashInWrite(ground, { kind: "lostRequest" });
    const context = await restart(ground);
    expect(ground.stage.erp.record("customers", ground.right)?.["name"]).toBe("Anne");
    expect(await ground.stage.differences(context)).toEqual([]);
  });

  test("the call was executed and its answer lost: it is not made again", async () => {
    const ground = await agreed(capabilities);
    ground.stage.crm.user.update("customers", ground.left, { name: "Anne" });
    await crashInWrite(ground, { kind: "lostReply" });
    const writes = ground.stage.writes(ground.stage.erp);
    const context = await restart(ground);
    expect(ground.stage.writes(ground.stage.erp)).toBe(writes);
    expect(await ground.stage.differences(context)).toEqual([]);
  });

  test("the same, then a user edited another field and the same one: both edits arrive", async () => {
    const ground = await agreed(capabilities);
    ground.stage.crm.user.update("customers", ground.left, { name: "Anne" });
    await crashInWrite(ground, { kind: "lostReply" });
    ground.stage.erp.user.update("customers", ground.right, { amount: "11.00" });
    await restart(ground);
    expect(ground.stage.rows(ground.stage.crm)).toEqual(["ann@x.org|Anne|11.00"]);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Anne|11.00"]);
  });

  test("[S35] a create was executed and its answer lost: the record is adopted [I4]", async () => {
    const ground = await agreed(capabilities);
    ground.stage.crm.user.insert("customers", { email: "new@x.org", name: "New" });
    await crashInWrite(ground, { kind: "lostReply" });
    const context = await restart(ground);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00", "new@x.org|New|"]);
    expect(ground.stage.crm.records("customers").size).toBe(2);
    expect(await ground.stage.differences(context)).toEqual([]);
  });

  test("[S35] a create that never arrived is made again, once", async () => {
    const ground = await agreed(capabilities);
    ground.stage.crm.user.insert("customers", { email: "new@x.org", name: "New" });
    await crashInWrite(ground, { kind: "lostRequest" });
    await restart(ground);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00", "new@x.org|New|"]);
  });

  test("a delete was executed and its answer lost: gone means done [I5]", async () => {
    const ground = await agreed(capabilities);
    ground.stage.crm.user.delete("customers", ground.left);
    await crashInWrite(ground, { kind: "lostReply" });
    await restart(ground);
    expect(ground.stage.erp.records("customers").size).toBe(0);
    expect(ground.stage.crm.records("customers").size).toBe(0);
  });

  test("[S5, S38] a create landed whose entity was deleted meanwhile: what its record shows that was never written is no edit [I5]", async () => {
    const ground = await agreed(capabilities, [{ name: "email" }, { name: "name" }, { name: "amount", type: "decimal", from: [0] }]);
    ground.stage.crm.user.insert("customers", { email: "new@x.org", name: "New" });
    await crashInWrite(ground, { kind: "lostReply" });
    ground.stage.crm.user.delete("customers", ground.stage.idOf(ground.stage.crm, { email: "new@x.org" }));
    await restart(ground);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Ann|10.00"]);
    expect(ground.stage.rows(ground.stage.crm)).toEqual(["ann@x.org|Ann|10.00"]);
  });

  test("a delete that never arrived is made again, and nothing is resurrected [I5]", async () => {
    const ground = await agreed(capabilities);
    ground.stage.crm.user.delete("customers", ground.left);
    await crashInWrite(ground, { kind: "lostRequest" });
    await restart(ground);
    expect(ground.stage.erp.records("customers").size).toBe(0);
    expect(ground.stage.crm.records("customers").size).toBe(0);
  });

  test("[S31] a wall clock that jumps ahead brings no recovery forward: a late request is waited for all the same", async () => {
    const ground = await agreed(capabilities);
    ground.stage.crm.user.update("customers", ground.left, { name: "Anne" });
    const before = ground.stage.writes(ground.stage.erp);
    await crashInWrite(ground, { kind: "late", afterMs: 20_000 });
    ground.stage.clock.jump(ground.stage.clock.nowMs() + 3_600_000);
    const context = await ground.stage.context({ holder: "second" });
    await ground.stage.settle(context);
    await ground.stage.settle(context);
    expect(ground.stage.writes(ground.stage.erp)).toBe(before + 1);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Anne|10.00"]);
    expect(await ground.stage.differences(context)).toEqual([]);
  });

  test("[S31] a request that lands late, but within its deadline, is waited for", async () => {
    const ground = await agreed(capabilities);
    ground.stage.crm.user.update("customers", ground.left, { name: "Anne" });
    await crashInWrite(ground, { kind: "late", afterMs: DEADLINE_MS - 1 });
    await ground.stage.clock.advance(DEADLINE_MS - 2);
    const early = await ground.stage.context({ holder: "second" });
    await ground.stage.drain(early);
    expect(ground.stage.state.intents.size).toBe(1);
    await ground.stage.settle(early);
    expect(ground.stage.writes(ground.stage.erp)).toBe(2);
    expect(ground.stage.rows(ground.stage.erp)).toEqual(["ann@x.org|Anne|10.00"]);
    expect(ground.stage.rows(ground.stage.crm)).toEqual(["ann@x.org|Anne|10.00"]);
  });
});

describe("without proof", () => {
  test("[S31] more open intents than one reading may ask for are recovered page by page", async () => {
    const stage = new Stage({ systems: [{ name: "crm" }, { name: "erp", capabilities: { proof: false, pageSizeMax: 2 } }] });
    for (let index = 0; index < 24; index += 1) stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Old" });
    const context = await stage.goLive();
    for (const id of stage.crm.records("customers").keys()) stage.crm.user.update("customers", id, { name: "New" });
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "lostReply" } : null);
    await stage.sweepAll(context);
    await stage.drain(context);
    stage.erp.faults = null;
    expect(stage.state.intents.size).toBe(24);
    await stage.clock.advance(60_000);
    const second = await stage.context({ holder: "second" });
    await stage.settle(second);
    expect(stage.state.intents.size).toBe(0);
    expect(await stage.differences(second)).toEqual([]);
  });
});

describe("counters", () => {
  const fields: readonly BenchField[] = [{ name: "email" }, { name: "amount", type: "decimal", policy: { kind: "counter", floor: null } }];

  test("[S19] with proof a count whose answer was lost is exact [I8]", async () => {
    const ground = await agreed({}, fields);
    ground.stage.crm.user.update("customers", ground.left, { amount: "13.00" });
    await crashInWrite(ground, { kind: "lostReply" });
    ground.stage.erp.user.update("customers", ground.right, { amount: "14.00" });
    await restart(ground);
    expect(ground.stage.erp.record("customers", ground.right)?.["amount"]).toBe("14.00");
    expect(ground.stage.crm.record("customers", ground.left)?.["amount"]).toBe("14.00");
  });

  test("[S31] without proof a count that is neither as before nor as written goes to review, and is not counted twice", async () => {
    const ground = await agreed({ proof: false }, fields);
    ground.stage.crm.user.update("customers", ground.left, { amount: "13.00" });
    await crashInWrite(ground, { kind: "lostReply" });
    ground.stage.erp.user.update("customers", ground.right, { amount: "14.00" });
    const context = await restart(ground);
    expect(ground.stage.crm.record("customers", ground.left)?.["amount"]).toBe("13.00");
    const reviews = await context.store.listReviews(10, UNCANCELLED);
    expect(reviews).toHaveLength(1);
    await ground.stage.ask(context, { kind: "decide", entity: reviews[0]?.entity ?? 0, body: { field: "amount", value: "14" } });
    expect(ground.stage.crm.record("customers", ground.left)?.["amount"]).toBe("14.00");
    expect(ground.stage.erp.record("customers", ground.right)?.["amount"]).toBe("14.00");
  });

  test("[S31] without proof a count that is as before is written again", async () => {
    const ground = await agreed({ proof: false }, fields);
    ground.stage.crm.user.update("customers", ground.left, { amount: "13.00" });
    await crashInWrite(ground, { kind: "lostRequest" });
    await restart(ground);
    expect(ground.stage.erp.record("customers", ground.right)?.["amount"]).toBe("13.00");
  });
});

describe("one system that does not answer", () => {
  test("[S47] its open intents hold up nothing of the others [I11]", async () => {
    const stage = new Stage({ systems: [{ name: "crm" }, { name: "erp" }, { name: "shop" }] });
    for (let index = 0; index < 8; index += 1) stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Old" });
    const context = await stage.goLive();
    const edit = (name: string): void => {
      for (const id of stage.crm.records("customers").keys()) stage.crm.user.update("customers", id, { name });
    };
    edit("One");
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "lostRequest" } : null);
    await stage.sweepAll(context);
    await stage.drain(context);
    expect(stage.state.intents.size).toBe(8);
    await stage.clock.advance(60_000);
    stage.erp.faults = () => ({ kind: "unavailable" });
    edit("Two");
    const [sync] = context.syncs;
    if (sync === undefined) throw new RangeError("no sync");
    await sweep(context, sync, 0, UNCANCELLED);
    await stage.drain(context);
    expect(new Set([...stage.system(2).records("customers").values()].map(({ name }) => name))).toEqual(new Set(["Two"]));
    stage.erp.faults = null;
    await stage.settle(context);
    await stage.settle(context);
    expect(await stage.differences(context)).toEqual([]);
  });
});
