import type { DatabaseSync } from "node:sqlite";
import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

// Each command is a process of its own: on a busy machine a dozen of them take a while.
vi.setConfig({ testTimeout: 120_000 });

const OPTIONS = {
  columns: ["stock", "counted", "counted_at"],
  types: { stock: ["integer", "INTEGER"], counted: ["integer", "INTEGER"], counted_at: ["instant", "TIMESTAMPTZ"] },
  fields: { stock: "policy: { counter: { floor: 0, absolute: { value: counted, asOf: counted_at } } }" },
} as const;

let line: Shop;
let crm: DatabaseSync;
let erp: DatabaseSync;

beforeEach(() => {
  line = createShop(OPTIONS);
  ({ crm, erp } = line);
});

afterEach(() => line.remove());

function stocks(): unknown[] {
  return [crm.prepare("SELECT stock FROM contacts").get()?.["stock"], erp.prepare("SELECT stock FROM customer").get()?.["stock"]];
}

async function apply(): Promise<unknown[]> {
  const { code, error } = await line.run(["apply", "--yes"]);
  expect([code, error]).toEqual([0, ""]);
  return stocks();
}

test("[S19] a stocktake resets the count at both sides, and what is sold and bought from then on counts on top of it [I8]", async () => {
  crm.exec("INSERT INTO contacts (email, stock) VALUES ('ann@x.org', 10)");
  await line.begin();
  expect(stocks()).toEqual([10, 10]);
  crm.exec("UPDATE contacts SET stock = stock - 3");
  erp.exec("UPDATE customer SET stock = stock + 1");
  expect(await apply()).toEqual([8, 8]);

  // Counted a minute ago; one was sold elsewhere since.
  const asOf = new Date(Date.now() - 60_000).toISOString();
  erp.prepare("UPDATE customer SET counted = 17, counted_at = ?").run(asOf);
  crm.exec("UPDATE contacts SET stock = stock - 1");
  // The movements of before the count are in it already, but those of the last minute are not: the three seconds of this test are such.
  const [left, right] = await apply();
  expect(left).toBe(right);
  expect(left).toBe(17 - 3 + 1 - 1);

  const now = new Date(Date.now() + 1_000).toISOString();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  erp.prepare("UPDATE customer SET counted = 40, counted_at = ?").run(now);
  expect(await apply()).toEqual([40, 40]);
  crm.exec("UPDATE contacts SET stock = stock + 2");
  erp.exec("UPDATE customer SET stock = stock - 5");
  expect(await apply()).toEqual([37, 37]);
  expect((await line.run(["verify"])).code).toBe(0);
});

test("[S19] fields that cannot be a stocktake are refused with their line", async () => {
  const project = (absolute: string): void =>
    line.project({ ...OPTIONS, fields: { stock: `policy: { counter: { absolute: ${absolute} } }` } });
  project("{ value: count, asOf: counted_at }");
  expect(await line.told("check")).toEqual([
    2,
    'accord.yaml:12:88: syncs.customers.fields.stock.policy.counter.absolute.value: there is no field "count"; use one of email, stock, counted, counted_at',
  ]);
  project("{ value: counted, asOf: email }");
  expect((await line.told("check"))[1]).toContain("absolute.asOf: email tells no moment; name a field of type instant, timestamp or date");
  project("{ value: stock, asOf: counted_at }");
  expect((await line.told("check"))[1]).toContain("absolute.value: a stocktake of stock needs a field of its own");
  project("{ value: email, asOf: counted_at }");
  expect((await line.told("check"))[1]).toContain("absolute.value: email is no number");
});
