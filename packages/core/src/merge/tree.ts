import { withMember } from "../entity/entity.ts";
import type { Entity } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { EntityId, FieldIndex, SideIndex } from "../record/identifiers.ts";
import type { MergeEvent } from "./merge-event.ts";
import { reviewOf } from "./review.ts";

/** Why a tree's field waits for a person. */
export const CIRCLE = "it would come to stand above itself";

/** By field: the entity that it came to stand below. Empty where no place in a tree changed. [S46] */
export function newPlaces(model: SyncModel, before: Entity | null, after: Entity): readonly (readonly [FieldIndex, EntityId])[] {
  return model.fields.flatMap(({ reference }, field) => {
    if (reference?.tree !== true || after.life.kind !== "live") return [];
    const value = after.fields[field]?.value ?? null;
    return value === null || value === before?.fields[field]?.value ? [] : [[field, Number(value)] as const];
  });
}

/**
 * Takes back a change that would make a circle: the canonical value stays as it was, and the field waits for a person with the new one as the candidate of the side that shows it. [S23, S46]
 *
 * @param before null: the entity is new, and stands nowhere
 */
export function refusePlace(
  model: SyncModel,
  before: Entity | null,
  after: Entity,
  field: FieldIndex,
  side: SideIndex,
  atMs: number,
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  const candidate = after.fields[field]?.value;
  const changed = after.fields[field];
  if (changed === undefined) return { entity: after, events: [] };
  const old = before?.fields[field] ?? { ...changed, value: null };
  const review = reviewOf(model, side, candidate, CIRCLE, atMs);
  const fields = after.fields.map((one, index) => (index === field ? { ...old, review } : one));
  const event: MergeEvent = { kind: "reviewOpened", field, side, reason: CIRCLE, canonical: old.value, candidate };
  const member = after.members[side] ?? null;
  const frozen: Entity = { ...after, fields };
  if (member === null) return { entity: frozen, events: [event] };
  // Of what the side was told before it is up to date: the case is its news.
  const ack = member.ack.map((version, index) => (index === field ? Math.min(version, old.version) : version));
  return { entity: withMember(frozen, side, { ...member, ack }), events: [event] };
}
