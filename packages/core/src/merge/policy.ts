import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import type { MaybeValue, Value } from "../value/value-type.ts";

/** The configured rule for conflicts of one field or group. Section 4 of the semantics. */
export type Policy =
  | OwnerPolicy
  | NewestPolicy
  | CounterPolicy
  | { readonly kind: "set" }
  | LadderPolicy
  | { readonly kind: "text" }
  | { readonly kind: "review" }
  | CustomPolicy;

/** Rank of sides: the higher-ranked concurrent value wins. [S17] */
export interface OwnerPolicy {
  readonly kind: "owner";
  readonly ranks: SideRanks;
  /** An edit by a side that is not the first-ranked one is pushed back and logged. Without it the policy breaks ties only. */
  readonly revert: boolean;
  /** Other sides are written only where they are empty. */
  readonly fill: boolean;
  /** By side: what an emptied value there means. */
  readonly blanks: readonly BlankRule[];
  /** The field that tells when a person last verified the record: a value older than the verification loses. Null: none. */
  readonly verified: number | null;
}

/** `ignore`: an emptied value is refilled; `review`: a person decides. */
export type BlankRule = "erase" | "ignore" | "review";

/** Sides from the highest rank down; sides that are not named follow in declared order. */
export type SideRanks = readonly SideIndex[];

/** The later write wins, where that is certain; else `ranks`. [S18] */
export interface NewestPolicy {
  readonly kind: "newest";
  readonly ranks: SideRanks;
  /** Clocks of two systems may differ by this much. */
  readonly clockSkewMs: number;
}

/** `C += o − B`. [S19] */
export interface CounterPolicy {
  readonly kind: "counter";
  /** The count may not fall below this: a delta that would is left to review. Decimal text or null. */
  readonly floor: string | null;
  /**
   * A stocktake: the fields of the same record that hold the counted value and the instant it was counted at. When the instant advances at a side, the count
   * becomes the counted value with what users changed since. Left out or null: none.
   */
  readonly absolute?: { readonly value: FieldIndex; readonly asOf: FieldIndex } | null;
}

/** A policy under which a value only moves one way: `max`, `min`, or the declared steps of a status. [S21] */
export interface LadderPolicy {
  readonly kind: "ladder";
  readonly direction: "up" | "down";
  /** The steps from the first to the last, or null: the type's own order. */
  readonly steps: readonly string[] | null;
}

/** A pure, versioned function. [S24] */
export interface CustomPolicy {
  readonly kind: "custom";
  readonly name: string;
  readonly version: number;
  /** Whether results outside {base, C, o} are allowed. */
  readonly constructive: boolean;
  resolve(base: MaybeValue, canonical: Value, observed: Value): CustomResolution;
}

export type CustomResolution = { readonly kind: "value"; readonly value: Value } | { readonly kind: "review"; readonly reason: string };

/** The place of a side in the ranks, 0 the highest. What no side wrote (a decision, an undo) ranks above all. */
export function rankOf(ranks: SideRanks, side: SideIndex | null): number {
  if (side === null) return -1;
  const place = ranks.indexOf(side);
  return place === -1 ? ranks.length + side : place;
}

/** The place of a side among those that may write the field at all, 0 the highest. */
export function rankAmong(ranks: SideRanks, side: SideIndex, writers: readonly boolean[]): number {
  const own = rankOf(ranks, side);
  return writers.filter((writes, other) => writes && rankOf(ranks, other) < own).length;
}
