import { Stage, STAGE_OBJECT, STAGE_SYNC, UNCANCELLED } from "@accord/testkit";
import type { Fault, StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { drainUntilQuiet } from "./apply.ts";
import type { EngineContext } from "./context.ts";

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
});
