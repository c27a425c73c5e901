import { cellsOf, isPresent, withMember } from "../entity/entity.ts";
import type { CanonicalField, Entity, Member, Provenance } from "../entity/entity.ts";
import { isAppended } from "../entity/sync-model.ts";
import type { FieldModel, SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import type { GottenRecord } from "../mapping/side-mapping.ts";
import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import { readImage } from "../record/native-image.ts";
import type { NativeCell, NativeImage } from "../record/native-image.ts";
import { equalValues } from "../value/value-type.ts";
import type { MaybeValue } from "../value/value-type.ts";
import { absorbField } from "./absorb-field.ts";
import type { FieldSight, FieldState } from "./field-sight.ts";
import type { MergeEvent } from "./merge-event.ts";
import { closeAgreedReviews, endReviews } from "./review.ts";
import { seeCells } from "./see-record.ts";
import { resetCount, stocktakeOf } from "./stocktake.ts";
import type { StocktakeSight } from "./stocktake.ts";

/** The state of one record as read: an image from a log or a reading. [S7] */
export interface Observation {
  readonly image: NativeImage;
  readonly position: string | null;
  /** The interval in which the write happened, epoch milliseconds; both ends equal where the system tells the commit's time. [S18] */
  readonly fromMs: number;
  readonly toMs: number;
  /** A reading of the whole record by its id: what is unknown in it would be no better known by reading again. Left out: false. */
  readonly isReading?: boolean;
  /** What the image says, where that has been read already, with the references of now. Left out: it is read. */
  readonly gotten?: GottenRecord;
  /** Accord's own store is older than the world: what differs is first contact again, and no delta of a count can be told. [S58] Left out: false. */
  readonly isRebase?: boolean;
}

export interface Absorbed {
  readonly entity: Entity;
  readonly events: readonly MergeEvent[];
  /** The image lacked a part that something else in it depends on: nothing was absorbed, the record must be read. Never after a reading. [S16] */
  readonly reread: boolean;
  /** Fields whose native value could not be understood, with the reason: they count as unknown. */
  readonly problems: readonly (readonly [FieldIndex, string])[];
  /** Fields whose reference is not known yet: they keep what was known, and the record must be absorbed again once it is. [S44] */
  readonly waiting: readonly FieldIndex[];
}

const UNTOUCHED = { events: [], reread: false, problems: [], waiting: [] } as const;

/**
 * Absorbs what was seen of a member's record into its entity: the table S13, field by field. Pure, total and deterministic.
 * The member must be present and without an open intent (S33); deletes and joins have functions of their own.
 */
export function absorbRecord(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  observation: Observation,
  references: References,
): Absorbed {
  const member = entity.members[side];
  const mapping = model.sides[side]?.mapping;
  if (!isPresent(member) || mapping === undefined) return { entity, ...UNTOUCHED };
  if (member.image === observation.image) {
    const seen = { ...member, position: observation.position ?? member.position, seenAtMs: observation.toMs };
    return { entity: withMember(entity, side, seen), ...UNTOUCHED };
  }
  const before = cellsOf(member);
  const known = before === null ? null : { cells: before, values: member.shadow };
  const seen = seeCells(mapping, known, readImage(observation.image), observation.image, references);
  if (seen.torn.length > 0 && observation.isReading !== true) return { entity, ...UNTOUCHED, reread: true };
  const { observed, after, cells, image, torn, waiting } = seen;
  const absorbed = absorbFields(model, entity, side, { observed, after, cells, image, observation }, references);
  const unreadable = torn.map((field) => [field, "a part of it cannot be read"] as const);
  const problems = unreadable.length === 0 ? seen.problems : [...seen.problems, ...unreadable];
  return { entity: absorbed.entity, events: absorbed.events, reread: false, problems, waiting };
}

/** What was seen, ready for the table. */
export interface SeenRecord {
  /** `o`, by field. */
  readonly observed: readonly MaybeValue[];
  /** `B` afterwards: `o` with what was known before in place of what is unknown. */
  readonly after: readonly MaybeValue[];
  readonly image: NativeImage;
  /** The cells of `image`. */
  readonly cells: readonly NativeCell[];
  readonly observation: Pick<Observation, "position" | "fromMs" | "toMs" | "isRebase">;
}

/** Runs the table over all fields that the side has. `skip` names fields that are dealt with already. */
export function absorbFields(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  seen: SeenRecord,
  references: References,
  skip?: ReadonlySet<FieldIndex>,
): { readonly entity: Entity; readonly events: readonly MergeEvent[] } {
  const member = entity.members[side];
  if (member === null || member === undefined) return { entity, events: [] };
  const { observation, observed } = seen;
  const provenance: Provenance = { side, cause: "user", fromMs: observation.fromMs, toMs: observation.toMs };
  const events: MergeEvent[] = [];
  const fields: CanonicalField[] = [...entity.fields];
  const ack: number[] = [...member.ack];
  let version = entity.version;
  for (let index = 0; index < fields.length; index += 1) {
    const field = fields[index];
    const fieldModel = model.fields[index];
    if (field === undefined || fieldModel === undefined || skip?.has(index) === true) continue;
    const before: FieldState = { field, ack: ack[index] ?? 0, version };
    if (isQuiet(fieldModel, before, member.shadow[index], observed[index])) continue;
    const merged = absorbOne({ model, entity, member, side, seen, provenance, references }, index, before, events);
    fields[index] = merged.field;
    ack[index] = merged.ack;
    version = merged.version;
  }
  const next: Member = {
    ...member,
    image: seen.image,
    shadow: seen.after,
    cut: { image: seen.image, cells: seen.cells },
    ack,
    position: observation.position ?? member.position,
    seenAtMs: observation.toMs,
  };
  const merged: Entity = { ...entity, fields, version, members: entity.members.with(side, next) };
  // An edit that is taken down although its entity was deleted asks nobody: what it met was the delete. [S23, S38]
  if (merged.life.kind === "deleted") return { entity: endReviews(merged, side, events), events };
  return closeAgreedReviews(model, merged, side, provenance, events, references);
}

/** Most fields of most observations: as they were known, and up to date. The table says nothing of them. */
function isQuiet({ policy }: FieldModel, { field, ack }: FieldState, shown: MaybeValue, observed: MaybeValue): boolean {
  if (observed === undefined || observed !== shown || policy.kind === "counter") return false;
  return field.value !== undefined && ack >= field.version;
}

/** One observation of one member's record. */
interface RecordSight {
  readonly model: SyncModel;
  readonly entity: Entity;
  readonly member: Member;
  readonly side: SideIndex;
  readonly seen: SeenRecord;
  readonly provenance: Provenance;
  readonly references: References;
}

function absorbOne(record: RecordSight, index: FieldIndex, state: FieldState, events: MergeEvent[]): FieldState {
  const { model, entity, member, side, seen, provenance, references } = record;
  const fieldMapping = model.sides[side]?.mapping.fields[index];
  const fieldModel = model.fields[index];
  if (fieldModel?.policy.kind === "counter" && !isAppended(model)) {
    const facts: StocktakeSight = { model, side, canonical: entity.fields, shadow: member.shadow, observed: seen.observed, provenance };
    const stocktake = stocktakeOf(facts, fieldModel);
    if (stocktake !== null) return resetCount(facts, index, stocktake, state, events);
  }
  const observed = seen.observed[index];
  if (observed === undefined || fieldModel === undefined || !fieldMapping) return state;
  // The side where an item came to be goes on telling what it is, for sides that have none yet; what others make of theirs is theirs. [S61]
  if (isAppended(model) && state.field.value !== undefined && state.field.provenance.side !== side) {
    if (!equalValues(fieldModel.type, observed, member.shadow[index]))
      events.push({ kind: "drifted", field: index, side, value: observed });
    return state;
  }
  const sight: FieldSight = {
    model,
    fieldModel,
    fieldMapping,
    index,
    side,
    provenance,
    base: member.shadow[index],
    observed,
    cellsBefore: cellsOf(member),
    cellsAfter: seen.cells,
    canonical: entity.fields,
    record: seen.observed,
    references,
    isRebase: seen.observation.isRebase === true,
  };
  return absorbField(sight, state, events);
}
