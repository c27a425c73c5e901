import type { CanonicalField } from "../entity/entity.ts";
import { imageOf } from "../mapping/side-mapping.ts";
import { equalValues } from "../value/value-type.ts";
import type { MaybeValue, Value } from "../value/value-type.ts";
import type { FieldSight, FieldState } from "./field-sight.ts";
import type { MergeEvent } from "./merge-event.ts";
import { applyDelta } from "./policies/counter.ts";
import { compareSteps } from "./policies/ladder.ts";
import { mergeSets } from "./policies/set.ts";
import { rankOf } from "./policy.ts";
import { resolveContest } from "./resolve.ts";
import { openReview, updateReview } from "./review.ts";

/** The table S13 for one field. In every row `B := o` follows, which is the caller's. */
export function absorbField(sight: FieldSight, state: FieldState, events: MergeEvent[]): FieldState {
  const { fieldModel, observed } = sight;
  const type = fieldModel.type;
  const isUnchanged = equalValues(type, observed, sight.base);
  const canonical = state.field.value;
  if (canonical === undefined) return takeFirst(sight, state, events);

  const image = imageOf(sight.fieldMapping, canonical, sight.cells, sight.references);
  const wasImage = image !== undefined && equalValues(type, image, sight.base);
  if (isUnchanged) return wasImage ? acknowledged(state) : state;
  if (fieldModel.writers[sight.side] !== true) return absorbAtReader(sight, state, image, events);
  if (state.field.review !== null) return updateReview(sight, state, image, events);
  if (fieldModel.policy.kind === "counter" || fieldModel.policy.kind === "set") return absorbDelta(sight, state, wasImage, events);

  const isAgreed = image !== undefined && equalValues(type, observed, image);
  if (wasImage || state.ack >= state.field.version) return takeEdit(sight, state, image, isAgreed, events);
  if (isAgreed) {
    events.push({ kind: "same", field: sight.index, side: sight.side });
    return acknowledged(state);
  }
  return contest(sight, state, canonical, events);
}

function acknowledged(state: FieldState): FieldState {
  return state.ack === state.field.version ? state : { ...state, ack: state.field.version };
}

/** The side is owed the canonical value again. */
function owed(state: FieldState): FieldState {
  return { ...state, ack: Math.min(state.ack, Math.max(0, state.field.version - 1)) };
}

function taken(sight: FieldSight, state: FieldState, value: Value, adds: CanonicalField["adds"] = null): FieldState {
  const version = state.version + 1;
  return { field: { value, version, provenance: sight.provenance, review: null, adds }, ack: version, version };
}

/** Nobody has told this field before: a writer's value is taken as it is. [S55] */
function takeFirst(sight: FieldSight, state: FieldState, events: MergeEvent[]): FieldState {
  if (sight.fieldModel.writers[sight.side] !== true) return state;
  events.push({ kind: "taken", field: sight.index, side: sight.side, from: undefined, to: sight.observed });
  return taken(sight, state, sight.observed);
}

/** An edit at a side that is no writer of the field never reaches the canonical record. [S55] */
function absorbAtReader(sight: FieldSight, state: FieldState, image: MaybeValue, events: MergeEvent[]): FieldState {
  if (image !== undefined && equalValues(sight.fieldModel.type, sight.observed, image)) return acknowledged(state);
  if (sight.fieldModel.drift === "keep") {
    events.push({ kind: "drifted", field: sight.index, side: sight.side, value: sight.observed });
    return acknowledged(state);
  }
  events.push({ kind: "reverted", field: sight.index, side: sight.side, lost: sight.observed, because: "one-way" });
  return owed(state);
}

/** The side was up to date: its edit is taken, unless the policy entitles only others to such an edit. */
function takeEdit(sight: FieldSight, state: FieldState, image: MaybeValue, isAgreed: boolean, events: MergeEvent[]): FieldState {
  const canonical = state.field.value ?? null;
  if (isAgreed) return acknowledged(state);
  const refusal = refusalOf(sight, canonical);
  if (refusal === "review") return openReview(sight, state, "a value that must not be emptied was emptied", events);
  if (refusal !== null) {
    events.push({ kind: "reverted", field: sight.index, side: sight.side, lost: sight.observed, because: refusal });
    return owed(state);
  }
  if (image !== undefined && !equalValues(sight.fieldModel.type, image, canonical)) {
    return openReview(sight, state, "it was edited where only part of the value can be held", events);
  }
  events.push({ kind: "taken", field: sight.index, side: sight.side, from: canonical, to: sight.observed });
  return taken(sight, state, sight.observed);
}

/** Why an edit of an up-to-date side is not taken; null where it is. [S17, S21] */
function refusalOf(sight: FieldSight, canonical: Value): "owner" | "ladder" | "blank" | "review" | null {
  const policy = sight.fieldModel.policy;
  if (policy.kind === "owner") {
    const blank = sight.observed === null && canonical !== null ? (policy.blanks[sight.side] ?? "erase") : "erase";
    if (blank !== "erase") return blank === "ignore" ? "blank" : "review";
    return policy.revert && rankAmongWriters(sight, policy.ranks) > 0 ? "owner" : null;
  }
  if (policy.kind === "ladder") {
    const further = compareSteps(policy, sight.fieldModel.type, sight.observed, canonical);
    return further !== null && further < 0 ? "ladder" : null;
  }
  return null;
}

/** The side's place among the sides that may write the field at all. */
function rankAmongWriters(sight: FieldSight, ranks: readonly number[]): number {
  const own = rankOf(ranks, sight.side);
  return sight.fieldModel.writers.filter((writes, side) => writes && rankOf(ranks, side) < own).length;
}

/** Counters and sets merge by what the side changed, whatever the others did: they never conflict. [S13, S19, S20] */
function absorbDelta(sight: FieldSight, state: FieldState, wasImage: boolean, events: MergeEvent[]): FieldState {
  const policy = sight.fieldModel.policy;
  const canonical = state.field.value ?? null;
  const base = sight.base ?? null;
  let value: Value;
  let adds: CanonicalField["adds"] = null;
  if (policy.kind === "counter") {
    const counted = applyDelta(policy, canonical, base, sight.observed);
    if (counted.kind === "review") return openReview(sight, state, counted.reason, events);
    value = counted.value;
  } else {
    const merged = mergeSets(canonical, base, sight.observed, state.field.adds, state.ack, state.version + 1);
    value = merged.value;
    adds = merged.adds;
  }
  const isLevel = equalValues(sight.fieldModel.type, value, canonical);
  if (!isLevel) events.push({ kind: "taken", field: sight.index, side: sight.side, from: canonical, to: value });
  if (isLevel && sameAdds(adds, state.field.adds)) return wasImage ? owed(state) : state;
  const version = state.version + 1;
  const field: CanonicalField = { value, version, provenance: isLevel ? state.field.provenance : sight.provenance, review: null, adds };
  return { field, ack: equalValues(sight.fieldModel.type, value, sight.observed) ? version : version - 1, version };
}

function sameAdds(a: CanonicalField["adds"], b: CanonicalField["adds"]): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Both changed, and differ: the policy decides, and what lost is kept. */
function contest(sight: FieldSight, state: FieldState, canonical: Value, events: MergeEvent[]): FieldState {
  const { fieldModel, index, side, observed } = sight;
  const policy = fieldModel.policy;
  const refusal = refusalOf(sight, canonical);
  if (refusal === "review") return openReview(sight, state, "a value that must not be emptied was emptied", events);
  const verified = policy.kind === "owner" ? policy.verified : null;
  const resolution =
    refusal === null
      ? resolveContest(policy, {
          type: fieldModel.type,
          base: sight.base,
          canonical,
          canonicalProvenance: state.field.provenance,
          observed,
          side,
          fromMs: sight.provenance.fromMs,
          toMs: sight.provenance.toMs,
          canonicalVerified: verified === null ? undefined : sight.canonical[verified]?.value,
          observedVerified: verified === null ? undefined : sight.record[verified],
        })
      : ({ kind: "canonical" } as const);
  const conflict = { kind: "conflict", field: index, side, policy: policy.kind, from: canonical } as const;
  switch (resolution.kind) {
    case "canonical":
      events.push({ ...conflict, winner: "canonical", to: canonical, lost: observed });
      return owed(state);
    case "observed":
      events.push({ ...conflict, winner: "observed", to: observed, lost: canonical });
      return taken(sight, state, observed);
    case "value": {
      events.push({ ...conflict, winner: "merged", to: resolution.value, lost: observed });
      const merged = taken({ ...sight, provenance: { ...sight.provenance, cause: "policy" } }, state, resolution.value);
      return equalValues(fieldModel.type, resolution.value, observed) ? merged : owed(merged);
    }
    case "review":
      return openReview(sight, state, resolution.reason, events);
  }
}
