import type { SideMapping } from "../mapping/side-mapping.ts";
import type { Policy } from "../merge/policy.ts";
import type { RecordId, SideIndex } from "../record/identifiers.ts";
import type { NativeCell } from "../record/native-image.ts";
import type { MaybeValue, ValueType } from "../value/value-type.ts";

/** A sync as merging sees it: the compiled form of one entry of `syncs:`. Everything in it is plain data and pure functions. */
export interface SyncModel {
  readonly name: string;
  /** The version of mapping, filter and policy that this model is. [S51] */
  readonly version: number;
  readonly fields: readonly FieldModel[];
  readonly sides: readonly SideModel[];
  /** Match keys in the order in which they are tried: each a composite of fields. [S36] */
  readonly match: readonly (readonly number[])[];
  readonly initial: InitialPolicy;
  readonly deletes: DeletePolicy;
  readonly merges: MergePolicy;
  readonly direction: Direction;
}

/** What becomes of the other sides' records of what one side merged away, where Accord cannot merge them there: they stay and are listed, or a person decides whether they are archived. [S41] */
export type MergePolicy = "keep-both-flag" | "archive-loser";

/**
 * `one-way`: records come and go, and change, at the source alone; what happens to them at other sides is pushed back (`revert`) or left as it is (`keep`). Every field has the source as its only
 * writer then. [S55]
 *
 * `append`: a record that comes to be at a side that may tell it is made at every other side once, and from then on each side's stays as it is there: comments, attachments, activities. Nothing of
 * them is merged or rewritten; where it came to be tells what sides get that have none yet. [S61]
 */
export type Direction =
  | { readonly kind: "two-way" }
  | { readonly kind: "one-way"; readonly source: SideIndex; readonly drift: "revert" | "keep" }
  | { readonly kind: "append" };

/** A canonical field: a row of the sync's table. A field group is one field of a group type. [S16] */
export interface FieldModel {
  readonly name: string;
  readonly type: ValueType;
  readonly policy: Policy;
  /** By side: whether an edit there is taken into the canonical record (`from:`). Sides without the field say false. [S55] */
  readonly writers: readonly boolean[];
  /** What happens to an edit at a side that is no writer: it is pushed back, or left and listed. [S55] */
  readonly drift: "revert" | "keep";
  /** Whose entities the values name, or null. [S44] */
  readonly reference: ReferenceModel | null;
  /** Whether values are personal: masked wherever they would be shown by default. */
  readonly sensitive: boolean;
}

/** The canonical half of a reference: what it names, and what becomes of it when that is deleted. */
export interface ReferenceModel {
  /** The sync whose entities are named. */
  readonly sync: string;
  /** Whether a record is made without it where the named one is not there yet, and gets it later: what breaks circles of syncs. Else the record waits. [S44] */
  readonly later: boolean;
  /** Whether what is named stands above what names it, so that nobody may come to stand above itself. [S46] */
  readonly tree: boolean;
  /** What the deletion of the named record means for those that name it: it waits for them, they name nothing any more, or they are deleted too. [S45] */
  readonly deletes: "restrict" | "detach" | "cascade";
}

/** A side: a column of the sync's table. */
export interface SideModel {
  readonly name: string;
  readonly connection: string;
  readonly object: string;
  readonly mapping: SideMapping;
  /** Whether a record is in scope here: unknown counts as in scope. Null: all are. [S42] */
  readonly filter: ((cells: readonly NativeCell[]) => MaybeBoolean) | null;
  /**
   * Which items are made here, by their canonical values: an internal note goes to no side that the public reads. Unknown counts as no. Null: all are. Only of syncs that append. [S61]
   */
  readonly only: ((values: readonly MaybeValue[]) => MaybeBoolean) | null;
  /** What reads as archived here, or null where deleting means deleting. [S38] */
  readonly archive: ArchiveMark | null;
  /** What tells that a record was merged into another of the same object, or null where records do not tell. [S41] */
  readonly merged: MergeMark | null;
  /** Constant cells that a create adds beside the mapped ones. */
  readonly constants: readonly { readonly column: number; readonly cell: string | null }[];
  /** The places of the columns that make the record id. */
  readonly key: readonly number[];
}

export type MaybeBoolean = boolean | undefined;

/** A record whose `column` holds `cell` reads as archived. Un-archiving writes `restored` into it. */
export interface ArchiveMark {
  readonly column: number;
  readonly cell: string;
  readonly restored: string | null;
}

/** A record whose `column` holds the key of another record was merged into that one: only its shell is left. `isWritten`: writing it is how Accord merges two records here. */
export interface MergeMark {
  readonly column: number;
  readonly isWritten: boolean;
}

/** How two records that meet for the first time become one. [S36] */
export type InitialPolicy = "owner" | "non-null" | "newest" | "review";

/** What a delete at one side means for the others. [S38] */
export interface DeletePolicy {
  /** `archive` where a side declares one, else delete; `delete` always; `keep`: the others keep their records, and the link ends. */
  readonly do: "archive" | "delete" | "keep";
  readonly conflict: "update-wins" | "delete-wins" | "review";
}

/** The match keys of a canonical record: by match rule, the composite key, or null where a part is missing. [S36] */
export function matchKeysOf(model: SyncModel, values: readonly MaybeValue[]): (string | null)[] {
  return model.match.map((fields) => {
    const parts: string[] = [];
    for (const field of fields) {
      const value = values[field];
      const key = value === null || value === undefined ? null : (model.fields[field]?.type.key(value) ?? null);
      if (key === null) return null;
      parts.push(key);
    }
    return parts.length === 1 ? (parts[0] ?? null) : JSON.stringify(parts);
  });
}

/** Whether a record reads as archived at its side. [S38] */
export function isArchived({ archive }: SideModel, cells: readonly NativeCell[]): boolean {
  return archive !== null && cells[archive.column] === archive.cell;
}

/** The record that this one says it was merged into; null where it says nothing. [S41] */
export function mergedInto({ merged }: Pick<SideModel, "merged">, cells: readonly NativeCell[]): RecordId | null {
  return merged === null ? null : (cells[merged.column] ?? null);
}

/** Whether a record takes part: it is in scope at its side, not archived there, and no shell of a merged one. [S38, S41, S42] */
export function takesPart(side: SideModel, cells: readonly NativeCell[]): boolean {
  return !isArchived(side, cells) && mergedInto(side, cells) === null && side.filter?.(cells) !== false;
}

/** Whether a side only receives: what comes to be, changes or ends there says nothing of other sides. [S55] */
export function isReceiver({ direction }: SyncModel, side: SideIndex): boolean {
  return direction.kind === "one-way" && direction.source !== side;
}

/** Whether records are made everywhere once and never rewritten. [S61] */
export function isAppended({ direction }: SyncModel): boolean {
  return direction.kind === "append";
}

/** Whether a side that lacks an item is to have it, by its canonical values: what cannot be told stays away. [S61] */
export function isMeantFor({ only }: SideModel, values: readonly MaybeValue[]): boolean {
  return only === null || only(values) === true;
}

/** The side's name, for messages; `accord` for what no side wrote. */
export function sideName(model: SyncModel, side: SideIndex | null): string {
  return side === null ? "accord" : (model.sides[side]?.name ?? `side ${side}`);
}
