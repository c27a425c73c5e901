import { ExpressionProblem } from "./cel/problem.ts";
import { parseSyntax } from "./cel/syntax.ts";
import type { SyntaxNode } from "./cel/syntax.ts";

/** The variables that an expression mentions, or why it cannot be read. */
export type ExpressionNames =
  { readonly kind: "names"; readonly names: readonly string[] } | { readonly kind: "unreadable"; readonly problem: string };

/** Reads the names of variables from an expression before their types are known; variables of loops are left out. */
export function namesIn(source: string): ExpressionNames {
  try {
    const names = new Set<string>();
    collect(parseSyntax(source), new Set(), names);
    return { kind: "names", names: [...names] };
  } catch (error) {
    if (error instanceof ExpressionProblem) return { kind: "unreadable", problem: error.message };
    throw error;
  }
}

/** Recursion is bounded by the parser's limit on depth. */
function collect(node: SyntaxNode, bound: ReadonlySet<string>, names: Set<string>): void {
  const visit = (inner: SyntaxNode): void => {
    collect(inner, bound, names);
  };
  switch (node.kind) {
    case "literal":
      return;
    case "name":
      if (!bound.has(node.name)) names.add(node.name);
      return;
    case "select":
    case "has":
    case "not":
    case "negate":
      return visit(node.operand);
    case "index":
      return [node.operand, node.index].forEach(visit);
    case "list":
      return node.elements.forEach(visit);
    case "map":
      return node.entries.flat().forEach(visit);
    case "logic":
    case "binary":
      return [node.left, node.right].forEach(visit);
    case "choose":
      return [node.condition, node.yes, node.no].forEach(visit);
    case "call":
      return node.operands.forEach(visit);
    case "loop": {
      visit(node.over);
      const inside = new Set([...bound, node.variable]);
      for (const part of [node.filter, node.body]) if (part !== null) collect(part, inside, names);
    }
  }
}
