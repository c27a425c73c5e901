import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Intent, Lease, SyncId } from "@accord/engine/store";
import { fakeHost, NO_CHANGES, seededRandom } from "@accord/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FLUSHED_ASIDE_MIN } from "./limits.ts";
import { openSqliteStore, type SqliteStore } from "./store.ts";

const call = { signal: new AbortController().signal };
const ROUNDS = 50;
/** Bytes of a page in the write-ahead log, its header included. https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
const FRAME_BYTES = 4_096 + 24;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "accord-power-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** What the store held after a commit, and how long its log was then. */
interface Moment {
  readonly logBytes: number;
  readonly cursor: string;
  readonly intents: number;
  readonly entries: number;
}

async function stateOf(store: SqliteStore): Promise<Omit<Moment, "logBytes">> {
  let intents = 0;
  for (let shard = 0; shard < 16; shard += 1) intents += (await store.loadOpenIntents(shard, 1_000, call)).length;
  const { entries, brokenAt } = await store.checkJournal(call);
  expect(brokenAt).toBeNull();
  return { cursor: (await store.readConnection("crm", call))?.cursor ?? "", intents, entries };
}

/** An intent of a round. */
function opened(sync: SyncId, round: number, kind: "create" | "update" | "delete"): Intent {
  const record = kind === "create" ? null : `r${round}`;
  const write = {
    id: `i${round}`,
    sync,
    side: 1,
    entity: round,
    kind,
    record,
    fields: [],
    set: kind === "create" ? "a" : [],
    expect: [],
  } as const;
  return { ...write, attempt: 1, run: 1, openedAtMs: 1, deadlineMs: 2 };
}

/** One step of a run: a pull, a merge, writes that are opened, or an update that is settled. */
async function step(store: SqliteStore, sync: SyncId, lease: Lease, round: number): Promise<void> {
  const entity = round;
  switch (round % 5) {
    case 4: {
      const settled = { run: null, atMs: 1, sync, entity, side: 1, kind: "write", payload: "settled" } as const;
      const intentsClosed = round % 10 === 4 ? [`i${round - 1}`] : [];
      await store.commit(lease, { ...NO_CHANGES, intentsClosed, journal: [settled] }, call);
      return;
    }
    case 3: {
      await store.commit(lease, { ...NO_CHANGES, intentsOpened: [opened(sync, entity, round % 10 === 3 ? "update" : "create")] }, call);
      return;
    }
    case 2: {
      const journal = [{ run: null, atMs: 1, sync, entity, side: 0, kind: "merge", payload: "x".repeat(500 * round) } as const];
      await store.commit(lease, { ...NO_CHANGES, entities: [{ entity: sample(sync, entity + 1), keys: [`k${round}`] }], journal }, call);
      return;
    }
    default: {
      const cursor = { connection: "crm", cursor: String(round) };
      const mark = {
        sync,
        side: 0,
        record: String(round),
        kind: "touched",
        image: null,
        position: null,
        renamedFrom: null,
        fromMs: 1,
        toMs: 1,
      } as const;
      await store.commitPull({ marks: [{ ...mark, keys: null, notBeforeMs: 0 }], cursor, listing: null }, call);
    }
  }
}

function sample(sync: SyncId, id: number): Parameters<SqliteStore["commit"]>[1]["entities"][number]["entity"] {
  const provenance = { side: 0, cause: "user", fromMs: 1, toMs: 1 } as const;
  const fields = [{ value: "v", version: 1, provenance, review: null, adds: null }];
  return { id, sync, life: { kind: "live" }, version: 1, fields, review: null, members: [null, null] };
}

// That a commit others rely on is followed by a sync of the log is SQLite's word: what the disk may lose is everything after it, from its end on.
test("[S6, S29] a power cut leaves a whole prefix of the commits, wherever in the log it falls", async () => {
  const path = join(folder, "accord.db");
  const store = await openSqliteStore({ path, ...fakeHost() });
  const sides = ["crm", "erp"].map((connection) => ({ connection, object: "o", keyOrder: "integer", columns: ["a"] }) as const);
  const { id: sync } = await store.openSync("s", { digest: "d", body: "{}", sides, fields: ["f"], matchRules: 1 }, call);
  const lease = await store.takeLease("shard:0", "h", 9e12, 1, call);
  if (lease === null) throw new Error("nobody else holds the lease of a new store");
  await store.makeDurable(call);
  const log = `${path}-wal`;
  const moments: Moment[] = [{ ...(await stateOf(store)), logBytes: statSync(log).size }];
  for (let round = 1; round <= ROUNDS; round += 1) {
    await step(store, sync, lease, round);
    moments.push({ ...(await stateOf(store)), logBytes: statSync(log).size });
  }
  const bytes = readFileSync(log);
  const random = seededRandom(11);
  let cuts = 0;
  for (const [index, moment] of moments.entries()) {
    const next = moments[index + 1];
    if (next === undefined) break;
    // At a frame's end, within a frame, and with what the disk held before in place of the lost end.
    const within = moment.logBytes + (Number.parseInt(random.hex(4), 16) % (next.logBytes - moment.logBytes));
    for (const [size, hasTail] of [
      [moment.logBytes, false],
      [within, false],
      [within, true],
      [next.logBytes - FRAME_BYTES, true],
    ] as const) {
      if (size < moment.logBytes) continue;
      const copy = join(folder, `cut-${index}-${(cuts += 1)}.db`);
      copyFileSync(path, copy);
      const tail = hasTail ? Buffer.alloc(FRAME_BYTES * 2, 0xa5) : Buffer.alloc(0);
      writeFileSync(`${copy}-wal`, Buffer.concat([bytes.subarray(0, size), tail]));
      const after = await openSqliteStore({ path: copy, ...fakeHost() });
      const { cursor, intents, entries } = moment;
      expect(await stateOf(after), `cut at ${size} of ${bytes.length} bytes, after commit ${index}`).toEqual({ cursor, intents, entries });
      await after.close();
    }
  }
  expect(moments.at(-1)?.intents).toBe(ROUNDS / 10);
  expect(cuts).toBeGreaterThan(ROUNDS * 2);
  await store.close();
});

test("[S29, S31] what a system is asked is on the disk at once, as is what became of creates and deletes; a settled update follows with the next of those, its intent open until then", async () => {
  const store = await openSqliteStore({ path: join(folder, "accord.db"), ...fakeHost() });
  const sides = ["crm", "erp"].map((connection) => ({ connection, object: "o", keyOrder: "integer", columns: ["a"] }) as const);
  const { id: sync } = await store.openSync("s", { digest: "d", body: "{}", sides, fields: ["f"], matchRules: 1 }, call);
  const lease = await store.takeLease("shard:0", "h", 9e12, 1, call);
  if (lease === null) throw new Error("nobody else holds the lease of a new store");
  let mode = "FULL";
  const told = vi.spyOn(DatabaseSync.prototype, "exec");
  const modeOf = async (changes: Partial<typeof NO_CHANGES>): Promise<string> => {
    told.mockClear();
    await store.commit(lease, { ...NO_CHANGES, ...changes }, call);
    for (const [sql] of told.mock.calls) mode = /synchronous = (\w+)/.exec(sql)?.[1] ?? mode;
    return mode;
  };
  const cursor = { connection: "crm", cursor: "1" };
  expect(await modeOf({ intentsOpened: [opened(sync, 1, "update"), opened(sync, 2, "update"), opened(sync, 3, "create")] })).toBe("FULL");
  expect(await modeOf({ cursor })).toBe("NORMAL");
  expect(await modeOf({ intentsOpened: [opened(sync, 4, "delete")] })).toBe("FULL");
  expect(await modeOf({ intentsClosed: ["i1"] })).toBe("NORMAL");
  expect(await modeOf({ intentsClosed: ["i2", "i3"] })).toBe("FULL");
  expect(await modeOf({ cursor })).toBe("NORMAL");
  expect(await modeOf({ intentsClosed: ["i4"] })).toBe("FULL");
  told.mockRestore();
  await store.close();
});

test("[S29] intents that are many are on the disk before their commit is over, and meanwhile the process goes on", async () => {
  const path = join(folder, "accord.db");
  const store = await openSqliteStore({ path, ...fakeHost() });
  const sides = ["crm", "erp"].map((connection) => ({ connection, object: "o", keyOrder: "integer", columns: ["a"] }) as const);
  const { id: sync } = await store.openSync("s", { digest: "d", body: "{}", sides, fields: ["f"], matchRules: 1 }, call);
  const lease = await store.takeLease("shard:0", "h", 9e12, 1, call);
  if (lease === null) throw new Error("nobody else holds the lease of a new store");
  const rounds = Array.from({ length: FLUSHED_ASIDE_MIN }, (_, round) => round + 1);
  let isOver = false;
  expect(isFlushing()).toBe(false);
  const commit = store.commit(lease, { ...NO_CHANGES, intentsOpened: rounds.map((round) => opened(sync, round, "create")) }, call);
  void commit.then(() => (isOver = true));
  // Nothing but the disk's answer ends it.
  for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
  expect([isOver, isFlushing()]).toEqual([false, true]);
  expect(openIn(path)).toBe(rounds.length);
  await commit;
  const copy = join(folder, "copy.db");
  copyFileSync(path, copy);
  copyFileSync(`${path}-wal`, `${copy}-wal`);
  expect(openIn(copy)).toBe(rounds.length);
  await store.close();
});

function openIn(path: string): number {
  const file = new DatabaseSync(path);
  const { n } = file.prepare("SELECT count(*) AS n FROM intent").get() ?? {};
  file.close();
  return Number(n);
}

function isFlushing(): boolean {
  return process.getActiveResourcesInfo().includes("FSReqCallback");
}
