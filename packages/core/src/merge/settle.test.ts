import { smallImage, smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { isCurrent, isPresent } from "../entity/entity.ts";
import type { Entity } from "../entity/entity.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import { owe } from "../plan/owe.ts";
import { absorbRecord } from "./absorb.ts";
import { settleWrite } from "./settle.ts";
import type { ConfirmedWrite } from "./settle.ts";

const model = smallSync({ name: {}, note: {} });

/** Side 0 wrote a new name; side 1 is owed it. */
function owed(): Entity {
  const it = new SmallWorld(model, ["Ann", "n", "x"]);
  it.edit(0, 0, "Bea");
  it.absorb(0);
  return it.entity;
}

function write(entity: Entity, image: string | null, extra: Partial<ConfirmedWrite> = {}): ConfirmedWrite {
  const due = owe(model, entity, 1, NO_REFERENCES);
  if (due.kind !== "update") throw new Error("nothing is owed");
  return { kind: "update", record: "r1", fields: due.fields, set: due.set, image, position: "p7", atMs: 9_000_000, ...extra };
}

const settle = (entity: Entity, image: string | null) => settleWrite(model, entity, 1, write(entity, image), NO_REFERENCES);
const current = (entity: Entity, field: number) => isPresent(entity.members[1]) && isCurrent(entity, entity.members[1], field);

describe("settling a write", () => {
  test("[S29] the shadow does not move before proof: an owed write leaves the member as it was", () => {
    const entity = owed();
    expect(entity.members[1]).toMatchObject({ image: smallImage(["Ann", "n"], "x"), shadow: ["Ann", "n"] });
    expect(current(entity, 0)).toBe(false);
  });

  test("[S29] with proof, the write's fields are as the image says, acknowledged, and the position is kept", () => {
    const settled = settle(owed(), smallImage(["Bea", "n"], "x"));
    expect(settled).toMatchObject({ events: [], altered: [], reread: false });
    expect(settled.entity.members[1]).toMatchObject({ shadow: ["Bea", "n"], position: "p7", intent: null });
    expect(current(settled.entity, 0)).toBe(true);
  });

  test("[S29] a user's concurrent edit in the same returned image is absorbed, not swallowed as an echo", () => {
    const settled = settle(owed(), smallImage(["Bea", "edited"], "x"));
    expect(settled.events).toEqual([{ kind: "taken", field: 1, side: 1, from: "n", to: "edited" }]);
    expect(settled.entity.fields[1]?.value).toBe("edited");
    expect(owe(model, settled.entity, 0, NO_REFERENCES)).toMatchObject({ kind: "update", set: [{ column: 1, cell: "edited" }] });
  });

  test("[S29] no image: the prediction stands in, and the record is to be read", () => {
    const settled = settle(owed(), null);
    expect(settled.reread).toBe(true);
    expect(settled.entity.members[1]).toMatchObject({ image: smallImage(["Bea", "n"], "x"), shadow: ["Bea", "n"] });
  });

  test("[S29] an altered value sets the shadow, not the canonical value, and is reported", () => {
    const settled = settle(owed(), smallImage(["BEA", "n"], "x"));
    expect(settled.altered).toEqual([0]);
    expect(settled.entity.fields[0]?.value).toBe("Bea");
    expect(settled.entity.members[1]?.shadow[0]).toBe("BEA");
    expect(owe(model, settled.entity, 1, NO_REFERENCES)).toEqual({ kind: "nothing" });
  });

  test("[S5, S29] what a returned image leaves out stays as it was known", () => {
    const settled = settle(owed(), smallImage(["Bea", undefined], "x"));
    expect(settled.entity.members[1]).toMatchObject({ image: smallImage(["Bea", "n"], "x"), shadow: ["Bea", "n"] });
    expect(settled.events).toEqual([]);
  });

  test("[S28, S29] a canonical value that moved on while the write was under way is owed again", () => {
    const entity = owed();
    const under = write(entity, smallImage(["Bea", "n"], "x"));
    const moved = absorbRecord(
      model,
      entity,
      0,
      { image: smallImage(["Cid", "n"], "x"), position: null, fromMs: 1, toMs: 1 },
      NO_REFERENCES,
    ).entity;
    const settled = settleWrite(model, moved, 1, under, NO_REFERENCES);
    expect(current(settled.entity, 0)).toBe(false);
    expect(owe(model, settled.entity, 1, NO_REFERENCES)).toMatchObject({
      kind: "update",
      set: [{ column: 0, cell: "Cid" }],
      expect: [{ column: 0, cell: "Bea" }],
    });
  });

  test("[S29, S59] an undo's write leaves the field unacknowledged: what it restored is not the canonical value", () => {
    const entity = settle(owed(), smallImage(["Bea", "n"], "x")).entity;
    const undo = {
      kind: "undo-update",
      record: "r1",
      fields: [{ field: 0, version: 2 }],
      set: [{ column: 0, cell: "Ann" }],
      position: null,
      atMs: 1,
    } as const;
    const undone = settleWrite(model, entity, 1, { ...undo, image: smallImage(["Ann", "n"], "x") }, NO_REFERENCES);
    expect(undone.entity.members[1]?.shadow[0]).toBe("Ann");
    expect(current(undone.entity, 0)).toBe(false);
  });

  test("[S29] a settled create gives the entity its member, a life more than before, and takes what the system filled in", () => {
    const filled = smallSync({ name: {}, number: { sides: { 0: null } } });
    const it = new SmallWorld(filled, ["Ann", null, "x"]);
    const unborn = { ...it.entity, members: [it.entity.members[0] ?? null, null] };
    const due = owe(filled, unborn, 1, NO_REFERENCES);
    if (due.kind !== "create") throw new Error("no create is owed");
    const create: ConfirmedWrite = {
      kind: "create",
      record: "r9",
      fields: due.fields,
      set: due.set,
      image: smallImage(["Ann", "77"], null),
      position: null,
      atMs: 5,
    };
    const settled = settleWrite(filled, unborn, 1, create, NO_REFERENCES).entity;
    expect(settled.members[1]).toMatchObject({ state: "live", record: "r9", incarnation: 1, shadow: ["Ann", "77"] });
    expect(owe(filled, settled, 1, NO_REFERENCES).kind).toBe("nothing");
  });

  test("[S38] a recreated record begins anew: nothing of its former life counts", () => {
    const entity = owed();
    const gone = { ...entity.members[1], state: "absent", record: null, retired: ["r1"] } as Entity["members"][number];
    const absent = { ...entity, members: [entity.members[0] ?? null, gone] };
    const due = owe(model, absent, 1, NO_REFERENCES);
    if (due.kind !== "create") throw new Error("no create is owed");
    const create: ConfirmedWrite = { kind: "create", record: "r2", fields: due.fields, set: due.set, image: null, position: null, atMs: 5 };
    const settled = settleWrite(model, absent, 1, create, NO_REFERENCES).entity;
    expect(settled.members[1]).toMatchObject({ state: "live", record: "r2", incarnation: 2, retired: ["r1"], shadow: ["Bea", "n"] });
  });

  test("[S38] a settled delete keeps the last image and retires the id; an archive leaves the record", () => {
    const entity = owed();
    const base = { record: "r1", fields: [], set: [], image: null, position: null, atMs: 5 } as const;
    const deleted = settleWrite(
      model,
      { ...entity, life: { kind: "deleted", side: 0, atMs: 4 } },
      1,
      { ...base, kind: "delete" },
      NO_REFERENCES,
    );
    expect(deleted.entity.members[1]).toMatchObject({ state: "deleted", retired: ["r1"], image: smallImage(["Ann", "n"], "x") });
    const archived = settleWrite(model, entity, 1, { ...base, kind: "archive", image: smallImage(["Ann", "n"], "gone") }, NO_REFERENCES);
    expect(archived.entity.members[1]).toMatchObject({ state: "archived", record: "r1", retired: [] });
    const undone = settleWrite(model, entity, 1, { ...base, kind: "undo-delete" }, NO_REFERENCES);
    expect(undone.entity.members[1]).toMatchObject({ state: "absent", record: null, retired: ["r1"] });
  });

  test("[S38] a delete that lands after an update brought the entity back leaves a member that is owed a new record", () => {
    const { entity } = settleWrite(
      model,
      owed(),
      1,
      { kind: "delete", record: "r1", fields: [], set: [], image: null, position: null, atMs: 5 },
      NO_REFERENCES,
    );
    expect(entity.members[1]).toMatchObject({ state: "absent", record: null, retired: ["r1"] });
    expect(owe(model, entity, 1, NO_REFERENCES).kind).toBe("create");
  });
});
