import { startPostgres } from "@accord/sandbox/postgres";
import type { PostgresServer } from "@accord/sandbox/postgres";
import { realHost, startTcpProxy } from "@accord/testkit";
import type { Direction, TcpProxy } from "@accord/testkit";
import type { Connection, Feed, OpenObject, WriteOutcome } from "@accord/engine/connector";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { postgresConnector } from "./connector.ts";

const options = { signal: new AbortController().signal };

let server: PostgresServer;
let databases = 0;
let url: string;
let user: pg.Client;
let proxy: TcpProxy;
let connection: Connection;
let feeds: Feed[] = [];

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  databases += 1;
  url = await server.createDatabase(`network${databases}`);
  proxy = await startTcpProxy(server.port);
  user = await signOn();
  await user.query("CREATE TABLE customer (id integer PRIMARY KEY, name text); INSERT INTO customer VALUES (1, 'first')");
});
afterEach(async () => {
  for (const feed of feeds.splice(0)) await feed.close().catch(() => {});
  await connection.uninstall("do", options).catch(() => {});
  await connection.close();
  await proxy.close();
  await user.end();
});

async function signOn(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** A connection that goes through the proxy. Statements end within a second, so that five seconds later silence is taken for what it is. */
function connect(capture: "log" | "triggers"): void {
  const way = new URL(url);
  way.port = String(proxy.port);
  const settings = { url: way.href, capture, limits: { statementTimeoutMs: 1_000, lockTimeoutMs: 500 } };
  connection = postgresConnector.connect(settings, { ...realHost(), name: "erp", installation: "network", requestMsMax: 3_000 });
}

async function follow(capture: "log" | "triggers"): Promise<Feed> {
  connect(capture);
  await connection.install(["public.customer"], "do", options);
  return reopen(await connection.currentCursor(options));
}

async function reopen(cursor: string): Promise<Feed> {
  const object = await connection.open("public.customer", ["id", "name"], options);
  const feed = await connection.follow([object], cursor, options);
  feeds.push(feed);
  return feed;
}

/** Takes batches until a record is told of, and returns the cursor behind it. */
async function hear(feed: Feed, record: string): Promise<string> {
  for (let looks = 0; looks < 40; looks += 1) {
    const { changes, cursor } = await feed.next({ ...options, waitMs: 500, changesMax: 100 });
    if (changes.some((change) => change.record === record)) return cursor;
  }
  throw new Error(`nothing was heard of ${record}`);
}

function write(object: OpenObject, intent: string, record: string, name: string): Promise<readonly WriteOutcome[]> {
  const set = [{ column: 1, cell: name }];
  const expected = [{ column: 1, cell: "first" }];
  return object.write([{ kind: "update", intent, entity: 7, record, set, expect: expected }], {
    ...options,
    mark: { storeId: "store", generation: 1 },
  });
}

async function nameOf(record: string): Promise<unknown> {
  return (await user.query<{ readonly name: string }>("SELECT name FROM customer WHERE id = $1", [record])).rows[0]?.name;
}

describe("a write", () => {
  test("[S31] that the network delivers after its deadline is refused by the server", { timeout: 30_000 }, async () => {
    connect("log");
    await connection.install(["public.customer"], "do", options);
    await user.query("INSERT INTO customer VALUES (2, 'first')");
    const object = await connection.open("public.customer", ["id", "name"], options);
    expect(await write(object, "a", "1", "in time")).toMatchObject([{ kind: "applied" }]);
    proxy.disturb({ kind: "hold", direction: "requests" });
    expect(await write(object, "b", "2", "late")).toMatchObject([{ kind: "unknown" }]);
    expect(proxy.mend()).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect([await nameOf("1"), await nameOf("2")]).toEqual(["in time", "first"]);
    expect(await object.findProofs(["a", "b"], options)).toEqual(new Map([["a", "1"]]));
  });

  test("[S8] that is the first of its process ends too, though the connection stands still from then on", { timeout: 30_000 }, async () => {
    connect("log");
    await connection.install(["public.customer"], "do", options);
    const object = await connection.open("public.customer", ["id", "name"], options);
    proxy.disturb({ kind: "hold", direction: "answers" });
    expect(await write(object, "a", "1", "late")).toMatchObject([{ kind: "unknown" }]);
    proxy.mend();
    expect(await nameOf("1")).toBe("first");
    expect(await write(object, "b", "1", "later")).toMatchObject([{ kind: "applied" }]);
  });

  test("[S32] whose process stands still between its intent and its sending is refused by the server", { timeout: 30_000 }, async () => {
    connect("log");
    await connection.install(["public.customer"], "do", options);
    await user.query("INSERT INTO customer VALUES (2, 'first')");
    const object = await connection.open("public.customer", ["id", "name"], options);
    await write(object, "a", "1", "in time");
    const writing = write(object, "b", "2", "late");
    const untilMs = performance.now() + 1_200;
    while (performance.now() < untilMs);
    expect(await writing).toMatchObject([{ kind: "notSent" }]);
    expect(await nameOf("2")).toBe("first");
  });

  test("[S30] that comes a little late is tried again", { timeout: 30_000 }, async () => {
    connect("log");
    await connection.install(["public.customer"], "do", options);
    const object = await connection.open("public.customer", ["id", "name"], options);
    await user.query("INSERT INTO customer VALUES (2, 'first')");
    await write(object, "a", "1", "in time");
    proxy.disturb({ kind: "delay", delayMs: 1_050 });
    expect(await write(object, "b", "2", "late")).toMatchObject([{ kind: "notSent" }]);
    proxy.mend();
    expect(await write(object, "c", "2", "again")).toMatchObject([{ kind: "applied" }]);
    expect(await nameOf("2")).toBe("again");
  });
});

describe.each(["log", "triggers"] as const)("a feed by %s", (capture) => {
  test("[S9] goes on from its cursor after a cut: what was committed meanwhile is told", async () => {
    const feed = await follow(capture);
    await user.query("INSERT INTO customer VALUES (2, 'before')");
    const cursor = await hear(feed, "2");
    proxy.disturb({ kind: "cut" });
    proxy.mend();
    await user.query("INSERT INTO customer VALUES (3, 'after')");
    await expect(hear(feed, "none")).rejects.toMatchObject({ code: "ACCORD_UNREACHABLE", remedy: "retry" });
    await hear(await reopen(cursor), "3");
  });

  test("[S8] whose connection stands still is noticed and can be opened again", { timeout: 60_000 }, async () => {
    const feed = await follow(capture);
    await expectNoticed(feed, "answers");
  });
});

test("[S8] a server that hears nothing of a feed any more gives its slot free", { timeout: 60_000 }, async () => {
  const feed = await follow("log");
  await expectNoticed(feed, "requests");
});

async function expectNoticed(feed: Feed, direction: Direction): Promise<void> {
  await user.query("INSERT INTO customer VALUES (2, 'before')");
  const cursor = await hear(feed, "2");
  proxy.silence(direction);
  await user.query("INSERT INTO customer VALUES (3, 'after')");
  await expect(hear(feed, "none")).rejects.toMatchObject({ code: "ACCORD_UNREACHABLE", remedy: "retry" });
  await feed.close();
  await hear(await patiently(() => reopen(cursor)), "3");
}

test("[S9] a feed by the log goes on from its cursor after kill -9 of the server", { timeout: 60_000 }, async () => {
  const feed = await follow("log");
  await user.query("INSERT INTO customer VALUES (2, 'before')");
  const cursor = await hear(feed, "2");
  await user.query("INSERT INTO customer VALUES (3, 'after')");
  await server.kill("SIGKILL");
  await expect(hear(feed, "none")).rejects.toMatchObject({ code: "ACCORD_UNREACHABLE", remedy: "retry" });
  await server.restart();
  user = await signOn();
  await hear(await patiently(() => reopen(cursor)), "3");
});

test("[S8] a reading and a listing over connections that stand still fail in time, the next ones get through, and closing waits for nobody", async () => {
  connect("log");
  const object = await connection.open("public.customer", ["id", "name"], options);
  const list = async (): Promise<number> => {
    let records = 0;
    for await (const { ids } of object.list(null, { ...options, pageSize: 10 })) records += ids.length;
    return records;
  };
  for (const attempt of [() => object.read(["1"], options), list]) {
    await object.read(["1"], options);
    proxy.silence("answers");
    await expect(attempt()).rejects.toMatchObject({ code: "ACCORD_UNREACHABLE", remedy: "retry" });
  }
  expect(await list()).toBe(1);
  proxy.silence("answers");
  const startMs = performance.now();
  await connection.close();
  expect(performance.now() - startMs).toBeLessThan(4_000);
}, 60_000);

/** The server may hold a slot for its last reader for a while. */
async function patiently<Result>(attempt: () => Promise<Result>): Promise<Result> {
  const endMs = performance.now() + 20_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
  }
}
