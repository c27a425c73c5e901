import { Stage, STAGE_SYNC, UNCANCELLED } from "@accord/testkit";
import type { StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { releaseLeases } from "./drain.ts";

/** A sync whose records come from the first system. */
function oneWay(drift: "revert" | "keep", options: StageOptions = {}): StageOptions {
  const fields = STAGE_SYNC.fields.map((field) => ({ ...field, from: [0], drift }));
  const deletes = { do: "delete", conflict: "update-wins" } as const;
  return { ...options, syncs: [{ ...STAGE_SYNC, fields, deletes, direction: { kind: "one-way", source: 0, drift } }] };
}

const THREE = { systems: [{ name: "crm" }, { name: "erp" }, { name: "shop" }] };

describe("a sync that flows one way", () => {
  test("[S55] edits, deletes and new records at other sides reach nobody, and are pushed back where the source has the record", async () => {
    const stage = new Stage(oneWay("revert", THREE));
    const [ann, bob] = ["ann", "bob"].map((name) => stage.crm.user.insert("customers", { email: `${name}@x.org`, name }));
    const context = await stage.goLive();
    const shop = stage.system(2);
    stage.erp.user.update("customers", stage.idOf(stage.erp, { name: "ann" }), { name: "Anton" });
    stage.erp.user.delete("customers", stage.idOf(stage.erp, { name: "bob" }));
    stage.erp.user.insert("customers", { email: "only@erp.org", name: "Only" });
    await stage.settle(context);
    expect(stage.rows(stage.erp, ["email", "name"])).toEqual(["ann@x.org|ann", "bob@x.org|bob", "only@erp.org|Only"]);
    for (const system of [stage.crm, shop]) expect(stage.rows(system, ["email", "name"])).toEqual(["ann@x.org|ann", "bob@x.org|bob"]);
    expect(stage.writes(stage.crm)).toBe(0);
    expect(stage.writes(shop)).toBe(2);
    // The source deletes for all, whatever was edited elsewhere meanwhile.
    stage.erp.user.update("customers", stage.idOf(stage.erp, { name: "ann" }), { name: "Anna" });
    stage.crm.user.delete("customers", ann ?? "");
    await stage.settle(context);
    expect(stage.rows(stage.erp, ["email"])).toEqual(["bob@x.org", "only@erp.org"]);
    expect(stage.rows(shop, ["email"])).toEqual(["bob@x.org"]);
    expect(stage.crm.records("customers").has(bob ?? "")).toBe(true);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S55] drift that is kept stays: an edit, a delete; a later edit of the source reaches what is left", async () => {
    const stage = new Stage(oneWay("keep"));
    for (const name of ["ann", "bob"]) stage.crm.user.insert("customers", { email: `${name}@x.org`, name });
    const context = await stage.goLive();
    stage.erp.user.update("customers", stage.idOf(stage.erp, { name: "ann" }), { name: "Anton" });
    stage.erp.user.delete("customers", stage.idOf(stage.erp, { name: "bob" }));
    await stage.settle(context);
    for (const name of ["ann", "bob"]) stage.crm.user.update("customers", stage.idOf(stage.crm, { name }), { amount: "5.00" });
    await stage.settle(context);
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Anton|5.00"]);
    expect(stage.writes(stage.crm)).toBe(0);
  });

  test("[S40] [S55] a record that comes back at a receiver after the source deleted it goes again", async () => {
    const stage = new Stage(oneWay("revert"));
    const ann = stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
    const context = await stage.goLive();
    stage.crm.user.delete("customers", ann);
    await stage.settle(context);
    expect(stage.erp.records("customers").size).toBe(0);
    stage.erp.user.insert("customers", { email: "ann@x.org", name: "Ann" });
    await stage.settle(context);
    await stage.settle(context);
    expect(stage.crm.records("customers").size).toBe(0);
  });
});

describe("made two-way", () => {
  test("[S51] [S55] what was kept apart meets by the initial policy, what was only elsewhere is copied, and a plan shows it first", async () => {
    const stage = new Stage(oneWay("keep"));
    for (const name of ["ann", "bob"]) stage.crm.user.insert("customers", { email: `${name}@x.org`, name });
    stage.erp.user.insert("customers", { email: "only@erp.org", name: "Only" });
    const context = await stage.goLive();
    stage.erp.user.update("customers", stage.idOf(stage.erp, { name: "ann" }), { name: "Anton", amount: "7.00" });
    await stage.settle(context);
    expect(stage.rows(stage.crm)).toEqual(["ann@x.org|ann|", "bob@x.org|bob|"]);
    const both = { syncs: [STAGE_SYNC] };
    await releaseLeases(context, UNCANCELLED);
    await context.store.setSyncState(1, "planned", null, UNCANCELLED);
    const planned = await stage.plan({ ...both, holder: "later" });
    expect(stage.rows(stage.crm)).toEqual(["ann@x.org|ann|", "bob@x.org|bob|"]);
    await stage.apply(await stage.context({ ...both, holder: "later" }), planned);
    const all = ["ann@x.org|ann|7.00", "bob@x.org|bob|", "only@erp.org|Only|"];
    expect(stage.rows(stage.crm)).toEqual(all);
    expect(stage.rows(stage.erp)).toEqual(all);
  });
});
