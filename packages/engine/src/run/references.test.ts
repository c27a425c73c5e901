import { Stage, UNCANCELLED } from "@accord/testkit";
import type { FakeObject, StageOptions, StageSync } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { drainUntilQuiet } from "./apply.ts";
import type { EngineContext } from "./context.ts";
import { sweep } from "./list.ts";
import { followedSides, keepBatch } from "./pull.ts";

const COMPANIES: FakeObject = {
  name: "companies",
  key: ["id"],
  columns: [
    { name: "id", type: "integer", generated: true },
    { name: "code", type: "text", nullable: true },
  ],
};
const CUSTOMERS: FakeObject = {
  name: "customers",
  key: ["id"],
  columns: [
    { name: "id", type: "integer", generated: true },
    { name: "email", type: "text", nullable: true },
    { name: "company", type: "integer", nullable: true },
  ],
  references: [{ columns: ["company"], object: "companies", objectColumns: ["id"] }],
};
const LOOSE: FakeObject = { ...CUSTOMERS, references: [] };
const SYNCS: readonly StageSync[] = [
  { name: "companies", object: "companies", fields: [{ name: "code" }], match: [["code"]] },
  { name: "customers", object: "customers", fields: [{ name: "email" }, { name: "company", reference: "companies" }], match: [["email"]] },
];

function stageOf(options: StageOptions = {}): Stage {
  const stage = new Stage({ objects: [COMPANIES, CUSTOMERS], syncs: SYNCS, ...options });
  // Ids differ between the systems, so that a copied id would be seen.
  for (let index = 0; index < 5; index += 1) stage.erp.user.delete("companies", stage.erp.user.insert("companies", { code: "spent" }));
  return stage;
}

/** The code of the company that a customer names at a system. */
function companyOf(stage: Stage, system: number, email: string): string | null {
  const at = stage.system(system);
  const company = at.record("customers", stage.idOf(at, { email }, "customers"))?.["company"] ?? null;
  return company === null ? null : (at.record("companies", company)?.["code"] ?? `nothing at ${company}`);
}

async function sweepOne(context: EngineContext, sync: number, side: number): Promise<void> {
  const running = context.syncs[sync];
  if (running !== undefined) await sweep(context, running, side, UNCANCELLED);
}

describe("references", () => {
  test("[S36] [S44] records are matched by what they name too: those of both systems meet, each at its own company", async () => {
    const [companies, customers] = SYNCS as readonly [StageSync, StageSync];
    const stage = stageOf({ syncs: [companies, { ...customers, match: [["company", "email"]] }] });
    for (const code of ["ACME", "BOLT"]) {
      for (const system of stage.systems) {
        const company = system.user.insert("companies", { code });
        system.user.insert("customers", { email: "info", company });
      }
    }
    const context = await stage.goLive();
    for (const system of stage.systems) expect(stage.rows(system, ["email"], "customers")).toEqual(["info", "info"]);
    expect(stage.systems.map((system) => stage.writes(system))).toEqual([0, 0]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S36] [S44] a record that is matched by what it names waits until that is linked: entered at both systems at once, it is one", async () => {
    const [companies, customers] = SYNCS as readonly [StageSync, StageSync];
    const stage = stageOf({ syncs: [companies, { ...customers, match: [["company", "email"]] }] });
    const context = await stage.goLive();
    for (const system of stage.systems) {
      const company = system.user.insert("companies", { code: "ACME" });
      system.user.insert("customers", { email: "info", company });
    }
    // The customer of the second system is heard of first, its company last but one.
    await sweepOne(context, 1, 1);
    await stage.drain(context);
    expect(await context.store.listProblems(10, UNCANCELLED)).toMatchObject([{ side: 1, kind: "reference" }]);
    for (const side of [0, 1]) await sweepOne(context, 0, side);
    await stage.drain(context);
    await sweepOne(context, 1, 0);
    await stage.drain(context);
    expect(stage.writes(stage.erp)).toBe(0);
    await stage.drive(drainUntilQuiet(context, UNCANCELLED));
    for (const system of stage.systems) expect(stage.rows(system, ["email"], "customers")).toEqual(["info"]);
    expect(stage.systems.map((system) => stage.writes(system))).toEqual([0, 0]);
    expect(await context.store.listProblems(10, UNCANCELLED)).toEqual([]);
  });

  test("[I11] [S44] one that names what is nowhere holds up the creates beside it for some tries, and no longer", async () => {
    const [companies, customers] = SYNCS as readonly [StageSync, StageSync];
    const syncs = [companies, { ...customers, match: [["company", "email"]] }];
    const stage = stageOf({ syncs, objects: [COMPANIES, LOOSE] });
    const acme = stage.crm.user.insert("companies", { code: "ACME" });
    const context = await stage.goLive();
    stage.erp.user.insert("customers", { email: "lost", company: "999" });
    stage.crm.user.insert("customers", { email: "info", company: acme });
    await stage.settle(context);
    expect(stage.rows(stage.erp, ["email"], "customers")).toEqual(["lost"]);
    for (let second = 0; second < 60; second += 1) {
      await stage.drive(context.clock.sleep(1_000, UNCANCELLED));
      await stage.drain(context);
    }
    expect(stage.rows(stage.erp, ["email"], "customers")).toEqual(["info", "lost"]);
    expect(stage.rows(stage.crm, ["email"], "customers")).toEqual(["info"]);
    expect(await context.store.listProblems(10, UNCANCELLED)).toMatchObject([{ side: 1, kind: "reference" }]);
  });

  test("[S44] [S45] parents come first, and children name each side's own record of them", async () => {
    const stage = stageOf();
    const acme = stage.crm.user.insert("companies", { code: "ACME" });
    stage.crm.user.insert("customers", { email: "ann@x.org", company: acme });
    const context = await stage.goLive();
    expect(companyOf(stage, 1, "ann@x.org")).toBe("ACME");
    expect(stage.idOf(stage.erp, { code: "ACME" }, "companies")).not.toBe(acme);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S46] moving a child to another parent is a field's change", async () => {
    const stage = stageOf();
    const acme = stage.crm.user.insert("companies", { code: "ACME" });
    const zeta = stage.crm.user.insert("companies", { code: "ZETA" });
    const ann = stage.crm.user.insert("customers", { email: "ann@x.org", company: acme });
    const context = await stage.goLive();
    stage.crm.user.update("customers", ann, { company: zeta });
    await stage.settle(context);
    expect(companyOf(stage, 1, "ann@x.org")).toBe("ZETA");
    stage.erp.user.update("customers", stage.idOf(stage.erp, { email: "ann@x.org" }), { company: null });
    await stage.settle(context);
    expect(companyOf(stage, 0, "ann@x.org")).toBeNull();
  });

  test("[S44] a new child that is seen before its parent waits for it alone, is listed, and heals", async () => {
    const stage = stageOf();
    const context = await stage.goLive();
    const acme = stage.crm.user.insert("companies", { code: "ACME" });
    stage.crm.user.insert("customers", { email: "ann@x.org", company: acme });
    await sweepOne(context, 1, 0);
    await stage.drain(context);
    expect((await context.store.listProblems(10, UNCANCELLED)).map(({ kind }) => kind)).toEqual(["reference"]);
    await sweepOne(context, 0, 0);
    await stage.drain(context);
    for (let round = 0; round < 4; round += 1) {
      await stage.clock.advance(2_000);
      await stage.drain(context);
    }
    expect(companyOf(stage, 1, "ann@x.org")).toBe("ACME");
    expect(await context.store.listProblems(10, UNCANCELLED)).toEqual([]);
    expect(await stage.differences(context)).toEqual([]);
  });

  test("[S44] [S57] a new child told by its image heals as well, though the image is old news by then", async () => {
    const stage = stageOf();
    const context = await stage.goLive();
    const connection = context.connections.get("crm");
    const customers = followedSides(context, "crm").filter(({ sync }) => sync.model.name === "customers");
    if (connection === undefined) throw new RangeError("no connection");
    const feed = await connection.follow(
      customers.map(({ object }) => object),
      await connection.currentCursor(UNCANCELLED),
      UNCANCELLED,
    );
    stage.crm.user.insert("customers", { email: "ann@x.org", company: stage.crm.user.insert("companies", { code: "ACME" }) });
    await keepBatch(context, "crm", customers, await feed.next({ ...UNCANCELLED, waitMs: 0, changesMax: 10 }), UNCANCELLED);
    await stage.drain(context);
    await sweepOne(context, 0, 0);
    for (let round = 0; round < 4; round += 1) {
      await stage.clock.advance(2_000);
      await stage.drain(context);
    }
    expect(companyOf(stage, 1, "ann@x.org")).toBe("ACME");
    expect(await context.store.listProblems(10, UNCANCELLED)).toEqual([]);
  });

  test("[S44] an edit that names a parent not known yet does not overwrite it, and arrives once it is known", async () => {
    const stage = stageOf();
    const acme = stage.crm.user.insert("companies", { code: "ACME" });
    const ann = stage.crm.user.insert("customers", { email: "ann@x.org", company: acme });
    const context = await stage.goLive();
    stage.crm.user.update("customers", ann, { email: "anne@x.org", company: stage.crm.user.insert("companies", { code: "LATE" }) });
    await sweepOne(context, 1, 0);
    await stage.drain(context);
    expect(stage.rows(stage.erp, ["email"])).toEqual(["anne@x.org"]);
    expect(companyOf(stage, 1, "anne@x.org")).toBe("ACME");
    expect(companyOf(stage, 0, "anne@x.org")).toBe("LATE");
    await stage.settle(context);
    expect(companyOf(stage, 1, "anne@x.org")).toBe("LATE");
  });

  test("[S44] a child waits for a parent that one side refuses, and follows it when the parent is mended", async () => {
    const stage = stageOf();
    stage.erp.faults = null;
    const refusing: FakeObject = {
      ...COMPANIES,
      columns: [
        COMPANIES.columns[0] ?? { name: "id", type: "integer" },
        { name: "code", type: "text", refuses: (cell) => (cell === "BAD" ? "no such code" : null) },
      ],
    };
    const strict = new Stage({
      systems: [{ name: "crm" }, { name: "erp", objects: [refusing, CUSTOMERS] }],
      objects: [COMPANIES, CUSTOMERS],
      syncs: SYNCS,
    });
    const bad = strict.crm.user.insert("companies", { code: "BAD" });
    strict.crm.user.insert("customers", { email: "ann@x.org", company: bad });
    strict.crm.user.insert("customers", { email: "bob@x.org" });
    const context = await strict.goLive();
    expect(strict.rows(strict.erp, ["email"])).toEqual(["bob@x.org"]);
    expect((await context.store.listParked(10, UNCANCELLED)).map(({ state }) => state).toSorted()).toEqual(["parked", "waiting"]);
    strict.crm.user.update("companies", bad, { code: "GOOD" });
    await strict.settle(context);
    expect(companyOf(strict, 1, "ann@x.org")).toBe("GOOD");
    expect(await strict.differences(context)).toEqual([]);
  });

  test("[S44] a child wakes when its parent's record comes to be linked, not only when Accord makes it", async () => {
    const stage = stageOf({ systems: [{ name: "crm" }, { name: "erp" }] });
    const acme = stage.crm.user.insert("companies", { code: "ACME" });
    stage.crm.user.insert("customers", { email: "ann@x.org", company: acme });
    stage.erp.faults = ({ method, object }) => (method === "write" && object === "companies" ? { kind: "unavailable" } : null);
    const context = await stage.goLive();
    expect(stage.rows(stage.erp, ["email"])).toEqual([]);
    stage.erp.user.insert("companies", { code: "ACME" });
    await sweepOne(context, 0, 1);
    await stage.drain(context);
    expect(companyOf(stage, 1, "ann@x.org")).toBe("ACME");
    expect(stage.erp.records("companies").size).toBe(1);
  });

  test("[S44] a record that names nothing at all waits without end, and only its own field", async () => {
    const stage = stageOf({ objects: [COMPANIES, LOOSE] });
    stage.crm.user.insert("customers", { email: "ann@x.org", company: "99" });
    const context = await stage.goLive();
    expect(stage.rows(stage.erp, ["email", "company"])).toEqual(["ann@x.org|"]);
    expect((await context.store.listProblems(10, UNCANCELLED)).map(({ kind }) => kind)).toEqual(["reference"]);
    stage.crm.user.update("customers", stage.idOf(stage.crm, { email: "ann@x.org" }), { email: "anne@x.org" });
    await stage.settle(context);
    expect(stage.rows(stage.erp, ["email", "company"])).toEqual(["anne@x.org|"]);
    expect(stage.rows(stage.crm, ["email", "company"])).toEqual(["anne@x.org|99"]);
  });

  test("[S45] a parent is deleted after its children, whatever is heard of first, and waits for them until then", async () => {
    const stage = stageOf({ objects: [COMPANIES, CUSTOMERS] });
    const acme = stage.crm.user.insert("companies", { code: "ACME" });
    const ann = stage.crm.user.insert("customers", { email: "ann@x.org", company: acme });
    const context = await stage.goLive();
    stage.crm.user.delete("customers", ann);
    stage.crm.user.delete("companies", acme);
    await sweepOne(context, 0, 0);
    await stage.drain(context);
    expect(stage.erp.records("companies").size).toBe(1);
    expect((await context.store.listParked(10, UNCANCELLED)).map(({ state, reason }) => [state, reason])).toEqual([
      ["waiting", "records of customers still name it"],
    ]);
    await stage.settle(context);
    expect(stage.erp.records("customers").size).toBe(0);
    expect(stage.erp.records("companies").size).toBe(0);
  });

  test("[S45] a parent whose children stay is parked in the end with the system's reason", async () => {
    const stage = stageOf({ objects: [COMPANIES, CUSTOMERS] });
    const acme = stage.crm.user.insert("companies", { code: "ACME" });
    const ann = stage.crm.user.insert("customers", { email: "ann@x.org", company: acme });
    const context = await stage.goLive();
    const late = stage.erp.user.insert("customers", { email: "late@x.org", company: [...stage.erp.records("companies").keys()][0] ?? "" });
    stage.crm.user.delete("customers", ann);
    stage.crm.user.delete("companies", acme);
    await sweepOne(context, 0, 0);
    await sweepOne(context, 1, 0);
    await stage.drain(context);
    for (let round = 0; round < 40; round += 1) await stage.clock.advance(60_000).then(() => stage.drain(context));
    expect((await context.store.listParked(10, UNCANCELLED)).map(({ code }) => code)).toContain("23503");
    expect(stage.erp.record("customers", late)).not.toBeNull();
  });
});
