import type { DatabaseSync } from "node:sqlite";
import { createShop } from "@accord/testkit";
import type { Ended, Shop } from "@accord/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ConflictsJson } from "./conflicts-json.ts";
import type { ExplainJson } from "./explain.ts";
import type { HistoryJson } from "./history.ts";

// Each command is a process of its own: on a busy machine a dozen of them take a while.
vi.setConfig({ testTimeout: 120_000 });

let line: Shop;
let crm: DatabaseSync;
let erp: DatabaseSync;

beforeEach(() => {
  line = createShop({
    columns: ["name", "phone"],
    fields: { name: "policy: review", phone: "policy: review, sensitive: true" },
    sync: ["deletes: { conflict: review }", "guards: { deletes: 100% }"],
  });
  ({ crm, erp } = line);
  crm.exec("INSERT INTO contacts VALUES (1, 'ann@x.org', 'Ann', '11'), (2, 'bob@x.org', 'Bob', '22'), (3, 'cid@x.org', 'Cid', '33')");
});

afterEach(() => line.remove());

function accord(...words: string[]): Promise<Ended> {
  return line.run(words);
}

function json<Answer>(...words: string[]): Promise<Answer> {
  return line.json<Answer>(...words);
}

/** Both systems agree and the sync is live. */
function begin(): Promise<void> {
  return line.begin();
}

function peopleAt(database: DatabaseSync, table: string): string[] {
  const rows = database.prepare(`SELECT email, name FROM ${table} ORDER BY email`).all();
  return rows.map((row) => `${String(row["email"])} ${String(row["name"])}`);
}

function told(...words: string[]): Promise<readonly [number | null, string]> {
  return line.told(...words);
}

function nameAt(database: DatabaseSync, table: string, email: string): unknown {
  return database.prepare(`SELECT name FROM ${table} WHERE email = ?`).get(email)?.["name"];
}

test("[S23] a conflict is listed with both values, and a person's decision reaches both sides", async () => {
  await begin();
  crm.exec("UPDATE contacts SET name = 'Anna' WHERE id = 1");
  erp.exec("UPDATE customer SET name = 'Annie' WHERE email = 'ann@x.org'");
  await accord("plan");
  const listed = await accord("conflicts");
  expect(listed.code).toBe(3);
  expect(listed.out).toContain('"Anna"');
  expect(listed.out).toContain('"Annie"');
  const { conflicts } = await json<ConflictsJson>("conflicts");
  expect(conflicts).toHaveLength(1);
  const id = conflicts[0]?.id ?? "";
  const shown = await accord("conflicts", "show", id);
  expect(shown.out).toContain(`accord conflicts resolve ${id} --take erp`);
  expect([nameAt(crm, "contacts", "ann@x.org"), nameAt(erp, "customer", "ann@x.org")]).toEqual(["Anna", "Annie"]);

  const resolved = await accord("conflicts", "resolve", id, "--take", "erp");
  expect([resolved.code, resolved.error]).toEqual([0, ""]);
  expect([nameAt(crm, "contacts", "ann@x.org"), nameAt(erp, "customer", "ann@x.org")]).toEqual(["Annie", "Annie"]);
  expect((await accord("conflicts")).code).toBe(0);
  expect((await accord("verify")).code).toBe(0);

  const explained = await accord("explain", "customers", "crm:1", "name");
  expect(explained.code).toBe(0);
  expect(explained.out).toContain('name is "Annie", decided by a person in Accord');
  // Both sides are swept at once: either edit may be seen first.
  expect(explained.out).toMatch(/crm changed name from "Ann" to "Anna"|erp changed name from "Ann" to "Annie"/);
  expect(explained.out).toContain("a person decided");
  const { fields, story } = await json<ExplainJson>("explain", "customers", "crm:1", "name");
  expect(fields[0]?.sides.map(({ state }) => state)).toEqual(["shows", "shows"]);
  expect(story.map(({ kind }) => kind)).toContain("reviewOpened");
  const history = await json<HistoryJson>("history", "customers", "crm:1");
  expect("story" in history && history.story.length).toBeGreaterThan(story.length);
});

test("sensitive values are masked unless they are asked for", async () => {
  await begin();
  crm.exec("UPDATE contacts SET phone = '111' WHERE id = 1");
  erp.exec("UPDATE customer SET phone = '999' WHERE email = 'ann@x.org'");
  await accord("plan");
  for (const words of [
    ["conflicts"],
    ["conflicts", "--json"],
    ["explain", "customers", "crm:1", "phone"],
    ["history", "customers", "crm:1"],
  ]) {
    const { out } = await accord(...words);
    expect(out, words.join(" ")).not.toMatch(/111|999/);
    expect(out, words.join(" ")).toContain("•••");
  }
  expect((await accord("conflicts", "list", "--show-values")).out).toMatch(/"111"[\s\S]*"999"/);
});

test("a decision may be another value, or none", async () => {
  await begin();
  crm.exec("UPDATE contacts SET name = 'Anna' WHERE id = 1; UPDATE contacts SET name = 'Bobby' WHERE id = 2");
  erp.exec("UPDATE customer SET name = 'Annie' WHERE email = 'ann@x.org'; UPDATE customer SET name = 'Rob' WHERE email = 'bob@x.org'");
  await accord("plan");
  const ids = (await json<ConflictsJson>("conflicts")).conflicts.map(({ id }) => id);
  expect((await accord("conflicts", "resolve", ids[0] ?? "", "--value", "Ann B.")).code).toBe(0);
  expect((await accord("conflicts", "resolve", ids[1] ?? "", "--empty")).code).toBe(0);
  expect(nameAt(crm, "contacts", "ann@x.org")).toBe("Ann B.");
  expect(nameAt(erp, "customer", "ann@x.org")).toBe("Ann B.");
  expect([nameAt(crm, "contacts", "bob@x.org"), nameAt(erp, "customer", "bob@x.org")]).toEqual([null, null]);
});

test("[S38] a delete that met an edit is kept or deleted as a person says", async () => {
  await begin();
  crm.exec("DELETE FROM contacts WHERE id IN (1, 2)");
  erp.exec("UPDATE customer SET name = name || '!' WHERE email IN ('ann@x.org', 'bob@x.org')");
  await accord("plan");
  const { conflicts } = await json<ConflictsJson>("conflicts");
  expect(conflicts.map(({ kind }) => kind)).toEqual(["delete", "delete"]);
  const wrong = await accord("conflicts", "resolve", conflicts[0]?.id ?? "", "--take", "erp");
  expect([wrong.code, wrong.error.trim()]).toEqual([
    2,
    "error ACCORD_USAGE: Here a delete met an edit: decide it with --keep or --delete.",
  ]);
  expect((await accord("conflicts", "resolve", conflicts[0]?.id ?? "", "--keep")).code).toBe(0);
  expect((await accord("conflicts", "resolve", conflicts[1]?.id ?? "", "--delete")).code).toBe(0);
  expect(peopleAt(crm, "contacts")).toEqual(peopleAt(erp, "customer"));
  expect(peopleAt(erp, "customer")).toHaveLength(2);
  expect((await accord("verify")).code).toBe(0);
});

test("[S36] a record that fits several is linked as a person says, and nothing is created for it meanwhile", async () => {
  crm.exec("INSERT INTO contacts VALUES (4, 'ann@x.org', 'Ann too', '44')");
  erp.exec("INSERT INTO customer VALUES (70, 'ann@x.org', 'Ann', '11')");
  await begin();
  const anns = (): number => erp.prepare("SELECT 1 FROM customer WHERE email = 'ann@x.org'").all().length;
  expect(anns()).toBe(1);
  const { conflicts } = await json<ConflictsJson>("conflicts");
  const match = conflicts[0];
  expect(match?.id).toBe("customers/erp/70");
  const wrong = await accord("conflicts", "resolve", "customers/erp/70", "--link", "999999");
  expect(wrong.code).toBe(2);
  const candidate = match?.kind === "match" ? match.candidates.find(({ records }) => records.includes("crm:1")) : undefined;
  crm.exec("DELETE FROM contacts WHERE id = 4");
  expect((await accord("conflicts", "resolve", "customers/erp/70", "--link", String(candidate?.entity))).code).toBe(0);
  expect(anns()).toBe(1);
  crm.exec("UPDATE contacts SET name = 'Ann A.' WHERE id = 1");
  await accord("plan");
  expect((await accord("apply")).code).toBe(0);
  expect(nameAt(erp, "customer", "ann@x.org")).toBe("Ann A.");
  expect((await accord("verify")).code).toBe(0);
});

test("[S36] a record that fits several and is none of them becomes a thing of its own at both sides", async () => {
  crm.exec("INSERT INTO contacts VALUES (4, 'ann@x.org', 'Ann too', '44')");
  erp.exec("INSERT INTO customer VALUES (70, 'ann@x.org', 'Ann the third', '11')");
  await begin();
  const shown = await accord("conflicts", "show", "customers/erp/70");
  expect(shown.out).toContain("accord conflicts resolve customers/erp/70 --new");
  const resolved = await accord("conflicts", "resolve", "customers/erp/70", "--new");
  expect([resolved.code, resolved.out]).toEqual([0, expect.stringMatching(/^Decided customers\/erp\/70 in run \d+\.\n$/)]);
  const names = ["ann@x.org Ann", "ann@x.org Ann the third", "ann@x.org Ann too", "bob@x.org Bob", "cid@x.org Cid"];
  expect([peopleAt(crm, "contacts").toSorted(), peopleAt(erp, "customer").toSorted()]).toEqual([names, names]);
  expect((await accord("verify")).code).toBe(0);
});

test("wrong words end in one line that says what is right", async () => {
  await begin();
  expect(await told("conflicts", "show", "customers/1/name")).toEqual([
    2,
    "error ACCORD_USAGE: There is no open conflict customers/1/name, nor any other.",
  ]);
  expect(await told("conflicts", "resolve", "customers/1/name")).toEqual([
    2,
    "error ACCORD_USAGE: Say how to decide it with exactly one of --take, --value, --empty, --keep, --delete, --link and --new.",
  ]);
  expect(await told("explain", "people", "1")).toEqual([2, "error ACCORD_USAGE: There is no sync people; it is one of customers."]);
  expect(await told("explain", "customers", "crm:99")).toEqual([
    2,
    "error ACCORD_USAGE: customers knows no record or entity crm:99; name a record as crm:17, or an entity by its number.",
  ]);
  expect(await told("explain", "customers", "crm:1", "nam")).toEqual([
    2,
    "error ACCORD_USAGE: customers has no field nam; it is one of email, name, phone.",
  ]);
  expect(await told("history", "customers")).toEqual([2, "error ACCORD_USAGE: Name the record too: accord history customers crm:17."]);
});

test("a running accord run carries out the decision", async () => {
  await begin();
  const running = line.start(["run"]);
  await running.waitFor("Running (run");
  erp.exec("BEGIN IMMEDIATE; UPDATE customer SET name = 'Annie' WHERE email = 'ann@x.org'");
  crm.exec("UPDATE contacts SET name = 'Anna' WHERE id = 1");
  erp.exec("COMMIT");
  await expect.poll(async () => (await json<ConflictsJson>("conflicts")).open, { timeout: 10_000 }).toBe(1);
  const id = (await json<ConflictsJson>("conflicts")).conflicts[0]?.id ?? "";
  expect((await accord("conflicts", "resolve", id, "--take", "crm")).code).toBe(0);
  expect([nameAt(crm, "contacts", "ann@x.org"), nameAt(erp, "customer", "ann@x.org")]).toEqual(["Anna", "Anna"]);
  running.child.kill("SIGINT");
  expect((await running.ended).code).toBe(0);
});
