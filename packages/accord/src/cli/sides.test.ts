import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let shop: Shop;
beforeEach(() => {
  shop = createShop();
});
afterEach(() => shop.remove());

/** The shop's project with sides in this order; a third one is `desk`, table `people` in desk.db. */
function project(...sides: readonly ("crm" | "erp" | "desk")[]): void {
  const objects = { crm: "contacts", erp: "customer", desk: "people" };
  const columns = (name: string): string => sides.map((side) => `${side}: ${name}`).join(", ");
  shop.write(
    "accord.yaml",
    `version: 1
installation: shop
connections:
${sides.map((side) => `  ${side}: { connector: sqlite, file: ${side}.db }`).join("\n")}
syncs:
  customers:
    sides:
${sides.map((side) => `      ${side}: { object: ${objects[side]} }`).join("\n")}
    match: [[email]]
    fields:
      email: { type: text, ${columns("email")} }
      name: { type: text, ${columns("name")} }
`,
  );
}

function namesOf(database: DatabaseSync, table: string): readonly string[] {
  return database
    .prepare(`SELECT email, name FROM ${table} ORDER BY email`)
    .all()
    .map((row) => Object.values(row).join(" "));
}

describe("the sides of a sync", () => {
  test("[S51] sides that change places are refused before anything is read from one as the other's", async () => {
    project("crm", "erp");
    shop.crm.exec("INSERT INTO contacts (email, name) VALUES ('ann@x.org', 'Ann')");
    await shop.begin();
    project("erp", "crm");
    const [code, error] = await shop.told("plan");
    expect(code).toBe(1);
    expect(error).toBe(
      "error ACCORD_SIDES_CHANGED: The sync customers was set up between crm (contacts), erp (customer), and the project file now names erp (customer), crm (contacts); name the first ones as before and in that order, new ones behind them, or give the sync a new name so that it begins anew.",
    );
    project("crm", "erp");
    expect((await shop.run(["verify"])).code).toBe(0);
  });

  test("[S36] [S51] a third system joins a sync that is live: a plan first, those known by match key are linked, and nothing is flooded", async () => {
    project("crm", "erp");
    shop.crm.exec("INSERT INTO contacts (email, name) VALUES ('ann@x.org', 'Ann'), ('bob@x.org', 'Bob')");
    await shop.begin();
    const desk = new DatabaseSync(shop.path("desk.db"));
    desk.exec("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, name TEXT)");
    desk.exec("INSERT INTO people (email, name) VALUES ('cid@x.org', 'Cid'), ('ann@x.org', 'Anna'), ('bob@x.org', 'Bob')");
    project("crm", "erp", "desk");
    expect((await shop.run(["install"])).code).toBe(0);
    expect((await shop.run(["run"])).code).toBe(3);
    const { out } = await shop.run(["plan"]);
    expect(out).toContain('update desk record 2 (customers entity 3)\n      name: "Anna" → "Ann"');
    expect(out).toContain("Nothing has been written. To write 3 changes: accord apply");
    expect(namesOf(desk, "people")).toEqual(["ann@x.org Anna", "bob@x.org Bob", "cid@x.org Cid"]);
    expect((await shop.run(["apply", "--yes"])).code).toBe(0);
    for (const [database, table] of [
      [shop.crm, "contacts"],
      [shop.erp, "customer"],
      [desk, "people"],
    ] as const)
      expect(namesOf(database, table)).toEqual(["ann@x.org Ann", "bob@x.org Bob", "cid@x.org Cid"]);
    expect((await shop.run(["verify"])).code).toBe(0);
    desk.close();
  });
});
