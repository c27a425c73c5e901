import { expect, test } from "vitest";
import { createFakeWorld } from "./world.ts";
import type { FakeObject } from "./shape.ts";

const customers: FakeObject = {
  name: "customers",
  key: ["id"],
  uniques: [["email"]],
  columns: [
    { name: "id", type: "integer", generated: true },
    { name: "name", type: "text", nullable: false, lengthMax: 10 },
    { name: "email", type: "text" },
    { name: "amount", type: "decimal", scale: 2 },
  ],
};
const options = { signal: new AbortController().signal };
const mark = { storeId: "store", generation: 1 };

test("a user's edit and Accord's write show in the feed in commit order, and the history tells who wrote", async () => {
  const world = createFakeWorld({ seed: 7 });
  const system = world.add({ name: "crm", objects: [customers] });
  const connection = system.connect();
  await connection.install(["customers"], "do", options);
  const object = await connection.open("customers", ["name", "amount"], options);
  const feed = await connection.follow([object], await connection.currentCursor(options), options);

  const id = system.user.named("ann").insert("customers", { name: "Ada", amount: "12.5" });
  const [outcome] = await object.write(
    [{ kind: "update", intent: "i1", entity: 1, record: id, set: [{ column: 0, cell: "Bea" }], expect: [{ column: 0, cell: "Ada" }] }],
    { ...options, mark },
  );
  const batch = await feed.next({ ...options, waitMs: 0, changesMax: 10 });

  expect(outcome).toMatchObject({ kind: "applied", image: "Bea\t12.50" });
  expect(batch.changes.map(({ change }) => change)).toMatchObject([
    { kind: "image", image: "Ada\t12.50" },
    { kind: "image", image: "Bea\t12.50" },
  ]);
  expect(system.history.changes.map(({ author }) => (author.kind === "user" ? author.name : author.intent))).toEqual(["ann", "i1"]);
});
