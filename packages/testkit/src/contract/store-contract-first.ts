import { writeImage } from "@accord/core";
import type { FirstContactChanges, StagedPage, Store, SyncId } from "@accord/engine/store";
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
    keys: keyed.map(([, key]) => key),
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

const NOTHING: Omit<FirstContactChanges, "sync" | "upTo"> = { level: [], entities: [], marks: [], due: [], journal: [], shared: null };

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
    expect(await store.firstContact.group(sync, 2, call)).toEqual({ isAlone: true });
    expect(await groups(store, sync)).toEqual(["0/9", "0/10 1/a", "0/11", "0/12 1/c", "1/b"]);
    expect(await groups(store, sync, 2)).toEqual(["0/9", "0/10 1/a"]);
    const [, second, , fourth] = await store.firstContact.load(sync, 100, call);
    expect(second?.records).toEqual([
      { side: 0, record: "10", image: writeImage(["10", null]), position: "p0", seenAtMs: AT },
      { side: 1, record: "a", image: writeImage(["a", null]), position: "p1", seenAtMs: AT + 1 },
    ]);
    expect(fourth?.records[0]).toMatchObject({ position: "later", seenAtMs: AT + 9 });
  });

  test("[S36] twins come in one group; where more share a key than there are sides, each comes by itself", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    const many = Array.from({ length: 4 }, (_, index) => [`m${index}`, "many"] as const);
    await store.firstContact.stage(
      page(sync, 0, [
        ["1", "twin"],
        ["2", "twin"],
        ["3", "many"],
      ]),
      call,
    );
    await store.firstContact.stage(page(sync, 1, many), call);
    await store.firstContact.group(sync, 2, call);
    expect(await groups(store, sync)).toEqual(["0/1 0/2", "crowd 0/3", "crowd 1/m0", "crowd 1/m1", "crowd 1/m2", "crowd 1/m3"]);
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
    await store.firstContact.group(sync, 2, call);
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

function describeLevel(open: () => Promise<Store>): void {
  test("[S13, S36] an entity told in short reads as one that is told whole", async () => {
    const store = await open();
    const { sync, lease } = await beginSample(store);
    const id = await store.reserveEntities(2, call);
    const provenance = { side: 0, cause: "initial", fromMs: 0, toMs: AT } as const;
    const fields = ["a\tb", null].map((value) => sampleField(value, { provenance }));
    const members = [
      sampleMember("1", { image: writeImage(["a\tb", null]), position: "p0" }),
      sampleMember("z", { image: writeImage(["other spelling", null]), position: "p1", seenAtMs: AT + 1 }),
    ];
    const whole = sampleEntity(sync, id, [null, null], { fields, members });
    const records = members.map(({ record, image, position, seenAtMs }, side) => {
      return { side, record: record ?? "", image: image ?? "", position: position ?? "", seenAtMs };
    });
    const level = [{ id, sync, values: writeImage(["a\tb", null]), keys: ["ann", null], provenance, records }];
    const other = { entity: sampleEntity(sync, id + 1, ["2", null]), keys: null };
    await store.firstContact.group(sync, 2, call);
    const shared = sampleEntry(sync, null, { kind: "contact", payload: "together" });
    await store.firstContact.commit(lease, { ...NOTHING, sync, upTo: 0, level, entities: [other], shared }, call);
    await store.firstContact.finish(sync, call);
    expect(await store.loadEntities([id, id + 1], call)).toEqual([whole, other.entity]);
    expect(await store.findLinks(sync, 0, ["1", "2"], call)).toEqual([id, id + 1]);
    expect(await store.findLinks(sync, 1, ["z"], call)).toEqual([id]);
    expect((await store.readJournal({ entity: id, limit: 9 }, call)).map(({ payload }) => payload)).toEqual(["together"]);
    const { syncs } = await store.countState(call);
    expect(syncs.find((one) => one.sync === sync)).toMatchObject({ entities: 2, members: [2, 1] });
  });
}

function describeFences(open: () => Promise<Store>): void {
  test("[S64] the history of an entity goes on from the entry that it shared", async () => {
    const store = await open();
    const { sync, lease, commit } = await beginSample(store);
    await store.firstContact.stage(page(sync, 0, [["1", "ann"]]), call);
    await store.firstContact.group(sync, 2, call);
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
    await store.firstContact.group(sync, 2, call);
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
    await store.firstContact.group(sync, 2, call);
    const [ann] = await store.firstContact.load(sync, 1, call);
    const id = await store.reserveEntities(1, call);
    const entities = [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }];
    await store.firstContact.commit(lease, { ...NOTHING, sync, upTo: ann?.place ?? 0, entities }, call);
    expect(await store.firstContact.group(sync, 2, call)).toEqual({ isAlone: true });
    expect(await groups(store, sync)).toEqual(["0/2"]);
  });

  test("[S36] a sync of which marks or entities are there is not alone", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    await store.firstContact.stage(page(sync, 0, [["1", "ann"]]), call);
    await store.commitPull(pullOf(sampleMark(sync, "5")), call);
    expect(await store.firstContact.group(sync, 2, call)).toEqual({ isAlone: false });
    expect(await groups(store, sync)).toEqual(["0/1"]);
  });

  test("[S51] another configuration lists a new sync once more, and what had met keeps its links", async () => {
    const store = await open();
    const { sync, lease } = await beginSample(store);
    await store.firstContact.stage(page(sync, 0, ANN_AND_BOB), call);
    await store.firstContact.stage(page(sync, 1, [["z", "ann"]]), call);
    await store.firstContact.group(sync, 2, call);
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
    expect(await store.firstContact.group(sync, 2, call)).toEqual({ isAlone: false });
    expect(await groups(store, sync)).toEqual(["0/1", "0/2"]);
  });
}
