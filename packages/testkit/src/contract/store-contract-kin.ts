import { nameKey } from "@accord/engine/store";
import type { Store } from "@accord/engine/store";
import { expect, test } from "vitest";
import { AT, beginSample, call, idsOfShard, sampleEntity } from "./store-samples.ts";

/** What the store promises of entities that name others: who they are, and that what is asked of them is kept with the decision. */
export function describeStoreKin(open: () => Promise<Store>): void {
  test("[S45] what a decision asks for is kept with it, waits for its time, and is ready once a guard's stop is approved", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const [id = 0] = await idsOfShard(store, 0, 1);
    const request = { sync, entity: id, kind: "children", body: "{}", run: null, atMs: AT, notBeforeMs: AT + 50 } as const;
    await commit({ requests: [request] });
    expect(await store.loadRequests(0, 9, AT, call)).toEqual([]);
    expect(await store.readyShards(AT, call)).toEqual({ shards: [], nextAtMs: AT + 50 });
    expect((await store.readyShards(AT + 50, call)).shards).toEqual([0]);
    const [found] = await store.loadRequests(0, 9, AT + 50, call);
    await commit({ requestsDone: [found?.id ?? 0], requests: [{ ...request, notBeforeMs: AT + 9_000 }] });
    expect(await store.loadRequests(0, 9, AT + 50, call)).toEqual([]);
    await store.tripGuard({ id: "s/crm/deletes", sync, guard: "deletes", reason: "many", trippedAtMs: AT, approvedAtMs: null }, null, call);
    await store.approveTrip("s/crm/deletes", AT + 60, call);
    expect((await store.loadRequests(0, 9, AT + 60, call)).map(({ kind }) => kind)).toEqual(["children"]);
  });

  test("[S45] entities are found by those that they name, and no longer once they name others", async () => {
    const store = await open();
    const other = await open();
    const { sync, commit } = await beginSample(store);
    const [first = 0, second = 0, third = 0] = await idsOfShard(store, 0, 3);
    const named = await store.reserveEntities(2, call);
    const naming = (id: number, record: string, ...keys: readonly (string | null)[]): Parameters<typeof commit>[0] => ({
      entities: [{ entity: sampleEntity(sync, id, [record, null]), keys }],
    });
    await commit(naming(first, "1", "a", null, nameKey(named)));
    await commit(naming(second, "2", null, null, nameKey(named + 1), nameKey(named)));
    await commit(naming(third, "3", "c", null, nameKey(named + 1)));
    const found = async (id: number, after: number | null = null, limit = 9): Promise<readonly number[]> =>
      other.listNaming(sync, id, after, limit, call);
    expect(await found(named)).toEqual([first, second]);
    expect(await found(named, first)).toEqual([second]);
    expect(await found(named, null, 1)).toEqual([first]);
    expect(await found(named + 1)).toEqual([second, third]);
    await commit(naming(first, "1", "a", null));
    await commit(naming(second, "2", null, null, nameKey(named)));
    await commit({ entities: [{ entity: sampleEntity(sync, third, ["3", null], { version: 2 }), keys: null }] });
    expect(await found(named)).toEqual([second]);
    expect(await found(named + 1)).toEqual([third]);
    expect(await store.listNaming(sync + 1, named, null, 9, call)).toEqual([]);
  });
}
