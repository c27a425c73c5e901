import { cutting, groupMapping, OWNER, plainMapping, referenceMapping, smallImage, smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { Entity } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import { groupParts, groupType } from "../value/group.ts";
import { textType } from "../value/text.ts";
import type { ValueType } from "../value/value-type.ts";
import { acknowledgeLevel, owe } from "./owe.ts";

const model = smallSync({ name: {}, note: {} });
const dueAt = (entity: Entity, side: number, sync: SyncModel = model) => owe(sync, entity, side, NO_REFERENCES);

function edited(sync = model, cells = ["Ann", "n", "x"]): SmallWorld {
  const it = new SmallWorld(sync, cells);
  it.edit(0, 0, "Bea");
  it.absorb(0);
  return it;
}

/** The entity as it is before side 1 has a record. */
function alone(sync: SyncModel, cells: readonly (string | null)[] = ["Ann", "n", "x"]): Entity {
  const { entity } = new SmallWorld(sync, cells);
  return { ...entity, members: entity.members.map((member, side) => (side === 1 ? null : member)) };
}

const withSide1 = (entity: Entity, patch: object): Entity => ({
  ...entity,
  members: entity.members.map((member, side) => (side === 1 && member !== null ? { ...member, ...patch } : member)),
});

const make = () => groupMapping([0, 1], groupParts);

const deleted = (entity: Entity): Entity => ({ ...entity, life: { kind: "deleted", side: 0, atMs: 1 } });

describe("updates", () => {
  test("[S28] changed fields only, with the cells that must still be there", () => {
    expect(dueAt(edited().entity, 1)).toEqual({
      kind: "update",
      record: "r1",
      fields: [{ field: 0, version: 2, before: "Ann", after: "Bea" }],
      set: [{ column: 0, cell: "Bea" }],
      expect: [{ column: 0, cell: "Ann" }],
    });
    expect(dueAt(edited().entity, 0)).toEqual({ kind: "nothing" });
  });

  test("[S28] what is owed follows the present value and is never queued", () => {
    const it = edited();
    it.edit(0, 0, "Cid");
    it.absorb(0);
    expect(dueAt(it.entity, 1)).toMatchObject({ set: [{ column: 0, cell: "Cid" }], fields: [{ version: 3 }] });
    it.edit(0, 0, "Ann");
    it.absorb(0);
    expect(dueAt(it.entity, 1)).toEqual({ kind: "nothing" });
  });

  test("[S13] a field that the side shows anyway is acknowledged at dispatch", () => {
    const it = edited();
    it.edit(0, 0, "Ann");
    it.absorb(0);
    expect(it.entity.members[1]?.ack[0]).toBe(1);
    expect(acknowledgeLevel(model, it.entity, 1, NO_REFERENCES)?.ack[0]).toBe(3);
    expect(acknowledgeLevel(model, edited().entity, 1, NO_REFERENCES)).toBe(null);
  });

  test("[S15] what the side shows is compared with the value's image there, not with the value", () => {
    const sync = smallSync({ name: { sides: { 1: cutting(3) } }, note: {} });
    const it = new SmallWorld(sync, ["Bea", "n", "x"]);
    it.edit(0, 0, "Beatrice");
    it.absorb(0);
    expect(dueAt(it.entity, 1, sync)).toEqual({ kind: "nothing" });
  });

  test("[S23] a frozen field is not written", () => {
    const sync = smallSync({ name: { policy: { kind: "review" } }, note: {} }, { sides: 3 });
    const it = edited(sync);
    it.edit(1, 0, "Cid");
    it.absorb(1);
    expect(dueAt(it.entity, 2, sync)).toEqual({ kind: "nothing" });
  });

  test("[S17] fill writes empty sides only", () => {
    const sync = smallSync({ name: { policy: { ...OWNER, fill: true } as typeof OWNER }, note: {} });
    expect(dueAt(edited(sync).entity, 1, sync)).toEqual({ kind: "nothing" });
    const empty = withSide1(edited(sync).entity, { image: smallImage([null, "n"], "x"), shadow: [null, "n"] });
    expect(dueAt(empty, 1, sync)).toMatchObject({ kind: "update", set: [{ column: 0, cell: "Bea" }] });
  });

  test("[S55] a reader is owed the writers' value; a side that cannot be written is owed none", () => {
    const sync = smallSync({ name: { writers: [0] }, note: {} });
    expect(dueAt(edited(sync).entity, 1, sync).kind).toBe("update");
    const sealed = smallSync({
      name: { sides: { 1: { make: (column) => plainMapping(column, textType, { isReadOnly: true }) } } },
      note: {},
    });
    expect(dueAt(edited(sealed).entity, 1, sealed)).toEqual({ kind: "nothing" });
  });

  test("[S30] a value that the side cannot hold is refused with the reason", () => {
    const sync = smallSync({ name: { sides: { 1: { hold: () => ({ kind: "invalid", problem: "longer than 2" }) } } }, note: {} });
    expect(dueAt(edited(sync).entity, 1, sync)).toEqual({ kind: "refused", field: 0, problem: "longer than 2" });
  });

  test("[S44] a reference whose record is missing waits; other fields do not wait with it", () => {
    const sync = smallSync({ company: { sides: { 1: { make: (column) => referenceMapping(column, "companies", 1) } } }, note: {} });
    const references = { ...NO_REFERENCES, entityOf: () => 1 };
    const it = new SmallWorld(smallSync({ company: {}, note: {} }), ["1", "n", "x"]);
    it.edit(0, 0, "70");
    it.absorb(0);
    expect(owe(sync, it.entity, 1, references)).toEqual({ kind: "waits", field: 0, sync: "companies", entity: 70 });
    it.edit(0, 1, "m");
    it.absorb(0);
    expect(owe(sync, it.entity, 1, references)).toMatchObject({ kind: "update", fields: [{ field: 1 }] });
  });

  test("[S5, S16] a record that is not fully known is read before it is written", () => {
    const group = groupType([
      { name: "street", type: textType },
      { name: "city", type: textType },
    ]);
    const sync = smallSync({ address: { type: group, sides: { 0: { make }, 1: { make } } }, other: { sides: { 0: null, 1: null } } });
    const it = edited(sync);
    const unread = withSide1(it.entity, { image: smallImage(["Ann", undefined], "x"), shadow: [undefined, undefined] });
    expect(dueAt(unread, 1, sync)).toEqual({ kind: "reread" });
  });

  test("[S38, S42] nothing is owed to members that take no part, and to entities that wait for a person or live on in another", () => {
    const { entity } = edited();
    for (const state of ["outOfScope", "lost", "deleted"]) expect(dueAt(withSide1(entity, { state }), 1)).toEqual({ kind: "nothing" });
    expect(dueAt({ ...entity, review: { openedAtMs: 1, reason: "", candidates: [] } }, 1)).toEqual({ kind: "nothing" });
    expect(dueAt({ ...entity, life: { kind: "merged", into: 2, side: 0, others: "kept" } }, 1)).toEqual({ kind: "nothing" });
  });
});

describe("creates, restores and deletes", () => {
  test("[S28] a create carries every known field and the side's constants", () => {
    const constants = [{ column: 2, cell: "fixed" }];
    const sync: SyncModel = { ...model, sides: model.sides.map((side) => ({ ...side, constants })) };
    expect(dueAt(alone(sync), 1, sync)).toMatchObject({
      kind: "create",
      set: [
        { column: 0, cell: "Ann" },
        { column: 1, cell: "n" },
        { column: 2, cell: "fixed" },
      ],
    });
  });

  test("[S55] a field that no writer has filled is not part of a create", () => {
    const sync = smallSync({ name: {}, note: { writers: [1] } });
    expect(dueAt(alone(sync, ["Ann", null, "x"]), 1, sync)).toMatchObject({ kind: "create", set: [{ column: 0, cell: "Ann" }] });
  });

  test("[S55] a side that every field flows from takes no new records", () => {
    const sync = smallSync({ name: { writers: [1] }, note: { writers: [1] } });
    expect(dueAt(alone(sync), 1, sync)).toEqual({ kind: "nothing" });
  });

  test("[S42] a create whose image would fail the side's filter is withheld; unknown counts as in scope", () => {
    const outside = smallSync({ name: {}, note: {} }, { filters: { 1: (cells) => cells[0] !== "Ann" } });
    expect(dueAt(alone(outside), 1, outside)).toEqual({ kind: "withheld", reason: "it would not pass the filter of side1" });
    const unsure = smallSync({ name: {}, note: {} }, { filters: { 1: () => undefined } });
    expect(dueAt(alone(unsure), 1, unsure).kind).toBe("create");
  });

  test("[S30, S44] a create with a value that does not fit is refused, one with a missing parent waits", () => {
    const unfit = smallSync({ name: { sides: { 1: { hold: () => ({ kind: "invalid", problem: "too long" }) } } }, note: {} });
    expect(dueAt(alone(unfit), 1, unfit)).toEqual({ kind: "refused", field: 0, problem: "too long" });
    const child = smallSync({ parent: { sides: { 1: { make: (column) => referenceMapping(column, "parents", 1) } } }, note: {} });
    const entity = alone(smallSync({ parent: {}, note: {} }), ["7", "n", "x"]);
    expect(dueAt(entity, 1, child)).toEqual({ kind: "waits", field: 0, sync: "parents", entity: 7 });
  });

  test("[S44] a record is made without a reference that may come later, and is owed it then; of nothing else none is made", () => {
    const parent = { sides: { 1: { make: (column: number) => referenceMapping(column, "parents", 1) } }, rules: { later: true } };
    const child = smallSync({ parent: { reference: "parents", ...parent }, note: {} });
    const entity = alone(smallSync({ parent: {}, note: {} }), ["7", "n", "x"]);
    expect(dueAt(entity, 1, child)).toMatchObject({ kind: "create", fields: [{ field: 1 }], set: [{ column: 1, cell: "n" }] });
    const only = smallSync({ parent: { reference: "parents", ...parent } });
    expect(dueAt(alone(smallSync({ parent: {} }), ["7", "x"]), 1, only)).toEqual({ kind: "waits", field: 0, sync: "parents", entity: 7 });
  });

  test("[S38] a delete expects the whole record; an archive sets the mark", () => {
    const { entity } = new SmallWorld(model, ["Ann", "n", "x"]);
    expect(dueAt(deleted(entity), 1)).toEqual({
      kind: "delete",
      record: "r1",
      fields: [],
      set: [],
      expect: [
        { column: 0, cell: "Ann" },
        { column: 1, cell: "n" },
        { column: 2, cell: "x" },
      ],
    });
    const archiving = smallSync({ name: {}, note: {} }, { archive: { 1: "gone" } });
    expect(dueAt(deleted(entity), 1, archiving)).toMatchObject({ kind: "archive", set: [{ column: 2, cell: "gone" }] });
  });

  test("[S5] a record of which something is unknown is read before it is deleted", () => {
    const { entity } = new SmallWorld(model, ["Ann", "n", "x"]);
    expect(dueAt(deleted(withSide1(entity, { image: smallImage([undefined, "n"], "x") })), 1)).toEqual({ kind: "reread" });
  });

  test("[S40] a restore un-archives and brings the fields up to date; it does so even where no field changed", () => {
    const archiving = smallSync({ name: {}, note: {} }, { archive: { 1: "gone" } });
    const { entity } = new SmallWorld(archiving, ["Ann", "n", "x"]);
    const archived = withSide1(entity, { state: "archived", image: smallImage(["Ann", "n"], "gone") });
    expect(dueAt(archived, 1, archiving)).toEqual({
      kind: "restore",
      record: "r1",
      fields: [],
      set: [{ column: 2, cell: null }],
      expect: [{ column: 2, cell: "gone" }],
    });
  });

  test("[S40, S50] where a field lives in the mark's column, un-archiving writes what the field says, though the mark itself is no value of it", () => {
    const word: ValueType = {
      ...textType,
      parse: (text) => (text === "gone" ? { kind: "invalid", problem: "not an option" } : { kind: "value", text }),
    };
    const plain = smallSync({ name: {}, status: { type: word } });
    const archive = { column: 1, cell: "gone", restored: null };
    const sync: SyncModel = { ...plain, sides: plain.sides.map((side) => ({ ...side, archive })) };
    const { entity } = new SmallWorld(sync, ["Ann", "active", "x"]);
    const archived = withSide1(entity, { state: "archived", image: smallImage(["Ann", "gone"], "x"), shadow: ["Ann", undefined] });
    expect(dueAt(archived, 1, sync)).toMatchObject({ kind: "restore", set: [{ column: 1, cell: "active" }] });
  });
});
