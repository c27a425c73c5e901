import { setTimeout as sleep } from "node:timers/promises";
import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const RECORDS = 60;

let shop: Shop;
beforeEach(() => {
  shop = createShop({ columns: ["name", "city"] });
  for (const database of [shop.crm, shop.erp]) database.exec("PRAGMA busy_timeout = 10000");
  const add = shop.crm.prepare("INSERT INTO contacts (email, name, city) VALUES (?, ?, 'Ulm')");
  for (let number = 1; number <= RECORDS; number += 1) add.run(`p${number}@x.org`, `P${number}`);
  // The ERP counts what is done to each of its records, whoever does it.
  shop.erp.exec(`CREATE TABLE done (email TEXT);
    CREATE TRIGGER counted AFTER UPDATE ON customer BEGIN INSERT INTO done VALUES (new.email); END;
    CREATE TRIGGER gone AFTER DELETE ON customer BEGIN INSERT INTO done VALUES (old.email); END`);
});
afterEach(() => shop.remove());

function rows(database: Shop["crm"], table: string): string {
  return database
    .prepare(`SELECT email, name, city FROM ${table} ORDER BY email`)
    .all()
    .map((row) => Object.values(row).join(" "))
    .join("\n");
}

function done(): readonly string[] {
  return shop.erp
    .prepare("SELECT email FROM done ORDER BY email")
    .all()
    .map((row) => String(row["email"]));
}

interface Waiting {
  readonly waiting: readonly { readonly id: string; readonly reason: string }[];
}

async function waits(): Promise<Waiting["waiting"]> {
  for (let tries = 0; tries < 60; tries += 1) {
    const { waiting } = await shop.json<Waiting>("approve");
    if (waiting.length > 0) return waiting;
    await sleep(100);
  }
  return [];
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 300 && !isSo(); tries += 1) await sleep(50);
  expect(isSo()).toBe(true);
}

const MASSES = [
  {
    what: "a side that is emptied",
    guards: "{ deletes: 100% }",
    act: "DELETE FROM contacts",
    id: "customers/erp/deletes",
    atMost: RECORDS - 1,
  },
  {
    what: "nearly all records changed",
    guards: "{ changes: 90% }",
    act: "UPDATE contacts SET name = name || ' II' WHERE id <= 30; UPDATE contacts SET city = 'Rom' WHERE id > 30",
    id: "customers/erp/all-changed",
    atMost: 54,
  },
  {
    what: "a field emptied in many records",
    guards: "{ changes: 100% }",
    act: "UPDATE contacts SET city = NULL WHERE id <= 25",
    id: "customers/erp/emptied",
    atMost: 12,
  },
  {
    what: "a field rewritten in more records than its bound",
    guards: "{ rewrites: { name: 10% } }",
    act: "UPDATE contacts SET name = upper(name) || '!' WHERE id <= 25",
    id: "customers/erp/rewrites",
    atMost: 6,
  },
] as const;

describe("guards, with the program", () => {
  test.each(MASSES)(
    "[S43] [I13] $what: stopped at its bound, whoever dies meanwhile; after accord approve the rest is done, and nothing twice",
    async ({ guards, act, id, atMost }) => {
      shop.project({ columns: ["name", "city"], sync: [`guards: ${guards}`] });
      await shop.begin();
      const run = shop.start(["run"]);
      await run.waitFor("Running");
      shop.crm.exec(act);
      const [trip, ...others] = await waits();
      expect([trip?.id, others]).toEqual([id, []]);
      await sleep(300);
      const stopped = done();
      expect(stopped.length).toBeLessThanOrEqual(atMost);
      run.child.kill("SIGKILL");
      await run.ended;
      expect((await shop.run(["status"])).out).toContain(`A guard waits: ${trip?.reason ?? ""}. If that is right: accord approve ${id}`);

      // A process that begins anew is held to the same; what is no part of the mass goes on once it is approved.
      const again = shop.start(["run"]);
      await again.waitFor("Running");
      await sleep(500);
      expect(done()).toEqual(stopped);
      expect((await shop.run(["approve", id])).out).toContain(`Approved ${id}`);
      await until(() => rows(shop.crm, "contacts") === rows(shop.erp, "customer"));
      again.child.kill("SIGINT");
      expect((await again.ended).code).toBe(0);
      expect(new Set(done()).size).toBe(done().length);
    },
  );

  test("[S43] a canary that changes stops everything that comes with it, and an approval takes it for what it is now", async () => {
    shop.project({ columns: ["name", "city"], sync: ["guards: { canaries: { crm: [7] } }"] });
    await shop.begin();
    const run = shop.start(["run"]);
    await run.waitFor("Running");
    shop.crm.exec("UPDATE contacts SET city = 'Nowhere' WHERE id IN (6, 7, 8)");
    const [trip] = await waits();
    expect(trip).toMatchObject({ id: "customers/crm/canary", reason: "the canary record 7 of crm changed" });
    await sleep(300);
    expect(done()).toEqual([]);
    expect((await shop.run(["approve", "customers/crm/canary"])).code).toBe(0);
    await until(() => rows(shop.crm, "contacts") === rows(shop.erp, "customer"));
    expect(done()).toEqual(["p6@x.org", "p7@x.org", "p8@x.org"]);
    shop.crm.exec("UPDATE contacts SET city = 'Bonn' WHERE id = 9");
    await until(() => rows(shop.crm, "contacts") === rows(shop.erp, "customer"));
    run.child.kill("SIGINT");
    expect((await run.ended).code).toBe(0);
  });

  test("[S43] a bound of a field counts records: one record that is rewritten all day asks nobody", async () => {
    shop.project({ columns: ["name", "city"], sync: ["guards: { rewrites: { name: 10% } }"] });
    await shop.begin();
    const run = shop.start(["run"]);
    await run.waitFor("Running");
    for (let round = 0; round < 12; round += 1) {
      shop.crm.exec(`UPDATE contacts SET name = 'Round ${round}' WHERE id <= 2`);
      await until(() => rows(shop.crm, "contacts") === rows(shop.erp, "customer"));
    }
    expect(done()).toHaveLength(24);
    expect((await shop.run(["approve"])).out).toBe("No guard waits for approval.\n");
    run.child.kill("SIGINT");
    expect((await run.ended).code).toBe(0);
  });
});
