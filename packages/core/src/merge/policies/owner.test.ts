import { smallSync, SmallWorld } from "@accord/testkit";
import type { SmallField } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { instantType } from "../../value/instant.ts";
import type { OwnerPolicy } from "../policy.ts";

const owner = (options: Partial<OwnerPolicy>): OwnerPolicy => ({
  kind: "owner",
  ranks: [],
  revert: false,
  fill: false,
  blanks: [],
  verified: null,
  ...options,
});
const world = (options: Partial<OwnerPolicy>, sides = 2, field: SmallField = {}) =>
  new SmallWorld(smallSync({ name: { ...field, policy: owner(options) } }, { sides }), ["Ann", "x"]);

describe("owner", () => {
  test("[S17] of concurrent edits the higher-ranked side's wins, in whatever order they are seen", () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [2, 0, 1],
    ]) {
      const it = world({ ranks: [2, 1, 0] }, 3);
      it.edit(0, 0, "a");
      it.edit(1, 0, "b");
      it.edit(2, 0, "c");
      for (const side of order) it.absorb(side);
      it.settle();
      expect([it.cell(0, 0), it.cell(1, 0), it.cell(2, 0)]).toEqual(["c", "c", "c"]);
    }
  });

  test("[S17] it breaks ties only: a later edit by a lower rank flows", () => {
    const it = world({ ranks: [0, 1] });
    it.edit(0, 0, "a");
    it.settle();
    it.edit(1, 0, "b");
    it.settle();
    expect(it.cell(0, 0)).toBe("b");
  });

  test("[S17] sides that are not named follow in declared order", () => {
    const it = world({ ranks: [2] }, 3);
    it.edit(1, 0, "b");
    it.edit(0, 0, "a");
    it.absorb(1);
    it.settle();
    expect(it.cell(2, 0)).toBe("a");
  });

  test("[S17] revert: an edit by a non-owner is pushed back and logged", () => {
    const it = world({ ranks: [1, 0], revert: true });
    it.edit(0, 0, "a");
    it.settle();
    expect(it.events).toEqual([{ kind: "reverted", field: 0, side: 0, lost: "a", because: "owner" }]);
    expect(it.cell(0, 0)).toBe("Ann");
    it.edit(1, 0, "b");
    it.settle();
    expect(it.cell(0, 0)).toBe("b");
  });

  test("[S17] revert in a conflict: the non-owner's edit loses and is logged", () => {
    const it = world({ ranks: [1, 0], revert: true });
    it.edit(0, 0, "a");
    it.edit(1, 0, "b");
    it.absorb(1);
    it.settle();
    expect(it.events).toContainEqual(expect.objectContaining({ kind: "conflict", side: 0, lost: "a" }));
    expect(it.cell(0, 0)).toBe("b");
  });

  test("[S17] revert: of a one-way field the only writer is the owner", () => {
    const it = world({ ranks: [1, 0], revert: true }, 2, { writers: [0] });
    it.edit(0, 0, "a");
    it.settle();
    expect(it.cell(1, 0)).toBe("a");
  });

  test("[S17] fill: others are written only where they are empty", () => {
    const it = world({ ranks: [0, 1], fill: true });
    it.edit(0, 0, "a");
    it.settle();
    expect(it.cell(1, 0)).toBe("Ann");
    it.edit(1, 0, null);
    it.absorb(1);
    it.settle();
    expect(it.cell(1, 0)).toBe("a");
    it.edit(1, 0, "");
    it.absorb(1);
    it.settle();
    expect(it.cell(0, 0)).toBe("");
  });

  test("[S17] fill: the owner itself is written whatever it holds, ranks named or not", () => {
    const it = world({ fill: true });
    it.edit(1, 0, "b");
    it.settle();
    expect(it.cell(0, 0)).toBe("b");
  });

  test("[S17] blanks: erase, ignore or review", () => {
    const erased = world({ blanks: ["erase", "erase"] });
    erased.edit(1, 0, null);
    erased.settle();
    expect(erased.cell(0, 0)).toBe(null);
    const ignored = world({ blanks: ["erase", "ignore"] });
    ignored.edit(1, 0, null);
    ignored.settle();
    expect([ignored.cell(0, 0), ignored.cell(1, 0)]).toEqual(["Ann", "Ann"]);
    expect(ignored.events).toEqual([{ kind: "reverted", field: 0, side: 1, lost: null, because: "blank" }]);
    const reviewed = world({ blanks: ["erase", "review"] });
    reviewed.edit(1, 0, null);
    reviewed.settle();
    expect(reviewed.entity.fields[0]).toMatchObject({ value: "Ann", review: { candidates: [undefined, null] } });
    expect([reviewed.cell(0, 0), reviewed.cell(1, 0), reviewed.writes.length]).toEqual(["Ann", null, 0]);
  });

  test("[S17] blanks: the rule is the side's own", () => {
    const it = world({ blanks: ["erase", "ignore"] });
    it.edit(0, 0, null);
    it.settle();
    expect(it.cell(1, 0)).toBe(null);
  });
});

describe("owner, verified", () => {
  const model = smallSync({
    name: { policy: { ...owner({ ranks: [0, 1] }), verified: 1 } },
    verifiedAt: { type: instantType, policy: { kind: "ladder", direction: "up", steps: null } },
  });
  const swapped = smallSync({
    verifiedAt: { type: instantType, policy: { kind: "ladder", direction: "up", steps: null } },
    name: { policy: { ...owner({ ranks: [0, 1] }), verified: 0 } },
  });
  const later = "1970-01-01T01:00:00Z";

  test("[S17] a value older than a person's verification loses, against the rank", () => {
    const it = new SmallWorld(model, ["Ann", null, "x"]);
    it.edit(0, 0, "a");
    it.edit(1, 0, "b");
    it.edit(1, 1, later);
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual(["b", "b"]);
  });

  test("[S17] the same where the verified record was seen first, and where the fields stand the other way round", () => {
    const it = new SmallWorld(swapped, [null, "Ann", "x"]);
    it.edit(0, 1, "a");
    it.edit(1, 1, "b");
    it.edit(1, 0, later);
    it.absorb(1);
    it.settle();
    expect([it.cell(0, 1), it.cell(1, 1)]).toEqual(["b", "b"]);
    const other = new SmallWorld(swapped, [null, "Ann", "x"]);
    other.edit(0, 1, "a");
    other.edit(1, 1, "b");
    other.edit(1, 0, later);
    other.absorb(0);
    other.settle();
    expect([other.cell(0, 1), other.cell(1, 1)]).toEqual(["b", "b"]);
  });

  test("[S17] a value certainly newer than the verification is left to the ranks", () => {
    const it = new SmallWorld(model, ["Ann", null, "x"]);
    it.edit(1, 0, "b");
    it.edit(1, 1, "1970-01-01T00:00:01Z");
    it.edit(0, 0, "a");
    it.absorb(1);
    it.settle();
    expect(it.cell(1, 0)).toBe("a");
  });
});
