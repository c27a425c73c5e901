import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let shop: Shop;
beforeEach(() => {
  shop = createShop({ sync: ["direction: one-way"] });
  for (const database of [shop.crm, shop.erp]) database.exec("PRAGMA busy_timeout = 10000");
  shop.crm.exec("INSERT INTO contacts (email, name) VALUES ('ann@x.org', 'Ann'), ('bob@x.org', 'Bob'), ('cid@x.org', 'Cid')");
  shop.erp.exec("INSERT INTO customer (email, name) VALUES ('ann@x.org', 'Anton'), ('dan@x.org', 'Dan')");
});
afterEach(() => shop.remove());

function rows(database: Shop["crm"], table: string): readonly string[] {
  return database
    .prepare(`SELECT email, name FROM ${table} ORDER BY email`)
    .all()
    .map((row) => Object.values(row).join(" "));
}

async function erpShows(expected: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 400 && rows(shop.erp, "customer").join() !== expected.join(); tries += 1) await sleep(50);
  expect(rows(shop.erp, "customer")).toEqual(expected);
}

/** Runs Accord while something happens. */
async function live(during: () => Promise<void>): Promise<void> {
  const run = shop.start(["run"]);
  await run.waitFor("Running");
  await during();
  run.child.kill("SIGINT");
  expect((await run.ended).code).toBe(0);
}

describe("a sync that flows one way", () => {
  test("[S55] the source's records come and go at the other side, what happens there is pushed back, and the source is never written to", async () => {
    await shop.begin();
    expect(rows(shop.erp, "customer")).toEqual(["ann@x.org Ann", "bob@x.org Bob", "cid@x.org Cid", "dan@x.org Dan"]);
    await live(async () => {
      shop.erp.exec("UPDATE customer SET name = 'Bobby' WHERE email = 'bob@x.org'");
      shop.erp.exec("DELETE FROM customer WHERE email = 'ann@x.org'");
      // The row id that this frees at the ERP is taken by the new ann, sooner or later. [S34]
      shop.crm.exec("DELETE FROM contacts WHERE email = 'cid@x.org'");
      await erpShows(["ann@x.org Ann", "bob@x.org Bob", "dan@x.org Dan"]);
    });
    expect(rows(shop.crm, "contacts")).toEqual(["ann@x.org Ann", "bob@x.org Bob"]);
    expect((await shop.run(["verify"])).code).toBe(0);
    const { out } = await shop.run(["history", "customers", "crm:1"]);
    expect(out).toContain("since this sync flows one way: it is made again there");
  });

  test("[S55] where drift is kept, edits and deletes at the other side stay as they are", async () => {
    shop.project({ sync: ["direction: { from: crm, drift: keep }"] });
    await shop.begin();
    await live(async () => {
      shop.erp.exec("UPDATE customer SET name = 'Bobby' WHERE email = 'bob@x.org'");
      shop.erp.exec("DELETE FROM customer WHERE email = 'ann@x.org'");
      shop.crm.exec("UPDATE contacts SET name = 'Cida' WHERE email = 'cid@x.org'");
      await erpShows(["bob@x.org Bobby", "cid@x.org Cida", "dan@x.org Dan"]);
    });
    expect(rows(shop.crm, "contacts")).toEqual(["ann@x.org Ann", "bob@x.org Bob", "cid@x.org Cida"]);
  });

  test("[S51] [S55] made two-way by a plan, what was kept apart is shown before anything is written", async () => {
    shop.project({ sync: ["direction: { from: crm, drift: keep }"] });
    await shop.begin();
    await live(async () => {
      shop.erp.exec("UPDATE customer SET name = 'Bobby' WHERE email = 'bob@x.org'");
      shop.crm.exec("UPDATE contacts SET name = 'Cida' WHERE email = 'cid@x.org'");
      await erpShows(["ann@x.org Ann", "bob@x.org Bobby", "cid@x.org Cida", "dan@x.org Dan"]);
    });
    shop.project({});
    const { out } = await shop.run(["plan"]);
    expect(out).toContain('create crm new record (customers entity 7)\n      email: "dan@x.org"\n      name: "Dan"');
    expect(out).toContain('name: "Bobby" → "Bob"');
    expect(out).toContain("Nothing has been written. To write 2 changes: accord apply");
    expect((await shop.run(["apply", "--yes"])).code).toBe(0);
    expect(rows(shop.crm, "contacts")).toEqual(["ann@x.org Ann", "bob@x.org Bob", "cid@x.org Cida", "dan@x.org Dan"]);
    expect(rows(shop.erp, "customer")).toEqual(rows(shop.crm, "contacts"));
    expect((await shop.run(["verify"])).code).toBe(0);
  });

  test("[S55] a field of a one-way sync that comes from elsewhere is a mistake of the file", async () => {
    shop.project({ sync: ["direction: one-way"], fields: { name: "from: erp" } });
    const [code, error] = await shop.told("check");
    expect(code).toBe(2);
    expect(error).toContain("the sync flows one way, from crm, and this field from elsewhere");
  });
});
