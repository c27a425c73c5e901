import { readFileSync } from "node:fs";
import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { VersionJson } from "./versions.ts";

let shop: Shop;
beforeEach(async () => {
  shop = createShop({ columns: ["name", "city"] });
  shop.crm.exec(
    "INSERT INTO contacts (email, name, city) VALUES ('ann@x.org', 'Ann', 'Ulm'), ('bob@x.org', 'Bob', 'Bonn'), ('cid@x.org', 'Cid', NULL)",
  );
  await shop.begin();
});
afterEach(() => shop.remove());

function rows(database: Shop["crm"], table: string): readonly string[] {
  return database
    .prepare(`SELECT * FROM ${table} ORDER BY email`)
    .all()
    .map((row) => Object.values(row).slice(2).join(" "));
}

/** Changes the project file by hand. */
function edit(from: string, to: string): void {
  const text = readFileSync(shop.path("accord.yaml"), "utf8");
  expect(text).toContain(from);
  shop.write("accord.yaml", text.replace(from, to));
}

function projectFile(): string {
  return readFileSync(shop.path("accord.yaml"), "utf8");
}

/** From now on the ERP means Bonn where it writes Ulm, and the other way round. */
function remap(): void {
  edit(
    "city: { type: text, crm: city, erp: city }",
    "city: { type: text, crm: city, erp: { field: city, values: { Ulm: Bonn, Bonn: Ulm } } }",
  );
}

async function done(...words: readonly string[]): Promise<string> {
  const { code, out, error } = await shop.run(words);
  expect([words.join(" "), code, error]).toEqual([words.join(" "), code === 3 ? 3 : 0, error]);
  return out;
}

describe("a configuration that changes", () => {
  test("[S51] a mapping that says otherwise: a plan shows what it would rewrite, a sample of it is tried, and nothing flows back", async () => {
    remap();
    expect(await done("plan")).toContain(
      'update erp record 1 (customers entity 4)\n      city: "Bonn" → "Ulm"\n  update erp record 2 (customers entity 5)\n      city: "Ulm" → "Bonn"\n\nNothing has been written. To write 2 changes: accord apply',
    );
    expect(rows(shop.erp, "customer")).toEqual(["Ann Ulm", "Bob Bonn", "Cid "]);
    expect((await shop.told("run"))[1]).toContain("error ACCORD_NOT_APPLIED");
    expect(await done("plan", "--sample", "1")).toContain('city: "Bonn" → "Ulm"');
    expect(await done("apply", "--sample", "1")).toContain("1 write");
    expect(rows(shop.erp, "customer")).toEqual(["Ann Bonn", "Bob Bonn", "Cid "]);
    expect((await shop.told("run"))[1]).toContain("error ACCORD_NOT_APPLIED");
    await done("apply", "--yes");
    expect(rows(shop.erp, "customer")).toEqual(["Ann Bonn", "Bob Ulm", "Cid "]);
    expect(rows(shop.crm, "contacts")).toEqual(["Ann Ulm", "Bob Bonn", "Cid "]);
  });

  test("[S51] what a version said is put back into the file, and a plan goes back to it", async () => {
    remap();
    await done("apply", "--yes");
    const { versions } = await shop.json<{ readonly versions: readonly VersionJson[] }>("versions", "customers");
    expect(versions.map(({ version, isPresent, isInFile, changed }) => [version, isPresent, isInFile, changed])).toEqual([
      [2, true, true, ["field city changed"]],
      [1, false, false, []],
    ]);
    const before = projectFile();
    expect(await done("versions", "customers", "1", "--put-back")).toContain("accord.yaml says of customers what it said in version 1.");
    expect(projectFile()).toBe(before.replace("{ field: city, values: { Ulm: Bonn, Bonn: Ulm } }", "city"));
    expect(await done("plan")).toContain("To write 2 changes: accord apply");
    await done("apply");
    expect(rows(shop.erp, "customer")).toEqual(["Ann Ulm", "Bob Bonn", "Cid "]);
    expect(await done("versions")).toMatch(/customers +3 +.* present, in the file +field city changed\n/);
  });

  test("[S51] a side that ranks first and is read otherwise tells the others, by a plan; what it holds stays as it is", async () => {
    edit(
      "city: { type: text, crm: city, erp: city }",
      "city: { type: text, crm: { field: city, values: { Ulm: Bonn, Bonn: Ulm } }, erp: city }",
    );
    const planned = await done("plan");
    expect(planned).toContain('update erp record 1 (customers entity 4)\n      city: "Ulm" → "Bonn"');
    expect(planned).not.toContain("update crm");
    await done("apply");
    expect([rows(shop.crm, "contacts")[0], rows(shop.erp, "customer")[0]]).toEqual(["Ann Ulm", "Ann Bonn"]);
  });

  test("[S51] a field that is mapped newly meets by the initial policy: null never beats a value, and the plan shows all of it", async () => {
    for (const [database, table] of [
      [shop.crm, "contacts"],
      [shop.erp, "customer"],
    ] as const)
      database.exec(`ALTER TABLE ${table} ADD COLUMN phone TEXT`);
    shop.crm.exec("UPDATE contacts SET phone = '1' WHERE name = 'Ann'");
    shop.erp.exec("UPDATE customer SET phone = '2' WHERE name <> 'Cid'");
    shop.project({ columns: ["name", "city", "phone"] });
    const planned = await done("plan");
    expect(planned).toContain('phone: "2" → "1"');
    expect(planned).toContain('phone: (empty) → "2"');
    await done("apply");
    expect(rows(shop.crm, "contacts")).toEqual(["Ann Ulm 1", "Bob Bonn 2", "Cid  "]);
    expect(rows(shop.erp, "customer")).toEqual(rows(shop.crm, "contacts"));
  });

  test("[S51] what a version said is printed as it would stand in the file; a wrong name or number is told", async () => {
    const [, block] = projectFile().split("syncs:\n");
    expect(await done("versions", "customers", "1")).toBe(`syncs:\n${block ?? ""}`);
    expect(await shop.told("versions", "customers", "7")).toEqual([2, "error ACCORD_USAGE: customers has no version 7; use one of 1."]);
    expect(await shop.told("versions", "orders")).toEqual([
      2,
      "error ACCORD_USAGE: There is no sync orders in the store; use one of customers.",
    ]);
    expect((await shop.told("versions", "--put-back"))[0]).toBe(2);
  });
});
