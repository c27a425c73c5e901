import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseSync } from "node:sqlite";
import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ErrorsJson } from "./errors.ts";
import type { ExplainJson } from "./explain.ts";

// Each command is a process of its own: on a busy machine a dozen of them take a while.
vi.setConfig({ testTimeout: 120_000 });

let shop: Shop;
beforeEach(() => {
  shop = createShop({ columns: [] });
  for (const database of [shop.crm, shop.erp]) database.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 10000");
  shop.crm.exec(`DROP TABLE contacts;
    CREATE TABLE companies (id INTEGER PRIMARY KEY, code TEXT, merged_into INTEGER);
    CREATE TABLE contacts (id INTEGER PRIMARY KEY, email TEXT, name TEXT, company_id INTEGER, merged_into INTEGER);
    INSERT INTO companies (code) VALUES ('acme'), ('zeta');
    INSERT INTO contacts (email, name, company_id) VALUES ('ann@x.org', 'Ann', 1), ('a.smith@x.org', 'A. Smith', 2), ('bob@x.org', 'Bob', 2)`);
  shop.erp.exec(`DROP TABLE customer;
    CREATE TABLE company (no INTEGER PRIMARY KEY, code TEXT);
    CREATE TABLE customer (no INTEGER PRIMARY KEY, email TEXT, name TEXT, company_no INTEGER, replaced_by INTEGER);
    INSERT INTO company VALUES (70, 'spent'); DELETE FROM company; INSERT INTO company VALUES (71, 'acme')`);
});
afterEach(() => shop.remove());

/** `write`: whether Accord may merge customers of the erp. */
function project(write: boolean, more = ""): void {
  shop.write(
    "accord.yaml",
    `version: 1
installation: shop
connections:
  crm: { connector: sqlite, file: crm.db }
  erp: { connector: sqlite, file: erp.db }
syncs:
  companies:
    sides:
      crm: { object: companies, merged: { column: merged_into } }
      erp: { object: company }
    match: [[code]]
    fields:
      code: { type: text, crm: code, erp: code }
  customers:
    sides:
      crm: { object: contacts, merged: { column: merged_into } }
      erp: { object: customer, merged: { column: replaced_by, write: ${write} } }
    match: [[email]]
    fields:
      email: { type: email, crm: email, erp: email }
      name: { type: text, crm: name, erp: name }
      company: { type: { ref: companies }, crm: { key: [company_id] }, erp: { key: [company_no] } }
${more}`,
  );
}

function rows(database: DatabaseSync, sql: string): string {
  return database
    .prepare(sql)
    .all()
    .map((row) => Object.values(row).join(" "))
    .join(", ");
}

async function eventually(look: () => string, expected: string): Promise<void> {
  for (let tries = 0; tries < 300 && look() !== expected; tries += 1) await sleep(50);
  expect(look()).toBe(expected);
}

/** Runs Accord until something is so. */
async function runUntil(look: () => string, expected: string): Promise<void> {
  const run = shop.start(["run"]);
  await run.waitFor("Running");
  await eventually(look, expected);
  run.child.kill("SIGINT");
  const { code, error } = await run.ended;
  expect([code, error]).toEqual([0, ""]);
}

const erpCustomers = (): string => rows(shop.erp, "SELECT email, name, company_no, replaced_by FROM customer ORDER BY no");
const crmCompanies = (): string => rows(shop.crm, "SELECT email, company_id FROM contacts ORDER BY id");

describe("records that a system merged", () => {
  test("[S41] the loser's record elsewhere stays and is listed, what it held is told, and nothing is deleted", async () => {
    project(false);
    await shop.begin();
    shop.crm.exec("UPDATE contacts SET merged_into = 1 WHERE id = 2; UPDATE contacts SET name = 'Ann Smith' WHERE id = 1");
    await runUntil(erpCustomers, "ann@x.org Ann Smith 71 , a.smith@x.org A. Smith 72 , bob@x.org Bob 72 ");
    const { groups } = await shop.json<ErrorsJson>("errors");
    expect(groups.map(({ kind, side, count }) => [kind, side, count])).toEqual([["merged", "erp", 1]]);
    const explained = await shop.json<ExplainJson>("explain", "customers", "crm:2");
    expect([explained.life, explained.records.map(({ state }) => state)]).toEqual(["merged", ["archived", "live"]]);
    const story = explained.story.map(({ text }) => text).join("\n");
    expect(story).toContain("crm merged record 2 into that of entity");
    expect(story).toContain("was held by the merged record alone");
    expect((await shop.run(["verify"])).code).toBe(0);
    shop.erp.exec("DELETE FROM customer WHERE email = 'a.smith@x.org'");
    const run = shop.start(["run"]);
    const standing = async (): Promise<string> => (await shop.run(["errors"])).out;
    for (let tries = 0; tries < 60 && !(await standing()).includes("Nothing stands aside."); tries += 1) await sleep(50);
    expect(await standing()).toContain("Nothing stands aside.");
    run.child.kill("SIGINT");
    expect((await run.ended).code).toBe(0);
    expect(rows(shop.crm, "SELECT count(*) FROM contacts")).toBe("3");
  });

  test("[S41] where its column is all it takes, Accord merges there too, and takes it back with the merge", async () => {
    project(true);
    await shop.begin();
    const [winner] = rows(shop.erp, "SELECT no FROM customer ORDER BY no").split(", ");
    shop.crm.exec("UPDATE contacts SET merged_into = 1 WHERE id = 2");
    const replaced = (): string => rows(shop.erp, "SELECT email, replaced_by FROM customer ORDER BY no");
    await runUntil(replaced, `ann@x.org , a.smith@x.org ${winner ?? ""}, bob@x.org `);
    expect((await shop.run(["errors"])).out).toContain("Nothing stands aside.");
    expect((await shop.run(["history", "customers", "crm:2"])).out).toContain("Accord merged it at erp");
    shop.crm.exec("UPDATE contacts SET merged_into = NULL, name = 'Alan Smith' WHERE id = 2");
    await runUntil(replaced, "ann@x.org , a.smith@x.org , bob@x.org ");
    await runUntil(() => rows(shop.erp, "SELECT name FROM customer WHERE email = 'a.smith@x.org'"), "Alan Smith");
    expect((await shop.run(["verify"])).code).toBe(0);
  });

  test("[S41] [S44] what names the merged record names the one that is left, at both systems", async () => {
    project(false);
    await shop.begin();
    expect(crmCompanies()).toBe("ann@x.org 1, a.smith@x.org 2, bob@x.org 2");
    shop.crm.exec("UPDATE companies SET merged_into = 1 WHERE id = 2");
    const run = shop.start(["run"]);
    await run.waitFor("Running");
    await eventually(crmCompanies, "ann@x.org 1, a.smith@x.org 1, bob@x.org 1");
    await eventually(() => rows(shop.erp, "SELECT company_no FROM customer ORDER BY no"), "71, 71, 71");
    run.child.kill("SIGINT");
    await run.ended;
    expect(rows(shop.erp, "SELECT no, code FROM company ORDER BY no")).toBe("71 acme, 72 zeta");
    expect((await shop.run(["explain", "customers", "crm:3", "company"])).out).toContain("company follows a merge");
  });

  test("[S41] archive-loser: a person is asked, and what they decide is done", async () => {
    project(false, "    merges: archive-loser\n");
    await shop.begin();
    shop.crm.exec("UPDATE contacts SET merged_into = 1 WHERE id = 2");
    const open = async (): Promise<string> => (await shop.run(["conflicts"])).out;
    const run = shop.start(["run"]);
    await run.waitFor("Running");
    for (let tries = 0; tries < 100 && !(await open()).includes("merged into another record"); tries += 1) await sleep(50);
    const found = /customers\/\d+/.exec(await open())?.[0] ?? "";
    expect(await open()).toContain("it was merged into another record elsewhere");
    expect((await shop.run(["conflicts", "resolve", found, "--delete"])).code).toBe(0);
    await eventually(() => rows(shop.erp, "SELECT email FROM customer ORDER BY no"), "ann@x.org, bob@x.org");
    run.child.kill("SIGINT");
    await run.ended;
    expect(rows(shop.crm, "SELECT count(*) FROM contacts")).toBe("3");
  });

  test("[S41] [S36] what was merged before Accord came is nobody's twin, and is not copied", async () => {
    project(false);
    shop.crm.exec("UPDATE contacts SET email = 'ann@x.org', merged_into = 1 WHERE id = 2");
    await shop.begin();
    expect(rows(shop.erp, "SELECT email FROM customer ORDER BY no")).toBe("ann@x.org, bob@x.org");
    expect((await shop.run(["conflicts"])).code).toBe(0);
    expect((await shop.run(["verify"])).code).toBe(0);
  });

  test("[S41] a plan tells of merges, and a column that cannot name another record is refused", async () => {
    project(true);
    await shop.begin();
    shop.crm.exec("UPDATE contacts SET merged_into = 1 WHERE id = 2");
    const { out } = await shop.run(["plan"]);
    expect(out).toMatch(/merge erp record \d+ \(customers entity \d+\)/);
    expect((await shop.run(["apply", "--yes"])).code).toBe(0);
    expect(rows(shop.erp, "SELECT count(*) FROM customer WHERE replaced_by IS NOT NULL")).toBe("1");
    shop.write("accord.yaml", readFileSync(shop.path("accord.yaml"), "utf8").replace("column: replaced_by", "column: no"));
    expect((await shop.told("plan"))[1]).toContain("is the record's own key");
  });
});
