import type { EntityId } from "@accord/core";
import type { NewRequest, Store, SyncId } from "@accord/engine/store";
import { expect, test } from "vitest";
import {
  allMarks,
  AT,
  beginSample,
  call,
  pullOf,
  sampleDue,
  sampleEntity,
  sampleEntry,
  sampleIntent,
  sampleMark,
  sampleMember,
} from "./store-samples.ts";

/** What the store promises of entities that are no more: merged ones, and tombstones. */
export function describeStoreEndings(open: () => Promise<Store>): void {
  describeMerges(open);
  describeHandingOver(open);
  describeTombstones(open);
}

function describeMerges(open: () => Promise<Store>): void {
  test("[S41] word of a merge outlasts a hint and a delete, and ends with an image that does not repeat it", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    const told = (record: string): ReturnType<typeof sampleMark> => sampleMark(sync, record, { mergedInto: "9" });
    const touched = { kind: "touched", image: null, position: null } as const;
    await store.commitPull(pullOf(told("1"), told("2"), told("3"), sampleMark(sync, "4"), told("5")), call);
    await store.commitPull(
      pullOf(
        sampleMark(sync, "1", { kind: "deleted", image: null }),
        sampleMark(sync, "2", touched),
        sampleMark(sync, "3"),
        told("4"),
        sampleMark(sync, "5", { mergedInto: "8" }),
      ),
      call,
    );
    const found = new Map((await allMarks(store)).map((mark) => [mark.record, mark.mergedInto ?? null]));
    expect(Object.fromEntries(found)).toEqual({ 1: "9", 2: "9", 3: null, 4: "9", 5: "8" });
  });

  test("[S41] chains of merges are one step long, and a merge can be taken back", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(3, call);
    const merge = (loser: EntityId, into: EntityId, record: string): Promise<void> =>
      commit({
        entities: [
          { entity: sampleEntity(sync, loser, [record, null], { life: { kind: "merged", into, side: 0, others: "kept" } }), keys: null },
        ],
        merged: [{ entity: loser, into }],
      });
    await merge(id, id + 1, "1");
    await merge(id + 1, id + 2, "2");
    const other = await open();
    expect(await other.findWinners([id, id + 1, id + 2, 999], call)).toEqual([id + 2, id + 2, null, null]);
    expect((await other.loadEntities([id], call))[0]?.life).toEqual({ kind: "merged", into: id + 2, side: 0, others: "kept" });
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }], merged: [{ entity: id, into: null }] });
    expect(await other.findWinners([id, id + 1], call)).toEqual([null, id + 2]);
    expect((await other.loadEntities([id], call))[0]?.life).toEqual({ kind: "live" });
  });
}

/** What becomes of the loser's records, and what is asked for in the same commit. */
function describeHandingOver(open: () => Promise<Store>): void {
  test("[S41] a record is handed over from one entity to another in one commit, and its mark with it", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(2, call);
    await commit({
      entities: [
        { entity: sampleEntity(sync, id, ["1", "x"]), keys: null },
        { entity: sampleEntity(sync, id + 1, ["2", null]), keys: null },
      ],
    });
    await store.commitPull(pullOf(sampleMark(sync, "x", { side: 1 })), call);
    const given = sampleMember(null, { state: "absent", image: null, position: null, retired: ["x"] });
    await commit({
      entities: [
        { entity: sampleEntity(sync, id, ["1", null], { members: [sampleMember("1"), given] }), keys: null },
        { entity: sampleEntity(sync, id + 1, ["2", "x"]), keys: null },
      ],
    });
    expect(await store.findLinks(sync, 1, ["x"], call)).toEqual([id + 1]);
    expect((await allMarks(store)).map(({ entity }) => entity?.id)).toEqual([id + 1]);
    expect((await store.loadEntities([id], call))[0]?.members[1]).toMatchObject({ record: null, retired: ["x"] });
  });

  test("[S41] what the engine asks of itself for later is committed with what made it ask", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    const request: NewRequest = { sync, entity: id, kind: "repoint", body: "{}", run: null, atMs: AT };
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }], requests: [request] });
    const shard = store.shardOf(id);
    expect((await store.readyShards(AT, call)).shards).toEqual([shard]);
    expect((await store.loadRequests(shard, 9, AT, call)).map(({ kind, body }) => [kind, body])).toEqual([["repoint", "{}"]]);
  });
}

/** An entity that was deleted everywhere, and had a record at the first side. */
function dead(sync: SyncId, id: EntityId, record: string, atMs = AT): ReturnType<typeof sampleEntity> {
  return sampleEntity(sync, id, [record, null], {
    life: { kind: "deleted", side: 0, atMs },
    members: [sampleMember(record, { state: "deleted", retired: [record] }), null],
  });
}

function describeTombstones(open: () => Promise<Store>): void {
  test("[S39] tombstones older than a moment go, a bounded range at a time; their history stays", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(4, call);
    const keys = ["ada", null];
    await commit({
      entities: [
        { entity: dead(sync, id, "1"), keys },
        { entity: sampleEntity(sync, id + 1, ["2", null]), keys },
        { entity: dead(sync, id + 2, "3", AT + 100), keys },
        { entity: dead(sync, id + 3, "4"), keys },
      ],
      journal: [sampleEntry(sync, id), sampleEntry(sync, id + 3)],
    });
    const query = { sync, beforeMs: AT + 50, limit: 3 };
    expect(await store.collectTombstones({ ...query, after: null }, call)).toEqual({ collected: 1, last: id + 2 });
    expect(await store.collectTombstones({ ...query, after: id + 2 }, call)).toEqual({ collected: 1, last: null });
    const other = await open();
    expect((await other.loadEntities([id, id + 1, id + 2, id + 3], call)).map((entity) => entity.id)).toEqual([id + 1, id + 2]);
    expect(await other.readJournal({ entity: id, limit: 9 }, call)).toHaveLength(1);
    expect((await other.scanEntities(sync, null, 9, call)).ids).toEqual([id + 1, id + 2]);
    expect((await other.countState(call)).syncs[0]).toMatchObject({ entities: 1, members: [1, 0] });
    expect((await other.listMembers(sync, 0, null, 9, call)).map(({ record }) => record)).toEqual(["2", "3"]);
    const [matches] = await other.findMatches(sync, 1, [{ record: "x", keys }], call);
    expect(matches?.[0]?.entities).toEqual([id + 1]);
  });

  test("[S38, S39, S40] an id whose tombstone was collected is free, and journal entries of the new thing are its own", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(2, call);
    await commit({ entities: [{ entity: dead(sync, id, "1"), keys: null }], journal: [sampleEntry(sync, id)] });
    await store.collectTombstones({ sync, beforeMs: AT + 1, after: null, limit: 9 }, call);
    await store.commitPull(pullOf(sampleMark(sync, "1")), call);
    expect((await allMarks(store)).map(({ entity }) => entity)).toEqual([null]);
    await commit({ entities: [{ entity: sampleEntity(sync, id + 1, ["1", null]), keys: null }], journal: [sampleEntry(sync, id + 1)] });
    expect(await store.findLinks(sync, 0, ["1"], call)).toEqual([id + 1]);
    expect(await store.readJournal({ entity: id + 1, limit: 9 }, call)).toHaveLength(1);
    expect(await store.readJournal({ entity: id, limit: 9 }, call)).toHaveLength(1);
  });

  test("[S39] nothing is collected that has a record somewhere, or that anything waits for or has become", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(7, call);
    const archived = sampleEntity(sync, id, ["1", null], {
      life: { kind: "deleted", side: 0, atMs: AT },
      members: [sampleMember("1", { state: "archived" }), null],
    });
    const shell = sampleEntity(sync, id + 6, ["7", null], { life: { kind: "merged", into: id + 5, side: 0, others: "kept" } });
    await commit({
      entities: [
        { entity: archived, keys: null },
        ...[1, 2, 3, 4, 5].map((at) => ({ entity: dead(sync, id + at, String(at + 1)), keys: null })),
        { entity: { ...shell, members: [sampleMember("7", { state: "deleted" }), null] }, keys: null },
      ],
      due: [sampleDue(sync, id + 1)],
      intentsOpened: [sampleIntent(sync, id + 2, "intent")],
      requests: [{ sync, entity: id + 3, kind: "revive", body: "{}", run: null, atMs: AT }],
      marks: [sampleMark(sync, "5")],
      merged: [{ entity: id + 6, into: id + 5 }],
    });
    expect(await store.collectTombstones({ sync, beforeMs: AT + 1, after: null, limit: 99 }, call)).toEqual({ collected: 0, last: null });
  });
}
