import { suggestion } from "./cel/nearest.ts";

/** Shorter names are near everything. */
const lengthMin = 3;

/** The candidate that was most likely meant, or null. */
export function nearest(name: string, candidates: readonly string[]): string | null {
  return name.length < lengthMin ? null : (/"(.*)"/.exec(suggestion(name, candidates))?.[1] ?? null);
}

/** An expression's problem as it stands inside a message: its own question mark would end the line too early. */
export function expressionProblem(problem: string): string {
  return problem.replace(/, did you mean "(.*)"\?$/, ': did you mean "$1"');
}
