import type { EntityId, FieldIndex, IntentId, RecordId, SideIndex } from "../record/identifiers.ts";
import { readImage } from "../record/native-image.ts";
import type { CutImage, NativeCell, NativeImage } from "../record/native-image.ts";
import type { MaybeValue, Value } from "../value/value-type.ts";

/** One real-world thing that the sides describe, with all that merging reads and returns. Immutable. [S2] */
export interface Entity {
  readonly id: EntityId;
  readonly life: Life;
  /** Raised by one with every change of a field's value or of `life`. Starts at 1. */
  readonly version: number;
  /** The canonical record `C`, in the order of the sync's fields. */
  readonly fields: readonly CanonicalField[];
  /** By side; null where the entity never had a record there. */
  readonly members: readonly (Member | null)[];
  /** A delete that met an update and waits for a person: nothing is created or deleted meanwhile. [S38] */
  readonly review: ReviewCase | null;
}

export type Life =
  | { readonly kind: "live" }
  /** Deleted by a user at `side` (null: by a decision or an undo). The members keep their last images: the tombstone. [S38] */
  | { readonly kind: "deleted"; readonly side: SideIndex | null; readonly atMs: number }
  /**
   * The system at `side` made it one with another entity. Of its records elsewhere: `kept`, they stay as they are and are listed; `ended`, they are archived, or deleted where there is no archive, as a person
   * decided. [S41]
   */
  | { readonly kind: "merged"; readonly into: EntityId; readonly side: SideIndex; readonly others: "kept" | "ended" };

/** `C[f]`. */
export interface CanonicalField {
  /** Unknown until a writer has told. [S55] */
  readonly value: MaybeValue;
  /** The entity version at which the value last changed; 0 while unknown. */
  readonly version: number;
  readonly provenance: Provenance;
  /** The open review that freezes this field, or null. [S23] */
  readonly review: ReviewCase | null;
  /** Of a set: who added which element last, while some side has not acknowledged it: an add beats a concurrent remove. [S20] Null where nothing is pending. */
  readonly adds: readonly SetAdd[] | null;
  /** Of a counter with stocktakes: what users added lately, oldest first. [S19] */
  readonly deltas?: readonly CountDelta[];
}

/** An element, the side that added it, and the version of the field in which it did. One per element and side. */
export type SetAdd = readonly [element: string, side: SideIndex, version: number];

/** When a user changed a count (epoch milliseconds: the end of the interval in which it happened), and by how much (a decimal). */
export type CountDelta = readonly [atMs: number, delta: string];

/** Whose value it is. */
export interface Provenance {
  /** The side where a user wrote it; null for decisions of a person in Accord and for undo. */
  readonly side: SideIndex | null;
  readonly cause: "user" | "initial" | "policy" | "decision" | "undo";
  /** The interval in which the user's write happened: both ends equal where the system tells. Epoch milliseconds. [S18] */
  readonly fromMs: number;
  readonly toMs: number;
}

/** A conflict that waits for a person. */
export interface ReviewCase {
  readonly openedAtMs: number;
  /** Why it was opened, in plain words without values. */
  readonly reason: string;
  /** What each side holds, as last seen since the case opened; unknown where the side holds the canonical value or nothing was seen. */
  readonly candidates: readonly MaybeValue[];
  /** Two rules fight over the field: then every side that has it must show the same before the case is closed by agreement. Left out: no. [S49] */
  readonly isFight?: boolean;
}

/** `creating`: a create was asked for, and its outcome is not known. */
export type MemberState = "absent" | "creating" | "live" | "archived" | "deleted" | "outOfScope" | "lost";

/** The record of an entity at one side. [S3] */
export interface Member {
  readonly state: MemberState;
  /** Null while the record has not been created, or after it is gone. */
  readonly record: RecordId | null;
  /** Counts the lives of the record at this side: raised when it is recreated. */
  readonly incarnation: number;
  /** The native image `N`, as last absorbed or confirmed; null where there is none. */
  readonly image: NativeImage | null;
  /** The shadow `B = get(N)`, by field. Derived from `image`, never stored. */
  readonly shadow: readonly MaybeValue[];
  /** `image` cut into its cells, where that was done already: see {@link cellsOf}. Never stored. */
  readonly cut?: CutImage | null;
  /** By field: the version of `C[f]` that `B[f]` reflects; 0 for none. */
  readonly ack: readonly number[];
  /** Which changes of the log `image` includes; opaque. [S57] */
  readonly position: string | null;
  /** When the image was last known to be current: the start of the interval of the next change. Epoch milliseconds. */
  readonly seenAtMs: number;
  readonly intent: IntentId | null;
  /** Former record ids, never forgotten. [S38, S63] */
  readonly retired: readonly RecordId[];
}

/** `ack` is current: the member reflects the canonical value. */
export function isCurrent(entity: Entity, member: Member, field: FieldIndex): boolean {
  return (member.ack[field] ?? 0) >= (entity.fields[field]?.version ?? 0);
}

/**
 * The values that an entity is found by: the canonical ones; where no writer of a field has told one yet, what a record of the entity shows. Else a record that stands at a side that may tell nothing
 * would never be found by the one that may, and be made a second time. [S36, S55]
 */
export function keyValues(entity: Entity): MaybeValue[] {
  return entity.fields.map(({ value }, field) => {
    if (value !== undefined) return value;
    return entity.members.find((member) => (member?.shadow[field] ?? null) !== null)?.shadow[field];
  });
}

/** A member is present when its record exists at the side and takes part in the sync. */
export function isPresent(member: Member | null | undefined): member is Member {
  return member !== null && member !== undefined && member.state === "live";
}

/** A create was asked for and nobody can tell whether it made a record: the image is what was asked for. [S35] */
export type Unproven<Kind> = Kind & { readonly state: "creating"; readonly image: NativeImage };

export function isUnproven<Kind extends Pick<Member, "state" | "image">>(member: Kind | null | undefined): member is Unproven<Kind> {
  return member !== null && member !== undefined && member.state === "creating" && member.image !== null;
}

export function withMember(entity: Entity, side: SideIndex, member: Member): Entity {
  return { ...entity, members: entity.members.with(side, member) };
}

/** The cells of a member's image, which is cut up once however often it is looked into; null where there is none. */
export function cellsOf({ image, cut }: Member): readonly NativeCell[] | null {
  if (image === null) return null;
  // A cut of an image that the member no longer has is none.
  return cut?.image === image ? cut.cells : readImage(image);
}

/** A field whose value nobody has told yet. */
export const UNKNOWN_FIELD: CanonicalField = {
  value: undefined,
  version: 0,
  provenance: { side: null, cause: "initial", fromMs: 0, toMs: 0 },
  review: null,
  adds: null,
};

/** A canonical field's new value as a new version of the entity. */
export function withValue(entity: Entity, field: FieldIndex, value: Value, provenance: Provenance): Entity {
  const version = entity.version + 1;
  return {
    ...entity,
    version,
    fields: entity.fields.map((old, index) => (index === field ? { ...old, value, version, provenance, review: null, adds: null } : old)),
  };
}
