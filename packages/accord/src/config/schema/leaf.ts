import { z } from "zod";
import { nearest } from "../near.ts";

/** Separates what is wrong from what would be right inside one zod message. */
const SEAM = "\u0001";
/** Separates the remedies of several unknown keys of one map, in their order. */
export const EACH = "\u0002";

/** A message of the schema, taken apart. */
export interface Said {
  readonly problem: string;
  readonly remedy: string;
}

/** A zod message made of both. */
export function say(problem: string, remedy: string): string {
  return problem + SEAM + remedy;
}

/** What {@link say} put together. */
export function readSaid(message: string): Said {
  const [problem = message, remedy] = message.split(SEAM);
  return { problem, remedy: remedy ?? "see the reference page of the project file" };
}

interface RawIssue {
  readonly code?: string;
  readonly input?: unknown;
  readonly keys?: readonly string[];
}

/** The messages of a leaf: missing, or not what is expected. Quotes a wrong text only where no secret can stand (`candidates` are given). */
export function expects(
  expected: string,
  example: string,
  candidates: readonly string[] = [],
): { readonly error: (issue: RawIssue) => string } {
  return {
    error: ({ input }) => {
      if (input === undefined) return say("is missing", `write ${example}`);
      if (typeof input !== "string" || candidates.length === 0) return say(`must be ${expected}`, `write ${example}`);
      const near = nearest(input, candidates);
      return say(`"${input}" is not ${expected}`, near === null ? `write ${example}` : `did you mean ${near}?`);
    },
  };
}

/** A map with these keys and no others: an unknown one is answered with the nearest right one, of `alsoKeys` too. */
export function strict<Shape extends z.ZodRawShape>(shape: Shape, expected: string, alsoKeys: readonly string[] = []) {
  const keys = [...new Set([...Object.keys(shape), ...alsoKeys])];
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === "unrecognized_keys")
        return say("is not a key here", issue.keys.map((key) => unknownKeyRemedy(key, keys)).join(EACH));
      return issue.input === undefined
        ? say("is missing", `write ${expected}`)
        : say(`must be ${expected}`, `give it keys: ${keys.join(", ")}`);
    },
  });
}

/** What to do about a key that is none: the nearest right one, or all of them. */
function unknownKeyRemedy(key: string, keys: readonly string[]): string {
  const near = nearest(key, keys);
  return near === null ? `use one of ${keys.join(", ")}` : `did you mean ${near}?`;
}

/** One of some words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words, what: string) {
  return z.enum(words, expects(what, listed(words), words));
}

/** A text that is not empty. */
export function text(what: string, example: string) {
  return z.string(expects(what, example)).min(1, say(`must be ${what}`, `write ${example}`));
}

/** True or false. */
export function flag(example: string) {
  return z.boolean(expects("true or false", example));
}

/** A native or canonical value written in the file: texts as they are, numbers and truth values by their spelling. */
export function cellText(example: string) {
  return z.union([z.string(), z.number(), z.boolean()], expects("a single value", example)).transform(String);
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time span such as `2s`; in milliseconds once parsed. */
export function duration(example: string) {
  return z
    .string(expects("a time span with its unit (ms, s, m, h, d)", example))
    .regex(DURATION, say("must be a time span with its unit (ms, s, m, h, d)", `write ${example}`))
    .transform((span) => {
      const [, amount = "0", unit = "ms"] = DURATION.exec(span) ?? [];
      return Math.round(Number(amount) * (UNIT_MS[unit] ?? 1));
    });
}

const SHARE = /^(\d{1,3}(?:\.\d+)?)%$/;

/** A percentage such as `1%`; from 0 to 1 once parsed. */
export function share(example: string) {
  const wrong = say("must be a percentage from 0% to 100%", `write ${example}`);
  return z
    .string(expects("a percentage from 0% to 100%", example))
    .regex(SHARE, wrong)
    .refine((written) => Number.parseFloat(written) <= 100, wrong)
    .transform((written) => Number.parseFloat(written) / 100);
}

/** A list with at least so many items. */
export function list<Item extends z.ZodType>(item: Item, expected: string, example: string, countMin = 1) {
  const few = countMin === 1 ? "must not be empty" : `needs at least ${countMin.toString()} items`;
  return z.array(item, expects(expected, example)).min(countMin, say(few, `write ${example}`));
}

/** Words for a message: `a, b or c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}`;
}
