import { Stage, UNCANCELLED } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { EngineContext } from "../run/context.ts";
import { releaseLeases } from "../run/drain.ts";
import { previewUndo } from "./preview-undo.ts";
import { planUndo } from "./undo.ts";
import type { UndoFilter } from "./undo.ts";

interface Ground {
  readonly stage: Stage;
  readonly context: EngineContext;
  readonly left: string;
  readonly right: string;
}

async function agreed(): Promise<Ground> {
  const stage = new Stage();
  stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann", amount: "10.00" });
  await stage.goLive();
  // A run of its own, so that first contact is not part of what is undone.
  const context = await stage.context();
  return { stage, context, left: stage.idOf(stage.crm, { email: "ann@x.org" }), right: stage.idOf(stage.erp, { email: "ann@x.org" }) };
}

/** As `accord undo` does. */
async function undo(stage: Stage, filter: UndoFilter): Promise<void> {
  const context = await stage.context();
  for (const item of await planUndo(context, filter, UNCANCELLED))
    await stage.ask(context, { kind: "undo", entity: item.entity, body: item });
  await stage.settle(context);
}

async function preview(stage: Stage, filter: UndoFilter): Promise<readonly string[]> {
  const context = await stage.context();
  const steps = await previewUndo(context, await planUndo(context, filter, UNCANCELLED), UNCANCELLED);
  return steps.map(({ kind, what, verdict }) => `${kind} ${what}: ${verdict}`);
}

describe("undo", () => {
  test("[S59] a run goes back everywhere, but for what a user changed since, which is listed", async () => {
    const { stage, context, left, right } = await agreed();
    stage.crm.user.update("customers", left, { name: "Wrong", amount: "1.00" });
    await stage.settle(context);
    stage.erp.user.update("customers", right, { amount: "2.00" });
    await stage.settle(await stage.context());
    expect(await preview(stage, { run: context.run })).toEqual(
      ["field amount: newer", "field name: back"].toSorted((a, b) => (a < b ? -1 : 1)),
    );
    await undo(stage, { run: context.run });
    expect(stage.rows(stage.crm)).toEqual(["ann@x.org|Ann|2.00"]);
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Ann|2.00"]);
  });

  test("[S59] what an undo of first contact put back stays so in a live sync, however the record changes, until a plan is applied", async () => {
    const stage = new Stage();
    stage.crm.user.insert("customers", { email: "ann@x.org", name: "Left", amount: "1.00" });
    stage.erp.user.insert("customers", { email: "ann@x.org", name: "Right", amount: "1.00" });
    const first = await stage.goLive();
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Left|1.00"]);
    await undo(stage, { run: first.run });
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Right|1.00"]);
    const context = await stage.context();
    stage.crm.user.update("customers", "1", { amount: "2.00" });
    await stage.settle(context);
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Right|1.00"]);
    expect((await context.store.countDue(UNCANCELLED)).map(({ state }) => state)).toEqual(["held"]);
    await releaseLeases(context, UNCANCELLED);
    await stage.apply(await stage.context(), await stage.plan());
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Left|2.00"]);
  });

  test("[S59] a first contact that wrote to both sides of an entity is put back at both", async () => {
    const stage = new Stage();
    // Null never beats a value: each side is written what it lacked. [S36]
    stage.crm.user.insert("customers", { email: "ann@x.org", name: "Left", amount: null });
    stage.erp.user.insert("customers", { email: "ann@x.org", name: null, amount: "1.00" });
    const first = await stage.goLive();
    expect([stage.rows(stage.crm), stage.rows(stage.erp)]).toEqual([["ann@x.org|Left|1.00"], ["ann@x.org|Left|1.00"]]);
    await undo(stage, { run: first.run });
    expect([stage.rows(stage.crm), stage.rows(stage.erp)]).toEqual([["ann@x.org|Left|"], ["ann@x.org||1.00"]]);
  });

  test("[S59] one entity, or one field, alone", async () => {
    const { stage, context, left } = await agreed();
    const bob = stage.crm.user.insert("customers", { email: "bob@x.org", name: "Bob" });
    await stage.settle(context);
    const later = await stage.context();
    stage.crm.user.update("customers", left, { name: "Wrong", amount: "1.00" });
    stage.crm.user.update("customers", bob, { name: "Wrong" });
    await stage.settle(later);
    await undo(stage, { run: later.run, entity: stage.entityOf(0, left), field: "name" });
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Ann|1.00", "bob@x.org|Wrong|"]);
    await undo(stage, { run: later.run, entity: stage.entityOf(0, left) });
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Ann|10.00", "bob@x.org|Wrong|"]);
    expect(stage.rows(stage.crm)).toEqual(stage.rows(stage.erp));
  });

  test("[S59] several edits of a run go back to the value before the first", async () => {
    const { stage, context, left } = await agreed();
    for (const name of ["One", "Two", "Three"]) {
      stage.crm.user.update("customers", left, { name });
      await stage.settle(context);
      await stage.clock.advance(1_000);
    }
    await undo(stage, { run: context.run });
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Ann|10.00"]);
  });

  test("[S59] a time range is undone like a run", async () => {
    const { stage, context, left } = await agreed();
    await stage.clock.advance(1_000);
    const fromMs = stage.clock.nowMs();
    stage.crm.user.update("customers", left, { name: "Wrong" });
    await stage.settle(context);
    const toMs = stage.clock.nowMs();
    await stage.clock.advance(1_000);
    stage.crm.user.update("customers", left, { amount: "7.00" });
    await stage.settle(context);
    await undo(stage, { fromMs, toMs });
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Ann|7.00"]);
  });

  test("[S59] a delete is revived at every side, under new ids, and the old ones are never forgotten", async () => {
    const { stage, context, left, right } = await agreed();
    const entity = stage.entityOf(0, left);
    stage.crm.user.delete("customers", left);
    await stage.settle(context);
    expect(stage.erp.records("customers").size).toBe(0);
    expect(await preview(stage, { run: context.run })).toContain("revive the record: back");
    await undo(stage, { run: context.run });
    expect(stage.rows(stage.crm)).toEqual(["ann@x.org|Ann|10.00"]);
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Ann|10.00"]);
    const members = stage.state.entities.get(entity)?.members;
    expect(members?.map((member) => [member?.incarnation, member?.retired])).toEqual([
      [2, [left]],
      [2, [right]],
    ]);
  });

  test("[S59] a create is deleted again only where nobody edited the record since", async () => {
    const stage = new Stage();
    for (const name of ["Kept", "Gone"]) stage.crm.user.insert("customers", { email: `${name}@x.org`, name });
    const made = await stage.plan();
    const pilot = await stage.context();
    await stage.apply(pilot, made, { sample: 10 });
    stage.erp.user.update("customers", stage.idOf(stage.erp, { name: "Kept" }), { amount: "9.00" });
    const later = await stage.context();
    await stage.sweepAll(later);
    await stage.drain(later);
    const steps = await preview(stage, { run: pilot.run });
    expect(steps.map((step) => step.replace(/record \d+/, "record")).toSorted()).toEqual([
      "uncreate record: back",
      "uncreate record: newer",
    ]);
    await undo(stage, { run: pilot.run });
    expect(stage.rows(stage.erp, ["name", "amount"])).toEqual(["Kept|9.00"]);
    expect(stage.rows(stage.crm, ["name"])).toEqual(["Gone", "Kept"]);
  });

  test("[S59] an edit that arrives between the undo's decision and its write is not overwritten [I2]", async () => {
    const stage = new Stage();
    stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
    const made = await stage.plan();
    const pilot = await stage.context();
    await stage.apply(pilot, made, { sample: 10 });
    const right = stage.idOf(stage.erp, { name: "Ann" });
    let isDone = false;
    stage.erp.faults = ({ method }) => {
      if (method === "write" && !isDone) {
        isDone = true;
        stage.erp.user.update("customers", right, { amount: "9.00" });
      }
      return null;
    };
    await undo(stage, { run: pilot.run });
    expect(stage.erp.record("customers", right)).toMatchObject({ name: "Ann", amount: "9.00" });
  });
});
