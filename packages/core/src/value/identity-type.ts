import type { ParseResult, ValueType } from "./value-type.ts";

/** A reading that succeeded: `text` is canonical. */
export function valid(text: string): ParseResult {
  return { kind: "value", text };
}

/** A reading that failed. The problem never repeats the value: it is shown in logs and reports. */
export function invalid(problem: string): ParseResult {
  return { kind: "invalid", problem };
}

/** What a type must say whose canonical texts are equal exactly when they are the same text. */
export interface IdentityTypeParts {
  readonly name: string;
  readonly version: number;
  readonly parse: (text: string) => ParseResult;
  readonly order: ((a: string, b: string) => number) | null;
  /** Left out: every text identifies by itself, but for the empty one. [S36] */
  readonly key?: (text: string) => string | null;
}

/** A type with one spelling per value, so that equality is identity and a text is its own hash. */
export function identityType({ name, version, parse, order, key = textUnlessEmpty }: IdentityTypeParts): ValueType {
  return { name, version, parse, equal: sameText, order, hash: itself, key };
}

/** Orders texts by UTF-16 code units: total, the same on every machine, and blind to language. */
export function compareCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sameText(a: string, b: string): boolean {
  return a === b;
}

function itself(text: string): string {
  return text;
}

function textUnlessEmpty(text: string): string | null {
  return text === "" ? null : text;
}
