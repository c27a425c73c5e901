import { spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readImage, writeImage } from "@accord/core";
import { fakeHost, NO_CHANGES } from "@accord/testkit";
import type { JournalQuery, Lease, Store, StoredEntity } from "@accord/engine/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { restoreStore } from "./backup.ts";
import { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from "./store.ts";

const call = { signal: new AbortController().signal };

let folder: string;
let path: string;
let opened: Store[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "accord-store-"));
  path = join(folder, "accord.db");
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map(async (store) => store.close()));
  rmSync(folder, { recursive: true });
});

async function open(options: Partial<SqliteStoreOptions> = {}): Promise<SqliteStore> {
  const store = await openSqliteStore({ path, ...fakeHost(), ...options });
  opened.push(store);
  return store;
}

async function begin(store: Store): Promise<{ readonly sync: number; readonly lease: Lease }> {
  const sides = [{ connection: "crm", object: "contacts", keyOrder: "bytes" as const, columns: [] }];
  const { id } = await store.openSync("customers", { digest: "d", body: "{}", sides, fields: ["name"], matchRules: 0 }, call);
  const lease = await store.takeLease("shard:0", "me", 9e12, 1, call);
  if (lease === null) throw new Error("nobody else holds the lease");
  return { sync: id, lease };
}

function entity(sync: number, id: number, value: string): StoredEntity {
  const provenance = { side: 0, cause: "user", fromMs: 1, toMs: 1 } as const;
  return {
    id,
    sync,
    life: { kind: "live" },
    version: 1,
    fields: [{ value, version: 1, provenance, review: null, adds: null }],
    review: null,
    members: [null],
  };
}

/** One commit of several parts: entity and journal entry. */
async function commitOne(store: Store, sync: number, lease: Lease, value: string): Promise<number> {
  const id = await store.reserveEntities(1, call);
  const entry = { run: null, atMs: 1, sync, entity: id, side: 0, kind: "merge", payload: value } as const;
  await store.commit(lease, { ...NO_CHANGES, entities: [{ entity: entity(sync, id, value), keys: null }], journal: [entry] }, call);
  return id;
}

function alter(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

test("[S6] the store is one file that only its owner may read, its log and index files too", async () => {
  writeFileSync(path, "", { mode: 0o644 });
  const store = await open();
  await begin(store);
  for (const end of ["", "-wal", "-shm"]) expect(statSync(`${path}${end}`).mode & 0o777).toBe(0o600);
  expect(await store.identity()).toMatchObject({ generation: 0, restored: false });
});

test("a store of a newer version is refused, named with the format it has, and left as it is", async () => {
  await (await open()).close();
  alter(path, "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
  const before = readFileSync(path);
  await expect(open()).rejects.toMatchObject({ code: "ACCORD_STORE_NEWER", remedy: "stop", message: expect.stringContaining("format 99") });
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("a file that is no store is refused and left as it is: a text, another program's database, a short file", async () => {
  const foreign = new DatabaseSync(join(folder, "foreign.db"));
  foreign.exec("CREATE TABLE mine (a)");
  foreign.close();
  writeFileSync(join(folder, "text"), "this is a diary. ".repeat(40));
  writeFileSync(join(folder, "short"), "hello");
  for (const name of ["foreign.db", "text", "short"]) {
    const file = join(folder, name);
    const before = readFileSync(file);
    await expect(open({ path: file })).rejects.toMatchObject({ code: "ACCORD_STORE_BROKEN", remedy: "stop" });
    expect(readFileSync(file).equals(before)).toBe(true);
  }
  await expect(open({ path: join(folder, "missing", "accord.db") })).rejects.toMatchObject({
    code: "ACCORD_STORE_UNREACHABLE",
    remedy: "stop",
  });
});

test("a damaged store says so", async () => {
  const store = await open();
  const { sync, lease } = await begin(store);
  for (let step = 0; step < 30; step += 1) await commitOne(store, sync, lease, "x".repeat(500));
  await store.close();
  const bytes = readFileSync(path);
  bytes.fill(0x5a, 4096);
  writeFileSync(path, bytes);
  const damaged = async (): Promise<unknown> => (await open()).listEntities(sync, null, 100, call);
  await expect(damaged()).rejects.toMatchObject({ code: "ACCORD_STORE_BROKEN", remedy: "stop" });
  truncateSync(path, 4096);
  await expect(damaged()).rejects.toMatchObject({ code: "ACCORD_STORE_BROKEN" });
});

test("[S6] at its size limit the store refuses the commit as a whole, keeps what it has, and goes on when there is room", async () => {
  const store = await open({ maxPages: 80 });
  const { sync, lease } = await begin(store);
  let commits = 0;
  const fill = async (): Promise<void> => {
    for (;;) {
      await commitOne(store, sync, lease, "x".repeat(3_000));
      commits += 1;
    }
  };
  await expect(fill()).rejects.toMatchObject({ code: "ACCORD_STORE_FULL", remedy: "stop" });
  expect(commits).toBeGreaterThan(3);
  expect(await store.checkJournal(call)).toEqual({ entries: commits, brokenAt: null });
  await store.close();
  const again = await open();
  expect(await again.listEntities(sync, null, 1_000, call)).toHaveLength(commits);
  await commitOne(again, sync, lease, "more");
  expect(await again.checkJournal(call)).toEqual({ entries: commits + 1, brokenAt: null });
});

test("[S6] a file-size limit of the system is the same: ACCORD_STORE_FULL, and what was committed stays", async () => {
  const { sync } = await begin(await open());
  const script = `
    import { openSqliteStore } from ${JSON.stringify(new URL("store.ts", import.meta.url).href)};
    const call = { signal: new AbortController().signal };
    let hex = 0;
    const quiet = () => {};
    const store = await openSqliteStore({ path: ${JSON.stringify(path)}, clock: { nowMs: () => 1, sleep: async () => {} }, random: { hex: (n) => String(++hex).padStart(n * 2, "0") }, log: { debug: quiet, info: quiet, warn: quiet, error: quiet } });
    const lease = await store.takeLease("shard:0", "me", 9e12, 1, call);
    let commits = 0;
    try {
      for (;;) {
        const entry = { run: null, atMs: 1, sync: ${sync}, entity: null, side: 0, kind: "merge", payload: "x".repeat(5000) };
        await store.commit(lease, { ...${JSON.stringify(NO_CHANGES)}, journal: [entry] }, call);
        commits += 1;
      }
    } catch (error) {
      process.stdout.write(JSON.stringify({ code: error.code, commits }));
    }`;
  // Blocks of 512 or 1024 bytes, as the shell has it: a megabyte or two.
  const args = [
    "-c",
    'ulimit -f 2048; exec "$@"',
    "sh",
    process.execPath,
    "--conditions=@accord/source",
    "--input-type=module",
    "-e",
    script,
  ];
  const child = spawnSync("sh", args, { encoding: "utf8" });
  expect(child.stdout, child.stderr).toContain("ACCORD_STORE_FULL");
  const { commits } = JSON.parse(child.stdout) as { commits: number };
  expect(commits).toBeGreaterThan(10);
  expect(await (await open()).checkJournal(call)).toEqual({ entries: commits, brokenAt: null });
});

/** Changes the line of one entry, each of which stands in a row of its own here. */
function alterEntry(file: string, sequence: number, change: (line: string) => string): void {
  const database = new DatabaseSync(file);
  const row = database.prepare("SELECT body FROM journal WHERE first = ?").get(sequence);
  database.prepare("UPDATE journal SET body = ? WHERE first = ?").run(change(String(row?.["body"])), sequence);
  database.close();
}

test("[S64] the chain shows a changed, a removed and an added entry, and still holds when a payload was erased", async () => {
  const store = await open();
  const { sync, lease } = await begin(store);
  for (let step = 0; step < 6; step += 1) await commitOne(store, sync, lease, `value ${step}`);
  alterEntry(path, 3, (line) => {
    const cells = readImage(line);
    const digest = hash("sha256", `${cells[7] ?? ""}${cells[8] ?? ""}`, "hex");
    return writeImage([...cells.slice(0, 7), null, null, digest]);
  });
  expect(await store.checkJournal(call)).toEqual({ entries: 6, brokenAt: null });
  expect((await store.readJournal({ limit: 1, before: 4 }, call))[0]).toMatchObject({ sequence: 3, payloadErased: true, payload: "" });

  const brokenBy = async (sequence: number, from: string, to: string): Promise<number | null> => {
    alterEntry(path, sequence, (line) => line.replace(from, to));
    const { brokenAt } = await store.checkJournal(call);
    alterEntry(path, sequence, (line) => line.replace(to, from));
    return brokenAt;
  };
  expect(await brokenBy(5, "value 4", "forged")).toBe(5);
  expect(await brokenBy(2, "\t2\t", "\t99\t")).toBe(2);
  expect(await brokenBy(4, "value 3", "value 3\nvalue 3")).toBe(4);
  alter(path, "INSERT INTO journal SELECT 7, rare, latest_ms, chain, body FROM journal WHERE first = 6");
  expect((await store.checkJournal(call)).brokenAt).toBe(7);
  alter(path, "DELETE FROM journal WHERE first = 7");
  expect(await store.checkJournal(call)).toEqual({ entries: 6, brokenAt: null });
  alter(path, "DELETE FROM journal WHERE first = 6");
  expect((await store.checkJournal(call)).brokenAt).toBe(6);
});

test("[S64] a search by a rare kind, or for what is young, leaves the rest of the journal alone, whichever way the clock went", async () => {
  const store = await open();
  const { sync, lease } = await begin(store);
  const times = [10, 50, 20, 30, 60];
  for (const [index, atMs] of times.entries()) {
    const kind = index === 1 || index === 3 ? "guard" : "merge";
    const journal = [{ run: null, atMs, sync, entity: null, side: null, kind, payload: `at ${atMs}` } as const];
    await store.commit(lease, { ...NO_CHANGES, journal }, call);
  }
  const payloads = async (query: Partial<JournalQuery>): Promise<string[]> =>
    (await store.readJournal({ limit: 9, ...query }, call)).map(({ payload }) => payload);
  expect(await payloads({ kinds: ["guard"] })).toEqual(["at 30", "at 50"]);
  expect(await payloads({ kinds: ["guard"], before: 4 })).toEqual(["at 50"]);
  expect(await payloads({ kinds: ["guard", "merge"], fromMs: 30 })).toEqual(["at 60", "at 30", "at 50"]);
  expect(await payloads({ kinds: ["refused"] })).toEqual([]);

  // Rows that would fit, if they were read, and say at their outside that they do not.
  alter(path, "UPDATE journal SET rare = 0 WHERE first = 2");
  expect(await payloads({ kinds: ["guard"] })).toEqual(["at 30"]);
  alter(path, "UPDATE journal SET latest_ms = 29 WHERE first = 3");
  expect(await payloads({ fromMs: 30 })).toEqual(["at 60", "at 30"]);
});

test("[S64] the entries of one commit stand in rows of some hundred, and each is found by what it touches", async () => {
  const store = await open();
  const { sync, lease } = await begin(store);
  const run = await store.startRun({ kind: "live", startedAtMs: 1 }, call);
  const first = await store.reserveEntities(300, call);
  const entry = (place: number, kind: "merge" | "write") =>
    ({ run, atMs: place, sync, entity: first + (place % 300), side: 0, kind, payload: `{"line":"a\\nb","place":${place}}` }) as const;
  const places = Array.from({ length: 600 }, (_, place) => place);
  await store.commit(lease, { ...NO_CHANGES, journal: places.map((place) => entry(place, "merge")) }, call);
  await commitOne(store, sync, lease, JSON.stringify("between\ttwo\nlines"));
  await store.commit(lease, { ...NO_CHANGES, journal: places.map((place) => entry(place, "write")) }, call);
  expect(await store.checkJournal(call)).toEqual({ entries: 1_201, brokenAt: null });
  const history = await store.readJournal({ entity: first + 7, limit: 9 }, call);
  expect(history.map(({ sequence, kind, payload }) => [sequence, kind, payload])).toEqual(
    [307, 7]
      .flatMap((place) => [[602 + place, "write", entry(place, "write").payload]])
      .concat([307, 7].map((place) => [1 + place, "merge", entry(place, "merge").payload])),
  );
  expect((await store.readJournal({ before: 602, limit: 2 }, call)).map(({ payload }) => payload)).toEqual([
    JSON.stringify("between\ttwo\nlines"),
    entry(599, "merge").payload,
  ]);
  expect(await store.readJournal({ run, kinds: ["write"], fromMs: 10, toMs: 12, limit: 9 }, call)).toMatchObject([
    { sequence: 614 },
    { sequence: 613 },
    { sequence: 612 },
  ]);
});

test("[S6] what feeds and merges told is flushed when that is asked for, also when nothing else was written meanwhile", async () => {
  const store = await open();
  await begin(store);
  for (let time = 0; time < 3; time += 1) {
    const before = statSync(`${path}-wal`).size;
    await store.makeDurable(call);
    // SQLite flushes a commit only where it has something to add to the log.
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(before);
  }
});

test("a backup is taken while the store is in use, is whole, and never replaces a file", async () => {
  const store = await open();
  const { sync, lease } = await begin(store);
  for (let step = 0; step < 50; step += 1) await commitOne(store, sync, lease, "x".repeat(2_000));
  const target = join(folder, "backup.db");
  const copying = store.backup(target);
  for (let step = 0; step < 20; step += 1) await commitOne(store, sync, lease, "meanwhile");
  await copying;
  expect(statSync(target).mode & 0o777).toBe(0o600);
  expect(existsSync(`${target}-wal`)).toBe(false);
  const copy = await open({ path: target });
  const { entries, brokenAt } = await copy.checkJournal(call);
  expect(brokenAt).toBeNull();
  expect(entries).toBeGreaterThanOrEqual(50);
  expect(await copy.listEntities(sync, null, 1_000, call)).toHaveLength(entries);
  await expect(store.backup(target)).rejects.toMatchObject({ code: "ACCORD_BACKUP_EXISTS" });
});

test("[S58] a restored store has a higher generation, new entity ids, no leases, and says that it is behind until that is acknowledged", async () => {
  const store = await open();
  const { sync, lease } = await begin(store);
  await commitOne(store, sync, lease, "kept");
  const target = join(folder, "backup.db");
  await store.backup(target);
  const lost = await commitOne(store, sync, lease, "lost");
  const { storeId } = await store.identity();
  await store.close();
  const { random } = fakeHost();
  expect(restoreStore({ from: target, to: path, random, generationSeen: null })).toEqual({ generation: 1 });
  const restored = await open();
  expect(await restored.identity()).toMatchObject({ storeId, generation: 1, restored: true });
  expect(await restored.listEntities(sync, null, 9, call)).toHaveLength(1);
  expect(await restored.leaseHolder("shard:0", call)).toBeNull();
  await expect(commitOne(restored, sync, lease, "stale")).rejects.toMatchObject({ code: "ACCORD_LEASE_LOST" });
  expect(await restored.reserveEntities(1, call)).toBeGreaterThan(2 ** 36);
  expect(lost).toBeLessThan(2 ** 36);
  await restored.acknowledgeRestore(call);
  expect(await restored.identity()).toMatchObject({ generation: 1, restored: false });
  await restored.close();
  expect(restoreStore({ from: target, to: path, random, generationSeen: null })).toEqual({ generation: 2 });
  expect(restoreStore({ from: target, to: join(folder, "elsewhere.db"), random, generationSeen: 7 })).toEqual({ generation: 8 });
  expect(existsSync(`${path}.before-restore`)).toBe(true);
});

test("[S58] a restore from a file that is no store changes nothing", async () => {
  const store = await open();
  await begin(store);
  await store.close();
  const before = readFileSync(path);
  writeFileSync(join(folder, "text"), "no backup ".repeat(99));
  const { random } = fakeHost();
  for (const name of ["text", "missing"]) {
    const restore = (): unknown => restoreStore({ from: join(folder, name), to: path, random, generationSeen: null });
    expect(restore).toThrow(expect.objectContaining({ code: "ACCORD_STORE_BROKEN" }));
  }
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(existsSync(`${path}.partial`)).toBe(false);
});
