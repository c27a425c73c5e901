import { writeImage } from "@accord/core";
import { expect, test } from "vitest";
import { cellsMade, createPayload, fieldsMade } from "./payload.ts";
import type { CreatePayload } from "./payload.ts";

test("[S59] a create tells each cell that it set, and each field with what it shows, mostly in one", () => {
  const columns = ["email", "full name", "amount", "kind", "phone", "made"];
  const set = writeImage(["a@x.org", 'Ann "A"\tB\\', "2.500", "fixed", null, undefined]);
  const fields = ["email", "name", "amount", null, "phone", "made"];
  const shows = [["amount", "2.5"] as const, ["odd", undefined] as const];
  const text = createPayload(columns, fields)({ intent: "i", set, record: '7"', shows, altered: ["amount"] });
  const made = JSON.parse(text) as CreatePayload;
  expect(made).toEqual({
    intent: "i",
    kind: "create",
    record: '7"',
    columns,
    fields,
    image: set,
    shows: { amount: "2.5", odd: null },
    altered: ["amount"],
  });
  expect(cellsMade(made)).toEqual([
    ["email", "a@x.org"],
    ["full name", 'Ann "A"\tB\\'],
    ["amount", "2.500"],
    ["kind", "fixed"],
    ["phone", null],
  ]);
  expect(fieldsMade(made)).toEqual([
    { field: "email", after: "a@x.org" },
    { field: "name", after: 'Ann "A"\tB\\' },
    { field: "phone", after: null },
    { field: "amount", after: "2.5" },
    { field: "odd", after: null },
  ]);
});

test("fields are not named apart where they have the names of their columns", () => {
  const text = createPayload(["a", "b"], ["a", "b"])({ intent: "i", set: writeImage(["1", "2"]), record: "7", shows: [], altered: [] });
  expect(JSON.parse(text)).toEqual({
    intent: "i",
    kind: "create",
    record: "7",
    columns: ["a", "b"],
    image: "1\t2",
    shows: {},
    altered: [],
  });
  expect(fieldsMade(JSON.parse(text) as CreatePayload)).toEqual([
    { field: "a", after: "1" },
    { field: "b", after: "2" },
  ]);
});
