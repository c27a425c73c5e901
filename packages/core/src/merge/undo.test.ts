import { smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { undoField } from "./undo.ts";

const model = smallSync({ name: { policy: { kind: "review" } } });

function changed(): SmallWorld {
  const it = new SmallWorld(model, ["Ann", "x"]);
  it.edit(0, 0, "Bea");
  it.settle();
  return it;
}

describe("undo", () => {
  test("[S59] the value before the run comes back as a new version by nobody's side, and is owed", () => {
    const it = changed();
    const undone = undoField(model, it.entity, 0, "Ann", "Bea", 7);
    expect(undone).toMatchObject({ kind: "undone", events: [{ kind: "undone", field: 0, from: "Bea", to: "Ann" }] });
    if (undone.kind !== "undone") return;
    expect(undone.entity.fields[0]).toMatchObject({ value: "Ann", version: 3, provenance: { side: null, cause: "undo" } });
    it.entity = undone.entity;
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual(["Ann", "Ann"]);
  });

  test("[S59] a field that a user changed after the run is left alone", () => {
    const it = changed();
    it.edit(1, 0, "Cid");
    it.settle();
    expect(undoField(model, it.entity, 0, "Ann", "Bea", 7)).toEqual({ kind: "newer" });
  });

  test("[S59] a field that holds the value already, or never had one, is level", () => {
    expect(undoField(model, changed().entity, 0, "Bea", "Ann", 7)).toEqual({ kind: "level" });
    expect(undoField(model, changed().entity, 9, "a", "b", 7)).toEqual({ kind: "level" });
  });

  test("[S23, S59] an undo closes an open case and says so", () => {
    const it = changed();
    it.edit(0, 0, "a");
    it.edit(1, 0, "b");
    it.settle();
    const undone = undoField(model, it.entity, 0, "Bea", "a", 7);
    expect(undone).toMatchObject({ kind: "undone", entity: { fields: [{ value: "Bea", review: null }] } });
    expect(undone.kind === "undone" && undone.events.at(-1)).toMatchObject({ kind: "reviewClosed", because: "undo" });
  });
});
