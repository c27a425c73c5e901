import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readImage, writeImage, type EntityId } from "@accord/core";
import type { JournalEntry, StagedPage } from "@accord/engine/store";
import { fakeHost } from "@accord/testkit";
import { expect, test } from "vitest";
import { createMatchHash } from "./match-hash.ts";
import { openSession, type Session } from "./session.ts";
import { CHUNK } from "./staged-groups.ts";
import { sortedKeys } from "./staged-keys.ts";
import type { StagedSide } from "./staged.ts";
import { createStagingThread } from "./staging-thread.ts";
import { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from "./store.ts";

const call = { signal: new AbortController().signal };
const PROVENANCE = { cause: "initial", fromMs: 0, toMs: 1 } as const;

async function withStore(options: Partial<SqliteStoreOptions>, work: (store: SqliteStore, path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "accord-staged-"));
  const path = join(folder, "accord.db");
  const store = await openSqliteStore({ path, ...fakeHost(), ...options });
  try {
    await work(store, path);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

interface Person {
  readonly record: string;
  readonly key: string | null;
  /** Null: nothing of it may be told in short. */
  readonly said: string | null;
}

async function openSync(store: SqliteStore, sides: number, digest = "d"): Promise<number> {
  const connections = Array.from({ length: sides }, (_, side) => `c${side}`);
  const all = connections.map((connection) => ({ connection, object: "o", keyOrder: "integer", columns: ["a"] }) as const);
  return (await store.openSync("s", { digest, body: "{}", sides: all, fields: ["f"], matchRules: 1 }, call)).id;
}

function pageOf(sync: number, side: number, people: readonly Person[]): StagedPage {
  return {
    sync,
    side,
    ids: people.map(({ record }) => record),
    images: people.map(({ said }) => said ?? writeImage(["?"])),
    keys: people.map(({ key }) => [key]),
    said: people.map(({ said }) => said),
    provenance: { side, ...PROVENANCE },
    position: "p",
    atMs: 1,
    listing: { side, state: "done", after: null, completedAtMs: 1 },
  };
}

function entry(sync: number): JournalEntry {
  return { run: null, sync, entity: null, side: null, kind: "contact", atMs: 1, payload: "met" };
}

/** Carries first contact to its end: what was not level and met nobody is told in short, all else is left as marks. Returns the loaded groups as texts. */
async function meet(store: SqliteStore, sync: number): Promise<readonly string[]> {
  const { epoch } = (await store.takeLease("shard:0", "me", 9e12, 1, call)) ?? { epoch: 0 };
  const lease = { name: "shard:0", holder: "me", epoch, expiresAtMs: 9e12 } as const;
  await store.firstContact.group(sync, call);
  for (let isDone = false; !isDone;) ({ isDone } = await store.firstContact.meetLevel(lease, sync, () => entry(sync), call));
  const loaded: string[] = [];
  for (;;) {
    const groups = await store.firstContact.load(sync, 100, call);
    const last = groups.at(-1);
    if (last === undefined) break;
    loaded.push(
      ...groups.map(
        ({ records, isCrowd }) => `${isCrowd ? "crowd " : ""}${records.map(({ side, record }) => `${side}/${record}`).join(" ")}`,
      ),
    );
    const isLone = (group: (typeof groups)[number]): boolean =>
      !group.isCrowd && group.records.length === 1 && group.records[0]?.said !== null;
    const lone = groups.filter(isLone).map(({ place }) => place);
    const left = groups.filter((group) => !isLone(group)).flatMap(({ records }) => records);
    const marks = left.map(({ side, record, image }) => {
      return {
        sync,
        side,
        record,
        kind: "image",
        image,
        position: null,
        renamedFrom: null,
        fromMs: 0,
        toMs: 1,
        keys: null,
        notBeforeMs: 0,
      } as const;
    });
    const shared = lone.length === 0 ? null : entry(sync);
    await store.firstContact.commit(lease, { sync, upTo: last.place, lone, entities: [], marks, due: [], journal: [], shared }, call);
  }
  await store.firstContact.finish(sync, call);
  return loaded;
}

/** A small generator: the same people for every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** What first contact comes to, worked out record by record: entities by their records, side by side. */
function expected(sides: readonly (readonly Person[])[]): readonly string[] {
  const byKey = new Map<string, { readonly side: number; readonly person: Person }[]>();
  const groups: (readonly { readonly side: number; readonly person: Person }[])[] = [];
  sides.forEach((people, side) => {
    for (const person of people) {
      if (person.key === null) groups.push([{ side, person }]);
      else byKey.set(person.key, [...(byKey.get(person.key) ?? []), { side, person }]);
    }
  });
  return [...groups, ...byKey.values()]
    .filter((group) => {
      const said = group[0]?.person.said ?? null;
      const isAlike = said !== null && group.every(({ person }) => person.said === said);
      const isOneEach = new Set(group.map(({ side }) => side)).size === group.length;
      return isAlike && isOneEach && (group.length === sides.length || group.length === 1);
    })
    .map((group) => sides.map((_, place) => group.find(({ side }) => side === place)?.person.record ?? "-").join("/"))
    .toSorted((a, b) => a.localeCompare(b));
}

async function made(store: SqliteStore, sync: number): Promise<readonly string[]> {
  const entities = await store.listEntities(sync, null, 100_000, call);
  for (const { members, fields } of entities)
    for (const member of members) if (member !== null) expect(readImage(member.image ?? "")).toEqual([fields[0]?.value]);
  return entities.map(({ members }) => members.map((member) => member?.record ?? "-").join("/")).toSorted((a, b) => a.localeCompare(b));
}

test.each([2, 3])(
  "[S13, S36] what is told in short is what matching record by record makes of it, over chunks and pages: %s sides",
  async (count) => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const pick = numbers(seed);
      const people = (side: number): Person[] =>
        Array.from({ length: CHUNK * 2 + pick(500) }, (_, index) => {
          const key = pick(40) === 0 ? `twin${pick(60)}` : pick(60) === 0 ? null : `k${(index * 7_919 + side * 13) % (CHUNK * 3)}`;
          const said = pick(50) === 0 ? null : `${key ?? "none"}${pick(40) === 0 ? "other" : ""}`;
          return { record: String(index + 1), key, said };
        });
      const sides = Array.from({ length: count }, (_, side) => people(side));
      await withStore({}, async (store) => {
        const sync = await openSync(store, count);
        for (const [side, all] of sides.entries())
          for (let at = 0; at < all.length; at += 500) await store.firstContact.stage(pageOf(sync, side, all.slice(at, at + 500)), call);
        await meet(store, sync);
        const short = await made(store, sync);
        expect(short, `seed ${seed}`).toEqual(expected(sides));
        expect(short.length).toBeGreaterThan(100);
        // Links and keys stand for those entities and for no other record.
        for (const [side, all] of sides.entries()) {
          const links = await store.findLinks(
            sync,
            side,
            all.map(({ record }) => record),
            call,
          );
          const linked = short.flatMap((records) => records.split("/")[side] ?? "-").filter((record) => record !== "-");
          expect(links.filter((id) => id !== null).length).toBe(linked.length);
        }
        const [entities, keys] = [await store.listEntities(sync, null, 100_000, call), new Map<EntityId, string>()];
        for (const { id, members } of entities) {
          const place = members.findIndex((member) => member !== null);
          const key = sides[place]?.[Number(members[place]?.record) - 1]?.key ?? null;
          if (key !== null) keys.set(id, key);
        }
        const sought = [...keys].slice(0, 500);
        const found = await store.findMatches(
          sync,
          0,
          sought.map(([, key]) => ({ record: "new", keys: [key] })),
          call,
        );
        const free = (id: EntityId): boolean => entities.find((entity) => entity.id === id)?.members[0] === null;
        expect(found.map(([match]) => match?.entities ?? [])).toEqual(sought.map(([id]) => (free(id) ? [id] : [])));
      });
    }
  },
  60_000,
);

function sessionWith(keys: readonly (readonly (string | null)[])[]): { session: Session; sides: StagedSide[]; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "accord-keys-"));
  const session = openSession(join(folder, "accord.db"), { durability: "normal", maxPages: null });
  session.run("CREATE TABLE staged_hash (rule INTEGER NOT NULL, place INTEGER NOT NULL, hashes BLOB NOT NULL, UNIQUE (rule, place))");
  const hash = createMatchHash();
  let before = 0;
  const sides = keys.map((own, place): StagedSide => {
    const low = place * 1_000_000;
    const halves = new Uint32Array(own.length * 2);
    own.forEach((key, index) => {
      if (key !== null) hash.writeEntityKey(1, 0, key, halves, index * 2);
    });
    session.run("INSERT INTO staged_hash VALUES (0, ?, ?)", low + 1, new Uint8Array(halves.buffer));
    const side = { place, number: place, low, count: own.length, before };
    before += own.length;
    return side;
  });
  return { session, sides, folder };
}

test("[S36] keys sorted a few at a time come as those sorted at once; of a key that too many share it is said that not all are there", () => {
  const keys = [Array.from({ length: 300 }, (_, index) => (index % 9 === 0 ? null : `a${index % 120}`)), ["a1", "a2", null, "b"]];
  const { session, sides, folder } = sessionWith(keys);
  const all = (lengthMax: number): (readonly [bigint, number])[] =>
    [...sortedKeys(session, sides, 0, lengthMax, (number) => number)].flatMap((range) =>
      Array.from({ length: range.length }, (_, index) => [range.hashAt(index), range.valueAt(index)] as const),
    );
  const once = all(1_000);
  expect(once.length).toBe(keys.flat().filter((key) => key !== null).length);
  expect(once.map(([hash]) => hash)).toEqual(once.map(([hash]) => hash).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
  for (const lengthMax of [3, 10, 64]) expect(all(lengthMax)).toEqual(once);
  const parted = [...sortedKeys(session, sides, 0, 2, (number) => number)];
  expect(parted.some(({ isWhole }) => isWhole) && parted.some(({ isWhole }) => !isWhole)).toBe(true);
  expect(Math.max(...parted.map(({ length }) => length))).toBe(2);
  session.close();
  rmSync(folder, { recursive: true });
});

test("[S52] where the store is full a page is not staged, nothing of it is kept, and what was staged before goes on from there", async () => {
  const people = Array.from({ length: 400 }, (_, index) => ({ record: String(index + 1), key: `k${index}`, said: "x".repeat(500) }));
  await withStore({ maxPages: 80 }, async (store) => {
    const sync = await openSync(store, 2);
    await store.firstContact.stage(pageOf(sync, 0, people.slice(0, 3)), call);
    await expect(store.firstContact.stage(pageOf(sync, 0, people), call)).rejects.toMatchObject({
      code: "ACCORD_STORE_FULL",
      remedy: "stop",
    });
    await store.firstContact.stage(pageOf(sync, 0, people.slice(3, 5)), call);
    expect(await meet(store, sync)).toEqual(["0/1", "0/2", "0/3", "0/4", "0/5"]);
  });
});

test("[S36] record ids that are texts of any kind come through", async () => {
  await withStore({}, async (store) => {
    const sides = [0, 1].map((side) => ({ connection: `c${side}`, object: "o", keyOrder: "bytes", columns: ["a"] }) as const);
    const { id: sync } = await store.openSync("s", { digest: "d", body: "{}", sides, fields: ["f"], matchRules: 1 }, call);
    const people = ["a\tb", "a\nb", "a\\b", "plain", "ä€𝄞"].map((record, index) => ({ record, key: `k${index}`, said: `v${index}` }));
    for (const side of [0, 1]) await store.firstContact.stage(pageOf(sync, side, people), call);
    // Those with an escape are not told in short, and lost neither.
    expect(await meet(store, sync)).toEqual(["0/a\tb 1/a\tb", "0/a\nb 1/a\nb", "0/a\\b 1/a\\b"]);
    expect(await made(store, sync)).toEqual(["ä€𝄞/ä€𝄞", "plain/plain"]);
  });
});

test("[S52] a page that cannot be written because the store is gone is refused in words, and closing does not hang", async () => {
  const folder = mkdtempSync(join(tmpdir(), "accord-staged-"));
  const told: number[] = [];
  const thread = createStagingThread(join(folder, "nowhere", "accord.db"), null, (rows) => told.push(rows));
  const rows = { first: 1, records: [], images: [], said: [], keys: [], page: 0, statements: [], fence: null };
  for (let round = 0; round < 2; round += 1)
    await expect(thread.write(rows)).rejects.toMatchObject({ code: "ACCORD_STORE_UNREACHABLE", remedy: "stop" });
  await thread.close();
  expect(told).toEqual([]);
  rmSync(folder, { recursive: true });
});

/** Of the first chunk nothing is told in short. Records are numbered from `first` on. */
function laterLevel(first: number): readonly Person[] {
  return Array.from({ length: CHUNK * 3 }, (_, index) => ({
    record: String(index + first),
    key: `k${index}`,
    said: index < CHUNK ? null : `v${index}`,
  }));
}

async function groupAll(store: SqliteStore, sync: number, first: number): Promise<void> {
  await store.firstContact.stage(pageOf(sync, 0, laterLevel(1)), call);
  await store.firstContact.stage(pageOf(sync, 1, laterLevel(first)), call);
  expect(await store.firstContact.group(sync, call)).toEqual({ isAlone: true });
}

async function meetNext(store: SqliteStore, sync: number, holder: string): Promise<number> {
  const { epoch } = (await store.takeLease("shard:0", holder, 9e12, 1, call)) ?? { epoch: 0 };
  const lease = { name: "shard:0", holder, epoch, expiresAtMs: 9e12 } as const;
  const { entities } = await store.firstContact.meetLevel(lease, sync, () => entry(sync), call);
  await store.releaseLease(lease, call);
  return entities;
}

test("[S54] what was read ahead of level groups is not taken where another process has met them since, or listed everything anew", async () => {
  await withStore({}, async (store, path) => {
    const sync = await openSync(store, 2);
    await groupAll(store, sync, 1);
    expect(await meetNext(store, sync, "me")).toBe(0);
    const other = await openSqliteStore({ path, ...fakeHost() });
    try {
      expect(await openSync(other, 2, "another configuration")).toBe(sync);
      await groupAll(other, sync, 50_001);
      expect(await meetNext(other, sync, "another")).toBe(0);
      expect(await meetNext(store, sync, "me")).toBe(CHUNK);
      expect(await meetNext(other, sync, "another")).toBe(CHUNK);
      expect(await meetNext(store, sync, "me")).toBe(0);
    } finally {
      await other.close();
    }
    const pairs = await made(store, sync);
    expect(pairs).toHaveLength(CHUNK * 2);
    for (const pair of pairs) expect(pair).toBe(`${parseInt(pair, 10)}/${parseInt(pair, 10) + 50_000}`);
  });
});
