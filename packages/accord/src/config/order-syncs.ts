import type { ReferenceModel } from "@accord/core";
import type { FieldEntry, TypeEntry } from "./schema/field-schema.ts";
import type { SyncEntry } from "./schema/sync-schema.ts";

/** What a reference of a sync means, or null for any other type. A reference of a sync to itself is a tree unless told otherwise; where circles are right, nobody can wait for all others. */
export function referenceOf(sync: string, type: TypeEntry): ReferenceModel | null {
  if (typeof type !== "object" || !("ref" in type)) return null;
  const isOwn = type.ref === sync;
  const tree = isOwn && type.tree !== false;
  return { sync: type.ref, later: type.later ?? (isOwn && !tree), tree, deletes: type.deletes };
}

/** The sync that a type refers to, or null. */
function syncNamedBy(type: TypeEntry): string | null {
  return typeof type === "object" && "ref" in type ? type.ref : null;
}

/** The syncs a sync refers to, each with the field that does. */
export function referencesOf(entry: SyncEntry): readonly (readonly [field: string, sync: string])[] {
  return Object.entries(entry.fields).flatMap(([name, field]) => referencesOfField(field).map((sync) => [name, sync] as const));
}

function referencesOfField(field: FieldEntry): readonly string[] {
  const parts = Object.values(field.fields ?? {}).map((part) => part.type);
  return [field.type, ...parts].map(syncNamedBy).filter((sync) => sync !== null);
}

/** The syncs that must come before a sync: those whose records its own wait for. [S44] */
function parentsOf(name: string, entry: SyncEntry): readonly string[] {
  return Object.values(entry.fields).flatMap(({ type }) => {
    const reference = referenceOf(name, type);
    return reference === null || reference.later || reference.sync === name ? [] : [reference.sync];
  });
}

/** Syncs in dependency order: parents first, otherwise as declared. [S45] Or the cycle that has none, first sync repeated at its end. */
export type SyncOrder =
  { readonly kind: "ordered"; readonly names: readonly string[] } | { readonly kind: "cycle"; readonly names: readonly string[] };

/** Sorts syncs by what they refer to. References to syncs that do not exist are passed over. */
export function orderSyncs(syncs: Readonly<Record<string, SyncEntry>>): SyncOrder {
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): readonly string[] | null => {
    const entry = syncs[name];
    if (entry === undefined || done.has(name)) return null;
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    for (const parent of parentsOf(name, entry)) {
      const cycle = visit(parent, [...trail, name]);
      if (cycle !== null) return cycle;
    }
    done.add(name);
    return null;
  };
  for (const name of Object.keys(syncs)) {
    const cycle = visit(name, []);
    if (cycle !== null) return { kind: "cycle", names: cycle };
  }
  return { kind: "ordered", names: [...done] };
}
