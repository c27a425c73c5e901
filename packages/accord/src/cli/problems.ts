import { AccordError } from "@accord/engine/connector";
import { formatProblem } from "../config/problem.ts";
import type { ConfigurationProblem } from "../config/problem.ts";

/** Everything that is wrong with a project file: one line each, and exit code 2. */
export class ProjectProblems extends Error {
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.name = "ProjectProblems";
    this.problems = problems;
  }
}

/** Wrong usage that the option parser cannot see: exit code 2. */
export function usageError(message: string): AccordError {
  return new AccordError("ACCORD_USAGE", message, { remedy: "stop" });
}

/** There is something to do first: exit code 3. */
export function todoError(code: string, message: string): AccordError {
  return new AccordError(code, message, { remedy: "stop" });
}
