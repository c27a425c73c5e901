import { writeImage } from "@accord/core";
import type { Store } from "@accord/engine/store";
import { expect, test } from "vitest";
import { allMarks, AT, beginSample, call, idsOfShard, pullOf, sampleEntity, sampleIntent, sampleMark } from "./store-samples.ts";

/** What the store promises of marks: taking over, folding, loading, consuming, and matching those that wait. */
export function describeStoreMarks(open: () => Promise<Store>): void {
  describeFolding(open);
  describeReadiness(open);
  describeMatches(open);
  describeRivals(open);
}

function describeFolding(open: () => Promise<Store>): void {
  test("[S6, S52] marks, cursor and listing progress are taken over together; unlinked records wait in shard 0", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    const row = { side: 0, state: "running", after: "2", completedAtMs: null } as const;
    const marks = [sampleMark(sync, "1"), sampleMark(sync, "2", { kind: "touched", image: null, position: null, fromMs: -1 })];
    expect(await store.commitPull({ marks, cursor: { connection: "crm", cursor: "c1" }, listing: { sync, row } }, call)).toEqual([0]);
    const other = await open();
    expect((await other.loadMarks(0, 9, AT, call)).map(({ sequence, ...mark }) => ({ ...mark, sequence: typeof sequence }))).toEqual(
      marks.map((mark) => ({ ...mark, attempts: 0, entity: null, sequence: "number" })),
    );
    expect((await other.listSyncs(call))[0]?.listings[0]).toEqual(row);
    expect((await other.readConnection("crm", call))?.cursor).toBe("c1");
    expect(await store.countMarks(call)).toBe(2);
    expect(await store.loadMarks(0, 1, AT, call)).toHaveLength(1);
  });

  test("marks of one record are folded: a newer image keeps what it does not know, touched wins, and a delete is not forgotten", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    const image = (record: string, ...cells: (string | null | undefined)[]): ReturnType<typeof sampleMark> =>
      sampleMark(sync, record, { image: writeImage(cells) });
    const touched = (record: string): ReturnType<typeof sampleMark> =>
      sampleMark(sync, record, { kind: "touched", image: null, position: null });
    const deleted = (record: string): ReturnType<typeof sampleMark> => sampleMark(sync, record, { kind: "deleted", image: null });
    await store.commitPull(
      pullOf(image("1", "a", "b"), image("2", "a"), touched("3"), deleted("4"), image("5", "a"), touched("6"), deleted("7"), deleted("8")),
      call,
    );
    await store.commitPull(
      pullOf(
        { ...image("1", undefined, "c"), position: "p2", fromMs: AT + 5, toMs: AT + 6, keys: ["k", null] },
        touched("2"),
        image("3", "x"),
        image("4", "x"),
        deleted("5"),
        image("1", undefined, "d"),
        deleted("6"),
        touched("7"),
        deleted("8"),
      ),
      call,
    );
    await store.commitPull(pullOf(touched("6"), image("4", "y")), call);
    const found = new Map((await allMarks(store)).map((mark) => [mark.record, mark]));
    expect(found.size).toBe(8);
    expect(found.get("1")).toMatchObject({ kind: "image", image: writeImage(["a", "d"]), fromMs: AT, toMs: AT + 6, keys: ["k", null] });
    expect(["2", "3", "4", "5", "6", "7", "8"].map((record) => [found.get(record)?.kind, found.get(record)?.image])).toEqual([
      ["touched", null],
      ["touched", null],
      ["replaced", null],
      ["replaced", null],
      ["replaced", null],
      ["replaced", null],
      ["deleted", null],
    ]);
    // Who asked for a reading gets it; else the last position stands. [S57]
    expect(["4", "5", "6"].map((record) => found.get(record)?.position)).toEqual(["p1", "p1", null]);
  });

  test("[S63] a rename moves the older mark to the new id and keeps the first id; its entity is found by that one, swaps included", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(2, call);
    await commit({ entities: ["1", "2"].map((record, index) => ({ entity: sampleEntity(sync, id + index, [record, null]), keys: null })) });
    const rename = (from: string, to: string): ReturnType<typeof sampleMark> =>
      sampleMark(sync, to, { renamedFrom: from, image: writeImage([undefined, to]) });
    await store.commitPull(pullOf(sampleMark(sync, "1", { image: writeImage(["edited", "x"]) }), rename("1", "3")), call);
    await store.commitPull(pullOf(rename("2", "1"), rename("3", "2"), rename("2", "4")), call);
    const found = (await allMarks(store)).map(({ record, renamedFrom, image, entity }) => ({
      record,
      renamedFrom,
      image,
      entity: entity?.id,
    }));
    expect(found.toSorted((a, b) => (a.record < b.record ? -1 : 1))).toEqual([
      { record: "1", renamedFrom: "2", image: writeImage([undefined, "1"]), entity: id + 1 },
      { record: "4", renamedFrom: "1", image: writeImage(["edited", "4"]), entity: id },
    ]);
  });
}

function describeReadiness(open: () => Promise<Store>): void {
  test("consuming a mark leaves a newer one of the same record; a deferred one waits and counts its attempts", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    await store.commitPull(pullOf(sampleMark(sync, "1"), sampleMark(sync, "2"), sampleMark(sync, "3", { notBeforeMs: AT + 50 })), call);
    const [one, two] = await allMarks(store);
    await store.commitPull(pullOf(sampleMark(sync, "1", { image: writeImage(["newer", "x"]) })), call);
    await commit({ consumed: [one?.sequence ?? 0], deferred: [{ sequence: two?.sequence ?? 0, notBeforeMs: AT + 100 }] });
    expect((await allMarks(store)).map(({ record, image }) => [record, image])).toEqual([["1", writeImage(["newer", "x"])]]);
    await commit({ consumed: (await allMarks(store)).map(({ sequence }) => sequence) });
    expect(await store.readyShards(AT, call)).toEqual({ shards: [], nextAtMs: AT + 50 });
    expect((await allMarks(store, AT + 100)).map(({ record, attempts }) => [record, attempts])).toEqual([
      ["2", 1],
      ["3", 0],
    ]);
  });

  test("[S36] an unlinked record is a stranger while its mark is ready, or was put off no more often than is asked about; a linked one is none", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const isStrange = (triesMax: number, nowMs = AT): Promise<boolean> => store.hasStrangers(sync, 0, nowMs, triesMax, call);
    expect(await isStrange(9)).toBe(false);
    await store.commitPull(pullOf(sampleMark(sync, "1", { notBeforeMs: AT + 50 })), call);
    expect([await isStrange(9), await isStrange(0, AT + 50)]).toEqual([false, true]);
    for (const tries of [1, 2]) {
      const [mark] = await allMarks(store, AT + 1_000);
      await commit({ deferred: [{ sequence: mark?.sequence ?? 0, notBeforeMs: AT + 100 * tries }] });
    }
    expect([await isStrange(1), await isStrange(2), await isStrange(0, AT + 200)]).toEqual([false, true, true]);
    expect(await store.hasStrangers(sync, 1, AT + 200, 9, call)).toBe(false);
    const [id = 0] = await idsOfShard(store, 1, 1);
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }] });
    expect(await isStrange(9, AT + 200)).toBe(false);
  });

  test("[S30] news of a record that was put off does not bring it forward, and its attempts still count", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    await store.commitPull(pullOf(sampleMark(sync, "1")), call);
    const [mark] = await allMarks(store);
    await commit({ deferred: [{ sequence: mark?.sequence ?? 0, notBeforeMs: AT + 100 }] });
    await store.commitPull(pullOf(sampleMark(sync, "1")), call);
    expect(await allMarks(store)).toEqual([]);
    expect((await allMarks(store, AT + 100)).map(({ attempts }) => attempts)).toEqual([1]);
    await commit({ marks: [sampleMark(sync, "1", { notBeforeMs: AT + 200 })] });
    expect(await allMarks(store, AT + 100)).toEqual([]);
    expect((await allMarks(store, AT + 200)).map(({ attempts }) => attempts)).toEqual([1]);
  });

  test("[S54] a linked record's mark is its entity's shard's work, also when it was linked after the mark came", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const shard = 1;
    const [id = 0] = await idsOfShard(store, shard, 1);
    await store.commitPull(pullOf(sampleMark(sync, "1")), call);
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }] });
    expect(await store.loadMarks(0, 9, AT, call)).toEqual([]);
    expect((await store.readyShards(AT, call)).shards).toEqual([shard]);
    expect((await store.loadMarks(shard, 9, AT, call)).map(({ entity }) => entity?.id)).toEqual([id]);
    expect(await store.commitPull(pullOf(sampleMark(sync, "1", { kind: "deleted", image: null })), call)).toEqual([shard]);
  });

  test("[S33] marks of a member with an open intent are kept back until it is closed, and make no shard ready", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(1, call);
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", "a"]), keys: null }], intentsOpened: [sampleIntent(sync, id, "i1")] });
    await store.commitPull(pullOf(sampleMark(sync, "a", { side: 1 })), call);
    expect(await allMarks(store)).toEqual([]);
    expect((await store.readyShards(AT, call)).shards).toEqual([]);
    await store.commitPull(pullOf(sampleMark(sync, "1")), call);
    expect((await allMarks(store)).map(({ side, entity }) => [side, entity?.members[1]?.intent])).toEqual([[0, "i1"]]);
    await commit({ intentsClosed: ["i1"] });
    expect((await allMarks(store)).map(({ side, entity }) => [side, entity?.members[1]?.intent])).toEqual([
      [1, null],
      [0, null],
    ]);
  });

  test("[S57] a mark made by a commit is folded like any other", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    await store.commitPull(pullOf(sampleMark(sync, "1")), call);
    const [mark] = await allMarks(store);
    await commit({ consumed: [mark?.sequence ?? 0], marks: [sampleMark(sync, "1", { kind: "touched", image: null, position: null })] });
    expect((await allMarks(store)).map(({ kind }) => kind)).toEqual(["touched"]);
  });
}

function describeMatches(open: () => Promise<Store>): void {
  test("[S36] matches are the living entities with a key and no record at the side, by rule, three at most", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(20, call);
    const keyed = (offset: number, records: readonly [string | null, string | null], keys: readonly (string | null)[]) => ({
      entity: sampleEntity(sync, id + offset, records),
      keys,
    });
    const dead = { entity: sampleEntity(sync, id + 3, ["4", null], { life: { kind: "deleted", side: 0, atMs: AT } }), keys: ["ada", null] };
    await commit({
      entities: [
        keyed(0, ["1", null], ["ada", "x"]),
        keyed(1, ["2", "b"], ["ada", null]),
        keyed(2, ["3", null], ["bob", "x"]),
        dead,
        ...Array.from({ length: 12 }, (_, index) =>
          keyed(4 + index, [String(10 + index), index < 10 ? `r${index}` : null], ["many", null]),
        ),
      ],
    });
    const seekers = [
      { record: "n1", keys: ["ada", "x"] },
      { record: "n2", keys: [null, "y"] },
      { record: "n3", keys: ["many", null] },
    ];
    expect(await store.findMatches(sync, 1, seekers, call)).toEqual([
      [
        { entities: [id], rivals: 0 },
        { entities: [id, id + 2], rivals: 0 },
      ],
      [
        { entities: [], rivals: 0 },
        { entities: [], rivals: 0 },
      ],
      [
        { entities: [id + 14, id + 15], rivals: 0 },
        { entities: [], rivals: 0 },
      ],
    ]);
    await commit({ entities: [keyed(0, ["1", null], ["eve", null])] });
    await commit({ entities: [{ entity: sampleEntity(sync, id + 2, ["3", null]), keys: null }] });
    expect(await store.findMatches(sync, 1, [{ record: "n1", keys: ["ada", "x"] }], call)).toEqual([
      [
        { entities: [], rivals: 0 },
        { entities: [id + 2], rivals: 0 },
      ],
    ]);
  });
}

function describeRivals(open: () => Promise<Store>): void {
  test("[S36] records of one side that wait with one key are rivals, also once one of them was set aside, until it is linked", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const waiting = (record: string, key: string): ReturnType<typeof sampleMark> => sampleMark(sync, record, { keys: [key, null] });
    await store.commitPull(
      pullOf(waiting("1", "ada"), waiting("2", "ada"), waiting("3", "bob"), { ...waiting("9", "ada"), side: 1 }),
      call,
    );
    const rivals = async (record: string, key: string): Promise<number | undefined> =>
      (await store.findMatches(sync, 0, [{ record, keys: [key, null] }], call))[0]?.[0]?.rivals;
    expect([await rivals("1", "ada"), await rivals("3", "bob"), await rivals("5", "ada")]).toEqual([1, 0, 2]);
    const [one, two] = await allMarks(store);
    await commit({
      consumed: [one?.sequence ?? 0],
      problems: [{ sync, side: 0, record: "1", kind: "ambiguous", reason: "two records have one key", entities: [], atMs: AT }],
    });
    expect(await rivals("2", "ada")).toBe(1);
    const id = await store.reserveEntities(1, call);
    await commit({
      consumed: [two?.sequence ?? 0],
      problemsOver: [{ sync, side: 0, record: "1" }],
      entities: [{ entity: sampleEntity(sync, id, ["1", null]), keys: null }],
    });
    expect(await rivals("2", "ada")).toBe(0);
  });
}
