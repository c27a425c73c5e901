import { describeValueTypeLaws } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { textKey, textType } from "./text.ts";

describeValueTypeLaws(textType, { spellings: fc.oneof(fc.constantFrom("", " ", "a", "A", "b"), fc.string({ unit: "binary" })) });

describe("text", () => {
  test.each(["", "  Jane\tDoe ", "\ud800", "\u0000", "e\u0301"])("%j is kept as it is", (text) => {
    expect(textType.parse(text)).toEqual({ kind: "value", text });
  });

  test.each([
    ["", null],
    [" \u00a0\t ", null],
    ["  Jane   DOE\n", "jane doe"],
    ["Jane\u00a0Doe", "jane doe"],
    ["Jane\tDoe", "jane doe"],
    ["\uff21\uff22\uff23", "abc"],
    ["ﬁnance", "finance"],
    ["MU\u0308LLER", "müller"],
    ["Straße", "straße"],
  ])("[S36] the match key of %j is %j", (text, key) => {
    expect(textType.key(text)).toBe(key);
  });

  test("[S36] a match key is its own match key", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const key = textKey(text);
        expect(key === null ? null : textKey(key)).toBe(key);
      }),
      { numRuns: 2000 },
    );
  });
});
