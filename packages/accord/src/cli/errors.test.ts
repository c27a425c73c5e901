import type { DatabaseSync } from "node:sqlite";
import { createShop } from "@accord/testkit";
import type { Shop } from "@accord/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ErrorsJson, RetriedJson } from "./errors.ts";

// Each command is a process of its own: on a busy machine a dozen of them take a while.
vi.setConfig({ testTimeout: 120_000 });

let line: Shop;
let erp: DatabaseSync;

beforeEach(() => {
  line = createShop();
  ({ erp } = line);
  line.crm.exec(
    "INSERT INTO contacts VALUES (1, 'ann@x.org', 'Ann'), (2, 'zoe@x.org', 'Zoe'), (3, 'zac@x.org', 'Zac'), (4, 'no address', 'Nat')",
  );
  erp.exec(
    "CREATE TRIGGER closed BEFORE INSERT ON customer WHEN NEW.name LIKE 'Z%' BEGIN SELECT RAISE(ABORT, 'names with Z are closed'); END",
  );
});

afterEach(() => line.remove());

test("[S30] [S47] refused writes stand aside by cause, the rest proceeds, and a retry makes them once the cause is mended", async () => {
  expect((await line.run(["install"])).code).toBe(0);
  await line.run(["apply", "--yes"]);
  const names = (): unknown[] =>
    erp
      .prepare("SELECT name FROM customer ORDER BY name")
      .all()
      .map(({ name }) => name);
  expect(names()).toContain("Ann");
  expect(names()).not.toContain("Zoe");

  const listed = await line.run(["errors"]);
  expect(listed.code).toBe(3);
  const { groups } = JSON.parse((await line.run(["errors", "--json"])).out) as ErrorsJson;
  const closed = groups.find(({ kind }) => kind === "parked");
  expect([closed?.count, closed?.side]).toEqual([2, "erp"]);
  expect(closed?.reason).toContain("names with Z are closed");
  expect(groups.find(({ kind }) => kind === "value")?.reason).toContain("e-mail");
  expect((await line.run(["errors", "show", closed?.id ?? ""])).out).toContain("2 records of customers at erp, not written");

  const early = await line.run(["errors", "retry", closed?.id ?? "", "--json"]);
  expect([early.code, JSON.parse(early.out) as RetriedJson]).toEqual([3, { retried: 2, left: 2 }]);
  erp.exec("DROP TRIGGER closed");
  const retried = await line.run(["errors", "retry", closed?.id ?? "", "--json"]);
  expect([retried.code, JSON.parse(retried.out) as RetriedJson]).toEqual([0, { retried: 2, left: 0 }]);
  expect(names()).toEqual(expect.arrayContaining(["Ann", "Zac", "Zoe"]));
});

test("wrong words end in one line that says what is right", async () => {
  await line.run(["install"]);
  await line.run(["plan"]);
  const neither = await line.run(["errors", "retry"]);
  expect([neither.code, neither.error.trim()]).toEqual([
    2,
    "error ACCORD_USAGE: Say what to try again: one group (accord errors lists them), or --all.",
  ]);
  const unknown = await line.run(["errors", "show", "nothing"]);
  expect([unknown.code, unknown.error.trim()]).toEqual([
    2,
    "error ACCORD_USAGE: There is no group nothing; accord errors lists those there are.",
  ]);
});
