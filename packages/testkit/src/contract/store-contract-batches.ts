import type { Intent, Store } from "@accord/engine/store";
import { expect, test } from "vitest";
import {
  allMarks,
  AT,
  beginSample,
  call,
  idsOfShard,
  NO_CHANGES,
  pullOf,
  sampleDue,
  sampleEntity,
  sampleEntry,
  sampleIntent,
  sampleMark,
} from "./store-samples.ts";

/** As many as a store may keep together in one place, and some more. */
const MANY = 700;

/** What the store promises of batches: what it keeps together or in memory shows nowhere. */
export function describeStoreBatches(open: () => Promise<Store>): void {
  describeIntentsInPart(open);
  describePassingOver(open);
  describeOtherProcesses(open);

  test("[S60] operations of a plan come in their order, wherever a page of them begins and whatever their texts hold", async () => {
    const store = await open();
    const { sync } = await beginSample(store);
    const plan = await store.startPlan({ run: 1, createdAtMs: AT }, call);
    const operation = (entity: number) =>
      ({
        sync,
        side: entity % 2,
        entity,
        kind: "update",
        record: entity % 3 === 0 ? null : `r\t${entity}`,
        entityVersion: 2,
        imageDigest: "",
        detail: `{"name":["a\\nb","${entity}"]}`,
      }) as const;
    const operations = Array.from({ length: MANY }, (_, index) => operation(index + 1));
    await store.addOperations(plan, operations.slice(0, MANY - 100), call);
    await store.addOperations(plan, [], call);
    await store.addOperations(plan, operations.slice(MANY - 100), call);
    const listed: Awaited<ReturnType<Store["listOperations"]>>[number][] = [];
    for (let after = 0; ;) {
      const page = await (await open()).listOperations(plan, after, 130, call);
      listed.push(...page);
      after = page.at(-1)?.ordinal ?? 0;
      if (page.length < 130) break;
    }
    expect(listed).toEqual(operations.map((one, index) => ({ ...one, ordinal: listed[index]?.ordinal })));
    expect(listed.every(({ ordinal }, index) => index === 0 || ordinal > (listed[index - 1]?.ordinal ?? 0))).toBe(true);
    const next = await store.startPlan({ run: 2, createdAtMs: AT }, call);
    expect(await store.listOperations(next, 0, 9, call)).toEqual([]);
  });
}

/** Entities with a due write at side 1, and an intent for each. */
async function openMany(store: Store, count: number) {
  const { sync, commit } = await beginSample(store);
  const ids = await idsOfShard(store, 0, count);
  const intents = ids.map((id, index) => sampleIntent(sync, id, `i${index}`, { record: `e${index}`, deadlineMs: AT + 100 + index }));
  await commit({
    entities: ids.map((id, index) => ({ entity: sampleEntity(sync, id, [String(index), `e${index}`]), keys: null })),
    due: ids.map((id, index) => sampleDue(sync, id, { sinceMs: AT + index })),
  });
  return { sync, commit, ids, intents };
}

const openIds = async (store: Store, limit = MANY): Promise<string[]> => (await store.loadOpenIntents(0, limit, call)).map(({ id }) => id);

/** A third, and not the first. */
function staysOpen(intent: Intent, index: number): boolean {
  return index % 3 === 0 && intent.id !== "i0";
}

function describeIntentsInPart(open: () => Promise<Store>): void {
  test("[S29, S33] intents opened in one commit are closed in any parts; the others stay as they were, in every process", async () => {
    const store = await open();
    const other = await open();
    const { commit, intents, ids, sync } = await openMany(store, MANY);
    await commit({ intentsOpened: intents });
    expect(await openIds(other)).toHaveLength(MANY);
    expect(await openIds(store, 5)).toHaveLength(5);
    await commit({ intentsClosed: intents.filter((intent, index) => !staysOpen(intent, index)).map(({ id }) => id) });
    const left = intents.filter(staysOpen);
    for (const one of [store, other, await open()]) {
      const loaded = await one.loadOpenIntents(0, MANY, call);
      expect(loaded).toEqual(left.map((intent, index) => ({ ...intent, stored: loaded[index]?.stored })));
      expect(loaded.map(({ stored }) => stored.members[1]?.intent)).toEqual(left.map(({ id }) => id));
    }
    const [free = 0, , , blocked = 0] = ids;
    await expect(commit({ intentsOpened: [sampleIntent(sync, blocked, "again")] })).rejects.toThrow();
    await commit({ intentsOpened: [sampleIntent(sync, free, "again", { openedAtMs: AT + 9 })] });
    expect((await openIds(other)).at(-1)).toBe("again");
    await commit({ intentsClosed: [...left.map(({ id }) => id), "again", "never opened"] });
    for (const one of [store, other]) expect(await openIds(one)).toEqual([]);
  });

  test("[S29] what a failed commit opened or closed is as it was", async () => {
    const store = await open();
    const { commit, intents, sync } = await openMany(store, 4);
    const [first, second, third, fourth] = intents;
    if (first === undefined || second === undefined || third === undefined || fourth === undefined) throw new Error("four were made");
    await commit({ intentsOpened: [first, second] });
    await expect(commit({ intentsClosed: ["i0"], intentsOpened: [third, { ...fourth, entity: second.entity }] })).rejects.toThrow();
    expect(await openIds(store)).toEqual(["i0", "i1"]);
    expect(await store.openCreates(sync, 1, call)).toEqual([]);
    await commit({ intentsClosed: ["i0"], intentsOpened: [third, fourth] });
    expect(await openIds(store)).toEqual(["i1", "i2", "i3"]);
  });

  test("[S31] the next deadline is the earliest that is still to come", async () => {
    const store = await open();
    const { commit, intents, ids, sync } = await openMany(store, 3);
    await commit({ intentsOpened: intents, dueDone: ids.map((entity) => ({ sync, side: 1, entity })) });
    expect(await store.readyShards(AT, call)).toEqual({ shards: [], nextAtMs: AT + 100 });
    expect(await store.readyShards(AT + 100, call)).toEqual({ shards: [0], nextAtMs: AT + 101 });
    await commit({ intentsClosed: ["i0", "i1"] });
    expect(await store.readyShards(AT + 100, call)).toEqual({ shards: [], nextAtMs: AT + 102 });
  });
}

function describePassingOver(open: () => Promise<Store>): void {
  test("[S33] work behind very many blocked members is found", async () => {
    const store = await open();
    const { commit, intents, ids, sync } = await openMany(store, MANY);
    const query = { shard: 0, sync, side: 1, limit: 10, nowMs: AT };
    await commit({ intentsOpened: intents.slice(0, MANY - 3) });
    expect((await store.loadDue(query, call)).map(({ entity }) => entity)).toEqual(ids.slice(-3));
    expect((await store.readyShards(AT, call)).shards).toEqual([0]);
    await commit({ intentsOpened: intents.slice(MANY - 3) });
    expect(await store.loadDue(query, call)).toEqual([]);
    expect((await store.readyShards(AT, call)).shards).toEqual([]);
    await commit({ intentsClosed: intents.slice(300, 304).map(({ id }) => id) });
    expect((await store.loadDue({ ...query, limit: 3 }, call)).map(({ entity }) => entity)).toEqual(ids.slice(300, 303));
    expect((await store.readyShards(AT, call)).shards).toEqual([0]);

    const marks = ids.map((_, index) => sampleMark(sync, `e${index}`, { side: 1 }));
    await store.commitPull(pullOf(...marks), call);
    expect((await store.loadMarks(0, 3, AT, call)).map(({ record }) => record)).toEqual(["e300", "e301", "e302"]);
    expect((await allMarks(store)).map(({ record }) => record)).toEqual(["e300", "e301", "e302", "e303"]);
    await commit({
      intentsOpened: [300, 301, 302, 303].map((index) => ({ ...(intents[index] ?? sampleIntent(sync, 0, "")), id: `j${index}` })),
    });
    expect((await store.readyShards(AT, call)).shards).toEqual([]);
  });

  test("[S60] very many named writes are released and retried at once, and no other", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const ids = await idsOfShard(store, 0, 1_200);
    const due = ids.map((id, index) => sampleDue(sync, id, { state: index % 2 === 0 ? "held" : "parked" }));
    await commit({ entities: ids.map((id) => ({ entity: sampleEntity(sync, id, [String(id), null]), keys: null })), due });
    const named = ids.slice(0, 1_100).map((entity) => ({ sync, side: 1, entity }));
    await store.releaseDue(sync, named, AT, call);
    const counts = async () => Object.fromEntries((await store.countDue(call)).map(({ state, count }) => [state, count]));
    expect(await counts()).toEqual({ ready: 550, held: 50, parked: 600 });
    expect(await store.retryParked(named, AT, call)).toBe(550);
    expect(await counts()).toEqual({ ready: 550, held: 600, parked: 50 });
  });
}

function describeOtherProcesses(open: () => Promise<Store>): void {
  test("[S54, S34] an entity that another process has changed since it was loaded is written over what it is now", async () => {
    const store = await open();
    const other = await open();
    const { sync, commit } = await beginSample(store);
    const [id = 0] = await idsOfShard(store, 0, 1);
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", "a"]), keys: ["k1", null] }], journal: [sampleEntry(sync, id)] });
    await store.loadEntities([id], call);
    const lease = await other.takeLease("shard:0", "test", AT + 60_000, AT, call);
    if (lease === null) throw new Error("the holder is the same");
    const moved = sampleEntity(sync, id, ["2", "b"], { version: 2 });
    await other.commit(lease, { ...NO_CHANGES, entities: [{ entity: moved, keys: ["k2", null] }], journal: [sampleEntry(sync, id)] }, call);
    await commit({
      entities: [{ entity: sampleEntity(sync, id, ["1", "a"], { version: 3 }), keys: null }],
      journal: [sampleEntry(sync, id)],
    });
    for (const one of [store, other]) {
      expect(await one.findLinks(sync, 0, ["1", "2"], call)).toEqual([id, null]);
      expect(await one.findLinks(sync, 1, ["a", "b"], call)).toEqual([id, null]);
      expect(await one.readJournal({ entity: id, limit: 9 }, call)).toHaveLength(3);
    }
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", null], { version: 4 }), keys: null }] });
    const [match] = await store.findMatches(sync, 1, [{ record: "x", keys: ["k2", null] }], call);
    expect(match?.[0]?.entities).toEqual([id]);
  });

  test("[I14] an entry without its entity comes between those with it in the entity's history", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const [id = 0] = await idsOfShard(store, 0, 1);
    const write = (version: number) => ({ entity: sampleEntity(sync, id, ["1", "a"], { version }), keys: null });
    await commit({ entities: [write(1)], journal: [sampleEntry(sync, id, { payload: "one" })] });
    await commit({ journal: [sampleEntry(sync, id, { payload: "two" }), sampleEntry(sync, id, { payload: "three" })] });
    await commit({ entities: [write(2)], journal: [sampleEntry(sync, id, { payload: "four" })] });
    const history = await store.readJournal({ entity: id, limit: 9 }, call);
    expect(history.map(({ payload }) => payload)).toEqual(["four", "three", "two", "one"]);
  });
}
