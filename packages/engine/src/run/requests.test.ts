import { Stage, STAGE_SYNC, UNCANCELLED } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { EngineContext } from "./context.ts";
import { sweep } from "./list.ts";

interface Ground {
  readonly stage: Stage;
  readonly context: EngineContext;
  readonly left: string;
  readonly right: string;
  readonly entity: number;
}

async function agreed(conflict: "update-wins" | "delete-wins" | "review" = "update-wins"): Promise<Ground> {
  const stage = new Stage({
    syncs: [
      {
        ...STAGE_SYNC,
        deletes: { do: "archive", conflict },
        fields: [{ name: "email" }, { name: "name", policy: { kind: "review" } }, { name: "amount", type: "decimal" }],
      },
    ],
  });
  stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
  const context = await stage.goLive();
  const left = stage.idOf(stage.crm, { name: "Ann" });
  return { stage, context, left, right: stage.idOf(stage.erp, { name: "Ann" }), entity: stage.entityOf(0, left) };
}

async function refusals(context: EngineContext): Promise<readonly string[]> {
  const rows = await context.store.readJournal({ kinds: ["refused"], limit: 10 }, UNCANCELLED);
  return rows.map(({ payload }) => (JSON.parse(payload) as { readonly code: string }).code);
}

describe("what people ask for", () => {
  test("[S23, S33] nobody is asked about an edit of an entity that was deleted a moment before, where deletes win", async () => {
    const { stage, context, left, right } = await agreed("delete-wins");
    const [sync] = context.syncs;
    if (sync === undefined) throw new RangeError("no sync");
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "unavailable" } : null);
    stage.crm.user.update("customers", left, { name: "Left" });
    await sweep(context, sync, 0, UNCANCELLED);
    await stage.drain(context);
    stage.crm.user.delete("customers", left);
    stage.erp.user.update("customers", right, { name: "Right" });
    for (const side of [0, 1]) {
      await sweep(context, sync, side, UNCANCELLED);
      await stage.drain(context);
    }
    expect(await context.store.listReviews(10, UNCANCELLED)).toEqual([]);
    stage.erp.faults = null;
    await stage.settle(context);
    expect(stage.erp.records("customers").size).toBe(0);
    expect(stage.state.journal.map(({ payload }) => payload).join()).toContain('"Right"');
  });

  test("[S23] a decision is a new version, written everywhere; other fields are not touched", async () => {
    const { stage, context, left, right, entity } = await agreed();
    stage.crm.user.update("customers", left, { name: "Left" });
    stage.erp.user.update("customers", right, { name: "Right", amount: "3.00" });
    await stage.settle(context);
    expect(stage.rows(stage.crm)).toEqual(["ann@x.org|Left|3.00"]);
    await stage.ask(context, { kind: "decide", entity, body: { field: "name", value: "Both" } });
    expect(stage.rows(stage.crm)).toEqual(["ann@x.org|Both|3.00"]);
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Both|3.00"]);
    expect(await context.store.listReviews(10, UNCANCELLED)).toEqual([]);
  });

  test.each([
    ["keep", 1],
    ["delete", 0],
  ] as const)("[S38] a delete that met an update is decided: %s", async (value, count) => {
    const { stage, context, left, right, entity } = await agreed("review");
    stage.crm.user.delete("customers", left);
    stage.erp.user.update("customers", right, { amount: "3.00" });
    await stage.settle(context);
    expect(stage.erp.records("customers").size).toBe(1);
    expect(stage.crm.records("customers").size).toBe(0);
    await stage.ask(context, { kind: "decide", entity, body: { field: null, value } });
    await stage.settle(context);
    expect([stage.crm.records("customers").size, stage.erp.records("customers").size]).toEqual([count, count]);
  });

  test("[S38] a delete and a revival by a person reach every side", async () => {
    const { stage, context, entity } = await agreed();
    await stage.ask(context, { kind: "delete", entity, body: {} });
    expect([stage.crm.records("customers").size, stage.erp.records("customers").size]).toEqual([0, 0]);
    await stage.ask(context, { kind: "revive", entity, body: {} });
    expect(stage.rows(stage.crm)).toEqual(["ann@x.org|Ann|"]);
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Ann|"]);
  });

  test("[S36] a link that no key would make", async () => {
    const { stage, context } = await agreed();
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "unavailable" } : null);
    const made = stage.crm.user.insert("customers", { email: "one@x.org", name: "One" });
    await stage.sweepAll(context);
    await stage.drain(context);
    const other = stage.erp.user.insert("customers", { email: "two@x.org", name: "One" });
    stage.erp.faults = null;
    const entity = stage.entityOf(0, made);
    await stage.ask(context, { kind: "link", entity, body: { side: "erp", record: other } });
    expect(stage.entityOf(1, other)).toBe(entity);
    await stage.settle(context);
    expect(stage.erp.records("customers").size).toBe(2);
    expect(stage.rows(stage.erp, ["email"])).toEqual(["ann@x.org", "one@x.org"]);
  });

  test("[S36] a record that fits several is none of them: it becomes a thing of its own, and is made at the other side [I4]", async () => {
    const { stage, context, entity } = await agreed();
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "unavailable" } : null);
    stage.crm.user.insert("customers", { email: "new@x.org", name: "One" });
    await stage.sweepAll(context);
    await stage.drain(context);
    const [left, right] = ["A", "B"].map((name) => stage.erp.user.insert("customers", { email: "new@x.org", name }));
    stage.erp.faults = null;
    await stage.settle(context);
    const [problem] = await context.store.listProblems(10, UNCANCELLED);
    expect((await context.store.listProblems(10, UNCANCELLED)).length).toBe(2);
    const candidate = problem?.entities[0] ?? 0;
    const ask = (record: string | undefined) =>
      stage.ask(context, { kind: "link", entity: candidate, body: { side: "erp", record, alone: true } });
    await ask(left);
    await ask(right);
    await stage.settle(context);
    expect(await context.store.listProblems(10, UNCANCELLED)).toEqual([]);
    expect(new Set([candidate, entity, stage.entityOf(1, left ?? ""), stage.entityOf(1, right ?? "")]).size).toBe(4);
    expect(stage.rows(stage.crm, ["email", "name"])).toEqual(["ann@x.org|Ann", "new@x.org|A", "new@x.org|B", "new@x.org|One"]);
    expect(stage.rows(stage.erp, ["email", "name"])).toEqual(stage.rows(stage.crm, ["email", "name"]));
    await ask(left);
    expect(await refusals(context)).toEqual(["ACCORD_RECORD_LINKED"]);
  });

  test("[S34] [S47] a request that cannot be carried out is told, dropped, and holds up nothing", async () => {
    const { stage, context, left, right, entity } = await agreed();
    const bob = stage.crm.user.insert("customers", { email: "bob@x.org", name: "Bob" });
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "unavailable" } : null);
    await stage.sweepAll(context);
    await stage.drain(context);
    const other = stage.entityOf(0, bob);
    await stage.ask(context, { kind: "link", entity: other, body: { side: "erp", record: right } });
    await stage.ask(context, { kind: "link", entity: other, body: { side: "erp", record: "999" } });
    expect(await refusals(context)).toEqual(["ACCORD_RECORD_MISSING", "ACCORD_RECORD_LINKED"]);
    expect(stage.entityOf(1, right)).toBe(entity);
    expect(stage.state.requests.size).toBe(0);
    stage.erp.faults = null;
    await stage.clock.advance(60_000);
    stage.crm.user.update("customers", left, { amount: "4.00" });
    await stage.settle(context);
    expect(stage.rows(stage.erp, ["email", "amount"])).toEqual(["ann@x.org|4.00", "bob@x.org|"]);
  });

  test("[I14] every request carried out is in the journal, under its run", async () => {
    const { stage, context, entity } = await agreed();
    await stage.ask(context, { kind: "decide", entity, body: { field: "name", value: "Decided" } });
    const [row] = await context.store.readJournal({ entity, kinds: ["decision"], limit: 1 }, UNCANCELLED);
    expect(row).toMatchObject({ run: context.run, kind: "decision" });
    expect(row?.payload).toContain("Decided");
  });
});
