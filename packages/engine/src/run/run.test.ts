import { Stage, UNCANCELLED } from "@accord/testkit";
import type { StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { Connection } from "../connector/connector.ts";
import { AccordError } from "../connector/errors.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext } from "./context.ts";
import { drain, drainAll, releaseLeases } from "./drain.ts";
import { takeShard } from "./take-shard.ts";
import { sweep } from "./list.ts";
import { runLive } from "./run.ts";

interface LiveRun {
  readonly stage: Stage;
  readonly context: EngineContext;
  /** Lets time pass in small steps while the run goes on. */
  readonly pass: (durationMs: number) => Promise<void>;
  /** Asks the run to stop and gives how it ended: an error's code, or null. */
  readonly stop: () => Promise<string | null>;
  readonly ended: () => Promise<string | null>;
}

async function live(options: StageOptions = {}): Promise<LiveRun> {
  const stage = new Stage(options);
  stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
  const context = await stage.goLive();
  const controller = new AbortController();
  const run = runLive(context, { signal: controller.signal }).then(
    () => null,
    (error: unknown) => (error instanceof AccordError ? error.code : String(error)),
  );
  const pass = async (durationMs: number): Promise<void> => {
    for (let passed = 0; passed < durationMs; passed += 250) await stage.clock.advance(250);
  };
  await pass(500);
  return {
    stage,
    context,
    pass,
    stop: async () => {
      controller.abort();
      await pass(1_000);
      return run;
    },
    ended: async () => {
      await pass(2_000);
      return run;
    },
  };
}

function nameAt(stage: Stage, system: number): string | null | undefined {
  return stage.system(system).record("customers", stage.idOf(stage.system(system), { email: "ann@x.org" }))?.["name"];
}

function rename(stage: Stage, system: number, name: string): void {
  const at = stage.system(system);
  at.user.update("customers", stage.idOf(at, { email: "ann@x.org" }), { name });
}

function never(): Promise<never> {
  return new Promise(() => {});
}

/** A connection whose feed never tells anything, and never ends. */
function deaf(connection: Connection): Connection {
  return new Proxy(connection, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (name === "follow") return async () => Promise.resolve({ next: never, acknowledge: () => {}, retainedBytes: null, close: never });
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}

describe("a live run", () => {
  test.each(["log", "touched"] as const)("[S7] carries an edit from side to side within moments (%s)", async (capture) => {
    const { stage, pass, stop } = await live({
      systems: [
        { name: "crm", capabilities: { capture } },
        { name: "erp", capabilities: { capture } },
      ],
    });
    rename(stage, 0, "Anne");
    await pass(1_000);
    expect(nameAt(stage, 1)).toBe("Anne");
    rename(stage, 1, "Annie");
    await pass(1_000);
    expect(nameAt(stage, 0)).toBe("Annie");
    expect(await stop()).toBeNull();
  });

  test("[S8] sweeps systems without a feed when a sweep is due", async () => {
    const { stage, pass, stop } = await live({
      systems: [{ name: "crm", capabilities: { capture: "sweep" } }, { name: "erp" }],
      settings: { sweepMs: 10_000 },
    });
    rename(stage, 0, "Anne");
    await pass(13_000);
    expect(nameAt(stage, 1)).toBe("Anne");
    expect(await stop()).toBeNull();
  });

  test("[S8] a clock that was set back puts no sweep off", async () => {
    const { stage, pass, stop } = await live({
      systems: [{ name: "crm", capabilities: { capture: "sweep" } }, { name: "erp" }],
      settings: { sweepMs: 10_000 },
    });
    await pass(13_000);
    stage.clock.jump(stage.clock.nowMs() - 3_600_000);
    rename(stage, 0, "Anne");
    await pass(13_000);
    expect(nameAt(stage, 1)).toBe("Anne");
    expect(await stop()).toBeNull();
  });

  test.each(["log", "touched", "sweep"] as const)(
    "[S12] a system that is exchanged for an older copy of itself while a run lives ends the run: nothing old is taken for an edit (%s)",
    async (capture) => {
      const { stage, pass, ended } = await live({
        systems: [{ name: "crm", capabilities: { capture } }, { name: "erp" }],
        settings: { sweepMs: 10_000 },
      });
      const backup = stage.crm.backUp();
      rename(stage, 0, "Anne");
      await pass(13_000);
      expect(nameAt(stage, 1)).toBe("Anne");
      stage.crm.restore(backup);
      await pass(13_000);
      expect(await ended()).toBe("ACCORD_EPOCH_CHANGED");
      expect(nameAt(stage, 1)).toBe("Anne");
    },
  );

  test("[S54] a run that is to end does so, though a call to a system never comes back", async () => {
    const stage = new Stage();
    stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
    await releaseLeases(await stage.goLive(), UNCANCELLED);
    const context = await stage.context({ holder: "next" });
    const connections = new Map([...context.connections].map(([name, connection]) => [name, deaf(connection)]));
    const end = new AbortController();
    const run = runLive({ ...context, connections }, { signal: end.signal }).catch((error: unknown) => error);
    await stage.clock.advance(3_000);
    end.abort();
    await stage.clock.advance(context.limits.leaseMs + 1_000);
    expect(await run).toMatchObject({ code: "ACCORD_STUCK" });
  });

  test("[S30] what was put off while a system could not be asked is written as soon as it answers again", async () => {
    const { stage, pass, stop } = await live();
    const system = { takesWrites: false, tells: true };
    stage.erp.faults = ({ method }) => {
      if (method === "write" && !system.takesWrites) return { kind: "unavailable" };
      return (method === "next" || method === "follow") && !system.tells ? { kind: "unavailable" } : null;
    };
    rename(stage, 0, "Anne");
    await pass(130_000);
    system.tells = false;
    await pass(2_000);
    system.takesWrites = true;
    system.tells = true;
    await pass(6_000);
    expect(nameAt(stage, 1)).toBe("Anne");
    expect(await stop()).toBeNull();
  });

  test("[S8] a clock that was set back puts no second try of a sweep off", async () => {
    const { stage, pass, stop } = await live({
      systems: [{ name: "crm", capabilities: { capture: "sweep" } }, { name: "erp" }],
      settings: { sweepMs: 10_000 },
    });
    rename(stage, 0, "Anne");
    stage.crm.faults = ({ method }) => (method === "list" ? { kind: "unavailable" } : null);
    await pass(12_000);
    stage.clock.jump(stage.clock.nowMs() - 3_600_000);
    stage.crm.faults = null;
    await pass(13_000);
    expect(nameAt(stage, 1)).toBe("Anne");
    expect(await stop()).toBeNull();
  });

  test("[S36] [I4] one that begins hears every log before it acts on what was left undone: a person may have entered what it would create", async () => {
    const { stage, pass, stop } = await live();
    await stop();
    stage.crm.user.insert("customers", { email: "bob@x.org", name: "Bob" });
    const [sync] = (await stage.context()).syncs;
    if (sync === undefined) throw new RangeError("no sync");
    await sweep(await stage.context(), sync, 0, UNCANCELLED);
    stage.erp.user.insert("customers", { email: "bob@x.org", name: "Bobby" });
    stage.erp.faults = ({ method }) => (method === "next" ? { kind: "slow", durationMs: 200 } : null);
    const next = new AbortController();
    const run = runLive(await stage.context({ holder: "next" }), { signal: next.signal });
    await pass(3_000);
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Ann|", "bob@x.org|Bob|"]);
    expect(stage.rows(stage.crm)).toEqual(stage.rows(stage.erp));
    next.abort();
    await pass(1_000);
    await run;
  });

  test("[S47] [I11] one that begins waits for the log of a system that does not answer for a moment only", async () => {
    const { stage, pass, stop } = await live({ systems: [{ name: "crm" }, { name: "erp" }, { name: "shop" }] });
    await stop();
    rename(stage, 0, "Anne");
    stage.erp.faults = ({ method }) => (method === "next" ? { kind: "slow", durationMs: 60_000 } : null);
    const next = new AbortController();
    const run = runLive(await stage.context({ holder: "next" }), { signal: next.signal });
    await pass(2_000);
    expect(nameAt(stage, 2)).toBe("Anne");
    next.abort();
    await pass(1_000);
    await run;
  });

  test("[S54] one that was held up while another worked does not go on, though nobody holds the store any more", async () => {
    const { stage, context, pass, ended } = await live();
    const later = stage.clock.nowMs() + context.limits.leaseMs + 1;
    const other = await context.store.takeLease("engine", "another", later + 1_000, later, UNCANCELLED);
    if (other !== null) await context.store.releaseLease(other, UNCANCELLED);
    await expect(context.store.setSyncState(1, "paused", null, UNCANCELLED)).rejects.toMatchObject({ code: "ACCORD_TAKEN_OVER" });
    await pass(context.limits.leaseMs);
    expect(await ended()).toBe("ACCORD_TAKEN_OVER");
  });

  test("stops when asked, gives back its leases, and the next run begins at once where it stopped", async () => {
    const { stage, context, pass, stop } = await live();
    rename(stage, 0, "Anne");
    await pass(500);
    expect(await stop()).toBeNull();
    expect([...stage.state.leases.keys()]).toEqual([]);
    expect(context.leases.size).toBe(0);
    rename(stage, 0, "Meanwhile");
    const next = new AbortController();
    const run = runLive(await stage.context({ holder: "next" }), { signal: next.signal });
    await pass(1_500);
    expect(nameAt(stage, 1)).toBe("Meanwhile");
    next.abort();
    await pass(1_000);
    await run;
  });

  test("stops cleanly also while a feed waits to be tried again", async () => {
    const { stage, pass, stop } = await live();
    stage.erp.faults = () => ({ kind: "unavailable" });
    await pass(10_000);
    expect(await stop()).toBeNull();
    expect([...stage.state.leases.keys()]).toEqual([]);
  });

  test("[S30] begins as soon as every system answers, where one goes away just as it begins", async () => {
    const { stage, context, pass, stop } = await live();
    await stop();
    stage.erp.faults = ({ method }) => (method === "epoch" ? { kind: "unavailable" } : null);
    const controller = new AbortController();
    const run = runLive(context, { signal: controller.signal });
    rename(stage, 0, "Anne");
    await pass(2_000);
    expect(nameAt(stage, 1)).toBe("Ann");
    stage.erp.faults = null;
    await pass(10_000);
    expect(nameAt(stage, 1)).toBe("Anne");
    controller.abort();
    await pass(1_000);
    await run;
  });

  test("[S54] refuses a second one on the same store, and leaves the first alone", async () => {
    const { stage, pass, stop } = await live();
    const second = await stage.context({ holder: "second" });
    await expect(runLive(second, UNCANCELLED)).rejects.toMatchObject({ code: "ACCORD_ALREADY_RUNNING" });
    rename(stage, 0, "Anne");
    await pass(1_000);
    expect(nameAt(stage, 1)).toBe("Anne");
    expect(await stop()).toBeNull();
  });

  test("ends with the error of a feed that fails for good, with nobody left working and no lease held", async () => {
    const { stage, ended } = await live();
    stage.erp.faults = ({ method }) => (method === "next" || method === "follow" ? { kind: "forbidden" } : null);
    expect(await ended()).toBe("ACCORD_FORBIDDEN");
    expect([...stage.state.leases.keys()]).toEqual([]);
    expect(stage.state.connections.get("erp")).toMatchObject({ state: "paused" });
  });

  test("[S30] refused credentials pause the connection; once they are mended it goes on by itself", async () => {
    const { stage, pass, stop } = await live();
    stage.erp.faults = () => ({ kind: "authRejected" });
    rename(stage, 0, "Anne");
    await pass(3_000);
    expect(stage.state.connections.get("erp")).toMatchObject({ state: "paused" });
    stage.erp.faults = null;
    await pass(70_000);
    expect(stage.state.connections.get("erp")).toMatchObject({ state: "active", reason: null });
    expect(nameAt(stage, 1)).toBe("Anne");
    expect(await stop()).toBeNull();
  });

  test("[S47] one system that does not answer holds up nothing between the others [I11]", async () => {
    const { stage, pass, stop } = await live({ systems: [{ name: "crm" }, { name: "erp" }, { name: "shop" }] });
    stage.erp.faults = () => ({ kind: "unavailable" });
    rename(stage, 0, "Anne");
    await pass(2_000);
    expect(nameAt(stage, 2)).toBe("Anne");
    stage.erp.faults = null;
    await pass(70_000);
    expect(nameAt(stage, 1)).toBe("Anne");
    expect(await stop()).toBeNull();
  });

  test("[S8] a listing that never comes to its end is tried again, but not without pause", async () => {
    const { stage, pass, stop } = await live({
      systems: [{ name: "crm", capabilities: { capture: "sweep" } }, { name: "erp" }],
      settings: { sweepMs: 5_000 },
    });
    let lists = 0;
    stage.crm.faults = ({ method }) => {
      if (method !== "list") return null;
      lists += 1;
      return { kind: "truncatedPage" };
    };
    await pass(60_000);
    expect(lists).toBeGreaterThan(3);
    expect(lists).toBeLessThan(14);
    expect(await stop()).toBeNull();
  });
});

async function two(): Promise<{ stage: Stage; first: EngineContext; second: EngineContext }> {
  const stage = new Stage();
  for (let index = 0; index < 8; index += 1) stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Old" });
  const first = await stage.goLive({ holder: "first" });
  return { stage, first, second: await stage.context({ holder: "second" }) };
}

describe("two processes on one store", () => {
  test("[S54] a shard that one holds is not worked on by the other, which is told when to come back", async () => {
    const { stage, first, second } = await two();
    expect(await drain(second, 1, UNCANCELLED)).toEqual({ held: false, worked: false, nextAtMs: first.leases.get("shard:1")?.expiresAtMs });
    await stage.clock.advance(first.limits.leaseMs + 1);
    expect(await drain(second, 1, UNCANCELLED)).toMatchObject({ held: true });
    expect(await drain(first, 1, UNCANCELLED)).toMatchObject({ held: false });
  });

  test("[S54] a holder that was paused past its lease commits nothing", async () => {
    const { stage, first, second } = await two();
    const stale = await takeShard(first, 2, UNCANCELLED);
    await stage.clock.advance(first.limits.leaseMs + 1);
    expect(await takeShard(second, 2, UNCANCELLED)).toMatchObject({ holder: "second" });
    if (stale === null) throw new RangeError("the first holds it");
    await expect(first.store.commit(stale, new ChangeSet(), UNCANCELLED)).rejects.toMatchObject({ code: "ACCORD_LEASE_LOST" });
  });

  test("[S32] a worker paused between its intents and its call writes nothing once another has the shard", async () => {
    const stage = new Stage();
    const record = stage.crm.user.insert("customers", { email: "u0@x.org", name: "Old" });
    const second = { context: null as EngineContext | null };
    let isPaused = false;
    const first = await stage.goLive({
      holder: "first",
      wrapStore: (store) => ({
        ...store,
        commit: async (leases, changes, options) => {
          await store.commit(leases, changes, options);
          if (
            ![leases].flat().some(({ holder }) => holder === "first") ||
            changes.intentsOpened.length === 0 ||
            isPaused ||
            second.context === null
          )
            return;
          isPaused = true;
          await stage.clock.advance(60_000);
          stage.crm.user.update("customers", record, { name: "Newer" });
          await stage.settle(second.context);
        },
      }),
    });
    second.context = await stage.context({ holder: "second" });
    stage.crm.user.update("customers", record, { name: "New" });
    await stage.sweepAll(first);
    await drainAll(first, UNCANCELLED);
    expect(isPaused).toBe(true);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Newer"]);
    const names = stage.erp.history.changes.map(({ after }) => after?.[2]);
    expect(names).toEqual(["Old", "Newer"]);
    await stage.settle(second.context);
    expect(await stage.differences(second.context)).toEqual([]);
  });

  test("[S54] shards are drained by whoever holds them, each record once", async () => {
    const { stage, first, second } = await two();
    await stage.clock.advance(first.limits.leaseMs + 1);
    for (const id of stage.crm.records("customers").keys()) stage.crm.user.update("customers", id, { name: "New" });
    for (const sync of first.syncs) await sweep(first, sync, 0, UNCANCELLED);
    await Promise.all([drainAll(first, UNCANCELLED), drainAll(second, UNCANCELLED)]);
    expect(stage.writes(stage.erp)).toBe(16);
    expect(stage.rows(stage.erp)).toEqual(stage.rows(stage.crm));
  });
});
