import { UNKNOWN_FIELD, withMember } from "../entity/entity.ts";
import type { CanonicalField, Entity, Member, Provenance } from "../entity/entity.ts";
import type { FieldModel, SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import { getRecord, imageOf } from "../mapping/side-mapping.ts";
import type { GottenRecord } from "../mapping/side-mapping.ts";
import { readImage, writeImage } from "../record/native-image.ts";
import type { NativeImage } from "../record/native-image.ts";
import type { EntityId, FieldIndex, RecordId, SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import type { MaybeValue, Value } from "../value/value-type.ts";
import type { Observation } from "./absorb.ts";
import type { MergeEvent } from "./merge-event.ts";
import { rankOf } from "./policy.ts";
import type { SideRanks } from "./policy.ts";
import { uniteSets } from "./policies/set.ts";

export interface Joined {
  readonly entity: Entity;
  readonly events: readonly MergeEvent[];
  readonly problems: readonly (readonly [FieldIndex, string])[];
  /** Fields whose reference is not known yet: they stay unknown, and the record must be absorbed again once it is. [S44] */
  readonly waiting: readonly FieldIndex[];
}

/** A record that matched nothing becomes an entity of its own. `cause` is `initial` at first contact, `user` for a record made while the sync is live. [S36] */
export function createEntity(
  model: SyncModel,
  id: EntityId,
  side: SideIndex,
  record: RecordId,
  observation: Observation,
  cause: "initial" | "user",
  references: References,
): Joined {
  const { values, problems, waiting, image } = readForJoin(model, side, observation, references);
  const provenance: Provenance = { side, cause, fromMs: observation.fromMs, toMs: observation.toMs };
  const fields = model.fields.map((field, index): CanonicalField => {
    const value = values[index];
    if (value === undefined || field.writers[side] !== true) return UNKNOWN_FIELD;
    return { value, version: 1, provenance, review: null, adds: null };
  });
  const member = newMember(model, record, values, observation, image);
  const entity: Entity = {
    id,
    life: { kind: "live" },
    version: 1,
    fields,
    members: model.sides.map((_, index) => (index === side ? { ...member, ack: fields.map((field) => field.version) } : null)),
    review: null,
  };
  return { entity, events: [{ kind: "joined", side, record, by: "new" }], problems, waiting };
}

/**
 * Links a record to an entity that has none at this side, and merges its fields by the initial policy. [S36]
 * Non-writers of a field are ignored (S55); null never beats a value; counters take the owner's value, never a sum; sets unite; differing texts go to review.
 */
export function joinMember(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  record: RecordId,
  observation: Observation,
  by: "match" | "person" | "proof",
  references: References,
): Joined {
  const { values, problems, waiting, image } = readForJoin(model, side, observation, references);
  const events: MergeEvent[] = [{ kind: "joined", side, record, by }];
  const provenance: Provenance = { side, cause: "initial", fromMs: observation.fromMs, toMs: observation.toMs };
  const fields: CanonicalField[] = [];
  const ack: number[] = [];
  let version = entity.version;
  for (let index = 0; index < model.fields.length; index += 1) {
    const field = model.fields[index];
    const old = entity.fields[index] ?? UNKNOWN_FIELD;
    const observed = values[index];
    if (field === undefined || observed === undefined || field.writers[side] !== true) {
      fields.push(old);
      ack.push(0);
      continue;
    }
    const meeting = meet(model, field, index, side, old, observed, provenance, version + 1, events);
    fields.push(meeting);
    if (meeting.version > version) version = meeting.version;
    ack.push(meeting.value !== undefined && equalValues(field.type, meeting.value, observed) ? meeting.version : 0);
  }
  const previous = entity.members[side];
  const member: Member = {
    ...newMember(model, record, values, observation, image),
    ack,
    incarnation: previous === null || previous === undefined ? 1 : previous.incarnation + 1,
    retired: previous?.retired ?? [],
  };
  return { entity: withMember({ ...entity, fields, version }, side, { ...member, ack: acksOf(model, fields, side, member, references) }), events, problems, waiting };
}

/** Fields whose image the record already shows are acknowledged, whoever wrote them. [S13] */
function acksOf(model: SyncModel, fields: readonly CanonicalField[], side: SideIndex, member: Member, references: References): number[] {
  const cells = member.image === null ? null : readImage(member.image);
  return fields.map((field, index) => {
    const mapping = model.sides[side]?.mapping.fields[index];
    const type = model.fields[index]?.type;
    if (!mapping || type === undefined || field.value === undefined) return member.ack[index] ?? 0;
    const image = imageOf(mapping, field.value, cells, references);
    return image !== undefined && equalValues(type, image, member.shadow[index]) ? field.version : (member.ack[index] ?? 0);
  });
}

function readForJoin(model: SyncModel, side: SideIndex, observation: Observation, references: References): GottenRecord & { readonly image: NativeImage } {
  const mapping = model.sides[side]?.mapping;
  if (mapping === undefined) return { values: [], problems: [], waiting: [], image: observation.image };
  const cells = readImage(observation.image);
  const got = getRecord(mapping, cells, references);
  if (got.waiting.length === 0) return { ...got, image: observation.image };
  const kept = new Set(got.waiting.flatMap((field) => mapping.fields[field]?.reads ?? []));
  return { ...got, image: writeImage(cells.map((cell, column) => (kept.has(column) ? undefined : cell))) };
}

function newMember(model: SyncModel, record: RecordId, values: readonly MaybeValue[], observation: Observation, image: NativeImage): Member {
  return {
    state: "live",
    record,
    incarnation: 1,
    image,
    shadow: values,
    ack: model.fields.map(() => 0),
    position: observation.position,
    seenAtMs: observation.toMs,
    intent: null,
    retired: [],
  };
}

/** What a field becomes when a record joins: the old field where the canonical value stays. */
function meet(
  model: SyncModel,
  field: FieldModel,
  index: number,
  side: SideIndex,
  old: CanonicalField,
  observed: Value,
  provenance: Provenance,
  version: number,
  events: MergeEvent[],
): CanonicalField {
  const taken = (value: Value): CanonicalField => ({ value, version, provenance, review: null, adds: null });
  const canonical = old.value;
  if (canonical === undefined) return taken(observed);
  if (equalValues(field.type, canonical, observed)) return old;
  if (field.policy.kind === "set") {
    const united = uniteSets(canonical, observed);
    return equalValues(field.type, united, canonical) ? old : taken(united);
  }
  if (observed === null) return old;
  if (canonical === null) return taken(observed);
  if (old.review !== null || field.policy.kind === "text" || field.policy.kind === "review" || model.initial === "review") {
    const candidates = model.sides.map((_, place) => (place === side ? observed : old.review?.candidates[place]));
    events.push({ kind: "reviewOpened", field: index, side, reason: "the records differ at first contact", canonical, candidate: observed });
    return { ...old, review: { openedAtMs: provenance.toMs, reason: "the records differ at first contact", candidates } };
  }
  if (model.initial === "newest" && provenance.fromMs > old.provenance.toMs) return taken(observed);
  return rankOf(initialRanks(field), side) < rankOf(initialRanks(field), old.provenance.side) ? taken(observed) : old;
}

/** A field with an owner of its own keeps that rank from the first moment; all others rank sides in declared order. */
function initialRanks(field: FieldModel): SideRanks {
  return field.policy.kind === "owner" ? field.policy.ranks : [];
}
