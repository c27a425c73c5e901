import { expect, test } from "vitest";
import { createPayload, fieldsMade } from "./payload.ts";

test("[S59] a create tells each cell that it set, and each field with what it shows, mostly in one", () => {
  const columns = ["email", "full name", "amount", "kind", "phone"];
  const set = [
    { column: 0, cell: "a@x.org" },
    { column: 1, cell: "Ann" },
    { column: 2, cell: "2.500" },
    { column: 3, cell: "fixed" },
    { column: 4, cell: null },
  ];
  const fields = ["email", "name", "amount", "phone", "odd"];
  const shown = ["a@x.org", "Ann", "2.5", null, undefined];
  const made = createPayload(columns, { intent: { id: "i", set }, record: "7", fields, shown, altered: [] });
  expect(made).toEqual({
    intent: "i",
    kind: "create",
    record: "7",
    set: { email: "a@x.org", "full name": "Ann", amount: "2.500", kind: "fixed", phone: null },
    unlike: ["full name", "amount", "kind"],
    shows: { name: "Ann", amount: "2.5", odd: null },
    altered: [],
  });
  expect(fieldsMade(made)).toEqual([
    { field: "email", after: "a@x.org" },
    { field: "phone", after: null },
    { field: "name", after: "Ann" },
    { field: "amount", after: "2.5" },
    { field: "odd", after: null },
  ]);
});
