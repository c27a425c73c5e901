import { readJson, writeJson } from "./json-node.ts";
import type { Value } from "./value-type.ts";

/** The JSON arrays of texts in which sets and groups are kept. */

/** The items of any JSON array as texts for their types to parse: strings unescaped, everything else in its own JSON, null as null. Null where it is no array. */
export function readForeignArray(text: string): readonly Value[] | null {
  const node = readJson(text);
  if (node.kind !== "array") return null;
  return node.items.map((item) => {
    if (item.kind === "string") return item.value;
    const json = writeJson(item);
    return json === "null" ? null : json;
  });
}

/** The items of a text that `setText` or `groupText` wrote: strings and nulls. Anything else is a mistake of ours and throws. */
export function readOwnArray(text: string): readonly Value[] {
  const items: unknown = JSON.parse(text);
  if (!Array.isArray(items)) throw new TypeError("a set or group that is not an array");
  return items.map((item: unknown) => {
    if (item !== null && typeof item !== "string") throw new TypeError("a set or group with an item that is not text");
    return item;
  });
}
