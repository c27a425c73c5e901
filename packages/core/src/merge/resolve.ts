import type { Provenance } from "../entity/entity.ts";
import type { FieldModel } from "../entity/sync-model.ts";
import type { SideIndex } from "../record/identifiers.ts";
import type { MaybeValue, Value } from "../value/value-type.ts";
import type { Policy } from "./policy.ts";
import { resolveCustom } from "./policies/custom.ts";
import { resolveLadder } from "./policies/ladder.ts";
import { resolveNewest } from "./policies/newest.ts";
import { resolveOwner } from "./policies/owner.ts";
import { resolveText } from "./policies/text.ts";

/** A conflict as a policy sees it: both values changed since `base`, and differ. */
export interface Contest {
  readonly field: FieldModel;
  /** The shadow: what both last agreed on. */
  readonly base: MaybeValue;
  readonly canonical: Value;
  readonly canonicalProvenance: Provenance;
  readonly observed: Value;
  readonly side: SideIndex;
  /** The interval in which the observed value was written. Epoch milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  /** When a person last verified either record, where the policy names a field for it. Comparable texts. */
  readonly canonicalVerified: MaybeValue;
  readonly observedVerified: MaybeValue;
}

export type Resolution =
  { readonly kind: "canonical" } | { readonly kind: "observed" } | { readonly kind: "value"; readonly value: Value } | { readonly kind: "review"; readonly reason: string };

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
