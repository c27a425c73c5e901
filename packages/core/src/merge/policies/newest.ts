import { rankOf } from "../policy.ts";
import type { NewestPolicy } from "../policy.ts";
import type { Contest, Resolution } from "../contest.ts";

/**
 * The later write wins, if its interval begins after the other's has ended and the clocks cannot account for the gap; else the ranks decide. [S18]
 * A decision of a person in Accord has no side and outranks every side where times overlap.
 */
export function resolveNewest(policy: NewestPolicy, contest: Contest): Resolution {
  const canonical = contest.canonicalProvenance;
  if (contest.fromMs > canonical.toMs + policy.clockSkewMs) return { kind: "observed" };
  if (canonical.fromMs > contest.toMs + policy.clockSkewMs) return { kind: "canonical" };
  return { kind: rankOf(policy.ranks, contest.side) <= rankOf(policy.ranks, canonical.side) ? "observed" : "canonical" };
}
