import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let shop: Shop;
beforeEach(async () => {
  shop = createShop({ columns: ["name", "city"] });
  for (const database of [shop.crm, shop.erp]) database.exec("PRAGMA busy_timeout = 10000");
  shop.crm.exec(
    "INSERT INTO contacts (email, name, city) VALUES ('ann@x.org', 'Ann', 'Ulm'), ('bob@x.org', 'Bob', 'Bonn'), ('dan@x.org', 'Dan', 'Trier')",
  );
  await shop.begin();
});
afterEach(() => shop.remove());

function rows(database: Shop["crm"], table: string): readonly string[] {
  return database
    .prepare(`SELECT * FROM ${table} ORDER BY email`)
    .all()
    .map((row) => Object.values(row).slice(1).join(" "));
}

/** Waits until a system shows this. */
async function shows(database: Shop["crm"], table: string, expected: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 400 && rows(database, table).join() !== expected.join(); tries += 1) await sleep(50);
  expect(rows(database, table)).toEqual(expected);
}

async function stop(run: ReturnType<Shop["start"]>): ReturnType<Shop["run"]> {
  run.child.kill("SIGINT");
  return run.ended;
}

describe("a system that changes its columns", () => {
  test("[S50] a column that goes while Accord runs pauses its field there and nothing else; once it is back, empty, its values are filled in again and none is emptied", async () => {
    const run = shop.start(["run"]);
    await run.waitFor("Running");
    shop.erp.exec("ALTER TABLE customer DROP COLUMN city");
    shop.crm.exec("UPDATE contacts SET name = 'Anna', city = 'Köln' WHERE email = 'ann@x.org'");
    shop.crm.exec("UPDATE contacts SET city = 'Berlin' WHERE email = 'bob@x.org'");
    shop.crm.exec("INSERT INTO contacts (email, name, city) VALUES ('cid@x.org', 'Cid', 'Rom')");
    await shows(shop.erp, "customer", ["ann@x.org Anna", "bob@x.org Bob", "cid@x.org Cid", "dan@x.org Dan"]);
    shop.erp.exec("UPDATE customer SET name = 'Daniel' WHERE email = 'dan@x.org'");
    const there = ["ann@x.org Anna Köln", "bob@x.org Bob Berlin", "cid@x.org Cid Rom", "dan@x.org Daniel Trier"];
    await shows(shop.crm, "contacts", there);
    const { out, error, code } = await stop(run);
    expect(code).toBe(0);
    expect(out + error).toContain(
      'customers.city is paused at erp, everything else goes on: accord.yaml:13:38: syncs.customers.fields.city.erp: there is no column "city" in customer at erp',
    );
    expect((await shop.run(["errors"])).out).toContain("3 records of customers at erp, not written: city: there is no column");

    shop.erp.exec("ALTER TABLE customer ADD COLUMN city TEXT");
    const again = shop.start(["run"]);
    await shows(shop.erp, "customer", there);
    expect(rows(shop.crm, "contacts")).toEqual(there);
    expect((await stop(again)).code).toBe(0);
    expect((await shop.run(["verify"])).code).toBe(0);
    expect((await shop.run(["errors"])).out).toBe("Nothing stands aside.\n");
  });

  test("[S50] what only a person's mind has changed is no drift: a column that the file names newly and that is not there is a mistake of the file", async () => {
    shop.project({ columns: ["name", "city", "street"] });
    const [code, error] = await shop.told("run");
    expect(code).toBe(2);
    expect(error).toContain('there is no column "street" in contacts at crm');
  });
});
