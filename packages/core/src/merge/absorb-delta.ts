import { momentMs } from "./policies/moment.ts";
import { equalValues } from "../value/value-type.ts";
import type { Value } from "../value/value-type.ts";
import type { FieldSight, FieldState } from "./field-sight.ts";
import type { MergeEvent } from "./merge-event.ts";
import { applyDelta } from "./policies/counter.ts";
import { isSameSet, mergeSets } from "./policies/set.ts";
import type { CounterPolicy } from "./policy.ts";
import { openReview } from "./review.ts";
import { withDelta } from "./stocktake.ts";

/** Counters merge by what the side changed, whatever the others did: they never conflict. [S13, S19] `isAgreed`: the side shows the canonical count anyway. */
export function absorbCount(sight: FieldSight, state: FieldState, policy: CounterPolicy, events: MergeEvent[]): FieldState {
  const { fieldModel, index, side, provenance } = sight;
  const canonical = state.field.value ?? null;
  const counted = applyDelta(policy, fieldModel.type, canonical, sight.base, sight.observed);
  if (counted.kind === "review") return openReview(sight, state, counted.reason, events);
  const asOfMs = policy.absolute ? momentMs(sight.canonical[policy.absolute.asOf]?.value) : null;
  if (asOfMs !== null && provenance.toMs <= asOfMs) {
    events.push({
      kind: "conflict",
      field: index,
      side,
      policy: "counter",
      winner: "canonical",
      from: canonical,
      to: canonical,
      lost: sight.observed,
    });
    return behind(state);
  }
  const deltas = policy.absolute ? withDelta(state.field.deltas ?? [], [provenance.toMs, counted.delta]) : undefined;
  if (equalValues(fieldModel.type, counted.value, canonical)) return shows(sight, counted.value) ? level(state) : behind(state);
  events.push({ kind: "taken", field: index, side, from: canonical, to: counted.value });
  return changed(sight, state, { value: counted.value, provenance, adds: null, ...(deltas === undefined ? {} : { deltas }) });
}

/** Sets merge by the elements that the side added and removed. [S13, S20] */
export function absorbElements(sight: FieldSight, state: FieldState, events: MergeEvent[]): FieldState {
  const { type } = sight.fieldModel;
  const canonical = state.field.value ?? null;
  const { base, observed, side } = sight;
  const merged = mergeSets({ type, canonical, base, observed, adds: state.field.adds, side, ack: state.ack, version: state.version + 1 });
  if (!isSameSet(type, merged.value, canonical)) {
    events.push({ kind: "taken", field: sight.index, side, from: canonical, to: merged.value });
    return changed(sight, state, { value: merged.value, provenance: sight.provenance, adds: merged.adds });
  }
  if (JSON.stringify(merged.adds) !== JSON.stringify(state.field.adds)) {
    return changed(sight, state, { value: canonical, provenance: state.field.provenance, adds: merged.adds });
  }
  return isSameSet(type, observed, canonical) ? level(state) : behind(state);
}

/** A new version; the side is level with it where it shows it, else it knows of the canonical value what it knew before. */
function changed(
  sight: FieldSight,
  state: FieldState,
  field: Pick<FieldState["field"], "value" | "provenance" | "adds" | "deltas">,
): FieldState {
  const version = state.version + 1;
  return { field: { ...field, version, review: null }, ack: shows(sight, field.value ?? null) ? version : state.ack, version };
}

function shows(sight: FieldSight, value: Value): boolean {
  return equalValues(sight.fieldModel.type, value, sight.observed);
}

function level(state: FieldState): FieldState {
  return { ...state, ack: state.field.version };
}

function behind(state: FieldState): FieldState {
  return { ...state, ack: Math.min(state.ack, Math.max(0, state.field.version - 1)) };
}
