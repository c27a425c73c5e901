import type { SyncVersionRow } from "@accord/engine/store";
import { retypedColumns } from "./retyped.ts";

/** What one version of a sync says otherwise than the one before it, in plain words: `field city added`, `match changed`, `city is integer (was text)`. [S51] */
export function describeChange(before: SyncVersionRow, after: SyncVersionRow): readonly string[] {
  const [then, now] = [readBody(before.body), readBody(after.body)];
  const fields = compare(listOf(then["fields"]), listOf(now["fields"]), "field ");
  const sides = compare(listOf(then["sides"]), listOf(now["sides"]), "side ");
  const others = [...new Set([...Object.keys(then), ...Object.keys(now)])]
    .filter((key) => !["fields", "sides", "types", "name"].includes(key) && JSON.stringify(then[key]) !== JSON.stringify(now[key]))
    .toSorted()
    .map((key) => `${key} changed`);
  const order =
    fields.length === 0 && JSON.stringify(then["fields"]) !== JSON.stringify(now["fields"]) ? ["the order of fields changed"] : [];
  const found = [...sides, ...fields, ...order, ...others];
  // A type's meaning is the program's, and no key of the file.
  const isMeaning = found.length === 0 && JSON.stringify(then["types"]) !== JSON.stringify(now["types"]);
  return [...found, ...(isMeaning ? ["the meaning of a type changed"] : []), ...typesChanged(before, after)];
}

function typesChanged(before: SyncVersionRow, after: SyncVersionRow): readonly string[] {
  return after.types.flatMap((types, side) =>
    [...retypedColumns(before.types[side] ?? {}, types)].map(
      ([column, type]) => `${column} is ${type.now.native} (was ${type.before.native})`,
    ),
  );
}

type Body = Readonly<Record<string, unknown>>;

/** We wrote this text ourselves: canonical JSON of an object. */
function readBody(body: string): Body {
  return JSON.parse(body) as Body;
}

/** Entries by their names. */
function listOf(list: unknown): ReadonlyMap<string, string> {
  const entries = Array.isArray(list) ? (list as readonly { readonly name: string }[]) : []; // Both lists hold named entries.
  return new Map(entries.map((entry) => [entry.name, JSON.stringify(entry)]));
}

function compare(then: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>, what: string): readonly string[] {
  return [...new Set([...then.keys(), ...now.keys()])].flatMap((name) => {
    if (then.get(name) === now.get(name)) return [];
    const word = !then.has(name) ? "added" : !now.has(name) ? "removed" : "changed";
    return [`${what}${name} ${word}`];
  });
}
