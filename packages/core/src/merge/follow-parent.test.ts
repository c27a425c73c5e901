import { NO_REFERENCES } from "../mapping/references.ts";
import { smallImage, smallSync } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { Entity } from "../entity/entity.ts";
import { absorbDelete } from "./absorb-delete.ts";
import { absorbRecord } from "./absorb.ts";
import { deleteWith, detachFrom, hasNewsFor, keepForChildren, names } from "./follow-parent.ts";
import { createEntity, joinMember } from "./join.ts";

const MODEL = smallSync({ name: {}, parent: { reference: "parents" } });

/** An entity that both sides show, whose field 1 holds the text of an entity's id. */
function child(): Entity {
  const seen = { image: smallImage(["ann", "7"]), position: null, fromMs: 1, toMs: 1 };
  const created = createEntity(MODEL, 1, 0, "a", seen, "user", NO_REFERENCES).entity;
  return joinMember(MODEL, created, 1, "b", seen, "match", NO_REFERENCES).entity;
}

function edited(entity: Entity, side: number, name: string, atMs: number): Entity {
  const seen = { image: smallImage([name, "7"]), position: null, fromMs: atMs, toMs: atMs, isReading: true };
  return absorbRecord(MODEL, entity, side, seen, NO_REFERENCES).entity;
}

describe("what names a deleted entity", () => {
  test("[S45] is detached as a new version that no side wrote, and says from what", () => {
    const detached = detachFrom(child(), { field: 1, parent: 7, side: 0, atMs: 5 });
    expect(detached.entity.fields[1]).toMatchObject({ value: null, provenance: { side: null, cause: "policy" } });
    expect(detached.entity.version).toBe(child().version + 1);
    expect(detached.events).toEqual([{ kind: "detached", field: 1, from: "7", to: null }]);
    expect([names(child(), 1, 7), names(child(), 1, 8), names(detached.entity, 1, 7)]).toEqual([true, false, false]);
  });

  test("[S45] is deleted with it, where that was deleted", () => {
    const deleted = deleteWith(child(), { field: 1, parent: 7, side: 1, atMs: 5 });
    expect(deleted.entity.life).toEqual({ kind: "deleted", side: 1, atMs: 5 });
    expect(deleted.events).toEqual([{ kind: "followed", field: 1 }]);
    expect(names(deleted.entity, 1, 7)).toBe(false);
  });

  test("[S38] [S45] has news for a side that was not shown an edit, or made after the deletion; the side's own edits are none", () => {
    const quiet = child();
    expect(hasNewsFor(MODEL, quiet, 0, 9, NO_REFERENCES)).toBe(false);
    expect(hasNewsFor(MODEL, edited(quiet, 1, "anne", 5), 0, 9, NO_REFERENCES)).toBe(true);
    expect(hasNewsFor(MODEL, edited(quiet, 0, "anne", 5), 0, 3, NO_REFERENCES)).toBe(false);
    const shown = edited(edited(quiet, 1, "anne", 5), 0, "anne", 6);
    expect(hasNewsFor(MODEL, shown, 0, 9, NO_REFERENCES)).toBe(false);
    expect(hasNewsFor(MODEL, shown, 0, 5, NO_REFERENCES)).toBe(true);
    const elsewhere = createEntity(
      MODEL,
      2,
      1,
      "b",
      { image: smallImage(["bob", "7"]), position: null, fromMs: 1, toMs: 1 },
      "user",
      NO_REFERENCES,
    );
    expect(hasNewsFor(MODEL, elsewhere.entity, 0, 9, NO_REFERENCES)).toBe(true);
  });

  test("[S38] [S45] keeps what it names by its own rule", () => {
    const gone = absorbDelete(MODEL, child(), 0, { image: null, position: null, fromMs: 4, toMs: 4 }, NO_REFERENCES).entity;
    expect(gone.life.kind).toBe("deleted");
    expect(keepForChildren(MODEL, gone, 0, "delete-wins", 4)).toBeNull();
    const kept = keepForChildren(MODEL, gone, 0, "update-wins", 4);
    expect([kept?.entity.life.kind, kept?.entity.members[0]?.state]).toEqual(["live", "absent"]);
    const asked = keepForChildren(MODEL, gone, 0, "review", 4);
    expect([asked?.entity.life.kind, asked?.entity.review?.reason]).toEqual([
      "live",
      "it was deleted here, and what names it was changed elsewhere",
    ]);
    expect(keepForChildren(MODEL, child(), 0, "update-wins", 4)).toBeNull();
  });
});
