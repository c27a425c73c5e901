import { equalValues, getRecord, imageOf, NO_REFERENCES, readImage } from "@accord/core";
import { Stage, STAGE_OBJECT, STAGE_SYNC, UNCANCELLED } from "@accord/testkit";
import type { FakeObject, StageOptions, StageSync } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EngineContext, RunningSync } from "./context.ts";
import { sweep } from "./list.ts";
import { verify } from "./verify.ts";
import type { Difference } from "./verify.ts";

function only(context: EngineContext): RunningSync {
  const [sync] = context.syncs;
  if (sync === undefined) throw new RangeError("no sync");
  return sync;
}

/** Differences as texts, sorted. */
async function found(stage: Stage, context: EngineContext): Promise<string[]> {
  return (await stage.differences(context)).map(spell).toSorted();
}

function spell({ side, record, kind, field }: Difference): string {
  return [kind, side, record, field].filter((part) => part !== null).join(" ");
}

/** Every record and every member looked up one by one: what verify must find, the plain way. Without references, filters and one-way fields. */
async function foundPlainly(context: EngineContext): Promise<string[]> {
  const sync = only(context);
  const texts: string[] = [];
  for (const [side, object] of sync.objects.entries()) {
    const name = sync.model.sides[side]?.name ?? "";
    const listed = new Map<string, string>();
    for await (const page of object.list(null, { ...UNCANCELLED, pageSize: 1_000 }))
      page.ids.forEach((record, at) => listed.set(record, page.images[at] ?? ""));
    const members = await context.store.listMembers(sync.id, side, null, 10_000, UNCANCELLED);
    for (const { record, state, image } of members) {
      const now = listed.get(record);
      listed.delete(record);
      if (now === undefined) {
        if (state === "live") texts.push(`missing ${name} ${record}`);
      } else if (state === "deleted" || state === "absent") texts.push(`surplus ${name} ${record}`);
      else if (now !== image) texts.push(`unseen ${name} ${record}`);
    }
    for (const record of listed.keys()) texts.push(`unlinked ${name} ${record}`);
  }
  for (const entity of await context.store.listEntities(sync.id, null, 10_000, UNCANCELLED)) {
    for (const [side, { name, mapping }] of sync.model.sides.entries()) {
      const member = entity.members[side] ?? null;
      const isThere = member?.state === "live";
      if (entity.life.kind === "deleted") {
        if (isThere) texts.push(`surplus ${name} ${member.record ?? ""}`);
        continue;
      }
      if (!isThere) {
        const isOwed = entity.members.some((other) => other?.state === "live") && (member?.state ?? "absent") === "absent";
        if (isOwed) texts.push(`absent ${name}`);
        continue;
      }
      const cells = readImage(member.image ?? "");
      const shadow = getRecord(mapping, cells, NO_REFERENCES).values;
      for (const [index, { type, name: field }] of sync.model.fields.entries()) {
        const own = mapping.fields[index];
        const value = entity.fields[index]?.value;
        if (!own || value === undefined || equalValues(type, imageOf(own, value, cells, NO_REFERENCES), shadow[index])) continue;
        if (entity.fields[index]?.review === null) texts.push(`value ${name} ${member.record ?? ""} ${field}`);
      }
    }
  }
  return texts.toSorted();
}

/** Something that happens behind Accord's back, at a record of a side. */
const MISHAPS = ["edit", "delete", "insert", "forget", "value", "image", "state"] as const;
const mishap = fc.record({ what: fc.constantFrom(...MISHAPS), side: fc.nat(1), at: fc.nat(30) });

function happen(stage: Stage, { what, side, at }: typeof mishap extends fc.Arbitrary<infer One> ? One : never): void {
  const system = stage.system(side);
  const ids = [...system.records("customers").keys()];
  const record = ids[at % ids.length] ?? "";
  const entities = [...stage.state.entities.values()];
  const entity = entities[at % entities.length];
  if (what === "insert") system.user.insert("customers", { email: `n${side}${at}${ids.length}@x.org` });
  else if (what === "edit" && ids.length > 0) system.user.update("customers", record, { name: `Edited ${at}` });
  else if (what === "delete" && ids.length > 0) system.user.delete("customers", record);
  if (entity === undefined) return;
  const member = entity.members[side] ?? null;
  const put = (changed: Partial<typeof entity>): void => void stage.state.entities.set(entity.id, { ...entity, ...changed });
  const putMember = (changed: object | null): void =>
    put({
      members: entity.members.map((one, place) =>
        place !== side || one === null ? one : changed === null ? null : { ...one, ...changed },
      ),
    });
  if (what === "value") put({ fields: entity.fields.map((field, place) => (place === at % 3 ? { ...field, value: "12.5" } : field)) });
  else if (what === "image") putMember({ image: member?.image?.replace("Ann", "Eve") ?? null });
  else if (what === "state") putMember({ state: "deleted" });
  else if (what === "forget" && member !== null) {
    putMember(null);
    stage.state.links.delete(`1/${side}/${member.record ?? ""}`);
  }
}

describe("verify", () => {
  test("[I1] finds exactly what looking at every record and member one by one finds", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 14 }),
        fc.integer({ min: 1, max: 7 }),
        fc.array(mishap, { maxLength: 6 }),
        async (count, listPage, mishaps) => {
          const stage = new Stage({ limits: { listPage } });
          for (let index = 0; index < count; index += 1) {
            stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Ann", amount: "1.50" });
            stage.erp.user.insert("customers", { email: `u${count - 1 - index}@x.org`, name: "Ann", amount: "1.5" });
          }
          const context = await stage.goLive();
          for (const one of mishaps) happen(stage, one);
          expect(await found(stage, context)).toEqual(await foundPlainly(context));
        },
      ),
      { numRuns: 150 },
    );
  });

  test("[S8] a sweep marks what verify finds at its side, and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.array(mishap, { maxLength: 5 }), async (listPage, mishaps) => {
        const stage = new Stage({ limits: { listPage } });
        for (let index = 0; index < 9; index += 1) stage.crm.user.insert("customers", { email: `u${index}@x.org`, name: "Ann" });
        const context = await stage.goLive();
        for (const one of mishaps) if (one.what === "edit" || one.what === "insert" || one.what === "delete") happen(stage, one);
        for (const side of [0, 1]) {
          const name = only(context).model.sides[side]?.name ?? "";
          const differing = (await found(stage, context)).filter((text) => text.includes(` ${name} `));
          const swept = await sweep(context, only(context), side, UNCANCELLED);
          expect(swept).toMatchObject({ marks: differing.length, isComplete: true, records: stage.system(side).records("customers").size });
        }
      }),
      { numRuns: 80 },
    );
  });

  test("[S15] what a lossy side holds as well as it can agrees; the same at a side that could hold more does not", async () => {
    const cut: FakeObject = {
      ...STAGE_OBJECT,
      columns: STAGE_OBJECT.columns.map((column) => (column.name === "name" ? { ...column, lengthMax: 3, lossy: "cut" as const } : column)),
    };
    const stage = new Stage({ systems: [{ name: "crm", objects: [cut] }, { name: "erp" }] });
    stage.erp.user.insert("customers", { email: "a@x.org", name: "Annabel", amount: "1.00" });
    const context = await stage.goLive();
    const [left, right] = [stage.idOf(stage.crm, { email: "a@x.org" }), stage.idOf(stage.erp, { email: "a@x.org" })];
    expect([stage.rows(stage.crm, ["name"]), stage.rows(stage.erp, ["name"])]).toEqual([["Ann"], ["Annabel"]]);
    expect(await found(stage, context)).toEqual([]);
    const entity = stage.state.entities.get(stage.entityOf(0, left));
    if (entity === undefined) throw new RangeError("no entity");
    // Both sides show one and the same image.
    const [cutMember, whole] = entity.members;
    if (!cutMember || !whole) throw new RangeError("no members");
    stage.erp.user.update("customers", right, { name: "Ann" });
    stage.state.entities.set(entity.id, { ...entity, members: [cutMember, { ...whole, image: cutMember.image }] });
    expect(await found(stage, context)).toEqual([`value erp ${right} name`]);
    stage.state.entities.set(entity.id, {
      ...entity,
      fields: entity.fields.map((field, at) => (at === 1 ? { ...field, value: "Berta" } : field)),
    });
    expect(await found(stage, context)).toEqual([`unseen erp ${right}`, `value crm ${left} name`, `value erp ${right} name`]);
  });

  test("[S42] a record out of scope may change as it likes; one that is back, or that left, has not been taken in", async () => {
    const sync: StageSync = { ...STAGE_SYNC, sides: [{ filter: ({ name }) => name !== "Out" }, {}] };
    const { stage, context, left } = await agreed({ syncs: [sync] });
    const outside = stage.crm.user.insert("customers", { email: "b@x.org", name: "Out" });
    await stage.settle(context);
    expect(await found(stage, context)).toEqual([]);
    stage.crm.user.update("customers", outside, { email: "c@x.org" });
    expect(await found(stage, context)).toEqual([]);
    stage.crm.user.update("customers", outside, { name: "In" });
    stage.crm.user.update("customers", left, { name: "Out" });
    expect(await found(stage, context)).toEqual([`unseen crm ${left}`, `unseen crm ${outside}`]);
    stage.crm.user.delete("customers", outside);
    stage.crm.user.insert("customers", { email: "new@x.org", name: "Out" });
    expect(await found(stage, context)).toEqual([`unseen crm ${left}`]);
  });

  test("[S38] an archived record agrees while it stays archived, and a deleted one while it stays away", async () => {
    const archive = { column: "note", cell: "gone", restored: "back" };
    const { stage, context, left, right } = await agreed({ syncs: [{ ...STAGE_SYNC, sides: [{}, { archive }] }] });
    stage.crm.user.delete("customers", left);
    await stage.settle(context);
    expect(stage.rows(stage.erp, ["note"])).toEqual(["gone"]);
    expect(await found(stage, context)).toEqual([]);
    stage.erp.user.update("customers", right, { name: "Changed" });
    expect(await found(stage, context)).toEqual([`unseen erp ${right}`]);
    stage.erp.user.update("customers", right, { note: "here" });
    expect(await found(stage, context)).toEqual([`unseen erp ${right}`]);
  });

  test("[I1] what users change and Accord takes in meanwhile is no difference", async () => {
    const { stage, left } = await agreed({});
    const live = await stage.context();
    let scans = 0;
    const context = await stage.context({
      holder: "verifier",
      wrapStore: (store) => ({
        ...store,
        scanEntities: async (...scanned) => {
          scans += 1;
          if (scans > 1) return store.scanEntities(...scanned);
          // Until both sides are listed.
          for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
          stage.crm.user.update("customers", left, { name: "Changed" });
          stage.crm.user.insert("customers", { email: "new@x.org" });
          await stage.settle(live);
          return store.scanEntities(...scanned);
        },
      }),
    });
    expect(await stage.differences(context)).toEqual([]);
    expect(stage.rows(stage.erp, ["name"])).toEqual(["", "Changed"]);
    expect(scans).toBe(1);
  });

  test("[S44] references are followed on both sides", async () => {
    const companies: FakeObject = {
      name: "companies",
      key: ["id"],
      columns: [
        { name: "id", type: "integer", generated: true },
        { name: "code", type: "text" },
      ],
    };
    const customers: FakeObject = {
      ...STAGE_OBJECT,
      columns: [...STAGE_OBJECT.columns, { name: "company", type: "integer", nullable: true }],
    };
    const stage = new Stage({
      objects: [companies, customers],
      syncs: [
        { name: "companies", object: "companies", fields: [{ name: "code" }], match: [["code"]] },
        { ...STAGE_SYNC, fields: [{ name: "email" }, { name: "company", reference: "companies" }] },
      ],
    });
    const [, second] = ["ACME", "Globex"].map((code) => stage.crm.user.insert("companies", { code }));
    stage.crm.user.insert("customers", { email: "a@x.org", company: second ?? null });
    const context = await stage.goLive();
    expect(await verify(context, () => {}, UNCANCELLED)).toEqual({ records: 6, entities: 3, differences: 0, exempt: 0 });
    const entity = stage.state.entities.get(stage.entityOf(0, stage.idOf(stage.crm, { email: "a@x.org" }), 2));
    if (entity === undefined) throw new RangeError("no entity");
    stage.state.entities.set(entity.id, {
      ...entity,
      fields: entity.fields.map((field, at) => (at === 1 ? { ...field, value: "1" } : field)),
    });
    expect((await found(stage, context)).map((text) => text.split(" ")[0])).toEqual(["value", "value"]);
  });

  test("[S8] a side that has grown to many times its size is gone through in pieces", async () => {
    const stage = new Stage({ limits: { listPage: 2 } });
    stage.crm.user.insert("customers", { email: "first@x.org" });
    const context = await stage.goLive();
    for (let index = 0; index < 40; index += 1) stage.crm.user.insert("customers", { email: `u${index}@x.org` });
    expect(await found(stage, context)).toHaveLength(40);
    expect(await sweep(context, only(context), 0, UNCANCELLED)).toMatchObject({ records: 41, marks: 40, isComplete: true });
  });
});

/** A customer at both sides, in agreement. */
async function agreed(
  options: StageOptions,
): Promise<{ readonly stage: Stage; readonly context: EngineContext; readonly left: string; readonly right: string }> {
  const stage = new Stage(options);
  stage.crm.user.insert("customers", { email: "a@x.org", name: "Annabel", amount: "1.00" });
  const context = await stage.goLive();
  await stage.settle(context);
  return { stage, context, left: stage.idOf(stage.crm, { email: "a@x.org" }), right: stage.idOf(stage.erp, { email: "a@x.org" }) };
}
