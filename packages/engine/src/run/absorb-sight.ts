import {
  absorbDelete,
  absorbEditOfDeleted,
  absorbRecord,
  absorbReturn,
  decideMerged,
  isArchived,
  isEdited,
  joinMember,
  readImage,
  unmerge,
  withMember,
} from "@accord/core";
import type {
  Absorbed,
  Entity,
  Member,
  MergeEvent,
  NativeImage,
  Observation,
  RecordId,
  References,
  SideModel,
  SyncModel,
} from "@accord/core";
import type { Sight } from "./sight.ts";

/**
 * Absorbs what was seen of a linked record: an edit, a delete or archive, a return, a change of scope, a new key.
 * `isRebase`: Accord's own store is older than the world. [S58]
 */
export function absorbSight(model: SyncModel, entity: Entity, sight: Sight, references: References, isRebase = false): Absorbed {
  const { side, record, renamedFrom } = sight.mark;
  if (renamedFrom === null) return absorbState(model, entity, sight, references, isRebase);
  const renamed = rename(entity, side, renamedFrom, record);
  return after(renamed.events, absorbState(model, renamed.entity, sight, references, isRebase));
}

function after(events: readonly MergeEvent[], absorbed: Absorbed): Absorbed {
  return events.length === 0 ? absorbed : { ...absorbed, events: [...events, ...absorbed.events] };
}

function absorbState(model: SyncModel, entity: Entity, sight: Sight, references: References, isRebase: boolean): Absorbed {
  const side = sight.mark.side;
  const member = entity.members[side];
  const sideModel = model.sides[side];
  if (member === null || member === undefined || sideModel === undefined) return untouched(entity);
  const { image, position, fromMs, toMs, isReading } = sight;
  if (image === null) return plain(absorbDelete(model, entity, side, { image, position, fromMs, toMs }, references));
  if (sideModel.archive !== null && isArchived(sideModel, readImage(image))) {
    return member.state === "archived"
      ? untouched(entity)
      : plain(absorbDelete(model, entity, side, { image, position, fromMs, toMs }, references));
  }
  if (entity.life.kind === "merged" && isRestored(entity, side)) {
    const apart = entity.life.side === side ? unmerge(entity, side) : standAgain(entity, side);
    return after(apart.events, absorbState(model, apart.entity, sight, references, isRebase));
  }
  const observation: Observation = { image, position, fromMs, toMs, isReading, isRebase };
  const scoped = scope(sideModel, entity, side, member, image);
  if (scoped !== null && scoped.left) return plain(scoped);
  if (scoped !== null && wasSetAside(member)) return enter(model, entity, sight, observation, references);
  const present = scoped ?? returnToLife(model, entity, sight, member, image);
  if (present.entity.life.kind === "deleted")
    return absorbIntoDeleted(model, present.entity, sight, observation, references, present.events);
  return after(present.events, absorbRecord(model, present.entity, side, observation, references));
}

/** A record of a merged entity that took no part, and stands there by itself now. [S40, S41] */
function isRestored(entity: Entity, side: number): boolean {
  const state = entity.members[side]?.state;
  return state === "archived" || state === "deleted";
}

/** Elsewhere it is still merged: one more record that is left over. What a person decided of the others was not of this one. */
function standAgain(entity: Entity, side: number): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  const member = entity.members[side];
  if (member === null || member === undefined) return { entity, events: [] };
  const standing = withMember(decideMerged(entity, "kept"), side, { ...member, state: "live" });
  return { entity: standing, events: [{ kind: "inScope", side }] };
}

function plain(result: { readonly entity: Entity; readonly events: readonly MergeEvent[] }): Absorbed {
  return { entity: result.entity, events: result.events, reread: false, problems: [], waiting: [] };
}

function untouched(entity: Entity): Absorbed {
  return plain({ entity, events: [] });
}

/** A change of the record id: the member keeps its life, the old id is retired. [S63] */
function rename(
  entity: Entity,
  side: number,
  from: RecordId,
  to: RecordId,
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  const member = entity.members[side];
  if (member === null || member === undefined || member.record !== from) return { entity, events: [] };
  const renamed: Member = { ...member, record: to, retired: [...member.retired, from] };
  return { entity: withMember(entity, side, renamed), events: [{ kind: "renamed", side, from, to }] };
}

/** Leaving or entering the side's filter: never a delete. Null where nothing about that changed. [S42] */
function scope(
  side: SideModel,
  entity: Entity,
  index: number,
  member: Member,
  image: NativeImage,
): { readonly entity: Entity; readonly events: readonly MergeEvent[]; readonly left: boolean } | null {
  if (side.filter === null && member.state !== "outOfScope") return null;
  const isOutside = side.filter !== null && side.filter(readImage(image)) === false;
  if (isOutside && member.state === "live") {
    return {
      entity: withMember(entity, index, { ...member, state: "outOfScope" }),
      events: [{ kind: "outOfScope", side: index }],
      left: true,
    };
  }
  if (member.state !== "outOfScope") return null;
  if (isOutside) return { entity, events: [], left: true };
  return { entity: withMember(entity, index, { ...member, state: "live" }), events: [{ kind: "inScope", side: index }], left: false };
}

/** A member that joined outside the filter never told a value: nothing of it is acknowledged. [S42] */
function wasSetAside(member: Member): boolean {
  return member.ack.every((version) => version === 0);
}

/** Such a record meets the entity when it first comes into scope. [S36] */
function enter(model: SyncModel, entity: Entity, sight: Sight, observation: Observation, references: References): Absorbed {
  const joined = joinMember(model, entity, sight.mark.side, sight.mark.record, observation, "match", references);
  return { ...joined, reread: false };
}

/** A record that was gone or archived and is there again: a positive fresh reading brings it back. [S40] */
function returnToLife(
  model: SyncModel,
  entity: Entity,
  sight: Sight,
  member: Member,
  image: NativeImage,
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  if (member.state === "live") return { entity, events: [] };
  const provenance = { side: sight.mark.side, cause: "user", fromMs: sight.fromMs, toMs: sight.toMs } as const;
  return absorbReturn(model, { ...entity, members: entity.members }, sight.mark.side, image, provenance);
}

/** An edit of a record whose entity was deleted elsewhere: where the delete wins, the edit is still taken down, so that it is lost to nobody. [S38, I2] */
function absorbIntoDeleted(
  model: SyncModel,
  entity: Entity,
  sight: Sight,
  observation: Observation,
  references: References,
  before: readonly MergeEvent[],
): Absorbed {
  const side = sight.mark.side;
  const member = entity.members[side];
  if (member === null || member === undefined || member.image === observation.image) return plain({ entity, events: before });
  const ended = isEdited(member, observation.image) ? absorbEditOfDeleted(model, entity, side, sight.toMs) : { entity, events: [] };
  const absorbed = absorbRecord(model, ended.entity, side, observation, references);
  return { ...absorbed, events: [...before, ...ended.events, ...absorbed.events] };
}
