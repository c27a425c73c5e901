import { writeImage, type EntityId } from "@accord/core";
import type { FirstContactChanges, StagedPage, StagedRecord, Store, StoredMember, SyncId } from "@accord/engine/store";
import { expect, test } from "vitest";
import {
  AT,
  beginSample,
  call,
  CONFIGURATION,
  sampleDue,
  sampleEntity,
  sampleEntry,
  sampleField,
  sampleMark,
  sampleMember,
  pullOf,
} from "./store-samples.ts";

/** What the store promises of first contact in bulk. */
export function describeStoreFirstContact(open: () => Promise<Store>): void {
  describeGroups(open);
  describeCommits(open);
  describeLevel(open);
  describeLevelEnds(open);
  describeFences(open);
  describeBeginnings(open);
}

type Keyed = readonly (readonly [record: string, key: string | null])[];

const ANN_AND_BOB: Keyed = [
  ["1", "ann"],
  ["2", "bob"],
];

function page(sync: SyncId, side: number, keyed: Keyed, changed: Partial<StagedPage> = {}): StagedPage {
  return {
    sync,
    side,
    ids: keyed.map(([record]) => record),
    images: keyed.map(([record]) => writeImage([record, null])),
    keys: keyed.map(([, key]) => [key]),
    said: keyed.map(() => null),
    provenance: { side, cause: "initial", fromMs: 0, toMs: AT + side },
    position: `p${side}`,
    atMs: AT + side,
    listing: { side, state: "done", after: keyed.at(-1)?.[0] ?? null, completedAtMs: AT },
    ...changed,
  };
}

/** Groups as texts: `side/record` of each, with a mark for those of a crowd. */
async function groups(store: Store, sync: SyncId, limit = 100): Promise<readonly string[]> {
  const found = await store.firstContact.load(sync, limit, call);
  return found.map(
    ({ records, isCrowd }) => `${isCrowd ? "crowd " : ""}${records.map(({ side, record }) => `${side}/${record}`).join(" ")}`,
  );
}

const NOTHING: Omit<FirstContactChanges, "sync" | "upTo"> = { lone: [], entities: [], marks: [], due: [], journal: [], shared: null };

function describeGroups(open: () => Promise<Store>): void {
  test("[S36, S52] records of equal keys come as one group, in the order of the sides and of their listings, whatever came first", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    await store.firstContact.stage(
      page(sync, 1, [
        ["a", "ann"],
        ["b", null],
        ["c", "cid"],
      ]),
      call,
    );
    await store.firstContact.stage(
      page(
        sync,
        0,
        [
          ["9", "bob"],
          ["10", "ann"],
        ],
        { listing: { side: 0, state: "running", after: "10", completedAtMs: null } },
      ),
      call,
    );
    await store.firstContact.stage(
      page(
        sync,
        0,
        [
          ["11", null],
          ["12", "cid"],
        ],
        { position: "later", atMs: AT + 9 },
      ),
      call,
    );
    const [row] = await store.listSyncs(call);
    expect(row?.listings.map(({ state, after }) => [state, after])).toEqual([
      ["done", "12"],
      ["done", "c"],
    ]);
    expect(await store.firstContact.group(sync, call)).toEqual({ isAlone: true });
    expect(await groups(store, sync)).toEqual(["0/9", "0/10 1/a", "0/11", "0/12 1/c", "1/b"]);
    expect(await groups(store, sync, 2)).toEqual(["0/9", "0/10 1/a"]);
    const [, second, , fourth] = await store.firstContact.load(sync, 100, call);
    expect(second?.records.map(factsOf)).toEqual([
      { side: 0, record: "10", image: writeImage(["10", null]), said: null, position: "p0", seenAtMs: AT },
      { side: 1, record: "a", image: writeImage(["a", null]), said: null, position: "p1", seenAtMs: AT + 1 },
    ]);
    expect(fourth?.records[0]).toMatchObject({ position: "later", seenAtMs: AT + 9 });
  });

  test("[S36] where several records of a side share a key, each of them, and of their partners, comes by itself", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    const many = Array.from({ length: 4 }, (_, index) => [`m${index}`, "many"] as const);
    const twins: Keyed = [
      ["1", "twin"],
      ["2", "twin"],
      ["3", "many"],
      ["4", "two"],
      ["5", null],
    ];
    await store.firstContact.stage(page(sync, 0, twins), call);
    await store.firstContact.stage(page(sync, 1, [...many, ["n", "two"], ["o", null]]), call);
    await store.firstContact.group(sync, call);
    const crowd = ["1/m0", "1/m1", "1/m2", "1/m3"].map((name) => `crowd ${name}`);
    expect(await groups(store, sync)).toEqual(["crowd 0/1", "crowd 0/2", "crowd 0/3", "0/4 1/n", "0/5", ...crowd, "1/o"]);
  });
}

function describeCommits(open: () => Promise<Store>): void {
  test("[S36, S52] what became of groups is committed with how far it has come; links and keys can be looked up in the end", async () => {
    const store = await open();
    const { sync, lease } = await beginSample(store);
    await store.firstContact.stage(page(sync, 0, ANN_AND_BOB), call);
    await store.firstContact.stage(
      page(sync, 1, [
        ["z", "ann"],
        ["y", "cid"],
      ]),
      call,
    );
    await store.firstContact.group(sync, call);
    const [, bob, cid] = await store.firstContact.load(sync, 9, call);
    const first = await store.reserveEntities(2, call);
    const entities = [
      { entity: sampleEntity(sync, first, ["1", "z"]), keys: ["ann", "second"] },
      { entity: sampleEntity(sync, first + 1, ["2", null]), keys: ["bob", null] },
    ];
    const shared = sampleEntry(sync, null, { kind: "contact", payload: "together" });
    const own = sampleEntry(sync, first + 1, { payload: "own" });
    const due = [sampleDue(sync, first + 1, { state: "held" })];
    await store.firstContact.commit(lease, { ...NOTHING, sync, upTo: bob?.place ?? 0, entities, due, journal: [own], shared }, call);
    expect(await groups(store, sync)).toEqual(["1/y"]);
    const mark = sampleMark(sync, "y", { side: 1, keys: ["cid", null] });
    await store.firstContact.commit(lease, { ...NOTHING, sync, upTo: cid?.place ?? 0, marks: [mark] }, call);
    expect(await groups(store, sync)).toEqual([]);
    for (let round = 0; round < 2; round += 1) await store.firstContact.finish(sync, call);
    expect(await store.loadEntities([first, first + 1], call)).toEqual(entities.map(({ entity }) => entity));
    expect(await store.findLinks(sync, 0, ["1", "2", "3"], call)).toEqual([first, first + 1, null]);
    expect(await store.findLinks(sync, 1, ["y", "z"], call)).toEqual([null, first]);
    expect((await store.listMembers(sync, 1, null, 9, call)).map(({ record, entity }) => [record, entity])).toEqual([["z", first]]);
    const seeker = { record: "new", keys: ["bob", null] };
    expect(await store.findMatches(sync, 1, [seeker, { record: "new", keys: [null, "second"] }], call)).toMatchObject([
      [{ entities: [first + 1] }, { entities: [] }],
      [{ entities: [] }, { entities: [] }],
    ]);
    expect((await store.listDue({ sync, side: 1, states: ["held"], after: null, limit: 9 }, call)).map(({ entity }) => entity)).toEqual([
      first + 1,
    ]);
    expect((await store.loadMarks(0, 9, AT, call)).map(({ record, keys }) => [record, keys])).toEqual([["y", ["cid", null]]]);
    const history = async (entity: number) =>
      (await store.readJournal({ entity, limit: 9 }, call)).map(({ kind, payload }) => [kind, payload]);
    expect([await history(first), await history(first + 1)]).toEqual([[["contact", "together"]], [["merge", "own"]]]);
    const { syncs } = await store.countState(call);
    expect(syncs.find((one) => one.sync === sync)).toMatchObject({ entities: 2, members: [2, 1], marks: 1 });
    expect((await store.checkJournal(call)).brokenAt).toBeNull();
  });
}

const AS_STAGED: Keyed = [
  ["1", "ann"],
  ["2", "bob"],
  ["3", "cid"],
  ["4", "dora"],
];

/** Ann says the same at both sides, in two spellings; of Bob one side says another thing, of Cid one says nothing in short; Dora is at one side alone. */
async function stageSample(store: Store, sync: SyncId): Promise<void> {
  const said = ["a\tb", "b", "c", "d"].map((value) => writeImage([value, null]));
  const own = { keys: AS_STAGED.map(([, key]) => [key, `${key}2`]), images: said, said };
  await store.firstContact.stage(page(sync, 0, AS_STAGED, own), call);
  const other: Keyed = [
    ["x", "cid"],
    ["y", "ann"],
    ["z", "bob"],
  ];
  const texts = {
    images: ["c", "A  B", "B"].map((value) => writeImage([value, null])),
    said: [null, said[0] ?? "", writeImage(["B", null])],
  };
  await store.firstContact.stage(page(sync, 1, other, texts), call);
  await store.firstContact.group(sync, call);
}

/** A member that the sample's listing of its side told of. */
function stagedMember(record: string, side: number, value: string): StoredMember {
  return sampleMember(record, { image: writeImage([value, null]), position: `p${side}`, seenAtMs: AT + side });
}

function describeLevel(open: () => Promise<Store>): void {
  test("[S13, S36] records that say the same at every side become entities as they were staged, and so do records that met nobody", async () => {
    const store = await open();
    const { sync, lease } = await beginSample(store);
    await stageSample(store, sync);
    const made: EntityId[] = [];
    const entryOf = (ids: readonly EntityId[]) => {
      made.push(...ids);
      return sampleEntry(sync, null, { kind: "contact", payload: `level ${ids.length}` });
    };
    let entities = 0;
    for (let isDone = false; !isDone;) {
      const step = await store.firstContact.meetLevel(lease, sync, entryOf, call);
      entities += step.entities;
      ({ isDone } = step);
    }
    expect([made.length, entities]).toEqual([1, 1]);
    expect(await groups(store, sync)).toEqual(["0/2 1/z", "0/3 1/x", "0/4"]);
    const [bob, cid, dora] = await store.firstContact.load(sync, 9, call);
    const ids = [made[0] ?? 0, bob?.id ?? 0, cid?.id ?? 0, dora?.id ?? 0] as const;
    expect(new Set(ids).size).toBe(4);
    expect(dora?.records[0]?.said).toBe(writeImage(["d", null]));
    const own = { entity: sampleEntity(sync, ids[1], ["2", "z"]), keys: ["bob", "bob2"] };
    const mark = sampleMark(sync, "3", { keys: ["cid", null] });
    const shared = sampleEntry(sync, null, { kind: "contact", payload: "together" });
    const changes = { ...NOTHING, sync, upTo: dora?.place ?? 0, lone: [dora?.place ?? 0], entities: [own], marks: [mark], shared };
    await store.firstContact.commit(lease, changes, call);
    expect(await groups(store, sync)).toEqual([]);
    for (let round = 0; round < 2; round += 1) await store.firstContact.finish(sync, call);
    const provenance = { side: 0, cause: "initial", fromMs: 0, toMs: AT } as const;
    const fieldsOf = (value: string) => [value, null].map((one) => sampleField(one, { provenance }));
    expect(await store.loadEntities([ids[0], ids[1], ids[3]], call)).toEqual([
      sampleEntity(sync, ids[0], [null, null], {
        fields: fieldsOf("a\tb"),
        members: [stagedMember("1", 0, "a\tb"), stagedMember("y", 1, "A  B")],
      }),
      own.entity,
      sampleEntity(sync, ids[3], [null, null], { fields: fieldsOf("d"), members: [stagedMember("4", 0, "d"), null] }),
    ]);
    expect(await store.findLinks(sync, 0, ["1", "2", "3", "4"], call)).toEqual([ids[0], ids[1], null, ids[3]]);
    expect(await store.findLinks(sync, 1, ["x", "y", "z"], call)).toEqual([null, ids[0], ids[1]]);
    const seekers = ["dora", "cid", "bob"].map((key) => ({ record: "new", keys: [key, null] }));
    const found = await store.findMatches(sync, 1, [...seekers, { record: "new", keys: [null, "dora2"] }], call);
    expect(found.map((matches) => matches.flatMap((match) => match.entities))).toEqual([[ids[3]], [], [], [ids[3]]]);
    expect((await store.readJournal({ entity: ids[0], limit: 9 }, call)).map(({ payload }) => payload)).toEqual(["level 1"]);
    expect((await store.readJournal({ entity: ids[3], limit: 9 }, call)).map(({ payload }) => payload)).toEqual(["together"]);
    const { syncs } = await store.countState(call);
    expect(syncs.find((one) => one.sync === sync)).toMatchObject({ entities: 3, members: [3, 2], marks: 1 });
    expect((await store.checkJournal(call)).brokenAt).toBeNull();
  });
}

function describeLevelEnds(open: () => Promise<Store>): void {
  test("[S51, S54] what a configuration ends in the middle keeps the links that were made; no step is made under a lost lease", async () => {
    const store = await open();
    const { sync, lease } = await beginSample(store);
    await stageSample(store, sync);
    const entryOf = () => sampleEntry(sync, null, { kind: "contact", payload: "level" });
    await store.firstContact.meetLevel(lease, sync, entryOf, call);
    await store.releaseLease(lease, call);
    await store.takeLease(lease.name, "another", AT * 2, AT, call);
    await expect(store.firstContact.meetLevel(lease, sync, entryOf, call)).rejects.toMatchObject({ code: "ACCORD_LEASE_LOST" });
    await store.openSync("customers", { ...CONFIGURATION, digest: "two" }, call);
    const [ann] = await store.listEntities(sync, null, 9, call);
    expect(await store.findLinks(sync, 0, ["1", "2", "4"], call)).toEqual([ann?.id, null, null]);
    expect(await store.findLinks(sync, 1, ["x", "y", "z"], call)).toEqual([null, ann?.id, null]);
    expect(await groups(store, sync)).toEqual([]);
  });
}

function describeFences(open: () => Promise<Store>): void {
  test("[S64] the history of an entity goes on from the entry that it shared", async () => {
    const store = await open();
    const { sync, lease, commit } = await beginSample(store);
    await store.firstContact.stage(page(sync, 0, [["1", "ann"]]), call);
    await store.firstContact.group(sync, call);
    const [group] = await store.firstContact.load(sync, 9, call);
    const id = await store.reserveEntities(1, call);
    const entity = sampleEntity(sync, id, ["1", null]);
    const shared = sampleEntry(sync, null, { kind: "contact", payload: "together" });
    await store.firstContact.commit(lease, { ...NOTHING, sync, upTo: group?.place ?? 0, entities: [{ entity, keys: null }], shared }, call);
    await store.firstContact.finish(sync, call);
    await commit({ entities: [{ entity, keys: null }], journal: [sampleEntry(sync, id, { payload: "later" })] });
    expect((await store.readJournal({ entity: id, limit: 9 }, call)).map(({ payload }) => payload)).toEqual(["later", "together"]);
  });

  test("[S54] a commit under a lease that was lost changes nothing", async () => {
    const store = await open();
    const { sync, lease } = await beginSample(store);
    await store.firstContact.stage(page(sync, 0, [["1", "ann"]]), call);
    await store.firstContact.group(sync, call);
    const [group] = await store.firstContact.load(sync, 9, call);
    await store.releaseLease(lease, call);
    await store.takeLease(lease.name, "another", AT * 2, AT, call);
    const commit = store.firstContact.commit(lease, { ...NOTHING, sync, upTo: group?.place ?? 0 }, call);
    await expect(commit).rejects.toMatchObject({ code: "ACCORD_LEASE_LOST" });
    expect(await groups(store, sync)).toEqual(["0/1"]);
  });
}

function describeBeginnings(open: () => Promise<Store>): void {
  test("[S52] what was staged and grouped is there after a new start, and whether others had been there first is remembered", async () => {
    const store = await open();
    const { sync, lease } = await beginSample(store);
    await store.firstContact.stage(page(sync, 0, ANN_AND_BOB), call);
    await store.firstContact.group(sync, call);
    const [ann] = await store.firstContact.load(sync, 1, call);
    const id = await store.reserveEntities(1, call);
    const entities = [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }];
    await store.firstContact.commit(lease, { ...NOTHING, sync, upTo: ann?.place ?? 0, entities }, call);
    expect(await store.firstContact.group(sync, call)).toEqual({ isAlone: true });
    expect(await groups(store, sync)).toEqual(["0/2"]);
  });

  test("[S36] a sync of which marks or entities are there is not alone", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    await store.firstContact.stage(page(sync, 0, [["1", "ann"]]), call);
    await store.commitPull(pullOf(sampleMark(sync, "5")), call);
    expect(await store.firstContact.group(sync, call)).toEqual({ isAlone: false });
    expect(await groups(store, sync)).toEqual(["0/1"]);
  });

  test("[S51] another configuration lists a new sync once more, and what had met keeps its links", async () => {
    const store = await open();
    const { sync, lease } = await beginSample(store);
    await store.firstContact.stage(page(sync, 0, ANN_AND_BOB), call);
    await store.firstContact.stage(page(sync, 1, [["z", "ann"]]), call);
    await store.firstContact.group(sync, call);
    const [ann] = await store.firstContact.load(sync, 1, call);
    const id = await store.reserveEntities(1, call);
    const entities = [{ entity: sampleEntity(sync, id, ["1", "z"]), keys: null }];
    await store.firstContact.commit(lease, { ...NOTHING, sync, upTo: ann?.place ?? 0, entities }, call);
    const row = await store.openSync("customers", { ...CONFIGURATION, digest: "two" }, call);
    expect(row.listings.map(({ state, after }) => [state, after])).toEqual([
      ["none", null],
      ["none", null],
    ]);
    expect(await groups(store, sync)).toEqual([]);
    expect(await store.findLinks(sync, 1, ["z"], call)).toEqual([id]);
    await store.firstContact.stage(page(sync, 0, ANN_AND_BOB), call);
    expect(await store.firstContact.group(sync, call)).toEqual({ isAlone: false });
    expect(await groups(store, sync)).toEqual(["0/1", "0/2"]);
  });
}

/** As plain data: a store may put an image together when it is asked for. */
function factsOf({ side, record, image, said, position, seenAtMs }: StagedRecord): StagedRecord {
  return { side, record, image, said, position, seenAtMs };
}
