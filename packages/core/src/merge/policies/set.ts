import type { Value } from "../../value/value-type.ts";

export interface MergedSet {
  readonly value: Value;
  /** When each element was last added, while that may still matter. */
  readonly adds: Readonly<Record<string, number>> | null;
}

/**
 * `C := (C ∪ (o∖B)) ∖ (B∖o)`, where an add beats a concurrent remove of the same element. [S20]
 *
 * A remove is concurrent with an add when its side had not yet acknowledged the version in which another side added the element (`adds`, `ack`): then the
 * element stays. Values are JSON arrays of sorted texts; null is the empty set and an emptied set stays null where it was null before.
 * `version` is the one the canonical field takes if this merge changes it.
 */
export function mergeSets(
  canonical: Value,
  base: Value,
  observed: Value,
  adds: Readonly<Record<string, number>> | null,
  ack: number,
  version: number,
): MergedSet {
  const before = elements(canonical);
  const known = new Set(elements(base));
  const seen = new Set(elements(observed));
  const result = new Set(before);
  const added: Record<string, number> = { ...adds };
  for (const element of seen) {
    if (known.has(element)) continue;
    result.add(element);
    added[element] = version;
  }
  for (const element of known) {
    if (seen.has(element) || (added[element] ?? 0) > ack) continue;
    result.delete(element);
    delete added[element];
  }
  return { value: write(result, canonical), adds: Object.keys(added).length === 0 ? null : added };
}

/** Unites two sets: what first contact does. [S36] */
export function uniteSets(a: Value, b: Value): Value {
  return write(new Set([...elements(a), ...elements(b)]), a);
}

function elements(value: Value): string[] {
  if (value === null || value === "[]") return [];
  const parsed: unknown = JSON.parse(value);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

function write(set: ReadonlySet<string>, previous: Value): Value {
  if (set.size === 0) return previous === null ? null : "[]";
  return JSON.stringify([...set].toSorted());
}
