import type { FieldMapping, Mapped, MaybeValue, NativeCell, ValueType } from "@accord/core";
import type { CompiledExpression } from "../cel/compile.ts";
import { encodeText } from "./bound-column.ts";
import type { BoundColumn } from "./bound-column.ts";
import { alreadyMeans } from "./column-mapping.ts";
import { currentCells, EMPTY, notEmptiable, problemOf, UNKNOWN } from "./mapped.ts";

/** A variable of an expression: the column whose value it is. */
export interface ColumnVariable {
  readonly variable: string;
  readonly column: BoundColumn;
}

/** An expression with the columns it speaks of. */
export interface BoundExpression {
  readonly expression: CompiledExpression;
  readonly variables: readonly ColumnVariable[];
}

export interface ExpressionMappingParts {
  readonly type: ValueType;
  readonly get: BoundExpression;
  /** One expression per written column; empty for a field that is only read. */
  readonly put: readonly (BoundExpression & { readonly column: BoundColumn })[];
}

type Variables = Record<string, string | null | undefined>;

/** A field by expressions. Cells that already mean the value stay as they are. [S48] */
export function expressionMapping({ type, get, put }: ExpressionMappingParts): FieldMapping {
  const read = getBy(type, get);
  const writes = put.map(({ column }) => column.place);
  const mentioned = [...get.variables, ...put.flatMap(({ variables }) => variables)].map(({ column }) => column.place);
  return {
    reads: [...new Set(mentioned)],
    writes,
    get: read,
    put: (value, cells) => {
      const current = cells === null ? null : currentCells(cells, writes);
      if (cells !== null && current !== null && alreadyMeans(type, read(cells), value)) return { kind: "ok", result: current };
      const result: (string | null)[] = [];
      for (const each of put) {
        const cell = putBy(each, value, cells);
        if (cell.kind !== "ok") return cell;
        result.push(cell.result);
      }
      return { kind: "ok", result };
    },
    reference: null,
  };
}

function getBy(type: ValueType, { expression, variables }: BoundExpression): (cells: readonly NativeCell[]) => Mapped<MaybeValue> {
  return (cells) => {
    const values: Variables = {};
    const problem = fillVariables(values, variables, cells);
    if (problem !== null) return problem;
    const outcome = expression.evaluate(values);
    if (outcome.kind === "unknown") return UNKNOWN;
    if (outcome.kind === "error") return { kind: "problem", problem: outcome.problem };
    if (outcome.value === null) return EMPTY;
    const parsed = type.parse(outcome.value);
    return parsed.kind === "value" ? { kind: "ok", result: parsed.text } : { kind: "problem", problem: `get gives ${parsed.problem}` };
  };
}

function putBy(
  { expression, variables, column }: ExpressionMappingParts["put"][number],
  value: string | null,
  cells: readonly NativeCell[] | null,
): Mapped<string | null> {
  const values: Variables = {};
  const problem = fillVariables(values, variables, cells);
  if (problem !== null) return problem;
  values["value"] = value;
  const outcome = expression.evaluate(values);
  if (outcome.kind === "unknown") return problemOf(column.name, "put needs a column whose value is not known");
  if (outcome.kind === "error") return problemOf(column.name, outcome.problem);
  if (outcome.value === null) return column.schema.nullable ? { kind: "ok", result: null } : notEmptiable(column.name);
  const cell = encodeText(column, outcome.value);
  return cell.kind === "value" ? { kind: "ok", result: cell.text } : problemOf(column.name, cell.problem);
}

/** Reads the columns into variables. For a create (`cells` null) all of them are empty. */
function fillVariables(
  values: Variables,
  variables: readonly ColumnVariable[],
  cells: readonly NativeCell[] | null,
): { readonly kind: "problem"; readonly problem: string } | null {
  for (const { variable, column } of variables) {
    const cell = cells === null ? null : cells[column.place];
    if (cell === null || cell === undefined) {
      values[variable] = cell;
      continue;
    }
    const decoded = column.codec.decode(cell);
    if (decoded.kind === "invalid") return problemOf(column.name, decoded.problem);
    values[variable] = decoded.text;
  }
  return null;
}

/** A filter by an expression: unknown and failed evaluations count as in scope, an empty result as out of it. [S42] */
export function filterBy({ expression, variables }: BoundExpression): (cells: readonly NativeCell[]) => boolean | undefined {
  return (cells) => {
    const values: Variables = {};
    if (fillVariables(values, variables, cells) !== null) return undefined;
    const outcome = expression.evaluate(values);
    return outcome.kind === "value" ? outcome.value === "true" : undefined;
  };
}
