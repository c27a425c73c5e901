import type { FieldMapping } from "@accord/core";
import { compileColumn } from "./compile-column.ts";
import { writability } from "./field-job.ts";
import type { FieldJob } from "./field-job.ts";
import { celTypeOfColumn, fieldTypeOf, isReference } from "./field-type.ts";
import type { BoundColumn } from "./mapping/bound-column.ts";
import { expressionMapping } from "./mapping/expression-mapping.ts";
import { groupMapping, joinMapping, splitMapping } from "./mapping/parts-mapping.ts";
import { referenceMapping } from "./mapping/reference-mapping.ts";
import type { ReferenceTarget } from "./mapping/reference-mapping.ts";
import { referenceOf } from "./order-syncs.ts";
import { syncOf } from "./project.ts";
import type { SideEntry } from "./schema/field-schema.ts";
import { bindColumn, bindColumns, bindExpression, refuse, remark } from "./side-context.ts";
import type { SideContext, ValueMeaning } from "./side-context.ts";

/** The mapping of a field at a side: null where the side has no such field, or where a problem was found. */
export function compileField(context: SideContext, job: FieldJob): FieldMapping | null {
  const { field, path } = job;
  const own = field.sides[context.side.name];
  if (own !== undefined) return compileEntry(context, { ...job, path: [...path, context.side.name] }, own);
  const parts: (FieldMapping | null)[] = [];
  for (const [name, part] of Object.entries(field.fields ?? {})) {
    const entry = part.sides[context.side.name];
    if (entry === undefined) return null;
    const type = fieldTypeOf(context.catalogue, part.type, undefined);
    parts.push(compileEntry(context, { ...job, name, type, path: [...path, "fields", name, context.side.name] }, entry));
  }
  return parts.length > 0 && parts.every((part) => part !== null) ? groupMapping(parts) : null;
}

function compileEntry(context: SideContext, job: FieldJob, entry: SideEntry): FieldMapping | null {
  if (entry.constant !== undefined) return null;
  if (isReference(job.field.type)) return compileReference(context, job, entry);
  if (entry.get !== undefined) return compileExpressions(context, job, entry, entry.get);
  if (entry.join !== undefined) return compileJoin(context, job, entry.join, entry.separator ?? " ");
  if (entry.split !== undefined) return compileSplit(context, job, entry.split, entry.separator ?? " ");
  return compileColumn(context, job, entry);
}

function compileJoin(context: SideContext, job: FieldJob, names: readonly string[], separator: string): FieldMapping | null {
  const columns = bindColumns(context, names, [...job.path, "join"]);
  if (columns === null) return null;
  const writable = writability(context, job, columns, job.path);
  return writable === null ? null : joinMapping(columns, separator, job.type.type, writable);
}

function compileSplit(context: SideContext, job: FieldJob, name: string, separator: string): FieldMapping | null {
  const column = bindColumn(context, name, [...job.path, "split"]);
  if (column === null) return null;
  const writable = writability(context, job, [column], job.path);
  const parts = Object.values(job.field.fields ?? {}).map((part) => fieldTypeOf(context.catalogue, part.type, undefined).type);
  return writable === null ? null : splitMapping(column, separator, parts, job.type.type, writable);
}

function compileExpressions(context: SideContext, job: FieldJob, entry: SideEntry, source: string): FieldMapping | null {
  const own = entry.field === undefined ? null : bindColumn(context, entry.field, [...job.path, "field"]);
  if (entry.field !== undefined && own === null) return null;
  const meaning: ValueMeaning = own === null ? { kind: "none" } : { kind: "column", column: own };
  const get = bindExpression(context, source, job.type.cel, meaning, [...job.path, "get"]);
  const put = compilePut(context, job, entry, own);
  return get === null || put === null ? null : expressionMapping({ type: job.type.type, get, put });
}

function compilePut(
  context: SideContext,
  job: FieldJob,
  entry: SideEntry,
  own: BoundColumn | null,
): Parameters<typeof expressionMapping>[0]["put"] | null {
  if (entry.put === undefined) return [];
  const path = [...job.path, "put"];
  const sources = typeof entry.put === "string" ? [[entry.field ?? "", entry.put] as const] : Object.entries(entry.put);
  const bound = sources.map(([name, source]) => {
    const keys = typeof entry.put === "string" ? path : [...path, name];
    const column = own !== null && own.name === name ? own : bindColumn(context, name, keys);
    const expression =
      column === null
        ? null
        : bindExpression(context, source, celTypeOfColumn(column.codec), { kind: "canonical", cel: job.type.cel }, keys);
    return column === null || expression === null ? null : { ...expression, column };
  });
  if (!bound.every((each) => each !== null)) return null;
  const writable = writability(
    context,
    job,
    bound.map(({ column }) => column),
    path,
  );
  return writable === null ? null : writable ? bound : [];
}

function compileReference(context: SideContext, job: FieldJob, entry: SideEntry): FieldMapping | null {
  const columns =
    entry.key === undefined
      ? [bindColumn(context, entry.field ?? "", job.path)]
      : (bindColumns(context, entry.key, [...job.path, "key"]) ?? [null]);
  const target = referenceTarget(context, job, entry.key ?? [entry.field ?? ""]);
  if (!columns.every((column) => column !== null) || target === null) return null;
  const writable = writability(context, job, columns, job.path);
  if (writable === null) return null;
  const fault = faultOfEmptying(context, job, columns, writable);
  return fault === null
    ? referenceMapping(columns, target, writable)
    : refuse(context, ["syncs", context.sync.name, "fields", job.name, "type"], fault.problem, fault.remedy);
}

/** Why a side cannot do what the reference asks for: be without it for a while, or from the moment that what it names is deleted. [S44, S45] */
function faultOfEmptying(
  { sync, side }: SideContext,
  { field }: FieldJob,
  columns: readonly BoundColumn[],
  isWritable: boolean,
): { readonly problem: string; readonly remedy: string } | null {
  const reference = referenceOf(sync.name, field.type);
  const fixed = columns.find(({ schema }) => !schema.nullable);
  if (reference?.later === true && fixed !== undefined) {
    return {
      problem: `${fixed.name} may not be empty at ${side.name}, so that it cannot be filled in later`,
      remedy: reference.sync === sync.name ? "let the column be empty, or leave tree: false out" : "write later: true at another reference",
    };
  }
  if (reference?.deletes !== "detach" || (fixed === undefined && isWritable)) return null;
  const why = fixed === undefined ? `the field is not written at ${side.name}` : `${fixed.name} may not be empty at ${side.name}`;
  return { problem: `${why}, so that nothing can be detached there`, remedy: "write deletes: restrict, or deletes: cascade" };
}

/** The parent sync's side at the same connection: of several, the one whose object the columns refer to. */
function referenceTarget(context: SideContext, job: FieldJob, columns: readonly string[]): ReferenceTarget | null {
  const { type } = job.field;
  const parent = typeof type === "object" && "ref" in type ? syncOf(context.project, type.ref) : undefined;
  if (parent === undefined) return null;
  const declared = context.schema.references.find((reference) => reference.columns.join("\n") === columns.join("\n"))?.object;
  const candidates = parent.sides.flatMap((side, index) => (side.connection === context.side.connection ? [{ ...side, index }] : []));
  const chosen = candidates.length > 1 ? candidates.find((side) => side.object === declared) : candidates[0];
  if (candidates.length === 0) {
    return refuse(
      context,
      job.path,
      `the sync ${parent.name} has no side at the connection ${context.side.connection}`,
      `leave ${context.side.name} out of this field, or add such a side to ${parent.name}`,
    );
  }
  if (chosen === undefined)
    return refuse(
      context,
      job.path,
      `the sync ${parent.name} has several sides at ${context.side.connection}, and the column refers to none of them`,
      "map the column as text",
    );
  if (declared !== undefined && declared !== chosen.object)
    remark(context, "reference", job.path, `the column refers to ${declared}, but the sync ${parent.name} has ${chosen.object} there`);
  return { sync: parent.name, side: chosen.index };
}
