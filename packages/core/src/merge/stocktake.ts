import type { CanonicalField, CountDelta, Provenance } from "../entity/entity.ts";
import type { FieldModel, SyncModel } from "../entity/sync-model.ts";
import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import { isFiniteDecimal } from "../value/decimal.ts";
import { equalValues } from "../value/value-type.ts";
import type { MaybeValue } from "../value/value-type.ts";
import type { FieldState } from "./field-sight.ts";
import type { MergeEvent } from "./merge-event.ts";
import { addDecimals } from "./policies/counter.ts";
import { momentMs } from "./policies/moment.ts";
import { reviewOf } from "./review.ts";

/** How many changes of a count are remembered for stocktakes: one that was counted before the oldest of a full list goes to review. */
const DELTAS_MAX = 64;

/** A counted fact that an observation brings: "we counted 17", and when. */
export interface Stocktake {
  readonly counted: string;
  readonly asOfMs: number;
}

/** What a side showed before and shows now, by field, and the canonical record before. */
export interface StocktakeSight {
  readonly model: SyncModel;
  readonly side: SideIndex;
  readonly canonical: readonly CanonicalField[];
  readonly shadow: readonly MaybeValue[];
  readonly observed: readonly MaybeValue[];
  readonly provenance: Provenance;
}

/** The stocktake of a counter that this observation brings, or null: its instant advances, at a side that may write both facts. [S19] */
export function stocktakeOf(sight: StocktakeSight, field: FieldModel): Stocktake | null {
  const absolute = field.policy.kind === "counter" ? field.policy.absolute : null;
  if (!absolute || ![absolute.asOf, absolute.value].every((fact) => sight.model.fields[fact]?.writers[sight.side] === true)) return null;
  const counted = sight.observed[absolute.value];
  const asOfMs = momentMs(sight.observed[absolute.asOf]);
  if (counted === undefined || counted === null || !isFiniteDecimal(counted) || asOfMs === null) return null;
  const isNews =
    asOfMs > (momentMs(sight.shadow[absolute.asOf]) ?? -Infinity) &&
    asOfMs > (momentMs(sight.canonical[absolute.asOf]?.value) ?? -Infinity);
  return isNews ? { counted, asOfMs } : null;
}

/**
 * Resets a count to what was counted, with what users changed after that on top: `C := counted + Σ deltas since`. [S19]
 * What the side's own count column did in the same observation is no delta: it either stayed, or was set to the counted value by the side itself. If it did
 * something else, nobody can tell which movements the stocktake includes, and a person decides. A frozen count stays frozen.
 */
export function resetCount(
  sight: StocktakeSight,
  index: FieldIndex,
  stocktake: Stocktake,
  state: FieldState,
  events: MergeEvent[],
): FieldState {
  const type = sight.model.fields[index]?.type;
  if (type === undefined || state.field.review !== null) return state;
  const { side, provenance, model } = sight;
  const observed = sight.observed[index];
  const deltas = state.field.deltas ?? [];
  const later = deltas.filter(([atMs]) => atMs > stocktake.asOfMs);
  const parsed = type.parse(later.reduce((count, [, delta]) => addDecimals(count, delta), stocktake.counted));
  const problem =
    parsed.kind === "invalid" ? `the count would be ${parsed.problem}` : problemOf(sight, index, stocktake, deltas, later, parsed.text);
  if (problem !== null || parsed.kind === "invalid") {
    const candidate = observed ?? stocktake.counted;
    events.push({ kind: "reviewOpened", field: index, side, reason: problem ?? "", canonical: state.field.value, candidate });
    return { ...state, field: { ...state.field, review: reviewOf(model, side, candidate, problem ?? "", provenance.toMs) } };
  }
  const version = state.version + 1;
  events.push({ kind: "taken", field: index, side, from: state.field.value, to: parsed.text });
  return {
    field: { value: parsed.text, version, provenance, review: null, adds: null, deltas: later },
    ack: equalValues(type, observed, parsed.text) ? version : state.ack,
    version,
  };
}

/** Remembers a change, in the order of time, and forgets the oldest of too many. */
export function withDelta(deltas: readonly CountDelta[], delta: CountDelta): CountDelta[] {
  return [...deltas, delta].toSorted(([a], [b]) => a - b).slice(-DELTAS_MAX);
}

function problemOf(
  sight: StocktakeSight,
  index: FieldIndex,
  stocktake: Stocktake,
  deltas: readonly CountDelta[],
  later: readonly CountDelta[],
  count: string,
): string | null {
  if (deltas.length >= DELTAS_MAX && later.length === deltas.length) return "the stocktake is older than the movements that are remembered";
  const type = sight.model.fields[index]?.type;
  const observed = sight.observed[index];
  if (type === undefined || observed === undefined || equalValues(type, observed, sight.shadow[index])) return null;
  if (equalValues(type, observed, stocktake.counted) || equalValues(type, observed, count)) return null;
  return "a stocktake arrived together with another change of the count";
}
