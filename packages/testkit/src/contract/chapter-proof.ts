/* oxlint-disable eslint/max-lines-per-function -- a chapter is a list of tests */
import { expect } from "vitest";
import type { Rule } from "./rule.ts";
import type { Stage } from "./stage.ts";
import type { OpenObject } from "@accord/engine/connector";

/** Proof rows, external ids, the store's mark, and what is installed. */
export function proofRules(rule: Rule): void {
  rule(
    "[S27, S31] proof is found of exactly the intents that landed, with the record of each",
    ["proof", "compareAndSet"],
    async (stage) => {
      const object = await stage.installed();
      const id = await stage.customer({ note: "n" });
      const create = stage.create(object, { name: "Bea" });
      const made = await stage.applied(object, create);
      const update = stage.update(object, id, { name: "Cay" }, { note: "n" });
      const stale = stage.update(object, made.record, { name: "Dan" }, { note: "old" });
      const missing = stage.update(object, "987654321", { name: "Dan" });
      const poison = stage.create(object, { name: null });
      for (const operation of [update, stale, missing, poison]) await stage.writeOne(object, operation);
      const asked = [create, update, stale, missing, poison].map(({ intent }) => intent);
      const proofs = await object.findProofs([...asked, "never sent"], stage.options);
      expect(new Map(proofs)).toEqual(
        new Map([
          [create.intent, made.record],
          [update.intent, id],
        ]),
      );
      expect((await object.findProofs([], stage.options)).size).toBe(0);
    },
  );

  rule(
    "[S27] proof is found of the latest intent of an entity, of updates after creates and of deletes, by any connection",
    ["proof"],
    async (stage) => {
      const object = await stage.installed();
      const create = stage.create(object, { name: "Bea" }, 501);
      const { record } = await stage.applied(object, create);
      for (const operation of [
        stage.update(object, record, { name: "Cay" }, {}, 501),
        stage.update(object, record, { name: "Dan" }, {}, 501),
        stage.delete(object, record, {}, 501),
      ]) {
        await stage.applied(object, operation);
        const other = stage.world.connect();
        const door = await other.open(object.schema.name, object.columns, stage.options);
        expect(new Map(await door.findProofs([operation.intent], stage.options))).toEqual(new Map([[operation.intent, record]]));
        await other.close();
      }
    },
  );

  rule("[S27] proof rows of one object are not found at another", ["proof"], async (stage) => {
    const customers = await stage.installed();
    const regions = await stage.open("regions");
    const operation = stage.create(customers, { name: "Bea" });
    await stage.applied(customers, operation);
    expect((await regions.findProofs([operation.intent], stage.options)).size).toBe(0);
    if (stage.facts.externalId) expect((await regions.findByEntity([operation.entity], stage.options)).size).toBe(0);
  });

  rule("[S35] the record of an entity is found, live or deleted, and of unknown entities nothing", ["externalId"], async (stage) => {
    const object = await stage.installed();
    const kept = await stage.applied(object, stage.create(object, { name: "kept" }, 501));
    const gone = await stage.applied(object, stage.create(object, { name: "gone" }, 502));
    await stage.user.delete("customers", [gone.record]);
    const found = await object.findByEntity([501, 502, 503], stage.options);
    expect(new Map(found)).toEqual(
      new Map([
        [501, kept.record],
        [502, gone.record],
      ]),
    );
  });

  rule(
    "[S27, S35] of many creates in one batch each has its proof and its entity, and none is made twice",
    ["proof", "externalId"],
    async (stage) => {
      const object = await stage.installed();
      const entities = Array.from({ length: Math.min(100, object.capabilities.batchSizeMax) }, (_, index) => 1000 + index);
      const creates = entities.map((entity) => stage.create(object, { name: `e${entity}` }, entity));
      const outcomes = await stage.write(object, creates);
      const records = outcomes.map((outcome) => (outcome.kind === "applied" ? outcome.record : outcome.kind));
      const proofs = await object.findProofs(
        creates.map(({ intent }) => intent),
        stage.options,
      );
      expect(new Map(proofs)).toEqual(new Map(creates.map(({ intent }, index) => [intent, records[index]])));
      expect(new Map(await object.findByEntity(entities, stage.options))).toEqual(
        new Map(entities.map((entity, index) => [entity, records[index]])),
      );
      expect(await stage.write(object, creates)).toEqual(records.map((record) => ({ kind: "exists", record })));
      expect((await stage.list(object)).ids).toHaveLength(entities.length);
    },
  );

  rule("[S58] an update tells which entity its record belongs to as well as a create does", ["externalId"], async (stage) => {
    const object = await stage.installed();
    const id = await stage.customer();
    await stage.applied(object, stage.update(object, id, { name: "Bea" }, {}, 501));
    expect(new Map(await object.findByEntity([501], stage.options))).toEqual(new Map([[501, id]]));
    await stage.applied(object, stage.update(object, id, { name: "Cay" }, {}, 502));
    const links = await linksOf(stage, object, null);
    expect(links.filter(([, record]) => record === id)).toEqual([[502, id]]);
  });

  rule("[S58] all links are listed in the order of entities, and from any of them on", ["externalId"], async (stage) => {
    const object = await stage.installed();
    const entities = [3, 10, 7, 2 ** 36 + 1, 100, 2 ** 36];
    const outcomes = await stage.write(
      object,
      entities.map((entity) => stage.create(object, { name: `e${entity}` }, entity)),
    );
    const pairs = outcomes.map((outcome, index) => [entities[index] ?? 0, outcome.kind === "applied" ? outcome.record : ""] as const);
    const sorted = pairs.toSorted(([a], [b]) => a - b);
    expect(await linksOf(stage, object, null)).toEqual(sorted);
    for (const [index, [entity]] of sorted.entries()) expect(await linksOf(stage, object, entity)).toEqual(sorted.slice(index + 1));
  });

  rule("[S58] the store's mark is kept at the system for every connection, and the last one counts", [], async (stage) => {
    expect(await stage.connection.readMark(stage.options)).toBeNull();
    await stage.install();
    expect(await stage.connection.readMark(stage.options)).toBeNull();
    await stage.connection.writeMark({ storeId: "store-a", generation: 1 }, stage.options);
    await stage.connection.writeMark({ storeId: "store-b", generation: 7 }, stage.options);
    const other = stage.world.connect();
    expect(await other.readMark(stage.options)).toEqual({ storeId: "store-b", generation: 7 });
    await stage.connection.writeMark({ storeId: "store-b", generation: 7, revision: 5_000_000_000 }, stage.options);
    expect(await other.readMark(stage.options)).toEqual({ storeId: "store-b", generation: 7, revision: 5_000_000_000 });
    await other.close();
  });

  rule(
    "[S60] install says what it would make and makes nothing, then makes it, and the second time finds all of it there",
    [],
    async (stage) => {
      const names = [stage.nameOf("customers"), stage.nameOf("regions")];
      const described = await stage.connection.install(names, "describe", stage.options);
      expect(described.length).toBeGreaterThan(0);
      expect(described.map(({ state }) => state)).toEqual(described.map(() => "would"));
      expect(await stage.connection.readMark(stage.options)).toBeNull();
      expect((await stage.open("customers")).capabilities).toMatchObject({ capture: "sweep", proof: false });
      const again = await stage.connection.install(names, "describe", stage.options);
      expect(again).toEqual(described);
      const done = await stage.connection.install(names, "do", stage.options);
      expect(done.filter(({ state }) => state === "done").length).toBeGreaterThan(0);
      expect(done.filter(({ state }) => state === "would" || state === "impossible")).toEqual([]);
      for (const mode of ["do", "describe"] as const) {
        const repeated = await stage.connection.install(names, mode, stage.options);
        expect(
          repeated.filter(({ state }) => state !== "already"),
          mode,
        ).toEqual([]);
      }
    },
  );

  rule("[S60] uninstall describes, removes everything and can be repeated; install works again afterwards", [], async (stage) => {
    await stage.install();
    const object = await stage.open("customers");
    await stage.applied(object, stage.create(object, { name: "Bea" }));
    const described = await stage.connection.uninstall("describe", stage.options);
    expect(described.some(({ state }) => state === "would")).toBe(true);
    expect((await stage.open("customers")).capabilities.proof).toBe(stage.facts.proof);
    await stage.connection.uninstall("do", stage.options);
    expect((await stage.open("customers")).capabilities).toMatchObject({ capture: "sweep", proof: false, externalId: false });
    expect(await stage.connection.readMark(stage.options)).toBeNull();
    const repeated = await stage.connection.uninstall("do", stage.options);
    expect(repeated.filter(({ state }) => state !== "already")).toEqual([]);
    await stage.customer();
    await stage.install();
    expect((await stage.open("customers")).capabilities.proof).toBe(stage.facts.proof);
    expect((await stage.list(object)).ids).toHaveLength(2);
  });

  rule("writing works where nothing is installed, without proof", [], async (stage) => {
    const object = await stage.open("customers");
    const { record } = await stage.applied(object, stage.create(object, { name: "Bea" }));
    await stage.applied(object, stage.update(object, record, { name: "Cay" }, stage.facts.compareAndSet ? { name: "Bea" } : {}));
    expect(await stage.fields(object, record)).toMatchObject({ name: "Cay" });
    await stage.applied(object, stage.delete(object, record));
  });
}

async function linksOf(stage: Stage, object: OpenObject, after: number | null): Promise<(readonly [number, string])[]> {
  const links: (readonly [number, string])[] = [];
  for await (const page of object.listLinks(after, stage.options)) links.push(...page);
  return links;
}
