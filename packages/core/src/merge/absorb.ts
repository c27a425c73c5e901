import { isPresent, withMember } from "../entity/entity.ts";
import type { CanonicalField, Entity, Member, Provenance } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { NativeCell, NativeImage } from "../record/native-image.ts";
import { readImage, writeImage } from "../record/native-image.ts";
import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import type { References } from "../mapping/references.ts";
import { getRecord } from "../mapping/side-mapping.ts";
import type { SideMapping } from "../mapping/side-mapping.ts";
import type { MaybeValue } from "../value/value-type.ts";
import { absorbField } from "./absorb-field.ts";
import type { FieldState } from "./field-sight.ts";
import { closeAgreedReviews } from "./review.ts";
import type { MergeEvent } from "./merge-event.ts";

/** The state of one record as read: an image from a log or a reading. [S7] */
export interface Observation {
  readonly image: NativeImage;
  readonly position: string | null;
  /** The interval in which the write happened, epoch milliseconds; both ends equal where the system tells the commit's time. [S18] */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Absorbed {
  readonly entity: Entity;
  readonly events: readonly MergeEvent[];
  /** The image lacked a part that something else in it depends on: nothing was absorbed, the record must be read. [S16] */
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
export function absorbRecord(model: SyncModel, entity: Entity, side: SideIndex, observation: Observation, references: References): Absorbed {
  const member = entity.members[side];
  const mapping = model.sides[side]?.mapping;
  if (!isPresent(member) || mapping === undefined) return { entity, ...UNTOUCHED };
  if (member.image === observation.image) {
    const seen = { ...member, position: observation.position ?? member.position, seenAtMs: observation.toMs };
    return { entity: withMember(entity, side, seen), ...UNTOUCHED };
  }
  const cells = readImage(observation.image);
  const known = member.image === null ? null : readImage(member.image);
  if (known !== null && isTorn(mapping, cells, known)) return { entity, ...UNTOUCHED, reread: true };

  const got = getRecord(mapping, cells, references);
  const kept = keptColumns(mapping, cells, got.waiting);
  const after = known === null ? cells : cells.map((cell, column) => (kept.has(column) ? known[column] : cell));
  const seen: SeenRecord = {
    observed: got.values,
    after: kept.size === 0 ? got.values : getRecord(mapping, after, references).values,
    image: kept.size === 0 ? observation.image : writeImage(after),
    observation,
  };
  const absorbed = absorbFields(model, entity, side, seen, references);
  return { ...absorbed, reread: false, problems: got.problems, waiting: got.waiting };
}

/** Columns whose cells stay as they were known: the unknown ones, and those of references that wait, so that they are still news when read again. */
function keptColumns(mapping: SideMapping, cells: readonly NativeCell[], waiting: readonly FieldIndex[]): ReadonlySet<number> {
  const kept = new Set<number>();
  if (cells.includes(undefined)) cells.forEach((cell, column) => cell === undefined && kept.add(column));
  for (const field of waiting) mapping.fields[field]?.reads.forEach((column) => kept.add(column));
  return kept;
}

/** Whether a field has an unknown cell beside a changed one: half a value must not pass for the whole. [S16] */
function isTorn(mapping: SideMapping, cells: readonly NativeCell[], known: readonly NativeCell[]): boolean {
  if (!cells.includes(undefined)) return false;
  return mapping.fields.some((field) => {
    if (field === null || !field.reads.some((column) => cells[column] === undefined)) return false;
    return field.reads.some((column) => cells[column] !== undefined && cells[column] !== known[column]);
  });
}

/** What was seen, ready for the table. */
export interface SeenRecord {
  /** `o`, by field. */
  readonly observed: readonly MaybeValue[];
  /** `B` afterwards: `o` with what was known before in place of what is unknown. */
  readonly after: readonly MaybeValue[];
  readonly image: NativeImage;
  readonly observation: Observation;
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
  const provenance: Provenance = { side, cause: "user", fromMs: seen.observation.fromMs, toMs: seen.observation.toMs };
  const events: MergeEvent[] = [];
  const fields: CanonicalField[] = [...entity.fields];
  const ack: number[] = [...member.ack];
  let version = entity.version;
  const beforeCells = member.image === null ? null : readImage(member.image);
  for (let index = 0; index < fields.length; index += 1) {
    const field = fields[index];
    const fieldMapping = model.sides[side]?.mapping.fields[index];
    const fieldModel = model.fields[index];
    const observed = seen.observed[index];
    if (observed === undefined || field === undefined || fieldModel === undefined || !fieldMapping || skip?.has(index) === true) continue;
    const state: FieldState = { field, ack: ack[index] ?? 0, version };
    const merged = absorbField(
      { model, fieldModel, fieldMapping, index, side, provenance, base: member.shadow[index], observed, cells: beforeCells, canonical: fields, record: seen.observed, references },
      state,
      events,
    );
    fields[index] = merged.field;
    ack[index] = merged.ack;
    version = merged.version;
  }
  const next: Member = {
    ...member,
    image: seen.image,
    shadow: seen.after,
    ack,
    position: seen.observation.position ?? member.position,
    seenAtMs: seen.observation.toMs,
  };
  const merged = withMember({ ...entity, fields, version }, side, next);
  return closeAgreedReviews(model, merged, side, provenance, events);
}
