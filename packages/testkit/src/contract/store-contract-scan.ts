import type { EntityPage, Store } from "@accord/engine/store";
import { expect, test } from "vitest";
import { AT, beginSample, call, CONFIGURATION, sampleEntity, sampleField, sampleMember } from "./store-samples.ts";

/** What sweeps and verifications read: the bounds of ranges of records, and entities as columns. */
export function describeStoreScan(open: () => Promise<Store>): void {
  test("[S8] bounds cut the records of a side into ranges of equal length, in listing order", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    expect(await store.listBounds(sync, 0, 2, call)).toEqual([]);
    const id = await store.reserveEntities(5, call);
    const records: readonly [string, string | null][] = [
      ["10", "b"],
      ["9", "B"],
      ["-3", "é"],
      ["9007199254740993", "a"],
      ["100", null],
    ];
    await commit({ entities: records.map((pair, index) => ({ entity: sampleEntity(sync, id + index, pair), keys: null })) });
    expect(await store.listBounds(sync, 0, 2, call)).toEqual(["9", "100"]);
    expect(await store.listBounds(sync, 0, 5, call)).toEqual(["9007199254740993"]);
    expect(await store.listBounds(sync, 1, 1, call)).toEqual(["B", "a", "b", "é"]);
    expect(await store.listBounds(sync, 1, 5, call)).toEqual([]);
  });

  test("[S8] a scan shows the values of entities, and what each side holds of them, page by page", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(4, call);
    const review = { openedAtMs: AT, reason: "two edits at once", candidates: [undefined, "Eve"] };
    const gone = { life: { kind: "deleted", side: 0, atMs: AT }, members: [sampleMember("3", { state: "deleted" }), null] } as const;
    const entities = [
      sampleEntity(sync, id, ["1", "a"], {
        fields: [sampleField("Ada\t\\N"), sampleField(undefined)],
        members: [sampleMember("1", { image: "Ada\tnote" }), sampleMember("a", { state: "outOfScope", image: "Ada\tnote" })],
      }),
      sampleEntity(sync, id + 1, ["2", null], { fields: [sampleField("Bob", { review }), sampleField(null)] }),
      sampleEntity(sync, id + 2, ["3", null], gone),
      sampleEntity(sync, id + 3, ["4", "d"], { members: [sampleMember("4", { image: null }), sampleMember("d", { state: "archived" })] }),
    ];
    await commit({ entities: entities.map((entity) => ({ entity, keys: null })) });
    const first = await store.scanEntities(sync, null, 3, call);
    const last = await store.scanEntities(sync, id + 2, 3, call);
    expect([first.ids, last.ids]).toEqual([[id, id + 1, id + 2], [id + 3]]);
    expect(first.values).toEqual(["Ada\\t\\\\N\t\\U", "Bob\t\\N", "Ada\t\\N"]);
    expect([first.isPlain, last.isPlain]).toEqual([[true, false, false], [true]]);
    expect(seenOf(first, 0)).toEqual(["1 live Ada\tnote", "2 live name of 2\tnote", "3 deleted name of 3\tnote"]);
    expect(seenOf(first, 1)).toEqual(["a outOfScope Ada\tnote", null, null]);
    expect([seenOf(last, 0), seenOf(last, 1)]).toEqual([["4 live null"], ["d archived name of d\tnote"]]);
    expect((await store.scanEntities(sync, id + 3, 3, call)).ids).toEqual([]);
  });

  test("[S51] a scan and a list of members show values and images in the order of today's fields and columns", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(2, call);
    const members = [sampleMember("1", { image: "x\ty" }), sampleMember("a", { image: "x\ty" })];
    const fields = [sampleField("Ada"), sampleField("noted")];
    await commit({ entities: [{ entity: sampleEntity(sync, id, ["1", "a"], { members, fields }), keys: null }] });
    const sides = CONFIGURATION.sides.map((side, place) => (place === 0 ? { ...side, columns: ["b", "c", "a"] } : side));
    await store.openSync("customers", { ...CONFIGURATION, digest: "two", sides, fields: ["note", "phone", "name"] }, call);
    const newer = sampleEntity(sync, id + 1, ["2", null], {
      fields: [sampleField("n"), sampleField("p"), sampleField("m")],
      members: [sampleMember("2", { image: "1\t2\t3", ack: [1, 1, 1] }), null],
    });
    await commit({ entities: [{ entity: newer, keys: null }] });
    const page = await store.scanEntities(sync, null, 9, call);
    expect(page.values).toEqual(["noted\t\\U\tAda", "n\tp\tm"]);
    expect([seenOf(page, 0), seenOf(page, 1)]).toEqual([
      ["1 live y\t\\U\tx", "2 live 1\t2\t3"],
      ["a live x\ty", null],
    ]);
    expect((await store.listMembers(sync, 0, null, 9, call)).map(({ image }) => image)).toEqual(["y\t\\U\tx", "1\t2\t3"]);
  });
}

/** Record, state and image of one side's members; null where there is none. */
function seenOf({ ids, members }: EntityPage, side: number): (string | null)[] {
  const columns = members[side];
  return ids.map((_, at) =>
    (columns?.records[at] ?? null) === null ? null : `${columns?.records[at]} ${columns?.states[at]} ${columns?.images[at]}`,
  );
}
