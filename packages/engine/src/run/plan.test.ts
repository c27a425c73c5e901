import { Stage, STAGE_SYNC, UNCANCELLED } from "@accord/testkit";
import type { StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { PlannedOperation } from "../store/rows.ts";
import { sampleOf } from "./apply.ts";
import { verify } from "./verify.ts";
import type { Difference } from "./verify.ts";

function planned(options: StageOptions = {}, count = 12): Stage {
  const stage = new Stage(options);
  for (let index = 0; index < count; index += 1) {
    if (index % 3 !== 0) stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Crm", amount: "1.00" });
    if (index % 3 !== 1) stage.erp.user.insert("customers", { email: `u${index}@x.org`, name: "Erp" });
  }
  return stage;
}

async function operationsOf(stage: Stage, plan: number): Promise<readonly PlannedOperation[]> {
  return (await stage.context()).store.listOperations(plan, 0, 1_000, UNCANCELLED);
}

function operation(entity: number, kind: PlannedOperation["kind"], side = 0): PlannedOperation {
  return { sync: 1, side, entity, kind, record: null, entityVersion: 1, imageDigest: "", detail: "{}" };
}

async function* pages() {
  yield await Promise.resolve([operation(1, "create"), operation(2, "create"), operation(3, "create"), operation(4, "waits")]);
  yield [operation(5, "update"), operation(6, "create", 1), operation(7, "delete")];
}

describe("a plan", () => {
  test("[S60] [S52] writes nothing to any system, and says of each operation what it does", async () => {
    const stage = planned();
    const { plan, summary } = await stage.plan();
    expect([stage.writes(stage.crm), stage.writes(stage.erp)]).toEqual([0, 0]);
    expect(summary.syncs[0]).toMatchObject({ entities: 12, records: { crm: 8, erp: 8 } });
    expect(summary.syncs[0]?.sides.map(({ operations }) => [operations.create, operations.update])).toEqual([
      [4, 0],
      [4, 4],
    ]);
    expect(summary.syncs[0]?.sides[1]?.fields).toEqual({ email: 4, name: 8, amount: 8 });
    const update = (await operationsOf(stage, plan)).find(({ kind }) => kind === "update");
    expect(JSON.parse(update?.detail ?? "")).toEqual({
      fields: [
        { field: "name", before: "Erp", after: "Crm" },
        { field: "amount", before: null, after: "1" },
      ],
      reason: null,
    });
  });

  test("[S43] that would trip a guard is applied after approval only, and a later approval is needed for a later plan", async () => {
    const guards = {
      deletesMax: null,
      deletesShareMax: 1,
      rewritesShareMax: { name: 0.2 },
      changedShareMax: 1,
      countShareMax: null,
      canaries: {},
    };
    const stage = planned({ settings: { guards } }, 18);
    const first = await stage.plan();
    expect(first.summary.stops.map(({ id }) => id)).toEqual(["customers/erp/rewrites"]);
    const context = await stage.context();
    await expect(stage.apply(context, first)).rejects.toMatchObject({ code: "ACCORD_GUARD_STOP" });
    expect(stage.writes(stage.erp)).toBe(0);
    await context.store.approveTrip("customers/erp/rewrites", stage.clock.nowMs(), UNCANCELLED);
    await stage.clock.advance(1_000);
    const later = await stage.plan();
    await expect(stage.apply(context, later)).rejects.toMatchObject({ code: "ACCORD_GUARD_STOP" });
    const trips = await context.store.listTrips(UNCANCELLED);
    expect(trips.map(({ id, approvedAtMs }) => [id, approvedAtMs])).toEqual([["customers/erp/rewrites", null]]);
    await context.store.approveTrip("customers/erp/rewrites", stage.clock.nowMs(), UNCANCELLED);
    await stage.apply(context, later);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  });
});

describe("applying", () => {
  test("[S60] a sample is spread over the kinds of operations, and makes nothing live", async () => {
    const stage = planned();
    const made = await stage.plan();
    const context = await stage.context();
    const applied = await stage.apply(context, made, { sample: 3 });
    expect(applied).toEqual({ released: 3, changed: [] });
    expect([stage.writes(stage.crm), stage.writes(stage.erp)]).toEqual([1, 2]);
    expect(
      stage.erp.history.changes
        .filter(({ author }) => author.kind === "accord")
        .map(({ kind }) => kind)
        .toSorted(),
    ).toEqual(["insert", "update"]);
    expect((await context.store.listSyncs(UNCANCELLED))[0]?.state).toBe("planned");
  });

  test("[S60] samples take turns between kinds and leave out what waits", async () => {
    expect((await sampleOf(pages(), 5)).map(({ entity }) => entity)).toEqual([1, 5, 6, 7, 2]);
    expect((await sampleOf(pages(), 100)).map(({ entity }) => entity)).toEqual([1, 5, 6, 7, 2, 3]);
  });

  test("[S60] a plan that another one has followed makes nothing live, though it was begun before", async () => {
    const stage = planned();
    const first = await stage.plan();
    await stage.plan();
    const context = await stage.context();
    await expect(stage.apply(context, first)).rejects.toMatchObject({ code: "ACCORD_PLAN_SUPERSEDED" });
    expect((await context.store.listSyncs(UNCANCELLED)).map(({ state }) => state)).toEqual(["planned"]);
  });

  test("[S60] only chosen entities are written", async () => {
    const stage = planned();
    const made = await stage.plan();
    const wanted = stage.entityOf(0, stage.idOf(stage.crm, { email: "u1@x.org" }));
    await stage.apply(await stage.context(), made, { entities: ({ entity }) => entity === wanted });
    expect([stage.writes(stage.crm), stage.writes(stage.erp)]).toEqual([0, 1]);
    expect(stage.rows(stage.erp, ["email"])).toContain("u1@x.org");
  });

  test("[S60] a record that a user changed since the plan is left alone and named, also where nobody told us yet", async () => {
    const stage = planned();
    const made = await stage.plan();
    const touched = stage.idOf(stage.erp, { email: "u2@x.org" });
    stage.erp.user.update("customers", touched, { name: "Newer" });
    const applied = await stage.apply(await stage.context(), made, { sample: 100 });
    expect(applied.changed).toMatchObject([{ record: touched, kind: "update" }]);
    expect(stage.erp.record("customers", touched)?.["name"]).toBe("Newer");
  });

  test("[S60] [I7] goes on after the process died in the middle, and what it had done is no change since the plan", async () => {
    for (const crashAt of [1, 3, 6]) {
      const stage = planned();
      const made = await stage.plan();
      let commits = 0;
      const dying = await stage.context({
        holder: "dying",
        limits: { pushBatch: 2 },
        wrapStore: (store) => ({
          ...store,
          commit: async (lease, changes, options) => {
            commits += 1;
            if (commits > crashAt) throw new RangeError("the process died");
            await store.commit(lease, changes, options);
          },
        }),
      });
      await expect(stage.apply(dying, made)).rejects.toThrow("the process died");
      await stage.clock.advance(60_000);
      const context = await stage.context({ holder: "second" });
      const applied = await stage.apply(context, made);
      expect(applied.changed, `after a crash at commit ${crashAt}`).toEqual([]);
      expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
      expect(stage.writes(stage.crm) + stage.writes(stage.erp)).toBe(12);
      expect(await stage.differences(context)).toEqual([]);
    }
  });
});

async function live(): Promise<{ stage: Stage; left: string; right: string; readonly kinds: () => Promise<readonly string[]> }> {
  const stage = new Stage();
  for (const name of ["Ann", "Bob"]) stage.crm.user.insert("customers", { email: `${name}@x.org`, name, amount: "1.00" });
  const context = await stage.goLive();
  return {
    stage,
    left: stage.idOf(stage.crm, { name: "Ann" }),
    right: stage.idOf(stage.erp, { name: "Ann" }),
    async kinds() {
      const found: Difference[] = [];
      const totals = await verify(context, (difference) => found.push(difference), UNCANCELLED);
      expect(totals.differences).toBe(found.length);
      return found.map(({ kind, side, field }) => [kind, side, field].filter((part) => part !== null).join(" "));
    },
  };
}

describe("verify", () => {
  test("[I1] says nothing where all agree", async () => {
    expect(await (await live()).kinds()).toEqual([]);
  });

  test("[I1] finds what was changed, deleted and added behind our back", async () => {
    const { stage, left, right, kinds } = await live();
    stage.crm.user.update("customers", left, { name: "X" });
    stage.erp.user.delete("customers", right);
    stage.erp.user.insert("customers", { email: "new@x.org" });
    expect(await kinds()).toEqual(["unseen crm", "missing erp", "unlinked erp"]);
  });

  test("[I1] finds a value that differs though it counts as written, a record that should be there and one that should be gone", async () => {
    const { stage, left, right, kinds } = await live();
    const entity = stage.state.entities.get(stage.entityOf(0, left));
    if (entity === undefined) throw new RangeError("no entity");
    const [email, name, amount] = entity.fields;
    if (email === undefined || name === undefined || amount === undefined) throw new RangeError("no fields");
    stage.state.entities.set(entity.id, { ...entity, fields: [email, { ...name, value: "Wrong" }, amount] });
    expect(await kinds()).toEqual(["value crm name", "value erp name"]);

    stage.state.entities.set(entity.id, { ...entity, members: [entity.members[0] ?? null, null] });
    stage.state.links.delete(`1/1/${right}`);
    expect(await kinds()).toEqual(["absent erp", "unlinked erp"]);

    stage.state.links.set(`1/1/${right}`, entity.id);
    stage.state.entities.set(entity.id, { ...entity, life: { kind: "deleted", side: null, atMs: 0 } });
    expect(await kinds()).toEqual(["surplus crm", "surplus erp"]);
  });

  test("[S23] fields that wait for a person are exempt, and counted", async () => {
    const stage = new Stage({ syncs: [{ ...STAGE_SYNC, fields: [{ name: "email" }, { name: "name", policy: { kind: "review" } }] }] });
    stage.crm.user.insert("customers", { email: "a@x.org", name: "Crm" });
    stage.erp.user.insert("customers", { email: "a@x.org", name: "Erp" });
    const context = await stage.goLive();
    expect(await verify(context, () => {}, UNCANCELLED)).toEqual({ records: 2, entities: 1, differences: 0, exempt: 1 });
  });

  test("[S11] a list that ends before its end proves nothing", async () => {
    const { stage, kinds } = await live();
    stage.erp.faults = ({ method }) => (method === "list" ? { kind: "truncatedPage" } : null);
    await expect(kinds()).rejects.toMatchObject({ code: "ACCORD_LISTING_INCOMPLETE" });
  });
});
