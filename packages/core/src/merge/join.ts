import { cellsOf, isUnproven, UNKNOWN_FIELD, withMember } from "../entity/entity.ts";
import type { CanonicalField, Entity, Member, Provenance } from "../entity/entity.ts";
import { isAppended } from "../entity/sync-model.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import { getRecord, imageOf } from "../mapping/side-mapping.ts";
import type { GottenRecord } from "../mapping/side-mapping.ts";
import { readImage, writeImage } from "../record/native-image.ts";
import type { NativeCell, NativeImage } from "../record/native-image.ts";
import type { EntityId, FieldIndex, RecordId, SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import type { MaybeValue } from "../value/value-type.ts";
import type { Observation } from "./absorb.ts";
import { isOneWay, meet } from "./meet.ts";
import type { MergeEvent } from "./merge-event.ts";
import { adoptRecord } from "./unproven.ts";

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
    if (value === undefined || field.writers[side] !== true || (value === null && isOneWay(model, index))) return UNKNOWN_FIELD;
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
 * Where a create of ours may have made it, it is adopted instead. [S35]
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
  if (isUnproven(entity.members[side]))
    return adoptRecord(model, entity, side, record, observation, by === "match" ? "create" : by, references);
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
    // The same item at two sides: each keeps what it shows. [S61]
    if (isAppended(model) && old.value !== undefined) {
      fields.push(old);
      ack.push(old.version);
      continue;
    }
    const met = meet({ model, field, index, side, observed, provenance, version: version + 1 }, old, events);
    fields.push(met);
    version = Math.max(version, met.version);
    ack.push(met.value !== undefined && equalValues(field.type, met.value, observed) ? met.version : 0);
  }
  const previous = entity.members[side];
  const member: Member = {
    ...newMember(model, record, values, observation, image),
    ack,
    incarnation: previous === null || previous === undefined ? 1 : previous.incarnation + 1,
    retired: previous?.retired ?? [],
  };
  return {
    entity: withMember({ ...entity, fields, version }, side, { ...member, ack: acksOf(model, fields, side, member, references) }),
    events,
    problems,
    waiting,
  };
}

/** Fields whose image the record already shows are acknowledged, whoever wrote them. [S13] */
function acksOf(model: SyncModel, fields: readonly CanonicalField[], side: SideIndex, member: Member, references: References): number[] {
  let cells: readonly NativeCell[] | null = null;
  return fields.map((field, index) => {
    const ack = member.ack[index] ?? 0;
    const mapping = model.sides[side]?.mapping.fields[index];
    const type = model.fields[index]?.type;
    if (!mapping || type === undefined || field.value === undefined || ack === field.version) return ack;
    cells ??= cellsOf(member);
    const image = imageOf(mapping, field.value, cells, references);
    return image !== undefined && equalValues(type, image, member.shadow[index]) ? field.version : ack;
  });
}

function readForJoin(
  model: SyncModel,
  side: SideIndex,
  observation: Observation,
  references: References,
): GottenRecord & { readonly image: NativeImage } {
  const mapping = model.sides[side]?.mapping;
  if (mapping === undefined) return { values: [], problems: [], waiting: [], image: observation.image };
  const got = observation.gotten ?? getRecord(mapping, readImage(observation.image), references);
  if (got.waiting.length === 0) return { ...got, image: observation.image };
  const cells = readImage(observation.image);
  const kept = new Set(got.waiting.flatMap((field) => mapping.fields[field]?.reads ?? []));
  return { ...got, image: writeImage(cells.map((cell, column) => (kept.has(column) ? undefined : cell))) };
}

function newMember(
  model: SyncModel,
  record: RecordId,
  values: readonly MaybeValue[],
  observation: Observation,
  image: NativeImage,
): Member {
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
