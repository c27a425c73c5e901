import { cellsOf, isPresent, withMember } from "../entity/entity.ts";
import type { CanonicalField, Entity, Member, Provenance } from "../entity/entity.ts";
import { isReceiver } from "../entity/sync-model.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import { imageOf } from "../mapping/side-mapping.ts";
import { readImage } from "../record/native-image.ts";
import type { NativeImage } from "../record/native-image.ts";
import type { SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import { absorbRecord } from "./absorb.ts";
import type { MergeEvent } from "./merge-event.ts";
import { closeAgreedReviews, endReviews } from "./review.ts";

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

/**
 * Absorbs a delete: against an unchanged record it propagates; against an update the sync's rule decides. [S38]
 * What an archived record shows beside its mark is absorbed first, so that no edit made with the archiving is lost. A record that no longer takes part
 * (archived, out of scope) is noted as gone, no more.
 */
export function absorbDelete(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  observation: DeleteObservation,
  references: References,
): Deleted {
  const member = entity.members[side] ?? null;
  if (isReceiver(model, side)) return absorbDeleteAtReceiver(model, entity, side, observation, member);
  if (!isPresent(member)) return absorbLateDelete(model, entity, side, observation, member, references);
  if (observation.image !== null && observation.image !== member.image) {
    const edited = absorbRecord(model, entity, side, { ...observation, image: observation.image, isReading: true }, references);
    const now = edited.entity.members[side];
    if (!isPresent(now)) return { entity, events: [] };
    const archived = absorbDelete(model, edited.entity, side, { ...observation, image: now.image }, references);
    return { entity: archived.entity, events: [...edited.events, ...archived.events] };
  }
  const gone = goneMember(member, observation);
  const remains = withMember(entity, side, gone);
  const goneEvent: MergeEvent = { kind: "gone", side, record: member.record };
  if (entity.life.kind !== "live") return { entity: remains, events: [goneEvent] };
  const isLast = !remains.members.some(
    (other) => other !== null && other.record !== null && other.state !== "deleted" && other.state !== "archived",
  );
  if (model.deletes.do === "keep" || entity.review !== null) {
    return isLast ? deleteEntity(remains, side, observation.toMs, [goneEvent]) : { entity: remains, events: [goneEvent] };
  }
  if (!hasUnseenUpdate(model, entity, side, member, references)) return deleteEntity(remains, side, observation.toMs, [goneEvent]);
  return settleConflict(model, entity, side, gone, observation, [goneEvent], references);
}

/** A side that only receives deletes for itself alone: where the source has the record, it is made again there or stays away, and the entity lives. [S55] */
function absorbDeleteAtReceiver(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  observation: DeleteObservation,
  member: Member | null,
): Deleted {
  if (member === null || member.state === "deleted" || member.state === "absent") return { entity, events: [] };
  if (member.state === "archived" && observation.image !== null) return { entity, events: [] };
  const gone = goneMember(member, observation);
  const remains = withMember(entity, side, gone);
  const goneEvent: MergeEvent = { kind: "gone", side, record: member.record };
  if (entity.life.kind !== "live" || model.direction.kind !== "one-way") return { entity: remains, events: [goneEvent] };
  const { source, drift } = model.direction;
  if (!isPresent(entity.members[source])) {
    const isLast = !remains.members.some(isPresent);
    return isLast ? deleteEntity(remains, side, observation.toMs, [goneEvent]) : { entity: remains, events: [goneEvent] };
  }
  if (drift === "keep") return { entity: remains, events: [goneEvent, { kind: "deleteDrifted", side }] };
  return { entity: withMember(entity, side, owedAgain(gone)), events: [goneEvent, { kind: "deleteReverted", side }] };
}

/** A delete of a record that did not take part any more: of an archived one that was to be restored it is a conflict, else it is only noted. */
function absorbLateDelete(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  observation: DeleteObservation,
  member: Member | null,
  references: References,
): Deleted {
  if (member === null || observation.image !== null || (member.state !== "archived" && member.state !== "outOfScope"))
    return { entity, events: [] };
  const gone = goneMember(member, observation);
  const events: MergeEvent[] = [{ kind: "gone", side, record: member.record }];
  const isRestored = member.state === "archived" && entity.life.kind === "live" && entity.review === null && model.deletes.do !== "keep";
  return isRestored
    ? settleConflict(model, entity, side, gone, observation, events, references)
    : { entity: withMember(entity, side, gone), events };
}

/** The entity is deleted; `events` come first. */
export function deleteEntity(entity: Entity, side: SideIndex | null, atMs: number, events: readonly MergeEvent[]): Deleted {
  const ended: MergeEvent[] = [...events];
  const closed = endReviews(entity, side, ended);
  const deleted: Entity = { ...closed, life: { kind: "deleted", side, atMs }, version: entity.version + 1, review: null };
  return { entity: deleted, events: [...ended, { kind: "deleted", side }] };
}

function settleConflict(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  gone: Member,
  observation: DeleteObservation,
  events: readonly MergeEvent[],
  references: References,
): Deleted {
  switch (model.deletes.conflict) {
    case "delete-wins":
      return deleteEntity(withMember(entity, side, gone), side, observation.toMs, [
        ...events,
        { kind: "deleteConflict", side, kept: "delete" },
      ]);
    case "review": {
      const review = { openedAtMs: observation.toMs, reason: "it was deleted here and changed elsewhere", candidates: [] };
      return {
        entity: { ...withMember(entity, side, gone), review },
        events: [...events, { kind: "deleteConflict", side, kept: "review" }],
      };
    }
    case "update-wins": {
      const kept = withMember({ ...entity, version: entity.version + 1 }, side, owedAgain(gone));
      const cases: MergeEvent[] = [];
      const freed = freeReviews(model, kept, side, observation, cases, references);
      return { entity: freed, events: [...events, { kind: "deleteConflict", side, kept: "update" }, ...cases] };
    }
  }
}

/**
 * The side that deleted has no say in open cases any more. Where one other side's value is left, it is the update that beat the delete; where none is left, the
 * canonical value is; where several are, the case stays open. [S23, S38]
 */
function freeReviews(
  model: SyncModel,
  entity: Entity,
  deleter: SideIndex,
  observation: DeleteObservation,
  events: MergeEvent[],
  references: References,
): Entity {
  const provenance: Provenance = { side: deleter, cause: "user", fromMs: observation.fromMs, toMs: observation.toMs };
  let result: Entity = {
    ...entity,
    fields: entity.fields.map((field) => {
      if (field.review === null) return field;
      const candidates = field.review.candidates.map((candidate, place) => (place === deleter ? undefined : candidate));
      return { ...field, review: { ...field.review, candidates } };
    }),
  };
  for (const [index, field] of result.fields.entries()) {
    const sides = field.review?.candidates.flatMap((candidate, place) => (candidate === undefined ? [] : [place])) ?? [];
    const only = sides[0];
    if (field.review === null || sides.length > 1 || (only !== undefined && field.provenance.side !== deleter)) continue;
    const to = only === undefined ? field.value : field.review.candidates[only];
    events.push({ kind: "reviewClosed", field: index, side: deleter, because: "delete", from: field.value, to });
    const version = result.version + 1;
    const closed: CanonicalField =
      only === undefined
        ? { ...field, review: null }
        : { ...field, value: to, version, provenance: { ...provenance, side: only }, review: null, adds: null };
    result = {
      ...result,
      version: Math.max(result.version, closed.version),
      fields: result.fields.map((old, place) => (place === index ? closed : old)),
    };
  }
  return closeAgreedReviews(model, result, deleter, provenance, events, references).entity;
}

/** A member whose record is to be made again: the old id is retired and never forgotten. An archived one is restored in place. [S38, S40] */
function owedAgain(gone: Member): Member {
  return gone.state === "archived" ? gone : { ...gone, state: "absent", record: null };
}

function goneMember(member: Member, observation: DeleteObservation): Member {
  if (observation.image !== null) {
    return {
      ...member,
      state: "archived",
      image: observation.image,
      position: observation.position ?? member.position,
      seenAtMs: observation.toMs,
    };
  }
  const retired = member.record === null || member.retired.includes(member.record) ? member.retired : [...member.retired, member.record];
  return { ...member, state: "deleted", retired, position: observation.position ?? member.position, seenAtMs: observation.toMs };
}

/** Whether a user changed the entity elsewhere in a way that this side had not been shown: values of first contact are no updates. [S38] */
export function hasUnseenUpdate(model: SyncModel, entity: Entity, side: SideIndex, member: Member, references: References): boolean {
  const cells = cellsOf(member);
  return entity.fields.some((field, index) => {
    if (field.review?.candidates.some((candidate, place) => place !== side && candidate !== undefined) === true) return true;
    const mapping = model.sides[side]?.mapping.fields[index];
    const type = model.fields[index]?.type;
    if (!mapping || type === undefined || field.value === undefined || field.provenance.cause === "initial") return false;
    if ((member.ack[index] ?? 0) >= field.version || field.provenance.side === side) return false;
    return !equalValues(type, imageOf(mapping, field.value, cells, references), member.shadow[index]);
  });
}

/** Whether a record shows otherwise what was known of it: what was not known, as a column's default beside our own create, tells of no edit. [S5] */
export function isEdited(member: Member, seen: NativeImage): boolean {
  if (member.image === seen) return false;
  const cells = readImage(seen);
  return (cellsOf(member) ?? []).some((cell, column) => cell !== undefined && cells[column] !== undefined && cell !== cells[column]);
}

/**
 * An edit seen at a member whose entity was deleted elsewhere: delete against update, from the other end. [S38]
 * Returns whether the edit is to be absorbed (the entity lives again), and the entity to absorb it into.
 */
export function absorbEditOfDeleted(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  atMs: number,
): Deleted & { readonly lives: boolean } {
  if (isReceiver(model, side)) return { entity, events: [{ kind: "deleteConflict", side, kept: "delete" }], lives: false };
  switch (model.deletes.conflict) {
    case "delete-wins":
      return { entity, events: [{ kind: "deleteConflict", side, kept: "delete" }], lives: false };
    case "review": {
      const review = { openedAtMs: atMs, reason: "it was changed here and deleted elsewhere", candidates: [] };
      return {
        entity: { ...entity, life: { kind: "live" }, version: entity.version + 1, review },
        events: [{ kind: "deleteConflict", side, kept: "review" }],
        lives: true,
      };
    }
    case "update-wins": {
      const revived = revive(model, entity, side);
      return { entity: revived.entity, events: [{ kind: "deleteConflict", side, kept: "update" }, ...revived.events], lives: true };
    }
  }
}

/** Brings a deleted entity back (never a merged one, which is another's part): members whose records are gone are owed new ones, archived ones are owed their restoration. [S38, S40, S59] */
export function revive(model: SyncModel, entity: Entity, side: SideIndex | null): Deleted {
  if ((entity.life.kind === "live" && entity.review === null) || entity.life.kind === "merged") return { entity, events: [] };
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
  const retired = member.retired.filter((record) => record !== member.record);
  const back: Member = { ...member, state: "live", seenAtMs: provenance.toMs, image: member.image ?? image, retired };
  const linked = withMember(entity, side, back);
  return entity.life.kind === "deleted" && !isReceiver(model, side)
    ? revive(model, linked, side)
    : { entity: linked, events: [{ kind: "inScope", side }] };
}
