import { smallSync, SmallWorld } from "@accord/testkit";
import { expect, test } from "vitest";
import type { Entity } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import { seeCells } from "../merge/see-record.ts";
import { writeImage } from "../record/native-image.ts";
import { owe } from "./owe.ts";

const REASON = "there is no column c1";
const whole = smallSync({ name: {}, note: {} });

/** The same sync with its second field paused at side 1. */
const partly: SyncModel = {
  ...whole,
  sides: whole.sides.map((side, place) => {
    if (place !== 1) return side;
    const paused = { kind: "paused", reason: REASON } as const;
    const fields = side.mapping.fields.map((field, index) =>
      field === null || index !== 1 ? field : { ...field, isAsIs: false, paused: REASON, get: () => paused, put: () => paused },
    );
    return { ...side, mapping: { ...side.mapping, fields } };
  }),
};

function edited(...edits: readonly (readonly [field: number, value: string])[]): Entity {
  const it = new SmallWorld(whole, ["Ann", "n", "x"]);
  for (const [field, value] of edits) it.edit(0, field, value);
  it.absorb(0);
  return it.entity;
}

test("[S50] of an edit that reaches beyond a paused field the rest is written, and the field is named where it is all that is owed", () => {
  expect(owe(partly, edited([0, "Bea"], [1, "new"]), 1, NO_REFERENCES)).toMatchObject({
    kind: "update",
    set: [{ column: 0, cell: "Bea" }],
  });
  expect(owe(partly, edited([1, "new"]), 1, NO_REFERENCES)).toEqual({ kind: "paused", field: 1, reason: REASON });
  expect(owe(whole, edited([1, "new"]), 1, NO_REFERENCES)).toMatchObject({ kind: "update", set: [{ column: 1, cell: "new" }] });
});

test("[S50] a record is created without a paused field", () => {
  const entity = edited();
  const alone = { ...entity, members: entity.members.map((member, side) => (side === 1 ? null : member)) };
  const owed = owe(partly, alone, 1, NO_REFERENCES);
  expect(owed).toMatchObject({ kind: "create", set: [{ column: 0, cell: "Ann" }] });
  expect(owed.kind === "create" ? owed.fields.map(({ field }) => field) : []).toEqual([0]);
});

test("[S5, S50] what a paused field was made of is forgotten with the next look, other unknown cells are kept", () => {
  const known = { cells: ["Ann", "n", "x"], values: ["Ann", "n"] };
  const mapping = partly.sides[1]?.mapping ?? whole.sides[0]?.mapping;
  if (mapping === undefined) throw new Error("the small sync has two sides");
  const cells = [undefined, undefined, "x"];
  const seen = seeCells(mapping, known, cells, writeImage(cells), NO_REFERENCES);
  expect(seen.cells).toEqual(["Ann", undefined, "x"]);
  expect(seen.observed).toEqual([undefined, undefined]);
  expect(seen.after).toEqual(["Ann", undefined]);
});
