import { decideMatch } from "@accord/core";
import type { MatchProposal, Matcher, MatchSeeker } from "./matcher.ts";

/** Matches by the configured keys alone: in order, unique on both ends. [S36] */
export const keyMatcher: Matcher = {
  isByKeys: true,
  propose: (seekers) => Promise.resolve(seekers.map(proposal)),
};

function proposal({ candidates }: MatchSeeker): MatchProposal {
  const decision = decideMatch(candidates);
  switch (decision.kind) {
    case "new":
      return decision;
    case "link":
      return {
        kind: "link",
        entity: decision.entity,
        probability: 1,
        explanation: `match key ${decision.rule + 1} is the same and unique on both ends`,
      };
    case "ambiguous":
      return { kind: "review", entities: decision.entities, explanation: `match key ${decision.rule + 1} fits more than one record` };
  }
}
