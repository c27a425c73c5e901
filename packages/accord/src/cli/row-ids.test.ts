import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let shop: Shop;
beforeEach(() => {
  shop = createShop();
  shop.crm.exec("ALTER TABLE contacts ADD COLUMN private TEXT");
  for (const database of [shop.crm, shop.erp]) database.exec("PRAGMA busy_timeout = 10000");
  shop.crm.exec("INSERT INTO contacts (email, name, private) VALUES ('ann@x.org', 'Ann', 'of Ann'), ('bob@x.org', 'Bob', 'of Bob')");
});
afterEach(() => shop.remove());

function contacts(): readonly string[] {
  const rows = shop.crm.prepare("SELECT email, name, private FROM contacts ORDER BY email").all();
  return rows.map((row) => Object.values(row).join(" "));
}

/** The clerk deletes the last customer and enters another: SQLite gives the row the same id. */
function replaceBob(): void {
  const [before] = shop.erp.prepare("SELECT max(id) AS id FROM customer").all();
  shop.erp.exec("DELETE FROM customer WHERE email = 'bob@x.org'; INSERT INTO customer (email, name) VALUES ('eve@x.org', 'Eve')");
  expect(shop.erp.prepare("SELECT id FROM customer WHERE email = 'eve@x.org'").all()).toEqual([before]);
}

describe("a row id that SQLite gives again", () => {
  test.each(["while Accord is stopped", "while Accord runs"])(
    "[S34] stands for another thing, which takes nothing of the former one: %s",
    async (when) => {
      await shop.begin();
      if (when === "while Accord is stopped") replaceBob();
      const run = shop.start(["run"]);
      await run.waitFor("Running");
      if (when === "while Accord runs") replaceBob();
      const expected = ["ann@x.org Ann of Ann", "eve@x.org Eve "];
      for (let tries = 0; tries < 400 && contacts().join() !== expected.join(); tries += 1) await sleep(50);
      run.child.kill("SIGINT");
      expect((await run.ended).code).toBe(0);
      expect(contacts()).toEqual(expected);
      expect((await shop.run(["verify"])).code).toBe(0);
    },
  );
});
