import { afterAll, beforeAll, expect, test } from "vitest";
import { openPostgresClient } from "./client.ts";
import { startPostgres } from "./start-postgres.ts";
import type { PostgresServer } from "./start-postgres.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server.stop();
});

test("a client shows columns, rows as text, and what happened", async () => {
  const client = await openPostgresClient(server.url);
  await client.run("CREATE TABLE thing (id integer, name text)");
  const [insert, select] = await client.run("INSERT INTO thing VALUES (1, 'a'), (2, NULL); SELECT id, name FROM thing ORDER BY id");
  expect(insert?.tag).toBe("INSERT 0 2");
  expect(select).toEqual({
    columns: ["id", "name"],
    rows: [
      ["1", "a"],
      ["2", null],
    ],
    tag: "SELECT 2",
  });
  await client.close();
});

test("a refused statement tells the server's words and leaves the session usable", async () => {
  const client = await openPostgresClient(server.url);
  await expect(client.run("SELECT * FROM nowhere")).rejects.toThrow(/relation "nowhere" does not exist \(SQLSTATE 42P01\)/);
  expect((await client.run("SELECT 1 AS one"))[0]?.rows).toEqual([["1"]]);
  await client.close();
});

test("statements sent at once are answered each with its own rows", async () => {
  const client = await openPostgresClient(server.url);
  const answers = await Promise.all([1, 2, 3].map((figure) => client.run(`SELECT ${figure}`)));
  expect(answers.map(([first]) => first?.rows[0]?.[0])).toEqual(["1", "2", "3"]);
  await client.close();
});
