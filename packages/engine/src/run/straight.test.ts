import { Stage, UNCANCELLED } from "@accord/testkit";
import type { ContextOptions, StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { AccordError } from "../connector/errors.ts";
import type { Changes } from "../store/rows.ts";
import type { EngineContext } from "./context.ts";
import { Handover } from "./handover.ts";
import { followedSides } from "./pull.ts";
import { runLive } from "./run.ts";
import { carryOffers } from "./straight.ts";

interface Straight {
  readonly stage: Stage;
  readonly context: EngineContext;
  /** The record of ann@x.org at the first system. */
  readonly record: string;
  /** What the store was asked to commit, cursors apart. */
  readonly commits: Changes[];
  /** Takes what the first system's feed tells next the straight way; false: it is the feed's to keep. */
  readonly carry: (changesMax?: number) => Promise<boolean>;
}

async function straight(options: StageOptions = {}, live: ContextOptions = {}, others = 0): Promise<Straight> {
  const systems = options.systems ?? [{ name: "crm" }, { name: "erp" }];
  const stage = new Stage({ ...options, systems: systems.map((system) => ({ capabilities: { capture: "log" }, ...system })) });
  stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
  for (let index = 0; index < others; index += 1) stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Ann" });
  const commits: Changes[] = [];
  const context = await stage.goLive({
    ...live,
    wrapStore: (store) => {
      const inner = live.wrapStore?.(store) ?? store;
      return {
        ...inner,
        commit: async (leases, changes, call) => {
          commits.push(changes);
          await inner.commit(leases, changes, call);
        },
      };
    },
  });
  let cursor = `after:${stage.crm.history.last}`;
  commits.length = 0;
  return {
    stage,
    context,
    record: stage.idOf(stage.crm, { email: "ann@x.org" }),
    commits,
    async carry(changesMax = 10) {
      const connection = context.connections.get("crm");
      const sides = followedSides(context, "crm");
      if (connection === undefined) throw new RangeError("no connection");
      const feed = await connection.follow(
        sides.map(({ object }) => object),
        cursor,
        UNCANCELLED,
      );
      const batch = await feed.next({ ...UNCANCELLED, waitMs: 0, changesMax });
      await feed.close();
      cursor = batch.cursor;
      const handover = new Handover(context.clock);
      const offered = handover.offer({ connection: "crm", sides, batch }, () => {}, UNCANCELLED);
      await carryOffers(context, handover, UNCANCELLED);
      return offered;
    },
  };
}

function markKinds(stage: Stage): string[] {
  return [...stage.state.marks.values()].map(({ mark }) => mark.kind);
}

describe("the straight way", () => {
  test("[S6] [S29] merge, cursor and intent of plain news are one commit, and what came of the call is the other", async () => {
    const { stage, record, commits, carry } = await straight();
    stage.crm.user.update("customers", record, { name: "Anne" });
    expect(await carry()).toBe(true);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Anne"]);
    expect(stage.state.connections.get("crm")?.cursor).toBe(`after:${stage.crm.history.last}`);
    expect(
      commits.map(({ cursor, intentsOpened, intentsClosed, due }) => [
        cursor?.connection ?? null,
        intentsOpened.length,
        intentsClosed.length,
        due.length,
      ]),
    ).toEqual([
      ["crm", 1, 0, 0],
      [null, 0, 1, 0],
    ]);
    expect([stage.state.marks.size, stage.state.due.size, stage.state.intents.size]).toEqual([0, 0, 0]);
  });

  test("[S29] a record that is as it was told is told to the store in short: its entity is not written again", async () => {
    const { stage, record, commits, carry } = await straight();
    stage.crm.user.update("customers", record, { name: "Anne" });
    expect(await carry()).toBe(true);
    expect(commits.map(({ entities, landed }) => [entities.length, landed?.length ?? 0])).toEqual([
      [1, 0],
      [0, 1],
    ]);
    const [entity] = stage.state.entities.values();
    expect(entity?.members.map((member) => member?.ack)).toEqual([
      entity?.fields.map(({ version }) => version),
      entity?.fields.map(({ version }) => version),
    ]);
    expect(new Set(entity?.members.map((member) => member?.image)).size).toBe(1);
  });

  test("[S29] the call of a few writes has begun when their intents are committed, and that of many has not", async () => {
    const { stage, record, commits, carry } = await straight({}, {}, 40);
    const committed: number[] = [];
    stage.erp.faults = ({ method }) => {
      if (method === "write") committed.push(commits.length);
      return null;
    };
    stage.crm.user.update("customers", record, { name: "Anne" });
    expect(await carry()).toBe(true);
    for (const id of stage.crm.records("customers").keys()) stage.crm.user.update("customers", id, { name: "Anna" });
    expect(await carry(100)).toBe(true);
    expect(committed).toEqual([0, 3]);
    expect(new Set(stage.rows(stage.erp, ["name"]))).toEqual(new Set(["Anna"]));
  });

  test("[S29] a call that comes to nothing settles what was opened all the same", async () => {
    const { stage, context, record, commits, carry } = await straight();
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "unavailable" } : null);
    stage.crm.user.update("customers", record, { name: "Anne" });
    expect(await carry()).toBe(true);
    expect(commits.map(({ intentsOpened, intentsClosed, due }) => [intentsOpened.length, intentsClosed.length, due.length])).toEqual([
      [1, 0, 0],
      [0, 1, 1],
    ]);
    stage.erp.faults = null;
    await stage.clock.advance(60_000);
    await stage.drain(context);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Anne"]);
  });

  test("[S57] a system that lets the call wait does not keep the feed waiting for longer than a second", async () => {
    const { stage, record, commits, carry } = await straight();
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "slow", durationMs: 5_000 } : null);
    stage.crm.user.update("customers", record, { name: "Anne" });
    let isKept = false;
    const carried = carry().then((answer) => {
      isKept = answer;
    });
    await stage.clock.advance(500);
    expect([isKept, commits.length]).toEqual([false, 0]);
    await stage.clock.advance(500);
    expect(commits.map(({ intentsOpened }) => intentsOpened.length)).toEqual([1]);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Ann"]);
    await stage.drive(carried);
    expect(isKept).toBe(true);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Anne"]);
    expect(stage.state.intents.size).toBe(0);
  });

  test("[S7] new, deleted and unlinked records become marks in the commit of the rest", async () => {
    const { stage, record, carry } = await straight();
    stage.crm.user.insert("customers", { email: "bob@x.org", name: "Bob" });
    stage.crm.user.update("customers", record, { name: "Anne" });
    expect(await carry()).toBe(true);
    expect(markKinds(stage)).toEqual(["image"]);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Anne"]);
    stage.crm.user.delete("customers", record);
    expect(await carry()).toBe(true);
    expect(markKinds(stage)).toEqual(["image", "deleted"]);
  });

  test("[S33] [S57] news of an entity with an open intent, or of a record for which a mark waits, becomes a mark", async () => {
    const { stage, context, record, carry } = await straight();
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "lostReply" } : null);
    stage.crm.user.update("customers", record, { name: "Anne" });
    await carry();
    expect(stage.state.intents.size).toBe(1);
    stage.erp.faults = null;
    stage.crm.user.update("customers", record, { name: "Annie" });
    expect(await carry()).toBe(true);
    stage.crm.user.update("customers", record, { name: "Anna" });
    expect(await carry()).toBe(true);
    expect(markKinds(stage)).toEqual(["image"]);
    await stage.clock.advance(60_000);
    await stage.drain(context);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Anna"]);
  });

  test("[S14] writes of one merge to several sides build on one another: none forgets what the other side shows now", async () => {
    const { stage, record, carry } = await straight({ systems: [{ name: "crm" }, { name: "erp" }, { name: "shop" }] });
    stage.crm.user.update("customers", record, { name: "Anne" });
    await carry();
    const entity = stage.state.entities.get(stage.entityOf(0, record));
    expect(entity?.members.map((member) => member?.image?.includes("Anne"))).toEqual([true, true, true]);
    expect(stage.state.intents.size).toBe(0);
  });

  test("[S43] near a guard nothing is sent: the writes stay due, and the ordinary way asks", async () => {
    const guards = {
      deletesMax: null,
      deletesShareMax: 1,
      rewritesShareMax: { name: 0 },
      changedShareMax: 1,
      countShareMax: null,
      canaries: {},
    };
    const { stage, context, carry } = await straight({ settings: { guards } }, {}, 5);
    for (const id of stage.crm.records("customers").keys()) stage.crm.user.update("customers", id, { name: "Anne" });
    await carry();
    expect([stage.state.intents.size, stage.state.due.size]).toEqual([0, 6]);
    await stage.drain(context);
    expect(stage.state.sync(1).state).toBe("paused");
    expect(stage.rows(stage.erp, ["name"])).toContain("Ann");
  });

  test("[S56] what must be left alone for a while stays due until then", async () => {
    const { stage, context, record, carry } = await straight({ settings: { quietMs: 5_000 } });
    stage.crm.user.update("customers", record, { name: "Anne" });
    await carry();
    expect([stage.state.intents.size, stage.state.due.size]).toEqual([0, 1]);
    await stage.clock.advance(5_000);
    await stage.drain(context);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Anne"]);
  });

  test("[S54] what belongs to another process's shard becomes a mark for it", async () => {
    const { stage, context, record, carry } = await straight();
    const shard = context.store.shardOf(stage.entityOf(0, record));
    for (const lease of context.leases.values()) await context.store.releaseLease(lease, UNCANCELLED);
    context.leases.clear();
    const nowMs = stage.clock.nowMs();
    await context.store.takeLease(`shard:${shard}`, "other", nowMs + 60_000, nowMs, UNCANCELLED);
    stage.crm.user.update("customers", record, { name: "Anne" });
    expect(await carry()).toBe(true);
    expect(markKinds(stage)).toEqual(["image"]);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Ann"]);
  });

  test("[S32] [S54] a commit that is refused sends nothing, and the batch stays the feed's", async () => {
    let isStale = false;
    const { stage, record, carry } = await straight(
      {},
      {
        wrapStore: (store) => ({
          ...store,
          commit: async (leases, changes, call) => {
            if (isStale) throw new AccordError("ACCORD_LEASE_LOST", "gone", { remedy: "stop" });
            await store.commit(leases, changes, call);
          },
        }),
      },
    );
    isStale = true;
    stage.crm.user.update("customers", record, { name: "Anne" });
    expect(await carry()).toBe(false);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Ann"]);
    expect([stage.state.marks.size, stage.state.intents.size]).toEqual([0, 0]);
  });

  test("[S57] in a live run neither an edit nor its echo becomes a mark", async () => {
    const marks: string[] = [];
    const { stage, context, record } = await straight(
      {},
      {
        wrapStore: (store) => ({
          ...store,
          commit: async (leases, changes, call) => {
            marks.push(...changes.marks.map(({ kind }) => kind));
            await store.commit(leases, changes, call);
          },
          commitPull: async (pull, call) => {
            marks.push(...pull.marks.map(({ kind }) => kind));
            return store.commitPull(pull, call);
          },
        }),
      },
    );
    const stop = new AbortController();
    const run = runLive(context, { signal: stop.signal });
    await stage.clock.advance(3_000);
    marks.length = 0;
    for (let round = 0; round < 20; round += 1) {
      stage.crm.user.update("customers", record, { name: `Anne ${round}` });
      await stage.clock.advance(250);
    }
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Anne 19"]);
    expect(marks).toEqual([]);
    stop.abort();
    await stage.drive(run);
  });

  test("[S57] a batch that nobody takes for a while is the feed's again", async () => {
    const { context, stage } = await straight();
    const handover = new Handover(context.clock);
    const offered = handover.offer({ connection: "crm", sides: [], batch: { changes: [], cursor: "" } }, () => {}, UNCANCELLED);
    expect(handover.isOffered).toBe(true);
    await stage.clock.advance(5_000);
    expect(await offered).toBe(false);
    expect(handover.take()).toBeNull();
  });
});
