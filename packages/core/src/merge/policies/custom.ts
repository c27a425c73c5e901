import { equalValues } from "../../value/value-type.ts";
import type { CustomPolicy } from "../policy.ts";
import type { Contest, Resolution } from "../contest.ts";

/** Asks the user's own function. A result that is none of base, canonical and observed goes to review, unless declared constructive. [S24, I3] */
export function resolveCustom(policy: CustomPolicy, contest: Contest): Resolution {
  const answer = policy.resolve(contest.base, contest.canonical, contest.observed);
  if (answer.kind === "review") return answer;
  const type = contest.type;
  if (equalValues(type, answer.value, contest.observed)) return { kind: "observed" };
  if (equalValues(type, answer.value, contest.canonical)) return { kind: "canonical" };
  if (policy.constructive || equalValues(type, answer.value, contest.base)) return { kind: "value", value: answer.value };
  return { kind: "review", reason: `the rule ${policy.name} gave a value that neither side holds` };
}
