import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { openPostgresClient, startPostgres } from "@accord/sandbox/postgres";
import type { PostgresClient, PostgresServer } from "@accord/sandbox/postgres";
import { createCommandLine } from "@accord/testkit";
import type { CommandLine, Ended, Running } from "@accord/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { VerifyJson } from "./cli/verify.ts";

/** The example of a shop and an ERP whose records name one another, from first contact through a day's trade. What is true is read from the databases by their own SQL. */

let server: PostgresServer;
let line: CommandLine;
let shop: DatabaseSync;
let erp: PostgresClient;
let environment: Readonly<Record<string, string>>;
let run: Running;

beforeAll(async () => {
  server = await startPostgres();
  line = createCommandLine();
  // As the shop's own program opens it: references are not enforced.
  shop = new DatabaseSync(line.path("shop.db"), { enableForeignKeyConstraints: false });
  shop.exec("PRAGMA busy_timeout = 10000");
  shop.exec(example("shop.sql"));
  const url = await server.createDatabase("trade");
  erp = await openPostgresClient(url);
  await erp.run(example("erp.sql"));
  environment = { ERP_URL: url };
  line.write("accord.yaml", example("accord.yaml"));
});
afterAll(async () => {
  await line.remove();
  shop.close();
  await erp.close();
  await server.stop();
});

function example(name: string): string {
  return readFileSync(new URL(`../../../examples/shop-and-erp/${name}`, import.meta.url), "utf8");
}

async function accord(...words: readonly string[]): Promise<Ended> {
  return line.run(words, { environment });
}

function inShop(sql: string): readonly string[] {
  return shop
    .prepare(sql)
    .all()
    .map((row) => Object.values(row).join(" "));
}

async function inErp(sql: string): Promise<readonly string[]> {
  const [result] = await erp.run(sql);
  return (result?.rows ?? []).map((row) => row.map((cell) => cell ?? "").join(" "));
}

/** Everything that both databases hold, each through its own joins: ids differ, what they name does not. */
const AT_SHOP = {
  customers: "SELECT email, name FROM customers ORDER BY email",
  products: "SELECT sku, title, printf('%.2f', price), stock FROM products ORDER BY sku",
  orders: "SELECT o.number, c.email, o.status FROM orders o LEFT JOIN customers c ON c.id = o.customer_id ORDER BY o.number",
  lines: `SELECT o.number, l.position, p.sku, l.quantity FROM order_lines l LEFT JOIN orders o ON o.id = l.order_id
    LEFT JOIN products p ON p.id = l.product_id ORDER BY o.number, l.position`,
  invoices:
    "SELECT i.number, coalesce(o.number, '-'), printf('%.2f', i.total), i.paid FROM invoices i LEFT JOIN orders o ON o.id = i.order_id ORDER BY i.number",
};
const AT_ERP = {
  customers: "SELECT email, full_name FROM customer ORDER BY email",
  products: "SELECT sku, description, list_price::text, on_hand::text FROM item ORDER BY sku",
  orders: `SELECT o.web_number, c.email, CASE o.state WHEN 'O' THEN 'new' WHEN 'S' THEN 'shipped' ELSE 'closed' END
    FROM sales_order o JOIN customer c ON c.no = o.customer_no ORDER BY o.web_number`,
  lines:
    "SELECT o.web_number, l.pos::text, l.sku, l.quantity::text FROM sales_line l JOIN sales_order o ON o.no = l.order_no ORDER BY 1, 2",
  invoices: `SELECT i.invoice_no, coalesce(o.web_number, '-'), i.total::text, CASE WHEN i.paid THEN '1' ELSE '0' END
    FROM invoice i LEFT JOIN sales_order o ON o.no = i.order_no ORDER BY 1`,
};

type Table = keyof typeof AT_SHOP;

/** Waits until a table shows this at both sides. */
async function bothShow(table: Table, expected: readonly string[]): Promise<void> {
  const isThere = async (): Promise<boolean> =>
    inShop(AT_SHOP[table]).join("\n") === expected.join("\n") && (await inErp(AT_ERP[table])).join("\n") === expected.join("\n");
  for (let tries = 0; tries < 200 && !(await isThere()); tries += 1) await sleep(50);
  expect({ shop: inShop(AT_SHOP[table]), erp: await inErp(AT_ERP[table]) }).toEqual({ shop: expected, erp: expected });
}

test(
  "[S36] [S45] at first contact each side gets what it lacks, parents first, and names its own records",
  { timeout: 90_000 },
  async () => {
    expect(await accord("install")).toMatchObject({ code: 0, error: "" });
    const planned = await accord("plan");
    expect(planned).toMatchObject({ code: 3, error: "" });
    expect(planned.out).toContain("order names a record of orders that comes first");
    expect(await accord("apply", "--yes")).toMatchObject({ code: 0, error: "" });
    await bothShow("customers", ["ada@mail.example Ada Brandt", "ben@mail.example Ben Okafor", "cleo@mail.example Cleo Park"]);
    await bothShow("products", ["CHAIR Chair 129.00 8", "LAMP Desk lamp 39.90 20", "SHELF Shelf 79.50 5"]);
    await bothShow("orders", ["T-77 cleo@mail.example new", "W-1 ada@mail.example new"]);
    await bothShow("lines", ["T-77 1 SHELF 3", "W-1 1 LAMP 2", "W-1 2 CHAIR 1"]);
    run = line.start(["run"], { environment });
    await run.waitFor("Running");
  },
);

test(
  "[S44] an order made in the shop arrives with its new customer, its new product and its lines, in one go",
  { timeout: 90_000 },
  async () => {
    shop.exec(`BEGIN;
    INSERT INTO customers (id, email, name) VALUES (77, 'dora@mail.example', 'Dora Lindt');
    INSERT INTO orders (id, number, customer_id) VALUES (70, 'W-2', 77);
    INSERT INTO order_lines (order_id, position, product_id, quantity) VALUES (70, 1, 1, 4), (70, 2, 3, 1);
    COMMIT`);
    await bothShow("orders", ["T-77 cleo@mail.example new", "W-1 ada@mail.example new", "W-2 dora@mail.example new"]);
    await bothShow("lines", ["T-77 1 SHELF 3", "W-1 1 LAMP 2", "W-1 2 CHAIR 1", "W-2 1 LAMP 4", "W-2 2 SHELF 1"]);
  },
);

test("[S44] its invoice, made in the ERP, comes back and names the shop's own order", { timeout: 90_000 }, async () => {
  await erp.run(`INSERT INTO invoice (invoice_no, order_no, total) SELECT 'R-1', no, 239.10 FROM sales_order WHERE web_number = 'W-2'`);
  await bothShow("invoices", ["R-1 W-2 239.10 0"]);
  expect(inShop("SELECT order_id FROM invoices")).toEqual(["70"]);
});

test("[S19] a lamp is sold in the shop while the ERP restocks: the counts add up", { timeout: 90_000 }, async () => {
  shop.exec("UPDATE products SET stock = stock - 4 WHERE sku = 'LAMP'");
  await erp.run("UPDATE item SET on_hand = on_hand + 30 WHERE sku = 'LAMP'");
  await bothShow("products", ["CHAIR Chair 129.00 8", "LAMP Desk lamp 39.90 46", "SHELF Shelf 79.50 5"]);
});

test("[S46] a line's product is changed in the ERP, and an order goes to another customer in the shop", { timeout: 90_000 }, async () => {
  await erp.run("UPDATE sales_line SET sku = 'CHAIR' WHERE sku = 'SHELF' AND quantity = 1");
  shop.exec("UPDATE orders SET customer_id = (SELECT id FROM customers WHERE email = 'ben@mail.example') WHERE number = 'W-1'");
  await bothShow("lines", ["T-77 1 SHELF 3", "W-1 1 LAMP 2", "W-1 2 CHAIR 1", "W-2 1 LAMP 4", "W-2 2 CHAIR 1"]);
  await bothShow("orders", ["T-77 cleo@mail.example new", "W-1 ben@mail.example new", "W-2 dora@mail.example new"]);
});

test("[S45] [I9] a customer who is deleted while an order names her stays in the ERP, and that is told", { timeout: 90_000 }, async () => {
  shop.exec("DELETE FROM customers WHERE email = 'dora@mail.example'");
  let told = "";
  for (let tries = 0; tries < 100 && !(told.includes("still name it") && told.includes("was deleted")); tries += 1) {
    await sleep(100);
    told = (await accord("errors")).out;
  }
  expect(told).toContain("records of orders still name it");
  expect(told).toContain("it names a record that was deleted");
  expect(await inErp("SELECT full_name FROM customer WHERE email = 'dora@mail.example'")).toEqual(["Dora Lindt"]);
  shop.exec("UPDATE orders SET customer_id = (SELECT id FROM customers WHERE email = 'ada@mail.example') WHERE number = 'W-2'");
  await bothShow("customers", ["ada@mail.example Ada Brandt", "ben@mail.example Ben Okafor", "cleo@mail.example Cleo Park"]);
  expect((await accord("errors")).out).not.toContain("still name it");
});

test(
  "[S45] an order that is cancelled takes its lines with it, from both sides; its invoice stays and names none",
  { timeout: 90_000 },
  async () => {
    shop.exec("DELETE FROM orders WHERE number = 'W-2'");
    await bothShow("orders", ["T-77 cleo@mail.example new", "W-1 ben@mail.example new"]);
    await bothShow("lines", ["T-77 1 SHELF 3", "W-1 1 LAMP 2", "W-1 2 CHAIR 1"]);
    await bothShow("invoices", ["R-1 - 239.10 0"]);
  },
);

test("at the end both agree, and no reference dangles", { timeout: 90_000 }, async () => {
  run.child.kill("SIGINT");
  const ended = await run.ended;
  expect(ended.error).not.toContain("ACCORD_BUG");
  const { out } = await accord("verify", "--json");
  expect(JSON.parse(out) as VerifyJson).toMatchObject({ agrees: true });
  expect(inShop("PRAGMA foreign_key_check")).toEqual([]);
  expect((await accord("errors")).out).not.toMatch(/still name|was deleted|unknown record/);
  for (const table of ["customers", "products", "orders", "lines", "invoices"] as const)
    expect(inShop(AT_SHOP[table])).toEqual(await inErp(AT_ERP[table]));
});
