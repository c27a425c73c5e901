import type { InstallStep } from "@accord/engine/connector";
import { startPostgres } from "@accord/sandbox/postgres";
import type { PostgresServer } from "@accord/sandbox/postgres";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createDatabase } from "./client.ts";
import type { Database } from "./client.ts";
import { readEpoch, readMark, writeMark } from "./epoch.ts";
import { install, uninstall } from "./install.ts";
import { readInstalled } from "./installed.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { namesOf } from "./names.ts";
import { readSettings } from "./settings.ts";

const options = { signal: new AbortController().signal };
const CUSTOMER = "CREATE TABLE customer (id integer PRIMARY KEY, name text)";

let server: PostgresServer;
let plainServer: PostgresServer;
let databaseCount = 0;
let databases: Database[] = [];
let owner: pg.Client;
let url: string;

beforeAll(async () => {
  [server, plainServer] = await Promise.all([startPostgres(), startPostgres({ settings: { wal_level: "replica" } })]);
});
afterAll(async () => {
  await Promise.all([server.stop(), plainServer.stop()]);
});
beforeEach(() => use(server));
afterEach(async () => {
  await owner.end();
  for (const database of databases) await database.close();
  databases = [];
});

async function use(which: PostgresServer): Promise<void> {
  databaseCount += 1;
  url = await which.createDatabase(`install${databaseCount}`);
  owner = new pg.Client({ connectionString: url });
  await owner.connect();
}

function accessOf(settings: Readonly<Record<string, unknown>> = {}, installation = "test"): CaptureAccess {
  const read = readSettings({ url, ...settings });
  expect(read.problems).toEqual([]);
  const database = createDatabase("erp", read.value);
  databases.push(database);
  return {
    database,
    names: namesOf(installation, read.value.database),
    clock: {
      nowMs: () => Date.now(),
      elapsedMs: () => performance.now(),
      sleep: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs)),
    },
    log: { debug: none, info: none, warn: none, error: none },
  };
}

function none(): void {}

/** Makes a role that may log in and nothing else, and an access as that role. */
async function accessAs(role: string, rights: readonly string[], settings: Readonly<Record<string, unknown>> = {}): Promise<CaptureAccess> {
  await owner.query(`DROP ROLE IF EXISTS ${role}`);
  await owner.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
  for (const right of rights) await owner.query(right);
  return accessOf({ ...settings, user: role, password: "secret" });
}

/** All that is not the server's own: what `uninstall` has to leave as it was. */
async function everything(): Promise<unknown> {
  const { rows } = await owner.query<{ readonly all: unknown }>(`
    SELECT json_build_array(
      (SELECT json_agg(slot_name) FROM pg_replication_slots WHERE database = current_database()), (SELECT json_agg(pubname) FROM pg_publication),
      (SELECT json_agg(nspname ORDER BY nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'),
      (SELECT json_agg(relname ORDER BY relname) FROM pg_class WHERE oid >= 16384), (SELECT json_agg(proname) FROM pg_proc WHERE oid >= 16384),
      (SELECT json_agg(tgname) FROM pg_trigger WHERE NOT tgisinternal)) AS all`);
  return rows[0]?.all;
}

function told(steps: readonly InstallStep[]): string[] {
  return steps.map(({ what, state }) => `${what}: ${state}`);
}

test.each(["log", "triggers"])("[S60] what `%s` describes it makes, once, and what it made it removes", async (capture) => {
  await owner.query(CUSTOMER);
  await owner.query('CREATE TABLE "Odd ""name" ("the ""key" text PRIMARY KEY)');
  const objects = ["public.customer", 'public.Odd "name'];
  const access = accessOf({ capture });
  const before = await everything();
  const described = await install(access, objects, "describe", options);
  expect(new Set(described.map(({ state }) => state))).toEqual(new Set(["would"]));
  expect(await everything()).toEqual(before);

  const made = await install(access, objects, "do", options);
  expect(made.map(({ what, sql }) => ({ what, sql }))).toEqual(described.map(({ what, sql }) => ({ what, sql })));
  expect(new Set(made.map(({ state }) => state))).toEqual(new Set(["done"]));
  const installed = await readInstalled(access, options);
  expect(installed).toMatchObject({
    applied: true,
    mark: true,
    capture: capture === "log" ? "log" : "touched",
    captured: new Set(objects),
  });
  expect(new Set((await install(access, objects, "do", options)).map(({ state }) => state))).toEqual(new Set(["already"]));

  await owner.query("INSERT INTO customer VALUES (1, 'a'); UPDATE customer SET id = 2; DELETE FROM customer");
  const present = await everything();
  const would = await uninstall(access, "describe", options);
  expect(await everything()).toEqual(present);
  expect(told(await uninstall(access, "do", options))).toEqual(would.map(({ what }) => `${what}: done`));
  expect(await everything()).toEqual(before);
  expect(await uninstall(access, "do", options)).toEqual([]);
  await owner.query('DROP TABLE "Odd ""name"');
});

test("objects that are added later are captured too, and earlier ones stay", async () => {
  await owner.query(CUSTOMER);
  await owner.query("CREATE TABLE orders (id integer PRIMARY KEY)");
  const access = accessOf();
  await install(access, ["public.customer"], "do", options);
  expect(told(await install(access, ["public.orders"], "do", options)).slice(-2)).toEqual([
    "publication accord_test for public.orders: done",
    `replication slot ${access.names.slot}: already`,
  ]);
  expect((await readInstalled(access, options)).captured).toEqual(new Set(["public.customer", "public.orders"]));
  await uninstall(access, "do", options);
});

test("uninstall ends a session that reads from the slot", async () => {
  await owner.query(CUSTOMER);
  const access = accessOf();
  await install(access, ["public.customer"], "do", options);
  const reader = new pg.Client({ connectionString: `${url}?replication=database` });
  reader.on("error", () => {});
  await reader.connect();
  const reading = reader
    .query(`START_REPLICATION SLOT ${access.names.slot} LOGICAL 0/0 (proto_version '1', publication_names '${access.names.publication}')`)
    .catch(() => {});
  await expect.poll(async () => (await readInstalled(access, options)).slot.activePid).not.toBeNull();
  await uninstall(access, "do", options);
  await reading;
  expect((await readInstalled(access, options)).slot.exists).toBe(false);
});

test("two installations and two databases of one server do not get into each other's way", async () => {
  await owner.query(CUSTOMER);
  const one = accessOf({}, "one");
  const two = accessOf({ capture: "triggers" }, "two");
  await install(one, ["public.customer"], "do", options);
  await install(two, ["public.customer"], "do", options);
  await uninstall(one, "do", options);
  expect(await readInstalled(two, options)).toMatchObject({ capture: "touched", captured: new Set(["public.customer"]) });
  await uninstall(two, "do", options);
  expect(namesOf("one", "a").slot).not.toBe(namesOf("one", "b").slot);
  expect(namesOf("one", "Über alles").slot).toMatch(/^[a-z0-9_]{1,63}$/);
});

test("without logical decoding, changes are captured by triggers, and the report says what to do about it", async () => {
  await owner.end();
  await use(plainServer);
  await owner.query(CUSTOMER);
  const access = accessOf();
  const steps = await install(access, ["public.customer"], "do", options);
  expect(steps.find(({ state }) => state === "impossible")?.reason).toBe(
    "the server's wal_level is replica: ALTER SYSTEM SET wal_level = logical, then restart the server",
  );
  expect(told(steps).slice(-1)).toEqual(["triggers on public.customer: done"]);
  expect((await readInstalled(access, options)).capture).toBe("touched");
  const forced = await install(accessOf({ capture: "log" }), ["public.customer"], "describe", options);
  expect(forced.map(({ state }) => state)).toContain("impossible");
});

test("missing rights are named one by one, with the statement that grants them", async () => {
  await owner.query(CUSTOMER);
  const weak = await accessAs("weak", []);
  const reasons = async (access: CaptureAccess): Promise<(string | null)[]> =>
    (await install(access, ["public.customer", "public.nothing"], "do", options))
      .filter(({ state }) => state === "impossible")
      .map(({ reason }) => reason);
  expect(await reasons(weak)).toEqual(
    expect.arrayContaining([
      `the role may not create schemas and publications: GRANT CREATE ON DATABASE install${databaseCount} TO weak`,
      "there is no such table, or it is a view: check its name",
      "only its owner may publish it: make the role of this connection a member of the owner's role",
      "the role may not create triggers on it: GRANT TRIGGER ON the table to it",
    ]),
  );
  await owner.query(`GRANT CREATE ON DATABASE install${databaseCount} TO weak; GRANT TRIGGER, SELECT, INSERT ON customer TO weak`);
  expect(await reasons(weak)).toContain("the role may not replicate: ALTER ROLE weak REPLICATION");
  expect((await readInstalled(weak, options)).capture).toBe("touched");
  await owner.query("INSERT INTO customer VALUES (1, 'a')");
  expect((await owner.query("SELECT records FROM accord_test.touched")).rows).toEqual([{ records: ["1"] }]);
  // With ownership and the right to replicate, the log takes over and the triggers go.
  await owner.query("ALTER TABLE customer OWNER TO weak; ALTER ROLE weak REPLICATION");
  expect(told(await install(weak, ["public.customer"], "do", options)).slice(-3)).toEqual([
    "triggers and table accord_test.touched, removal: done",
    "publication accord_test for public.customer: done",
    `replication slot ${weak.names.slot}: done`,
  ]);
  expect(await readInstalled(weak, options)).toMatchObject({ capture: "log", captured: new Set(["public.customer"]), touched: false });
  await uninstall(weak, "do", options);
  await owner.query("DROP OWNED BY weak CASCADE; DROP ROLE weak");
});

test("a table whose updates PostgreSQL would refuse once published is not published", async () => {
  await owner.query("CREATE TABLE loose (id integer); CREATE TABLE other (id integer PRIMARY KEY, code text NOT NULL UNIQUE)");
  await owner.query("ALTER TABLE other REPLICA IDENTITY USING INDEX other_code_key");
  const access = accessOf({ capture: "log" });
  const steps = await install(access, ["public.loose", "public.other"], "do", options);
  expect(steps.filter(({ state }) => state === "impossible").map(({ what }) => what)).toEqual([
    "capture of public.loose by the log",
    "capture of public.other by the log",
  ]);
  await owner.query("INSERT INTO loose VALUES (1); UPDATE loose SET id = 2");
  await uninstall(access, "do", options);
});

test("[S58] the mark of the store is kept beside the proof rows", async () => {
  const access = accessOf();
  expect(await readMark(access, options)).toBeNull();
  await expect(writeMark(access, { storeId: "s", generation: 1 }, options)).rejects.toMatchObject({ code: "ACCORD_NOT_INSTALLED" });
  await install(access, [], "do", options);
  expect(await readMark(access, options)).toBeNull();
  await writeMark(access, { storeId: "store-1", generation: 1 }, options);
  await writeMark(access, { storeId: "store-1", generation: 2 }, options);
  expect(await readMark(access, options)).toEqual({ storeId: "store-1", generation: 2 });
  await uninstall(access, "do", options);
});

test("[S12] the epoch stays the same over a restart and differs between servers and databases", { timeout: 60_000 }, async () => {
  const access = accessOf();
  const epoch = await readEpoch(access, options);
  expect(epoch).toMatch(/^\d+\/00000001\/\d+\/-$/);
  await owner.end();
  await use(plainServer);
  const elsewhere = await readEpoch(accessOf(), options);
  expect(elsewhere).not.toBe(epoch);
  await owner.end();
  await plainServer.restart();
  await use(plainServer);
  const again = await readEpoch(accessOf(), options);
  expect(again.split("/").slice(0, 2)).toEqual(elsewhere.split("/").slice(0, 2));
  expect(again).not.toBe(elsewhere);
});

test("[S12] where the role may not ask the server who it is, what install wrote down stands in", async () => {
  await owner.query("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
  const plain = await accessAs("plain", []);
  expect(await readEpoch(plain, options)).toMatch(/^-\/00000001\/\d+\/-$/);
  await install(accessOf(), [], "do", options);
  await owner.query("GRANT USAGE ON SCHEMA accord_test TO plain; GRANT SELECT ON accord_test.mark TO plain");
  expect(await readEpoch(plain, options)).toMatch(/^-\/00000001\/\d+\/[0-9a-f-]{36}$/);
  await uninstall(accessOf(), "do", options);
  await owner.query("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC; DROP OWNED BY plain CASCADE; DROP ROLE plain");
});
