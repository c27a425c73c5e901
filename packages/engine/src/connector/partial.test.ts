import { readImage } from "@accord/core";
import { createFakeWorld, STAGE_OBJECT, UNCANCELLED } from "@accord/testkit";
import { expect, test } from "vitest";
import { partialConnection, withoutColumns } from "./partial.ts";

const MARK = { storeId: "store", generation: 1 };

test("[S5, S50] a column that is missing is unknown in every image, of listings, readings, writes and the feed, and is never written or expected", async () => {
  const world = createFakeWorld({ seed: 1 });
  const columns = STAGE_OBJECT.columns.filter(({ name }) => name !== "name");
  const crm = world.add({ name: "crm", objects: [{ ...STAGE_OBJECT, columns }] });
  const id = crm.user.insert("customers", { email: "ann@x.org", amount: "1.00" });
  const connection = partialConnection(crm.connect(), new Map([["customers", new Set(["name"])]]));
  await connection.install(["customers"], "do", UNCANCELLED);
  const object = await connection.open("customers", ["email", "name", "amount"], UNCANCELLED);
  const cursor = await connection.currentCursor(UNCANCELLED);
  const images: string[] = [];
  for await (const page of object.list(null, { ...UNCANCELLED, pageSize: 9 })) images.push(...page.images);
  images.push(...(await object.read([id], UNCANCELLED)).images.map((image) => image ?? ""));
  expect(images.map((image) => readImage(image))).toEqual([
    ["ann@x.org", undefined, "1.00"],
    ["ann@x.org", undefined, "1.00"],
  ]);
  const update = {
    kind: "update",
    intent: "i1",
    entity: 1,
    record: id,
    set: [
      { column: 1, cell: "Ann" },
      { column: 2, cell: "2.00" },
    ],
    expect: [
      { column: 0, cell: "ann@x.org" },
      { column: 1, cell: "long gone" },
      { column: 2, cell: "1.00" },
    ],
  } as const;
  const [outcome] = await object.write([update], { ...UNCANCELLED, mark: MARK });
  expect(outcome).toMatchObject({ kind: "applied", record: id });
  expect(crm.record("customers", id)).toMatchObject({ email: "ann@x.org", amount: "2.00" });
  const feed = await connection.follow([object], cursor, UNCANCELLED);
  const { changes } = await feed.next({ ...UNCANCELLED, waitMs: 0, changesMax: 9 });
  expect(changes).not.toEqual([]);
  for (const { change } of changes) if (change.kind === "image") expect(readImage(change.image)[1]).toBeUndefined();
  await feed.close();
});

test("[S50] an object can be shown without columns that are there", async () => {
  const crm = createFakeWorld({ seed: 1 }).add({ name: "crm", objects: [STAGE_OBJECT] });
  const id = crm.user.insert("customers", { email: "ann@x.org", name: "Ann" });
  const connection = crm.connect();
  await connection.install(["customers"], "do", UNCANCELLED);
  const object = withoutColumns(await connection.open("customers", ["email", "name"], UNCANCELLED), new Set(["name"]));
  expect((await object.read([id, "99"], UNCANCELLED)).images.map((image) => (image === null ? null : readImage(image)))).toEqual([
    ["ann@x.org", undefined],
    null,
  ]);
});
