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

/** A migration that gives the column another type: SQLite makes the table anew for it. */
function retype(type: string, value = "city"): void {
  shop.erp.exec(`BEGIN; CREATE TABLE made (id INTEGER PRIMARY KEY, email TEXT, name TEXT, city ${type});
    INSERT INTO made SELECT id, email, name, ${value === "city" ? "CAST(city AS INTEGER)" : value} FROM customer; DROP TABLE customer; ALTER TABLE made RENAME TO customer; COMMIT`);
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isSo(); tries += 1) await sleep(50);
  expect(isSo()).toBe(true);
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

  test("[S50] a column of another type pauses its field alone: nothing is taken from it or written to it before a person has seen what it means", async () => {
    retype("INTEGER");
    expect((await shop.run(["install"])).code).toBe(0);
    const run = shop.start(["run"]);
    await run.waitFor("Running");
    shop.crm.exec("UPDATE contacts SET name = 'Anna', city = 'Köln' WHERE email = 'ann@x.org'");
    shop.erp.exec("UPDATE customer SET name = 'Robert', city = 7 WHERE email = 'bob@x.org'");
    const names = (database: Shop["crm"], table: string): string[] => rows(database, table).map((row) => row.split(" ")[1] ?? "");
    await until(() => names(shop.crm, "contacts").join() === "Anna,Robert,Dan" && names(shop.erp, "customer").join() === "Anna,Robert,Dan");
    const { out, error, code } = await stop(run);
    expect(code).toBe(0);
    const said = [
      'customers.city is paused at erp, everything else goes on: accord.yaml:13:38: syncs.customers.fields.city.erp: the column "city" of customer at erp was TEXT when this was planned, and is INTEGER now; give it back its type, or see what the new one means with accord plan --accept-types; where that is meant to stay, change the line and run accord plan.',
      "  - city: { type: text, crm: city, erp: city }",
      "  + city: { type: integer, crm: city, erp: city }",
    ];
    for (const line of said) expect(out + error).toContain(line);
    expect(rows(shop.crm, "contacts")).toEqual(["ann@x.org Anna Köln", "bob@x.org Robert Bonn", "dan@x.org Dan Trier"]);
    expect(rows(shop.erp, "customer")).toEqual(["ann@x.org Anna 0", "bob@x.org Robert 7", "dan@x.org Dan 0"]);
    const checked = await shop.run(["check"]);
    expect(checked.code).toBe(3);
    for (const line of said) expect(checked.error).toContain(line);
    expect((await shop.run(["status"])).out).toContain("customers.city is paused at erp: the column");
    expect(await shop.json("status")).toMatchObject({ syncs: [{ paused: [{ side: "erp", field: "city" }] }] });

    // A plan without a word of it changes nothing of that.
    expect((await shop.run(["plan"])).error).toContain("customers.city is paused at erp");
    const planned = await shop.run(["plan", "--accept-types"]);
    expect(planned.error).toContain("Columns of customers are taken as they are now");
    // A whole number cannot hold the names: that is shown, and nobody's value is taken for it.
    expect(planned.out).toContain("refused erp record 3 (customers entity 6)\n      city: city: not a whole number");
    expect((await shop.told("run"))[1]).toContain("ACCORD_NOT_APPLIED");
    expect((await shop.run(["apply"])).code).toBe(0);
    expect(rows(shop.crm, "contacts")).toEqual(["ann@x.org Anna Köln", "bob@x.org Robert Bonn", "dan@x.org Dan Trier"]);
    expect((await shop.run(["check"])).code).toBe(0);
  });

  test("[S50] [S51] a type that a changed file takes over meets like a field that is mapped anew: a plan shows it, and nothing that only the change of the type made is anybody's edit", async () => {
    shop.crm.exec("UPDATE contacts SET city = '12' WHERE email = 'ann@x.org'");
    shop.crm.exec("UPDATE contacts SET city = '13.75' WHERE email = 'bob@x.org'");
    shop.crm.exec("UPDATE contacts SET city = NULL WHERE email = 'dan@x.org'");
    expect((await shop.run(["apply", "--yes"])).code).toBe(0);
    expect(rows(shop.erp, "customer")).toEqual(["ann@x.org Ann 12", "bob@x.org Bob 13.75", "dan@x.org Dan "]);
    retype("INTEGER", "CAST(city AS INTEGER)");
    expect((await shop.run(["install"])).code).toBe(0);
    shop.project({ columns: ["name", "city"], types: { city: ["decimal", ""] } });
    const planned = await shop.run(["plan"]);
    expect(planned.out).not.toContain("update crm");
    expect((await shop.run(["apply"])).code).toBe(0);
    expect(rows(shop.crm, "contacts")).toEqual(["ann@x.org Ann 12", "bob@x.org Bob 13.75", "dan@x.org Dan "]);
    expect(rows(shop.erp, "customer")).toEqual(["ann@x.org Ann 12", "bob@x.org Bob 13", "dan@x.org Dan "]);
  });

  test("[S50] a type that a person accepts, with the file as it is: what it cut off is nobody's edit, and the plan makes it good", async () => {
    retype("VARCHAR(3)", "substr(city, 1, 3)");
    expect((await shop.run(["install"])).code).toBe(0);
    const planned = await shop.run(["plan", "--accept-types"]);
    expect(planned.out).toContain('city: "Bon" → "Bonn"');
    expect(planned.out).not.toContain("update crm");
    expect((await shop.run(["apply"])).code).toBe(0);
    expect(rows(shop.crm, "contacts")).toEqual(["ann@x.org Ann Ulm", "bob@x.org Bob Bonn", "dan@x.org Dan Trier"]);
    expect(rows(shop.erp, "customer")).toEqual(rows(shop.crm, "contacts"));
  });

  test("[S50] a key of another type names nobody that is known: nothing is read by it", async () => {
    shop.erp.exec("ALTER TABLE customer RENAME TO old");
    shop.erp.exec("CREATE TABLE customer (id BLOB PRIMARY KEY, email TEXT, name TEXT, city TEXT)");
    shop.erp.exec("INSERT INTO customer SELECT CAST(id AS BLOB), email, name, city FROM old; DROP TABLE old");
    const [code, error] = await shop.told("run");
    expect([code, error]).toEqual([2, expect.stringContaining("so that no record can be told to be the one it was")]);
  });

  test("[S50] a new column is told of, and a value that no option stands for goes to a person and into no record", async () => {
    shop.erp.exec("ALTER TABLE customer ADD COLUMN vat TEXT");
    expect((await shop.run(["check"])).out).toContain("neither mapped nor ignored: vat");
    shop.project({ columns: ["name", "city"], types: { city: ["{ enum: [Ulm, Bonn, Trier] }", ""] } });
    expect((await shop.run(["apply", "--yes"])).code).toBe(0);
    shop.erp.exec("UPDATE customer SET city = 'Rom' WHERE email = 'bob@x.org'");
    shop.crm.exec("UPDATE contacts SET name = 'Bobby' WHERE email = 'bob@x.org'");
    expect((await shop.run(["apply", "--yes"])).code).toBe(0);
    expect(rows(shop.crm, "contacts")[1]).toBe("bob@x.org Bobby Bonn");
    expect(rows(shop.erp, "customer")[1]).toBe("bob@x.org Bobby Rom ");
    expect((await shop.run(["errors"])).out).toContain("a value cannot be understood: city: city: none of the 3 allowed values");
  });

  test("[S50] what only a person's mind has changed is no drift: a column that the file names newly and that is not there is a mistake of the file", async () => {
    shop.project({ columns: ["name", "city", "street"] });
    const [code, error] = await shop.told("run");
    expect(code).toBe(2);
    expect(error).toContain('there is no column "street" in contacts at crm');
  });
});
