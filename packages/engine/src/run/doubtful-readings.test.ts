import { Stage, UNCANCELLED } from "@accord/testkit";
import type { StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { LoadedMark } from "../store/rows.ts";
import { drainUntilQuiet } from "./apply.ts";
import type { EngineContext } from "./context.ts";
import { DoubtfulReadings } from "./doubtful-readings.ts";

const STALE_MS = 4_000;

/** The second system shows what was up to four seconds ago; its listings and hints name records, no more. */
function stageOf(seed: number): Stage {
  const erp = { name: "erp", capabilities: { capture: "sweep", staleReadMsMax: STALE_MS }, writesReturn: "image" } as const;
  const options: StageOptions = { seed, systems: [{ name: "crm" }, erp] };
  return new Stage(options);
}

async function rest(stage: Stage, context: EngineContext): Promise<void> {
  await stage.settle(context);
  await stage.drive(context.clock.sleep(2 * STALE_MS, UNCANCELLED));
  await stage.settle(context);
}

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);

describe("a system whose readings may be old", () => {
  test("[S10] what it showed before our own write, or before an edit seen already, takes nothing back", async () => {
    for (const seed of SEEDS) {
      const stage = stageOf(seed);
      const ann = stage.crm.user.insert("customers", { email: "ann@x.org", name: "0" });
      const context = await stage.goLive();
      for (let step = 1; step <= 4; step += 1) {
        stage.crm.user.update("customers", ann, { name: String(step) });
        await stage.settle(context);
        await stage.settle(context);
      }
      await rest(stage, context);
      expect(stage.rows(stage.crm), `seed ${seed}`).toEqual(["ann@x.org|4|"]);
      expect(stage.rows(stage.erp), `seed ${seed}`).toEqual(["ann@x.org|4|"]);
      expect(stage.writes(stage.crm), `seed ${seed}`).toBe(0);
    }
  });

  test("[S11] a record that was made a moment ago and does not show yet is not taken for deleted, and one that goes is", async () => {
    for (const seed of SEEDS) {
      const stage = stageOf(seed);
      const context = await stage.goLive();
      const ann = stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
      for (let look = 0; look < 4; look += 1) await stage.settle(context);
      expect(stage.rows(stage.erp), `seed ${seed}`).toEqual(["ann@x.org|Ann|"]);
      expect(stage.crm.records("customers").has(ann), `seed ${seed}`).toBe(true);
      stage.erp.user.delete("customers", stage.idOf(stage.erp, { name: "Ann" }));
      await rest(stage, context);
      await rest(stage, context);
      expect(stage.crm.records("customers").size, `seed ${seed}`).toBe(0);
    }
  });

  test("[S10] an edit there arrives once two readings agree on it", async () => {
    const stage = stageOf(3);
    stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
    const context = await stage.goLive();
    await stage.drive(context.clock.sleep(2 * STALE_MS, UNCANCELLED));
    stage.erp.user.update("customers", stage.idOf(stage.erp, { name: "Ann" }), { name: "Anna" });
    await stage.drive(context.clock.sleep(STALE_MS, UNCANCELLED));
    await stage.sweepAll(context);
    await stage.drain(context);
    expect(stage.rows(stage.crm)).toEqual(["ann@x.org|Ann|"]);
    await stage.drive(drainUntilQuiet(context, UNCANCELLED));
    expect(stage.rows(stage.crm)).toEqual(["ann@x.org|Anna|"]);
  });
});

/** A mark of a record of which this is known. */
function mark(record: string, image: string | null = "known", seenAtMs = 5): LoadedMark {
  const member = { state: "live", record, incarnation: 1, image, ack: [], position: null, seenAtMs, intent: null, retired: [] } as const;
  return {
    sync: 1,
    side: 0,
    record,
    kind: "touched",
    image: null,
    position: null,
    renamedFrom: null,
    fromMs: 0,
    toMs: 0,
    keys: null,
    notBeforeMs: 0,
    sequence: 1,
    attempts: 0,
    entity: { id: 1, sync: 1, life: { kind: "live" }, version: 1, fields: [], review: null, members: [member] },
  };
}

describe("readings", () => {
  test("[S10] count when two agree that lie the bound apart, and nothing was learnt in between", () => {
    const readings = new DoubtfulReadings();
    expect(readings.weigh(mark("a"), "x", 100, 50)).toBe(50);
    expect(readings.weigh(mark("a"), "x", 120, 50)).toBe(30);
    expect(readings.weigh(mark("a"), "x", 150, 50)).toBe(0);
    // Confirmed once is not confirmed for ever.
    expect(readings.weigh(mark("a"), "x", 400, 50)).toBe(50);
    // Another image, an absence, our own write in between: from the beginning.
    expect(readings.weigh(mark("a"), "y", 450, 50)).toBe(50);
    expect(readings.weigh(mark("a"), null, 500, 50)).toBe(50);
    expect(readings.weigh(mark("a", "known", 6), null, 600, 50)).toBe(50);
    expect(readings.weigh(mark("a", "other", 6), null, 700, 50)).toBe(50);
    expect(readings.weigh(mark("a", "other", 6), null, 750, 50)).toBe(0);
  });

  test("that are too many are forgotten from the oldest on, and read again", () => {
    const readings = new DoubtfulReadings(2);
    for (const record of ["a", "b", "c"]) expect(readings.weigh(mark(record), "x", 0, 50)).toBe(50);
    expect(readings.weigh(mark("a"), "x", 60, 50)).toBe(50);
    expect(readings.weigh(mark("c"), "x", 60, 50)).toBe(0);
  });
});
