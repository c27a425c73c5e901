import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { createCommandLine, createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let shop: Shop;
/** Scripts of other people that act on both systems, until they are ended. */
let scripts: NodeJS.Timeout[] = [];
/** By table, how often a script changed a record. */
let changed: Record<string, number>;
beforeEach(async () => {
  scripts = [];
  changed = {};
  shop = createShop({ columns: ["name", "city"] });
  for (const database of [shop.crm, shop.erp]) database.exec("PRAGMA busy_timeout = 10000");
  shop.crm.exec("INSERT INTO contacts (email, name, city) VALUES ('ann@x.org', 'Ann', 'Ulm'), ('bob@x.org', 'Bob', 'Bonn')");
});
afterEach(async () => {
  end();
  await shop.remove();
});

/** A tool that keeps a column as it likes it, every few milliseconds. */
function script(database: DatabaseSync, table: string, set: string, where: string): void {
  const act = (): void => {
    const { changes } = database.prepare(`UPDATE ${table} SET ${set} WHERE ${where}`).run();
    changed[table] = (changed[table] ?? 0) + Number(changes);
  };
  scripts.push(setInterval(act, 20));
}

function end(): void {
  for (const timer of scripts) clearInterval(timer);
  scripts = [];
}

function rows(database: DatabaseSync, table: string): string {
  return database
    .prepare(`SELECT * FROM ${table} ORDER BY email`)
    .all()
    .map((row) => Object.values(row).slice(2).join(" "))
    .join(", ");
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300 && !(await isSo()); tries += 1) await sleep(50);
  expect(await isSo()).toBe(true);
}

interface Conflicts {
  readonly open: number;
  readonly conflicts: readonly { readonly id: string; readonly reason: string }[];
}

/** Nothing happens any more where a fight was. */
async function isQuiet(): Promise<void> {
  const before = JSON.stringify(changed);
  await sleep(1_000);
  expect(JSON.stringify(changed)).toBe(before);
}

describe("tools that fight", () => {
  test("[S49] two scripts that each undo what the other makes of a field: it is frozen with a word of both sides, everything else flows, and a decision lets it go on", async () => {
    await shop.begin();
    const run = shop.start(["run"]);
    await run.waitFor("Running");
    script(shop.crm, "contacts", "name = lower(name)", "email = 'ann@x.org' AND name <> lower(name)");
    script(shop.erp, "customer", "name = upper(name)", "email = 'ann@x.org' AND name <> upper(name)");
    await until(async () => (await shop.json<Conflicts>("conflicts")).open === 1);
    await isQuiet();
    const { conflicts } = await shop.json<Conflicts>("conflicts");
    expect(conflicts).toMatchObject([{ id: "customers/3/name" }]);
    expect(conflicts[0]?.reason).toMatch(
      /^it went back and forth between crm and erp \d+ times within \d+ s: a rule or a tool at each of them undoes what the other does$/,
    );
    expect((await shop.run(["status"])).out).toMatch(/customers +live +2 +crm 2, erp 2 +0 +0 +- +0 +0 +0 +1 +0/);
    shop.crm.exec("UPDATE contacts SET city = 'Rom'");
    shop.erp.exec("UPDATE customer SET name = 'Bobby' WHERE email = 'bob@x.org'");
    await until(() => rows(shop.erp, "customer") === "ANN Rom, Bobby Rom" && rows(shop.crm, "contacts") === "ann Rom, Bobby Rom");
    end();
    expect((await shop.run(["conflicts", "resolve", "customers/3/name", "--take", "erp"])).code).toBe(0);
    await until(() => rows(shop.crm, "contacts") === "ANN Rom, Bobby Rom");
    shop.crm.exec("UPDATE contacts SET name = 'Anna' WHERE email = 'ann@x.org'");
    await until(() => rows(shop.erp, "customer") === "Anna Rom, Bobby Rom");
    run.child.kill("SIGINT");
    const { out, code } = await run.ended;
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/customers entity 3: name is frozen: it went back and forth between crm and erp/),
    ]);
    expect((await shop.run(["verify"])).code).toBe(0);
  });

  test("[S49] [S55] a script at a side that may not tell a field, and Accord that puts it back: frozen, and no longer written", async () => {
    shop.project({ columns: ["name", "city"], fields: { name: "from: crm" } });
    await shop.begin();
    const run = shop.start(["run"]);
    await run.waitFor("Running");
    script(shop.erp, "customer", "name = 'X'", "email = 'ann@x.org' AND name <> 'X'");
    await until(async () => (await shop.json<Conflicts>("conflicts")).open === 1);
    await isQuiet();
    expect((await shop.json<Conflicts>("conflicts")).conflicts[0]?.reason).toMatch(
      /^erp has told the same value 6 times within \d+ s, and its direction \(from:\) pushed it back: something at erp fights with that rule$/,
    );
    expect([rows(shop.crm, "contacts"), rows(shop.erp, "customer")]).toEqual(["Ann Ulm, Bob Bonn", "X Ulm, Bob Bonn"]);
    // What happens to other fields of the record ends no fight.
    shop.crm.exec("UPDATE contacts SET city = 'Rom'");
    await until(() => rows(shop.erp, "customer") === "X Rom, Bob Rom");
    await isQuiet();
    expect((await shop.json<Conflicts>("conflicts")).open).toBe(1);
    run.child.kill("SIGINT");
    expect((await run.ended).code).toBe(0);
  });

  test("[S49] two Accord projects between the same systems that mean different things by a field: one of them gives in", async () => {
    await shop.begin();
    const other = createCommandLine();
    try {
      other.write("accord.yaml", otherProject(shop.path("crm.db"), shop.path("erp.db")));
      for (const words of [["install"], ["apply", "--yes"]]) expect(await other.run(words)).toMatchObject({ code: 0 });
      const runs = [shop.start(["run"]), other.start(["run"])];
      for (const run of runs) await run.waitFor("Running");
      shop.crm.exec("UPDATE contacts SET city = 'Bonn' WHERE email = 'ann@x.org'");
      const open = async (): Promise<Conflicts> => {
        const both = [await shop.json<Conflicts>("conflicts"), JSON.parse((await other.run(["conflicts", "--json"])).out) as Conflicts];
        return { open: both.reduce((sum, one) => sum + one.open, 0), conflicts: both.flatMap(({ conflicts }) => conflicts) };
      };
      await until(async () => (await open()).open > 0);
      expect((await open()).conflicts[0]?.reason).toMatch(
        /told values in turn 10 times within \d+ s: a rule or a tool there answers what Accord writes elsewhere/,
      );
      let shown = "";
      await until(async () => {
        const before = shown;
        await sleep(500);
        shown = rows(shop.crm, "contacts") + rows(shop.erp, "customer");
        return before === shown;
      });
      for (const run of runs) run.child.kill("SIGINT");
      for (const run of runs) expect((await run.ended).code).toBe(0);
    } finally {
      await other.remove();
    }
  });
});

/** Between the same two files; what one system calls Ulm is Bonn in the other. */
function otherProject(crm: string, erp: string): string {
  return `version: 1
installation: other
connections:
  crm: { connector: sqlite, file: ${JSON.stringify(crm)} }
  erp: { connector: sqlite, file: ${JSON.stringify(erp)} }
syncs:
  customers:
    sides: { crm: { object: contacts }, erp: { object: customer } }
    match: [[email]]
    fields:
      email: { type: email, crm: email, erp: email }
      city: { type: text, crm: city, erp: { field: city, values: { Ulm: Bonn, Bonn: Ulm } } }
`;
}
