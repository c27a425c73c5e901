import type { EntityId, KeyCandidates, MaybeValue, RecordId, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";

/**
 * Decides which entity an unlinked record belongs to. Bound to match keys (`keyMatcher`) or to a matcher that knows data; the engine asks it for every record that
 * joins. [S36] It must not link where two answers are possible, nor link one entity twice in a batch: of two that fit as well the engine leaves both to review.
 */
export interface Matcher {
  /** Whether equal keys, each unique at its side, always make it link: then a whole first contact can be decided at once. */
  readonly isByKeys: boolean;
  /** One proposal per seeker, in order. */
  propose(seekers: readonly MatchSeeker[], options: CallOptions): Promise<readonly MatchProposal[]>;
}

/** A record without an entity. */
export interface MatchSeeker {
  readonly sync: string;
  readonly side: SideIndex;
  readonly record: RecordId;
  /** Its canonical values, by field. */
  readonly values: readonly MaybeValue[];
  /** By match rule: the entities with the same key and no live record at this side, and how many other unlinked records there share it. */
  readonly candidates: readonly KeyCandidates[];
}

/** What a matcher says of one record. Probabilities run from 0 to 1; a match by keys is certain by definition. */
export type MatchProposal =
  | { readonly kind: "link"; readonly entity: EntityId; readonly probability: number; readonly explanation: string }
  | { readonly kind: "new" }
  /** A person decides among these. */
  | { readonly kind: "review"; readonly entities: readonly EntityId[]; readonly explanation: string };
