import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { openPostgresClient } from "@accord/sandbox/postgres";
import { createCommandLine } from "@accord/testkit";
import type { CommandLine } from "@accord/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DemoAddresses } from "./systems.ts";

let line: CommandLine;
beforeEach(() => {
  line = createCommandLine();
});
afterEach(async () => {
  await line.remove();
});

/** A folder for temporary files that is looked at afterwards. */
function ownTemporary(): Readonly<Record<string, string>> {
  mkdirSync(line.path("tmp"), { mode: 0o755 });
  return { TMPDIR: line.path("tmp") };
}

function leftBehind(): readonly string[] {
  return readdirSync(line.path("tmp")).filter((name) => name.startsWith("accord-demo-"));
}

test("the demo keeps every promise, judged by both databases' own queries, and leaves nothing behind", { timeout: 120_000 }, async () => {
  const environment = ownTemporary();
  const { code, out, error } = await line.run(["demo", "--fast"], { environment });
  expect(error).toBe("");
  expect(out).not.toContain("✗");
  expect(out).not.toContain("\u001b[");
  expect(out.match(/^✓ /gm)?.length).toBeGreaterThanOrEqual(18);
  expect(out).toMatch(/All \d+ checks held/);
  expect(code).toBe(0);
  expect(leftBehind()).toEqual([]);
});

test("kept alive, both systems can be edited and stay in agreement until Ctrl-C", { timeout: 120_000 }, async () => {
  const demo = line.start(["demo", "--fast", "--keep"]);
  await demo.waitFor("Ctrl-C stops them");
  const edited = await line.run(["demo", "sql", "crm", "UPDATE contacts SET phone = '+49 30 23125 999' WHERE id = 4"]);
  expect([edited.code, edited.out.trim()]).toEqual([0, "1 row changed"]);
  const { crm, erp } = JSON.parse(readFileSync(line.path("accord-demo/demo.json"), "utf8")) as DemoAddresses;
  const client = await openPostgresClient(erp);
  const phone = async (): Promise<unknown> => (await client.run("SELECT phone FROM customer WHERE customer_no = 10004"))[0]?.rows[0]?.[0];
  await expect.poll(phone, { timeout: 10_000 }).toBe("+49 30 23125 999");
  await client.run("UPDATE customer SET status = 'Z' WHERE customer_no = 10004");
  await client.close();
  const database = new DatabaseSync(crm, { readOnly: true });
  await expect.poll(() => database.prepare("SELECT stage FROM contacts WHERE id = 4").get()?.["stage"], { timeout: 10_000 }).toBe("lapsed");
  database.close();
  const refused = await line.run(["demo", "sql", "erp", "SELECT nothing"]);
  expect(refused.code).toBe(1);
  expect(refused.out).toContain('column "nothing" does not exist');
  demo.child.kill("SIGINT");
  expect((await demo.ended).code).toBe(0);
  expect(existsSync(line.path("accord-demo/demo.json"))).toBe(false);
  const gone = await line.run(["demo", "sql", "crm", "SELECT 1"]);
  expect([gone.code, gone.error]).toEqual([1, expect.stringContaining("error ACCORD_NO_DEMO: No demo runs in")]);
  const again = await line.run(["demo", "--keep"]);
  expect([again.code, again.error]).toEqual([1, expect.stringContaining("error ACCORD_DEMO_EXISTS:")]);
});

test("Ctrl-C in the midst of it cleans up", { timeout: 60_000 }, async () => {
  const demo = line.start(["demo"], { environment: ownTemporary() });
  await demo.waitFor("accord check");
  demo.child.kill("SIGINT");
  const { error } = await demo.ended;
  expect(error).toContain("ACCORD_CANCELLED");
  expect(leftBehind()).toEqual([]);
});
