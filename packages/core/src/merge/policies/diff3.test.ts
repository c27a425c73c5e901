import { smallSync, SmallWorld } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergeTexts } from "./diff3.ts";

const prose = fc.array(fc.constantFrom("a", "b", "c", "dd", " ", "\n", "  ", "é"), { maxLength: 12 }).map((parts) => parts.join(""));
/** Words apart by one space each, so that no two can be joined to a new one but by a mistake. */
const words = fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1, maxLength: 8 }).map((parts) => parts.join(" "));

const numbered = (prefix: string) => Array.from({ length: 1_500 }, (_, index) => `${prefix}${index}`).join(" ");

const world = (start: string | null) => new SmallWorld(smallSync({ note: { policy: { kind: "text" } } }), [start, "x"]);

describe("text by diff3", () => {
  test("[S22] edits of different passages are merged", () => {
    expect(mergeTexts("the cat sat on the mat", "the black cat sat on the mat", "the cat sat on the rug")).toBe(
      "the black cat sat on the rug",
    );
    expect(mergeTexts("one two three", "two three", "one two")).toBe("two");
  });

  test("[S22] edits of one passage, or touching ones, are left to a person", () => {
    expect(mergeTexts("a b c", "a x c", "a y c")).toBe(null);
    expect(mergeTexts("a", "a x", "a y")).toBe(null);
    expect(mergeTexts("", "a", "b")).toBe(null);
  });

  test("[S22] the same edit on both sides is one edit", () => {
    expect(mergeTexts("a b c", "a x c", "a x c")).toBe("a x c");
  });

  test("[S25] a side that changed nothing yields to the other, and equal sides to each other", () => {
    fc.assert(
      fc.property(prose, prose, (base, text) => {
        expect(mergeTexts(base, text, base)).toBe(text);
        expect(mergeTexts(base, base, text)).toBe(text);
        expect(mergeTexts(base, text, text)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("[S25] it does not matter which side is which", () => {
    fc.assert(
      fc.property(prose, prose, prose, (base, left, right) => {
        expect(mergeTexts(base, left, right)).toBe(mergeTexts(base, right, left));
      }),
      { numRuns: 500 },
    );
  });

  test("[I3] nothing is invented: every word of the outcome stands in one of the three texts", () => {
    fc.assert(
      fc.property(words, words, words, (base, left, right) => {
        const merged = mergeTexts(base, left, right);
        if (merged === null) return;
        const known = new Set(`${base} ${left} ${right}`.split(" "));
        for (const word of merged.split(" ")) expect(known.has(word)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("[S22] texts too long or too different to compare are left to a person", () => {
    const long = "w ".repeat(11_000);
    expect(mergeTexts(long, `${long}x`, `y ${long}`)).toBe(null);
    expect(mergeTexts(numbered("a"), numbered("b"), numbered("c"))).toBe(null);
  });
});

describe("the text policy", () => {
  test("[S22] concurrent edits of different passages reach both sides, merged", () => {
    const it = world("call back on Monday please");
    it.edit(0, 0, "call back on Tuesday please");
    it.edit(1, 0, "do call back on Monday please");
    it.settle();
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual(["do call back on Tuesday please", "do call back on Tuesday please"]);
    expect(it.entity.fields[0]?.provenance.cause).toBe("policy");
  });

  test("[S22] overlapping edits, and texts emptied on one side, fall to review", () => {
    const it = world("a b c");
    it.edit(0, 0, "a x c");
    it.edit(1, 0, "a y c");
    it.settle();
    expect(it.entity.fields[0]?.review?.candidates).toEqual([undefined, "a y c"]);
    const emptied = world("a b c");
    emptied.edit(0, 0, null);
    emptied.edit(1, 0, "a y c");
    emptied.settle();
    expect(emptied.entity.fields[0]?.review).not.toBe(null);
  });
});
