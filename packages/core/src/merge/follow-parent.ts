import { withValue } from "../entity/entity.ts";
import type { Entity } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import type { EntityId, FieldIndex, SideIndex } from "../record/identifiers.ts";
import { deleteEntity, hasUnseenUpdate, revive } from "./absorb-delete.ts";
import type { Deleted } from "./absorb-delete.ts";

/** What an entity's reference says that names a deleted one: it holds `parent`, and `side` is where that was deleted (null: by a decision). */
export interface LostParent {
  readonly field: FieldIndex;
  readonly parent: EntityId;
  readonly side: SideIndex | null;
  /** When it was deleted. Epoch milliseconds. */
  readonly atMs: number;
}

/** Whether an entity lives and names another in a field, as far as everybody agreed. */
export function names(entity: Entity, field: FieldIndex, parent: EntityId): boolean {
  return entity.life.kind === "live" && entity.fields[field]?.value === String(parent);
}

/**
 * Whether something of an entity was not known at a side when what it names was deleted there: a user's edit elsewhere that the side was never shown, or that was made since, or a record that a user
 * made elsewhere. [S38, S45]
 *
 * @param sinceMs when the deletion was made, or seen at the latest. Epoch milliseconds
 */
export function hasNewsFor(model: SyncModel, entity: Entity, side: SideIndex, sinceMs: number, references: References): boolean {
  const member = entity.members[side] ?? null;
  if (entity.review !== null) return true;
  const edits = entity.fields.filter(
    ({ value, provenance }) => value !== undefined && provenance.cause === "user" && provenance.side !== side,
  );
  if (member === null) return edits.length > 0;
  return edits.some(({ provenance }) => provenance.toMs >= sinceMs) || hasUnseenUpdate(model, entity, side, member, references);
}

/** The reference names nothing any more. [S45] */
export function detachFrom(entity: Entity, { field, atMs }: LostParent): Deleted {
  const from = entity.fields[field]?.value;
  const detached = withValue(entity, field, null, { side: null, cause: "policy", fromMs: atMs, toMs: atMs });
  return { entity: detached, events: [{ kind: "detached", field, from, to: null }] };
}

/** It goes with what it names, deleted where that was. [S45] */
export function deleteWith(entity: Entity, { field, side, atMs }: LostParent): Deleted {
  const { entity: deleted, events } = deleteEntity(entity, side, atMs, [{ kind: "followed", field }]);
  return { entity: deleted, events: events.filter(({ kind }) => kind !== "deleted") };
}

/**
 * The deletion of an entity met news of what would go with it: the rule of those that have the news decides, as if the entity itself had been changed. [S38, S45]
 * Null where the deletion stays.
 */
export function keepForChildren(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  rule: "update-wins" | "delete-wins" | "review",
  atMs: number,
): Deleted | null {
  if (rule === "delete-wins" || entity.life.kind !== "deleted") return null;
  if (rule === "update-wins") {
    const revived = revive(model, entity, side);
    return { entity: revived.entity, events: [{ kind: "deleteConflict", side, kept: "update" }, ...revived.events] };
  }
  const review = { openedAtMs: atMs, reason: "it was deleted here, and what names it was changed elsewhere", candidates: [] };
  const kept: Entity = { ...entity, life: { kind: "live" }, version: entity.version + 1, review };
  return { entity: kept, events: [{ kind: "deleteConflict", side, kept: "review" }] };
}
