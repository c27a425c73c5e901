import type { FieldEntry, TypeEntry } from "./schema/field-schema.ts";
import type { SyncEntry } from "./schema/sync-schema.ts";

/** The sync that a type refers to, or null. */
function referenceOf(type: TypeEntry): string | null {
  return typeof type === "object" && "ref" in type ? type.ref : null;
}

/** The syncs a sync refers to, each with the field that does. */
export function referencesOf(entry: SyncEntry): readonly (readonly [field: string, sync: string])[] {
  return Object.entries(entry.fields).flatMap(([name, field]) => referencesOfField(field).map((sync) => [name, sync] as const));
}

function referencesOfField(field: FieldEntry): readonly string[] {
  const parts = Object.values(field.fields ?? {}).map((part) => part.type);
  return [field.type, ...parts].map(referenceOf).filter((sync) => sync !== null);
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
    for (const [, parent] of referencesOf(entry)) {
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
