import type { ObjectSchema } from "@accord/core";
import { unknownName } from "./check-project.ts";
import { compileExpression } from "./cel/compile.ts";
import type { CelTypeName } from "./cel/compile.ts";
import { namesIn } from "./expression-names.ts";
import { celTypeOfColumn } from "./field-type.ts";
import type { TypeCatalogue } from "./field-type.ts";
import { naturalTypeOf } from "./mapping/bound-column.ts";
import type { BoundColumn } from "./mapping/bound-column.ts";
import type { BoundExpression } from "./mapping/expression-mapping.ts";
import { expressionProblem } from "./near.ts";
import { problemAt } from "./project.ts";
import type { ConfigurationNote, ConfigurationProblem } from "./problem.ts";
import type { Project, ProjectSide, ProjectSync } from "./project.ts";
import type { RetypedColumn } from "./retyped.ts";
import type { KeyPath } from "./yaml/source.ts";

/** What compiling finds; grows while a sync is compiled. */
export interface Findings {
  readonly problems: ConfigurationProblem[];
  readonly notes: ConfigurationNote[];
  /** Fields that are paused where they do not fit what a system shows now; null where that is a problem. [S50] */
  readonly paused: PausedField[] | null;
}

/** A field that could be mapped at a side once, and cannot now. [S50] */
export interface PausedField {
  readonly sync: string;
  readonly side: string;
  readonly field: string;
  /** What keeps it from being mapped, with its place in the file and what to do. */
  readonly problem: ConfigurationProblem;
  /** Columns that the side does without meanwhile: those that are gone or cannot be carried, and those that no other field reads. */
  readonly missing: readonly string[];
  /** A line of the file as it stands, and as it would fit what the system shows now; null where no one line does. */
  readonly patch: { readonly line: number; readonly from: string; readonly to: string } | null;
}

/** One side while its mappings are made. */
export interface SideContext {
  readonly project: Project;
  readonly sync: ProjectSync;
  readonly side: ProjectSide;
  readonly schema: ObjectSchema;
  /** The columns of the side's images, in order. */
  readonly columns: readonly string[];
  /** Columns that are of another type than when this very sync was planned. [S50] */
  readonly retyped: ReadonlyMap<string, RetypedColumn>;
  readonly catalogue: TypeCatalogue;
  readonly findings: Findings;
}

/** Adds a problem at a key path, and gives null for the mapping that cannot be. */
export function refuse(context: Pick<SideContext, "project" | "findings">, path: KeyPath, problem: string, remedy: string): null {
  context.findings.problems.push(problemAt(context.project, path, problem, remedy));
  return null;
}

/** Adds a note at a key path. */
export function remark(
  context: Pick<SideContext, "project" | "findings">,
  kind: ConfigurationNote["kind"],
  path: KeyPath,
  note: string,
): void {
  const { file } = context.project;
  context.findings.notes.push({ kind, file, ...context.project.locate(path), path: path.join("."), note });
}

/** The column of this name, or a problem: there is none, or its type cannot be carried. */
export function bindColumn(context: SideContext, name: string, path: KeyPath): BoundColumn | null {
  const { schema, side } = context;
  const column = schema.columns.find((candidate) => candidate.name === name);
  if (column === undefined) {
    const { problem, remedy } = unknownName(
      context.project,
      path,
      "column",
      name,
      schema.columns.map((each) => each.name),
    );
    return refuse(context, path, `${problem} in ${side.object} at ${side.connection}`, remedy);
  }
  if (column.codec === null) {
    const why = column.codecProblem ?? "its values cannot be read exactly";
    return refuse(
      context,
      path,
      `the column "${name}" (${column.nativeType}) cannot be carried: ${why}`,
      `leave the field out, and list ${name} below ignore`,
    );
  }
  const retyped = context.retyped.get(name);
  if (retyped !== undefined) {
    const { before, now } = retyped;
    return refuse(
      context,
      path,
      `the column "${name}" of ${side.object} at ${side.connection} was ${before.native} when this was planned, and is ${now.native} now`,
      "give it back its type, or see what the new one means with accord plan --accept-types",
    );
  }
  const place = context.columns.indexOf(name);
  return { name, place, schema: column, codec: column.codec, natural: naturalTypeOf(column.codec) };
}

/** Columns of these names, or null where one of them cannot be had. */
export function bindColumns(context: SideContext, names: readonly string[], path: KeyPath): readonly BoundColumn[] | null {
  const columns = names.map((name, place) => bindColumn(context, name, [...path, place]));
  return columns.every((column) => column !== null) ? columns : null;
}

/** What `value` stands for in an expression: a column (in `get`), the canonical value (in `put`), or nothing. */
export type ValueMeaning =
  | { readonly kind: "column"; readonly column: BoundColumn }
  | { readonly kind: "canonical"; readonly cel: CelTypeName }
  | { readonly kind: "none" };

/** Compiles an expression over the side's columns. */
export function bindExpression(
  context: SideContext,
  source: string,
  result: CelTypeName,
  value: ValueMeaning,
  path: KeyPath,
): BoundExpression | null {
  const names = namesIn(source);
  if (names.kind === "unreadable") return refuse(context, path, names.problem, "correct the expression");
  const types: Record<string, CelTypeName> = {};
  const variables: { variable: string; column: BoundColumn }[] = [];
  for (const name of names.names) {
    if (name === "value" && value.kind === "canonical") {
      types["value"] = value.cel;
      continue;
    }
    const column = name === "value" && value.kind === "column" ? value.column : bindColumn(context, name, path);
    if (column === null) return null;
    types[name] = celTypeOfColumn(column.codec);
    variables.push({ variable: name, column });
  }
  const compiled = compileExpression(source, { variables: types, result });
  if (compiled.ok) return { expression: compiled, variables };
  return refuse(context, path, expressionProblem(compiled.problem), "correct the expression");
}
