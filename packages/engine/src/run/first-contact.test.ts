import { Stage, STAGE_OBJECT, UNCANCELLED } from "@accord/testkit";
import type { FakeObject, StageOptions, StageSync } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { Store } from "../store/store.ts";
import type { EngineContext } from "./context.ts";
import { makePlan } from "./plan.ts";

const OBJECT: FakeObject = {
  ...STAGE_OBJECT,
  columns: [...STAGE_OBJECT.columns, { name: "phone", type: "text", nullable: true }, { name: "kind", type: "text", nullable: true }],
};
/** The same, with amounts of another spelling. */
const FINER_OBJECT: FakeObject = {
  ...OBJECT,
  columns: OBJECT.columns.map((column) => (column.name === "amount" ? { ...column, scale: 3 } : column)),
};
const FIELDS: StageSync["fields"] = [
  { name: "email" },
  { name: "name" },
  { name: "amount", type: "decimal", policy: { kind: "owner", ranks: [1, 0], revert: false, fill: false, blanks: [], verified: null } },
  { name: "note", from: [0] },
  { name: "phone", policy: { kind: "review" } },
];

/** Whose e-mail addresses only the second system tells, and in which some phones cannot be understood. */
const HARD_FIELDS: StageSync["fields"] = [
  { name: "email", from: [1] },
  { name: "name" },
  { name: "amount", type: "decimal" },
  { name: "phone", type: "boolean" },
];

/** Which everybody has and tells: records that say the same are level. */
const LEVEL_FIELDS: StageSync["fields"] = [
  { name: "email" },
  { name: "name" },
  { name: "amount", type: "decimal" },
  { name: "phone", policy: { kind: "review" } },
];

interface World {
  readonly systems: number;
  readonly match: StageSync["match"];
  readonly records: number;
  /** Different keys: few make twins. */
  readonly keys: number;
  readonly hasFilter: boolean;
  readonly fields?: StageSync["fields"];
  /** Whether records of one key mostly say the same. */
  readonly isLevel?: boolean;
}

/** A small generator of its own: worlds must be the same for both engines. */
function numbers(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

function filter(cells: Readonly<Record<string, string | null | undefined>>): boolean {
  return cells["kind"] !== "hidden";
}

function stageOf(world: World, seed: number): Stage {
  const names = ["crm", "erp", "shop"].slice(0, world.systems);
  const sync: StageSync = {
    name: "customers",
    // A filter sees mapped columns alone.
    fields: [...(world.fields ?? FIELDS), ...(world.hasFilter ? [{ name: "kind" }] : [])],
    match: world.match,
    sides: names.map((_, side) => (world.hasFilter && side === 1 ? { filter } : {})),
  };
  const options: StageOptions = {
    systems: names.map((name, side) => ({ name, objects: [side === 1 ? FINER_OBJECT : OBJECT] })),
    objects: [OBJECT],
    syncs: [sync],
  };
  const stage = new Stage(options);
  const pick = numbers(seed);
  const oneOf = (...values: readonly (string | null)[]): string | null => values[pick(values.length)] ?? null;
  const people = Array.from({ length: world.keys }, (_, key) => ({
    email: `u${key}@x.org`,
    name: oneOf("Ann", "Bob", null),
    amount: oneOf("1", "2", null),
    note: oneOf("n", null),
    phone: oneOf("1", "2", null),
    kind: oneOf("shown", "shown", "hidden"),
  }));
  for (let index = 0; world.isLevel === true && index < world.records; index += 1) {
    const person = people[pick(people.length)];
    if (person === undefined) break;
    const odd = { name: oneOf("Cid", null), kind: oneOf("shown", "hidden") };
    stage.system(pick(world.systems)).user.insert("customers", pick(6) === 0 ? { ...person, ...odd } : person);
  }
  for (let index = 0; world.isLevel !== true && index < world.records; index += 1) {
    stage.system(pick(world.systems)).user.insert("customers", {
      email: oneOf(null, ...Array.from({ length: world.keys }, (_, key) => `u${key}@x.org`)),
      name: oneOf("Ann", "Bob", null),
      amount: oneOf("1", "2", null),
      note: oneOf("n", "m"),
      phone: oneOf("1", "2", "true", "false", null),
      kind: oneOf("shown", "shown", "hidden"),
    });
  }
  return stage;
}

/** Everything first contact decides, entities named by their records instead of by their ids. */
async function outcome(stage: Stage, context: EngineContext): Promise<unknown> {
  const { store } = context;
  const entities = await store.listEntities(1, null, 10_000, UNCANCELLED);
  const nameOf = (id: number): string =>
    entities
      .find((one) => one.id === id)
      ?.members.map((member) => member?.record ?? "-")
      .join("/") ?? String(id);
  const due = await Promise.all(
    stage.systems.map((_, side) =>
      store.listDue({ sync: 1, side, states: ["ready", "held", "waiting", "parked"], after: null, limit: 10_000 }, UNCANCELLED),
    ),
  );
  const problems = await store.listProblems(10_000, UNCANCELLED);
  return {
    entities: entities
      .map((entity) =>
        JSON.stringify(
          { ...entity, id: 0, members: entity.members.map((member) => member && { ...member, seenAtMs: 0, position: "" }) },
          timeless,
        ),
      )
      .toSorted(),
    due: due
      .flat()
      .map(({ entity, side, state, code }) => `${nameOf(entity)} ${side} ${state} ${code ?? ""}`)
      .toSorted(),
    problems: problems
      .map(({ side, record, kind, entities: named }) => `${side}/${record} ${kind} ${named.map(nameOf).toSorted().join(" ")}`)
      .toSorted(),
  };
}

/** Times differ with the number of commits, not with what was decided. */
function timeless(key: string, value: unknown): unknown {
  return key.endsWith("Ms") ? 0 : value;
}

interface PlanOptions {
  readonly isByKeys?: boolean;
  readonly batch?: number;
  readonly wrapStore?: (store: Store) => Store;
}

async function planned(stage: Stage, { isByKeys = true, batch = 250, wrapStore }: PlanOptions): Promise<EngineContext> {
  const context = await stage.context({
    mayWrite: false,
    limits: { listPage: 4, firstContactBatch: batch },
    ...(wrapStore === undefined ? {} : { wrapStore }),
  });
  const bulk = { ...context, matcher: { ...context.matcher, isByKeys } };
  await stage.drive(makePlan(bulk, UNCANCELLED));
  return bulk;
}

/** Of three people, one of whom both systems tell the same of and one of whom only one system knows: how many entities were told in short. */
async function toldInShort(fields: StageSync["fields"]): Promise<{ readonly level: number; readonly lone: number }> {
  const stage = new Stage({ objects: [OBJECT], syncs: [{ name: "customers", fields, match: [["email"]] }] });
  const ann = { email: "ann@x.org", name: "Ann", amount: "1", phone: null };
  const bob = { email: "bob@x.org", name: "Bob", amount: "2", phone: "1" };
  for (const { user } of [stage.crm, stage.erp]) user.insert("customers", ann);
  stage.crm.user.insert("customers", bob);
  stage.erp.user.insert("customers", { ...bob, name: "Rob" });
  stage.crm.user.insert("customers", { email: "cid@x.org" });
  const told = { level: 0, lone: 0 };
  await planned(stage, {
    wrapStore: (store) => ({
      ...store,
      firstContact: {
        ...store.firstContact,
        meetLevel: async (lease, sync, entryOf, options) => {
          const step = await store.firstContact.meetLevel(lease, sync, entryOf, options);
          told.level += step.entities;
          return step;
        },
        commit: (lease, changes, options) => {
          told.lone += changes.lone.length;
          return store.firstContact.commit(lease, changes, options);
        },
      },
    }),
  });
  return told;
}

const WORLDS: readonly (readonly [name: string, world: World])[] = [
  ["two systems", { systems: 2, match: [["email"]], records: 24, keys: 12, hasFilter: false }],
  ["two systems, one filtered", { systems: 2, match: [["email"]], records: 24, keys: 12, hasFilter: true }],
  ["three systems", { systems: 3, match: [["email"]], records: 30, keys: 14, hasFilter: true }],
  ["many twins", { systems: 3, match: [["email"]], records: 30, keys: 4, hasFilter: false }],
  ["keys of two fields", { systems: 2, match: [["email", "name"]], records: 24, keys: 8, hasFilter: false }],
  [
    "a one-way key, and values that cannot be understood",
    { systems: 3, match: [["email"]], records: 24, keys: 10, hasFilter: false, fields: HARD_FIELDS },
  ],
  [
    "records that say the same",
    { systems: 2, match: [["email"]], records: 30, keys: 20, hasFilter: false, fields: LEVEL_FIELDS, isLevel: true },
  ],
  [
    "records that say the same, one system filtered",
    { systems: 2, match: [["email"]], records: 30, keys: 20, hasFilter: true, fields: LEVEL_FIELDS, isLevel: true },
  ],
  [
    "records that say the same, three systems",
    { systems: 3, match: [["email"]], records: 60, keys: 24, hasFilter: true, fields: LEVEL_FIELDS, isLevel: true },
  ],
  [
    "records that say the same, and values that cannot be understood",
    {
      systems: 2,
      match: [["email"]],
      records: 30,
      keys: 20,
      hasFilter: false,
      fields: [{ name: "email" }, { name: "phone", type: "boolean" }],
      isLevel: true,
    },
  ],
  [
    "records that say the same, with fields that not all may tell",
    { systems: 2, match: [["email"]], records: 30, keys: 20, hasFilter: false, isLevel: true },
  ],
  ["no match rule", { systems: 2, match: [], records: 10, keys: 4, hasFilter: false }],
];

describe("first contact in bulk", () => {
  test.each(WORLDS)("[S36] decides as joining record by record does: %s", async (_, world) => {
    for (let seed = 1; seed <= 25; seed += 1) {
      const one = stageOf(world, seed);
      const other = stageOf(world, seed);
      const bulk = await outcome(one, await planned(one, { batch: 1 + (seed % 5) }));
      const single = await outcome(other, await planned(other, { isByKeys: false }));
      expect(bulk, `seed ${seed}`).toEqual(single);
    }
  });

  test("[S13, S28, S36] records at every side that say the same, and records that meet nobody, are told in short", async () => {
    expect(await toldInShort(LEVEL_FIELDS)).toEqual({ level: 1, lone: 1 });
    expect(await toldInShort([...LEVEL_FIELDS, { name: "note", from: [0] }])).toEqual({ level: 0, lone: 0 });
  });

  test("[S36, I4] with several match rules every record is one thing's, or a person's to decide, and the systems agree in the end", async () => {
    for (let seed = 1; seed <= 25; seed += 1) {
      const stage = stageOf({ systems: 2, match: [["email"], ["name", "phone"]], records: 24, keys: 12, hasFilter: false }, seed);
      const context = await planned(stage, { batch: 3 });
      const entities = await context.store.listEntities(1, null, 1_000, UNCANCELLED);
      const linked = entities.flatMap(({ members }) =>
        members.flatMap((member, side) => (member === null ? [] : [`${side}/${member.record ?? ""}`])),
      );
      const ambiguous = (await context.store.listProblems(1_000, UNCANCELLED)).map(({ side, record }) => `${side}/${record}`);
      const all = stage.systems.flatMap((system, side) => [...system.records("customers").keys()].map((record) => `${side}/${record}`));
      expect([...linked, ...ambiguous].toSorted(), `seed ${seed}`).toEqual(all.toSorted());
    }
  });

  test("[S36] a record that the first rule gives no partner finds one by the second", async () => {
    const stage = new Stage({ objects: [OBJECT], syncs: [{ name: "customers", fields: FIELDS, match: [["email"], ["phone"]] }] });
    const a = stage.crm.user.insert("customers", { email: "a@x.org", phone: "1" });
    const b = stage.erp.user.insert("customers", { email: "b@x.org", phone: "1" });
    const c = stage.erp.user.insert("customers", { email: null, phone: "2" });
    await planned(stage, {});
    expect(stage.entityOf(1, b)).toBe(stage.entityOf(0, a));
    expect(stage.entityOf(1, c)).not.toBe(stage.entityOf(0, a));
  });

  test.each([
    ["what is merged", { systems: 3, match: [["email"]], records: 30, keys: 14, hasFilter: true }],
    [
      "what is told in short",
      { systems: 3, match: [["email"]], records: 60, keys: 24, hasFilter: false, fields: LEVEL_FIELDS, isLevel: true },
    ],
  ])("[S52, I7] goes on where it stopped, whatever it was doing when the process died: %s", async (_, world) => {
    const straight = stageOf(world, 3);
    const expected = await outcome(straight, await planned(straight, { batch: 2 }));
    let steps = Number.POSITIVE_INFINITY;
    for (let crashAt = 1; crashAt <= steps; crashAt += 1) {
      const stage = stageOf(world, 3);
      let count = 0;
      const dying = async <Result>(work: () => Promise<Result>): Promise<Result> => {
        count += 1;
        if (count === crashAt) throw new RangeError("the process died before");
        const result = await work();
        count += 1;
        if (count === crashAt) throw new RangeError("the process died after");
        return result;
      };
      await planned(stage, {
        batch: 2,
        wrapStore: (store) => ({
          ...store,
          firstContact: {
            ...store.firstContact,
            stage: (page, options) => dying(() => store.firstContact.stage(page, options)),
            group: (sync, options) => dying(() => store.firstContact.group(sync, options)),
            meetLevel: (lease, sync, entryOf, options) => dying(() => store.firstContact.meetLevel(lease, sync, entryOf, options)),
            commit: (lease, changes, options) => dying(() => store.firstContact.commit(lease, changes, options)),
            finish: (sync, options) => dying(() => store.firstContact.finish(sync, options)),
          },
        }),
      }).catch(() => {});
      if (count < crashAt) steps = count;
      const resumed = await planned(stage, { batch: 2 });
      expect(await outcome(stage, resumed), `crash at ${crashAt}`).toEqual(expected);
    }
    expect(steps).toBeGreaterThan(30);
  });

  test("[S36, I14] tells of each entity how it came to be, together where there is nothing more to tell", async () => {
    const stage = new Stage();
    for (const name of ["a", "b", "c"]) stage.crm.user.insert("customers", { email: `${name}@x.org`, name });
    for (const name of ["a", "b"]) stage.erp.user.insert("customers", { email: `${name}@x.org`, name: name === "a" ? "a" : "B" });
    const context = await planned(stage, {});
    const kinds = async (record: string) => {
      const entity = stage.entityOf(0, record);
      return (await context.store.readJournal({ entity, limit: 9 }, UNCANCELLED)).map(
        ({ kind, payload }) => [kind, JSON.parse(payload)] as const,
      );
    };
    const [a = "", b = "", c = ""] = ["a", "b", "c"].map((name) => stage.idOf(stage.crm, { name }));
    const metOf = (record: string, sides: readonly string[]) => {
      const id = stage.entityOf(0, record);
      return [["contact", { met: [{ from: id, to: id, sides }] }]];
    };
    expect(await kinds(a)).toEqual(metOf(a, ["crm", "erp"]));
    expect(await kinds(c)).toEqual(metOf(c, ["crm"]));
    const own = await kinds(b);
    expect(own.map(([kind]) => kind)).toEqual(["merge"]);
    expect(own[0]?.[1]).toMatchObject({ events: [{ kind: "joined" }, { kind: "conflict", field: "name" }] });
  });
});
