import type { NativeCell } from "../record/native-image.ts";
import type { MaybeValue, Value } from "../value/value-type.ts";
import type { EntityId, FieldIndex, RecordId, SideIndex } from "../record/identifiers.ts";
import type { References } from "./references.ts";

/** What `get` and `put` give: a result, or a problem in plain words that never repeats a value. */
export type Mapped<T> =
  | { readonly kind: "ok"; readonly result: T }
  | { readonly kind: "problem"; readonly problem: string }
  /** A reference names a record or an entity whose counterpart is not known yet: only this field waits. [S44] */
  | { readonly kind: "waits"; readonly sync: string; readonly entity: EntityId | null }
  /** What the mapping needs of the system is not there any more: the field is unknown there, and only it waits. [S50] */
  | { readonly kind: "paused"; readonly reason: string };

/**
 * One field at one side: the pair of pure, total functions between native cells and the canonical value, with the columns they touch.
 * Cells come in the order of `SideMapping.columns`.
 */
export interface FieldMapping {
  /** Places of the columns `get` reads. */
  readonly reads: readonly number[];
  /** Places of the columns `put` writes; empty where the side can only be read. */
  readonly writes: readonly number[];
  /** Native to canonical. Unknown if a cell it needs is unknown. [S5] */
  get(cells: readonly NativeCell[], references: References): Mapped<MaybeValue>;
  /**
   * Canonical into native: the cells for `writes`, in their order. `cells` is the record as it is, null for a create: `put` keeps what the value does not say.
   * A problem says why the side cannot hold the value (too long, not in the picklist): the write is parked with it. [S30]
   */
  put(value: Value, cells: readonly NativeCell[] | null, references: References): Mapped<readonly (string | null)[]>;
  /**
   * Whether `get` gives the one cell it reads as it stands, whatever it holds, and `put` writes that cell alone if any: then a cell and a value that are one text are
   * known to agree unread. Left out: no.
   */
  readonly isAsIs?: boolean;
  /** Of a field that is taken as it stands: whether `put` writes this value so, whatever the record holds. Told without making anything. False, or left out: `put` says. */
  keeps?(value: string): boolean;
  /** Why the field is paused at this side: then `get` and `put` say so whatever they are given. Left out: it is not. [S50] */
  readonly paused?: string;
  /** Whether what the side tells now, read by a mapping that was changed, stands in the place of what it told by the former one. Left out: no. [S51] */
  readonly isRemapped?: boolean;
  /** Of a reference: whose records it names, and the record id that cells name. Null for all other fields. */
  readonly reference: ReferenceMapping | null;
}

/** Which sync and which side of it a reference's native values name. [S44] */
export interface ReferenceMapping {
  readonly sync: string;
  /** The side of the parent sync at the same connection. */
  readonly side: SideIndex;
  recordOf(cells: readonly NativeCell[]): RecordId | null;
}

/** All mappings of one side: what of the system's record the sync sees. */
export interface SideMapping {
  /** Raised when any mapping, filter or policy of the sync changes. [S51] */
  readonly version: number;
  /** The native columns that images carry, in this order. */
  readonly columns: readonly string[];
  /** By field, in the sync's order; null where this side has no such field. */
  readonly fields: readonly (FieldMapping | null)[];
}

/** The canonical reading of a native record. */
export interface GottenRecord {
  /** By field; unknown where the side lacks the field, a needed cell is unknown, `get` failed, or a reference waits. */
  readonly values: readonly MaybeValue[];
  /** Fields whose native value could not be understood, with the reason. */
  readonly problems: readonly (readonly [FieldIndex, string])[];
  /** Fields whose reference is not known yet. [S44] */
  readonly waiting: readonly FieldIndex[];
}

/** A reading of the same record before: its cells, and by field what they say. */
export interface KnownRecord {
  readonly cells: readonly NativeCell[];
  readonly values: readonly MaybeValue[];
}

const NONE: readonly never[] = [];

/** Reads every field of a record's cells. Fields whose cells are as `known` say what they said, with the references of now too. */
export function getRecord(
  mapping: SideMapping,
  cells: readonly NativeCell[],
  references: References,
  known: KnownRecord | null = null,
): GottenRecord {
  const values: MaybeValue[] = [];
  let problems: (readonly [FieldIndex, string])[] | null = null;
  let waiting: FieldIndex[] | null = null;
  for (let field = 0; field < mapping.fields.length; field += 1) {
    const fieldMapping = mapping.fields[field];
    if (fieldMapping?.isAsIs === true) {
      values.push(cells[fieldMapping.reads[0] ?? -1]);
      continue;
    }
    const before = known?.values[field];
    if (before !== undefined && fieldMapping && isSame(fieldMapping.reads, cells, known?.cells)) {
      values.push(before);
      continue;
    }
    const got = fieldMapping?.get(cells, references);
    if (got?.kind === "problem") (problems ??= []).push([field, got.problem]);
    if (got?.kind === "waits") (waiting ??= []).push(field);
    values.push(got?.kind === "ok" ? got.result : undefined);
  }
  return { values, problems: problems ?? NONE, waiting: waiting ?? NONE };
}

function isSame(reads: readonly number[], cells: readonly NativeCell[], known: readonly NativeCell[] = []): boolean {
  for (const column of reads) if (cells[column] !== known[column]) return false;
  return true;
}

/**
 * `Img_s(v) = get_s(put_s(v))`: what the side will show once `value` is written. Unknown where the side cannot hold the value, or cannot yet. [S15]
 * A read-only field's image is the value itself: nothing is written, so nothing is lost on the way.
 */
export function imageOf(mapping: FieldMapping, value: Value, cells: readonly NativeCell[] | null, references: References): MaybeValue {
  if (mapping.writes.length === 0) return value;
  const put = mapping.put(value, cells, references);
  return put.kind === "ok" ? imageOfPut(mapping, put.result, cells, references) : undefined;
}

/** What the side will show once these cells, given by `put`, are written into the record. */
export function imageOfPut(
  mapping: FieldMapping,
  written: readonly (string | null)[],
  cells: readonly NativeCell[] | null,
  references: References,
): MaybeValue {
  if (mapping.isAsIs === true) return written[0];
  const after: NativeCell[] = cells === null ? [] : [...cells];
  mapping.writes.forEach((column, index) => {
    after[column] = written[index];
  });
  const got = mapping.get(after, references);
  return got.kind === "ok" ? got.result : undefined;
}
