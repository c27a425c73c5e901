import { Stage, STAGE_OBJECT, STAGE_SYNC, UNCANCELLED } from "@accord/testkit";
import type { Fault, StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { Mark } from "../store/rows.ts";
import { drainUntilQuiet } from "./apply.ts";
import type { EngineContext } from "./context.ts";
import { touch } from "./due.ts";

/** The second system gives the id of its last record again once that record is deleted. */
const REUSING = {
  ...STAGE_OBJECT,
  columns: STAGE_OBJECT.columns.map((column) => (column.name === "id" ? { ...column, isReused: true } : column)),
};
type ErpOptions = Omit<NonNullable<StageOptions["systems"]>[number], "name" | "objects">;

/** Nine things in agreement; entities 1, 5 and 9 are of one shard. */
async function agreed(erp: ErpOptions = {}) {
  const stage = new Stage({
    systems: [{ name: "crm" }, { name: "erp", objects: [REUSING], ...erp }],
    syncs: [{ ...STAGE_SYNC, deletes: { do: "delete", conflict: "update-wins" } }],
  });
  for (let index = 1; index <= 9; index += 1) stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: `Old ${index}` });
  const context = await stage.goLive();
  const recordOf = (entity: number, side: number): string => stage.state.entities.get(entity)?.members[side]?.record ?? "";
  return {
    stage,
    context,
    recordOf,
    edit: (entity: number): void => {
      stage.crm.user.update("customers", recordOf(entity, 0), { name: `New ${entity}` });
    },
    deleteAt: (side: number, entity: number): void => stage.system(side).user.delete("customers", recordOf(entity, side)),
  };
}

async function expectAgreement(stage: Stage, context: EngineContext, count: number): Promise<void> {
  await stage.settle(context);
  await stage.settle(context);
  expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  expect(new Set(stage.rows(stage.erp, ["email"])).size).toBe(count);
  expect(stage.rows(stage.erp, ["email"])).toHaveLength(count);
  expect(await stage.differences(context)).toEqual([]);
}

/** What happened to the records of an id at the second system. */
function storyOf(stage: Stage, record: string): readonly string[] {
  return stage.erp.history.changes.flatMap((change) => (change.record === record ? [`${change.kind} by ${change.author.kind}`] : []));
}

describe("a system that gives the id of a deleted record to the next", () => {
  test("[S34, S38] our own delete frees an id, and our next create in the same batch takes it", async () => {
    const { stage, context, recordOf, edit, deleteAt } = await agreed();
    // The update wins: the record is made again, and is the last then.
    deleteAt(1, 1);
    edit(1);
    await stage.settle(context);
    const last = recordOf(1, 1);
    deleteAt(1, 5);
    edit(5);
    deleteAt(0, 1);
    await stage.settle(context);
    expect(storyOf(stage, last)).toEqual(["insert by accord", "delete by accord", "insert by accord"]);
    expect(stage.entityOf(1, last)).toBe(5);
    await expectAgreement(stage, context, 8);
    expect(stage.rows(stage.erp, ["name"])).toContain("New 5");
  });

  test.each<[string, ErpOptions, number]>([
    ["one batch", {}, 0],
    ["all of a batch or nothing", { batch: "all-or-nothing" }, 0],
    ["batches of one", { capabilities: { batchSizeMax: 1 } }, 0],
    ["batches of one, without compare-and-set", { capabilities: { batchSizeMax: 1, compareAndSet: false } }, 0],
    ["proven, answers lost", {}, 1],
    ["found by our id, answers lost", { capabilities: { proof: false } }, 1],
    ["proven, one by one, answers lost", { capabilities: { batchSizeMax: 1 } }, 2],
  ])(
    "[S31, S34, S38] a person's unseen delete frees an id, and our create takes it before its former holder is updated: %s",
    async (_, erp, lost) => {
      const { stage, context, recordOf, edit, deleteAt } = await agreed(erp);
      deleteAt(1, 1);
      edit(1);
      edit(9);
      await stage.sweepAll(context);
      const last = recordOf(9, 1);
      deleteAt(1, 9);
      let calls = 0;
      const lostReply: Fault = { kind: "lostReply" };
      stage.erp.faults = ({ method }) => (method === "write" && (calls += 1) <= lost ? lostReply : null);
      await stage.drive(drainUntilQuiet(context, UNCANCELLED));
      expect(storyOf(stage, last).slice(0, 3)).toEqual(["insert by accord", "delete by user", "insert by accord"]);
      expect(storyOf(stage, last)).toHaveLength(3);
      expect(stage.entityOf(1, last)).toBe(1);
      await expectAgreement(stage, context, 9);
      // Both updates win over the deletes.
      expect(stage.rows(stage.erp, ["email", "name"])).toEqual(expect.arrayContaining(["u1@x.org|New 1", "u9@x.org|New 9"]));
    },
  );

  test.each([
    ["told of its end", "fresh@x.org", ["delete", "insert"]],
    ["entered again with its match key", "u9@x.org", ["update"]],
  ])("[S34, S38] a person enters a record under the id of one they deleted: %s", async (_, email, expected) => {
    const { stage, context, recordOf, deleteAt } = await agreed();
    const last = recordOf(9, 1);
    const known = stage.crm.history.last;
    deleteAt(1, 9);
    expect(stage.erp.user.insert("customers", { email, name: "Fresh" })).toBe(last);
    const sync = context.syncs[0] ?? expect.fail("there is one sync");
    const word: Mark = { ...touch(sync, 1, last, stage.clock.nowMs()), position: "9" };
    const marks: Mark[] = [{ ...word, kind: "deleted" }, word];
    await context.store.commitPull({ marks, cursor: null, listing: null }, UNCANCELLED);
    await stage.drive(drainUntilQuiet(context, UNCANCELLED));
    // Another thing is another record: what only the first system keeps of the former one stays with it.
    expect(new Set(stage.crm.history.changes.slice(known).map(({ kind }) => kind))).toEqual(new Set(expected));
    await expectAgreement(stage, context, 9);
    expect(stage.rows(stage.crm, ["email", "name"])).toContain(`${email}|Fresh`);
  });

  test("[S34, S40] a record that appears under the id of a tombstone is that thing only if it shows one of its match keys", async () => {
    const { stage, context, recordOf, deleteAt } = await agreed();
    const last = recordOf(9, 1);
    deleteAt(1, 9);
    await stage.settle(context);
    expect(stage.state.entities.get(9)?.life.kind).toBe("deleted");
    stage.erp.user.insert("customers", { email: "fresh@x.org", name: "Fresh" });
    await expectAgreement(stage, context, 9);
    expect(stage.entityOf(1, last)).not.toBe(9);
    expect(stage.state.entities.get(9)).toMatchObject({ life: { kind: "deleted" }, members: [{}, { record: null, retired: [last] }] });
  });

  test("[S26, S34] a write expects the match keys beside what it changes, so that it touches no other thing that stands there by now", async () => {
    const { stage, context, recordOf, edit, deleteAt } = await agreed();
    const last = recordOf(9, 1);
    edit(9);
    await stage.sweepAll(context);
    deleteAt(1, 9);
    stage.erp.user.insert("customers", { email: "fresh@x.org", name: "Old 9" });
    await stage.drain(context);
    expect(storyOf(stage, last)).toEqual(["insert by accord", "delete by user", "insert by user"]);
  });

  test("[S34] a reading waits for the log where it shows another thing and the log has not told of it yet", async () => {
    const { stage, context, recordOf, deleteAt } = await agreed();
    const last = recordOf(9, 1);
    deleteAt(1, 9);
    stage.erp.user.insert("customers", { email: "fresh@x.org", name: "Fresh" });
    const sync = context.syncs[0] ?? expect.fail("there is one sync");
    const hint = touch(sync, 1, last, stage.clock.nowMs());
    await context.store.commitPull({ marks: [hint], cursor: null, listing: null }, UNCANCELLED);
    await stage.drain(context);
    expect(stage.state.marks.size).toBe(1);
    await context.store.commitPull({ marks: [{ ...hint, kind: "deleted", position: "9" }], cursor: null, listing: null }, UNCANCELLED);
    await stage.drive(drainUntilQuiet(context, UNCANCELLED));
    expect(stage.state.entities.get(9)?.life.kind).toBe("deleted");
    await expectAgreement(stage, context, 9);
  });

  test("[S34, S35] what stands under a former id of an entity is not its record, whatever was proven once", async () => {
    const { stage, context, recordOf, edit, deleteAt } = await agreed();
    const last = recordOf(9, 1);
    deleteAt(1, 9);
    await stage.sweepAll(context);
    edit(9);
    await stage.drain(context);
    // The record was made again under its old id, and is gone once more: a stranger has it now.
    deleteAt(1, 9);
    stage.erp.user.insert("customers", { email: "fresh@x.org", name: "Fresh" });
    await stage.settle(context);
    edit(9);
    await expectAgreement(stage, context, stage.crm.records("customers").size);
    expect(stage.erp.record("customers", last)?.["email"]).toBe("fresh@x.org");
  });
});
