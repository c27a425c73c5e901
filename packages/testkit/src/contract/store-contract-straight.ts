import type { Lease, Store } from "@accord/engine/store";
import { expect, test } from "vitest";
import { AT, beginSample, call, NO_CHANGES, pullOf, sampleEntity, sampleIntent, sampleMark } from "./store-samples.ts";

/** What the store promises to news that is merged without becoming marks: who is quiet, and commits over several shards that carry a feed's cursor. */
export function describeStoreStraight(open: () => Promise<Store>): void {
  test("[S33] entities are given to news of their records where no mark of the record waits and no intent of the entity is open", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(4, call);
    const entities = ["1", "2", "3", "4"].map((record, index) => ({
      entity: sampleEntity(sync, id + index, [record, `b${record}`]),
      keys: null,
    }));
    await commit({ entities, intentsOpened: [sampleIntent(sync, id + 3, "i1", { record: "b4" })] });
    const renamed = sampleMark(sync, "9", { renamedFrom: "3" });
    await store.commitPull(pullOf(sampleMark(sync, "2"), renamed), call);
    const other = await open();
    const given = await other.loadQuiet(sync, 0, ["4", "3", "2", "1"], call);
    expect(given.map((entity) => entity?.id ?? null)).toEqual([null, null, null, id]);
    expect(given[3]).toEqual((await other.loadEntities([id], call))[0]);
    await commit({ intentsClosed: ["i1"] });
    const [fourth, stranger] = await store.loadQuiet(sync, 0, ["4", "77"], call);
    expect([fourth?.id, stranger]).toEqual([id + 3, null]);
  });

  test("[S6] [S54] a commit over several shards carries a feed's cursor, and is refused as a whole where one lease is stale", async () => {
    const store = await open();
    const other = await open();
    const { sync, lease } = await beginSample(store);
    const second = await store.takeLease("shard:1", "test", AT + 100, AT, call);
    if (second === null) throw new Error("nobody else holds the lease of a new store");
    const leases: readonly Lease[] = [lease, second];
    await store.commit(leases, { ...NO_CHANGES, cursor: { connection: "crm", cursor: "c1" }, marks: [sampleMark(sync, "1")] }, call);
    expect((await other.readConnection("crm", call))?.cursor).toBe("c1");
    expect(await other.countMarks(call)).toBe(1);
    expect(await other.takeLease("shard:1", "b", AT + 500, AT + 101, call)).not.toBeNull();
    const late = { ...NO_CHANGES, cursor: { connection: "crm", cursor: "c2" }, marks: [sampleMark(sync, "2")] };
    await expect(store.commit(leases, late, call)).rejects.toMatchObject({ code: "ACCORD_LEASE_LOST" });
    expect((await other.readConnection("crm", call))?.cursor).toBe("c1");
    expect(await other.countMarks(call)).toBe(1);
  });
}
