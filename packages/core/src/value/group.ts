import { readForeignArray, readOwnArray } from "./array-text.ts";
import { invalid, valid } from "./identity-type.ts";
import { equalValues } from "./value-type.ts";
import type { MaybeValue, ParseResult, Value, ValueType } from "./value-type.ts";

/** One part of a group: amount, currency. */
export interface GroupPart {
  readonly name: string;
  readonly type: ValueType;
}

/**
 * Values that are only right together and merge as one: an address, an amount with its currency. [S16] Kept as the JSON array of the parts' canonical texts in
 * the declared order, null where a part is null: `["12.5","EUR"]`, `["Main St 1",null]`. A group whose parts are all null is null itself and has no text.
 * Equal part by part; no order; the match key is made of the parts' keys and is null where no part has one.
 */
export function groupType(parts: readonly GroupPart[]): ValueType {
  return {
    name: `group(${parts.map((part) => `${part.name}: ${part.type.name}`).join(", ")})`,
    // Parts count upwards together: a raised version of any part raises the sum.
    version: parts.reduce((version, part) => version + part.type.version - 1, 1),
    parse: (text) => parseGroup(parts, text),
    equal: (a, b) => a === b || equalGroups(parts, groupParts(a), groupParts(b)),
    order: null,
    hash: (text) => JSON.stringify(mapParts(parts, groupParts(text), (type, part) => type.hash(part))),
    key: (text) => groupText(mapParts(parts, groupParts(text), (type, part) => type.key(part))) ?? null,
  };
}

/** The canonical text of a group of these canonical parts: unknown if any part is unknown, null if all are null. [S16] */
export function groupText(parts: readonly MaybeValue[]): MaybeValue {
  let anyValue = false;
  for (const part of parts) {
    if (part === undefined) return undefined;
    if (part !== null) anyValue = true;
  }
  return anyValue ? JSON.stringify(parts) : null;
}

/** The parts of a canonical group, in the declared order. */
export function groupParts(text: string): readonly Value[] {
  return readOwnArray(text);
}

function parseGroup(parts: readonly GroupPart[], text: string): ParseResult {
  const items = readForeignArray(text);
  if (items === null) return invalid("not a JSON array");
  if (items.length !== parts.length) return invalid(`a group with ${items.length} parts instead of ${parts.length}`);
  const texts: Value[] = [];
  for (const [place, part] of parts.entries()) {
    const item = items[place] ?? null;
    const parsed = item === null ? null : part.type.parse(item);
    if (parsed?.kind === "invalid") return invalid(`a group whose ${part.name} is ${parsed.problem}`);
    texts.push(parsed === null ? null : parsed.text);
  }
  const group = groupText(texts);
  return typeof group === "string" ? valid(group) : invalid("a group whose parts are all null: that is null");
}

function equalGroups(parts: readonly GroupPart[], a: readonly Value[], b: readonly Value[]): boolean {
  return parts.every((part, place) => equalValues(part.type, a[place], b[place]));
}

function mapParts(
  parts: readonly GroupPart[],
  texts: readonly Value[],
  convert: (type: ValueType, text: string) => Value,
): readonly Value[] {
  return parts.map((part, place) => {
    const text = texts[place] ?? null;
    return text === null ? null : convert(part.type, text);
  });
}
