import type { ArchiveMark, MergeMark, SideModel } from "@accord/core";
import { compileExpression } from "./cel/compile.ts";
import type { FieldType } from "./field-type.ts";
import { encodeText } from "./mapping/bound-column.ts";
import { filterBy } from "./mapping/expression-mapping.ts";
import { expressionProblem } from "./near.ts";
import { bindColumn, bindExpression, refuse } from "./side-context.ts";
import type { SideContext } from "./side-context.ts";
import type { KeyPath } from "./yaml/source.ts";

/** What of a side is not its fields: filter, marks and constants. Null where a problem was found. */
export function compileSide(context: SideContext): Pick<SideModel, "filter" | "archive" | "merged" | "constants"> | null {
  const before = context.findings.problems.length;
  const entry = context.sync.entry.sides[context.side.name];
  const path = ["syncs", context.sync.name, "sides", context.side.name];
  const filter =
    entry?.filter === undefined ? null : bindExpression(context, entry.filter, "boolean", { kind: "none" }, [...path, "filter"]);
  const archive = entry?.archive === undefined ? null : compileArchive(context, entry.archive, [...path, "archive"]);
  const merged = entry?.merged === undefined ? null : compileMerged(context, entry.merged, [...path, "merged"]);
  const constants = constantsOf(context).flatMap(({ column: name, value, path: at }) => {
    const column = bindColumn(context, name, at);
    if (column === null) return [];
    const cell = encodeText(column, value);
    if (!column.schema.writable) refuse(context, at, `the column "${name}" cannot be written`, "leave the constant out");
    if (cell.kind === "invalid")
      refuse(
        context,
        at,
        `the column "${name}" (${column.schema.nativeType}) cannot hold "${value}": ${cell.problem}`,
        "write a value that the column holds",
      );
    return cell.kind === "value" ? [{ column: column.place, cell: cell.text }] : [];
  });
  if (context.findings.problems.length > before) return null;
  return { filter: filter === null ? null : filterBy(filter), archive, merged, constants };
}

/** Which items a side is to have, by their canonical values. [S61] */
export function compileOnly(
  context: SideContext,
  fields: readonly { readonly name: string; readonly type: FieldType }[],
): SideModel["only"] {
  const source = context.sync.entry.sides[context.side.name]?.only;
  if (source === undefined) return null;
  const variables = Object.fromEntries(fields.map(({ name, type }) => [name, type.cel]));
  const compiled = compileExpression(source, { variables, result: "boolean" });
  if (!compiled.ok) {
    const path = ["syncs", context.sync.name, "sides", context.side.name, "only"];
    return refuse(context, path, expressionProblem(compiled.problem), "correct the expression: it speaks of the fields of the sync");
  }
  const used = new Set(compiled.variablesUsed);
  const places = fields.flatMap(({ name }, place) => (used.has(name) ? [{ name, place }] : []));
  return (values) => {
    const outcome = compiled.evaluate(Object.fromEntries(places.map(({ name, place }) => [name, values[place]])));
    return outcome.kind === "value" ? outcome.value === "true" : undefined;
  };
}

interface Constant {
  readonly column: string;
  readonly value: string;
  readonly path: KeyPath;
}

/** Constants of the side itself and of fields that are constants there. */
function constantsOf({ sync, side }: SideContext): readonly Constant[] {
  const base = ["syncs", sync.name];
  const own = Object.entries(sync.entry.sides[side.name]?.constants ?? {}).map(([column, value]) => ({
    column,
    value,
    path: [...base, "sides", side.name, "constants", column],
  }));
  const ofFields = Object.entries(sync.entry.fields).flatMap(([name, field]) => {
    const entry = field.sides[side.name];
    return entry?.constant === undefined
      ? []
      : [{ column: entry.field ?? name, value: entry.constant, path: [...base, "fields", name, side.name] }];
  });
  return [...own, ...ofFields];
}

/** A column that names a record by its key: keys of several columns have no place in one. */
function compileMerged(context: SideContext, entry: { readonly column: string; readonly write: boolean }, path: KeyPath): MergeMark | null {
  const column = bindColumn(context, entry.column, [...path, "column"]);
  if (column === null) return null;
  const { key } = context.schema;
  if (key.length !== 1)
    return refuse(context, path, `records of this object go by ${key.join(", ")}, and one column names none of them`, "leave merged out");
  if (entry.column === key[0])
    return refuse(
      context,
      [...path, "column"],
      `the column "${entry.column}" is the record's own key`,
      "name the column that holds the key of another record",
    );
  if (!entry.write) return { column: column.place, isWritten: false };
  if (!column.schema.writable || !column.schema.nullable)
    return refuse(
      context,
      [...path, "write"],
      `the column "${entry.column}" cannot be written and emptied`,
      "leave write out: what is merged elsewhere is then listed",
    );
  return { column: column.place, isWritten: true };
}

function compileArchive(
  context: SideContext,
  entry: { readonly column: string; readonly value: string; readonly restored?: string | undefined },
  path: KeyPath,
): ArchiveMark | null {
  const column = bindColumn(context, entry.column, [...path, "column"]);
  if (column === null) return null;
  if (!column.schema.writable)
    return refuse(
      context,
      [...path, "column"],
      `the column "${entry.column}" cannot be written`,
      "name a column that can, or leave archive out: deletes then delete",
    );
  const cell = encodeText(column, entry.value);
  const held = `the column "${entry.column}" (${column.schema.nativeType}) cannot hold`;
  if (cell.kind === "invalid")
    return refuse(context, [...path, "value"], `${held} "${entry.value}": ${cell.problem}`, "write a value that the column holds");
  if (entry.restored === undefined) {
    if (column.schema.nullable) return { column: column.place, cell: cell.text, restored: null };
    return refuse(
      context,
      path,
      `the column "${entry.column}" must not be empty, so that un-archiving needs a value`,
      "add restored: and what a record that is not archived holds",
    );
  }
  const restored = encodeText(column, entry.restored);
  if (restored.kind === "invalid")
    return refuse(
      context,
      [...path, "restored"],
      `${held} "${entry.restored}": ${restored.problem}`,
      "write a value that the column holds",
    );
  return { column: column.place, cell: cell.text, restored: restored.text };
}
