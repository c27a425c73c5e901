import { Stage, STAGE_OBJECT, STAGE_SYNC, UNCANCELLED } from "@accord/testkit";
import type { FakeObject, StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { EntityPage } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext } from "./context.ts";
import { sweep } from "./list.ts";
import { repoint } from "./repoint.ts";

const OBJECT: FakeObject = { ...STAGE_OBJECT, columns: [...STAGE_OBJECT.columns, { name: "into", type: "text", nullable: true }] };

interface Ground {
  readonly stage: Stage;
  readonly context: EngineContext;
  readonly ann: string;
  readonly twin: string;
}

/** Ann and her twin stand at both systems; `into` tells of merges at the first, and at the second where it may be written. */
async function twins(options: StageOptions & { readonly isWritten?: boolean; readonly isAsked?: boolean } = {}): Promise<Ground> {
  const sides = [
    { merged: { column: "into", isWritten: false } },
    options.isWritten === true ? { merged: { column: "into", isWritten: true } } : {},
  ];
  const merges = options.isAsked === true ? "archive-loser" : "keep-both-flag";
  const stage = new Stage({ objects: [OBJECT], syncs: [{ ...STAGE_SYNC, sides, merges }], ...options });
  stage.erp.user.delete("customers", stage.erp.user.insert("customers", { email: "spent" }));
  const [ann, twin] = ["ann@x.org", "twin@x.org"].map((email) => stage.crm.user.insert("customers", { email, name: email }));
  const context = await stage.goLive();
  return { stage, context, ann: ann ?? "", twin: twin ?? "" };
}

async function sweepFirst({ stage, context }: Ground): Promise<void> {
  const [sync] = context.syncs;
  if (sync !== undefined) await sweep(context, sync, 0, UNCANCELLED);
  await stage.drain(context);
}

const problems = async ({ context }: Ground): Promise<readonly string[]> =>
  (await context.store.listProblems(10, UNCANCELLED)).map(({ kind, side }) => `${kind} ${side}`);

describe("record merges", () => {
  test("[S41, S54] one whose winner's shard another process holds waits, and nothing is done by half", async () => {
    const ground = await twins();
    const { stage, context, ann, twin } = ground;
    const [loser, winner] = [stage.entityOf(0, twin), stage.entityOf(0, ann)];
    const shard = context.store.shardOf(winner);
    expect(shard).not.toBe(context.store.shardOf(loser));
    const other = await stage.context({ holder: "another" });
    for (const lease of context.leases.values()) await context.store.releaseLease(lease, UNCANCELLED);
    context.leases.clear();
    const nowMs = stage.clock.nowMs();
    const lease = await other.store.takeLease(`shard:${shard}`, "another", nowMs + 60_000, nowMs, UNCANCELLED);
    stage.crm.user.update("customers", twin, { into: ann });
    await sweepFirst(ground);
    expect((await context.store.loadEntities([loser], UNCANCELLED))[0]?.life.kind).toBe("live");
    if (lease !== null) await other.store.releaseLease(lease, UNCANCELLED);
    await stage.clock.advance(5_000);
    await stage.drain(context);
    expect((await context.store.loadEntities([loser], UNCANCELLED))[0]?.life).toEqual({
      kind: "merged",
      into: winner,
      side: 0,
      others: "kept",
    });
    expect(await problems(ground)).toEqual(["merged 1"]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S41, S43] a merge ends a record as a delete does, and guards count it", async () => {
    const ground = await twins({
      isWritten: true,
      settings: {
        guards: { deletesMax: 0, deletesShareMax: 1, rewritesShareMax: {}, changedShareMax: 1, countShareMax: null, canaries: {} },
      },
    });
    const { stage, context, ann, twin } = ground;
    stage.crm.user.update("customers", twin, { into: ann });
    await sweepFirst(ground);
    expect((await context.store.listTrips(UNCANCELLED)).map(({ guard }) => guard)).toEqual(["deletes"]);
    expect([...stage.erp.records("customers").values()].map(({ into }) => into)).toEqual([null, null]);
  });

  test("[S41] a decision that comes after all about what is left over is carried out; an undo takes no merge back and says so", async () => {
    const ground = await twins({ isAsked: true });
    const { stage, context, ann, twin } = ground;
    const entity = stage.entityOf(0, twin);
    stage.crm.user.update("customers", twin, { into: ann });
    await sweepFirst(ground);
    expect(await problems(ground)).toEqual([]);
    await stage.ask(context, { entity, kind: "decide", body: { field: null, value: "keep" } });
    expect(await problems(ground)).toEqual(["merged 1"]);
    await stage.ask(context, { entity, kind: "undo", body: { fields: [], restores: [], creates: [], revive: true } });
    expect((await context.store.loadEntities([entity], UNCANCELLED))[0]?.life.kind).toBe("merged");
    await stage.ask(context, { entity, kind: "decide", body: { field: null, value: "delete" } });
    expect(stage.rows(stage.erp, ["email"])).toEqual(["ann@x.org"]);
    expect(await problems(ground)).toEqual([]);
  });

  test("[S41] word of a merge that is not so is forgotten", async () => {
    const ground = await twins();
    const { stage, context, ann, twin } = ground;
    const [sync] = context.syncs;
    const nowMs = stage.clock.nowMs();
    const told = { sync: sync?.id ?? 0, side: 0, record: twin, kind: "touched", image: null, position: null, renamedFrom: null } as const;
    const mark = { ...told, mergedInto: ann, fromMs: nowMs, toMs: nowMs, keys: null, notBeforeMs: 0 };
    await context.store.commitPull({ marks: [mark], cursor: null, listing: null }, UNCANCELLED);
    await stage.drain(context);
    expect((await context.store.loadEntities([stage.entityOf(0, twin)], UNCANCELLED))[0]?.life.kind).toBe("live");
    expect(await context.store.countMarks(UNCANCELLED)).toBe(0);
  });

  test("[S41, S36] a shell that was never linked is nobody's, however often sides are swept", async () => {
    const ground = await twins();
    const { stage, context, ann } = ground;
    stage.crm.user.insert("customers", { email: "ann@x.org", name: "Shell", into: ann });
    const writes = stage.writes(stage.erp);
    for (let round = 0; round < 2; round += 1) await stage.settle(context);
    expect(stage.writes(stage.erp)).toBe(writes);
    expect(await problems(ground)).toEqual([]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S41] what a shell that is thrown away leaves behind is no record under a new id", async () => {
    const ground = await twins();
    const { stage, context, ann, twin } = ground;
    const entity = stage.entityOf(0, twin);
    stage.crm.user.update("customers", twin, { into: ann });
    await sweepFirst(ground);
    stage.crm.user.delete("customers", twin);
    const again = stage.crm.user.insert("customers", { email: "twin@x.org", name: "Somebody else" });
    await stage.settle(context);
    expect(stage.entityOf(0, again)).not.toBe(entity);
    expect((await context.store.loadEntities([entity], UNCANCELLED))[0]?.life.kind).toBe("merged");
  });
});

test("[S41, S44] what names a merged entity is looked for in bounded pieces, and the search goes on where it stopped", async () => {
  const stage = new Stage({ syncs: [STAGE_SYNC, { ...STAGE_SYNC, name: "lines", fields: [{ name: "email", reference: "customers" }] }] });
  const base = await stage.context();
  const last = 12_300;
  const pages: number[] = [];
  const scanEntities = (_sync: number, after: number | null, limit: number): Promise<EntityPage> => {
    const from = (after ?? 0) + 1;
    const ids = Array.from({ length: Math.max(0, Math.min(limit, last - from + 1)) }, (_, index) => from + index);
    pages.push(ids.length);
    // Every third names the loser; one in six of those has no record left.
    return Promise.resolve({
      ids,
      values: ids.map((id) => (id % 3 === 0 ? "7" : "77")),
      isPlain: ids.map(() => true),
      members: [
        { records: ids.map((id) => (id % 18 === 0 ? null : String(id))), states: ids.map(() => "live"), images: ids.map(() => null) },
      ],
    });
  };
  const context: EngineContext = { ...base, store: { ...base.store, scanEntities } };
  const [sync] = context.syncs;
  if (sync === undefined) throw new RangeError("no sync");
  const first = new ChangeSet();
  await repoint(context, sync, { entity: 7 }, { children: "lines", after: null }, first, UNCANCELLED);
  expect(pages.reduce((sum, page) => sum + page, 0)).toBe(10_000);
  expect(first.requests).toMatchObject([{ kind: "repoint", entity: 7, body: JSON.stringify({ children: "lines", after: 10_000 }) }]);
  const second = new ChangeSet();
  await repoint(context, sync, { entity: 7 }, { children: "lines", after: 10_000 }, second, UNCANCELLED);
  expect(second.requests).toEqual([]);
  const named = Array.from({ length: last }, (_, index) => index + 1).filter((id) => id % 3 === 0 && id % 18 !== 0);
  expect([...first.marks, ...second.marks].map(({ record }) => Number(record))).toEqual(named);
});
