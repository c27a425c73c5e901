import type { DatabaseSync } from "node:sqlite";
import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { HistoryJson } from "./history.ts";
import type { UndoJson } from "./undo.ts";

// Each command is a process of its own: on a busy machine a dozen of them take a while.
vi.setConfig({ testTimeout: 120_000 });

let line: Shop;
let crm: DatabaseSync;
let erp: DatabaseSync;

beforeEach(async () => {
  line = createShop();
  ({ crm, erp } = line);
  crm.exec("INSERT INTO contacts VALUES (1, 'ann@x.org', 'Ann'), (2, 'bob@x.org', 'Bob'), (3, 'cid@x.org', 'Cid')");
  erp.exec("INSERT INTO customer VALUES (71, 'ann@x.org', 'Anne'), (72, 'bob@x.org', 'Bob'), (74, 'dan@x.org', 'Dan')");
  await line.run(["install"]);
});

afterEach(() => line.remove());

function rows(database: DatabaseSync, table: string): string[] {
  return database
    .prepare(`SELECT email, name FROM ${table} ORDER BY email`)
    .all()
    .map((row) => `${String(row["email"])} ${String(row["name"])}`);
}

function told(...words: string[]): Promise<readonly [number | null, string]> {
  return line.told("undo", ...words);
}

async function lastRun(): Promise<string> {
  const history = await line.json<HistoryJson>("history");
  return "runs" in history ? String(history.runs[0]?.run) : "";
}

test("[S59] undoing the first apply puts every system back as it was, and shows it first", async () => {
  const before = [rows(crm, "contacts"), rows(erp, "customer")];
  expect((await line.run(["apply", "--yes"])).code).toBe(0);
  const after = [rows(crm, "contacts"), rows(erp, "customer")];
  expect(after[0]).toEqual(after[1]);
  const run = await lastRun();

  const preview = await line.run(["undo", run]);
  expect(preview.code).toBe(3);
  expect(preview.out).toContain("Nothing has been written.");
  expect([rows(crm, "contacts"), rows(erp, "customer")]).toEqual(after);

  const undone = await line.run(["undo", run, "--yes", "--json"]);
  expect(undone.code).toBe(0);
  const { applied, back, left, open } = JSON.parse(undone.out) as UndoJson;
  expect([applied, back.length > 0, left, open]).toEqual([true, true, [], []]);
  expect([rows(crm, "contacts"), rows(erp, "customer")]).toEqual(before);
  expect((await line.run(["undo", run])).code).toBe(0);
});

test("[S59] what a user changed since is left alone and listed", async () => {
  await line.run(["apply", "--yes"]);
  const run = await lastRun();
  erp.exec("UPDATE customer SET name = 'Anna Maria' WHERE id = 71");
  crm.exec("UPDATE contacts SET name = 'Daniel' WHERE email = 'dan@x.org'");
  const undone = await line.run(["undo", run, "--yes", "--json"]);
  const { left } = JSON.parse(undone.out) as UndoJson;
  expect(left.map(({ side, kind }) => `${side} ${kind}`).toSorted()).toEqual(["crm uncreate", "erp restore"]);
  expect(rows(erp, "customer")).toContain("ann@x.org Anna Maria");
  expect(rows(crm, "contacts")).toContain("dan@x.org Daniel");
  expect(rows(erp, "customer")).not.toContain("cid@x.org Cid");
});

test("one record, one field or a span of time can be undone", async () => {
  await line.run(["apply", "--yes"]);
  crm.exec("UPDATE contacts SET name = 'Bobby' WHERE id = 2; UPDATE contacts SET name = 'Cyd' WHERE id = 3");
  await line.run(["apply", "--yes"]);
  expect(rows(erp, "customer")).toEqual(expect.arrayContaining(["bob@x.org Bobby", "cid@x.org Cyd"]));
  const undone = await line.run(["undo", "--entity", "customers/crm:2", "--field", "name", "--since", "1h", "--yes"]);
  expect([undone.code, undone.error]).toEqual([0, ""]);
  expect(rows(erp, "customer")).toEqual(expect.arrayContaining(["bob@x.org Bob", "cid@x.org Cyd"]));
  expect(rows(crm, "contacts")).toEqual(expect.arrayContaining(["bob@x.org Bob", "cid@x.org Cyd"]));
  expect((await line.run(["verify"])).code).toBe(0);
});

test("wrong words end in one line that says what is right", async () => {
  await line.run(["apply", "--yes"]);
  expect(await told()).toEqual([2, "error ACCORD_USAGE: Say what to undo: a run (accord history lists them), or --entity, or --since."]);
  expect(await told("99")).toEqual([2, "error ACCORD_USAGE: There is no run 99; accord history lists them."]);
  // The number that the undo itself gets.
  expect(await told(String(Number(await lastRun()) + 1), "--yes")).toMatchObject([2, expect.stringContaining("There is no run")]);
  expect(await told("--since", "yesterday")).toEqual([
    2,
    "error ACCORD_USAGE: --since takes a length of time such as 10m, or an instant such as 2026-03-02T14:00:00Z.",
  ]);
  expect(await told("--since", "1h", "--field", "nam")).toEqual([2, "error ACCORD_USAGE: No sync has a field nam."]);
});

test("[S59] an undo of an edit is undone like any run; what it put back at one side alone, the next plan shows", async () => {
  await line.run(["apply", "--yes"]);
  const first = await lastRun();
  crm.exec("UPDATE contacts SET name = 'Bobby' WHERE id = 2");
  await line.run(["apply", "--yes"]);
  await line.run(["undo", await lastRun(), "--yes"]);
  expect(rows(erp, "customer")).toContain("bob@x.org Bob");
  const again = await line.json<UndoJson>("undo", await lastRun(), "--yes");
  expect([again.back.length, again.never]).toEqual([1, []]);
  expect([rows(crm, "contacts"), rows(erp, "customer")].map((list) => list.includes("bob@x.org Bobby"))).toEqual([true, true]);

  await line.run(["undo", first, "--yes"]);
  const run = await lastRun();
  const { out, code } = await line.run(["undo", run]);
  expect(out).toMatch(/changes? that cannot be undone:\n.* is written again by the next accord plan and accord apply/);
  expect(code).toBe(0);
});

test("[S60] a pilot of a sync that is live is refused: all that is due would be written, not a part", async () => {
  await line.run(["apply", "--yes"]);
  crm.exec("UPDATE contacts SET name = name || '!'");
  expect((await line.run(["plan"])).code).toBe(3);
  const ended = await line.run(["apply", "--sample", "1"]);
  expect(ended.code).toBe(2);
  expect(ended.error).toContain("error ACCORD_USAGE: customers is live, and nothing was written");
  expect(rows(erp, "customer")).toContain("bob@x.org Bob");
  expect((await line.run(["apply"])).code).toBe(0);
  expect(rows(erp, "customer")).toContain("bob@x.org Bob!");
});
