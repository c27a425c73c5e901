import type { EntityId } from "../record/identifiers.ts";

/** What the store knows of one match key of a record: entities with that key and no live record at the side, and how many other unlinked records there share it. */
export interface KeyCandidates {
  readonly entities: readonly EntityId[];
  readonly rivals: number;
}

export type MatchDecision =
  | { readonly kind: "link"; readonly entity: EntityId; readonly rule: number }
  | { readonly kind: "new" }
  /** Two answers on either end: a person decides. */
  | { readonly kind: "ambiguous"; readonly entities: readonly EntityId[]; readonly rule: number; readonly rivals: number };

/** Which entity an unlinked record belongs to: match keys in order, unique on both ends; the first key with an answer decides. [S36] */
export function decideMatch(candidates: readonly KeyCandidates[]): MatchDecision {
  for (const [rule, { entities, rivals }] of candidates.entries()) {
    const first = entities[0];
    if (first === undefined) continue;
    if (entities.length === 1 && rivals === 0) return { kind: "link", entity: first, rule };
    return { kind: "ambiguous", entities, rule, rivals };
  }
  return { kind: "new" };
}
