import type { Contest, Resolution } from "../contest.ts";
import { rankOf } from "../policy.ts";
import type { OwnerPolicy } from "../policy.ts";
import { momentMs } from "./moment.ts";

/**
 * The higher-ranked side wins, by the provenance of the canonical value, so that the outcome does not depend on which edit was seen first. [S17]
 * With `verified`, a value that may be older than the other record's verification by a person loses before ranks are asked.
 */
export function resolveOwner(policy: OwnerPolicy, contest: Contest): Resolution {
  const byVerification = policy.verified === null ? 0 : compareVerified(contest);
  if (byVerification !== 0) return { kind: byVerification > 0 ? "observed" : "canonical" };
  const canonicalRank = rankOf(policy.ranks, contest.canonicalProvenance.side);
  const observedRank = rankOf(policy.ranks, contest.side);
  return { kind: observedRank <= canonicalRank ? "observed" : "canonical" };
}

/** Above zero where the observed record was verified, later than the other, and the canonical value may be older than that; below for the reverse; else zero. */
function compareVerified(contest: Contest): number {
  const observed = momentMs(contest.observedVerified) ?? -Infinity;
  const canonical = momentMs(contest.canonicalVerified) ?? -Infinity;
  if (observed > canonical) return contest.canonicalProvenance.fromMs <= observed ? 1 : 0;
  return canonical > observed && contest.fromMs <= canonical ? -1 : 0;
}
