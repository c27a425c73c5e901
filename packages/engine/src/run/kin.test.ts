import { Stage, UNCANCELLED } from "@accord/testkit";
import type { FakeObject, StageOptions, StageSync } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { EngineContext } from "./context.ts";
import { sweep } from "./list.ts";

type Rules = NonNullable<StageSync["fields"][number]["rules"]>;

function objectOf(name: string, reference: { readonly column: string; readonly object: string } | null, isEnforced: boolean): FakeObject {
  const columns = [
    { name: "id", type: "integer" as const, generated: true },
    { name: "code", type: "text" as const, nullable: true },
    { name: "note", type: "text" as const, nullable: true },
  ];
  return {
    name,
    key: ["id"],
    columns: reference === null ? columns : [...columns, { name: reference.column, type: "integer", nullable: true }],
    references: reference === null || !isEnforced ? [] : [{ columns: [reference.column], object: reference.object, objectColumns: ["id"] }],
  };
}

function syncOf(name: string, reference: { readonly column: string; readonly object: string } | null, rules: Rules = {}): StageSync {
  const fields: StageSync["fields"] = [{ name: "code" }, { name: "note" }];
  return {
    name,
    object: name,
    fields: reference === null ? fields : [...fields, { name: reference.column, reference: reference.object, rules }],
    match: [["code"]],
  };
}

const COMPANY = { column: "company", object: "companies" };
const CUSTOMER = { column: "customer", object: "customers" };

/** Companies, their customers, and their orders. The second system enforces references, the first does not. */
function stageOf(ofCustomers: Rules, ofOrders: Rules = {}, options: StageOptions = {}): Stage {
  const objects = (isEnforced: boolean): FakeObject[] => [
    objectOf("companies", null, isEnforced),
    objectOf("customers", COMPANY, isEnforced),
    objectOf("orders", CUSTOMER, isEnforced),
  ];
  const stage = new Stage({
    systems: [
      { name: "crm", objects: objects(false) },
      { name: "erp", objects: objects(true) },
    ],
    syncs: [syncOf("companies", null), syncOf("customers", COMPANY, ofCustomers), syncOf("orders", CUSTOMER, ofOrders)],
    ...options,
  });
  for (let index = 0; index < 5; index += 1) stage.erp.user.delete("companies", stage.erp.user.insert("companies", { code: "spent" }));
  return stage;
}

interface Family {
  readonly acme: string;
  readonly ann: string;
  readonly bob: string;
}

/** ACME with Ann and Bob, and an order of Ann's. */
function family(stage: Stage): Family {
  const acme = stage.crm.user.insert("companies", { code: "ACME" });
  const ann = stage.crm.user.insert("customers", { code: "ann", company: acme });
  const bob = stage.crm.user.insert("customers", { code: "bob", company: acme });
  stage.crm.user.insert("orders", { code: "o1", customer: ann });
  return { acme, ann, bob };
}

/** The codes of the records of an object at both systems, with whom they name. */
function shown(stage: Stage, object: string, column?: string): readonly (readonly string[])[] {
  return stage.systems.map((system) =>
    [...system.records(object).values()]
      .map((record) => {
        const parent = column === undefined ? null : (record[column] ?? null);
        const above = column === "company" ? "companies" : column === "customer" ? "customers" : object;
        return `${record["code"] ?? ""}${parent === null ? "" : `>${system.record(above, parent)?.["code"] ?? "?"}`}`;
      })
      .toSorted(),
  );
}

async function sweepOne(context: EngineContext, sync: number, side: number): Promise<void> {
  const running = context.syncs[sync];
  if (running !== undefined) await sweep(context, running, side, UNCANCELLED);
}

async function waiting(context: EngineContext): Promise<readonly (string | null)[]> {
  return (await context.store.listParked(10, UNCANCELLED)).map(({ reason }) => reason);
}

describe("a parent that is deleted", () => {
  test("[S45] restrict: it stays elsewhere while one that lives names it, says so, and goes when that one has moved", async () => {
    const stage = stageOf({ deletes: "restrict" });
    const { acme, ann, bob } = family(stage);
    const zeta = stage.crm.user.insert("companies", { code: "ZETA" });
    const context = await stage.goLive();
    stage.crm.user.delete("companies", acme);
    await stage.settle(context);
    expect(shown(stage, "companies")).toEqual([["ZETA"], ["ACME", "ZETA"]]);
    expect(await waiting(context)).toEqual(["records of customers still name it"]);
    stage.crm.user.update("customers", ann, { company: zeta });
    await stage.settle(context);
    expect(shown(stage, "companies")[1]).toEqual(["ACME", "ZETA"]);
    stage.crm.user.delete("customers", bob);
    await stage.settle(context);
    expect(shown(stage, "companies")).toEqual([["ZETA"], ["ZETA"]]);
    expect(shown(stage, "customers", "company")).toEqual([["ann>ZETA"], ["ann>ZETA"]]);
    expect(await waiting(context)).toEqual([]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[I9] records that name it where it was deleted are told of until they name something else", async () => {
    const stage = stageOf({ deletes: "restrict" });
    const { acme, ann, bob } = family(stage);
    const context = await stage.goLive();
    stage.crm.user.delete("companies", acme);
    await stage.settle(context);
    const problems = await context.store.listProblems(10, UNCANCELLED);
    expect(problems.map(({ kind, side, record }) => [kind, side, record])).toEqual([
      ["reference", 0, ann],
      ["reference", 0, bob],
    ]);
    for (const record of [ann, bob]) stage.crm.user.update("customers", record, { company: null });
    await stage.settle(context);
    expect(await context.store.listProblems(10, UNCANCELLED)).toEqual([]);
    expect(shown(stage, "companies")).toEqual([[], []]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S45] detach: those that named it name nothing any more, and only then it goes", async () => {
    const stage = stageOf({ deletes: "detach" });
    const { acme, ann, bob } = family(stage);
    const context = await stage.goLive();
    for (const record of [ann, bob]) stage.crm.user.update("customers", record, { note: "kept" });
    stage.crm.user.delete("companies", acme);
    await stage.settle(context);
    expect(shown(stage, "companies")).toEqual([[], []]);
    expect(shown(stage, "customers", "company")).toEqual([
      ["ann", "bob"],
      ["ann", "bob"],
    ]);
    expect(shown(stage, "orders", "customer")).toEqual([["o1>ann"], ["o1>ann"]]);
    expect(stage.rows(stage.erp, ["code", "note"], "customers")).toEqual(["ann|kept", "bob|kept"]);
    expect(await stage.differences(context)).toEqual([]);
    expect(await waiting(context)).toEqual([]);
  });

  test("[S45] cascade: what names it is deleted with it, children first, through every level", async () => {
    const stage = stageOf({ deletes: "cascade" }, { deletes: "cascade" });
    const { acme } = family(stage);
    const other = stage.crm.user.insert("customers", { code: "eve" });
    stage.crm.user.insert("orders", { code: "o2", customer: other });
    const context = await stage.goLive();
    stage.erp.user.update("orders", stage.idOf(stage.erp, { code: "o1" }, "orders"), { note: "seen" });
    await stage.settle(context);
    await stage.clock.advance(1_000);
    stage.crm.user.delete("companies", acme);
    await stage.settle(context);
    expect(shown(stage, "companies")).toEqual([[], []]);
    expect(shown(stage, "customers", "company")).toEqual([["eve"], ["eve"]]);
    expect(shown(stage, "orders", "customer")).toEqual([["o2>eve"], ["o2>eve"]]);
    expect(await stage.differences(context)).toEqual([]);
    expect(await waiting(context)).toEqual([]);
  });

  test("[S45] cascade that meets one that holds it up deletes nothing, until that one is gone", async () => {
    const stage = stageOf({ deletes: "cascade" }, { deletes: "restrict" });
    const { acme } = family(stage);
    const context = await stage.goLive();
    stage.crm.user.delete("companies", acme);
    await stage.settle(context);
    expect(shown(stage, "customers")).toEqual([
      ["ann", "bob"],
      ["ann", "bob"],
    ]);
    expect(shown(stage, "companies")[1]).toEqual(["ACME"]);
    expect(await waiting(context)).toEqual(["records of orders still name it"]);
    stage.erp.user.delete("orders", stage.idOf(stage.erp, { code: "o1" }, "orders"));
    await stage.settle(context);
    for (const object of ["companies", "customers", "orders"]) expect(shown(stage, object)).toEqual([[], []]);
  });

  test("[S38] [S45] an edit of what would go with it, made elsewhere at the same time, keeps it: nothing is lost", async () => {
    const stage = stageOf({ deletes: "cascade" }, { deletes: "cascade" });
    const { acme } = family(stage);
    const context = await stage.goLive();
    stage.crm.user.delete("companies", acme);
    stage.erp.user.update("orders", stage.idOf(stage.erp, { code: "o1" }, "orders"), { note: "urgent" });
    await sweepOne(context, 2, 1);
    await sweepOne(context, 0, 0);
    stage.crm.faults = ({ method }) => (method === "write" ? { kind: "unavailable" } : null);
    await stage.drain(context);
    stage.crm.faults = null;
    await stage.settle(context);
    expect(shown(stage, "companies")).toEqual([["ACME"], ["ACME"]]);
    expect(stage.rows(stage.crm, ["code", "note"], "orders")).toEqual(["o1|urgent"]);
    expect(shown(stage, "customers", "company")).toEqual([
      ["ann>ACME", "bob>ACME"],
      ["ann>ACME", "bob>ACME"],
    ]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S38] [S45] where the delete wins, it wins over such an edit too, and a person may be asked instead", async () => {
    for (const conflict of ["delete-wins", "review"] as const) {
      const plain = syncOf("customers", COMPANY, { deletes: "cascade" });
      const syncs = [syncOf("companies", null), { ...plain, deletes: { do: "delete" as const, conflict } }];
      const stage = stageOf({}, {}, { syncs });
      const acme = stage.crm.user.insert("companies", { code: "ACME" });
      stage.crm.user.insert("customers", { code: "ann", company: acme });
      const context = await stage.goLive();
      stage.crm.user.delete("companies", acme);
      stage.erp.user.update("customers", stage.idOf(stage.erp, { code: "ann" }), { note: "urgent" });
      await sweepOne(context, 1, 1);
      await sweepOne(context, 0, 0);
      stage.crm.faults = ({ method }) => (method === "write" ? { kind: "unavailable" } : null);
      await stage.drain(context);
      stage.crm.faults = null;
      await stage.settle(context);
      const isAsked = conflict === "review";
      expect(shown(stage, "companies")[1]).toEqual(isAsked ? ["ACME"] : []);
      expect((await context.store.listReviews(9, UNCANCELLED)).length).toBe(isAsked ? 1 : 0);
      if (!isAsked) continue;
      const [review] = await context.store.listReviews(9, UNCANCELLED);
      await stage.ask(context, { entity: review?.entity ?? 0, kind: "decide", body: { field: null, value: "delete" } });
      await stage.settle(context);
      expect(shown(stage, "customers")).toEqual([[], []]);
      expect(shown(stage, "companies")).toEqual([[], []]);
    }
  });

  test("[S45] one that comes to name it while it is being deleted keeps it", async () => {
    const stage = stageOf({ deletes: "cascade" });
    const acme = stage.crm.user.insert("companies", { code: "ACME" });
    const context = await stage.goLive();
    const there = stage.idOf(stage.erp, { code: "ACME" }, "companies");
    stage.crm.user.delete("companies", acme);
    await sweepOne(context, 0, 0);
    stage.erp.faults = ({ method }) => (method === "write" ? { kind: "unavailable" } : null);
    await stage.drain(context);
    stage.erp.user.insert("customers", { code: "new", company: there });
    await sweepOne(context, 1, 1);
    stage.erp.faults = null;
    await stage.settle(context);
    await stage.settle(context);
    expect(shown(stage, "companies")).toEqual([["ACME"], ["ACME"]]);
    expect(shown(stage, "customers", "company")).toEqual([["new>ACME"], ["new>ACME"]]);
  });

  test("[S43] [S45] all that would go with it is counted before anything of it goes, and an approval covers all of it", async () => {
    const guards = { deletesMax: 3, deletesShareMax: 1, rewritesShareMax: {}, changedShareMax: 1, countShareMax: null, canaries: {} };
    const stage = stageOf({ deletes: "cascade" }, { deletes: "cascade" }, { settings: { guards } });
    const acme = stage.crm.user.insert("companies", { code: "ACME" });
    for (const code of ["ann", "bob"]) {
      const customer = stage.crm.user.insert("customers", { code, company: acme });
      for (let order = 0; order < 2; order += 1) stage.crm.user.insert("orders", { code: `${code}${order}`, customer });
    }
    const context = await stage.goLive();
    stage.crm.user.delete("companies", acme);
    await stage.settle(context);
    expect(shown(stage, "orders").map((codes) => codes.length)).toEqual([4, 4]);
    expect(shown(stage, "customers").map((codes) => codes.length)).toEqual([2, 2]);
    const trips = await context.store.listTrips(UNCANCELLED);
    expect(trips.map(({ id, reason }) => [id, reason])).toEqual([
      ["orders/crm/deletes", "4 deletes are due at crm, more than the 3 allowed"],
      ["orders/erp/deletes", "4 deletes are due at erp, more than the 3 allowed"],
    ]);
    for (let round = 0; round < 4; round += 1) {
      await stage.clock.advance(1_000);
      for (const { id } of await context.store.listTrips(UNCANCELLED))
        await context.store.approveTrip(id, stage.clock.nowMs(), UNCANCELLED);
      for (const { id } of context.syncs) await context.store.setSyncState(id, "live", null, UNCANCELLED);
      await stage.settle(context);
    }
    for (const object of ["companies", "customers", "orders"]) expect(shown(stage, object)).toEqual([[], []]);
  });

  test("[S45] [S60] a plan shows what waits for others, and what goes with it, and writes nothing", async () => {
    const stage = stageOf({ deletes: "cascade" }, { deletes: "restrict" });
    const { acme, bob } = family(stage);
    await stage.goLive();
    stage.crm.user.delete("companies", acme);
    const held = await stage.plan();
    const kinds = ({ summary }: typeof held): readonly (readonly number[])[] =>
      summary.syncs.map(({ sides }) => sides.flatMap(({ operations }) => [operations.delete, operations.waits]));
    expect(kinds(held)).toEqual([
      [0, 0, 0, 1],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    stage.crm.user.delete("orders", stage.idOf(stage.crm, { code: "o1" }, "orders"));
    const planned = await stage.plan();
    expect(kinds(planned)[2]).toEqual([0, 0, 1, 0]);
    expect(stage.crm.record("customers", bob)).not.toBeNull();
    const context = await stage.context();
    await stage.apply(context, planned);
    await stage.settle(context);
    for (const object of ["companies", "customers", "orders"]) expect(shown(stage, object)).toEqual([[], []]);
  });
});

/** A team whose head is one of its people. */
function found(stage: Stage, code: string): void {
  const team = stage.crm.user.insert("teams", { code });
  const head = stage.crm.user.insert("people", { code: `head of ${code}`, team });
  stage.crm.user.update("teams", team, { person: head });
}

function heads(stage: Stage, system: number): readonly string[] {
  const at = stage.system(system);
  return [...at.records("teams").values()]
    .map(({ code, person }) => {
      const head = person === null || person === undefined ? null : at.record("people", person);
      return `${code ?? ""}: ${head?.["code"] ?? "-"} of ${at.record("teams", head?.["team"] ?? "")?.["code"] ?? "-"}`;
    })
    .toSorted();
}

describe("circles of syncs", () => {
  const PEOPLE = { column: "person", object: "people" };
  const objects = [objectOf("teams", PEOPLE, true), objectOf("people", { column: "team", object: "teams" }, true)];
  const syncs = [syncOf("teams", PEOPLE, { later: true }), syncOf("people", { column: "team", object: "teams" })];

  function circle(): Stage {
    const stage = new Stage({ objects, syncs });
    for (let index = 0; index < 5; index += 1) stage.erp.user.delete("teams", stage.erp.user.insert("teams", { code: "spent" }));
    return stage;
  }

  test("[S44] at first contact both come to be, the reference that closes the circle last", async () => {
    const stage = circle();
    found(stage, "red");
    found(stage, "blue");
    const context = await stage.goLive();
    expect(heads(stage, 1)).toEqual(["blue: head of blue of blue", "red: head of red of red"]);
    expect(await stage.differences(context)).toEqual([]);
    expect(await context.store.listProblems(10, UNCANCELLED)).toEqual([]);
  });

  test("[S44] and so they do in a live sync, where only that field waits", async () => {
    const stage = circle();
    const context = await stage.goLive();
    found(stage, "red");
    await stage.settle(context);
    for (let round = 0; round < 4; round += 1) await stage.clock.advance(2_000).then(() => stage.drain(context));
    expect(heads(stage, 1)).toEqual(["red: head of red of red"]);
    expect(await stage.differences(context)).toEqual([]);
    expect(await waiting(context)).toEqual([]);
  });
});

/** a above b above c, and d alone. */
function units(stage: Stage): Readonly<Record<string, string>> {
  const a = stage.crm.user.insert("units", { code: "a" });
  const b = stage.crm.user.insert("units", { code: "b", above: a });
  const c = stage.crm.user.insert("units", { code: "c", above: b });
  return { a, b, c, d: stage.crm.user.insert("units", { code: "d" }) };
}

const move = (stage: Stage, system: number, code: string, above: string | null): void => {
  const at = stage.system(system);
  at.user.update("units", stage.idOf(at, { code }, "units"), { above: above === null ? null : stage.idOf(at, { code: above }, "units") });
};

describe("trees", () => {
  const UNIT = { column: "above", object: "units" };

  function tree(rules: Rules = { tree: true }): Stage {
    const stage = new Stage({ objects: [objectOf("units", UNIT, true)], syncs: [syncOf("units", UNIT, rules)] });
    for (let index = 0; index < 5; index += 1) stage.erp.user.delete("units", stage.erp.user.insert("units", { code: "spent" }));
    return stage;
  }

  test("[S45] [S46] a tree comes over at first contact, parents first", async () => {
    const stage = tree();
    units(stage);
    const context = await stage.goLive();
    expect(shown(stage, "units", "above")[1]).toEqual(["a", "b>a", "c>b", "d"]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S46] two people who re-parent at two systems, so that together they make a circle, are asked; nothing that makes one is written", async () => {
    const stage = tree();
    units(stage);
    const context = await stage.goLive();
    move(stage, 0, "a", "d");
    move(stage, 1, "d", "c");
    await stage.settle(context);
    expect((await context.store.listReviews(9, UNCANCELLED)).length).toBe(1);
    expect(shown(stage, "units", "above")).toEqual([
      ["a>d", "b>a", "c>b", "d"],
      ["a", "b>a", "c>b", "d>c"],
    ]);
    const [review] = await context.store.listReviews(9, UNCANCELLED);
    const value = context.store.loadEntities([review?.entity ?? 0], UNCANCELLED).then(([one]) => one?.fields[2]?.value ?? null);
    await stage.ask(context, { entity: review?.entity ?? 0, kind: "decide", body: { field: "above", value: await value } });
    await stage.settle(context);
    expect(await stage.differences(context)).toEqual([]);
    expect(shown(stage, "units", "above")[0]).toEqual(shown(stage, "units", "above")[1]);
    expect(shown(stage, "units", "above")[0]).not.toEqual(["a>d", "b>a", "c>b", "d>c"]);
  });

  test("[S46] a decision that would make a circle is refused", async () => {
    const stage = tree();
    const { a = "", c = "" } = units(stage);
    const context = await stage.goLive();
    const body = { field: "above", value: String(stage.entityOf(0, c)) };
    await stage.ask(context, { entity: stage.entityOf(0, a), kind: "decide", body });
    const [refusal] = await context.store.readJournal({ kinds: ["refused"], limit: 1 }, UNCANCELLED);
    expect(JSON.parse(refusal?.payload ?? "{}")).toMatchObject({ code: "ACCORD_TREE_CIRCLE" });
    expect(shown(stage, "units", "above")[1]).toEqual(["a", "b>a", "c>b", "d"]);
  });

  test("[S46] a user who turns a tree about is followed, in whatever order that is heard of, and no circle is shown on the way", async () => {
    const stage = tree();
    units(stage);
    const context = await stage.goLive();
    const circles: string[] = [];
    stage.erp.faults = ({ method }) => {
      if (method === "write" && stage.erp.records("units").size > 0) {
        for (const id of stage.erp.records("units").keys()) {
          const seen = new Set<string>();
          for (let at: string | null = id; at !== null && !circles.includes(at); at = stage.erp.record("units", at)?.["above"] ?? null) {
            if (seen.has(at)) circles.push(at);
            seen.add(at);
          }
        }
      }
      return null;
    };
    move(stage, 0, "b", null);
    move(stage, 0, "a", "c");
    await stage.settle(context);
    await stage.settle(context);
    expect(shown(stage, "units", "above")).toEqual([
      ["a>c", "b", "c>b", "d"],
      ["a>c", "b", "c>b", "d"],
    ]);
    expect(circles).toEqual([]);
    expect(await context.store.listReviews(9, UNCANCELLED)).toEqual([]);
  });

  test("[S46] a circle that was made at one system goes nowhere else", async () => {
    const stage = tree();
    units(stage);
    const context = await stage.goLive();
    move(stage, 0, "a", "c");
    await stage.settle(context);
    expect(shown(stage, "units", "above")[1]).toEqual(["a", "b>a", "c>b", "d"]);
    expect((await context.store.listReviews(9, UNCANCELLED)).length).toBe(1);
    move(stage, 0, "a", null);
    await stage.settle(context);
    expect(await context.store.listReviews(9, UNCANCELLED)).toEqual([]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S44] [S46] where circles are right, they come over", async () => {
    const stage = tree({ tree: false, later: true });
    const a = stage.crm.user.insert("units", { code: "a" });
    const b = stage.crm.user.insert("units", { code: "b", above: a });
    stage.crm.user.update("units", a, { above: b });
    const context = await stage.goLive();
    expect(shown(stage, "units", "above")[1]).toEqual(["a>b", "b>a"]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S45] a tree that is deleted with its root is deleted from its leaves", async () => {
    const stage = tree({ tree: true, deletes: "cascade" });
    const { a = "" } = units(stage);
    const context = await stage.goLive();
    stage.erp.user.update("units", stage.idOf(stage.erp, { code: "d" }, "units"), { note: "kept" });
    for (const code of ["b", "c"]) move(stage, 0, code, null);
    move(stage, 0, "c", "b");
    move(stage, 0, "b", "a");
    await stage.settle(context);
    for (const record of stage.crm.records("units").values()) expect(record["code"]).not.toBeNull();
    await stage.ask(context, { entity: stage.entityOf(0, a), kind: "delete", body: {} });
    await stage.settle(context);
    expect(shown(stage, "units", "above")).toEqual([["d"], ["d"]]);
  });
});
