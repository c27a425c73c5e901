import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { openPostgresClient, startPostgres } from "@accord/sandbox/postgres";
import type { PostgresClient, PostgresServer } from "@accord/sandbox/postgres";
import { createCommandLine } from "@accord/testkit";
import type { CommandLine, Ended } from "@accord/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApplyJson } from "./cli/apply.ts";
import type { PlanJson } from "./cli/plan-json.ts";
import type { VerifyJson } from "./cli/verify.ts";

/** The example that docs/guide/getting-started.md walks through, with a role that has the rights named there and no more. */

let server: PostgresServer;
let line: CommandLine;
let crm: DatabaseSync;
let erp: PostgresClient;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  server = await startPostgres();
  line = createCommandLine();
  crm = new DatabaseSync(line.path("crm.db"));
  crm.exec(example("crm.sql"));
  const url = await server.createDatabase("shop");
  const owner = await openPostgresClient(url);
  await owner.run(`CREATE ROLE shop LOGIN PASSWORD 'shop'; CREATE ROLE accord LOGIN REPLICATION PASSWORD 'accord' IN ROLE shop;
    GRANT CREATE ON DATABASE shop TO accord; GRANT CREATE ON SCHEMA public TO shop`);
  await owner.close();
  erp = await openPostgresClient(as(url, "shop"));
  await erp.run(example("erp.sql"));
  environment = { ERP_URL: as(url, "accord") };
  line.write("accord.yaml", example("accord.yaml"));
});
afterAll(async () => {
  crm.close();
  await erp.close();
  await line.remove();
  await server.stop();
});

function example(name: string): string {
  return readFileSync(new URL(`../../../examples/two-databases/${name}`, import.meta.url), "utf8");
}

/** The same address for another role, whose password is its name. */
function as(url: string, role: string): string {
  const address = new URL(url);
  address.username = role;
  address.password = role;
  return address.href;
}

async function accord(...words: readonly string[]): Promise<Ended> {
  return line.run(words, { environment });
}

async function json<Shape>(...words: readonly string[]): Promise<Shape> {
  const { out } = await accord(...words, "--json");
  return JSON.parse(out) as Shape; // The shape that the command documents.
}

/** What the CRM's own query says. */
function inCrm(email: string): unknown {
  const sql = "SELECT first_name || ' ' || last_name AS name, stage, points, CAST(credit_limit AS REAL) AS credit, archived FROM contacts";
  return crm.prepare(`${sql} WHERE lower(email) = ? ORDER BY id DESC`).get(email);
}

/** What the ERP's own query says. */
async function inErp(email: string): Promise<readonly (string | null)[] | undefined> {
  const sql = "SELECT full_name, status, loyalty_points::text, credit_limit::text, archived::text FROM customer";
  const [result] = await erp.run(`${sql} WHERE lower(email_address) = '${email}'`);
  return result?.rows[0];
}

test("the example is G3 after install, and its plan is the one that the guide shows", async () => {
  expect(await accord("install")).toMatchObject({ code: 0, error: "" });
  const planned = await json<PlanJson>("plan");
  expect(planned.operations.map(({ side, kind, fields }) => [side, kind, fields.map(({ field }) => field).join(" ")])).toEqual([
    ["crm", "update", "credit"],
    ["crm", "update", "phone credit"],
    ["crm", "update", "credit"],
    ["crm", "update", "credit"],
    ["crm", "create", "email name phone stage points credit"],
    ["erp", "update", "name"],
    ["erp", "update", "stage"],
    ["erp", "create", "email name phone stage points"],
  ]);
});

test("[S59] a pilot of four is taken back, and the ERP is as it was", async () => {
  const before = await erp.run("SELECT full_name, email_address, phone, status, loyalty_points FROM customer ORDER BY customer_no");
  const pilot = await json<ApplyJson>("apply", "--sample", "4");
  expect(pilot.released).toBe(4);
  expect(await accord("undo", String(pilot.run), "--yes")).toMatchObject({ code: 0, error: "" });
  const after = await erp.run("SELECT full_name, email_address, phone, status, loyalty_points FROM customer ORDER BY customer_no");
  expect(after).toEqual(before);
});

test("applied, the two systems agree: once by verify, once by their own queries", async () => {
  expect(await accord("apply", "--yes")).toMatchObject({ code: 0, error: "" });
  expect(await json<VerifyJson>("verify")).toMatchObject({ agrees: true, records: 12, entities: 6 });
  expect(inCrm("finn.larsen@mail.example")).toEqual({ name: "Finn Larsen", stage: "customer", points: 5, credit: 2500, archived: 0 });
  expect(await inErp("ewa.nowak@mail.example")).toEqual(["Ewa Nowak", "L", "0", null, "false"]);
  expect(await inErp("chloe.martin@mail.example")).toEqual(["Chloe Martin", "L", "0", "0.00", "false"]);
});

test("edits of both sides meet: fields merge, counts add up, a phone number waits for a person, a delete is archived", async () => {
  crm.exec(`UPDATE contacts SET points = points - 4, stage = 'lapsed' WHERE email = 'dev.patel@mail.example';
    UPDATE contacts SET phone = '+1 202 555 0111' WHERE email = 'ada.brandt@mail.example';
    DELETE FROM contacts WHERE email = 'ewa.nowak@mail.example'`);
  await erp.run(`UPDATE customer SET loyalty_points = loyalty_points + 10, credit_limit = 950 WHERE email_address = 'dev.patel@mail.example';
    UPDATE customer SET phone = '(202) 555-0199' WHERE email_address = 'ada.brandt@mail.example'`);
  expect((await accord("apply", "--yes")).code).toBe(0);
  expect(inCrm("dev.patel@mail.example")).toEqual({ name: "Dev Patel", stage: "lapsed", points: 18, credit: 950, archived: 0 });
  expect(await inErp("dev.patel@mail.example")).toEqual(["Dev Patel", "Z", "18", "950.00", "false"]);
  expect(await inErp("ewa.nowak@mail.example")).toEqual(["Ewa Nowak", "L", "0", null, "true"]);
  expect((await accord("conflicts")).out).toContain("customers/6/phone  both sides changed it to different values");
  expect(await accord("conflicts", "resolve", "customers/6/phone", "--take", "erp")).toMatchObject({ code: 0, error: "" });
  const phone = "SELECT phone FROM contacts WHERE email = 'ada.brandt@mail.example'";
  expect(crm.prepare(phone).get()).toEqual({ phone: "(202) 555-0199" });
});

test("[S43] a third delete within the hour needs a person", async () => {
  crm.exec("DELETE FROM contacts WHERE first_name IN ('Ben', 'Chloe', 'Finn')");
  expect((await accord("plan")).code).toBe(3);
  expect(await accord("apply")).toMatchObject({
    code: 3,
    error:
      "error ACCORD_GUARD_STOP: Nothing was written: 3 deletes are due at erp, more than the 2 allowed. If that is right: accord approve customers/erp/deletes\n",
  });
  expect((await accord("approve", "customers/erp/deletes")).code).toBe(0);
  expect((await accord("apply")).code).toBe(0);
  expect((await inErp("finn.larsen@mail.example"))?.at(-1)).toBe("true");
});
