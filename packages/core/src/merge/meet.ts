import type { CanonicalField, Provenance } from "../entity/entity.ts";
import type { FieldModel, SyncModel } from "../entity/sync-model.ts";
import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import type { Value } from "../value/value-type.ts";
import type { MergeEvent } from "./merge-event.ts";
import { uniteSets } from "./policies/set.ts";
import { rankOf } from "./policy.ts";
import type { SideRanks } from "./policy.ts";

/** A value that a side shows for the first time, of a field it may write. */
export interface Meeting {
  readonly model: SyncModel;
  readonly field: FieldModel;
  readonly index: FieldIndex;
  readonly side: SideIndex;
  readonly observed: Value;
  readonly provenance: Provenance;
  /** The version that the canonical field takes if the meeting changes it. */
  readonly version: number;
}

/**
 * What a field becomes at first contact, by the initial policy: the old field itself where the canonical value stays. [S36]
 * Null never beats a value; counters take the owner's value, never a sum; sets unite; differing texts go to review.
 */
export function meet(meeting: Meeting, old: CanonicalField, events: MergeEvent[]): CanonicalField {
  const { model, field, index, side, observed, provenance, version } = meeting;
  const taken = (value: Value): CanonicalField => ({ value, version, provenance, review: null, adds: null });
  const canonical = old.value;
  if (canonical === undefined) return observed === null && isOneWay(model, index) ? old : taken(observed);
  if (equalValues(field.type, canonical, observed)) return old;
  if (field.policy.kind === "set" && old.review === null) {
    const united = uniteSets(field.type, canonical, observed);
    return equalValues(field.type, united, canonical) ? old : taken(united);
  }
  if (observed === null) return old;
  if (old.review !== null || field.policy.kind === "text" || field.policy.kind === "review" || model.initial === "review") {
    if (canonical === null && old.review === null) return taken(observed);
    return atReview(meeting, old, observed, events);
  }
  if (canonical === null) return taken(observed);
  const isTaken = winsFirstContact(meeting, old);
  events.push({
    kind: "conflict",
    field: index,
    side,
    policy: "initial",
    winner: isTaken ? "observed" : "canonical",
    from: canonical,
    to: isTaken ? observed : canonical,
    lost: isTaken ? canonical : observed,
  });
  return isTaken ? taken(observed) : old;
}

/** Whether some side that has the field may not write it: until a writer has filled it, it stays unknown and is pushed nowhere. [S55] */
export function isOneWay(model: SyncModel, field: FieldIndex): boolean {
  return model.sides.some(({ mapping }, side) => (mapping.fields[field] ?? null) !== null && model.fields[field]?.writers[side] !== true);
}

function winsFirstContact({ model, field, index, side, provenance }: Meeting, old: CanonicalField): boolean {
  if (model.initial === "newest") {
    if (provenance.fromMs > old.provenance.toMs) return true;
    if (old.provenance.fromMs > provenance.toMs) return false;
  }
  const [own, others] = [rankOf(initialRanks(field), side), rankOf(initialRanks(field), old.provenance.side)];
  // What the side itself told by its former mapping is what it tells by the present one.
  const isOwnAnew = old.provenance.side === side && model.sides[side]?.mapping.fields[index]?.isRemapped === true;
  return own < others || isOwnAnew;
}

function atReview({ model, index, side, provenance }: Meeting, old: CanonicalField, observed: Value, events: MergeEvent[]): CanonicalField {
  const candidates = model.sides.map((_, place) => (place === side ? observed : old.review?.candidates[place]));
  if (old.review !== null) {
    events.push({ kind: "reviewUpdated", field: index, side, candidate: observed });
    return { ...old, review: { ...old.review, candidates } };
  }
  const reason = "the records differ at first contact";
  events.push({ kind: "reviewOpened", field: index, side, reason, canonical: old.value, candidate: observed });
  return { ...old, review: { openedAtMs: provenance.toMs, reason, candidates } };
}

/** A field with an owner of its own keeps that rank from the first moment; all others rank sides in declared order. */
function initialRanks(field: FieldModel): SideRanks {
  return field.policy.kind === "owner" ? field.policy.ranks : [];
}
