import { overlayImage, readImage, writeImage } from "@accord/core";
import type { ObjectSchema } from "@accord/core";
import type { Change, Cursor, Feed, LogFacts, OpenObject, Position } from "@accord/engine/connector";
import { startPostgres } from "@accord/sandbox/postgres";
import type { PostgresServer } from "@accord/sandbox/postgres";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { currentCursor, followChanges } from "./capture.ts";
import { createDatabase } from "./client.ts";
import type { Database } from "./client.ts";
import { install, uninstall } from "./install.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { readSlot } from "./log-slot.ts";
import { namesOf } from "./names.ts";
import { covers, readPosition } from "./positions.ts";
import { readSettings } from "./settings.ts";

const signal = new AbortController().signal;
const options = { signal };

let server: PostgresServer;
let databaseCount = 0;
let url: string;
let user: pg.Client;
let opened: Database[] = [];
let feeds: Feed[] = [];
let warnings: string[] = [];

beforeAll(async () => {
  server = await startPostgres({ settings: { deadlock_timeout: "20ms" } });
});
afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  databaseCount += 1;
  url = await server.createDatabase(`capture${databaseCount}`);
  user = await connectUser();
  warnings = [];
});
afterEach(async () => {
  for (const feed of feeds) await feed.close().catch(() => {});
  const access = accessOf({});
  await uninstall(access, "do", options);
  for (const database of opened) await database.close();
  await user.end();
  opened = [];
  feeds = [];
});

async function connectUser(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return client;
}

function accessOf(settings: Readonly<Record<string, unknown>>): CaptureAccess {
  const read = readSettings({ url, ...settings });
  expect(read.problems).toEqual([]);
  const database = createDatabase("erp", read.value);
  opened.push(database);
  return {
    database,
    names: namesOf("test", read.value.database),
    clock: {
      nowMs: () => Date.now(),
      elapsedMs: () => performance.now(),
      sleep: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs)),
    },
    log: { debug: () => {}, info: () => {}, warn, error: warn },
  };
}

function warn(event: string, facts?: LogFacts): void {
  warnings.push(`${event} ${JSON.stringify(facts ?? {})}`);
}

function unused(): never {
  throw new Error("not used by capture");
}

/** Only what capture reads of an open object. */
function objectOf(name: string, key: readonly string[], columns: readonly string[]): OpenObject {
  const schema: ObjectSchema = { name, key, columns: [], keyProblem: null, keyOrder: "bytes", uniques: [], references: [], comment: null };
  const capabilities = {
    capture: "log",
    compareAndSet: true,
    proof: true,
    externalId: true,
    changeHistory: false,
    batchSizeMax: 1000,
    pageSizeMax: 1000,
    reusesIds: false,
    staleReadMsMax: 0,
    requestDeadlineMs: 1000,
  } as const;
  return {
    schema,
    columns,
    capabilities,
    list: unused,
    read: unused,
    write: unused,
    findProofs: unused,
    findByEntity: unused,
    listLinks: unused,
    covers,
  };
}

async function follow(access: CaptureAccess, objects: readonly OpenObject[], cursor: Cursor): Promise<Feed> {
  const feed = await followChanges(access, objects, cursor, options);
  feeds.push(feed);
  return feed;
}

/** Takes batches until `count` changes are there or nothing comes for a while. */
async function collect(
  feed: Feed,
  count: number,
  changesMax = 1000,
): Promise<{ readonly changes: Change[]; readonly cursor: Cursor | null }> {
  const changes: Change[] = [];
  let cursor: Cursor | null = null;
  while (changes.length < count) {
    const batch = await feed.next({ signal, waitMs: 3000, changesMax });
    if (batch.changes.length === 0) break;
    changes.push(...batch.changes);
    cursor = batch.cursor;
  }
  return { changes, cursor };
}

function summary(changes: readonly Change[]): string[] {
  return changes.map(({ record, change }) => {
    switch (change.kind) {
      case "image":
        return `${record} = ${change.image}`;
      case "renamed":
        return `${change.from} -> ${record}`;
      case "touched":
      case "deleted":
      case "emptied":
        return `${record} ${change.kind}`;
      default:
        throw new Error("unknown kind");
    }
  });
}

/** Pulls until the feed fails, for some seconds at most. */
async function untilFailure(feed: Feed): Promise<void> {
  for (let round = 0; round < 10; round += 1) await feed.next({ signal, waitMs: 1000, changesMax: 1000 });
}

async function installAndFollow(access: CaptureAccess, objects: readonly OpenObject[]): Promise<Feed> {
  const steps = await install(
    access,
    objects.map(({ schema }) => schema.name),
    "do",
    options,
  );
  expect(steps.filter(({ state }) => state !== "done")).toEqual([]);
  return follow(access, objects, await currentCursor(access, options));
}

const CUSTOMER = "CREATE TABLE public.customer (id integer PRIMARY KEY, name text NOT NULL, amount numeric(12,2), note text)";
const customer = objectOf("public.customer", ["id"], ["id", "name", "amount", "note"]);

describe("the log", () => {
  test("[S7] carries inserts, updates, deletes, renames and truncation as images in COPY's spelling", async () => {
    await user.query(CUSTOMER);
    const access = accessOf({});
    const steps = await install(access, ["public.customer"], "do", options);
    expect(steps.map(({ what, state }) => `${what}: ${state}`)).toEqual([
      "schema accord_test: done",
      "tables accord_test.applied, accord_test.applied_batch: done",
      "table accord_test.mark: done",
      "publication accord_test for public.customer: done",
      `replication slot ${access.names.slot}: done`,
    ]);
    const feed = await follow(access, [customer], await currentCursor(access, options));
    await user.query("INSERT INTO customer VALUES (1, E'Ä\\t\\n\\\\ \\b\\f\\x0b\\r', 1.5, NULL), (2, 'zwei', NULL, '')");
    await user.query("UPDATE customer SET amount = 7 WHERE id = 2");
    await user.query("UPDATE customer SET id = 3 WHERE id = 2");
    await user.query("DELETE FROM customer WHERE id = 1");
    await user.query("TRUNCATE customer");
    const { changes } = await collect(feed, 7);
    expect(summary(changes)).toEqual([
      "1 = 1\tÄ\\t\\n\\\\ \\b\\f\\v\\r\t1.50\t\\N",
      "2 = 2\tzwei\t\\N\t",
      "2 = 2\tzwei\t7.00\t",
      "2 -> 3",
      "3 = 3\tzwei\t7.00\t",
      "1 deleted",
      " emptied",
    ]);
    expect(readImage("\\b\\f\\v")).toEqual(["\b\f\v"]);
    expect(writeImage(["\b\f\v"])).toBe("\\b\\f\\v");
    expect(Math.abs((changes[0]?.committedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test("[S5] says unknown of values kept outside the row and of columns that were dropped, and reports the latter", async () => {
    await user.query(CUSTOMER);
    await user.query("ALTER TABLE customer ALTER note SET STORAGE EXTERNAL");
    const feed = await installAndFollow(accessOf({}), [customer]);
    await user.query("INSERT INTO customer VALUES (1, 'a', 1, repeat('x', 5000))");
    await user.query("UPDATE customer SET amount = 2");
    await user.query("ALTER TABLE customer DROP COLUMN amount");
    await user.query("UPDATE customer SET name = 'b', note = 'short'");
    const { changes } = await collect(feed, 3);
    expect(summary(changes)).toEqual([`1 = 1\ta\t1.00\t${"x".repeat(5000)}`, "1 = 1\ta\t2.00\t\\U", "1 = 1\tb\t\\U\tshort"]);
    expect(warnings.filter((warning) => warning.startsWith("postgres.column_not_in_log"))).toHaveLength(1);
  });

  test("a computed column that is not in the log makes its changes touches", async () => {
    await user.query("CREATE TABLE line (id integer PRIMARY KEY, price integer, twice integer GENERATED ALWAYS AS (price * 2) VIRTUAL)");
    const feed = await installAndFollow(accessOf({}), [objectOf("public.line", ["id"], ["id", "twice"])]);
    await user.query("INSERT INTO line VALUES (1, 2)");
    expect(summary((await collect(feed, 1)).changes)).toEqual(["1 touched"]);
  });

  test("composite keys, keys of a full replica identity and partitioned tables give the ids that a listing gives", async () => {
    await user.query("CREATE TABLE pair (a text, b integer, c text, PRIMARY KEY (b, a))");
    await user.query("CREATE TABLE whole (id integer PRIMARY KEY, c text)");
    await user.query("ALTER TABLE whole REPLICA IDENTITY FULL");
    await user.query("CREATE TABLE parts (id integer PRIMARY KEY, c text) PARTITION BY RANGE (id)");
    await user.query("CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (10)");
    await user.query("CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM (10) TO (20)");
    const objects = [
      objectOf("public.pair", ["b", "a"], ["c"]),
      objectOf("public.whole", ["id"], ["id", "c"]),
      objectOf("public.parts", ["id"], ["id"]),
    ];
    const feed = await installAndFollow(accessOf({}), objects);
    await user.query("INSERT INTO pair VALUES (E'x\\ty', 1, 'c')");
    await user.query("UPDATE pair SET b = 2");
    await user.query("DELETE FROM pair");
    await user.query("INSERT INTO whole VALUES (1, 'c')");
    await user.query("UPDATE whole SET id = 2");
    await user.query("DELETE FROM whole");
    await user.query("INSERT INTO parts1 VALUES (1, 'c')");
    await user.query("INSERT INTO parts VALUES (11, 'c')");
    expect(summary((await collect(feed, 10)).changes)).toEqual([
      "1\tx\\ty = c",
      "1\tx\\ty -> 2\tx\\ty",
      "2\tx\\ty = c",
      "2\tx\\ty deleted",
      "1 = 1\tc",
      "1 -> 2",
      "2 = 2\tc",
      "2 deleted",
      "1 = 1",
      "11 = 11",
    ]);
  });

  test("[S9] a transaction larger than a batch is split, and resumed in the middle", async () => {
    await user.query(CUSTOMER);
    const access = accessOf({});
    let feed = await installAndFollow(access, [customer]);
    await user.query("INSERT INTO customer SELECT i, 'n', i, NULL FROM generate_series(1, 95) i");
    await user.query("INSERT INTO customer VALUES (96, 'n', 1, NULL)");
    const records: string[] = [];
    while (records.length < 96) {
      const { changes, cursor } = await feed.next({ signal, waitMs: 3000, changesMax: 10 });
      expect(changes.length).toBeGreaterThan(0);
      records.push(...changes.map(({ record }) => record));
      feed.acknowledge(cursor);
      if (records.length % 30 === 0) {
        await feed.close();
        feed = await follow(access, [customer], cursor);
      }
    }
    expect(records).toEqual(Array.from({ length: 96 }, (_, index) => String(index + 1)));
  });

  test(
    "a crash of the server, or the end of our session there, is ACCORD_UNREACHABLE; following again misses nothing",
    { timeout: 60_000 },
    async () => {
      await user.query(CUSTOMER);
      const access = accessOf({});
      let feed = await installAndFollow(access, [customer]);
      await user.query("INSERT INTO customer VALUES (1, 'a', 1, NULL)");
      const { cursor } = await collect(feed, 1);
      await user.query("INSERT INTO customer VALUES (2, 'a', 1, NULL)");
      await server.kill("SIGKILL");
      await expect(untilFailure(feed)).rejects.toMatchObject({ code: "ACCORD_UNREACHABLE", remedy: "retry" });
      await server.restart();
      await user.end().catch(() => {});
      user = await connectUser();
      feed = await follow(access, [customer], cursor ?? "");
      expect(summary((await collect(feed, 1)).changes)).toEqual(["2 = 2\ta\t1.00\t\\N"]);
      await user.query("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1", [access.names.slot]);
      await expect(untilFailure(feed)).rejects.toMatchObject({ code: "ACCORD_UNREACHABLE" });
    },
  );

  test("[S12] a cursor that the log does not reach is ACCORD_CURSOR_EXPIRED", async () => {
    await user.query(CUSTOMER);
    const access = accessOf({});
    const feed = await installAndFollow(access, [customer]);
    const before = await currentCursor(access, options);
    await user.query("INSERT INTO customer VALUES (1, 'a', 1, NULL)");
    const { cursor } = await collect(feed, 1);
    feed.acknowledge(cursor ?? "");
    await feed.close();
    await expect.poll(async () => (await readSlot(access, options)).confirmedHex).toBe(cursor);
    const expired = { code: "ACCORD_CURSOR_EXPIRED", remedy: "reread" };
    await expect(follow(access, [customer], before)).rejects.toMatchObject(expired);
    await expect(follow(access, [customer], "T1:1:")).rejects.toMatchObject(expired);
    await expect(follow(access, [customer], "f".repeat(16))).rejects.toMatchObject(expired);
    await expect(follow(access, [objectOf("public.other", ["id"], ["id"])], cursor ?? "")).rejects.toMatchObject({
      code: "ACCORD_NOT_INSTALLED",
    });
  });

  test(
    "[S54] a slot that another session holds, as a process that stands still does, is tried again and no reason to stop",
    { timeout: 30_000 },
    async () => {
      await user.query(CUSTOMER);
      const access = accessOf({});
      const holder = await installAndFollow(access, [customer]);
      const cursor = await currentCursor(access, options);
      await expect(follow(access, [customer], cursor)).rejects.toMatchObject({ code: "ACCORD_UNREACHABLE", remedy: "retry" });
      await holder.close();
      const feed = await follow(access, [customer], cursor);
      await feed.close();
    },
  );

  test("the slot is given up rather than filling the disk; the cursor of now makes it again", async () => {
    await user.query(CUSTOMER);
    const access = accessOf({ limits: { retainLimitBytes: 1_048_576 } });
    await install(access, ["public.customer"], "do", options);
    const cursor = await currentCursor(access, options);
    await user.query("INSERT INTO customer SELECT i, md5(i::text), i, md5(i::text) FROM generate_series(1, 30000) i");
    expect((await readSlot(access, options)).retainedBytes).toBeGreaterThan(1_048_576);
    await expect(follow(access, [customer], cursor)).rejects.toMatchObject({ code: "ACCORD_CURSOR_EXPIRED" });
    expect((await readSlot(access, options)).exists).toBe(false);
    expect(warnings.some((warning) => warning.startsWith("postgres.slot_given_up"))).toBe(true);
    await expect(follow(access, [customer], cursor)).rejects.toMatchObject({ code: "ACCORD_CURSOR_EXPIRED" });
    const feed = await follow(access, [customer], await currentCursor(access, options));
    await user.query("UPDATE customer SET name = 'z' WHERE id = 7");
    expect(summary((await collect(feed, 1)).changes)[0]).toMatch(/^7 = 7\tz/);
    expect(feed.retainedBytes).toBeLessThan(1_048_576);
  });

  test("log that others write is released too: an empty batch carries a cursor that may be acknowledged", async () => {
    await user.query(CUSTOMER);
    await user.query("CREATE TABLE other (id integer PRIMARY KEY, c text)");
    const access = accessOf({});
    const feed = await installAndFollow(access, [customer]);
    const { confirmedHex } = await readSlot(access, options);
    await user.query("INSERT INTO other SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 80000) i");
    await expect
      .poll(
        async () => {
          const batch = await feed.next({ signal, waitMs: 50, changesMax: 10 });
          expect(batch.changes).toEqual([]);
          return batch.cursor > confirmedHex;
        },
        { timeout: 20_000 },
      )
      .toBe(true);
    feed.acknowledge((await feed.next({ signal, waitMs: 1, changesMax: 10 })).cursor);
    await expect.poll(async () => (await readSlot(access, options)).confirmedHex > confirmedHex).toBe(true);
  });

  test("waiting ends with the signal, and closing ends a wait", async () => {
    await user.query(CUSTOMER);
    const feed = await installAndFollow(accessOf({}), [customer]);
    const controller = new AbortController();
    const waiting = feed.next({ signal: controller.signal, waitMs: 60_000, changesMax: 1 });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "ACCORD_CANCELLED" });
    const other = expect(feed.next({ signal, waitMs: 60_000, changesMax: 1 })).rejects.toMatchObject({ code: "ACCORD_CANCELLED" });
    await feed.close();
    await other;
  });
});

describe("the trigger log", () => {
  const triggers = { capture: "triggers" };

  test("[S7] tells touches, renames and truncation", async () => {
    await user.query(CUSTOMER);
    const feed = await installAndFollow(accessOf(triggers), [customer]);
    const told = async (text: string, count: number): Promise<string[]> => {
      await user.query(text);
      return summary((await collect(feed, count)).changes);
    };
    expect(await told("INSERT INTO customer VALUES (1, 'a', 1, NULL), (2, 'b', NULL, '')", 2)).toEqual(["1 touched", "2 touched"]);
    expect(await told("UPDATE customer SET id = id + 10", 4)).toEqual(["1 -> 11", "2 -> 12", "11 touched", "12 touched"]);
    expect(await told("DELETE FROM customer WHERE id = 12", 1)).toEqual(["12 touched"]);
    expect(await told("INSERT INTO customer VALUES (11, 'c', 1, NULL) ON CONFLICT (id) DO UPDATE SET name = 'c'", 1)).toEqual([
      "11 touched",
    ]);
    expect(await told("TRUNCATE customer", 1)).toEqual([" emptied"]);
  });

  test("[S9] a transaction that commits late is seen, though others with later ids were acknowledged long before", async () => {
    await user.query(CUSTOMER);
    const access = accessOf(triggers);
    let feed = await installAndFollow(access, [customer]);
    const late = await connectUser();
    await late.query("BEGIN");
    await late.query("INSERT INTO customer VALUES (1, 'late', 1, NULL)");
    await user.query("INSERT INTO customer VALUES (2, 'early', 1, NULL)");
    const first = await collect(feed, 1);
    expect(summary(first.changes)).toEqual(["2 touched"]);
    feed.acknowledge(first.cursor ?? "");
    await feed.close();
    feed = await follow(access, [customer], first.cursor ?? "");
    expect((await feed.next({ signal, waitMs: 100, changesMax: 10 })).changes).toEqual([]);
    await late.query("COMMIT");
    await late.end();
    const second = await collect(feed, 1);
    expect(summary(second.changes)).toEqual(["1 touched"]);
    feed.acknowledge(second.cursor ?? "");
    await feed.close();
    expect((await user.query(`SELECT FROM ${access.names.touched}`)).rowCount).toBe(0);
    await expect(follow(access, [customer], first.cursor ?? "")).rejects.toMatchObject({ code: "ACCORD_CURSOR_EXPIRED" });
    await follow(access, [customer], second.cursor ?? "");
  });

  test("[S9] a large statement is handed out page by page, and resumed in the middle", async () => {
    await user.query(CUSTOMER);
    const access = accessOf(triggers);
    let feed = await installAndFollow(access, [customer]);
    await user.query("INSERT INTO customer SELECT i, 'n', i, NULL FROM generate_series(1, 95) i");
    const records: string[] = [];
    for (;;) {
      const { changes, cursor } = await feed.next({ signal, waitMs: 50, changesMax: 10 });
      if (changes.length === 0) break;
      records.push(...changes.map(({ record }) => record));
      feed.acknowledge(cursor);
      await feed.close();
      feed = await follow(access, [customer], cursor);
      if (records.length === 50) await user.query("INSERT INTO customer VALUES (96, 'n', 1, NULL)");
    }
    expect(records).toEqual(Array.from({ length: 96 }, (_, index) => String(index + 1)));
  });

  test("record ids are what a listing gives, whatever the application's session settings", async () => {
    const types = ["integer", "boolean", "char(5)", "timestamptz", "date", "float8", "bytea", "text", "interval", "numeric(9,2)"];
    const values = [
      "7",
      "true",
      "'ab'",
      "'2024-03-01 12:00:00.5+01'",
      "'1850-01-02'",
      "0.1",
      "'\\x00ff'",
      "E'a\\tb\\\\'",
      "'1 day 2 hours'",
      "1.5",
    ];
    const access = accessOf(triggers);
    const objects = types.map((_, index) => objectOf(`public.t${index}`, ["k"], ["k"]));
    for (const [index, type] of types.entries()) await user.query(`CREATE TABLE t${index} (k ${type} PRIMARY KEY)`);
    await user.query(`CREATE TABLE two (a text, b date, PRIMARY KEY (a, b))`);
    const feed = await installAndFollow(access, [...objects, objectOf("public.two", ["a", "b"], ["a"])]);
    await user.query(
      "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET bytea_output = 'escape'; SET extra_float_digits = 0; SET IntervalStyle = sql_standard",
    );
    for (const [index, value] of values.entries()) await user.query(`INSERT INTO t${index} VALUES (${value})`);
    await user.query("INSERT INTO two VALUES (E'a\\tb\\n\\\\', '2024-05-06')");
    const ids = (await collect(feed, 11)).changes.map(({ record }) => record);
    const listed: string[] = [];
    for (const index of types.keys())
      listed.push((await access.database.rows(`SELECT k FROM public.t${index}`, [], options))[0]?.[0] ?? "");
    expect(ids).toEqual([...listed, "a\\tb\\n\\\\\t2024-05-06"]);
  });

  test("partitions that are written directly are captured, and so is what a restricted role writes", async () => {
    await user.query("CREATE TABLE parts (id integer PRIMARY KEY, c text) PARTITION BY RANGE (id)");
    await user.query("CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (10)");
    const feed = await installAndFollow(accessOf(triggers), [objectOf("public.parts", ["id"], ["id"])]);
    await user.query("CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM (10) TO (20)");
    await user.query("DO $$ BEGIN CREATE ROLE clerk; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    await user.query("GRANT SELECT, INSERT, UPDATE ON parts1, parts2 TO clerk; SET ROLE clerk");
    await user.query("INSERT INTO parts1 VALUES (1, 'c')");
    await user.query("INSERT INTO parts2 VALUES (11, 'c')");
    await user.query("UPDATE parts2 SET id = 12");
    await user.query("RESET ROLE");
    expect(summary((await collect(feed, 4)).changes)).toEqual(["1 touched", "11 touched", "11 -> 12", "12 touched"]);
  });

  test("a waiting feed is woken by the commit, however it falls between two looks", async () => {
    await user.query(CUSTOMER);
    await user.query("INSERT INTO customer VALUES (1, 'a', 1, NULL)");
    const feed = await installAndFollow(accessOf(triggers), [customer]);
    const delays: number[] = [];
    for (let round = 0; round < 150; round += 1) {
      const waiting = feed
        .next({ signal, waitMs: 3000, changesMax: 10 })
        .then(({ changes }) => ({ atMs: performance.now(), count: changes.length }));
      await new Promise((resolve) => setTimeout(resolve, (round % 10) / 2));
      await user.query("UPDATE customer SET amount = amount + 1");
      const committedAtMs = performance.now();
      const { atMs, count } = await waiting;
      expect(count).toBe(1);
      delays.push(atMs - committedAtMs);
    }
    // Far below the poll that would find a commit whose notice was lost.
    expect(Math.max(...delays)).toBeLessThan(700);
  });
});

describe.each(["log", "triggers"])("hand-over by %s", (capture) => {
  test("[S57] listing, then stream: nothing missed, nothing reverted, with writers all the while", { timeout: 120_000 }, async () => {
    await user.query(CUSTOMER);
    await user.query("ALTER TABLE customer ALTER note SET STORAGE EXTERNAL");
    await user.query("INSERT INTO customer SELECT i, 'name' || i, i, repeat(md5(i::text), 100) FROM generate_series(1, 500) i");
    const access = accessOf({ capture });
    await install(access, ["public.customer"], "do", options);

    let running = true;
    const random = seededRandom(7);
    let transactions = 0;
    const writers = Array.from({ length: 6 }, (_, index) =>
      writer(
        index,
        () => running,
        random,
        () => (transactions += 1),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));

    const cursor = await currentCursor(access, options);
    const world = await listAll();
    await new Promise((resolve) => setTimeout(resolve, 100));
    let feed = await follow(access, [customer], cursor);
    let last = cursor;
    const absorb = async (waitMs: number): Promise<number> => {
      const batch = await feed.next({ signal, waitMs, changesMax: 1 + Math.floor(random() * 200) });
      for (const change of batch.changes) await world.absorb(change);
      last = batch.cursor;
      if (random() < 0.3) feed.acknowledge(last);
      return batch.changes.length;
    };
    const endAt = performance.now() + 5000;
    while (performance.now() < endAt) {
      await absorb(20);
      if (random() < 0.02) {
        await feed.close();
        feed = await follow(access, [customer], last);
      }
    }
    running = false;
    await Promise.all(writers);
    while ((await absorb(1500)) > 0);
    await world.sweepIfEmptied();
    expect(transactions).toBeGreaterThan(300);
    const actual = (await listAll()).images;
    expect(world.images).toEqual(actual);
  });
});

/** What an engine does with a listing and changes, as plainly as can be. */
interface World {
  readonly images: Map<string, string>;
  absorb(change: Change): Promise<void>;
  sweepIfEmptied(): Promise<void>;
}

async function listAll(): Promise<World> {
  const images = new Map<string, string>();
  const positions = new Map<string, Position>();
  let listed: Position = "";
  const list = async (): Promise<void> => {
    const client = await connectUser();
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    const snapshot = await client.query<[string]>({ text: "SELECT pg_current_snapshot()::text", rowMode: "array" });
    const { rows } = await client.query<(string | null)[]>({
      text: "SELECT id::text, name, amount::text, note FROM customer",
      rowMode: "array",
    });
    await client.query("COMMIT");
    await client.end();
    listed = readPosition(snapshot.rows[0]?.[0] ?? "");
    images.clear();
    positions.clear();
    for (const row of rows) images.set(row[0] ?? "", writeImage(row));
  };
  await list();
  let emptied = false;
  const known = (record: string): Position => positions.get(record) ?? listed;
  const read = async (record: string): Promise<void> => {
    const { rows } = await user.query<(string | null)[]>({
      text: "SELECT pg_current_snapshot()::text, id::text, name, amount::text, note FROM (SELECT 1) one LEFT JOIN customer ON id = $1",
      values: [record],
      rowMode: "array",
    });
    const [row] = rows;
    positions.set(record, readPosition(row?.[0] ?? ""));
    if (row?.[1] === null || row === undefined) images.delete(record);
    else images.set(record, writeImage(row.slice(1)));
  };
  return {
    images,
    absorb: async ({ record, change }) => {
      switch (change.kind) {
        case "touched":
          return read(record);
        case "renamed":
          if (change.position === undefined) return read(change.from);
          if (covers(known(change.from), change.position)) return undefined;
          // What is kept outside the row does not come again: the image moves along.
          if (!covers(known(record), change.position)) images.set(record, images.get(change.from) ?? "");
          images.delete(change.from);
          positions.set(change.from, change.position);
          return undefined;
        case "deleted":
          if (change.position === null || covers(known(record), change.position)) return undefined;
          images.delete(record);
          positions.set(record, change.position);
          return undefined;
        case "image": {
          if (covers(known(record), change.position)) return undefined;
          const image = overlayImage(images.get(record) ?? "", change.image);
          images.set(record, image);
          positions.set(record, change.position);
          return undefined;
        }
        case "emptied":
          emptied = true;
          return undefined;
        default:
          throw new Error("unknown kind");
      }
    },
    sweepIfEmptied: async () => {
      if (emptied) await list();
    },
  };
}

/** A user's session: short and long transactions, rollbacks, every kind of change. No TRUNCATE, which would hide what was missed before it. */
async function writer(index: number, isRunning: () => boolean, random: () => number, count: () => void): Promise<void> {
  const client = await connectUser();
  let next = 1000 * (index + 1);
  let from = 0;
  const someId = (): number => 1 + Math.floor(random() * 500);
  const statements = [
    () => [`UPDATE customer SET amount = amount + 1 WHERE id = ${someId()}`],
    () => [`UPDATE customer SET name = name || 'x', amount = 3 WHERE id BETWEEN ${(from = someId())} AND ${from + 20}`],
    () => [`UPDATE customer SET note = repeat(md5(random()::text), 100) WHERE id = ${someId()}`],
    () => [`UPDATE customer SET note = NULL WHERE id = ${someId()}`],
    () => [`INSERT INTO customer VALUES (${(next += 1)}, E'new\\\\', NULL, NULL)`],
    () => [
      `DELETE FROM customer WHERE id = ${someId()}`,
      `INSERT INTO customer VALUES (${someId()}, 'again', 1, 'n') ON CONFLICT (id) DO UPDATE SET name = 'upsert'`,
    ],
    () => [`UPDATE customer SET id = ${(next += 1)} WHERE id = ${someId()}`],
    () => [
      `UPDATE customer SET id = ${someId()} WHERE id = ${next} AND NOT EXISTS (SELECT FROM customer WHERE id <= 500 AND id = ${someId()})`,
    ],
    () => [
      "SAVEPOINT s",
      `UPDATE customer SET name = 'lost' WHERE id = ${someId()}`,
      "ROLLBACK TO s",
      `UPDATE customer SET name = 'kept' WHERE id = ${someId()}`,
    ],
  ];
  while (isRunning()) {
    try {
      await client.query("BEGIN");
      for (let left = 1 + Math.floor(random() * 3); left > 0; left -= 1) {
        for (const text of statements[Math.floor(random() * statements.length)]?.() ?? []) await client.query(text);
        if (random() < 0.03) await new Promise((resolve) => setTimeout(resolve, 300));
      }
      await client.query(random() < 0.15 ? "ROLLBACK" : "COMMIT");
      count();
    } catch {
      // Deadlocks and taken keys are part of a user's life.
      await client.query("ROLLBACK");
    }
    await new Promise((resolve) => setTimeout(resolve, random() * 10));
  }
  await client.end();
}

function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
