import type { Provenance } from "../entity/entity.ts";
import type { SideIndex } from "../record/identifiers.ts";
import type { MaybeValue, Value, ValueType } from "../value/value-type.ts";

/** A conflict as a policy sees it: both values changed since `base`, and differ. */
export interface Contest {
  readonly type: ValueType;
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
  | { readonly kind: "canonical" }
  | { readonly kind: "observed" }
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "review"; readonly reason: string };
