import type { EntityId, RecordId, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { MatchProposal } from "../match/matcher.ts";
import { contestants } from "./contested.ts";
import type { EngineContext, RunningSync } from "./context.ts";

const RIVALS = "another record there may be the same thing as well";

/**
 * Lets no record link to an entity that another record of its side lays claim to: one set aside for a person, or one of the same batch that fits as well. Two answers
 * on either end are a person's to decide, in whatever order the records come in. [S36] Records and proposals go in pairs.
 */
export async function withoutRivals(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  records: readonly RecordId[],
  proposals: readonly MatchProposal[],
  options: CallOptions,
): Promise<readonly MatchProposal[]> {
  if (!proposals.some(({ kind }) => kind === "link")) return proposals;
  const claims = await contestants(context, sync, side, options);
  const best = bestFits(proposals);
  return proposals.map((proposal, index): MatchProposal => {
    if (proposal.kind !== "link") return proposal;
    const isClaimed = [...(claims.get(proposal.entity) ?? [])].some((record) => record !== records[index]);
    const fit = best.get(proposal.entity);
    const isTied = fit !== undefined && fit.count > 1 && fit.probability === proposal.probability;
    return isClaimed || isTied ? { kind: "review", entities: [proposal.entity], explanation: RIVALS } : proposal;
  });
}

interface Fit {
  readonly probability: number;
  readonly count: number;
}

/** By entity: the best probability with which records of the batch would link to it, and how many share it. */
function bestFits(proposals: readonly MatchProposal[]): ReadonlyMap<EntityId, Fit> {
  const best = new Map<EntityId, Fit>();
  for (const proposal of proposals) {
    if (proposal.kind !== "link") continue;
    const { entity, probability } = proposal;
    const known = best.get(entity);
    if (known === undefined || probability > known.probability) best.set(entity, { probability, count: 1 });
    else if (probability === known.probability) best.set(entity, { probability, count: known.count + 1 });
  }
  return best;
}
