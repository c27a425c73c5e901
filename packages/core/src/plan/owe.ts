import { cellsOf, isPresent, isUnproven } from "../entity/entity.ts";
import type { CanonicalField, Entity, Member } from "../entity/entity.ts";
import { isAppended, isMeantFor } from "../entity/sync-model.ts";
import type { FieldModel, SideModel, SyncModel } from "../entity/sync-model.ts";
import type { References } from "../mapping/references.ts";
import { imageOf, imageOfPut } from "../mapping/side-mapping.ts";
import type { FieldMapping } from "../mapping/side-mapping.ts";
import { mergedInto } from "../entity/sync-model.ts";
import { winnerThere } from "../merge/merge-entities.ts";
import { rankAmong } from "../merge/policy.ts";
import type { NativeCell } from "../record/native-image.ts";
import type { EntityId, FieldIndex, RecordId, SideIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import type { MaybeValue } from "../value/value-type.ts";

/** A cell to write or to expect. */
export interface Cell {
  readonly column: number;
  readonly cell: NativeCell;
}

/** One field that a write carries. */
export interface OwedField {
  readonly field: FieldIndex;
  /** The version of the canonical value that the write brings. */
  readonly version: number;
  /** What the side shows, and what it will show: `B` and `Img(C)`. */
  readonly before: MaybeValue;
  readonly after: MaybeValue;
}

/** What a side lacks. Computed at dispatch from the present state and never queued. [S28] */
export type Owed =
  | { readonly kind: "nothing" }
  | { readonly kind: "create"; readonly fields: readonly OwedField[]; readonly set: readonly Cell[] }
  | WriteOwed<"update">
  /** `restore` un-archives; `archive` marks as archived. [S38, S40] */
  | WriteOwed<"restore">
  | WriteOwed<"archive">
  /** Makes the record one with the winner's. [S41] */
  | WriteOwed<"merge">
  | WriteOwed<"delete">
  /** A parent must exist at the side first. [S44] */
  | { readonly kind: "waits"; readonly field: FieldIndex; readonly sync: string; readonly entity: EntityId | null }
  /** The field is paused at this side, and nothing else is owed. [S50] */
  | { readonly kind: "paused"; readonly field: FieldIndex; readonly reason: string }
  /** The side cannot hold a value: the member is parked with this. [S30] */
  | { readonly kind: "refused"; readonly field: FieldIndex; readonly problem: string }
  /** A create whose image would fail the side's own filter is shown and not sent. [S42] */
  | { readonly kind: "withheld"; readonly reason: string }
  /** Whether the side has the record already nobody can tell: nothing is owed to it until that is known. [S35] */
  | { readonly kind: "unproven" }
  /** What the record holds is not fully known: it must be read before a write can be conditional on it. */
  | { readonly kind: "reread" };

export interface WriteOwed<Kind extends string> {
  readonly kind: Kind;
  readonly record: RecordId;
  readonly fields: readonly OwedField[];
  readonly set: readonly Cell[];
  /** The native cells that must still be there: all columns of the fields written, groups included; all columns for a delete. [S16, S26] */
  readonly expect: readonly Cell[];
}

const NOTHING = { kind: "nothing" } as const satisfies Owed;
const REREAD = { kind: "reread" } as const satisfies Owed;
const UNPROVEN: Owed = { kind: "unproven" };

/** What this side lacks of the entity. Pure. Members with an open intent are not to be asked about. [S28, S33] */
export function owe(model: SyncModel, entity: Entity, side: SideIndex, references: References): Owed {
  const sideModel = model.sides[side];
  const member = entity.members[side] ?? null;
  if (isUnproven(member)) return UNPROVEN;
  if (sideModel === undefined || entity.review !== null) return NOTHING;
  if (entity.life.kind === "deleted") return oweDelete(model, sideModel, member);
  if (entity.life.kind === "merged") return oweMerged(model, sideModel, entity, side, member, references);
  if (member === null || member.state === "absent") return oweCreate(model, entity, side, references);
  if (isAppended(model)) return NOTHING;
  if (member.state === "archived") return oweUpdate(model, sideModel, entity, side, member, references, "restore");
  return isPresent(member) ? oweUpdate(model, sideModel, entity, side, member, references, "update") : NOTHING;
}

/** What is left of a merged entity is merged there too where that can be done, or ended where a person said so; else it stays as it is. [S41] */
function oweMerged(
  model: SyncModel,
  side: SideModel,
  entity: Entity,
  sideIndex: SideIndex,
  member: Member | null,
  references: References,
): Owed {
  const winner = winnerThere(model, entity, sideIndex, references);
  const isEnded = entity.life.kind === "merged" && entity.life.others === "ended";
  if (winner === undefined || winner === member?.record || side.merged === null) return isEnded ? oweDelete(model, side, member) : NOTHING;
  const base = wholeRecord(side, member);
  return base.kind === "whole" ? { ...base, kind: "merge", set: [{ column: side.merged.column, cell: winner }] } : base;
}

function oweDelete(model: SyncModel, side: SideModel, member: Member | null): Owed {
  if (model.deletes.do === "keep") return NOTHING;
  const base = wholeRecord(side, member);
  if (base.kind !== "whole") return base;
  if (model.deletes.do === "archive" && side.archive !== null) {
    return { ...base, kind: "archive", set: [{ column: side.archive.column, cell: side.archive.cell }] };
  }
  return { ...base, kind: "delete", set: [] };
}

/** What ends a record names all that was known of it: whoever has changed it since comes first. */
function wholeRecord(side: SideModel, member: Member | null): WriteOwed<"whole"> | typeof NOTHING | typeof REREAD {
  const cells = isPresent(member) ? cellsOf(member) : null;
  if (member === null || member.record === null || cells === null) return NOTHING;
  // A reference to a record that is not known yet stays unknown however often it is read: no delete waits for it.
  const unknowable = new Set(side.mapping.fields.flatMap((field) => (field?.reference ? field.reads : [])));
  if (cells.some((cell, column) => cell === undefined && !unknowable.has(column))) return REREAD;
  const expect = cells.flatMap((cell, column) => (cell === undefined ? [] : [{ column, cell }]));
  return { kind: "whole", record: member.record, fields: [], set: [], expect };
}

function oweCreate(model: SyncModel, entity: Entity, side: SideIndex, references: References): Owed {
  const values = entity.fields.map(({ value }) => value);
  const versions = entity.fields.map(({ version }) => version);
  return oweRecord(model, side, values, versions, references);
}

/** What a record is to be made of at a side where an entity that lives has none, from its canonical values and their versions, by field. {@link owe} of such an entity. */
export function oweRecord(
  model: SyncModel,
  sideIndex: SideIndex,
  values: readonly MaybeValue[],
  versions: readonly number[],
  references: References,
): Owed {
  const side = model.sides[sideIndex];
  if (side === undefined || !acceptsCreates(model, sideIndex) || !isMeantFor(side, values)) return NOTHING;
  const fields: OwedField[] = [];
  let waits: Owed | null = null;
  const cells: NativeCell[] = [];
  for (let column = 0; column < side.mapping.columns.length; column += 1) cells.push(undefined);
  for (const { column, cell } of side.constants) cells[column] = cell;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    const mapping = side.mapping.fields[index];
    if (!mapping || mapping.writes.length === 0 || value === undefined) continue;
    const put = mapping.put(value, null, references);
    // The record is made without it; it is owed once it can be written. [S50]
    if (put.kind === "paused") continue;
    if (put.kind === "waits") {
      waits ??= { kind: "waits", field: index, sync: put.sync, entity: put.entity };
      // The record is made without it; it is owed once the other one is there. [S44]
      if (model.fields[index]?.reference?.later === true) continue;
      return waits;
    }
    if (put.kind === "problem") return { kind: "refused", field: index, problem: put.problem };
    for (let place = 0; place < mapping.writes.length; place += 1) cells[mapping.writes[place] ?? -1] = put.result[place];
    fields.push({
      field: index,
      version: versions[index] ?? 0,
      before: undefined,
      after: imageOfPut(mapping, put.result, null, references),
    });
  }
  if (fields.length === 0) return waits ?? NOTHING;
  if (side.filter?.(cells) === false) return { kind: "withheld", reason: `it would not pass the filter of ${side.name}` };
  const set: Cell[] = [];
  for (let column = 0; column < cells.length; column += 1) {
    const cell = cells[column];
    if (cell !== undefined) set.push({ column, cell });
  }
  return { kind: "create", fields, set };
}

/** A side takes new records where some field flows to it from elsewhere. */
export function acceptsCreates(model: SyncModel, side: SideIndex): boolean {
  return model.fields.some((field, index) => {
    const mapping = model.sides[side]?.mapping.fields[index];
    return (
      mapping !== null &&
      mapping !== undefined &&
      mapping.writes.length > 0 &&
      field.writers.some((writes, other) => writes && other !== side)
    );
  });
}

function oweUpdate(
  model: SyncModel,
  side: SideModel,
  entity: Entity,
  sideIndex: SideIndex,
  member: Member,
  references: References,
  kind: "update" | "restore",
): Owed {
  if (kind === "update" && !isAnyOwed(model, side, entity, member, sideIndex)) return NOTHING;
  const cells = cellsOf(member);
  if (member.record === null || cells === null) return NOTHING;
  const fields: OwedField[] = [];
  const set: Cell[] = [];
  const expect: Cell[] = [];
  let held: Owed = NOTHING;
  for (let index = 0; index < entity.fields.length; index += 1) {
    const field = entity.fields[index];
    const mapping = side.mapping.fields[index];
    const fieldModel = model.fields[index];
    if (!mapping || field === undefined || fieldModel === undefined) continue;
    // Un-archiving writes the mark's column: where a field lives in it, the field says what stands there again. [S40]
    const isUnarchived =
      kind === "restore" && side.archive !== null && mapping.writes.includes(side.archive.column) && field.value !== undefined;
    if (!isUnarchived && !isOwed(fieldModel, mapping, field, member, index, sideIndex)) continue;
    const put = mapping.put(field.value ?? null, cells, references);
    if (put.kind === "paused") {
      held = { kind: "paused", field: index, reason: put.reason };
      continue;
    }
    const after = put.kind === "ok" ? imageOfPut(mapping, put.result, cells, references) : undefined;
    const before = member.shadow[index];
    if (!isUnarchived && after !== undefined && equalValues(fieldModel.type, after, before)) continue;
    const hold = before === undefined && !isUnarchived ? holdOf(mapping, index, cells, references) : null;
    if (hold !== null) {
      held = hold;
      continue;
    }
    if (put.kind === "problem") return { kind: "refused", field: index, problem: put.problem };
    if (put.kind === "waits") {
      held = { kind: "waits", field: index, sync: put.sync, entity: put.entity };
      continue;
    }
    for (let place = 0; place < mapping.writes.length; place += 1) setCell(set, mapping.writes[place] ?? -1, put.result[place]);
    expectCells(expect, cells, mapping.reads);
    expectCells(expect, cells, mapping.writes);
    fields.push({ field: index, version: field.version, before, after });
  }
  if (kind === "restore" && side.archive !== null) {
    const { column, restored } = side.archive;
    if (!set.some((one) => one.column === column)) set.push({ column, cell: restored });
    expectCells(expect, cells, [column]);
  }
  // Who was merged away by mistake stands by itself again. [S40, S41]
  if (kind === "restore" && side.merged !== null && mergedInto(side, cells) !== null) {
    if (!side.merged.isWritten) return NOTHING;
    setCell(set, side.merged.column, null);
    expectCells(expect, cells, [side.merged.column]);
  }
  if (set.length === 0) return held;
  if (expect.some(({ cell }) => cell === undefined)) return REREAD;
  return { kind, record: member.record, fields, set, expect };
}

/** The last of several fields that write one column has it, in the place of the first. */
function setCell(set: Cell[], column: number, cell: NativeCell): void {
  const place = set.findIndex((one) => one.column === column);
  if (place === -1) set.push({ column, cell });
  else set[place] = { column, cell };
}

function expectCells(expect: Cell[], cells: readonly NativeCell[], columns: readonly number[]): void {
  for (const column of columns) if (!expect.some((one) => one.column === column)) expect.push({ column, cell: cells[column] });
}

/**
 * Why a field whose present value is not known is not written, or null: what cannot be understood may be a user's new value (a new picklist entry), and what
 * names a record that is not linked yet certainly is one. Only this field waits. [S5, S44, S50]
 */
function holdOf(mapping: FieldMapping, field: FieldIndex, cells: readonly NativeCell[], references: References): Owed | null {
  const isUnread = mapping.reads.some((column) => cells[column] === undefined);
  if (isUnread) return mapping.reference === null ? null : { kind: "waits", field, sync: mapping.reference.sync, entity: null };
  const got = mapping.get(cells, references);
  if (got.kind === "waits") return { kind: "waits", field, sync: got.sync, entity: got.entity };
  return got.kind === "problem" ? { kind: "refused", field, problem: `what the record holds cannot be understood: ${got.problem}` } : null;
}

/** Most members lack nothing: that shows without reading their cells. */
function isAnyOwed(model: SyncModel, side: SideModel, entity: Entity, member: Member, sideIndex: SideIndex): boolean {
  for (let index = 0; index < entity.fields.length; index += 1) {
    const field = entity.fields[index];
    const mapping = side.mapping.fields[index];
    const fieldModel = model.fields[index];
    if (!mapping || field === undefined || fieldModel === undefined) continue;
    if (isOwed(fieldModel, mapping, field, member, index, sideIndex)) return true;
  }
  return false;
}

/** Whether a side is to be written this field at all, its value apart. */
function isOwed(
  model: FieldModel,
  mapping: FieldMapping,
  field: CanonicalField,
  member: Member,
  index: FieldIndex,
  side: SideIndex,
): boolean {
  if (mapping.writes.length === 0 || field.value === undefined || field.review !== null) return false;
  if ((member.ack[index] ?? 0) >= field.version) return false;
  const isFillOnly = model.policy.kind === "owner" && model.policy.fill && rankAmong(model.policy.ranks, side, model.writers) > 0;
  const shown = member.shadow[index];
  return !(isFillOnly && shown !== null && shown !== undefined && shown !== "");
}

/** The member with every field acknowledged that it shows anyway: what dispatch finds to be level. [S13] */
export function acknowledgeLevel(model: SyncModel, entity: Entity, side: SideIndex, references: References): Member | null {
  const member = entity.members[side];
  if (!isPresent(member)) return null;
  const mappings = model.sides[side]?.mapping.fields ?? [];
  let cells: readonly NativeCell[] | null = null;
  let ack: number[] | null = null;
  for (let index = 0; index < entity.fields.length; index += 1) {
    const field = entity.fields[index];
    if (field?.value === undefined || (member.ack[index] ?? 0) >= field.version) continue;
    const mapping = mappings[index];
    const type = model.fields[index]?.type;
    if (!mapping || type === undefined) continue;
    cells ??= cellsOf(member);
    const image = imageOf(mapping, field.value, cells, references);
    if (image === undefined || !equalValues(type, image, member.shadow[index])) continue;
    ack ??= [...member.ack];
    ack[index] = field.version;
  }
  return ack === null ? null : { ...member, ack };
}
