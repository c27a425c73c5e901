import { isPresent, withMember } from "../entity/entity.ts";
import type { Entity, Member, Provenance } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import { imageOf } from "../mapping/side-mapping.ts";
import { readImage } from "../record/native-image.ts";
import type { NativeImage } from "../record/native-image.ts";
import type { SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import type { MergeEvent } from "./merge-event.ts";

export interface Deleted {
  readonly entity: Entity;
  readonly events: readonly MergeEvent[];
}

/** A confirmed delete at a side: the record is gone, or (`image` given) it now reads as archived. [S11, S38] */
export interface DeleteObservation {
  readonly fromMs: number;
  readonly toMs: number;
  readonly position: string | null;
  readonly image: NativeImage | null;
}

/** Absorbs a delete: against an unchanged record it propagates; against an update the sync's rule decides. [S38] */
export function absorbDelete(model: SyncModel, entity: Entity, side: SideIndex, observation: DeleteObservation, references: References): Deleted {
  const member = entity.members[side];
  if (!isPresent(member)) return { entity, events: [] };
  const gone = goneMember(member, observation);
  const goneEvent: MergeEvent = { kind: "gone", side, record: member.record };
  if (entity.life.kind !== "live") return { entity: withMember(entity, side, gone), events: [goneEvent] };
  if (model.deletes.do === "keep") return { entity: withMember(entity, side, gone), events: [goneEvent] };

  if (entity.review !== null) {
    const remains = withMember(entity, side, gone);
    return remains.members.some(isPresent) ? { entity: remains, events: [goneEvent] } : deleteEntity(remains, side, observation.toMs, [goneEvent]);
  }
  if (!hasUnseenUpdate(model, entity, side, member, references)) {
    return deleteEntity(withMember(entity, side, gone), side, observation.toMs, [goneEvent]);
  }
  return settleConflict(model, entity, side, gone, observation, [goneEvent]);
}

function deleteEntity(entity: Entity, side: SideIndex | null, atMs: number, events: readonly MergeEvent[]): Deleted {
  const closed = closeReviews(entity, side);
  const deleted: Entity = { ...closed.entity, life: { kind: "deleted", side, atMs }, version: entity.version + 1, review: null };
  return { entity: deleted, events: [...events, ...closed.events, { kind: "deleted", side }] };
}

/** A delete ends every open case of a field; both values stay in the journal. [S23] */
function closeReviews(entity: Entity, side: SideIndex | null): Deleted {
  const events: MergeEvent[] = [];
  const fields = entity.fields.map((field, index) => {
    if (field.review === null) return field;
    for (const [place, candidate] of field.review.candidates.entries()) {
      if (candidate !== undefined) events.push({ kind: "reviewUpdated", field: index, side: place, candidate });
    }
    events.push({ kind: "reviewClosed", field: index, side, because: "delete", from: field.value, to: field.value });
    return { ...field, review: null };
  });
  return { entity: { ...entity, fields }, events };
}

function settleConflict(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  gone: Member,
  observation: DeleteObservation,
  events: readonly MergeEvent[],
): Deleted {
  switch (model.deletes.conflict) {
    case "delete-wins":
      return deleteEntity(withMember(entity, side, gone), side, observation.toMs, [...events, { kind: "deleteConflict", side, kept: "delete" }]);
    case "review": {
      const review = { openedAtMs: observation.toMs, reason: "it was deleted here and changed elsewhere", candidates: [] };
      return { entity: { ...withMember(entity, side, gone), review }, events: [...events, { kind: "deleteConflict", side, kept: "review" }] };
    }
    case "update-wins":
      return {
        entity: withMember({ ...entity, version: entity.version + 1 }, side, owedAgain(gone)),
        events: [...events, { kind: "deleteConflict", side, kept: "update" }],
      };
  }
}

/** A member whose record is to be made again: the old id is retired and never forgotten. An archived one is restored in place. [S38, S40] */
function owedAgain(gone: Member): Member {
  return gone.state === "archived" ? gone : { ...gone, state: "absent", record: null };
}

function goneMember(member: Member, observation: DeleteObservation): Member {
  if (observation.image !== null) {
    return { ...member, state: "archived", image: observation.image, position: observation.position ?? member.position, seenAtMs: observation.toMs };
  }
  const retired = member.record === null || member.retired.includes(member.record) ? member.retired : [...member.retired, member.record];
  return { ...member, state: "deleted", retired, position: observation.position ?? member.position, seenAtMs: observation.toMs };
}

/** Whether a user changed the entity elsewhere in a way that this side had not been shown: values of first contact are no updates. [S38] */
function hasUnseenUpdate(model: SyncModel, entity: Entity, side: SideIndex, member: Member, references: References): boolean {
  const cells = member.image === null ? null : readImage(member.image);
  return entity.fields.some((field, index) => {
    const mapping = model.sides[side]?.mapping.fields[index];
    const type = model.fields[index]?.type;
    if (!mapping || type === undefined || field.value === undefined || field.provenance.cause === "initial") return false;
    if ((member.ack[index] ?? 0) >= field.version || field.provenance.side === side) return false;
    return !equalValues(type, imageOf(mapping, field.value, cells, references), member.shadow[index]);
  });
}

/**
 * An edit seen at a member whose entity was deleted elsewhere: delete against update, from the other end. [S38]
 * Returns whether the edit is to be absorbed (the entity lives again), and the entity to absorb it into.
 */
export function absorbEditOfDeleted(model: SyncModel, entity: Entity, side: SideIndex, atMs: number): Deleted & { readonly lives: boolean } {
  switch (model.deletes.conflict) {
    case "delete-wins":
      return { entity, events: [{ kind: "deleteConflict", side, kept: "delete" }], lives: false };
    case "review": {
      const review = { openedAtMs: atMs, reason: "it was changed here and deleted elsewhere", candidates: [] };
      return { entity: { ...entity, life: { kind: "live" }, version: entity.version + 1, review }, events: [{ kind: "deleteConflict", side, kept: "review" }], lives: true };
    }
    case "update-wins": {
      const revived = revive(model, entity, side);
      return { entity: revived.entity, events: [{ kind: "deleteConflict", side, kept: "update" }, ...revived.events], lives: true };
    }
  }
}

/** Brings a deleted entity back: members whose records are gone are owed new ones, archived ones are owed their restoration. [S38, S40, S59] */
export function revive(model: SyncModel, entity: Entity, side: SideIndex | null): Deleted {
  if (entity.life.kind === "live" && entity.review === null) return { entity, events: [] };
  const members = entity.members.map((member) => (member !== null && member.state === "deleted" ? owedAgain(member) : member));
  const revived: Entity = { ...entity, life: { kind: "live" }, version: entity.version + 1, members, review: null };
  return { entity: revived, events: [{ kind: "revived", side }] };
}

/** A decision of a person on a delete that met an update, or an undo of a create: the entity is deleted everywhere. */
export function deleteByDecision(entity: Entity, atMs: number): Deleted {
  return deleteEntity(entity, null, atMs, []);
}

/** A record thought gone was positively read again: it is linked again, alive, and its differences are edits. [S40] */
export function absorbReturn(model: SyncModel, entity: Entity, side: SideIndex, image: NativeImage, provenance: Provenance): Deleted {
  const member = entity.members[side];
  if (member === null || member === undefined || member.record === null) return { entity, events: [] };
  const back: Member = { ...member, state: "live", seenAtMs: provenance.toMs, image: member.image ?? image };
  const linked = withMember(entity, side, back);
  return entity.life.kind === "deleted" ? revive(model, linked, side) : { entity: linked, events: [{ kind: "inScope", side }] };
}
