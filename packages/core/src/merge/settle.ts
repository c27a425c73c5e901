import { cellsOf, withMember } from "../entity/entity.ts";
import type { CanonicalField, Entity, Member } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import type { FieldMapping, SideMapping } from "../mapping/side-mapping.ts";
import { readImage, writeImage } from "../record/native-image.ts";
import type { NativeCell, NativeImage } from "../record/native-image.ts";
import type { FieldIndex, RecordId, SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import type { MaybeValue } from "../value/value-type.ts";
import { absorbFields } from "./absorb.ts";
import type { MergeEvent } from "./merge-event.ts";
import { seeCells } from "./see-record.ts";

/** A write that is proven to have happened. */
export interface ConfirmedWrite {
  readonly kind: "create" | "update" | "restore" | "archive" | "merge" | "delete" | "undo-update" | "undo-delete";
  readonly record: RecordId;
  /** The fields it carried, each with the version of the canonical value it brought. */
  readonly fields: readonly { readonly field: FieldIndex; readonly version: number }[];
  readonly set: readonly { readonly column: number; readonly cell: NativeCell }[];
  /** The record's full image as the write left it, or null where the system returned none: then the prediction stands in. [S29] */
  readonly image: NativeImage | null;
  readonly position: string | null;
  readonly atMs: number;
}

export interface Settled {
  readonly entity: Entity;
  readonly events: readonly MergeEvent[];
  /** Fields that the side holds otherwise than it was told: reported as lossy. [S29] */
  readonly altered: readonly FieldIndex[];
  readonly reread: boolean;
  /** See {@link settleAsTold}: the side lacks nothing any more, and the others what they lacked before. */
  readonly isAsTold: boolean;
}

/**
 * Takes a proven write into the member: for the write's own fields the shadow becomes the returned image and `ack` the version written; every other field of the
 * image is an observation and goes through the table, else a user's concurrent edit would pass for an echo. ⚗ The shadow never moves before this. [S29]
 */
export function settleWrite(model: SyncModel, entity: Entity, side: SideIndex, write: ConfirmedWrite, references: References): Settled {
  const told = settleAsTold(model, entity, side, write, references);
  if (told !== null) return { entity: told, events: [], altered: [], reread: false, isAsTold: true };
  return settleAsSeen(model, entity, side, write, references);
}

/** The way of every write; {@link settleAsTold} gives the same where it gives something. */
export function settleAsSeen(model: SyncModel, entity: Entity, side: SideIndex, write: ConfirmedWrite, references: References): Settled {
  const old = entity.members[side] ?? null;
  if (write.kind === "delete" || write.kind === "undo-delete") return settleDelete(entity, side, write, old);
  if (write.kind !== "create" && old !== null && old.record === null) return settleGone(entity, side, old);
  const mapping = model.sides[side]?.mapping ?? NO_MAPPING;
  const member = closedMember(model, write, old);
  const predicted = predictCells(cellsOf(member) ?? mapping.columns.map(() => undefined), write);
  const cells = write.image === null ? predicted : readImage(write.image);
  const seen = seeCells(mapping, { cells: predicted, values: [] }, cells, write.image ?? writeImage(predicted), references);
  const own = new Set(write.fields.map(({ field }) => field));
  const closed = withMember(entity, side, { ...member, shadow: withOwnFields(member, seen.after, own) });
  const observation = { position: write.position, fromMs: member.seenAtMs, toMs: write.atMs };
  const absorbed = absorbFields(model, closed, side, { ...seen, observation }, references, own);
  return {
    entity: withoutKnownAdds(acknowledgeOwn(absorbed.entity, side, write)),
    events: absorbed.events,
    altered: alteredFields(model, side, write, predicted, seen.after, references),
    reread: write.image === null || write.position === null || seen.torn.length > 0 || seen.waiting.length > 0,
    isAsTold: false,
  };
}

/**
 * Most updates: the record holds what was written and is otherwise as it was known, and every field of it that was not written is up to date, so that the table S13 has nothing to
 * say. The entity with its new member, or null where that is not sure.
 */
export function settleAsTold(
  model: SyncModel,
  entity: Entity,
  side: SideIndex,
  write: ConfirmedWrite,
  references: References,
): Entity | null {
  const old = entity.members[side] ?? null;
  const mapping = model.sides[side]?.mapping;
  // A write that cannot say where it stands in the log is read again before an older image comes from there. [S57]
  if (write.kind !== "update" || write.image === null || write.position === null) return null;
  const known = old === null ? null : cellsOf(old);
  if (old === null || known === null || mapping === undefined) return null;
  if (old.state !== "live" || old.record !== write.record || entity.life.kind !== "live" || entity.review !== null) return null;
  const told = predictCells(known, write);
  const cells = readImage(write.image);
  if (cells.length !== told.length) return null;
  for (let column = 0; column < cells.length; column += 1) if (cells[column] === undefined || cells[column] !== told[column]) return null;
  const ack = [...old.ack];
  const shadow = [...old.shadow];
  for (const { field, version } of write.fields) ack[field] = version;
  for (let index = 0; index < entity.fields.length; index += 1) {
    const field = entity.fields[index];
    const policy = model.fields[index]?.policy;
    if (field === undefined || field.review !== null || field.adds !== null) return null;
    // A stocktake is told by other fields. [S19]
    if (policy?.kind === "counter" && policy.absolute) return null;
    const fieldMapping = mapping.fields[index];
    if (!fieldMapping) continue;
    if (field.value === undefined || (ack[index] ?? 0) < field.version) return null;
    if (isOneOf(write.fields, index)) {
      const got = fieldMapping.get(cells, references);
      if (got.kind !== "ok" || got.result === undefined) return null;
      shadow[index] = got.result;
    } else if (shadow[index] === undefined || isSetIn(write, fieldMapping)) return null;
  }
  const { record, image, atMs } = write;
  const cut = { image, cells };
  return withMember(entity, side, { ...old, record, image, cut, shadow, ack, position: write.position, seenAtMs: atMs, intent: null });
}

function isOneOf(fields: ConfirmedWrite["fields"], index: FieldIndex): boolean {
  for (const { field } of fields) if (field === index) return true;
  return false;
}

function isSetIn(write: ConfirmedWrite, { reads }: FieldMapping): boolean {
  for (const { column } of write.set) if (reads.includes(column)) return true;
  return false;
}

const NO_MAPPING: SideMapping = { version: 0, columns: [], fields: [] };

function settleDelete(entity: Entity, side: SideIndex, write: ConfirmedWrite, old: Member | null): Settled {
  if (old === null) return { entity, events: [], altered: [], reread: false, isAsTold: false };
  const retired = old.retired.includes(write.record) ? old.retired : [...old.retired, write.record];
  // A delete that lands after the entity came back to life (an update won meanwhile) leaves a member that is owed a new record. [S38]
  const isOwedAgain = write.kind === "undo-delete" || entity.life.kind === "live";
  const gone: Member = {
    ...old,
    state: isOwedAgain ? "absent" : "deleted",
    record: isOwedAgain ? null : old.record,
    retired,
    intent: null,
    seenAtMs: write.atMs,
  };
  return {
    entity: withMember(entity, side, gone),
    events: [{ kind: "gone", side, record: write.record }],
    altered: [],
    reread: false,
    isAsTold: false,
  };
}

/** A write that landed on a record which was then found gone, its id another's by now: it makes the record the member's no more. [S34, S38] */
function settleGone(entity: Entity, side: SideIndex, old: Member): Settled {
  return { entity: withMember(entity, side, { ...old, intent: null }), events: [], altered: [], reread: false, isAsTold: false };
}

/** The member as the write leaves it, its fields apart. */
function closedMember(model: SyncModel, write: ConfirmedWrite, old: Member | null): Member {
  const base: Member = old ?? {
    state: "creating",
    record: null,
    incarnation: 0,
    image: null,
    shadow: [],
    ack: model.fields.map(() => 0),
    position: null,
    seenAtMs: write.atMs,
    intent: null,
    retired: [],
  };
  const state = write.kind === "archive" || write.kind === "merge" ? "archived" : write.kind === "undo-update" ? base.state : "live";
  const isNew = write.kind === "create";
  return {
    ...base,
    state,
    record: write.record,
    incarnation: isNew ? base.incarnation + 1 : base.incarnation,
    intent: null,
    image: isNew ? null : base.image,
    ack: isNew ? model.fields.map(() => 0) : base.ack,
    shadow: isNew ? [] : base.shadow,
  };
}

function predictCells(known: readonly NativeCell[], write: ConfirmedWrite): NativeCell[] {
  const cells = [...known];
  for (const { column, cell } of write.set) cells[column] = cell;
  return cells;
}

/** The shadow with the write's own fields already as the side shows them, so that they are no news. */
function withOwnFields(member: Member, shown: Member["shadow"], own: ReadonlySet<FieldIndex>): Member["shadow"] {
  return shown.map((value, field) => (own.has(field) ? value : member.shadow[field]));
}

function acknowledgeOwn(entity: Entity, side: SideIndex, write: ConfirmedWrite): Entity {
  const member = entity.members[side];
  if (member === null || member === undefined) return entity;
  const ack = [...member.ack];
  const isUndo = write.kind === "undo-update";
  for (const { field, version } of write.fields) ack[field] = isUndo ? 0 : version;
  return withMember(entity, side, { ...member, ack });
}

/** Adds that every side has been shown are concurrent with nothing any more. [S20] */
function withoutKnownAdds(entity: Entity): Entity {
  if (entity.fields.every((field) => field.adds === null)) return entity;
  const fields = entity.fields.map((field, index): CanonicalField => {
    const adds = field.adds?.filter(([, adder, version]) =>
      entity.members.some((member, side) => side !== adder && isFollowing(member) && (member.ack[index] ?? 0) < version),
    );
    return adds === undefined || adds.length === field.adds?.length ? field : { ...field, adds: adds.length === 0 ? null : adds };
  });
  return { ...entity, fields };
}

/** Whether edits of the record may still arrive. */
function isFollowing(member: Member | null): member is Member {
  return member !== null && member.record !== null && member.state !== "deleted";
}

function alteredFields(
  model: SyncModel,
  side: SideIndex,
  write: ConfirmedWrite,
  predicted: readonly NativeCell[],
  shown: readonly MaybeValue[],
  references: References,
): FieldIndex[] {
  const mapping = model.sides[side]?.mapping;
  if (write.image === null || mapping === undefined) return [];
  return write.fields.flatMap(({ field }) => {
    const type = model.fields[field]?.type;
    const expected = mapping.fields[field]?.get(predicted, references);
    if (type === undefined || expected?.kind !== "ok" || expected.result === undefined) return [];
    return equalValues(type, expected.result, shown[field]) ? [] : [field];
  });
}
