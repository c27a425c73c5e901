import { Stage, UNCANCELLED } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { Collector, tombstonesBeforeMs } from "./collect.ts";
import type { EngineContext } from "./context.ts";

const DAY_MS = 86_400_000;

interface Ground {
  readonly stage: Stage;
  readonly context: EngineContext;
  readonly entity: number;
}

/** Ann was entered, copied, and deleted at both systems. */
async function deleted(tombstoneMs = 10 * DAY_MS): Promise<Ground> {
  const stage = new Stage({ settings: { tombstoneMs } });
  const ann = stage.crm.user.insert("customers", { email: "ann@x.org" });
  const context = await stage.goLive();
  const entity = stage.entityOf(0, ann);
  stage.crm.user.delete("customers", ann);
  await stage.settle(context);
  return { stage, context, entity };
}

async function horizon({ context }: Ground): Promise<number | null> {
  const [sync] = context.syncs;
  const row = (await context.store.listSyncs(UNCANCELLED)).find(({ id }) => id === sync?.id);
  return sync === undefined || row === undefined ? null : tombstonesBeforeMs(context, sync, row);
}

async function isRemembered({ context, entity }: Ground): Promise<boolean> {
  return (await context.store.loadEntities([entity], UNCANCELLED)).length === 1;
}

async function collect({ stage, context }: Ground): Promise<void> {
  const collector = new Collector();
  const rows = await context.store.listSyncs(UNCANCELLED);
  await collector.pass(context, rows, UNCANCELLED);
  await stage.clock.advance(700_000);
  await collector.pass(context, rows, UNCANCELLED);
}

describe("tombstones", () => {
  test("[S39] are kept for the configured time, and until every side was listed to its end since", async () => {
    const ground = await deleted();
    const { stage, context } = ground;
    await stage.clock.advance(30 * DAY_MS);
    await collect(ground);
    expect(await isRemembered(ground)).toBe(true);
    const [sync] = context.syncs;
    if (sync === undefined) throw new RangeError("no sync");
    await stage.settle(context);
    await collect(ground);
    expect(await isRemembered(ground)).toBe(false);
    expect((await context.store.readJournal({ entity: ground.entity, limit: 9 }, UNCANCELLED)).length).toBeGreaterThan(0);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S39] the time is bounded by what systems may still say: stale readings, requests on their way, listings that began before", async () => {
    const ground = await deleted(0);
    const { stage, context } = ground;
    const nowMs = stage.clock.nowMs();
    const before = await horizon(ground);
    expect(before).toBeLessThan(nowMs - DAY_MS);
    const [sync] = context.syncs;
    if (sync === undefined) throw new RangeError("no sync");
    const row = { side: 1, state: "running", after: null, completedAtMs: null } as const;
    await context.store.commitPull({ marks: [], cursor: null, listing: { sync: sync.id, row } }, UNCANCELLED);
    expect(await horizon(ground)).toBeNull();
    await stage.settle(context);
    await context.store.setSyncState(sync.id, "paused", "a guard", UNCANCELLED);
    expect(await horizon(ground)).toBeNull();
  });

  test("[S39, S40] what comes of a collected record's id afterwards is a record like any other, read afresh", async () => {
    const ground = await deleted(0);
    const { stage, context, entity } = ground;
    await stage.clock.advance(3 * DAY_MS);
    await stage.settle(context);
    await collect(ground);
    expect(await isRemembered(ground)).toBe(false);
    const late = { sync: 1, side: 0, record: "1", kind: "deleted", image: null, position: null, renamedFrom: null } as const;
    const mark = { ...late, fromMs: 1, toMs: 1, keys: null, notBeforeMs: 0 };
    await context.store.commitPull({ marks: [mark], cursor: null, listing: null }, UNCANCELLED);
    await stage.settle(context);
    expect([stage.crm.records("customers").size, stage.erp.records("customers").size]).toEqual([0, 0]);
    const again = stage.crm.user.insert("customers", { email: "ann@x.org" });
    await stage.settle(context);
    expect(stage.entityOf(0, again)).not.toBe(entity);
    expect(stage.rows(stage.erp, ["email"])).toEqual(["ann@x.org"]);
  });

  test("[S39, S59] a request for an entity that is no longer remembered is told, and holds up nothing", async () => {
    const ground = await deleted(0);
    const { stage, context, entity } = ground;
    await stage.clock.advance(3 * DAY_MS);
    await stage.settle(context);
    await collect(ground);
    await stage.ask(context, { entity, kind: "revive", body: {} });
    const [told] = await context.store.readJournal({ kinds: ["refused"], limit: 1 }, UNCANCELLED);
    expect(told?.payload).toContain("no longer remembered");
    expect(stage.crm.records("customers").size).toBe(0);
  });
});
