import { isPresent, withMember } from "../entity/entity.ts";
import type { CanonicalField, Entity, Provenance, ReviewCase } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import type { MaybeValue, Value } from "../value/value-type.ts";
import type { FieldSight, FieldState } from "./field-sight.ts";
import type { MergeEvent } from "./merge-event.ts";

/** Freezes a field: the canonical value stays, accepts none and is written to no late side until a person or agreement decides. [S23] */
export function openReview(sight: FieldSight, state: FieldState, reason: string, events: MergeEvent[]): FieldState {
  events.push({ kind: "reviewOpened", field: sight.index, side: sight.side, reason, canonical: state.field.value, candidate: sight.observed });
  const review: ReviewCase = { openedAtMs: sight.provenance.toMs, reason, candidates: candidatesWith([], sight.side, sight.observed, sight.model) };
  return { ...state, field: { ...state.field, review } };
}

/** A later edit of a frozen field updates its case. */
export function updateReview(sight: FieldSight, state: FieldState, image: MaybeValue, events: MergeEvent[]): FieldState {
  const review = state.field.review;
  if (review === null) return state;
  events.push({ kind: "reviewUpdated", field: sight.index, side: sight.side, candidate: sight.observed });
  const isCanonical = image !== undefined && equalValues(sight.fieldModel.type, sight.observed, image);
  const candidates = candidatesWith(review.candidates, sight.side, isCanonical ? undefined : sight.observed, sight.model);
  return { ...state, field: { ...state.field, review: { ...review, candidates } } };
}

function candidatesWith(old: readonly MaybeValue[], side: SideIndex, candidate: MaybeValue, model: SyncModel): MaybeValue[] {
  return model.sides.map((_, index) => (index === side ? candidate : old[index]));
}

/** Closes every case whose sides have come to agree: what they agree on is the canonical value. [S23] */
export function closeAgreedReviews(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  provenance: Provenance,
  events: MergeEvent[],
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  let result = entity;
  for (let field = 0; field < entity.fields.length; field += 1) {
    const frozen = result.fields[field];
    if (frozen === undefined || frozen.review === null) continue;
    const agreed = agreedValue(model, result, field);
    if (agreed === undefined) continue;
    events.push({ kind: "reviewClosed", field, side, because: "agreement", from: frozen.value, to: agreed });
    result = acknowledgeAll(settleField(model, result, field, agreed, provenance), field);
  }
  return { entity: result, events };
}

/** A person's decision on a frozen field, or on any field: a new version, owed to every side that does not show it. [S23] */
export function decideField(
  model: SyncModel,
  entity: Entity,
  field: FieldIndex,
  value: Value,
  provenance: Provenance,
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  const old = entity.fields[field];
  if (old === undefined) return { entity, events: [] };
  const event: MergeEvent = { kind: "reviewClosed", field, side: null, because: "decision", from: old.value, to: value };
  return { entity: settleField(model, entity, field, value, provenance), events: [event] };
}

function settleField(model: SyncModel, entity: Entity, field: FieldIndex, value: Value, provenance: Provenance): Entity {
  const old = entity.fields[field];
  const type = model.fields[field]?.type;
  if (old === undefined || type === undefined) return entity;
  if (provenance.cause === "user" && equalValues(type, old.value, value)) return replaceField(entity, field, { ...old, review: null });
  const version = entity.version + 1;
  return { ...replaceField(entity, field, { value, version, provenance, review: null, adds: null }), version };
}

function replaceField(entity: Entity, field: FieldIndex, value: CanonicalField): Entity {
  return { ...entity, fields: entity.fields.map((old, index) => (index === field ? value : old)) };
}

/** The one value that all present members with this field show, or undefined where they differ. */
function agreedValue(model: SyncModel, entity: Entity, field: FieldIndex): MaybeValue {
  const type = model.fields[field]?.type;
  let agreed: MaybeValue;
  for (let side = 0; side < entity.members.length; side += 1) {
    const member = entity.members[side];
    if (!isPresent(member) || type === undefined || !model.sides[side]?.mapping.fields[field]) continue;
    const shown = member.shadow[field];
    if (shown === undefined || (agreed !== undefined && !equalValues(type, agreed, shown))) return undefined;
    agreed ??= shown;
  }
  return agreed;
}

function acknowledgeAll(entity: Entity, field: FieldIndex): Entity {
  const version = entity.fields[field]?.version ?? 0;
  let result = entity;
  entity.members.forEach((member, side) => {
    if (isPresent(member)) result = withMember(result, side, { ...member, ack: member.ack.map((old, index) => (index === field ? version : old)) });
  });
  return result;
}
