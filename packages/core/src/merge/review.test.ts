import { cutting, smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { NO_REFERENCES } from "../mapping/references.ts";
import { absorbDelete } from "./absorb-delete.ts";
import { decideField } from "./review.ts";

const model = (sides = 2) => smallSync({ name: { policy: { kind: "review" } }, other: {} }, { sides });
const decided = { side: null, cause: "decision", fromMs: 9, toMs: 9 } as const;

function frozen(sides = 2): SmallWorld {
  const it = new SmallWorld(model(sides), ["Ann", "o", "x"]);
  it.edit(0, 0, "a");
  it.edit(1, 0, "b");
  it.settle();
  return it;
}

describe("review", () => {
  test("[S23] a conflict freezes that one field: nothing is written, and other fields flow", () => {
    const it = frozen();
    it.edit(0, 1, "p");
    it.settle();
    expect(it.entity.fields[0]).toMatchObject({ value: "a", review: { candidates: [undefined, "b"] } });
    expect([it.cell(0, 0), it.cell(1, 0), it.cell(1, 1)]).toEqual(["a", "b", "p"]);
    expect(it.events[1]).toMatchObject({ kind: "reviewOpened", side: 1, canonical: "a", candidate: "b" });
  });

  test("[S23] later edits update the same case and are accepted by none", () => {
    const it = frozen();
    it.edit(1, 0, "bb");
    it.edit(0, 0, "aa");
    it.settle();
    expect(it.entity.fields[0]).toMatchObject({ value: "a", review: { candidates: ["aa", "bb"] } });
    expect(it.writes).toEqual([]);
  });

  test("[S23] sides that come to agree close it", () => {
    const it = frozen();
    it.edit(0, 0, "b");
    it.settle();
    expect(it.entity.fields[0]).toMatchObject({ value: "b", review: null });
    expect(it.events.at(-1)).toMatchObject({ kind: "reviewClosed", because: "agreement", from: "a", to: "b" });
    expect(it.writes).toEqual([]);
  });

  test("[S23] going back to the canonical value closes it too", () => {
    const it = frozen();
    it.edit(1, 0, "a");
    it.settle();
    expect(it.entity.fields[0]).toMatchObject({ value: "a", review: null });
  });

  test("[S23] a side that is merely late has no say: it is written once the others agree", () => {
    const it = frozen(3);
    expect(it.cell(2, 0)).toBe("Ann");
    it.edit(0, 0, "b");
    it.settle();
    expect(it.entity.fields[0]).toMatchObject({ value: "b", review: null });
    expect(it.cell(2, 0)).toBe("b");
  });

  test("[S15, S23] sides agree by what they can show", () => {
    const it = new SmallWorld(smallSync({ name: { policy: { kind: "review" }, sides: { 1: cutting(3) } } }), ["Ann", "x"]);
    it.edit(0, 0, "Beatrice");
    it.edit(1, 0, "Cid");
    it.settle();
    it.edit(1, 0, "Bea");
    it.settle();
    expect(it.entity.fields[0]).toMatchObject({ value: "Beatrice", review: null });
  });

  test("[S23] a decision is a new version, owed to every side that does not show it", () => {
    const it = frozen();
    const version = it.entity.version;
    const result = decideField(model(), it.entity, 0, "c", decided);
    expect(result.events).toEqual([{ kind: "reviewClosed", field: 0, side: null, because: "decision", from: "a", to: "c" }]);
    it.entity = result.entity;
    expect(it.entity.version).toBe(version + 1);
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual(["c", "c"]);
  });

  test("[S23] a decision for the canonical value is pushed over the candidate", () => {
    const it = frozen();
    it.entity = decideField(model(), it.entity, 0, "a", decided).entity;
    it.settle();
    expect(it.cell(1, 0)).toBe("a");
  });

  test("[S23, S38] a delete meets the case as an update: the value that is left wins with it", () => {
    const it = frozen();
    const result = absorbDelete(model(), it.entity, 0, { fromMs: 9, toMs: 9, position: null, image: null }, NO_REFERENCES);
    expect(result.entity.life.kind).toBe("live");
    expect(result.entity.fields[0]).toMatchObject({ value: "b", review: null });
    expect(result.entity.members[0]).toMatchObject({ state: "absent", retired: ["r0"] });
    expect(result.events).toContainEqual(expect.objectContaining({ kind: "reviewClosed", because: "delete", from: "a", to: "b" }));
  });

  test("[S23, S38] the delete of the side that had the candidate leaves the canonical value", () => {
    const it = frozen();
    const result = absorbDelete(model(), it.entity, 1, { fromMs: 9, toMs: 9, position: null, image: null }, NO_REFERENCES);
    expect(result.entity.life.kind).toBe("live");
    expect(result.entity.fields[0]).toMatchObject({ value: "a", review: null });
  });

  test("[S23, S38] where the delete wins, the case is closed with both values in the events", () => {
    const it = frozen();
    const wins = { ...model(), deletes: { do: "delete", conflict: "delete-wins" } } as const;
    const result = absorbDelete(wins, it.entity, 0, { fromMs: 9, toMs: 9, position: null, image: null }, NO_REFERENCES);
    expect(result.entity.life.kind).toBe("deleted");
    expect(result.entity.fields[0]?.review).toBe(null);
    expect(result.events).toContainEqual({ kind: "reviewUpdated", field: 0, side: 1, candidate: "b" });
    expect(result.events).toContainEqual({ kind: "reviewClosed", field: 0, side: 0, because: "delete", from: "a", to: "a" });
  });
});
