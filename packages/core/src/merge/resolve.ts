import type { Contest, Resolution } from "./contest.ts";
import type { Policy } from "./policy.ts";
import { resolveCustom } from "./policies/custom.ts";
import { resolveLadder } from "./policies/ladder.ts";
import { resolveNewest } from "./policies/newest.ts";
import { resolveOwner } from "./policies/owner.ts";
import { resolveText } from "./policies/text.ts";

/** Decides a conflict by its field's policy. Pure and deterministic. [S17 to S24] Counters and sets never come here: they merge by their deltas. */
export function resolveContest(policy: Policy, contest: Contest): Resolution {
  switch (policy.kind) {
    case "owner":
      return resolveOwner(policy, contest);
    case "newest":
      return resolveNewest(policy, contest);
    case "ladder":
      return resolveLadder(policy, contest);
    case "text":
      return resolveText(contest);
    case "custom":
      return resolveCustom(policy, contest);
    case "review":
    case "counter":
    case "set":
      return { kind: "review", reason: "both sides changed it to different values" };
  }
}
