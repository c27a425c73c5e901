import { namesIn } from "./expression-names.ts";
import { problemAt, syncOf } from "./project.ts";
import type { ConfigurationProblem } from "./problem.ts";
import type { Project, ProjectSync } from "./project.ts";
import type { SideEntry } from "./schema/field-schema.ts";
import type { KeyPath } from "./yaml/source.ts";

/** The columns of one side, or what keeps them from being known. */
export type SideColumns =
  { readonly kind: "columns"; readonly columns: readonly string[] } | { readonly kind: "problem"; readonly problem: ConfigurationProblem };

/** A field or a part of one at a side, with the path of its entry. */
export interface PlacedEntry {
  readonly path: KeyPath;
  readonly entry: SideEntry;
  /** The name that a constant's column has where none is given. */
  readonly name: string;
}

/**
 * The native columns that one side's images carry, in their order: those of fields as declared, then of the filter, the archive mark, the merge mark and constants.
 * Needs no schema; whether the columns exist is for `compileSync`. Key columns are in it only where something maps them.
 */
export function columnsOf(project: Project, syncName: string, sideName: string): SideColumns {
  const sync = syncOf(project, syncName);
  if (sync === undefined)
    return {
      kind: "problem",
      problem: problemAt(
        project,
        ["syncs"],
        `there is no sync ${syncName}`,
        `use one of ${project.syncs.map(({ name }) => name).join(", ")}`,
      ),
    };
  const columns = new Set<string>();
  for (const { path, entry, name } of entriesAt(sync, sideName)) {
    const found = entryColumns(entry, name);
    if (found.kind === "unreadable")
      return { kind: "problem", problem: problemAt(project, [...path, found.key], found.problem, "correct the expression") };
    for (const column of found.columns) columns.add(column);
  }
  const side = sync.entry.sides[sideName];
  const path = ["syncs", syncName, "sides", sideName];
  if (side?.filter !== undefined) {
    const filter = namesIn(side.filter);
    if (filter.kind === "unreadable")
      return { kind: "problem", problem: problemAt(project, [...path, "filter"], filter.problem, "correct the expression") };
    for (const column of filter.names) columns.add(column);
  }
  if (side?.archive !== undefined) columns.add(side.archive.column);
  if (side?.merged !== undefined) columns.add(side.merged.column);
  for (const column of Object.keys(side?.constants ?? {})) columns.add(column);
  return { kind: "columns", columns: [...columns] };
}

/** Everything that stands below a side's name in a sync's fields, parts of groups included. */
export function entriesAt(sync: ProjectSync, side: string): readonly PlacedEntry[] {
  const entries: PlacedEntry[] = [];
  for (const [name, field] of Object.entries(sync.entry.fields)) {
    const path = ["syncs", sync.name, "fields", name];
    const own = field.sides[side];
    if (own !== undefined) entries.push({ path: [...path, side], entry: own, name });
    for (const [partName, part] of Object.entries(field.fields ?? {})) {
      const entry = part.sides[side];
      if (entry !== undefined) entries.push({ path: [...path, "fields", partName, side], entry, name: partName });
    }
  }
  return entries;
}

/** The columns of one field at one side, those of its parts included. */
export function columnsOfField(sync: ProjectSync, side: string, field: string): readonly string[] {
  const own = entriesAt(sync, side).filter(({ path }) => path[3] === field);
  return own.flatMap(({ entry, name }) => {
    const found = entryColumns(entry, name);
    return found.kind === "columns" ? found.columns : [];
  });
}

type EntryColumns =
  | { readonly kind: "columns"; readonly columns: readonly string[] }
  | { readonly kind: "unreadable"; readonly key: "get" | "put"; readonly problem: string };

/** The columns that one entry reads or writes. */
function entryColumns(entry: SideEntry, name: string): EntryColumns {
  const columns: string[] = [];
  if (entry.constant !== undefined) return { kind: "columns", columns: [entry.field ?? name] };
  if (entry.field !== undefined) columns.push(entry.field);
  columns.push(...(entry.join ?? []), ...(entry.key ?? []), ...(entry.split === undefined ? [] : [entry.split]));
  if (typeof entry.put === "object") columns.push(...Object.keys(entry.put));
  const expressions = [
    ["get", entry.get, entry.field !== undefined],
    ...putExpressions(entry).map((put) => ["put", put, true] as const),
  ] as const;
  for (const [key, source, hasValue] of expressions) {
    if (source === undefined) continue;
    const found = namesIn(source);
    if (found.kind === "unreadable") return { kind: "unreadable", key, problem: found.problem };
    columns.push(...found.names.filter((column) => !(hasValue && column === "value")));
  }
  return { kind: "columns", columns: [...new Set(columns)] };
}

/** The expressions of `put`, by column or alone. */
function putExpressions(entry: SideEntry): readonly string[] {
  if (entry.put === undefined) return [];
  return typeof entry.put === "string" ? [entry.put] : Object.values(entry.put);
}
