import type { EntityId, FieldIndex, RecordId, SideIndex } from "../record/identifiers.ts";
import type { MaybeValue } from "../value/value-type.ts";

/** What merging did, in order: the journal's "why". Values are carried so that nothing that lost is ever gone. [I2, I14] */
export type MergeEvent =
  /** A user's edit became the canonical value. */
  | { readonly kind: "taken"; readonly field: FieldIndex; readonly side: SideIndex; readonly from: MaybeValue; readonly to: MaybeValue }
  /** Two sides made the same edit. */
  | { readonly kind: "same"; readonly field: FieldIndex; readonly side: SideIndex }
  /** A conflict that a policy resolved; `lost` is the value that is canonical no more or never was. */
  | {
      readonly kind: "conflict";
      readonly field: FieldIndex;
      readonly side: SideIndex;
      readonly policy: string;
      readonly winner: "canonical" | "observed" | "merged";
      readonly from: MaybeValue;
      readonly to: MaybeValue;
      readonly lost: MaybeValue;
    }
  /** An edit that its side was not entitled to: it will be pushed back. */
  | {
      readonly kind: "reverted";
      readonly field: FieldIndex;
      readonly side: SideIndex;
      readonly lost: MaybeValue;
      readonly because: "one-way" | "owner" | "ladder" | "blank";
    }
  /** An edit at a one-way side that is left there by configuration. [S55] */
  | { readonly kind: "drifted"; readonly field: FieldIndex; readonly side: SideIndex; readonly value: MaybeValue }
  | {
      readonly kind: "reviewOpened";
      readonly field: FieldIndex;
      readonly side: SideIndex;
      readonly reason: string;
      readonly canonical: MaybeValue;
      readonly candidate: MaybeValue;
    }
  | { readonly kind: "reviewUpdated"; readonly field: FieldIndex; readonly side: SideIndex; readonly candidate: MaybeValue }
  | {
      readonly kind: "reviewClosed";
      readonly field: FieldIndex;
      readonly side: SideIndex | null;
      readonly because: "agreement" | "decision" | "delete" | "undo";
      readonly from: MaybeValue;
      readonly to: MaybeValue;
    }
  | {
      readonly kind: "joined";
      readonly side: SideIndex;
      readonly record: RecordId;
      /** `create`: it is taken for what a create of Accord's made whose answer was lost. [S35] */
      readonly by: "new" | "match" | "person" | "proof" | "create";
    }
  /** A create whose answer was lost made nothing. [S35] */
  | { readonly kind: "notMade"; readonly side: SideIndex; readonly by: "listing" | "person" }
  | { readonly kind: "renamed"; readonly side: SideIndex; readonly from: RecordId; readonly to: RecordId }
  /** It named what was deleted, and names nothing any more, or went with it. [S45] */
  | { readonly kind: "detached"; readonly field: FieldIndex; readonly from: MaybeValue; readonly to: MaybeValue }
  | { readonly kind: "followed"; readonly field: FieldIndex }
  | { readonly kind: "deleted"; readonly side: SideIndex | null }
  /** The delete reached a side, or that side deleted it too. */
  | { readonly kind: "gone"; readonly side: SideIndex; readonly record: RecordId | null }
  /** A delete met an update. `kept` is how it ended. */
  | { readonly kind: "deleteConflict"; readonly side: SideIndex; readonly kept: "update" | "delete" | "review" }
  /** A delete at a side that only receives: the record is made again, or stays away, by configuration. [S55] */
  | { readonly kind: "deleteReverted"; readonly side: SideIndex }
  | { readonly kind: "deleteDrifted"; readonly side: SideIndex }
  | { readonly kind: "revived"; readonly side: SideIndex | null }
  | { readonly kind: "outOfScope"; readonly side: SideIndex }
  | { readonly kind: "inScope"; readonly side: SideIndex }
  | { readonly kind: "undone"; readonly field: FieldIndex; readonly from: MaybeValue; readonly to: MaybeValue }
  /** A system made it one with another: at `side` its record is no more than a shell, or gone. [S41] */
  | { readonly kind: "merged"; readonly side: SideIndex; readonly record: RecordId | null; readonly into: EntityId }
  /** The other end of it. */
  | { readonly kind: "absorbed"; readonly side: SideIndex; readonly other: EntityId }
  /** What a merged entity held and the winner does not: nothing writes it any more, and nothing forgets it. [S41, I2] */
  | { readonly kind: "leftBehind"; readonly field: FieldIndex; readonly value: MaybeValue }
  /** The winner had no record there: it has the loser's from now on. */
  | { readonly kind: "handedOver"; readonly side: SideIndex; readonly record: RecordId; readonly from: EntityId }
  /** The system that merged it made two of them again. */
  | { readonly kind: "unmerged"; readonly side: SideIndex; readonly from: EntityId }
  /** A reference follows what it names into the winner. [S41, S44] */
  | { readonly kind: "repointed"; readonly field: FieldIndex; readonly from: MaybeValue; readonly to: MaybeValue };
