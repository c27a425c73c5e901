import { isPresent, withMember } from "../entity/entity.ts";
import type { Entity, Member } from "../entity/entity.ts";
import { isAppended, isReceiver } from "../entity/sync-model.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import type { NativeImage } from "../record/native-image.ts";
import type { RecordId, SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import { absorbRecord } from "./absorb.ts";
import type { MergeEvent } from "./merge-event.ts";
import { endReviews } from "./review.ts";

/** Word that a record was merged into another at a side: the loser's shell as it reads now, or null where nothing is left of it. [S41] */
export interface MergeObservation {
  readonly fromMs: number;
  readonly toMs: number;
  readonly position: string | null;
  readonly image: NativeImage | null;
}

export interface MergedEntities {
  readonly loser: Entity;
  readonly winner: Entity;
  readonly loserEvents: readonly MergeEvent[];
  readonly winnerEvents: readonly MergeEvent[];
}

/**
 * A system made one record of two: the loser's entity goes on in the winner's, and is never taken for deleted. [S41] Where the winner has no record and the loser has one, the winner takes it over, so that none is
 * made beside it; where both have one the loser's stays linked to it, neither written nor deleted nor made again. What the loser held and the winner does not is told.
 *
 * @param loser an entity that lives or was thought deleted, with a record at `side`
 * @param winner another entity that was not merged away itself
 */
export function mergeEntities(
  model: SyncModel,
  loser: Entity,
  winner: Entity,
  side: SideIndex,
  observation: MergeObservation,
  references: References,
): MergedEntities {
  const seen = absorbLast(model, loser, side, observation, references);
  const record = loser.members[side]?.record ?? null;
  const loserEvents: MergeEvent[] = [...seen.events, { kind: "merged", side, record, into: winner.id }];
  const winnerEvents: MergeEvent[] = [{ kind: "absorbed", side, other: loser.id }];
  let rest = withMember(seen.entity, side, shellOf(seen.entity.members[side] ?? null, observation));
  let heir = winner;
  for (let other = 0; other < model.sides.length; other += 1) {
    const member = rest.members[other] ?? null;
    if (other === side || member === null || member.record === null || !takesOver(winner, member, other)) continue;
    heir = withMember(heir, other, inherited(heir.members[other] ?? null, member));
    rest = withMember(rest, other, givenAway(member));
    winnerEvents.push({ kind: "handedOver", side: other, record: member.record, from: loser.id });
  }
  rest = endReviews(rest, side, loserEvents);
  loserEvents.push(...leftBehind(model, rest, winner));
  const review =
    model.merges === "archive-loser" &&
    rest.members.some((member, other) => other !== side && isPresent(member) && !isMergedByAccord(model, other))
      ? { openedAtMs: observation.toMs, reason: "it was merged into another record elsewhere; end it here too?", candidates: [] }
      : null;
  return {
    loser: { ...rest, life: { kind: "merged", into: winner.id, side, others: "kept" }, version: rest.version + 1, review },
    winner: heir,
    loserEvents,
    winnerEvents,
  };
}

/** What came with the merge is absorbed first, so that no edit made with it is lost. Of an entity that was thought deleted nothing is. */
function absorbLast(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  { image, ...when }: MergeObservation,
  references: References,
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  const member = entity.members[side];
  if (image === null || !isPresent(member) || entity.life.kind !== "live") return { entity, events: [] };
  const { entity: seen, events } = absorbRecord(model, entity, side, { ...when, image, isReading: true }, references);
  return { entity: seen, events };
}

/** The loser's record at the side that merged it: a shell that takes no part, or gone. Its id is never forgotten. */
export function shellOf(member: Member | null, { image, position, toMs }: MergeObservation): Member {
  const base: Member = member ?? NO_MEMBER;
  const known = { ...base, position: position ?? base.position, seenAtMs: toMs };
  if (image !== null) return { ...known, state: "archived", image };
  const retired = base.record === null || base.retired.includes(base.record) ? base.retired : [...base.retired, base.record];
  return { ...known, state: "deleted", retired };
}

const NO_MEMBER: Member = {
  state: "absent",
  record: null,
  incarnation: 0,
  image: null,
  shadow: [],
  ack: [],
  position: null,
  seenAtMs: 0,
  intent: null,
  retired: [],
};

/** Only a living winner that never had a record there, or is to get one, takes over what stands there. */
function takesOver(winner: Entity, member: Member, side: SideIndex): boolean {
  const own = winner.members[side] ?? null;
  return winner.life.kind === "live" && member.state !== "deleted" && (own === null || own.state === "absent");
}

/** Nothing of what the winner says is acknowledged there. */
function inherited(own: Member | null, member: Member): Member {
  const retired = [...new Set([...(own?.retired ?? []), ...member.retired])].filter((id) => id !== member.record);
  return { ...member, ack: member.ack.map(() => 0), incarnation: (own?.incarnation ?? 0) + 1, retired };
}

function givenAway(member: Member): Member {
  const retired = member.record === null || member.retired.includes(member.record) ? member.retired : [...member.retired, member.record];
  return { ...member, state: "absent", record: null, image: null, shadow: [], position: null, retired };
}

/** What the loser held that the winner does not. [I2] */
function leftBehind(model: SyncModel, loser: Entity, winner: Entity): MergeEvent[] {
  return model.fields.flatMap(({ type }, field): MergeEvent[] => {
    const value = loser.fields[field]?.value;
    if (value === undefined || value === null || equalValues(type, value, winner.fields[field]?.value)) return [];
    return [{ kind: "leftBehind", field, value }];
  });
}

/**
 * The record that the merge left is one that this entity's former self already holds: the systems merged the same two records the other way round. The entity goes on under it. [S41]
 *
 * @param former an entity merged into this one, whose record at the side was the winner there
 */
export function swapRecords(
  entity: Entity,
  former: Entity,
  side: SideIndex,
  observation: MergeObservation,
): { readonly entity: Entity; readonly former: Entity; readonly events: readonly MergeEvent[] } {
  const own = entity.members[side] ?? null;
  const taken = former.members[side] ?? null;
  if (own === null || taken === null || taken.record === null) return { entity, former, events: [] };
  const events: MergeEvent[] = [
    { kind: "merged", side, record: own.record, into: entity.id },
    { kind: "handedOver", side, record: taken.record, from: former.id },
  ];
  const shell = shellOf(own, observation);
  return {
    entity: withMember(entity, side, { ...inherited(own, taken), state: taken.state, retired: shell.retired }),
    former: withMember(former, side, shell),
    events,
  };
}

/** A merged record stands there again by itself: it is an entity of its own again, with the records that were left to it. [S40, S41] */
export function unmerge(entity: Entity, side: SideIndex): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  if (entity.life.kind !== "merged") return { entity, events: [] };
  const members = entity.members.map((member, place) =>
    place === side && member !== null ? { ...member, state: "live" as const } : member,
  );
  return {
    entity: { ...entity, life: { kind: "live" }, version: entity.version + 1, members, review: null },
    events: [{ kind: "unmerged", side, from: entity.life.into }],
  };
}

/** At a side that only receives a merge says nothing of others: the record takes part no more there. [S55] */
export function absorbMergeAtReceiver(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  observation: MergeObservation,
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } | null {
  const member = entity.members[side] ?? null;
  if (!isReceiver(model, side) || member === null) return null;
  const shell = shellOf(member, observation);
  return {
    entity: withMember(entity, side, shell.state === "archived" ? { ...shell, state: "outOfScope" } : shell),
    events: [{ kind: "outOfScope", side }],
  };
}

/** A person decided about the other records of a merged entity. [S41] */
export function decideMerged(entity: Entity, others: "kept" | "ended"): Entity {
  return entity.life.kind === "merged"
    ? { ...entity, life: { ...entity.life, others }, version: entity.version + 1, review: null }
    : entity;
}

/** Whether a record of a merged entity stands there as it was, and nobody has said yet what is to become of it. */
export function isLeftOver(entity: Entity, side: SideIndex): boolean {
  return entity.life.kind === "merged" && entity.life.others === "kept" && isPresent(entity.members[side]);
}

function isMergedByAccord(model: SyncModel, side: SideIndex): boolean {
  // What is appended is never rewritten. [S61]
  return !isAppended(model) && model.sides[side]?.merged?.isWritten === true;
}

/** The record that a merged entity's is to be merged into at a side, where Accord may do that there; undefined where it may not, or the winner has none. */
export function winnerThere(model: SyncModel, entity: Entity, side: SideIndex, references: References): RecordId | undefined {
  if (entity.life.kind !== "merged" || !isMergedByAccord(model, side)) return undefined;
  return references.recordOf(model.name, side, references.winnerOf(entity.id) ?? entity.life.into);
}
