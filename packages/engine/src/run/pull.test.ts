import { Stage, STAGE_OBJECT, UNCANCELLED } from "@accord/testkit";
import type { FakeCall, Fault, StageOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { EngineContext } from "./context.ts";
import { followConnection, followedSides, keepBatch } from "./pull.ts";

interface Pulling {
  readonly stage: Stage;
  readonly context: EngineContext;
  readonly record: string;
  /** Follows the first system's feed for a while, merging nothing. */
  readonly follow: (durationMs: number) => Promise<void>;
}

async function pulling(options: StageOptions = {}): Promise<Pulling> {
  const stage = new Stage(options);
  stage.crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
  const context = await stage.goLive();
  const connection = context.connections.get("crm");
  if (connection === undefined) throw new RangeError("no connection");
  return {
    stage,
    context,
    record: stage.idOf(stage.crm, { email: "ann@x.org" }),
    async follow(durationMs) {
      const stop = new AbortController();
      const feed = followConnection(context, connection, () => {}, { signal: stop.signal });
      for (let passed = 0; passed < durationMs; passed += 250) await stage.clock.advance(250);
      stop.abort();
      await stage.drive(feed);
    },
  };
}

/** Lets the nth call of a method meet a fault. */
function once(method: FakeCall["method"], fault: Fault): (call: FakeCall) => Fault | null {
  let isDone = false;
  return (call) => {
    if (call.method !== method || isDone) return null;
    isDone = true;
    return fault;
  };
}

/** The next change after a cursor, and no more, becomes a mark. */
async function tellOne(context: EngineContext, name: string, cursor: string): Promise<void> {
  const connection = context.connections.get(name);
  const sides = followedSides(context, name);
  if (connection === undefined) throw new RangeError("no connection");
  const feed = await connection.follow(
    sides.map(({ object }) => object),
    cursor,
    UNCANCELLED,
  );
  await keepBatch(context, name, sides, await feed.next({ ...UNCANCELLED, waitMs: 0, changesMax: 1 }), UNCANCELLED);
  await feed.close();
}

function nameAtErp(stage: Stage): string | null | undefined {
  return stage.erp.record("customers", stage.idOf(stage.erp, { email: "ann@x.org" }))?.["name"];
}

describe("a feed", () => {
  test.each(["log", "touched"] as const)("[S6] [S9] becomes marks and cursor in one step, and goes on after them (%s)", async (capture) => {
    const { stage, context, record, follow } = await pulling({ systems: [{ name: "crm", capabilities: { capture } }, { name: "erp" }] });
    await follow(1_000);
    await stage.drain(context);
    stage.crm.user.update("customers", record, { name: "Anne" });
    await follow(500);
    expect([...stage.state.marks.values()].map(({ mark }) => mark.kind)).toEqual([capture === "log" ? "image" : "touched"]);
    const cursor = stage.state.connections.get("crm")?.cursor;
    await stage.drain(context);
    expect(nameAtErp(stage)).toBe("Anne");
    await follow(500);
    expect(stage.state.marks.size).toBe(0);
    expect(stage.state.connections.get("crm")?.cursor).toBe(cursor);
  });

  test("[S57] our own writes come back as echoes and make nothing happen", async () => {
    const { stage, context, follow } = await pulling();
    stage.erp.user.update("customers", stage.idOf(stage.erp, { email: "ann@x.org" }), { name: "Anne" });
    await stage.settle(context);
    const writes = stage.writes(stage.crm) + stage.writes(stage.erp);
    await follow(1_000);
    await stage.drain(context);
    expect(stage.writes(stage.crm) + stage.writes(stage.erp)).toBe(writes);
    expect(stage.state.marks.size).toBe(0);
  });

  test("[S57] a late image of before our own write is dropped and reverts nothing", async () => {
    const { stage, context, record, follow } = await pulling();
    await follow(1_000);
    await stage.drain(context);
    const cursor = stage.state.connections.get("crm")?.cursor ?? "";
    stage.crm.user.update("customers", record, { name: "Early" });
    await stage.settle(context);
    stage.erp.user.update("customers", stage.idOf(stage.erp, { email: "ann@x.org" }), { name: "Later" });
    await stage.settle(context);
    expect(stage.rows(stage.crm, ["name"])).toEqual(["Later"]);
    // A new process: it remembers no echoes.
    const later = await stage.context();
    await tellOne(later, "crm", cursor);
    expect([...stage.state.marks.values()].map(({ mark }) => mark.image)).toEqual([expect.stringContaining("Early")]);
    await stage.drain(later);
    expect(stage.state.marks.size).toBe(0);
    expect(stage.rows(stage.crm, ["name"])).toEqual(["Later"]);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Later"]);
  });

  test("[S33] [S57] an image met while an intent is open stays a mark, the cursor moves on, and it is taken after the close", async () => {
    const { stage, context, record, follow } = await pulling();
    await follow(1_000);
    await stage.drain(context);
    stage.erp.user.update("customers", stage.idOf(stage.erp, { email: "ann@x.org" }), { name: "Theirs" });
    stage.crm.faults = once("write", { kind: "lostReply" });
    await stage.sweepAll(context);
    await stage.drain(context);
    expect(stage.state.intents.size).toBe(1);
    const before = stage.state.connections.get("crm")?.cursor;
    stage.crm.user.update("customers", record, { amount: "5.00" });
    await follow(500);
    expect(stage.state.connections.get("crm")?.cursor).not.toBe(before);
    await stage.drain(context);
    expect(stage.state.marks.size).toBe(1);
    await stage.clock.advance(60_000);
    await stage.settle(context);
    expect(stage.rows(stage.crm)).toEqual(["ann@x.org|Theirs|5.00"]);
    expect(stage.rows(stage.erp)).toEqual(["ann@x.org|Theirs|5.00"]);
  });

  test("[S8] whose cursor expired begins anew with a sweep, and misses nothing [I10]", async () => {
    const { stage, context, record, follow } = await pulling();
    await follow(1_000);
    await stage.drain(context);
    stage.crm.user.update("customers", record, { name: "Anne" });
    stage.crm.faults = once("follow", { kind: "cursorExpired" });
    await follow(2_000);
    await stage.drain(context);
    expect(nameAtErp(stage)).toBe("Anne");
    stage.crm.user.update("customers", record, { name: "Annie" });
    await follow(1_000);
    await stage.drain(context);
    expect(nameAtErp(stage)).toBe("Annie");
  });

  test("[S8] whose cursor expires again and again does not list without pause", async () => {
    const { stage, follow } = await pulling();
    let lists = 0;
    stage.crm.faults = ({ method }) => {
      if (method === "list") lists += 1;
      if (method !== "follow") return null;
      stage.crm.user.insert("customers", { email: "more@x.org" });
      return { kind: "cursorExpired" };
    };
    await follow(30_000);
    expect(lists).toBeGreaterThan(2);
    expect(lists).toBeLessThan(12);
  });

  test.each([["feedCut"], ["hintsDuplicated"]] as const)("[S7] that meets %s loses and doubles nothing", async (kind) => {
    const { stage, context, record, follow } = await pulling();
    await follow(1_000);
    await stage.drain(context);
    stage.crm.faults = once("next", { kind });
    stage.crm.user.update("customers", record, { name: "Anne" });
    await follow(3_000);
    await stage.drain(context);
    expect(nameAtErp(stage)).toBe("Anne");
    expect(stage.writes(stage.erp)).toBe(2);
  });

  test("[S8] that loses hints is made good by the next sweep", async () => {
    const { stage, context, record, follow } = await pulling();
    await follow(1_000);
    await stage.drain(context);
    stage.crm.user.update("customers", record, { name: "Anne" });
    stage.crm.faults = once("next", { kind: "hintsLost" });
    await follow(1_000);
    await stage.drain(context);
    expect(nameAtErp(stage)).toBe("Ann");
    stage.crm.faults = null;
    await stage.settle(context);
    expect(nameAtErp(stage)).toBe("Anne");
  });

  test("[S43] that tells of an emptied object is answered by a sweep", async () => {
    const { stage, context, follow } = await pulling();
    await follow(1_000);
    await stage.drain(context);
    stage.crm.user.empty("customers");
    await follow(1_000);
    await stage.drain(context);
    expect(stage.erp.records("customers").size).toBe(0);
  });

  test("[S63] that tells of a new key renames the member and retires the old id", async () => {
    const key = {
      name: "customers",
      key: ["id"],
      columns: [
        { name: "id", type: "text" as const },
        { name: "email", type: "text" as const },
        { name: "name", type: "text" as const, nullable: true },
      ],
    };
    const stage = new Stage({
      systems: [{ name: "crm", objects: [key] }, { name: "erp" }],
      syncs: [{ name: "customers", match: [["email"]], fields: [{ name: "email" }, { name: "name" }] }],
    });
    stage.crm.user.insert("customers", { id: "a", email: "ann@x.org", name: "Ann" });
    const context = await stage.goLive();
    const connection = context.connections.get("crm");
    if (connection === undefined) throw new RangeError("no connection");
    const entity = stage.entityOf(0, "a");
    const stop = new AbortController();
    const feed = followConnection(context, connection, () => {}, { signal: stop.signal });
    await stage.clock.advance(500);
    stage.crm.user.rename("customers", "a", { id: "b", name: "Anne" });
    await stage.clock.advance(500);
    stop.abort();
    await stage.drive(feed);
    await stage.drain(context);
    expect(stage.entityOf(0, "b")).toBe(entity);
    expect(stage.state.entities.get(entity)?.members[0]?.retired).toEqual(["a"]);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["Anne"]);
    expect(stage.erp.records("customers").size).toBe(1);
  });

  test("[S9] without news for our objects its cursor is kept now and then, so that the system may forget", async () => {
    const { stage, follow } = await pulling({ objects: [STAGE_OBJECT, { ...STAGE_OBJECT, name: "others" }] });
    await follow(1_000);
    const before = stage.state.connections.get("crm")?.cursor;
    stage.crm.user.insert("others", { email: "none of ours" });
    await follow(2_000);
    expect(stage.state.connections.get("crm")?.cursor).toBe(before);
    await follow(12_000);
    expect(stage.state.connections.get("crm")?.cursor).toBe(`after:${stage.crm.history.last}`);
    expect(stage.state.marks.size).toBe(0);
  });

  test("is left alone while the inbox is full, and read on when there is room", async () => {
    const { stage, context, follow } = await pulling({ limits: { inboxMax: 5, feedBatch: 2 } });
    await follow(1_000);
    await stage.drain(context);
    for (let index = 0; index < 30; index += 1) stage.crm.user.insert("customers", { email: `u${index}@x.org` });
    await follow(5_000);
    expect(stage.state.marks.size).toBeGreaterThan(5);
    expect(stage.state.marks.size).toBeLessThanOrEqual(5 + 2);
    for (let round = 0; round < 10; round += 1) {
      await stage.drain(context);
      await follow(2_000);
    }
    await stage.drain(context);
    expect(stage.erp.records("customers").size).toBe(31);
    expect((await context.store.readConnection("crm", UNCANCELLED))?.cursor).toBe(`after:${stage.crm.history.last}`);
  });
});
