import { withMember } from "../entity/entity.ts";
import type { Entity, Member } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import { getRecord } from "../mapping/side-mapping.ts";
import { readImage, writeImage } from "../record/native-image.ts";
import type { NativeCell, NativeImage } from "../record/native-image.ts";
import type { FieldIndex, RecordId, SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import { absorbFields } from "./absorb.ts";
import type { MergeEvent } from "./merge-event.ts";

/** A write that is proven to have happened. */
export interface ConfirmedWrite {
  readonly kind: "create" | "update" | "restore" | "archive" | "delete" | "undo-update" | "undo-delete";
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
}

/**
 * Takes a proven write into the member: for the write's own fields the shadow becomes the returned image and `ack` the version written; every other field of the
 * image is an observation and goes through the table, else a user's concurrent edit would pass for an echo. ⚗ The shadow never moves before this. [S29]
 */
export function settleWrite(model: SyncModel, entity: Entity, side: SideIndex, write: ConfirmedWrite, references: References): Settled {
  const old = entity.members[side] ?? null;
  if (write.kind === "delete" || write.kind === "undo-delete") return settleDelete(entity, side, write, old);
  const member = closedMember(model, write, old);
  const predicted = predictImage(model, side, write, old);
  const image = write.image ?? predicted;
  const cells = readImage(image);
  const got = getRecord(model.sides[side]?.mapping ?? { version: 0, columns: [], fields: [] }, cells, references);
  const own = new Set(write.fields.map(({ field }) => field));
  const closed = withMember(entity, side, { ...member, shadow: withOwnFields(member, got.values, own) });
  const absorbed = absorbFields(
    model,
    closed,
    side,
    { observed: got.values, after: got.values, image, observation: { image, position: write.position, fromMs: member.seenAtMs, toMs: write.atMs } },
    references,
    own,
  );
  return {
    entity: acknowledgeOwn(absorbed.entity, side, write),
    events: absorbed.events,
    altered: alteredFields(model, side, write, predicted, image, references),
    reread: write.image === null,
  };
}

function settleDelete(entity: Entity, side: SideIndex, write: ConfirmedWrite, old: Member | null): Settled {
  if (old === null) return { entity, events: [], altered: [], reread: false };
  const retired = old.retired.includes(write.record) ? old.retired : [...old.retired, write.record];
  const isUndo = write.kind === "undo-delete";
  const gone: Member = { ...old, state: isUndo ? "absent" : "deleted", record: isUndo ? null : old.record, retired, intent: null, seenAtMs: write.atMs };
  return { entity: withMember(entity, side, gone), events: [{ kind: "gone", side, record: write.record }], altered: [], reread: false };
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
  const state = write.kind === "archive" ? "archived" : write.kind === "undo-update" ? base.state : "live";
  const isNew = write.kind === "create";
  return {
    ...base,
    state,
    record: write.record,
    incarnation: isNew ? base.incarnation + 1 : base.incarnation,
    intent: null,
    ack: isNew ? model.fields.map(() => 0) : base.ack,
    shadow: isNew ? [] : base.shadow,
  };
}

function predictImage(model: SyncModel, side: SideIndex, write: ConfirmedWrite, old: Member | null): NativeImage {
  const columns = model.sides[side]?.mapping.columns.length ?? 0;
  const known = write.kind === "create" || old === null || old.image === null ? undefined : readImage(old.image);
  const cells: NativeCell[] = known ?? Array.from({ length: columns }, () => undefined);
  for (const { column, cell } of write.set) cells[column] = cell;
  return writeImage(cells);
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

function alteredFields(
  model: SyncModel,
  side: SideIndex,
  write: ConfirmedWrite,
  predicted: NativeImage,
  image: NativeImage,
  references: References,
): FieldIndex[] {
  const mapping = model.sides[side]?.mapping;
  if (predicted === image || mapping === undefined) return [];
  const expected = getRecord(mapping, readImage(predicted), references).values;
  const shown = getRecord(mapping, readImage(image), references).values;
  return write.fields.flatMap(({ field }) => {
    const type = model.fields[field]?.type;
    return type === undefined || expected[field] === undefined || equalValues(type, expected[field], shown[field]) ? [] : [field];
  });
}
