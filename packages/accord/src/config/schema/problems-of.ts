import type { z } from "zod";
import { EACH, readSaid } from "./leaf.ts";
import type { Said } from "./leaf.ts";

/** One thing wrong with the data, by key path. */
export interface PlacedProblem extends Said {
  readonly path: readonly (string | number)[];
}

type Issue = z.core.$ZodIssue;

/** What zod found, in plain words: of a union the branch that was most likely meant, of unknown keys each by itself. */
export function problemsOf(error: z.ZodError): readonly PlacedProblem[] {
  return error.issues.flatMap((issue) => unfold(issue, []));
}

function unfold(issue: Issue, prefix: readonly (string | number)[]): readonly PlacedProblem[] {
  const path = [...prefix, ...issue.path.map((step) => (typeof step === "number" ? step : String(step)))];
  switch (issue.code) {
    case "unrecognized_keys":
      return unknownKeys(issue.keys, path, readSaid(issue.message));
    case "invalid_union": {
      const branch = likeliest(issue.errors);
      return branch === null ? [{ path, ...readSaid(issue.message) }] : branch.flatMap((inner) => unfold(inner, path));
    }
    case "invalid_key":
      return issue.issues.map((inner) => ({ path, ...readSaid(inner.message) }));
    default:
      return [{ path, ...readSaid(issue.message) }];
  }
}

function unknownKeys(keys: readonly string[], path: readonly (string | number)[], said: Said): readonly PlacedProblem[] {
  const remedies = said.remedy.split(EACH);
  return keys.map((key, place) => ({ path: [...path, key], problem: said.problem, remedy: remedies[place] ?? "" }));
}

/** The branch that fits best, without what follows from a misspelled key; null where the data is of no branch's kind. */
function likeliest(branches: readonly (readonly Issue[])[]): readonly Issue[] | null {
  let best: readonly Issue[] | null = null;
  let bestScore = OTHER_KIND;
  for (const branch of branches) {
    const score = branch.reduce((sum, issue) => sum + weigh(issue), 0);
    if (score < bestScore) {
      best = branch;
      bestScore = score;
    }
  }
  const misspelled = best?.filter((issue) => issue.code === "unrecognized_keys") ?? [];
  return misspelled.length > 0 ? misspelled : best;
}

const OTHER_KIND = 1000;

function weigh(issue: Issue): number {
  if (issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value")) return OTHER_KIND;
  if (issue.code === "unrecognized_keys") return 10 * issue.keys.length;
  return issue.code === "invalid_type" ? 5 : 1;
}
