import { describeValueTypeLaws } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimalType } from "./decimal.ts";
import { groupParts, groupText, groupType } from "./group.ts";
import { integerType } from "./integer.ts";
import { jsonType } from "./json.ts";
import { setElements, setText, setType } from "./set.ts";
import { textKey, textType } from "./text.ts";
import type { ValueType } from "./value-type.ts";

/** A type whose equality is wider than identity, with a hash coarser than equality: what sets and groups have to bear. */
const caseBlind: ValueType = {
  name: "caseBlind",
  version: 3,
  parse: (text) => (text === "" ? { kind: "invalid", problem: "empty" } : { kind: "value", text }),
  equal: (a, b) => a.toLowerCase() === b.toLowerCase(),
  order: null,
  hash: (text) => text.slice(0, 1).toLowerCase(),
  key: textKey,
};

const tags = setType(textType);
const money = groupType([
  { name: "amount", type: decimalType },
  { name: "currency", type: textType },
]);
const blindPair = groupType([
  { name: "a", type: caseBlind },
  { name: "b", type: setType(caseBlind) },
]);
const words = fc.constantFrom("a", "A", "ab", "AB", "aB", "b");

describeValueTypeLaws(tags, { spellings: fc.array(words).map((items) => JSON.stringify(items)) });
describeValueTypeLaws(setType(caseBlind), { spellings: fc.array(words, { maxLength: 4 }).map((items) => JSON.stringify(items)) });
describeValueTypeLaws(money, {
  spellings: fc.tuple(fc.constantFrom("1", "1.0", 1, null), fc.constantFrom("EUR", "USD")).map((items) => JSON.stringify(items)),
});
describeValueTypeLaws(blindPair, {
  spellings: fc
    .tuple(
      words,
      fc.array(words, { maxLength: 3 }).map((items) => JSON.stringify(items)),
    )
    .map((items) => JSON.stringify(items)),
});

describe("set", () => {
  test.each([
    ['["red","blue","red"]', '["blue","red"]'],
    ["[]", "[]"],
    [' [ "b" , "a" ] ', '["a","b"]'],
    ['["a\\u0062"]', '["ab"]'],
    ["[1,true]", '["1","true"]'],
  ])("[S20] %j reads as %j", (spelling, text) => {
    expect(tags.parse(spelling)).toEqual({ kind: "value", text });
  });

  test.each(["", "red", "[null]", '{"a":1}', '["a"', "null"])("%j is refused", (spelling) => {
    expect(tags.parse(spelling).kind).toBe("invalid");
  });

  test("[S20] elements are read by their own type, and equal ones are kept once", () => {
    expect(setType(integerType).parse('[10,"9","010",9.0]')).toEqual({ kind: "value", text: '["10","9"]' });
    expect(setType(integerType).parse('["x"]')).toEqual({ kind: "invalid", problem: "a set with an element that is not a whole number" });
    expect(setType(caseBlind).parse('["b","a","B","ab","A"]')).toEqual({ kind: "value", text: '["A","B","ab"]' });
    expect(setType(jsonType).parse('[{"b":1,"a":2},"[1.0]"]')).toEqual({ kind: "value", text: '["[1]","{\\"a\\":2,\\"b\\":1}"]' });
  });

  test("[S20] sets are equal when their elements are, in whatever spelling", () => {
    expect(setType(caseBlind).equal('["A","B"]', '["a","b"]')).toBe(true);
    expect(setType(caseBlind).equal('["A","AB"]', '["a","b"]')).toBe(false);
    expect(setType(caseBlind).equal('["A"]', '["A","B"]')).toBe(false);
  });

  test("setText and setElements are each other's inverse", () => {
    expect(setText(["b", "a", "b"])).toBe('["a","b"]');
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (items) => {
        expect(setElements(setText(items))).toEqual([...new Set(items)].toSorted());
      }),
    );
  });

  test("[S36] the match key of a set is that of its elements, and an empty set identifies nothing", () => {
    expect(tags.key("[]")).toBeNull();
    expect(tags.key('[""," "]')).toBeNull();
    expect(tags.key('[" A","b"]')).toBe('["a","b"]');
  });
});

describe("group", () => {
  test.each([
    ['["1.50","EUR"]', '["1.5","EUR"]'],
    ["[1.50,null]", '["1.5",null]'],
    ['[null,""]', '[null,""]'],
  ])("[S16] %j reads as %j", (spelling, text) => {
    expect(money.parse(spelling)).toEqual({ kind: "value", text });
  });

  test.each(["", "[]", '["1"]', '["1","EUR","x"]', '["x","EUR"]', "[null,null]", '{"amount":1}'])("[S16] %j is refused", (spelling) => {
    expect(money.parse(spelling).kind).toBe("invalid");
  });

  test("[S16] any unknown part makes the group unknown; all null make it null", () => {
    expect(groupText(["1", undefined])).toBeUndefined();
    expect(groupText([null, undefined])).toBeUndefined();
    expect(groupText([null, null])).toBeNull();
    expect(groupText([])).toBeNull();
    expect(groupText(["1", null])).toBe('["1",null]');
    expect(groupParts('["1",null]')).toEqual(["1", null]);
  });

  test("groups are equal part by part, and null is no value", () => {
    expect(blindPair.equal('["x",null]', '["X",null]')).toBe(true);
    expect(blindPair.equal('["x",null]', '["x","[]"]')).toBe(false);
  });

  test("[S36] the match key of a group is that of its parts, and null where no part has one", () => {
    expect(money.key('["1"," eur "]')).toBe('["1","eur"]');
    expect(money.key('["NaN"," "]')).toBeNull();
  });

  test("[S51] a raised version of a part raises the version of the whole", () => {
    expect([tags.version, setType(caseBlind).version, money.version, blindPair.version]).toEqual([1, 3, 1, 5]);
    expect([setType(textType).name, money.name]).toEqual(["set(text)", "group(amount: decimal, currency: text)"]);
  });
});
