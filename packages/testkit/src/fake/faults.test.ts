import { writeImage } from "@accord/core";
import type { OpenObject, RecordPage, WriteOperation, WriteOutcome } from "@accord/engine/connector";
import { describe, expect, test } from "vitest";
import type { Fault, FakeCall } from "./faults.ts";
import type { FakeObject } from "./shape.ts";
import { createFakeWorld } from "./world.ts";

const options = { signal: new AbortController().signal };
const mark = { storeId: "store", generation: 1 };
const items: FakeObject = {
  name: "items",
  key: ["id"],
  columns: [
    { name: "id", type: "integer", generated: true },
    { name: "title", type: "text", nullable: false, refuses: (cell) => (cell === "poison" ? "The title is refused." : null) },
    { name: "code", type: "text", lengthMax: 4, lossy: "cut" },
    { name: "stamp", type: "text", alter: (cell, { isCreate }) => (isCreate ? "created" : `${cell ?? ""}+`) },
  ],
};

async function stage(capabilities = {}) {
  const world = createFakeWorld({ seed: 3 });
  const system = world.add({ name: "crm", objects: [items], capabilities });
  const connection = system.connect();
  await connection.install(["items"], "do", options);
  const object = await connection.open("items", ["title", "code", "stamp"], options);
  return { world, system, connection, object };
}

function create(title: string, entity: number): WriteOperation {
  return { kind: "create", intent: `intent ${entity}`, entity, set: writeImage([title, undefined, undefined]) };
}

function write(object: OpenObject, ...operations: readonly WriteOperation[]): Promise<readonly WriteOutcome[]> {
  return object.write(operations, { ...options, mark });
}

const once = (method: FakeCall["method"], fault: Fault) => {
  let isDone = false;
  return (call: FakeCall): Fault | null => {
    if (isDone || call.method !== method) return null;
    isDone = true;
    return fault;
  };
};

describe("writes through faults", () => {
  test("[S31] a lost request and a lost reply look the same to the caller; only one took effect, and proof tells which", async () => {
    const { system, object } = await stage();
    system.faults = once("write", { kind: "lostRequest" });
    expect(await write(object, create("a", 1))).toMatchObject([{ kind: "unknown" }]);
    system.faults = once("write", { kind: "lostReply" });
    expect(await write(object, create("b", 2))).toMatchObject([{ kind: "unknown" }]);
    expect([...(await object.findProofs(["intent 1", "intent 2"], options)).keys()]).toEqual(["intent 2"]);
    expect(system.records("items").size).toBe(1);
  });

  test("[S31] a late request takes effect when the clock gets there, not before", async () => {
    const { world, system, object } = await stage();
    system.faults = once("write", { kind: "late", afterMs: 5000 });
    expect(await write(object, create("a", 1))).toMatchObject([{ kind: "unknown" }]);
    await world.host.clock.advance(4999);
    expect(system.records("items").size).toBe(0);
    await world.host.clock.advance(1);
    expect(system.records("items").size).toBe(1);
  });

  test("[S35] a request that runs twice makes one record where creates carry the entity, and two where they do not", async () => {
    for (const [externalId, count] of [
      [true, 1],
      [false, 2],
    ] as const) {
      const { system, object } = await stage({ externalId });
      system.faults = once("write", { kind: "duplicate", afterMs: 0 });
      expect(await write(object, create("a", 1))).toMatchObject([{ kind: "applied" }]);
      expect(system.records("items").size).toBe(count);
    }
  });

  test("[S47] of a partial batch some operations happened and fewer are told", async () => {
    const { system, object } = await stage();
    system.faults = once("write", { kind: "partialBatch", executed: 2, reported: 1 });
    const outcomes = await write(object, create("a", 1), create("b", 2), create("c", 3));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["applied", "unknown", "unknown"]);
    expect(system.records("items").size).toBe(2);
  });

  test("rate limits and refused connections did nothing", async () => {
    const { system, object } = await stage();
    system.faults = once("write", { kind: "rateLimited", retryAfterMs: 7 });
    await expect(write(object, create("a", 1))).rejects.toMatchObject({ code: "ACCORD_RATE_LIMITED", retryAfterMs: 7 });
    system.faults = once("write", { kind: "unavailable" });
    expect(await write(object, create("a", 1))).toMatchObject([{ kind: "notSent" }]);
    expect(system.records("items").size).toBe(0);
  });

  test("poison is rejected, lossy columns cut, and a trigger alters what the codec cannot foresee", async () => {
    const { object } = await stage();
    expect(await write(object, create("poison", 1))).toMatchObject([{ kind: "rejected", code: "P0001" }]);
    const [made] = await write(object, {
      kind: "create",
      intent: "i",
      entity: 2,
      set: writeImage(["a", "abcdef", undefined]),
    });
    expect(made).toMatchObject({ kind: "applied", image: "a\tabcd\tcreated" });
  });
});

describe("readings and feeds through faults", () => {
  test("[S11] a truncated page ends the listing, and it is never complete", async () => {
    const { system, object } = await stage();
    for (let index = 0; index < 6; index += 1) system.user.insert("items", { title: `t${index}` });
    system.faults = once("list", { kind: "truncatedPage" });
    const pages: RecordPage[] = [];
    for await (const page of object.list(null, { ...options, pageSize: 4 })) pages.push(page);
    expect(pages.map(({ ids, complete }) => [ids.length, complete])).toEqual([[2, false]]);
  });

  test("[S10] a stale reading shows an older state and dates itself so", async () => {
    const { world, system, object } = await stage({ staleReadMsMax: 1000 });
    const id = system.user.insert("items", { title: "old" });
    await world.host.clock.advance(5000);
    system.user.update("items", id, { title: "new" });
    const seen = new Set<string>();
    for (let round = 0; round < 30; round += 1) {
      const { images, position } = await object.read([id], options);
      const title = (images[0] ?? "").split("\t")[0] ?? "";
      expect(object.covers(position, "000000000002")).toBe(title === "new");
      seen.add(title);
      await world.host.clock.advance(50);
    }
    expect(seen).toEqual(new Set(["old", "new"]));
    await world.host.clock.advance(1000);
    expect((await object.read([id], options)).images[0]).toMatch(/^new/);
  });

  test("[S7] hints get lost, repeated and reordered, and the cursor moves on", async () => {
    const { system, connection, object } = await stage({ capture: "touched" });
    const next = async (fault: Fault): Promise<number> => {
      const feed = await connection.follow([object], await connection.currentCursor(options), options);
      for (let index = 0; index < 3; index += 1) system.user.insert("items", { title: "t" });
      system.faults = once("next", fault);
      return (await feed.next({ ...options, waitMs: 0, changesMax: 10 })).changes.length;
    };
    expect(await next({ kind: "hintsLost" })).toBe(0);
    expect(await next({ kind: "hintsLost", places: [1] })).toBe(2);
    expect(await next({ kind: "hintsDuplicated" })).toBe(6);
    expect(await next({ kind: "hintsReordered" })).toBe(3);
  });

  test("a cut feed must be followed again, an expired cursor listed again", async () => {
    const { system, connection, object } = await stage();
    const cursor = await connection.currentCursor(options);
    const feed = await connection.follow([object], cursor, options);
    system.faults = once("next", { kind: "feedCut" });
    await expect(feed.next({ ...options, waitMs: 0, changesMax: 1 })).rejects.toMatchObject({ code: "ACCORD_UNREACHABLE" });
    await expect(feed.next({ ...options, waitMs: 0, changesMax: 1 })).rejects.toMatchObject({ code: "ACCORD_UNREACHABLE" });
    system.user.insert("items", { title: "t" });
    system.faults = once("follow", { kind: "cursorExpired" });
    await expect(connection.follow([object], cursor, options)).rejects.toMatchObject({ code: "ACCORD_CURSOR_EXPIRED", remedy: "reread" });
    expect((await connection.follow([object], await connection.currentCursor(options), options)).retainedBytes).toBe(0);
  });

  test("[S12, S58] a restored backup brings back old rows and proofs, expires cursors and shows in the epoch", async () => {
    const { system, connection, object } = await stage();
    const cursor = await connection.currentCursor(options);
    const epoch = await connection.epoch(options);
    await write(object, create("kept", 1));
    const backup = system.backUp();
    await write(object, create("gone", 2));
    system.restore(backup);
    expect([...system.records("items").values()].map(({ title }) => title)).toEqual(["kept"]);
    expect((await object.findByEntity([1, 2], options)).size).toBe(1);
    expect(await connection.epoch(options)).not.toBe(epoch);
    await expect(connection.follow([object], cursor, options)).rejects.toMatchObject({ code: "ACCORD_CURSOR_EXPIRED" });
  });

  test("the same seed and the same calls give the same world", async () => {
    expect(await story()).toBe(await story());
  });
});

/** Tells one story under faults, and gives its history. */
async function story(): Promise<string> {
  const { world, system, object } = await stage({ staleReadMsMax: 500 });
  system.faults = ({ number }) => (world.host.random.integer(3) === number % 3 ? { kind: "lostReply" } : null);
  for (let index = 0; index < 20; index += 1) {
    await write(object, create(world.host.random.hex(2), index));
    await world.host.clock.advance(world.host.random.integer(100));
  }
  return JSON.stringify(system.history.changes);
}
