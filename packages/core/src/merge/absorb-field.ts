import { equalValues } from "../value/value-type.ts";
import type { Value } from "../value/value-type.ts";
import { absorbCount, absorbElements } from "./absorb-delta.ts";
import { isFirstSight, showsImage } from "./field-sight.ts";
import type { FieldSight, FieldState } from "./field-sight.ts";
import { isOneWay, meet } from "./meet.ts";
import type { MergeEvent } from "./merge-event.ts";
import { compareSteps, isOnLadder } from "./policies/ladder.ts";
import { rankAmong } from "./policy.ts";
import { resolveContest } from "./resolve.ts";
import { openReview, updateReview } from "./review.ts";

/** The table S13 for one field. In every row `B := o` follows, which is the caller's. */
export function absorbField(sight: FieldSight, before: FieldState, events: MergeEvent[]): FieldState {
  const { fieldModel, observed, base } = sight;
  const isUnchanged = equalValues(fieldModel.type, observed, base);
  const canonical = before.field.value;
  if (canonical === undefined) return takeFirst(sight, before, isUnchanged, events);
  if (isUnchanged && before.ack >= before.field.version) return before;
  // First, if the side shows the canonical value already, it is up to date.
  const state = showsImage(sight, canonical, base, sight.cellsBefore) ? acknowledged(before) : before;
  if (isUnchanged) return state;

  const isAgreed = showsImage(sight, canonical, observed, sight.cellsAfter);
  if (fieldModel.writers[sight.side] !== true) return absorbAtReader(sight, state, isAgreed, events);
  if (isFirstSight(sight)) return meetLate(sight, state, events);
  if (state.field.review !== null) return updateReview(sight, state, isAgreed, events);
  if (sight.isRebase) return rebase(sight, state, canonical, isAgreed, events);
  if (fieldModel.policy.kind === "counter") return absorbCount(sight, state, fieldModel.policy, events);
  if (fieldModel.policy.kind === "set") return absorbElements(sight, state, events);

  const wasCurrent = state.ack >= state.field.version;
  if (isAgreed) {
    if (!wasCurrent) events.push({ kind: "same", field: sight.index, side: sight.side });
    return acknowledged(state);
  }
  return wasCurrent ? takeEdit(sight, state, canonical, events) : contest(sight, state, canonical, events);
}

function acknowledged(state: FieldState): FieldState {
  return state.ack === state.field.version ? state : { ...state, ack: state.field.version };
}

/** The side is owed the canonical value again. */
function owed(state: FieldState): FieldState {
  return { ...state, ack: Math.min(state.ack, Math.max(0, state.field.version - 1)) };
}

function taken(sight: FieldSight, state: FieldState, value: Value): FieldState {
  const version = state.version + 1;
  return { field: { value, version, provenance: sight.provenance, review: null, adds: null }, ack: version, version };
}

/** Nobody has told this field before: a writer's value is taken as it is, but an empty one fills nothing. [S55] */
function takeFirst(sight: FieldSight, state: FieldState, isUnchanged: boolean, events: MergeEvent[]): FieldState {
  const { fieldModel, index, side, observed } = sight;
  if (fieldModel.writers[side] !== true) {
    if (!isUnchanged && !isFirstSight(sight)) events.push({ kind: "drifted", field: index, side, value: observed });
    return state;
  }
  if (observed === null && isOneWay(sight.model, index)) return state;
  events.push({ kind: "taken", field: index, side, from: undefined, to: observed });
  return taken(sight, state, observed);
}

/** After a restore the first side that differs tells what happened meanwhile; where another side tells otherwise, the initial policy decides. [S58] */
function rebase(sight: FieldSight, state: FieldState, canonical: Value, isAgreed: boolean, events: MergeEvent[]): FieldState {
  if (isAgreed) return acknowledged(state);
  if (state.ack < state.field.version) return meetLate(sight, state, events);
  events.push({ kind: "taken", field: sight.index, side: sight.side, from: canonical, to: sight.observed });
  return taken(sight, state, sight.observed);
}

/** A value that could not be read when its record joined: the initial policy decides, as it would have then. [S36, S44, S51] */
function meetLate(sight: FieldSight, state: FieldState, events: MergeEvent[]): FieldState {
  const { model, fieldModel, index, side, observed } = sight;
  const provenance = { ...sight.provenance, cause: "initial" } as const;
  const version = state.version + 1;
  const field = meet({ model, field: fieldModel, index, side, observed, provenance, version }, state.field, events);
  const isShown = equalValues(fieldModel.type, field.value, observed);
  return { field, ack: isShown ? field.version : owed({ ...state, field }).ack, version: Math.max(state.version, field.version) };
}

/** An edit at a side that is no writer of the field never reaches the canonical record. [S55] */
function absorbAtReader(sight: FieldSight, state: FieldState, isAgreed: boolean, events: MergeEvent[]): FieldState {
  if (state.field.review?.isFight === true) return updateReview(sight, state, isAgreed, events);
  if (isAgreed) return acknowledged(state);
  if (isFirstSight(sight)) return owed(state);
  if (sight.fieldModel.drift === "keep") {
    events.push({ kind: "drifted", field: sight.index, side: sight.side, value: sight.observed });
    return state;
  }
  events.push({ kind: "reverted", field: sight.index, side: sight.side, lost: sight.observed, because: "one-way" });
  return owed(state);
}

/** The side was up to date: its edit is taken, unless the policy entitles only others to such an edit. */
function takeEdit(sight: FieldSight, state: FieldState, canonical: Value, events: MergeEvent[]): FieldState {
  const refusal = refusalOf(sight, canonical);
  if (refusal.kind === "review") return openReview(sight, state, refusal.reason, events);
  if (refusal.kind === "revert") {
    events.push({ kind: "reverted", field: sight.index, side: sight.side, lost: sight.observed, because: refusal.because });
    return owed(state);
  }
  if (sight.base !== undefined && !equalValues(sight.fieldModel.type, sight.base, canonical)) {
    // The side was up to date and yet showed another value: it holds only a part, and the edit was made on that part. [S15]
    return openReview(sight, state, "it was edited where only part of the value can be held", events);
  }
  events.push({ kind: "taken", field: sight.index, side: sight.side, from: canonical, to: sight.observed });
  return taken(sight, state, sight.observed);
}

type Refusal =
  | { readonly kind: "none" }
  | { readonly kind: "revert"; readonly because: "owner" | "ladder" | "blank" }
  | { readonly kind: "review"; readonly reason: string };

/** Why an edit is not taken though its side was up to date. [S17, S21] */
function refusalOf(sight: FieldSight, canonical: Value): Refusal {
  const { fieldModel, side, observed } = sight;
  const policy = fieldModel.policy;
  if (policy.kind === "owner") {
    const blank = observed === null && canonical !== null ? (policy.blanks[side] ?? "erase") : "erase";
    if (blank === "ignore") return { kind: "revert", because: "blank" };
    if (blank === "review") return { kind: "review", reason: "a value that must not be emptied was emptied" };
    const isOwner = rankAmong(policy.ranks, side, fieldModel.writers) === 0;
    return policy.revert && !isOwner ? { kind: "revert", because: "owner" } : { kind: "none" };
  }
  if (policy.kind === "ladder") {
    if (!isOnLadder(policy, observed)) return { kind: "review", reason: "a value is not on the ladder" };
    const further = compareSteps(policy, fieldModel.type, observed, canonical);
    return further !== null && further < 0 ? { kind: "revert", because: "ladder" } : { kind: "none" };
  }
  return { kind: "none" };
}

/** Both changed, and differ: the policy decides, and what lost is kept. */
function contest(sight: FieldSight, state: FieldState, canonical: Value, events: MergeEvent[]): FieldState {
  const { fieldModel, index, side, observed } = sight;
  const policy = fieldModel.policy;
  const refusal = refusalOf(sight, canonical);
  if (refusal.kind === "review") return openReview(sight, state, refusal.reason, events);
  const verified = policy.kind === "owner" ? policy.verified : null;
  const facts = { type: fieldModel.type, base: sight.base, canonical, canonicalProvenance: state.field.provenance, observed, side };
  const resolution =
    refusal.kind === "revert"
      ? ({ kind: "canonical" } as const)
      : resolveContest(policy, {
          ...facts,
          fromMs: sight.provenance.fromMs,
          toMs: sight.provenance.toMs,
          canonicalVerified: verified === null ? undefined : sight.canonical[verified]?.value,
          observedVerified: verified === null ? undefined : sight.record[verified],
        });
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
