import { createHash } from "node:crypto";
import type { ObjectSchema } from "@accord/core";
import type { SyncConfiguration } from "@accord/engine/store";
import { columnsOf, entriesAt } from "./columns-of.ts";
import { mappedFields } from "./compile-policy.ts";
import { deletesOf } from "./direction.ts";
import { fieldTypeOf, typeCatalogue } from "./field-type.ts";
import { syncOf } from "./project.ts";
import { columnTypesOf } from "./retyped.ts";
import type { Project, ProjectSync } from "./project.ts";

/** Raised when the same file comes to mean something else: every sync then takes a new version. [S51] */
const COMPILER_VERSION = 1;

/**
 * The configuration of a sync as canonical JSON, and its digest. It changes when mapping, filter, policy or fields change, or a type's meaning; not with the
 * layout of the file, the order of keys that have none, or how the sync is paced and guarded. [S51]
 */
export function digestOf(project: Project, syncName: string): { readonly digest: string; readonly body: string } {
  const sync = syncOf(project, syncName);
  if (sync === undefined) throw new Error(`digestOf: there is no sync ${syncName}`);
  const { sides, fields, match, initial, policy, clockSkew, categories, merges, direction } = sync.entry;
  const catalogue = typeCatalogue(project.region);
  const types = mappedFields(sync).map(([, field]) => {
    const { type } = fieldTypeOf(catalogue, field.type, field.fields);
    return [type.name, type.version];
  });
  const body = canonicalJson({
    compiler: COMPILER_VERSION,
    name: syncName,
    sides: sync.sides.map((side) => ({
      ...sides[side.name],
      ...side,
    })),
    fields: Object.entries(fields).map(([name, { sides: bySide, fields: parts, ...field }]) => ({
      ...field,
      name,
      sides: withOrderedValues(bySide),
      parts: Object.entries(parts ?? {}).map(([part, entry]) => ({
        ...entry,
        part,
        sides: withOrderedValues(entry.sides),
      })),
    })),
    types,
    match,
    initial,
    policy,
    clockSkew,
    categories,
    deletes: deletesOf(sync),
    merges,
    direction,
  });
  return { body, digest: createHash("sha256").update(body).digest("hex") };
}

/** What the store keeps of a sync. `schemas` as for `compileSync`, which has found no problem before. */
export function configurationOf(
  project: Project,
  syncName: string,
  schemas: (connection: string, object: string) => ObjectSchema | undefined,
): SyncConfiguration {
  const sync = syncOf(project, syncName);
  if (sync === undefined) throw new Error(`configurationOf: there is no sync ${syncName}`);
  const source = project.textOf(["syncs", syncName]);
  return {
    ...digestOf(project, syncName),
    sides: sync.sides.map(({ name, connection, object }) => {
      const read = columnsOf(project, syncName, name);
      const schema = schemas(connection, object);
      const columns = read.kind === "columns" ? read.columns : [];
      return {
        connection,
        object,
        keyOrder: schema?.keyOrder ?? "bytes",
        columns,
        types: schema === undefined ? {} : columnTypesOf(schema, columns),
        mappings: mappingsOf(project, sync, name),
      };
    }),
    fields: mappedFields(sync).map(([name]) => name),
    matchRules: sync.entry.match.length,
    ...(source === null ? {} : { source }),
  };
}

/** By field that the side has: a digest of all that its values are read and written by there, the meaning of its type included. [S51] */
function mappingsOf(project: Project, sync: ProjectSync, side: string): Readonly<Record<string, string>> {
  const catalogue = typeCatalogue(project.region);
  return Object.fromEntries(
    mappedFields(sync).flatMap(([name, field]) => {
      const entries = entriesAt(sync, side).filter(({ path }) => path[3] === name);
      if (entries.length === 0) return [];
      const { type } = fieldTypeOf(catalogue, field.type, field.fields);
      const meaning = entries.map(({ path, entry }) => [path.slice(4), withOrderedValues({ [side]: entry })]);
      const text = canonicalJson([COMPILER_VERSION, field.type, type.name, type.version, meaning]);
      return [[name, createHash("sha256").update(text).digest("hex").slice(0, 16)]];
    }),
  );
}

/** In a table of values the first of several counts: its order is part of its meaning. */
function withOrderedValues(sides: Readonly<Record<string, { readonly values?: Readonly<Record<string, unknown>> | undefined }>>): unknown {
  return Object.fromEntries(Object.entries(sides).map(([side, entry]) => [side, { ...entry, values: Object.entries(entry.values ?? {}) }]));
}

/** JSON with sorted keys; keys without a value are left out. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item: unknown) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${members
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`)
    .join(",")}}`;
}
