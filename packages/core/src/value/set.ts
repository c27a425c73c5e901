import { readForeignArray, readOwnArray } from "./array-text.ts";
import { invalid, valid } from "./identity-type.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/**
 * A set of values of one type, kept as the JSON array of its elements' canonical texts, sorted by UTF-16 code units: `["blue","red"]`, `[]`.
 * Reads any JSON array: order and repetition do not count, numbers and truth values may stand without quotes; a null inside is refused, a set has none.
 * Elements are the same when their type says so [S20]: of several equal spellings the first in order is kept. The match key is that of all elements, null for
 * a set without any.
 */
export function setType(element: ValueType): ValueType {
  return {
    name: `set(${element.name})`,
    version: element.version,
    parse: (text) => parseSet(element, text),
    equal: (a, b) => a === b || equalSets(element, setElements(a), setElements(b)),
    order: null,
    hash: (text) => setText(setElements(text).map((item) => element.hash(item))),
    key: (text) => {
      const keys = setElements(text).flatMap((item) => element.key(item) ?? []);
      return keys.length === 0 ? null : setText(keys);
    },
  };
}

/** The canonical text of a set of these canonical texts: sorted, each once. Elements that are equal in two spellings are the caller's to unite. */
export function setText(elements: Iterable<string>): string {
  return JSON.stringify([...new Set(elements)].toSorted());
}

/** The elements of a canonical set, in order. */
export function setElements(text: string): readonly string[] {
  return readOwnArray(text).filter((item) => item !== null);
}

function parseSet(element: ValueType, text: string): ParseResult {
  const items = readForeignArray(text);
  if (items === null) return invalid("not a JSON array");
  const elements: string[] = [];
  for (const item of items) {
    if (item === null) return invalid("a set with a null in it");
    const parsed = element.parse(item);
    if (parsed.kind === "invalid") return invalid(`a set with an element that is ${parsed.problem}`);
    elements.push(parsed.text);
  }
  return valid(setText(withoutEquals(element, elements)));
}

/** The first of each class of equal elements, by the order of their texts. */
function withoutEquals(element: ValueType, elements: readonly string[]): readonly string[] {
  const keptByHash = new Map<string, string[]>();
  return [...new Set(elements)].toSorted().filter((item) => {
    const isNew = !hasEqual(element, keptByHash, item);
    if (isNew) addByHash(element, keptByHash, item);
    return isNew;
  });
}

/** Both are free of equal elements, so that the same count and every element found is equality. */
function equalSets(element: ValueType, a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  const byHash = new Map<string, string[]>();
  for (const item of b) addByHash(element, byHash, item);
  return a.every((item) => hasEqual(element, byHash, item));
}

function addByHash(element: ValueType, byHash: Map<string, string[]>, item: string): void {
  const hash = element.hash(item);
  const bucket = byHash.get(hash);
  if (bucket === undefined) byHash.set(hash, [item]);
  else bucket.push(item);
}

function hasEqual(element: ValueType, byHash: ReadonlyMap<string, readonly string[]>, item: string): boolean {
  return byHash.get(element.hash(item))?.some((other) => element.equal(item, other)) ?? false;
}
