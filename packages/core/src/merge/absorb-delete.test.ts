import { smallImage, smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { Entity } from "../entity/entity.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import { owe } from "../plan/owe.ts";
import { absorbDelete, absorbEditOfDeleted, absorbReturn, deleteByDecision, revive } from "./absorb-delete.ts";
import { absorbRecord } from "./absorb.ts";
import { settleWrite } from "./settle.ts";

const ARCHIVED = "gone";
const plain = smallSync({ name: {} });
const archiving = smallSync({ name: {} }, { archive: { 0: ARCHIVED, 1: ARCHIVED } });
const user = { side: 1, cause: "user", fromMs: 9, toMs: 9 } as const;

const gone = (entity: Entity, side: number, model = plain, image: string | null = null) =>
  absorbDelete(model, entity, side, { fromMs: 9, toMs: 9, position: null, image }, NO_REFERENCES);

function start(model = plain): SmallWorld {
  return new SmallWorld(model, ["Ann", "x"]);
}

/** Side 0 has an edit that side 1 has not been shown. */
function edited(model = plain): Entity {
  const it = start(model);
  it.edit(0, 0, "Bea");
  it.absorb(0);
  return it.entity;
}

describe("delete against an unchanged record", () => {
  test("[S38] it propagates, keeps the last images, and never forgets the id", () => {
    const result = gone(start().entity, 1);
    expect(result.entity.life).toEqual({ kind: "deleted", side: 1, atMs: 9 });
    expect(result.entity.members[1]).toMatchObject({ state: "deleted", retired: ["r1"], image: smallImage(["Ann"], "x") });
    expect(result.events).toEqual([
      { kind: "gone", side: 1, record: "r1" },
      { kind: "deleted", side: 1 },
    ]);
    expect(owe(plain, result.entity, 0, NO_REFERENCES)).toMatchObject({ kind: "delete", record: "r0" });
    expect(owe(plain, result.entity, 1, NO_REFERENCES)).toEqual({ kind: "nothing" });
  });

  test("[S38] it propagates as an archive where the side has one, and as a delete where the sync says so", () => {
    const result = gone(start(archiving).entity, 1, archiving);
    expect(owe(archiving, result.entity, 0, NO_REFERENCES)).toMatchObject({ kind: "archive", set: [{ column: 1, cell: ARCHIVED }] });
    const hard = { ...archiving, deletes: { do: "delete", conflict: "update-wins" } } as const;
    expect(owe(hard, result.entity, 0, NO_REFERENCES).kind).toBe("delete");
  });

  test("[S38] values of first contact that are still to be written are no update", () => {
    const it = start();
    const initial = { ...it.entity, fields: [{ ...it.entity.fields[0], value: "Bea", version: 2 }] } as Entity;
    expect(gone(initial, 1).entity.life.kind).toBe("deleted");
  });

  test("[S38] keep: the others keep their records and the link ends; the last one gone ends the entity", () => {
    const keep = { ...plain, deletes: { do: "keep", conflict: "update-wins" } } as const;
    const first = gone(start().entity, 1, keep);
    expect(first.entity.life.kind).toBe("live");
    expect([owe(keep, first.entity, 0, NO_REFERENCES), owe(keep, first.entity, 1, NO_REFERENCES)]).toEqual([
      { kind: "nothing" },
      { kind: "nothing" },
    ]);
    const last = gone(first.entity, 0, keep);
    expect(last.entity.life.kind).toBe("deleted");
  });

  test("[S38] delete and delete: the second is only noted", () => {
    const both = gone(gone(start().entity, 1).entity, 0);
    expect(both.events).toEqual([{ kind: "gone", side: 0, record: "r0" }]);
    expect(both.entity.members.map((member) => member?.state)).toEqual(["deleted", "deleted"]);
    expect(gone(both.entity, 0).events).toEqual([]);
  });
});

describe("delete against update", () => {
  test("[S38] an update beats a delete unless the sync says otherwise: the record is made again, with the old id retired", () => {
    const result = gone(edited(), 1);
    expect(result.entity.life.kind).toBe("live");
    expect(result.entity.members[1]).toMatchObject({ state: "absent", record: null, retired: ["r1"] });
    expect(result.events).toContainEqual({ kind: "deleteConflict", side: 1, kept: "update" });
    expect(owe(plain, result.entity, 1, NO_REFERENCES)).toMatchObject({ kind: "create", set: [{ column: 0, cell: "Bea" }] });
  });

  test("[S38] delete-wins: the entity is deleted, the update stays in its versions", () => {
    const wins = { ...plain, deletes: { do: "delete", conflict: "delete-wins" } } as const;
    const result = gone(edited(), 1, wins);
    expect(result.entity).toMatchObject({ life: { kind: "deleted" }, fields: [{ value: "Bea" }] });
    expect(result.events).toContainEqual({ kind: "deleteConflict", side: 1, kept: "delete" });
  });

  test("[S38] review: nothing is created or deleted until a person decides", () => {
    const review = { ...plain, deletes: { do: "delete", conflict: "review" } } as const;
    const result = gone(edited(), 1, review);
    expect(result.entity).toMatchObject({ life: { kind: "live" }, review: { openedAtMs: 9 } });
    expect([0, 1].map((side) => owe(review, result.entity, side, NO_REFERENCES).kind)).toEqual(["nothing", "nothing"]);
    const kept = revive(review, result.entity, null);
    expect(owe(review, kept.entity, 1, NO_REFERENCES).kind).toBe("create");
    const ended = deleteByDecision(result.entity, 10);
    expect(ended.entity.life).toEqual({ kind: "deleted", side: null, atMs: 10 });
    expect(owe(review, ended.entity, 0, NO_REFERENCES).kind).toBe("delete");
  });

  test("[S38] under review, the last record gone ends the entity", () => {
    const review = { ...plain, deletes: { do: "delete", conflict: "review" } } as const;
    expect(gone(gone(edited(), 1, review).entity, 0, review).entity.life.kind).toBe("deleted");
  });

  test("[S38] from the other end: an edit of a record whose entity was deleted brings it back, or does not, or asks", () => {
    const deleted = gone(start().entity, 0).entity;
    const wins = absorbEditOfDeleted(plain, deleted, 1, 9);
    expect(wins.lives).toBe(true);
    expect(owe(plain, wins.entity, 0, NO_REFERENCES).kind).toBe("create");
    const loses = absorbEditOfDeleted({ ...plain, deletes: { do: "delete", conflict: "delete-wins" } }, deleted, 1, 9);
    expect([loses.lives, loses.entity.life.kind]).toEqual([false, "deleted"]);
    const asks = absorbEditOfDeleted({ ...plain, deletes: { do: "delete", conflict: "review" } }, deleted, 1, 9);
    expect(asks).toMatchObject({ lives: true, entity: { life: { kind: "live" }, review: { openedAtMs: 9 } } });
  });
});

describe("cases of deleted entities", () => {
  const wins = smallSync({ name: { policy: { kind: "review" } } }, { deletes: { conflict: "delete-wins" } });
  /** Side 0 was edited, and then the entity was deleted at side 0: side 1 has seen neither. */
  const deletedAfterEdit = gone(edited(wins), 0, wins).entity;

  test("[S23, S38] where deletes win, an edit that comes too late asks nobody, and stays in the journal", () => {
    const ended = absorbEditOfDeleted(wins, deletedAfterEdit, 1, 9);
    const image = smallImage(["Zoe"], "x");
    const { entity, events } = absorbRecord(wins, ended.entity, 1, { image, position: null, fromMs: 9, toMs: 9 }, NO_REFERENCES);
    expect(entity).toMatchObject({ life: { kind: "deleted" }, fields: [{ value: "Bea", review: null }] });
    expect(events).toContainEqual(expect.objectContaining({ kind: "reviewOpened", candidate: "Zoe" }));
    expect(events.at(-1)).toMatchObject({ kind: "reviewClosed", because: "delete" });
    expect(owe(wins, entity, 1, NO_REFERENCES).kind).toBe("delete");
  });

  test("[S23, S29] nor does an edit that is found beside our own write", () => {
    const write = { kind: "update", record: "r1", fields: [], set: [], image: smallImage(["Zoe"], "x"), position: "p", atMs: 9 } as const;
    const { entity, events } = settleWrite(wins, deletedAfterEdit, 1, write, NO_REFERENCES);
    expect(entity.fields[0]?.review).toBeNull();
    expect(events).toContainEqual(expect.objectContaining({ kind: "reviewOpened", candidate: "Zoe" }));
  });
});

describe("archives and returns", () => {
  test("[S38] an archived record propagates as a delete", () => {
    const result = gone(start(archiving).entity, 1, archiving, smallImage(["Ann"], ARCHIVED));
    expect(result.entity).toMatchObject({
      life: { kind: "deleted", side: 1 },
      members: [{}, { state: "archived", record: "r1", retired: [] }],
    });
    expect(owe(archiving, result.entity, 0, NO_REFERENCES).kind).toBe("archive");
  });

  test("[I2, S38] an edit made together with the archiving is absorbed, not lost", () => {
    const result = gone(start(archiving).entity, 1, archiving, smallImage(["Zoe"], ARCHIVED));
    expect(result.entity).toMatchObject({ life: { kind: "deleted" }, fields: [{ value: "Zoe" }] });
    const member = result.entity.members[1];
    expect(member).toMatchObject({ state: "archived", shadow: ["Zoe"] });
  });

  test("[S38, S40] update-wins restores an archived record in place", () => {
    const result = gone(edited(archiving), 1, archiving, smallImage(["Ann"], ARCHIVED));
    const owed = owe(archiving, result.entity, 1, NO_REFERENCES);
    expect(owed).toMatchObject({ kind: "restore", record: "r1" });
    if (owed.kind !== "restore") return;
    expect(owed.set).toEqual([
      { column: 0, cell: "Bea" },
      { column: 1, cell: null },
    ]);
    const write = { kind: "restore", record: "r1", fields: owed.fields, set: owed.set, image: null, position: null, atMs: 10 } as const;
    expect(settleWrite(archiving, result.entity, 1, write, NO_REFERENCES).entity.members[1]?.state).toBe("live");
  });

  test("[S40] a record that returns brings its entity back, alive and with its own id retired no more", () => {
    const deleted = gone(start().entity, 1).entity;
    const back = absorbReturn(plain, deleted, 1, smallImage(["Zoe"], "x"), user);
    expect(back.entity.life.kind).toBe("live");
    expect(back.entity.members[1]).toMatchObject({ state: "live", record: "r1", retired: [] });
    expect(back.events).toContainEqual({ kind: "revived", side: 1 });
    const seen = absorbRecord(
      plain,
      back.entity,
      1,
      { image: smallImage(["Zoe"], "x"), position: null, fromMs: 10, toMs: 10 },
      NO_REFERENCES,
    );
    expect(seen.entity.fields[0]?.value).toBe("Zoe");
  });

  test("[S40] un-archiving by hand brings the others back too: archived ones are owed their restoration", () => {
    const deleted = gone(start(archiving).entity, 1, archiving, smallImage(["Ann"], ARCHIVED)).entity;
    const write = {
      kind: "archive",
      record: "r0",
      fields: [],
      set: [],
      image: smallImage(["Ann"], ARCHIVED),
      position: null,
      atMs: 10,
    } as const;
    const settled = settleWrite(archiving, deleted, 0, write, NO_REFERENCES).entity;
    const back = absorbReturn(archiving, settled, 1, smallImage(["Ann"], "x"), user);
    expect(owe(archiving, back.entity, 0, NO_REFERENCES)).toMatchObject({ kind: "restore", record: "r0" });
  });

  test("[S38] an archived record that is then deleted for good is gone; where its restoration was due, it is made again", () => {
    const deleted = gone(start(archiving).entity, 1, archiving, smallImage(["Ann"], ARCHIVED)).entity;
    expect(gone(deleted, 1, archiving).entity.members[1]).toMatchObject({ state: "deleted", retired: ["r1"] });
    const restoring = gone(edited(archiving), 1, archiving, smallImage(["Ann"], ARCHIVED)).entity;
    expect(owe(archiving, gone(restoring, 1, archiving).entity, 1, NO_REFERENCES).kind).toBe("create");
  });

  test("[S42] a record out of scope that is deleted is noted, and nothing follows", () => {
    const it = start();
    const members = it.entity.members.map((member, side) =>
      side === 1 && member !== null ? { ...member, state: "outOfScope" as const } : member,
    );
    const result = gone({ ...it.entity, members }, 1);
    expect(result.entity).toMatchObject({ life: { kind: "live" }, members: [{ state: "live" }, { state: "deleted" }] });
  });

  test("[S59] an undone delete revives every member", () => {
    const both = gone(gone(start().entity, 1).entity, 0).entity;
    const revived = revive(plain, both, null).entity;
    expect([0, 1].map((side) => owe(plain, revived, side, NO_REFERENCES).kind)).toEqual(["create", "create"]);
    expect(revive(plain, revived, null)).toEqual({ entity: revived, events: [] });
  });
});
