import { Stage, UNCANCELLED } from "@accord/testkit";
import type { FakeObject, FakeSystem, StageOptions, StageSync } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { releaseLeases } from "./drain.ts";

const COMMENTS: FakeObject = {
  name: "comments",
  key: ["id"],
  columns: [
    { name: "id", type: "integer", generated: true },
    { name: "ticket", type: "text", nullable: true },
    { name: "body", type: "text", nullable: true },
    { name: "visibility", type: "text", nullable: true },
  ],
};

/** Comments that are added everywhere; what is internal stays out of the second system. */
const APPENDED: StageSync = {
  name: "comments",
  object: "comments",
  fields: [{ name: "ticket" }, { name: "body" }, { name: "visibility" }],
  match: [["ticket", "body"]],
  deletes: { do: "keep", conflict: "delete-wins" },
  direction: { kind: "append" },
  sides: [{}, { only: ({ visibility }) => (visibility === undefined ? undefined : visibility === "public") }],
};

function stage(sync: Partial<StageSync> = {}, systems: StageOptions["systems"] = [{ name: "crm" }, { name: "erp" }]): Stage {
  return new Stage({ objects: [COMMENTS], systems, syncs: [{ ...APPENDED, ...sync }] });
}

function comment(body: string, visibility: string | null = "public"): Record<string, string | null> {
  return { ticket: "T1", body, visibility };
}

function bodies(on: Stage, system: FakeSystem): readonly string[] {
  return on.rows(system, ["body", "visibility"], "comments");
}

describe("a sync that appends", () => {
  test("[S61] an item is added everywhere once; what becomes of it at a side afterwards stays there", async () => {
    const on = stage({}, [{ name: "crm" }, { name: "erp" }, { name: "shop" }]);
    const [first, second] = ["one", "two"].map((body) => on.crm.user.insert("comments", comment(body)));
    const context = await on.goLive();
    const shop = on.system(2);
    on.erp.user.insert("comments", comment("three"));
    await on.settle(context);
    for (const system of on.systems) expect(bodies(on, system)).toEqual(["one|public", "three|public", "two|public"]);
    const writes = on.systems.map((system) => on.writes(system));

    on.crm.user.update("comments", first ?? "", { body: "one, corrected" });
    on.erp.user.update("comments", on.idOf(on.erp, { body: "one" }, "comments"), { body: "one, spoilt" });
    on.crm.user.delete("comments", second ?? "");
    await on.settle(context);
    await on.settle(context);
    expect(bodies(on, on.crm)).toEqual(["one, corrected|public", "three|public"]);
    expect(bodies(on, on.erp)).toEqual(["one, spoilt|public", "three|public", "two|public"]);
    expect(bodies(on, shop)).toEqual(["one|public", "three|public", "two|public"]);
    expect(on.systems.map((system) => on.writes(system))).toEqual(writes);
    expect(await on.differences(context)).toEqual([]);
  });

  test("[S61] what is internal, and what cannot be told, is kept from a side that is to have the public alone, until it is made public", async () => {
    const on = stage();
    const note = on.crm.user.insert("comments", comment("note", "internal"));
    on.crm.user.insert("comments", comment("unmarked", null));
    on.crm.user.insert("comments", comment("answer"));
    const context = await on.goLive();
    expect(bodies(on, on.erp)).toEqual(["answer|public"]);
    on.crm.user.insert("comments", comment("later note", "internal"));
    await on.settle(context);
    expect(bodies(on, on.erp)).toEqual(["answer|public"]);
    expect(await on.differences(context)).toEqual([]);

    on.crm.user.update("comments", note, { body: "note, cleaned", visibility: "public" });
    await on.settle(context);
    expect(bodies(on, on.erp)).toEqual(["answer|public", "note, cleaned|public"]);
    // It was read by then: nothing takes it back, and nothing rewrites it.
    on.crm.user.update("comments", note, { body: "note", visibility: "internal" });
    await on.settle(context);
    expect(bodies(on, on.erp)).toEqual(["answer|public", "note, cleaned|public"]);
  });

  test("[S36] [S61] items that both sides hold already are linked by match keys, each as it stands", async () => {
    const on = stage({ match: [["body"]] });
    on.crm.user.insert("comments", { ...comment("same"), ticket: "T1" });
    on.erp.user.insert("comments", { ...comment("same"), ticket: "T9" });
    on.erp.user.insert("comments", comment("erp's own"));
    const context = await on.goLive();
    await on.settle(context);
    expect(on.rows(on.crm, ["ticket", "body"], "comments")).toEqual(["T1|erp's own", "T1|same"]);
    expect(on.rows(on.erp, ["ticket", "body"], "comments")).toEqual(["T1|erp's own", "T9|same"]);
    expect(on.writes(on.erp)).toBe(0);
  });

  test("[S38] [S61] where deletes are to be carried, an item that goes at one side goes at all, edited or not", async () => {
    const on = stage({ deletes: { do: "delete", conflict: "delete-wins" } });
    const [one] = ["one", "two"].map((body) => on.crm.user.insert("comments", comment(body)));
    const context = await on.goLive();
    on.erp.user.update("comments", on.idOf(on.erp, { body: "one" }, "comments"), { body: "one, by erp" });
    on.crm.user.delete("comments", one ?? "");
    await on.settle(context);
    expect(bodies(on, on.crm)).toEqual(["two|public"]);
    expect(bodies(on, on.erp)).toEqual(["two|public"]);
  });

  test("[S51] [S61] made two-way, what went apart is a plan first, and meets by the initial policy", async () => {
    const on = stage();
    const one = on.crm.user.insert("comments", comment("one"));
    const context = await on.goLive();
    on.erp.user.update("comments", on.idOf(on.erp, { body: "one" }, "comments"), { visibility: "friends" });
    on.crm.user.update("comments", one, { body: "one, corrected" });
    await on.settle(context);
    await releaseLeases(context, UNCANCELLED);
    await context.store.setSyncState(1, "planned", null, UNCANCELLED);
    const twoWay = { syncs: [{ ...APPENDED, direction: { kind: "two-way" } as const, sides: [] }], holder: "later" };
    const planned = await on.plan(twoWay);
    expect(bodies(on, on.erp)).toEqual(["one|friends"]);
    const later = await on.context(twoWay);
    await on.apply(later, planned);
    await on.settle(later);
    expect(bodies(on, on.erp)).toEqual(bodies(on, on.crm));
    expect(bodies(on, on.crm)).toEqual(["one, corrected|public"]);
  });
});
