import { cellsOf, isCurrent, isPresent, withMember } from "../entity/entity.ts";
import type { CanonicalField, Entity, Member, Provenance, ReviewCase } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import { imageOf } from "../mapping/side-mapping.ts";
import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import type { MaybeValue, Value } from "../value/value-type.ts";
import type { FieldSight, FieldState } from "./field-sight.ts";
import type { MergeEvent } from "./merge-event.ts";

/** Freezes a field: the canonical value stays, accepts none and is written to no late side until a person or agreement decides. [S23] */
export function openReview(sight: FieldSight, state: FieldState, reason: string, events: MergeEvent[]): FieldState {
  events.push({
    kind: "reviewOpened",
    field: sight.index,
    side: sight.side,
    reason,
    canonical: state.field.value,
    candidate: sight.observed,
  });
  const review = reviewOf(sight.model, sight.side, sight.observed, reason, sight.provenance.toMs);
  return { ...state, field: { ...state.field, review } };
}

/** A new case with one side's candidate. */
export function reviewOf(model: SyncModel, side: SideIndex, candidate: MaybeValue, reason: string, openedAtMs: number): ReviewCase {
  return { openedAtMs, reason, candidates: candidatesWith([], side, candidate, model) };
}

/** A later edit of a frozen field updates its case. `isAgreed`: the side shows the canonical value again. */
export function updateReview(sight: FieldSight, state: FieldState, isAgreed: boolean, events: MergeEvent[]): FieldState {
  const review = state.field.review;
  if (review === null) return state;
  events.push({ kind: "reviewUpdated", field: sight.index, side: sight.side, candidate: sight.observed });
  const candidates = candidatesWith(review.candidates, sight.side, isAgreed ? undefined : sight.observed, sight.model);
  const field = { ...state.field, review: { ...review, candidates } };
  return { ...state, field, ack: isAgreed ? field.version : state.ack };
}

function candidatesWith(old: readonly MaybeValue[], side: SideIndex, candidate: MaybeValue, model: SyncModel): MaybeValue[] {
  return model.sides.map((_, index) => (index === side ? candidate : old[index]));
}

/**
 * Closes every case whose sides have come to agree: what they agree on is the canonical value. [S23] Counts are left to a person: equal counts may stand for
 * two changes. [S19]
 */
export function closeAgreedReviews(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  provenance: Provenance,
  events: MergeEvent[],
  references: References,
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  let result = entity;
  for (let field = 0; field < entity.fields.length; field += 1) {
    const frozen = result.fields[field];
    if (frozen === undefined || frozen.review === null || model.fields[field]?.policy.kind === "counter") continue;
    const agreed = agreedValue(model, result, field, references);
    if (agreed === undefined) continue;
    events.push({ kind: "reviewClosed", field, side, because: "agreement", from: frozen.value, to: agreed });
    result = acknowledgeShown(model, settleField(model, result, field, agreed, provenance), field, references);
  }
  return { entity: result, events };
}

/** A delete ends every open case of a field; both values stay in the journal. [S23] */
export function endReviews(entity: Entity, side: SideIndex | null, events: MergeEvent[]): Entity {
  if (entity.fields.every(({ review }) => review === null)) return entity;
  const fields = entity.fields.map((field, index) => {
    if (field.review === null) return field;
    for (const [place, candidate] of field.review.candidates.entries()) {
      if (candidate !== undefined) events.push({ kind: "reviewUpdated", field: index, side: place, candidate });
    }
    events.push({ kind: "reviewClosed", field: index, side, because: "delete", from: field.value, to: field.value });
    return { ...field, review: null };
  });
  return { ...entity, fields };
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
  return { ...replaceField(entity, field, { ...old, value, version, provenance, review: null, adds: null }), version };
}

function replaceField(entity: Entity, field: FieldIndex, value: CanonicalField): Entity {
  return { ...entity, fields: entity.fields.map((old, index) => (index === field ? value : old)) };
}

/**
 * The one value whose images all parties show, or undefined where they differ. Parties are the sides that may write the field and are not merely late: a side
 * that has not been shown the frozen value yet has no say. One party alone agrees with nobody but the canonical value.
 */
function agreedValue(model: SyncModel, entity: Entity, field: FieldIndex, references: References): MaybeValue {
  const frozen = entity.fields[field];
  const parties = entity.members.flatMap((member, side): Party[] => {
    const isParty =
      isPresent(member) &&
      (model.fields[field]?.writers[side] === true || frozen?.review?.isFight === true) &&
      (model.sides[side]?.mapping.fields[field] ?? null) !== null;
    if (!isParty || (frozen?.review?.candidates[side] === undefined && !isCurrent(entity, member, field))) return [];
    return [{ side, member }];
  });
  if (parties.length === 0 || frozen === undefined) return undefined;
  const choices = parties.length === 1 ? [frozen.value] : [frozen.value, ...parties.map(({ member }) => member.shadow[field])];
  return choices.find((choice) => choice !== undefined && parties.every((party) => showsValue(model, party, field, choice, references)));
}

interface Party {
  readonly side: SideIndex;
  readonly member: Member;
}

function showsValue(model: SyncModel, { side, member }: Party, field: FieldIndex, value: Value, references: References): boolean {
  const mapping = model.sides[side]?.mapping.fields[field];
  const type = model.fields[field]?.type;
  if (!mapping || type === undefined) return false;
  const image = imageOf(mapping, value, cellsOf(member), references);
  return image !== undefined && equalValues(type, image, member.shadow[field]);
}

function acknowledgeShown(model: SyncModel, entity: Entity, field: FieldIndex, references: References): Entity {
  const settled = entity.fields[field];
  if (settled === undefined || settled.value === undefined) return entity;
  const value = settled.value;
  return entity.members.reduce((result, member, side) => {
    if (!isPresent(member) || !showsValue(model, { side, member }, field, value, references)) return result;
    return withMember(result, side, { ...member, ack: member.ack.map((old, index) => (index === field ? settled.version : old)) });
  }, entity);
}
