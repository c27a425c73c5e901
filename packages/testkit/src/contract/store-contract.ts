import { writeImage } from "@accord/core";
import type { LeaseName, Store, SyncConfiguration } from "@accord/engine/store";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeStoreBatches } from "./store-contract-batches.ts";
import { describeStoreEndings } from "./store-contract-endings.ts";
import { describeStoreFence } from "./store-contract-fence.ts";
import { describeStoreFirstContact } from "./store-contract-first.ts";
import { describeStoreMarks } from "./store-contract-marks.ts";
import { describeStoreScan } from "./store-contract-scan.ts";
import { describeStoreKin } from "./store-contract-kin.ts";
import { describeStoreStraight } from "./store-contract-straight.ts";
import { describeStoreCreates } from "./store-contract-creates.ts";
import { describeStoreWork } from "./store-contract-work.ts";
import {
  allMarks,
  AT,
  beginSample,
  call,
  CONFIGURATION,
  NO_CHANGES,
  pullOf,
  sampleDue,
  sampleEntity,
  sampleEntry,
  sampleField,
  sampleMark,
  sampleMember,
} from "./store-samples.ts";

/** One durable state that a test opens, closes and opens again. */
export interface StoreWorld {
  /** Another handle on the same state, as another process would have it. */
  open(): Promise<Store>;
  /** Removes the state. Handles still open are closed before. */
  remove(): Promise<void>;
}

/** The promises of the port `Store` as one suite: every store passes it. */
export function storeContract(name: string, makeWorld: () => Promise<StoreWorld>): void {
  describe(`${name}: the store's promises`, () => {
    let world: StoreWorld;
    let opened: Store[];
    const open = async (): Promise<Store> => {
      const store = await world.open();
      opened.push(store);
      return store;
    };
    beforeEach(async () => {
      opened = [];
      world = await makeWorld();
    });
    afterEach(async () => {
      await Promise.all(opened.map(async (store) => store.close()));
      await world.remove();
    });

    describeLeases(open);
    describeSyncs(open);
    describeVersions(open);
    describeSides(open);
    describeEntities(open);
    describeStoreScan(open);
    describeStoreMarks(open);
    describeStoreFirstContact(open);
    describeStoreKin(open);
    describeStoreStraight(open);
    describeStoreFence(open);
    describeStoreWork(open);
    describeStoreCreates(open);
    describeStoreBatches(open);
    describeStoreEndings(open);
    describeJournal(open);
  });
}

function describeLeases(open: () => Promise<Store>): void {
  const name: LeaseName = "shard:3";

  test("[S54] a lease has one holder; it is renewed by its holder, and taken by another once it expired or was released", async () => {
    const store = await open();
    const other = await open();
    const first = await store.takeLease(name, "a", AT + 100, AT, call);
    expect(first).toMatchObject({ name, holder: "a", expiresAtMs: AT + 100 });
    expect(await other.takeLease(name, "b", AT + 200, AT + 50, call)).toBeNull();
    expect(await other.leaseHolder(name, call)).toEqual({ holder: "a", expiresAtMs: AT + 100 });
    const renewed = await store.takeLease(name, "a", AT + 300, AT + 50, call);
    expect(renewed).toEqual({ ...first, expiresAtMs: AT + 300 });
    const second = await other.takeLease(name, "b", AT + 500, AT + 301, call);
    expect(second?.epoch).toBeGreaterThan(first?.epoch ?? 0);
    if (second !== null) await other.releaseLease(second, call);
    expect(await store.leaseHolder(name, call)).toBeNull();
    const third = await store.takeLease(name, "a", AT + 600, AT + 302, call);
    expect(third?.epoch).toBeGreaterThan(second?.epoch ?? 0);
  });

  test("[S54] a commit of a stale holder is refused as a whole, and one whose lease merely expired is not", async () => {
    const store = await open();
    const other = await open();
    const { id: sync } = await store.openSync("customers", CONFIGURATION, call);
    const stale = await store.takeLease(name, "a", AT + 100, AT, call);
    if (stale === null) throw new Error("nobody holds the lease of a new store");
    const [entity, later] = [await store.reserveEntities(1, call), await store.reserveEntities(1, call)];
    await store.commit(stale, { ...NO_CHANGES, entities: [{ entity: sampleEntity(sync, entity, ["1", null]), keys: null }] }, call);
    expect(await other.takeLease(name, "b", AT + 500, AT + 101, call)).not.toBeNull();
    const changes = {
      ...NO_CHANGES,
      entities: [{ entity: sampleEntity(sync, later, ["2", null]), keys: null }],
      marks: [sampleMark(sync, "9")],
      journal: [sampleEntry(sync, later)],
    };
    await expect(store.commit(stale, changes, call)).rejects.toMatchObject({ code: "ACCORD_LEASE_LOST", remedy: "stop" });
    expect(await store.loadEntities([entity, later], call)).toHaveLength(1);
    expect(await store.countMarks(call)).toBe(0);
    expect(await store.readJournal({ limit: 9 }, call)).toEqual([]);
    await store.releaseLease(stale, call);
    expect(await other.leaseHolder(name, call)).toMatchObject({ holder: "b" });
    // The same holder again, after another: what it decided before is as stale as another's.
    expect(await store.takeLease(name, "a", AT + 900, AT + 501, call)).not.toBeNull();
    await expect(store.commit(stale, changes, call)).rejects.toMatchObject({ code: "ACCORD_LEASE_LOST" });
  });
}

function describeSyncs(open: () => Promise<Store>): void {
  test("[S51] a sync is found by its name, and a changed configuration is its next version", async () => {
    const store = await open();
    const first = await store.openSync("customers", CONFIGURATION, call);
    expect(first).toMatchObject({ name: "customers", version: 1, digest: "one", state: "new", stateReason: null });
    expect(first.listings).toEqual([0, 1].map((side) => ({ side, state: "none", after: null, completedAtMs: null })));
    expect(await store.openSync("customers", CONFIGURATION, call)).toEqual(first);
    expect(await store.openSync("customers", { ...CONFIGURATION, digest: "two" }, call)).toMatchObject({
      id: first.id,
      version: 2,
      digest: "two",
    });
    await store.setSyncState(first.id, "paused", "a guard tripped", call);
    const other = await store.openSync("orders", CONFIGURATION, call);
    expect(other.id).not.toBe(first.id);
    expect((await store.listSyncs(call)).map(({ name, state, stateReason }) => [name, state, stateReason])).toEqual([
      ["customers", "paused", "a guard tripped"],
      ["orders", "new", null],
    ]);
  });

  test("[S51] values keep their fields when fields are added, removed or put in another order", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    const entity = sampleEntity(sync, id, ["1", "a"], { fields: [sampleField("Ada"), sampleField("noted", { version: 2 })], version: 2 });
    await commit({ entities: [{ entity, keys: null }] });
    await store.openSync("customers", { ...CONFIGURATION, digest: "two", fields: ["note", "phone", "name"] }, call);
    const [found] = await store.loadEntities([id], call);
    expect(found?.fields.map(({ value, version }) => [value, version])).toEqual([
      ["noted", 2],
      [undefined, 0],
      ["Ada", 1],
    ]);
    expect(found?.members[0]?.ack).toEqual([1, 0, 1]);
  });

  test("[S51] images keep their cells when columns are added, removed or put in another order", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    const members = [sampleMember("1", { image: "x\ty" }), sampleMember("a", { image: "x\ty" })];
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", "a"], { members }), keys: null }] });
    const sides = CONFIGURATION.sides.map((side, place) => (place === 0 ? { ...side, columns: ["b", "c", "a"] } : side));
    await store.openSync("customers", { ...CONFIGURATION, digest: "two", sides }, call);
    const [found] = await store.loadEntities([id], call);
    expect(found?.members.map((member) => member?.image)).toEqual(["y\t\\U\tx", "x\ty"]);
  });

  test("[S4] a connection's cursor, epoch and state are kept; a pull moves the cursor alone", async () => {
    const store = await open();
    expect(await store.readConnection("crm", call)).toBeNull();
    await store.writeConnection({ connection: "crm", cursor: null, epoch: "e1", state: "paused", reason: "credentials refused" }, call);
    await store.commitPull({ marks: [], cursor: { connection: "crm", cursor: "c2" }, listing: null }, call);
    expect(await (await open()).readConnection("crm", call)).toEqual({
      connection: "crm",
      cursor: "c2",
      epoch: "e1",
      state: "paused",
      reason: "credentials refused",
    });
  });
}

/** A column of one side is of this type, everything else as ever. */
function typed(native: string): SyncConfiguration {
  return {
    ...CONFIGURATION,
    source: `fields of ${native}`,
    sides: CONFIGURATION.sides.map((side, place) =>
      place === 0
        ? { ...side, mappings: { name: `by ${native}` }, types: { b: { native, natural: "text" }, a: { native: "text", natural: "text" } } }
        : side,
    ),
  };
}

function describeVersions(open: () => Promise<Store>): void {
  test("[S50] [S51] each version keeps what it was; a column of another type makes a version of its own, and one whose type was told again does not", async () => {
    const store = await open();
    const { id } = await store.openSync("customers", typed("text"), call);
    expect((await store.openSync("customers", typed("text"), call)).version).toBe(1);
    expect((await store.openSync("customers", { ...typed("integer"), body: "{2}" }, call)).version).toBe(2);
    expect((await store.openSync("customers", { ...typed("integer"), digest: "two" }, call)).version).toBe(3);
    const versions = await (await open()).syncVersions(id, call);
    expect(versions.map(({ version, digest, body, source }) => [version, digest, body, source])).toEqual([
      [3, "two", "{}", "fields of integer"],
      [2, "one", "{2}", "fields of integer"],
      [1, "one", "{}", "fields of text"],
    ]);
    expect(versions.map(({ types }) => types[0]?.["b"]?.native)).toEqual(["integer", "integer", "text"]);
    expect([versions[0]?.types[1], versions[0]?.mappings]).toEqual([{}, [{ name: "by integer" }, {}]]);
  });
}

function describeSides(open: () => Promise<Store>): void {
  test("[S51] sides keep their places once records are linked: new ones come behind them, and nobody takes another's", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const [crm, erp] = CONFIGURATION.sides;
    if (crm === undefined || erp === undefined) throw new Error("the sample has two sides");
    const desk = { ...crm, connection: "desk" };
    // Nothing is linked yet: what is there of the first sides is not of the new ones.
    await store.commitPull(pullOf(sampleMark(sync, "1")), call);
    await store.openSync("customers", { ...CONFIGURATION, digest: "two", sides: [desk, erp, crm] }, call);
    expect(await store.countMarks(call)).toBe(0);
    expect((await store.openSync("customers", { ...CONFIGURATION, digest: "three" }, call)).listings).toHaveLength(2);
    const id = await store.reserveEntities(1, call);
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", "a"]), keys: null }] });
    const refused = [[erp, crm], [crm], [crm, { ...erp, object: "suppliers" }], [desk, crm, erp], [crm, desk, erp]];
    for (const sides of refused) {
      const opening = store.openSync("customers", { ...CONFIGURATION, digest: "four", sides }, call);
      await expect(opening).rejects.toMatchObject({ code: "ACCORD_SIDES_CHANGED", remedy: "stop" });
    }
    expect(await store.listSyncs(call)).toMatchObject([{ version: 3, digest: "three" }]);
    const opened = await store.openSync("customers", { ...CONFIGURATION, digest: "five", sides: [crm, erp, desk] }, call);
    expect(opened.listings.map(({ state }) => state)).toEqual(["none", "none", "none"]);
    expect(await store.findLinks(sync, 0, ["1"], call)).toEqual([id]);
    expect(await store.findLinks(sync, 2, ["1"], call)).toEqual([null]);
  });
}

function describeEntities(open: () => Promise<Store>): void {
  describeIdentity(open);
  describeChangingLinks(open);
  describeFigures(open);
}

function describeIdentity(open: () => Promise<Store>): void {
  test("[S2, S3, S5] an entity comes back as it was written: unknown, null and empty values, provenances, reviews, members with and without record", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(3, call);
    const review = { openedAtMs: AT, reason: "two edits at once", candidates: [undefined, null, "Adà\t"] };
    const plain = sampleEntity(sync, id, ["1", "a"]);
    const rich = sampleEntity(sync, id + 1, ["-9223372036854775808", null], {
      life: { kind: "deleted", side: 1, atMs: AT },
      version: 9,
      review: { ...review, candidates: [] },
      fields: [
        sampleField("\t\\N\n", {
          version: 7,
          provenance: { side: null, cause: "decision", fromMs: -1, toMs: AT },
          review,
          adds: [["x", 1, 3]],
        }),
        sampleField(undefined, { version: 0, provenance: { side: null, cause: "initial", fromMs: 0, toMs: 0 }, deltas: [[AT, "1.50"]] }),
      ],
      members: [
        sampleMember("-9223372036854775808", {
          state: "archived",
          ack: [7, 0],
          incarnation: 3,
          retired: ["4", "9223372036854775808"],
          image: null,
          position: null,
        }),
        sampleMember(null, { state: "absent", ack: [2, 0], image: writeImage([undefined, null]), retired: ["b\t"] }),
      ],
    });
    const bare = sampleEntity(sync, id + 2, [null, null], { fields: [sampleField(""), sampleField(undefined)] });
    await commit({ entities: [plain, rich, bare].map((entity) => ({ entity, keys: null })) });
    expect(await (await open()).loadEntities([id + 2, id, id + 1, id + 77], call)).toEqual([bare, plain, rich]);
    expect(await store.listEntities(sync, null, 2, call)).toEqual([plain, rich]);
    expect(await store.listEntities(sync, id + 1, 2, call)).toEqual([bare]);
    expect(await store.listReviews(9, call)).toEqual([{ sync, entity: id + 1 }]);
  });

  test("[S58] entity ids are never given twice, by any process", async () => {
    const stores = [await open(), await open()];
    const given = new Set<number>();
    for (let round = 0; round < 20; round += 1) {
      const first = await stores[round % 2]?.reserveEntities(3, call);
      for (let step = 0; step < 3; step += 1) given.add((first ?? 0) + step);
    }
    expect(given.size).toBe(60);
    expect(Math.min(...given)).toBeGreaterThan(0);
  });

  test("[S34] a record belongs to one entity: a second claim is refused with all that came with it", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(2, call);
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", "a"]), keys: null }] });
    const claim = { entities: [{ entity: sampleEntity(sync, id + 1, ["1", null]), keys: null }], journal: [sampleEntry(sync, id + 1)] };
    await expect(commit(claim)).rejects.toThrow();
    expect(await store.findLinks(sync, 0, ["1", "2"], call)).toEqual([id, null]);
    expect(await store.readJournal({ limit: 9 }, call)).toEqual([]);
    expect(await store.loadEntities([id, id + 1], call)).toHaveLength(1);
  });
}

function describeChangingLinks(open: () => Promise<Store>): void {
  test("[S63] two records may swap their keys in one commit", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(2, call);
    const one = sampleEntity(sync, id, ["1", "a"]);
    const two = sampleEntity(sync, id + 1, ["2", "b"]);
    await commit({ entities: [one, two].map((entity) => ({ entity, keys: null })) });
    await commit({
      entities: [
        { entity: { ...one, members: [sampleMember("2", { retired: ["1"] }), one.members[1] ?? null] }, keys: null },
        { entity: { ...two, members: [sampleMember("1", { retired: ["2"] }), two.members[1] ?? null] }, keys: null },
      ],
    });
    expect(await store.findLinks(sync, 0, ["1", "2"], call)).toEqual([id + 1, id]);
    expect(await store.findRecords(sync, 0, [id, id + 1, 77], call)).toEqual(["2", "1", null]);
    expect((await store.loadEntities([id], call))[0]?.members[0]).toMatchObject({ record: "2", retired: ["1"] });
  });

  test("[S38, S40] a tombstone keeps its last image and its record; the id may live again under another entity, and stays retired", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(2, call);
    const dead = sampleEntity(sync, id, ["1", "a"], {
      life: { kind: "deleted", side: 0, atMs: AT },
      members: [sampleMember("1", { state: "deleted", retired: ["1"] }), sampleMember("a")],
    });
    await commit({ entities: [{ entity: dead, keys: null }] });
    expect(await store.loadEntities([id], call)).toEqual([dead]);
    expect(await store.findLinks(sync, 0, ["1"], call)).toEqual([null]);
    expect(await store.findRecords(sync, 0, [id], call)).toEqual([null]);
    await store.commitPull(pullOf(sampleMark(sync, "1")), call);
    expect((await allMarks(store))[0]?.entity?.id).toBe(id);
    await commit({ entities: [{ entity: sampleEntity(sync, id + 1, ["1", null]), keys: null }] });
    expect(await store.findLinks(sync, 0, ["1"], call)).toEqual([id + 1]);
    const [kept] = await store.loadEntities([id], call);
    expect(kept?.members[0]).toEqual(sampleMember(null, { state: "deleted", retired: ["1"], image: dead.members[0]?.image ?? null }));
  });

  test("[S34, S38] a record id that is freed and taken in one commit belongs to the living, in whatever order they are told", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(6, call);
    const holders = [id, id + 1, id + 2];
    const old = holders.map((holder, index) => sampleEntity(sync, holder, [String(index), null]));
    const fresh = holders.map((holder) => sampleEntity(sync, holder + 3, [null, `b${holder}`]));
    await commit({ entities: [...old, ...fresh].map((entity) => ({ entity, keys: null })) });
    const dead = old.map((entity, index) =>
      sampleEntity(sync, entity.id, [null, null], {
        life: { kind: "deleted", side: 0, atMs: AT },
        members: [sampleMember(String(index), { state: "deleted", retired: [String(index)] }), null],
      }),
    );
    const taking = fresh.map((entity, index) => ({ ...entity, members: [sampleMember(String(index)), entity.members[1] ?? null] }));
    const gone = (index: number) => dead.slice(index, index + 1).map((entity) => ({ entity, keys: null }));
    const made = (index: number) => taking.slice(index, index + 1).map((entity) => ({ entity, keys: null }));
    await store.commitPull(pullOf(sampleMark(sync, "0"), sampleMark(sync, "1"), sampleMark(sync, "2")), call);
    await commit({ entities: [...gone(0), ...made(0)] });
    await commit({ entities: [...made(1), ...gone(1)] });
    const { ack, position, seenAtMs } = sampleMember("2");
    const landed = { sync, side: 0, entity: id + 5, record: "2", image: taking[2]?.members[0]?.image ?? "", ack, position, seenAtMs };
    await commit({ entities: gone(2), landed: [landed] });
    // A process that does not know who took it tells the tombstone once more.
    await commit({ entities: gone(0) });
    expect(await store.findLinks(sync, 0, ["0", "1", "2"], call)).toEqual([id + 3, id + 4, id + 5]);
    const tombstones = (await store.loadEntities(holders, call)).map(({ members }) => members[0]);
    expect(tombstones).toEqual(dead.map(({ members }) => ({ ...members[0], record: null })));
    expect(await store.loadEntities([id + 3, id + 4, id + 5], call)).toEqual(taking);
    expect((await allMarks(store)).map(({ entity }) => entity?.id)).toEqual([id + 3, id + 4, id + 5]);
  });

  test("members of a side are listed in the order of its records, as integers or by their bytes", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(4, call);
    const records: readonly [string, string][] = [
      ["10", "b"],
      ["9", "B"],
      ["-3", "é"],
      ["9007199254740993", "a"],
    ];
    await commit({ entities: records.map((pair, index) => ({ entity: sampleEntity(sync, id + index, pair), keys: null })) });
    const listed = async (side: number, after: string | null): Promise<string[]> =>
      (await store.listMembers(sync, side, after, 3, call)).map(({ record }) => record);
    expect(await listed(0, null)).toEqual(["-3", "9", "10"]);
    expect(await listed(0, "10")).toEqual(["9007199254740993"]);
    expect(await listed(1, null)).toEqual(["B", "a", "b"]);
    expect(await listed(1, "b")).toEqual(["é"]);
    expect((await store.listMembers(sync, 0, "9", 1, call))[0]).toEqual({
      record: "10",
      entity: id,
      state: "live",
      image: sampleMember("10").image,
      hasIntent: false,
    });
  });
}

function describeFigures(open: () => Promise<Store>): void {
  test("figures count what is there", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(2, call);
    await store.commitPull(pullOf(sampleMark(sync, "7")), call);
    await commit({
      entities: [
        { entity: sampleEntity(sync, id, ["1", "a"]), keys: null },
        { entity: sampleEntity(sync, id + 1, ["2", null]), keys: null },
      ],
      due: [sampleDue(sync, id + 1)],
      problems: [{ sync, side: 0, record: "7", kind: "value", reason: "too long", entities: [], atMs: AT }],
      journal: [sampleEntry(sync, id)],
    });
    const counts = await store.countState(call);
    expect(counts.syncs).toEqual([{ sync, entities: 2, members: [2, 1], marks: 1, reviews: 0, problems: 1 }]);
    expect(counts.journalEntries).toBe(1);
    expect(counts.bytes).toBeGreaterThanOrEqual(0);
  });
}

function describeJournal(open: () => Promise<Store>): void {
  test("[I14] the journal is read newest first, by what it touches", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const run = await store.startRun({ kind: "live", startedAtMs: AT }, call);
    await commit({ journal: [sampleEntry(sync, 1, { atMs: AT }), sampleEntry(sync, 2, { atMs: AT + 1, run, kind: "write" })] });
    await commit({
      journal: [
        sampleEntry(sync, 1, { atMs: AT + 2, run, kind: "decision" }),
        sampleEntry(sync, null, { atMs: AT + 3, side: null, kind: "guard" }),
      ],
    });
    const sequences = async (query: object): Promise<number[]> =>
      (await store.readJournal({ limit: 9, ...query }, call)).map(({ sequence }) => sequence);
    expect(await sequences({})).toEqual([4, 3, 2, 1]);
    expect(await sequences({ entity: 1 })).toEqual([3, 1]);
    expect(await sequences({ run })).toEqual([3, 2]);
    expect(await sequences({ kinds: ["guard", "write"] })).toEqual([4, 2]);
    expect(await sequences({ fromMs: AT + 1, toMs: AT + 2, sync })).toEqual([3, 2]);
    expect(await sequences({ before: 3, limit: 1 })).toEqual([2]);
    expect((await store.readJournal({ limit: 1, kinds: ["write"] }, call))[0]).toEqual({
      ...sampleEntry(sync, 2, { atMs: AT + 1, run, kind: "write" }),
      sequence: 2,
      payloadErased: false,
    });
    expect(await store.checkJournal(call)).toEqual({ entries: 4, brokenAt: null });
    await store.finishRun(run, AT + 9, "done", call);
    expect(await store.listRuns(9, call)).toEqual([
      { id: run, kind: "live", startedAtMs: AT, finishedAtMs: AT + 9, outcome: "done", writes: 1 },
    ]);
  });
}
