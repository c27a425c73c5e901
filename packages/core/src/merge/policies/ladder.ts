import type { ValueType } from "../../value/value-type.ts";
import type { Contest, Resolution } from "../contest.ts";
import type { LadderPolicy } from "../policy.ts";

/** The join of both values: commutative, associative, idempotent. [S25] */
export function resolveLadder(policy: LadderPolicy, contest: Contest): Resolution {
  const further = compareSteps(policy, contest.type, contest.observed, contest.canonical);
  if (further === null) return { kind: "review", reason: "a value is not on the ladder" };
  return { kind: further > 0 ? "observed" : "canonical" };
}

/**
 * Above zero where `a` is further along than `b`. Null stands before the first step. Returns null where a value is not on the ladder,
 * or the type has no order.
 */
export function compareSteps(policy: LadderPolicy, type: ValueType, a: string | null, b: string | null): number | null {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  if (policy.steps !== null) {
    const placeOfA = policy.steps.indexOf(a);
    const placeOfB = policy.steps.indexOf(b);
    return placeOfA === -1 || placeOfB === -1 ? null : placeOfA - placeOfB;
  }
  if (type.order === null) return null;
  const order = type.order(a, b);
  return policy.direction === "up" ? order : -order;
}

/** Whether a value has a place on the ladder: null has, before the first step. */
export function isOnLadder(policy: LadderPolicy, value: string | null): boolean {
  return value === null || policy.steps === null || policy.steps.includes(value);
}
