import { writeImage } from "@accord/core";
import type { Store } from "@accord/engine/store";
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
  sampleIntent,
  sampleMember,
} from "./store-samples.ts";

/** What the store promises of the creates of a plan: told in short, and taken in as they landed; and of updates that were settled as they were told. */
export function describeStoreCreates(open: () => Promise<Store>): void {
  describePlannable(open);
  describeLanded(open);
  describeSettled(open);
}

function describePlannable(open: () => Promise<Store>): void {
  test("[S60] plans are told in short of creates that a merge held, and of nothing else", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const id = await store.reserveEntities(9, call);
    const plain = (step: number) => sampleEntity(sync, id + step, [String(step), null], { version: 4 });
    const unknown = { ...sampleField(null), value: undefined };
    const entities = [
      plain(0),
      { ...plain(1), fields: [sampleField("Ada"), unknown] },
      sampleEntity(sync, id + 2, ["2", "x2"]),
      { ...plain(3), life: { kind: "deleted", side: null, atMs: AT } as const },
      plain(4),
      plain(5),
      plain(6),
      plain(7),
      plain(8),
    ];
    const held = (step: number) => sampleDue(sync, id + step, { state: "held" });
    await store.setSyncState(sync, "planned", null, call);
    await commit({
      entities: entities.map((entity) => ({ entity, keys: null })),
      due: [
        ...[0, 1, 2, 3, 8].map(held),
        sampleDue(sync, id + 4, { state: "parked" }),
        sampleDue(sync, id + 5, { state: "waiting", waitsFor: id + 99 }),
        sampleDue(sync, id + 6, { state: "ready" }),
        sampleDue(sync, id + 7, { state: "held", code: "ACCORD_UNDONE", reason: "undone" }),
      ],
      intentsOpened: [sampleIntent(sync, id + 8, "i8", { kind: "create", record: null, set: "a\tb" })],
    });
    await store.retryParked(null, AT, call);
    await commit({ arrived: [{ sync, entity: id + 99 }] });
    const listing = { sync, side: 1, states: ["ready", "held", "waiting", "parked"], after: null, limit: 99 } as const;
    const all = await store.listDue(listing, call);
    const short = {
      kind: "create",
      sync,
      side: 1,
      entity: id,
      sinceMs: AT,
      attempts: 0,
      version: 4,
      values: writeImage(["Ada", null]),
      versions: [1, 1],
    } as const;
    expect(await store.listPlannable({ ...listing, withValues: true }, call)).toEqual([short, ...all.slice(1)]);
    expect(await store.listPlannable({ ...listing, after: id, limit: 2, withValues: false }, call)).toEqual(all.slice(1, 3));
    await store.openSync("customers", { ...CONFIGURATION, digest: "two" }, call);
    expect(await store.listPlannable({ ...listing, withValues: true }, call), "found under another configuration").toEqual(
      await store.listDue(listing, call),
    );
  });
}

function describeLanded(open: () => Promise<Store>): void {
  const position = "0/1";
  test("[S29] a record that landed as it was told is a new live member, whatever was held of the entity before", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    for (const [round, place, isOverlaid] of [
      [1, 1, false],
      [2, 0, false],
      [3, 1, true],
    ] as const) {
      const id = await store.reserveEntities(3, call);
      const images = [writeImage(["Ada", null]), writeImage(["ADA", null]), writeImage(["x\ty", "\\"])];
      const entities = images.map((image, step) => {
        const member = sampleMember(`${round}${step}`, { image, position: "p" });
        return { ...sampleEntity(sync, id + step, [null, null]), members: place === 1 ? [member, null] : [null, member] };
      });
      await commit({ entities: entities.map((entity) => ({ entity, keys: ["ada", null] })), journal: [sampleEntry(sync, id)] });
      // Written twice, it is held beside its row.
      if (isOverlaid) await commit({ entities: entities.map((entity) => ({ entity, keys: null })) });
      const records = entities.map(({ id: entity }, step) => ({ entity, record: `${round}9${step}`, image: images[(step + 1) % 3] ?? "" }));
      const landed = records.map((one) => ({ sync, side: place, ack: [1, 0], position, seenAtMs: AT, ...one }));
      const counted = (await store.countState(call)).syncs[0]?.members[place] ?? 0;
      await commit({
        landed,
        journal: landed.map(({ entity }) => sampleEntry(sync, entity, { kind: "write" })),
      });
      const expected = entities.map((entity, step) => {
        const { record = "", image = "" } = records[step] ?? {};
        const member = sampleMember(record, { image, position, seenAtMs: AT, ack: [1, 0], intent: null, retired: [] });
        return { ...entity, members: entity.members.map((old, side) => (side === place ? member : old)) };
      });
      expect(await store.loadEntities([id, id + 1, id + 2], call)).toEqual(expected);
      expect(await store.findLinks(sync, place, [`${round}90`, `${round}91`, `${round}92`], call)).toEqual([id, id + 1, id + 2]);
      expect((await store.countState(call)).syncs[0]?.members[place]).toBe(counted + 3);
      const story = await store.readJournal({ entity: id, limit: 9 }, call);
      expect(story.map(({ kind }) => kind)).toEqual(["write", "merge"]);
      const others = landed.map((one) => ({ ...one, record: `${one.record}8` }));
      await expect(commit({ landed: others }), "[S34] it has a record now").rejects.toThrow();
    }
  });
}

function describeSettled(open: () => Promise<Store>): void {
  test("[S29] a record that an update left as it was told is so from then on, and nothing else of its entity changes", async () => {
    const store = await open();
    const { sync, commit } = await beginSample(store);
    const images = [writeImage(["Ada", null]), writeImage(["ADA", null]), writeImage(["x\ty", "\\"]), null];
    const id = await store.reserveEntities(images.length ** 2, call);
    let entities = images.flatMap((one, row) =>
      images.map((other, column) => {
        const step = row * images.length + column;
        const members = [
          sampleMember(`1${step}`, { image: one, ack: [2, 1], incarnation: 2, retired: ["9"] }),
          sampleMember(`2${step}`, { image: other, ack: [1, 1] }),
        ];
        return sampleEntity(sync, id + step, [null, null], { version: 2, members });
      }),
    );
    await commit({ entities: entities.map((entity) => ({ entity, keys: null })) });
    const expectAll = async (): Promise<void> => {
      expect(
        await store.loadEntities(
          entities.map((entity) => entity.id),
          call,
        ),
      ).toEqual(entities);
    };
    for (const [step, image] of [...images, ...images].entries()) {
      const side = step % 2;
      if (step === 5) {
        // Rows of before keep the order of fields of then.
        const sides = CONFIGURATION.sides.map((one) => ({ ...one, columns: one.columns.toReversed() }));
        await store.openSync("customers", { ...CONFIGURATION, digest: "two", fields: CONFIGURATION.fields.toReversed(), sides }, call);
        const loaded = await store.loadEntities(
          entities.map((entity) => entity.id),
          call,
        );
        expect(loaded.map(({ fields }) => fields.map(({ value }) => value))).toEqual(entities.map(() => [null, "Ada"]));
        entities = [...loaded];
      }
      const ack = [step + 3, 2];
      const changed = { image: image ?? writeImage(["Ada", null]), ack, position: `0/${step}`, seenAtMs: AT + step };
      const landed = entities.map((entity) => ({ sync, side, entity: entity.id, record: entity.members[side]?.record ?? "", ...changed }));
      await commit({ landed, journal: landed.map(({ entity }) => sampleEntry(sync, entity, { kind: "write" })) });
      entities = entities.map((entity) => ({
        ...entity,
        members: entity.members.map((old, place) => (old === null || place !== side ? old : { ...old, ...changed })),
      }));
      await expectAll();
      expect(await store.readJournal({ entity: id, limit: 99 }, call)).toHaveLength(step + 1);
    }
    // What is written whole in the same commit is written first.
    const [first] = entities;
    if (first === undefined) throw new Error("there are entities");
    const changed = { image: writeImage(["Bob", null]), ack: [9, 9], position: "0/9", seenAtMs: AT };
    const entity = { ...first, version: 9 };
    await commit({
      entities: [{ entity, keys: null }],
      landed: [{ sync, side: 1, entity: id, record: "20", ...changed }],
      journal: [sampleEntry(sync, id)],
    });
    const members = entity.members.map((old, side) => (old === null || side === 0 ? old : { ...old, ...changed }));
    entities = entities.map((one) => (one.id === id ? { ...entity, members } : one));
    await expectAll();
    expect(await store.readJournal({ entity: id, limit: 99 }, call)).toHaveLength(9);
  });
}
