import type { SetAdd } from "../../entity/entity.ts";
import type { SideIndex } from "../../record/identifiers.ts";
import { setElements, setText } from "../../value/set.ts";
import type { MaybeValue, Value, ValueType } from "../../value/value-type.ts";

/** A change of a set seen at one side. */
export interface SetChange {
  /** The set's own type: it says which elements are the same. */
  readonly type: ValueType;
  readonly canonical: Value;
  readonly base: MaybeValue;
  readonly observed: Value;
  readonly adds: readonly SetAdd[] | null;
  readonly side: SideIndex;
  /** The version of the canonical set that the side reflects. */
  readonly ack: number;
  /** The one that the canonical set takes if this changes it. */
  readonly version: number;
}

export interface MergedSet {
  readonly value: Value;
  readonly adds: readonly SetAdd[] | null;
}

/**
 * `C := (C ∪ (o∖B)) ∖ (B∖o)`, where an add beats a concurrent remove of the same element. [S20]
 *
 * A remove is concurrent with an add when another side added the element in a version that the remover has not acknowledged: then the element stays. What a side
 * added itself it may always remove. Elements that the type calls equal are one, in the spelling that the canonical set has. Null counts as the empty set.
 */
export function mergeSets(change: SetChange): MergedSet {
  const spell = speller(change.type);
  const result = new Set(elements(change.canonical).map(spell));
  const known = new Set(elements(change.base).map(spell));
  const seen = new Set(elements(change.observed).map(spell));
  let adds: SetAdd[] = (change.adds ?? []).map(([element, side, version]) => [spell(element), side, version]);
  for (const element of seen) {
    if (known.has(element)) continue;
    result.add(element);
    adds = [...adds.filter(([other, side]) => other !== element || side !== change.side), [element, change.side, change.version]];
  }
  for (const element of known) {
    if (seen.has(element) || adds.some(([other, side, version]) => other === element && side !== change.side && version > change.ack))
      continue;
    result.delete(element);
    adds = adds.filter(([other]) => other !== element);
  }
  const value = isSame(result, seen) ? change.observed : write(change.type, result);
  return { value, adds: adds.length === 0 ? null : adds };
}

/** Unites two sets: what first contact does. [S36] */
export function uniteSets(type: ValueType, a: Value, b: Value): Value {
  const spell = speller(type);
  const united = new Set([...elements(a), ...elements(b)].map(spell));
  return united.size === 0 ? a : write(type, united);
}

/** Whether two sets hold the same: null is the empty set. */
export function isSameSet(type: ValueType, a: Value, b: Value): boolean {
  return type.equal(a ?? EMPTY, b ?? EMPTY);
}

const EMPTY = "[]";

function elements(value: MaybeValue): readonly string[] {
  return value === null || value === undefined || value === EMPTY ? [] : setElements(value);
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((element) => b.has(element));
}

/** Through the type's `parse`, so that what it calls equal collapses. */
function write(type: ValueType, set: ReadonlySet<string>): string {
  const text = setText(set);
  const parsed = type.parse(text);
  return parsed.kind === "value" ? parsed.text : text;
}

/** Gives every element the first spelling met of those that the type calls equal: it is asked by sets of one. */
function speller(type: ValueType): (element: string) => string {
  const spellingsByHash = new Map<string, string[]>();
  return (element) => {
    const single = setText([element]);
    const hash = type.hash(single);
    const spellings = spellingsByHash.get(hash) ?? [];
    const same = spellings.find((other) => other === element || type.equal(setText([other]), single));
    if (same === undefined) spellingsByHash.set(hash, [...spellings, element]);
    return same ?? element;
  };
}
