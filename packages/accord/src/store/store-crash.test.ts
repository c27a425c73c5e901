import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeHost, seededRandom } from "@accord/testkit";
import type { LoadedIntent, Store } from "@accord/engine/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteStore } from "./store.ts";

const call = { signal: new AbortController().signal };
const MARKS_PER_PULL = 10;
const FAR_MS = 9e12;
const KILLS = 8;

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "accord-crash-"));
  path = join(folder, "accord.db");
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A process that pulls marks with a cursor, and merges them under a lease, for ever or for some rounds. */
function worker(name: string, rounds: number): string {
  return `
    import { openSqliteStore } from ${JSON.stringify(new URL("store.ts", import.meta.url).href)};
    import { randomBytes } from "node:crypto";
    const call = { signal: new AbortController().signal };
    const quiet = () => {};
    const host = { clock: { nowMs: () => 1, sleep: async () => {} }, random: { hex: (n) => randomBytes(n).toString("hex") }, log: { debug: quiet, info: quiet, warn: quiet, error: quiet } };
    const store = await openSqliteStore({ path: ${JSON.stringify(path)}, ...host });
    const sides = [0, 1].map((side) => ({ connection: ${JSON.stringify(name)} + side, object: "o", keyOrder: "integer", columns: [] }));
    const { id: sync } = await store.openSync(${JSON.stringify(name)}, { digest: "d", body: "{}", sides, fields: ["f"], matchRules: 1 }, call);
    const lease = await store.takeLease(${JSON.stringify(`feed:${name}`)}, "holder " + process.pid, ${FAR_MS}, ${FAR_MS}, call);
    const provenance = { side: 0, cause: "user", fromMs: 1, toMs: 1 };
    const none = { deferred: [], requestsDone: [], dueDone: [], arrived: [], intentsOpened: [], intentsClosed: [], problems: [], problemsOver: [], marks: [] };
    let at = Number((await store.readConnection(${JSON.stringify(name)} + "0", call))?.cursor ?? 0);
    process.stdout.write("ready\\n");
    for (let round = 0; round < ${rounds}; round += 1) {
      const marks = [];
      for (let step = 0; step < ${MARKS_PER_PULL}; step += 1) {
        marks.push({ sync, side: 0, record: String(at + step), kind: "image", image: "v", position: null, renamedFrom: null, fromMs: 1, toMs: 1, keys: ["k" + (at + step)], notBeforeMs: 0 });
      }
      at += ${MARKS_PER_PULL};
      await store.commitPull({ marks, cursor: { connection: ${JSON.stringify(name)} + "0", cursor: String(at) }, listing: null }, call);
      const loaded = (await store.loadMarks(0, 1000, 1, call)).filter((mark) => mark.sync === sync);
      const first = await store.reserveEntities(loaded.length, call);
      await store.commit(lease, {
        ...none,
        entities: loaded.map((mark, index) => ({
          entity: { id: first + index, sync, life: { kind: "live" }, version: 1, fields: [{ value: "v", version: 1, provenance, review: null, adds: null }], review: null,
            members: [{ state: "live", record: mark.record, incarnation: 1, image: "v", ack: [1], position: null, seenAtMs: 1, intent: null, retired: [] }, null] },
          keys: mark.keys,
        })),
        consumed: loaded.map((mark) => mark.sequence),
        due: loaded.map((mark, index) => ({ sync, side: 1, entity: first + index, state: "ready", notBeforeMs: 0, sinceMs: 1, attempts: 0, code: null, reason: null, waitsFor: null, undo: null, keepAge: false })),
        journal: loaded.map((mark, index) => ({ run: null, atMs: 1, sync, entity: first + index, side: 0, kind: "merge", payload: "{}" })),
      }, call);
      // Writes are opened together and closed in two parts, some never.
      const intents = loaded.map((mark, index) => ({ id: ${JSON.stringify(name)} + process.pid + "-" + (first + index), sync, side: 1, entity: first + index, kind: "create", record: null, fields: [{ field: 0, version: 1 }],
        set: mark.record, expect: [], attempt: 1, run: 1, openedAtMs: 1, deadlineMs: ${FAR_MS} }));
      await store.commit(lease, { ...none, entities: [], consumed: [], due: [], journal: [], intentsOpened: intents }, call);
      for (const part of [0, 1]) {
        const closed = intents.filter((intent, index) => index % 5 !== 4 && index % 2 === part);
        await store.commit(lease, { ...none, entities: [], consumed: [], due: [], intentsClosed: closed.map(({ id }) => id),
          journal: closed.map(({ entity }) => ({ run: null, atMs: 1, sync, entity, side: 1, kind: "write", payload: "{}" })) }, call);
      }
    }
    await store.close();`;
}

function start(name: string, rounds: number): ReturnType<typeof spawn> {
  return spawn(process.execPath, ["--conditions=@accord/source", "--input-type=module", "-e", worker(name, rounds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function openIntents(store: Store, sync: number): Promise<readonly LoadedIntent[]> {
  const { shards } = await store.identity();
  const found: LoadedIntent[] = [];
  for (let shard = 0; shard < shards; shard += 1) found.push(...(await store.loadOpenIntents(shard, 1_000_000, call)));
  return found.filter((intent) => intent.sync === sync);
}

/** Marks and cursor moved together; entities, due writes, journal and consumed marks together, closed intents and their entries too; the chain is whole. */
async function expectWhole(name: string): Promise<number> {
  const store = await openSqliteStore({ path, ...fakeHost() });
  const { sync } = { sync: (await store.listSyncs(call)).find((row) => row.name === name)?.id ?? 0 };
  const pulled = Number((await store.readConnection(`${name}0`, call))?.cursor ?? 0);
  const entities = [];
  for (let after: number | null = null; ;) {
    const page = await store.listEntities(sync, after, 1_000, call);
    if (page.length === 0) break;
    entities.push(...page);
    after = page.at(-1)?.id ?? null;
  }
  const merged = entities.length;
  const marks = (await store.loadMarks(0, 1_000, 1, call)).filter((mark) => mark.sync === sync);
  expect(merged + marks.length).toBe(pulled);
  const records = new Set([...entities.map((entity) => entity.members[0]?.record), ...marks.map((mark) => mark.record)]);
  expect(records.size).toBe(pulled);
  expect((await store.countDue(call)).find((row) => row.sync === sync)?.count ?? 0).toBe(merged);
  const journal = await store.readJournal({ sync, limit: 1_000_000 }, call);
  expect(journal.filter(({ kind }) => kind === "merge").length).toBe(merged);
  const written = new Set(journal.flatMap(({ kind, entity }) => (kind === "write" && entity !== null ? [entity] : [])));
  const intents = await openIntents(store, sync);
  const asked = intents.map(({ set }) => set);
  expect(intents.every(({ entity }) => !written.has(entity))).toBe(true);
  expect(asked).toEqual(intents.map(({ stored }) => stored.members[0]?.record));
  expect(entities.filter(({ members }) => members[1]?.intent !== undefined).length).toBe(intents.length);
  // Of each process that was killed, those merged last may not have been opened.
  expect(merged - intents.length - written.size).toBeLessThanOrEqual(KILLS * MARKS_PER_PULL * 2);
  expect((await store.checkJournal(call)).brokenAt).toBeNull();
  const found = await store.findMatches(
    sync,
    1,
    entities.slice(-20).map((entity) => ({ record: "x", keys: [`k${entity.members[0]?.record ?? ""}`] })),
    call,
  );
  expect(found.map((rules) => rules[0]?.entities.length)).toEqual(entities.slice(-20).map(() => 1));
  await store.close();
  return merged;
}

test("[S6, S29, S32] a process killed at any moment leaves whole commits only", async () => {
  const random = seededRandom(7);
  let merged = 0;
  for (let round = 0; round < KILLS; round += 1) {
    const child = start("one", 1e9);
    if (child.stdout === null) throw new Error("the child's output is piped");
    await once(child.stdout, "data");
    const pauseMs = Number.parseInt(random.hex(1), 16) / 4;
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs);
    });
    child.kill("SIGKILL");
    await once(child, "exit");
    const now = await expectWhole("one");
    expect(now).toBeGreaterThanOrEqual(merged);
    merged = now;
  }
  // How many depends on the machine; that each process did something does not.
  expect(merged).toBeGreaterThanOrEqual(MARKS_PER_PULL);
});

test("[S54] two processes work on one store at once, each under its own lease, and neither loses a commit", async () => {
  const children = ["left", "right"].map((name) => start(name, 60));
  const exits = await Promise.all(children.map(async (child) => once(child, "exit")));
  expect(exits.map(([code]) => code as unknown)).toEqual([0, 0]);
  expect(await expectWhole("left")).toBe(600);
  expect(await expectWhole("right")).toBe(600);
});
