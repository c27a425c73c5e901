import type { Contest, Resolution } from "../contest.ts";
import { rankOf } from "../policy.ts";
import type { OwnerPolicy } from "../policy.ts";

/**
 * The higher-ranked side wins, by the provenance of the canonical value, so that the outcome does not depend on which edit was seen first. [S17]
 * With `verified`, the side whose record a person verified later wins before ranks are asked.
 */
export function resolveOwner(policy: OwnerPolicy, contest: Contest): Resolution {
  const byVerification = policy.verified === null ? 0 : compareVerified(contest);
  if (byVerification !== 0) return { kind: byVerification > 0 ? "observed" : "canonical" };
  const canonicalRank = rankOf(policy.ranks, contest.canonicalProvenance.side);
  const observedRank = rankOf(policy.ranks, contest.side);
  return { kind: observedRank <= canonicalRank ? "observed" : "canonical" };
}

/** Above zero where the observed record was verified later; zero where nothing tells. Verification fields hold dates or instants, whose canonical texts sort. */
function compareVerified(contest: Contest): number {
  const observed = contest.observedVerified ?? "";
  const canonical = contest.canonicalVerified ?? "";
  return observed === canonical ? 0 : observed > canonical ? 1 : -1;
}
