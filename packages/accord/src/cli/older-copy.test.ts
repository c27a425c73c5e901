import { copyFileSync, existsSync, rmSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { StatusJson } from "./status-json.ts";

// Each command is a process of its own: on a busy machine a dozen of them take a while.
vi.setConfig({ testTimeout: 120_000 });

let line: Shop;
let crm: DatabaseSync;
let erp: DatabaseSync;

beforeEach(async () => {
  line = createShop();
  ({ crm, erp } = line);
  crm.exec("INSERT INTO contacts (email, name) VALUES ('ann@x.org', 'Ann'), ('bob@x.org', 'Bob')");
  await line.begin();
});

afterEach(() => line.remove());

/** Copies the store file by file, as `cp` or a snapshot of the disk does. */
function copyStore(from: string, to: string): void {
  for (const end of ["", "-wal", "-shm"]) {
    rmSync(line.path(`${to}${end}`), { force: true });
    if (existsSync(line.path(`${from}${end}`))) copyFileSync(line.path(`${from}${end}`), line.path(`${to}${end}`));
  }
}

function people(database: DatabaseSync, table: string): string[] {
  const rows = database.prepare(`SELECT email, name FROM ${table} ORDER BY email`).all();
  return rows.map((row) => `${String(row["email"])} ${String(row["name"])}`);
}

test("[S58] an older copy of the store, put back by hand, is noticed: nothing is written before a plan is applied, and nothing is made twice [I4]", async () => {
  copyStore(".accord/accord.db", "copy.db");
  crm.exec("INSERT INTO contacts (email, name) VALUES ('cid@x.org', 'Cid'); UPDATE contacts SET name = 'Anna' WHERE email = 'ann@x.org'");
  expect((await line.run(["apply", "--yes"])).code).toBe(0);
  expect(people(erp, "customer")).toEqual(["ann@x.org Anna", "bob@x.org Bob", "cid@x.org Cid"]);

  copyStore("copy.db", ".accord/accord.db");
  crm.exec("INSERT INTO contacts (email, name) VALUES ('dan@x.org', 'Dan')");
  const [code, message] = await line.told("run");
  expect([code, message]).toEqual([
    3,
    "error ACCORD_NOT_APPLIED: This store was restored from a backup, or is an older copy, and is behind the systems, and nothing was written; see what differs with accord plan, then accord apply.",
  ]);
  expect((await line.run(["plan"])).code).toBe(3);
  expect(people(erp, "customer")).toHaveLength(3);
  expect((await line.json<StatusJson>("status")).store).toMatchObject({ generation: 1, restored: true });

  expect((await line.run(["apply"])).code).toBe(0);
  expect((await line.json<StatusJson>("status")).store).toMatchObject({ generation: 1, restored: false });
  expect(people(erp, "customer")).toEqual(["ann@x.org Anna", "bob@x.org Bob", "cid@x.org Cid", "dan@x.org Dan"]);
  expect(people(crm, "contacts")).toEqual(people(erp, "customer"));
  expect((await line.run(["verify"])).code).toBe(0);

  // The file it replaced is an older copy now, too.
  copyStore("copy.db", ".accord/accord.db");
  expect((await line.told("run"))[0]).toBe(3);
});

test("[S58] a copy as new as the systems know is the store itself", async () => {
  copyStore(".accord/accord.db", "copy.db");
  copyStore("copy.db", ".accord/accord.db");
  expect((await line.run(["plan"])).code).toBe(0);
  expect((await line.json<StatusJson>("status")).store).toMatchObject({ generation: 0, restored: false });
});
