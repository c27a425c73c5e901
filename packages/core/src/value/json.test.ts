import { describeValueTypeLaws } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonType } from "./json.ts";

describeValueTypeLaws(jsonType, {
  spellings: fc.oneof(
    fc.json(),
    fc.json({ maxDepth: 1 }).map((text) => ` ${text}\n`),
    fc.constantFrom("1", "1.0", "1e0", '{"a":1,"b":2}', '{"b":2,"a":1}'),
  ),
});

describe("json", () => {
  test.each([
    ['{ "b": 1,\n"a": [ ] }', '{"a":[],"b":1}'],
    ['{"a":1,"a":2}', '{"a":2}'],
    ["1.50", "1.5"],
    ["-0", "0"],
    ["-0.0e5", "0"],
    ["9223372036854775807", "9223372036854775807"],
    ["[1e400]", `[1${"0".repeat(400)}]`],
    ["0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"],
    ['"\\u0041\\/\\n\\u001f"', '"A/\\n\\u001f"'],
    ['"\\ud83d\\ude00"', '"😀"'],
    ['"\\ud800"', '"\\ud800"'],
    ['"\ud800"', '"\\ud800"'],
    ["null", "null"],
    [" true ", "true"],
    ['{"__proto__":1,"":2,"a":{"z":null,"y":false}}', '{"":2,"__proto__":1,"a":{"y":false,"z":null}}'],
    ['{"10":1,"9":2}', '{"10":1,"9":2}'],
  ])("%j reads as %j", (spelling, text) => {
    expect(jsonType.parse(spelling)).toEqual({ kind: "value", text });
  });

  test.each([
    "",
    " ",
    "nul",
    "nulll",
    "01",
    "+1",
    ".5",
    "1.",
    "NaN",
    "-",
    "'a'",
    '"a',
    '"\t"',
    '"\\x"',
    '"\\u12g4"',
    "[1,]",
    "[1 2]",
    "[",
    "{",
    '{"a"}',
    '{"a":}',
    "{a:1}",
    '{"a":1,}',
    "1 2",
    "\u00a01",
    "1e200000",
  ])("%j is refused", (spelling) => {
    expect(jsonType.parse(spelling).kind).toBe("invalid");
  });

  test("nesting is read to a depth that every stack bears, and refused beyond", () => {
    expect(jsonType.parse("[".repeat(500) + "]".repeat(500)).kind).toBe("value");
    expect(jsonType.parse("[".repeat(501) + "]".repeat(501))).toEqual({ kind: "invalid", problem: "JSON nested more than 500 deep" });
    expect(jsonType.parse('{"a":'.repeat(100_000)).kind).toBe("invalid");
  });

  test("what is JSON is what the platform says is JSON, and means the same", () => {
    const almostJson = fc.oneof(fc.json(), fc.string({ unit: fc.constantFrom(...'{}[],:"\\u0a1-+.eE ntrf'.split("")), maxLength: 12 }));
    fc.assert(
      fc.property(almostJson, (text) => {
        const parsed = jsonType.parse(text);
        if (parsed.kind === "value") expect(JSON.parse(parsed.text)).toEqual(withoutNegativeZero(JSON.parse(text)));
        else expect(() => JSON.parse(text)).toThrow(SyntaxError);
      }),
      { numRuns: 5000 },
    );
  });
});

function withoutNegativeZero(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
