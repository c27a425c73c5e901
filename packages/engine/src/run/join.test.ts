import { Stage, STAGE_OBJECT, STAGE_SYNC, UNCANCELLED } from "@accord/testkit";
import type { FakeObject, StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { EngineContext } from "./context.ts";
import { sweep } from "./list.ts";

const KINDED: FakeObject = { ...STAGE_OBJECT, columns: [...STAGE_OBJECT.columns, { name: "kind", type: "text", nullable: true }] };

async function problems(context: EngineContext): Promise<readonly string[]> {
  return (await context.store.listProblems(100, UNCANCELLED)).map(({ side, record, kind }) => `${side}/${record} ${kind}`).toSorted();
}

/** Ann at the first system; two records with her key at the second. */
async function twins(options: StageOptions = {}): Promise<{ stage: Stage; context: EngineContext; a: string; b: string }> {
  const stage = new Stage(options);
  stage.crm.user.insert("customers", { email: "twin@x.org", name: "Ann" });
  const a = stage.erp.user.insert("customers", { email: "twin@x.org", name: "A" });
  const b = stage.erp.user.insert("customers", { email: "TWIN@x.org", name: "B" });
  return { stage, context: await stage.goLive(), a, b };
}

describe("two answers are a person's to decide", () => {
  test.each([1_000, 1])("[S36] twins go to review, also in batches of %d, and no sweep decides for the person [I4]", async (mergeBatch) => {
    const { stage, context, a, b } = await twins({ limits: { mergeBatch } });
    expect(await problems(context)).toEqual([`1/${a} ambiguous`, `1/${b} ambiguous`]);
    for (let round = 0; round < 3; round += 1) await stage.settle(context);
    expect(await problems(context)).toEqual([`1/${a} ambiguous`, `1/${b} ambiguous`]);
    expect(stage.crm.records("customers").size).toBe(1);
    expect(stage.erp.records("customers").size).toBe(2);
  });

  test("[S36] [S55] a record at a side that may not tell its key is found by it all the same: the one that may is linked to it, now or later, and none is made twice", async () => {
    const fields = STAGE_SYNC.fields.map((field) => ({ ...field, from: [0] }));
    const stage = new Stage({ syncs: [{ ...STAGE_SYNC, fields }] });
    const early = stage.erp.user.insert("customers", { email: "ann@x.org", name: "Old Ann" });
    const moved = stage.erp.user.insert("customers", { email: "first@x.org", name: "Old Bob" });
    const context = await stage.goLive();
    expect(stage.crm.records("customers").size).toBe(0);
    stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
    stage.erp.user.update("customers", moved, { email: "bob@x.org" });
    await stage.settle(context);
    stage.crm.user.insert("customers", { email: "bob@x.org", name: "Bob" });
    const late = stage.erp.user.insert("customers", { email: "cid@x.org", name: "Old Cid" });
    await stage.settle(context);
    stage.crm.user.insert("customers", { email: "cid@x.org", name: "Cid" });
    await stage.settle(context);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
    expect([...stage.erp.records("customers").keys()].toSorted()).toEqual([early, moved, late].toSorted());
  });

  test("[S36] once one of the twins is gone the other links by itself", async () => {
    const { stage, context, a, b } = await twins();
    stage.erp.user.delete("customers", b);
    await stage.settle(context);
    await stage.settle(context);
    expect(await problems(context)).toEqual([]);
    expect(stage.entityOf(1, a)).toBe(stage.entityOf(0, stage.idOf(stage.crm, { email: "twin@x.org" })));
    expect(stage.rows(stage.crm)).toEqual(stage.rows(stage.erp));
  });

  test("[S36] a person's link ends the question; the other twin becomes a thing of its own", async () => {
    const { stage, context, a, b } = await twins();
    const entity = stage.entityOf(0, stage.idOf(stage.crm, { email: "twin@x.org" }));
    await stage.ask(context, { kind: "link", entity, body: { side: "erp", record: b } });
    expect(stage.entityOf(1, b)).toBe(entity);
    expect(stage.erp.record("customers", b)?.["name"]).toBe("Ann");
    await stage.settle(context);
    await stage.settle(context);
    expect(stage.entityOf(1, a)).not.toBe(entity);
    expect(await problems(context)).toEqual([]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S36] two records made at once with the key of a third go to review, both", async () => {
    const stage = new Stage();
    const context = await stage.goLive();
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "unavailable" } : null);
    stage.crm.user.insert("customers", { email: "new@x.org", name: "N" });
    await stage.sweepAll(context);
    await stage.drain(context);
    stage.erp.user.insert("customers", { email: "new@x.org", name: "A" });
    stage.erp.user.insert("customers", { email: "new@x.org", name: "B" });
    stage.erp.faults = null;
    const [sync] = context.syncs;
    if (sync !== undefined) await sweep(context, sync, 1, UNCANCELLED);
    await stage.drain(context);
    await stage.settle(context);
    expect((await problems(context)).length).toBe(2);
    expect(stage.crm.records("customers").size).toBe(1);
    expect(stage.erp.records("customers").size).toBe(2);
  });

  test("[S36] the same thing made on both sides at once becomes one [I4]", async () => {
    const stage = new Stage();
    const context = await stage.goLive();
    stage.crm.user.insert("customers", { email: "new@x.org", name: "N" });
    stage.erp.user.insert("customers", { email: "new@x.org", amount: "2.00" });
    await stage.settle(context);
    await stage.settle(context);
    expect(stage.rows(stage.crm)).toEqual(["new@x.org|N|2.00"]);
    expect(stage.rows(stage.erp)).toEqual(["new@x.org|N|2.00"]);
  });
});

describe("scope", () => {
  const filtered: StageOptions = {
    objects: [KINDED],
    syncs: [
      {
        ...STAGE_SYNC,
        fields: [...STAGE_SYNC.fields, { name: "kind" }],
        sides: [{ filter: ({ kind }) => (kind === undefined ? undefined : kind === "customer") }],
      },
    ],
  };

  test("[S42] a record outside the filter is matched, so that none is created twice, and takes no part [I4]", async () => {
    const stage = new Stage(filtered);
    stage.crm.user.insert("customers", { email: "ann@x.org", name: "Crm", kind: "lead" });
    stage.erp.user.insert("customers", { email: "ann@x.org", name: "Erp", kind: "customer" });
    const context = await stage.goLive();
    await stage.settle(context);
    expect(stage.rows(stage.crm, ["name", "kind"])).toEqual(["Crm|lead"]);
    expect(stage.rows(stage.erp, ["name", "kind"])).toEqual(["Erp|customer"]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S42] leaving the filter is not a delete, and coming back catches up", async () => {
    const stage = new Stage(filtered);
    const ann = stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann", kind: "customer" });
    const context = await stage.goLive();
    const right = stage.idOf(stage.erp, { email: "ann@x.org" });
    stage.crm.user.update("customers", ann, { kind: "lead" });
    await stage.settle(context);
    stage.erp.user.update("customers", right, { name: "Anne" });
    await stage.settle(context);
    expect(stage.erp.record("customers", right)).toMatchObject({ name: "Anne", kind: "customer" });
    expect(stage.crm.record("customers", ann)).toMatchObject({ name: "Ann", kind: "lead" });
    expect(await stage.differences(context)).toEqual([]);
    stage.crm.user.update("customers", ann, { kind: "customer" });
    await stage.settle(context);
    await stage.settle(context);
    expect(stage.crm.record("customers", ann)).toMatchObject({ name: "Anne", kind: "customer" });
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S42] a create that would fail the side's filter is shown in the plan, not sent, and no difference", async () => {
    const stage = new Stage(filtered);
    stage.erp.user.insert("customers", { email: "lead@x.org", kind: "lead" });
    const { summary } = await stage.plan();
    expect(summary.syncs[0]?.sides[0]?.operations).toMatchObject({ create: 0, withheld: 1 });
    const context = await stage.goLive();
    expect(stage.crm.records("customers").size).toBe(0);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S38] [S42] a record that is archived at first contact is known and takes no part", async () => {
    const stage = new Stage({
      objects: [KINDED],
      syncs: [{ ...STAGE_SYNC, sides: [{}, { archive: { column: "kind", cell: "X", restored: null } }] }],
    });
    stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
    stage.erp.user.insert("customers", { email: "ann@x.org", name: "Old", kind: "X" });
    const context = await stage.goLive();
    await stage.settle(context);
    expect(stage.rows(stage.erp, ["name", "kind"])).toEqual(["Old|X"]);
    expect(stage.rows(stage.crm, ["name"])).toEqual(["Ann"]);
  });
});

describe("a system whose own records cannot be told apart now", () => {
  test("[S33] [S35] new records wait while it does not answer, and hold up nobody else", async () => {
    const stage = new Stage();
    const context = await stage.goLive();
    stage.crm.user.insert("customers", { email: "one@x.org", name: "One" });
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "lostReply" } : null);
    await stage.sweepAll(context);
    await stage.drain(context);
    stage.erp.faults = ({ method }) => (method === "findByEntity" || method === "findProofs" ? { kind: "unavailable" } : null);
    await stage.sweepAll(context);
    stage.crm.user.insert("customers", { email: "two@x.org", name: "Two" });
    await stage.sweepAll(context);
    await stage.drain(context);
    expect(stage.rows(stage.erp, ["email"])).toEqual(["one@x.org", "two@x.org"]);
    stage.erp.faults = null;
    await stage.clock.advance(60_000);
    await stage.settle(context);
    await stage.settle(context);
    expect(stage.rows(stage.crm, ["email"])).toEqual(["one@x.org", "two@x.org"]);
    expect(stage.rows(stage.erp, ["email"])).toEqual(["one@x.org", "two@x.org"]);
  });
});

describe("marks of a sync that does not run here", () => {
  test("[S54] are left alone and hold up nobody", async () => {
    const stage = new Stage();
    const context = await stage.goLive();
    stage.crm.user.insert("customers", { email: "one@x.org" });
    await stage.sweepAll(context);
    const [mark] = [...stage.state.marks.values()];
    if (mark === undefined) throw new RangeError("no mark");
    stage.state.marks.set("9/0/1", { ...mark, mark: { ...mark.mark, sync: 9, record: "1" }, sequence: 1_000_000 });
    await stage.drain(context);
    expect(stage.rows(stage.erp, ["email"])).toEqual(["one@x.org"]);
    expect(stage.state.marks.size).toBe(1);
  });
});
