import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqliteConnector } from "@accord/connectors/sqlite";
import { getRecord, NO_REFERENCES, readImage } from "@accord/core";
import { fakeHost } from "@accord/testkit";
import { afterAll, expect, test } from "vitest";
import { columnsOf } from "./columns-of.ts";
import { compileSync } from "./compile-sync.ts";
import { readProject } from "./load-project.ts";
import { formatNote, formatProblem } from "./problem.ts";

const folder = mkdtempSync(join(tmpdir(), "accord-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const PROJECT = `version: 1
region: DE
connections: { shop: { connector: sqlite, file: shop.db }, books: { connector: sqlite, file: books.db } }
syncs:
  customers:
    sides:
      shop: { object: customers, archive: { column: gone, value: true, restored: false } }
      books: { object: accounts, filter: "kind == 'customer'", constants: { kind: customer } }
    match: [[email]]
    fields:
      email: { type: email, shop: email, books: mail }
      name: { type: text, shop: { join: [first, last] }, books: name }
      phone: { type: phone, shop: phone, books: phone }
      credit: { type: decimal, shop: { field: credit_cents, scale: "0.01" }, books: credit }
      stage: { type: { enum: [lead, won] }, shop: { field: stage, values: { lead: 0, won: [1, 2] } }, books: { field: stage, values: { lead: L, won: W } } }
      since: { type: date, shop: since, books: since }
      tags: { type: set, shop: { field: tags, separator: "," }, books: tags }
      active: { type: boolean, shop: active, books: { field: active, values: { true: "yes", false: "no" } } }
`;

test("a project compiles against the schemas that real SQLite files show, and reads and writes their cells", async () => {
  const files = { shop: join(folder, "shop.db"), books: join(folder, "books.db") };
  const shop = new DatabaseSync(files.shop);
  shop.exec(`CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, first TEXT, last TEXT, phone TEXT, credit_cents INTEGER, stage INTEGER NOT NULL,
    since DATE, tags TEXT, active BOOLEAN, gone BOOLEAN NOT NULL DEFAULT 0);
    INSERT INTO customers VALUES (1, 'Ann@Shop.example', 'Anna Maria', 'Berg', '030/901820', 1299, 2, '2024-02-29', 'b, a', 1, 0)`);
  shop.close();
  const books = new DatabaseSync(files.books);
  books.exec(`CREATE TABLE accounts (id TEXT PRIMARY KEY NOT NULL DEFAULT (hex(randomblob(8))), kind TEXT NOT NULL, mail TEXT NOT NULL, name VARCHAR(40), phone TEXT,
    credit DECIMAL(12,2), stage CHAR(1), since DATE, tags JSON, active TEXT)`);
  books.close();

  const loaded = readProject(join(folder, "accord.yaml"), PROJECT, {}, [sqliteConnector]);
  if (loaded.kind === "problems") throw new Error(loaded.problems.map(formatProblem).join("\n"));
  const { project } = loaded;
  const options = { signal: new AbortController().signal };
  const connections = project.connections.map(({ name, settings }) =>
    sqliteConnector.connect(settings, { ...fakeHost(), name, installation: project.installation }),
  );
  const schemas = new Map(
    await Promise.all(connections.map(async (connection) => [connection.name, await connection.discover(options)] as const)),
  );
  const compiled = compileSync(project, "customers", (connection, object) => schemas.get(connection)?.find(({ name }) => name === object));
  expect(
    compiled.kind === "problems"
      ? compiled.problems.map(formatProblem)
      : compiled.notes.map(formatNote).map((line) => line.replace(folder, "")),
  ).toEqual([]);

  if (compiled.kind === "ok") {
    const { model } = compiled;
    const columns = columnsOf(project, "customers", "shop");
    const open = await connections[0]?.open("customers", columns.kind === "columns" ? columns.columns : [], options);
    const image = (await open?.read(["1"], options))?.images[0] ?? "";
    const [shopSide, booksSide] = model.sides;
    if (shopSide === undefined || booksSide === undefined) throw new Error("two sides");
    const { values, problems } = getRecord(shopSide.mapping, readImage(image), NO_REFERENCES);
    expect(problems).toEqual([]);
    expect(values).toEqual(["Ann@shop.example", "Anna Maria Berg", "030/901820", "12.99", "won", "2024-02-29", '["a","b"]', "true"]);
    const put = booksSide.mapping.fields.map((field, index) => field?.put(values[index] ?? null, null, NO_REFERENCES));
    expect(put.map((mapped) => (mapped?.kind === "ok" ? mapped.result : mapped))).toEqual([
      ["Ann@shop.example"],
      ["Anna Maria Berg"],
      ["030/901820"],
      [expect.stringContaining("12.99")],
      ["W"],
      ["2024-02-29"],
      ['["a","b"]'],
      ["yes"],
    ]);
  }
  await Promise.all(connections.map((connection) => connection.close()));
});
