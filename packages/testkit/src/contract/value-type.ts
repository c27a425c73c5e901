import type { ValueType } from "@accord/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** What the laws need of a type under test. */
export interface ValueTypeLawsOptions {
  /** Spellings that the type reads, drawn from few enough values that equal ones meet often. */
  readonly spellings: fc.Arbitrary<string>;
}

/**
 * The laws of every `ValueType` as a suite of tests: reading never throws and is idempotent, equality is an equivalence that agrees with the hash, the
 * order is total and agrees with equality, and keys and problems keep their promises.
 */
export function describeValueTypeLaws(type: ValueType, { spellings }: ValueTypeLawsOptions): void {
  const canonical = spellings.map((spelling) => canonicalText(type, spelling));
  // Any characters, lone surrogates included; characters that spellings are made of; and a good spelling with one change.
  const arbitraryText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: oneOf('0123456789+-.:eETZ[]{}",\\/@ xabfnt\u00a0\ud800'), maxLength: 30 }),
    fc.tuple(spellings, fc.nat(40), fc.string({ maxLength: 2 })).map(([text, at, extra]) => text.slice(0, at) + extra + text.slice(at)),
    fc.tuple(spellings, fc.nat(40)).map(([text, at]) => text.slice(0, at) + text.slice(at + 1)),
  );

  describe(`the laws of ${type.name}`, () => {
    test("[S48] reading never throws, and what it gave reads as itself", () => {
      fc.assert(
        fc.property(fc.oneof(arbitraryText, spellings), (text) => {
          const parsed = type.parse(text);
          if (parsed.kind === "invalid") {
            expect(parsed.problem).not.toBe("");
            return;
          }
          expect(type.parse(parsed.text)).toEqual(parsed);
          expect(type.equal(parsed.text, parsed.text)).toBe(true);
          expect(type.hash(parsed.text)).toBe(type.hash(parsed.text));
          expect(type.key(parsed.text)).not.toBe("");
        }),
        { numRuns: 500 },
      );
    });

    test("equality is symmetric and transitive; equal values share hash and match key", () => {
      fc.assert(
        fc.property(canonical, canonical, canonical, (a, b, c) => {
          expect(type.equal(a, b)).toBe(type.equal(b, a));
          if (type.equal(a, b) && type.equal(b, c)) expect(type.equal(a, c)).toBe(true);
          if (!type.equal(a, b)) return;
          expect(type.hash(a)).toBe(type.hash(b));
          expect(type.key(a)).toBe(type.key(b));
        }),
        { numRuns: 500 },
      );
    });

    const { order } = type;
    if (order === null) return;
    test("[S21] the order is total, antisymmetric and transitive, and level exactly for equal values", () => {
      fc.assert(
        fc.property(canonical, canonical, canonical, (a, b, c) => {
          // Adding zero makes a negative zero a plain one.
          expect(Math.sign(order(a, b)) + 0).toBe(0 - Math.sign(order(b, a)) + 0);
          expect(order(a, b) === 0).toBe(type.equal(a, b));
          if (order(a, b) <= 0 && order(b, c) <= 0) expect(order(a, c)).toBeLessThanOrEqual(0);
        }),
        { numRuns: 500 },
      );
    });
  });
}

function oneOf(characters: string): fc.Arbitrary<string> {
  return fc.constantFrom(...characters.split(""));
}

function canonicalText(type: ValueType, spelling: string): string {
  const parsed = type.parse(spelling);
  if (parsed.kind === "invalid") throw new Error(`${type.name} should read ${JSON.stringify(spelling)}: ${parsed.problem}`);
  return parsed.text;
}
