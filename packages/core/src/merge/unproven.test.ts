import { smallImage, smallSync } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { isUnproven } from "../entity/entity.ts";
import type { Entity } from "../entity/entity.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import { owe } from "../plan/owe.ts";
import { absorbDelete } from "./absorb-delete.ts";
import { absorbRecord } from "./absorb.ts";
import { createEntity, joinMember } from "./join.ts";
import { giveUpCreate, leaveUnproven } from "./unproven.ts";

const model = smallSync({ name: {}, city: {} });
const at = (cells: readonly (string | null)[], atMs: number) => ({
  image: smallImage(cells, "x"),
  position: null,
  fromMs: atMs,
  toMs: atMs,
});

/** Side 0 has Ann of Bonn; side 1 was asked for her at 5, and nobody knows what came of it. */
function asked(sync = model): Entity {
  const { entity } = createEntity(sync, 1, 0, "r0", at(["Ann", "Bonn"], 1), "user", NO_REFERENCES);
  const owed = owe(sync, entity, 1, NO_REFERENCES);
  if (owed.kind !== "create") throw new RangeError(owed.kind);
  return leaveUnproven(sync, entity, 1, { fields: owed.fields, set: owed.set, atMs: 5 }, NO_REFERENCES);
}

const seen = (entity: Entity, cells: readonly (string | null)[], sync = model) =>
  joinMember(sync, entity, 1, "r1", at(cells, 9), "match", NO_REFERENCES);

const owes = (entity: Entity, sync = model) => [0, 1].map((side) => owe(sync, entity, side, NO_REFERENCES).kind);

const edited = (entity: Entity) => absorbRecord(model, entity, 0, at(["Bea", "Bonn"], 7), NO_REFERENCES).entity;
const deleted = (entity: Entity, sync = model) =>
  absorbDelete(sync, entity, 0, { fromMs: 7, toMs: 7, position: null, image: null }, NO_REFERENCES).entity;

describe("a create that nobody can prove", () => {
  test("[S35] nothing is owed to its side, whatever becomes of the entity", () => {
    expect(owes(asked())).toEqual(["nothing", "unproven"]);
    expect(owes(edited(asked()))).toEqual(["nothing", "unproven"]);
    expect(owes(deleted(asked()))).toEqual(["nothing", "unproven"]);
    expect(isUnproven(asked().members[1])).toBe(true);
  });

  test("[S35] the record that turns up is adopted: what it shows as asked for is no news, and what changed elsewhere is owed to it", () => {
    const { entity, events } = seen(edited(asked()), ["Ann", "Bonn"]);
    expect(events).toEqual([{ kind: "joined", side: 1, record: "r1", by: "create" }]);
    expect(entity.fields.map(({ value }) => value)).toEqual(["Bea", "Bonn"]);
    expect(entity.members[1]).toMatchObject({ state: "live", record: "r1", incarnation: 1, shadow: ["Ann", "Bonn"] });
    expect(owe(model, entity, 1, NO_REFERENCES)).toMatchObject({ kind: "update", record: "r1", fields: [{ field: 0, after: "Bea" }] });
  });

  test("[I2, S35] what it shows otherwise is a user's edit, made after it was asked for", () => {
    const { entity, events } = seen(asked(), ["Ann", "Rome"]);
    expect(entity.fields[1]).toMatchObject({ value: "Rome", provenance: { side: 1, cause: "user", fromMs: 9 } });
    expect(events).toContainEqual({ kind: "taken", field: 1, side: 1, from: "Bonn", to: "Rome" });
    expect(owes(entity)).toEqual(["update", "nothing"]);
  });

  test("[S13, S35] edited at both ends it is a conflict like any other", () => {
    const { entity, events } = seen(edited(asked()), ["Zoe", "Bonn"]);
    expect(events).toContainEqual(expect.objectContaining({ kind: "conflict", field: 0, side: 1, lost: "Zoe" }));
    expect(entity.fields[0]?.value).toBe("Bea");
  });

  test("[S38] of a deleted entity it is owed its delete, unless somebody edited it", () => {
    expect(owes(seen(deleted(asked()), ["Ann", "Bonn"]).entity)).toEqual(["nothing", "delete"]);
    const edit = seen(deleted(asked()), ["Ann", "Rome"]);
    expect(edit.entity).toMatchObject({ life: { kind: "live" }, fields: [{ value: "Ann" }, { value: "Rome" }] });
    expect(owes(edit.entity)).toEqual(["create", "nothing"]);
  });

  test("[I5, S38] what a column shows that was not asked for is no edit that a delete stops for", () => {
    const write = { fields: [{ field: 0, version: 1 }], set: [{ column: 0, cell: "Ann" }], atMs: 5 };
    const partly = leaveUnproven(model, asked(), 1, write, NO_REFERENCES);
    expect(owes(seen(deleted(partly), ["Ann", "by default"]).entity)).toEqual(["nothing", "delete"]);
  });

  test("[S38] where deletes win, an edit of it is taken down and it is deleted all the same", () => {
    const wins = smallSync({ name: {}, city: {} }, { deletes: { conflict: "delete-wins" } });
    const { entity, events } = seen(deleted(asked(wins), wins), ["Ann", "Rome"], wins);
    expect(owes(entity, wins)).toEqual(["nothing", "delete"]);
    expect(events).toContainEqual({ kind: "taken", field: 1, side: 1, from: "Bonn", to: "Rome" });
  });

  test("[S11, S35] known not to be there it is owed again, each try with a number of its own", () => {
    const { entity, events } = giveUpCreate(model, edited(asked()), 1, "listing");
    expect(events).toEqual([{ kind: "notMade", side: 1, by: "listing" }]);
    expect(owe(model, entity, 1, NO_REFERENCES)).toMatchObject({ kind: "create", fields: [{ after: "Bea" }, { after: "Bonn" }] });
    const again = leaveUnproven(model, entity, 1, { fields: [], set: [], atMs: 6 }, NO_REFERENCES);
    expect(again.members[1]?.incarnation).toBe(2);
    expect(owes(giveUpCreate(model, deleted(asked()), 1, "person").entity)).toEqual(["nothing", "nothing"]);
    expect(giveUpCreate(model, entity, 1, "person")).toEqual({ entity, events: [] });
  });
});
