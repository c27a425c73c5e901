import { smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { setText, setType } from "../../value/set.ts";
import { textType } from "../../value/text.ts";
import type { ValueType } from "../../value/value-type.ts";

const folding: ValueType = { ...textType, equal: (a, b) => a.toLowerCase() === b.toLowerCase(), hash: (text) => text.toLowerCase() };
const set = (...elements: string[]) => setText(elements);
const world = (start: string | null, element: ValueType = textType, sides = 2) =>
  new SmallWorld(smallSync({ tags: { type: setType(element), policy: { kind: "set" } } }, { sides }), [start, "x"]);

describe("set", () => {
  test("[S20] what both sides added and removed is merged", () => {
    const it = world(set("a", "b", "c"));
    it.edit(0, 0, set("a", "b", "x"));
    it.edit(1, 0, set("b", "c", "y"));
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual([set("b", "x", "y"), set("b", "x", "y")]);
  });

  test("[S20] add and remove of one element at once: the add wins, whichever is seen first", () => {
    for (const first of [0, 1]) {
      const it = world(set("a", "b"), textType, 3);
      // Side 2 takes b away; then side 0 gives it back, with z, while side 1, which still shows b, takes it away too.
      it.edit(2, 0, set("a"));
      it.absorb(2);
      it.push(0);
      it.edit(0, 0, set("a", "b", "z"));
      it.edit(1, 0, set("a"));
      it.absorb(first);
      it.settle();
      const all = set("a", "b", "z");
      expect([it.cell(0, 0), it.cell(1, 0), it.cell(2, 0)]).toEqual([all, all, all]);
    }
  });

  test("[S13, S20] a side that shows the canonical set counts as having been shown it: its remove is no concurrent one", () => {
    const it = world(set("a"));
    it.edit(0, 0, set("a", "b"));
    it.edit(1, 0, set("a", "b"));
    it.absorb(0);
    it.absorb(1);
    it.edit(1, 0, set("a"));
    it.settle();
    expect(it.cell(0, 0)).toBe(set("a"));
  });

  test("[S20] a side may take back what it added itself, though others' additions are still on their way to it", () => {
    const it = world(set("a"));
    it.edit(1, 0, set("a", "y"));
    it.absorb(1);
    it.edit(0, 0, set("a", "x"));
    it.absorb(0);
    it.edit(0, 0, set("a"));
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual([set("a", "y"), set("a", "y")]);
  });

  test("[S20] a side that has seen an element may remove it", () => {
    const it = world(set("a"));
    it.edit(0, 0, set("a", "b"));
    it.settle();
    it.edit(1, 0, set("a"));
    it.settle();
    expect(it.cell(0, 0)).toBe(set("a"));
  });

  test("[S20] elements that the type calls equal are one: neither doubled by an add nor missed by a remove", () => {
    const it = world(set("VIP"), folding);
    it.edit(0, 0, set("VIP", "new"));
    it.edit(1, 0, set("NEW", "VIP"));
    it.settle();
    expect(it.entity.fields[0]?.value).toBe(set("VIP", "new"));
    const removed = world(set("VIP", "x"), folding);
    removed.edit(1, 0, set("vip", "x"));
    removed.absorb(1);
    removed.edit(1, 0, set("x"));
    removed.settle();
    expect(removed.cell(0, 0)).toBe(set("x"));
  });

  test("[S20] emptied, null and the empty set are the same and cause no writes to and fro", () => {
    const it = world(set("a"));
    it.edit(0, 0, null);
    it.settle();
    expect(it.cell(1, 0)).toBe(null);
    it.edit(1, 0, "[]");
    it.settle();
    expect(it.writes.length).toBe(1);
    it.edit(1, 0, set("b"));
    it.settle();
    expect(it.cell(0, 0)).toBe(set("b"));
  });

  test("[S20] who added what is forgotten once every side has been shown it", () => {
    const it = world(set("a"));
    it.edit(0, 0, set("a", "b"));
    it.absorb(0);
    expect(it.entity.fields[0]?.adds).toEqual([["b", 0, 2]]);
    it.settle();
    expect(it.entity.fields[0]?.adds).toBe(null);
  });

  test("[S20] elements named like properties of objects are elements", () => {
    const it = world(set("a"));
    it.edit(0, 0, set("__proto__", "a", "constructor"));
    it.settle();
    expect(it.cell(1, 0)).toBe(set("__proto__", "a", "constructor"));
    it.edit(1, 0, set("a"));
    it.settle();
    expect(it.cell(0, 0)).toBe(set("a"));
  });
});
