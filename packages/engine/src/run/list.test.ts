import { Stage, STAGE_OBJECT, UNCANCELLED } from "@accord/testkit";
import type { FakeObject } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { AccordError } from "../connector/errors.ts";
import { confirmRenames } from "./confirm-renames.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { touch } from "./due.ts";
import { sweep } from "./list.ts";
import { makePlan } from "./plan.ts";

function only(context: EngineContext): RunningSync {
  const [sync] = context.syncs;
  if (sync === undefined) throw new RangeError("no sync");
  return sync;
}

function populated(count: number, stage = new Stage({ limits: { listPage: 3 } })): Stage {
  for (let index = 0; index < count; index += 1) {
    stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Crm" });
    stage.erp.user.insert("customers", { email: `u${count - 1 - index}@x.org`, name: "Erp" });
  }
  return stage;
}

describe("the first listing", () => {
  test("[S52] goes on where it stopped, whichever page the process died after", async () => {
    for (let crashAt = 1; crashAt <= 8; crashAt += 1) {
      const stage = populated(10);
      let pages = 0;
      const dying = await stage.context({
        mayWrite: false,
        wrapStore: (store) => ({
          ...store,
          firstContact: {
            ...store.firstContact,
            stage: async (page, options) => {
              await store.firstContact.stage(page, options);
              pages += 1;
              if (pages === crashAt) throw new RangeError("the process died");
            },
          },
        }),
      });
      await makePlan(dying, UNCANCELLED).catch(() => {});
      let listed = 0;
      stage.crm.faults = ({ method }) => {
        if (method === "list") listed += 1;
        return null;
      };
      const context = await stage.goLive();
      stage.crm.faults = null;
      expect(listed, `pages of the first side, listed again after a crash at ${crashAt}`).toBeLessThanOrEqual(
        Math.max(4 - Math.min(crashAt, 4), 0),
      );
      expect(stage.crm.records("customers").size).toBe(10);
      expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
      expect(await stage.differences(context)).toEqual([]);
    }
  });

  test("[S11] [S52] that ends before its end joins nothing: what it kept back would be made twice [I4]", async () => {
    const stage = populated(10);
    stage.erp.faults = ({ method }) => (method === "list" ? { kind: "truncatedPage" } : null);
    const context = await stage.context({ mayWrite: false });
    await expect(makePlan(context, UNCANCELLED)).rejects.toThrow(/before the end/);
    expect((await context.store.listSyncs(UNCANCELLED))[0]?.state).toBe("new");
    stage.erp.faults = null;
    const whole = await stage.plan();
    expect(whole.summary.syncs[0]?.entities).toBe(10);
    expect(whole.summary.syncs[0]?.sides.map(({ operations }) => operations.create)).toEqual([0, 0]);
  });

  test("[S36] all sides are listed before any is joined, so that keys which are not unique are known", async () => {
    const stage = new Stage();
    stage.crm.user.insert("customers", { email: "a@x.org" });
    stage.erp.user.insert("customers", { email: "a@x.org" });
    stage.erp.user.insert("customers", { email: "a@x.org" });
    const { summary } = await stage.plan();
    expect(summary.syncs[0]).toMatchObject({ entities: 1, problems: 2 });
  });
});

describe("a sweep", () => {
  test("[S8] finds what hints never told: new, changed and missing records, and marks nothing else", async () => {
    const stage = populated(10);
    const context = await stage.goLive();
    const ids = [...stage.crm.records("customers").keys()];
    stage.crm.user.update("customers", ids[2] ?? "", { name: "Changed" });
    stage.crm.user.delete("customers", ids[9] ?? "");
    stage.crm.user.delete("customers", ids[5] ?? "");
    stage.crm.user.insert("customers", { email: "new@x.org" });
    expect(await sweep(context, only(context), 0, UNCANCELLED)).toEqual({ records: 9, marks: 4, isComplete: true });
    await stage.settle(context);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
    expect(await sweep(context, only(context), 0, UNCANCELLED)).toMatchObject({ marks: 0 });
  });

  test("[S11] that is incomplete deletes nothing, and is not counted as one", async () => {
    const stage = populated(10);
    const context = await stage.goLive();
    await stage.clock.advance(5_000);
    stage.crm.user.delete("customers", stage.idOf(stage.crm, { email: "u0@x.org" }));
    let pages = 0;
    stage.crm.faults = ({ method }) => (method === "list" && (pages += 1) > 1 ? { kind: "truncatedPage" } : null);
    const before = (await context.store.listSyncs(UNCANCELLED))[0]?.listings[0];
    expect(await sweep(context, only(context), 0, UNCANCELLED)).toMatchObject({ isComplete: false, marks: 0 });
    expect((await context.store.listSyncs(UNCANCELLED))[0]?.listings[0]).toEqual(before);
    stage.crm.faults = null;
    await stage.drain(context);
    expect(stage.erp.records("customers").size).toBe(10);
  });

  test("[S11] whose listing lacks a record that is there deletes nothing: it is read by id first", async () => {
    const stage = populated(3);
    const context = await stage.goLive();
    const [id] = stage.crm.records("customers").keys();
    const row = stage.crm.record("customers", id ?? "");
    const backup = stage.crm.backUp();
    stage.crm.user.delete("customers", id ?? "");
    await sweep(context, only(context), 0, UNCANCELLED);
    stage.crm.table("customers").replaceAll(backup.rows.get("customers") ?? new Map());
    expect(stage.crm.record("customers", id ?? "")).toEqual(row);
    await stage.drain(context);
    expect(stage.erp.records("customers").size).toBe(3);
  });

  test("[S63] a record that is gone and a new one with equal match keys are one: linked again, never deleted", async () => {
    const stage = populated(4);
    const context = await stage.goLive();
    const id = stage.idOf(stage.crm, { email: "u2@x.org" });
    const entity = stage.entityOf(0, id);
    stage.crm.user.delete("customers", id);
    const again = stage.crm.user.insert("customers", { email: "u2@x.org", name: "Moved" });
    const writes = stage.erp.history.changes.length;
    await stage.settle(context);
    expect(stage.entityOf(0, again)).toBe(entity);
    expect(stage.state.entities.get(entity)?.members[0]?.retired).toEqual([id]);
    expect(stage.erp.history.changes.slice(writes).map(({ kind }) => kind)).toEqual(["update"]);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  });

  test("[S11] [S63] a sweep that was overtaken guesses wrong: a record that is there is not linked anew", async () => {
    const stage = populated(3);
    const context = await stage.goLive();
    const sync = only(context);
    const id = stage.idOf(stage.crm, { email: "u1@x.org" });
    const entity = stage.entityOf(0, id);
    const twin = stage.crm.user.insert("customers", { email: "u1@x.org", name: "Twin" });
    // What a listing saw that began before the first of the two was made.
    const guess = { ...touch(sync, 0, twin, stage.clock.nowMs()), renamedFrom: id };
    const marks = await confirmRenames(context, sync, 0, [guess], UNCANCELLED);
    expect(marks.map(({ record, renamedFrom }) => [record, renamedFrom])).toEqual([
      [twin, null],
      [id, null],
    ]);
    await context.store.commitPull({ marks, cursor: null, listing: null }, UNCANCELLED);
    await stage.settle(context);
    expect(stage.entityOf(0, id)).toBe(entity);
    expect(stage.state.entities.get(entity)?.members[0]?.retired).toEqual([]);
    stage.crm.user.delete("customers", id);
    expect(stage.crm.record("customers", id)).toBeNull();
    const other = { ...guess, record: "99" };
    expect(await confirmRenames(context, sync, 0, [other], UNCANCELLED)).toEqual([other]);
  });

  test("[S34] [S63] a rename is overtaken too where its new id was linked before its turn came", async () => {
    const stage = populated(3);
    const context = await stage.goLive();
    const sync = only(context);
    const id = stage.idOf(stage.crm, { email: "u1@x.org" });
    const entity = stage.entityOf(0, id);
    stage.crm.user.delete("customers", id);
    const next = stage.crm.user.insert("customers", { email: "u9@x.org", name: "Next" });
    await context.store.commitPull({ marks: [touch(sync, 0, next, 0)], cursor: null, listing: null }, UNCANCELLED);
    await stage.drain(context);
    const late = { ...touch(sync, 0, next, stage.clock.nowMs()), renamedFrom: id };
    await context.store.commitPull({ marks: [late], cursor: null, listing: null }, UNCANCELLED);
    await stage.settle(context);
    expect(stage.entityOf(0, next)).not.toBe(entity);
    expect(stage.state.entities.get(entity)?.life.kind).toBe("deleted");
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  });

  test("[S63] two new ones with the key of one that is gone are not it", async () => {
    const stage = populated(2);
    const context = await stage.goLive();
    const entity = stage.entityOf(0, stage.idOf(stage.crm, { email: "u1@x.org" }));
    stage.crm.user.delete("customers", stage.idOf(stage.crm, { email: "u1@x.org" }));
    stage.crm.user.insert("customers", { email: "u1@x.org", name: "A" });
    stage.crm.user.insert("customers", { email: "u1@x.org", name: "B" });
    await stage.settle(context);
    expect(stage.state.entities.get(entity)?.life.kind).toBe("deleted");
    expect(stage.rows(stage.erp, ["name"])).toEqual(["A", "B", "Crm"]);
  });

  test("[S9] stands beside the stored members in the order of record ids, as integers and as bytes", async () => {
    const key: FakeObject = {
      ...STAGE_OBJECT,
      columns: STAGE_OBJECT.columns.map((column) => (column.name === "id" ? { name: "id", type: "text" as const } : column)),
    };
    for (const object of [STAGE_OBJECT, key]) {
      const stage = new Stage({
        objects: [object],
        limits: { listPage: 2 },
        systems: [{ name: "crm" }, { name: "erp", objects: [STAGE_OBJECT] }],
      });
      const ids = ["9", "10", "100", "é", "z", "\u{1F600}", "\uFF5E"];
      for (const [index, id] of ids.entries()) {
        if (object === key || index < 3)
          stage.crm.user.insert("customers", { ...(object === key ? { id } : {}), email: `u${index}@x.org` });
      }
      const context = await stage.goLive();
      expect(await sweep(context, only(context), 0, UNCANCELLED)).toMatchObject({ marks: 0, isComplete: true });
    }
  });

  test("[S4] that fails on its way says so, and what it had found stays found", async () => {
    const stage = populated(10);
    const context = await stage.goLive();
    stage.crm.user.update("customers", stage.idOf(stage.crm, { email: "u0@x.org" }), { name: "Changed" });
    let pages = 0;
    stage.crm.faults = ({ method }) => (method === "list" && (pages += 1) > 2 ? { kind: "unavailable" } : null);
    await expect(sweep(context, only(context), 0, UNCANCELLED)).rejects.toBeInstanceOf(AccordError);
    stage.crm.faults = null;
    await stage.drain(context);
    expect(stage.erp.record("customers", stage.idOf(stage.erp, { email: "u0@x.org" }))?.["name"]).toBe("Changed");
  });
});
