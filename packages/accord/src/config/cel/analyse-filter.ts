import { formatDecimal, parseDecimal } from "./decimal.ts";
import { formatInstant, isDate, parseInstant } from "./instant.ts";
import { ExpressionProblem } from "./problem.ts";
import { parseSyntax, type BinaryOperator, type SyntaxNode } from "./syntax.ts";

/** A literal of a filter: its type and canonical text. */
export type FilterLiteral =
  { readonly kind: "null" } | { readonly kind: "text" | "integer" | "boolean" | "decimal" | "instant" | "date"; readonly text: string };

/**
 * One condition on one field. All terms of a filter must hold.
 * Null: `==` and `!=` compare with null as with any value, so `field != 'x'` holds for a null field (in SQL: IS DISTINCT
 * FROM); `<`, `<=`, `>`, `>=` never hold for a null field. Text is ordered by code point.
 */
export type FilterTerm =
  | { readonly field: string; readonly op: "==" | "!=" | "<" | "<=" | ">" | ">="; readonly value: FilterLiteral }
  | { readonly field: string; readonly op: "in"; readonly values: readonly FilterLiteral[] };

/**
 * The terms of a filter that is nothing but `field op literal`, `field in [literals]` joined by `&&`; null for any other
 * filter and for a source that cannot be read. A caller pushes down the terms its system can answer alike.
 */
export function analyseFilter(source: string): readonly FilterTerm[] | null {
  try {
    return conjunction(parseSyntax(source));
  } catch (error) {
    if (error instanceof ExpressionProblem) return null;
    throw error;
  }
}

function conjunction(node: SyntaxNode): readonly FilterTerm[] | null {
  if (node.kind === "logic" && node.operator === "&&") {
    const [left, right] = [conjunction(node.left), conjunction(node.right)];
    return left === null || right === null ? null : [...left, ...right];
  }
  const term = termOf(node);
  return term === null ? null : [term];
}

function termOf(node: SyntaxNode): FilterTerm | null {
  if (node.kind !== "binary") return null;
  const { left, right, operator } = node;
  if (operator === "in") return left.kind === "name" ? membership(left.name, right) : null;
  if (left.kind === "name") return comparison(left.name, operator, right);
  const turned = turnedOperator.get(operator);
  return right.kind === "name" && turned !== undefined ? comparison(right.name, turned, left) : null;
}

const turnedOperator: ReadonlyMap<string, BinaryOperator> = new Map([
  ["==", "=="],
  ["!=", "!="],
  ["<", ">"],
  ["<=", ">="],
  [">", "<"],
  [">=", "<="],
]);

function comparison(field: string, operator: BinaryOperator, node: SyntaxNode): FilterTerm | null {
  const value = literalOf(node);
  if (value === null) return null;
  switch (operator) {
    case "==":
    case "!=":
      return { field, op: operator, value };
    case "<":
    case "<=":
    case ">":
    case ">=":
      return value.kind === "null" ? null : { field, op: operator, value };
    default:
      return null;
  }
}

function membership(field: string, node: SyntaxNode): FilterTerm | null {
  if (node.kind !== "list") return null;
  const values = node.elements.map(literalOf).filter((value) => value !== null);
  return values.length === node.elements.length ? { field, op: "in", values } : null;
}

function literalOf(node: SyntaxNode): FilterLiteral | null {
  if (node.kind === "call") return callLiteral(node);
  if (node.kind === "negate") {
    const inner = literalOf(node.operand);
    return inner?.kind === "integer" ? { kind: "integer", text: (-BigInt(inner.text)).toString() } : null;
  }
  if (node.kind !== "literal") return null;
  const { value } = node;
  if (value === null) return { kind: "null" };
  switch (typeof value) {
    case "string":
      return { kind: "text", text: value };
    case "bigint":
      return { kind: "integer", text: value.toString() };
    case "boolean":
      return { kind: "boolean", text: String(value) };
    default:
      return null;
  }
}

function callLiteral(node: Extract<SyntaxNode, { readonly kind: "call" }>): FilterLiteral | null {
  const operand = node.operands[0];
  if (node.operands.length !== 1 || operand?.kind !== "literal" || typeof operand.value !== "string") return null;
  switch (node.name) {
    case "decimal": {
      const decimal = parseDecimal(operand.value);
      return decimal === undefined ? null : { kind: "decimal", text: formatDecimal(decimal) };
    }
    case "instant":
    case "timestamp": {
      const instant = parseInstant(operand.value);
      return instant === undefined ? null : { kind: "instant", text: formatInstant(instant) };
    }
    case "date":
      return isDate(operand.value) ? { kind: "date", text: operand.value } : null;
    default:
      return null;
  }
}
