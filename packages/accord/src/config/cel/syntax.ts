import { Environment, ParseError, type ASTNode } from "@marcbachmann/cel-js";
import { literalElementsMax, sourceCharactersMax, syntaxDepthMax, syntaxNodesMax } from "./limits.ts";
import { ExpressionProblem } from "./problem.ts";

/** One node of an expression's syntax tree; `column` counts from 1 in the source, `size` is the nodes in and below it. */
export type SyntaxNode = Position & SyntaxShape;

/** What a syntax node says; a method call is a call with its receiver as the first argument. */
export type SyntaxShape =
  | { readonly kind: "literal"; readonly value: null | boolean | bigint | number | string }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "select"; readonly operand: SyntaxNode; readonly field: string }
  | { readonly kind: "has"; readonly operand: SyntaxNode; readonly field: string }
  | { readonly kind: "index"; readonly operand: SyntaxNode; readonly index: SyntaxNode }
  | { readonly kind: "list"; readonly elements: readonly SyntaxNode[] }
  | { readonly kind: "map"; readonly entries: readonly (readonly [SyntaxNode, SyntaxNode])[] }
  | { readonly kind: "not" | "negate"; readonly operand: SyntaxNode }
  | { readonly kind: "logic"; readonly operator: "&&" | "||"; readonly left: SyntaxNode; readonly right: SyntaxNode }
  | { readonly kind: "binary"; readonly operator: BinaryOperator; readonly left: SyntaxNode; readonly right: SyntaxNode }
  | { readonly kind: "choose"; readonly condition: SyntaxNode; readonly yes: SyntaxNode; readonly no: SyntaxNode }
  | { readonly kind: "call"; readonly name: string; readonly operands: readonly SyntaxNode[] }
  | Loop;

/** A macro over a list or map: `list.exists(x, …)`. `filter` is given for `list.map(x, filter, body)` alone. */
export interface Loop {
  readonly kind: "loop";
  readonly macro: "all" | "exists" | "exists_one" | "filter" | "map";
  readonly over: SyntaxNode;
  readonly variable: string;
  readonly filter: SyntaxNode | null;
  readonly body: SyntaxNode;
}

/** Operators that take two values and need both. */
export type BinaryOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "+" | "-" | "*" | "/" | "%";

interface Position {
  readonly column: number;
  readonly size: number;
}

const integerMax = 2n ** 63n - 1n;

// Of the library only the parser is used; checking and evaluating are ours. See the decision record on the expression language.
const parser = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  limits: {
    maxAstNodes: syntaxNodesMax,
    maxDepth: syntaxDepthMax,
    maxListElements: literalElementsMax,
    maxMapEntries: literalElementsMax,
  },
});

/** Reads CEL source into a tree. @throws {ExpressionProblem} with the column when the source is no expression */
export function parseSyntax(source: string): SyntaxNode {
  if (source.length > sourceCharactersMax) {
    throw new ExpressionProblem(`the expression is longer than ${sourceCharactersMax.toString()} characters`, 1);
  }
  if (source.trim() === "") throw new ExpressionProblem("the expression is empty", 1);
  return convert(parseTree(source));
}

function parseTree(source: string): ASTNode {
  try {
    return parser.parse(source).ast;
  } catch (error) {
    if (error instanceof ParseError) {
      throw new ExpressionProblem(`the expression cannot be read: ${error.summary}`, (error.range?.start ?? 0) + 1);
    }
    // The parser recurses: signs without end, "----…", overflow the stack before its own limits see them.
    throw new ExpressionProblem("the expression cannot be read: it is nested too deeply", 1);
  }
}

function convert(tree: ASTNode): SyntaxNode {
  const shape = shapeOf(tree);
  return { ...shape, column: tree.start + 1, size: 1 + childrenOf(shape).reduce((sum, child) => sum + child.size, 0) };
}

function shapeOf(tree: ASTNode): SyntaxShape {
  switch (tree.op) {
    case "value":
      return literal(tree.args, tree);
    case "id":
      return { kind: "name", name: tree.args };
    case ".":
      return { kind: "select", operand: convert(tree.args[0]), field: tree.args[1] };
    case "[]":
      return { kind: "index", operand: convert(tree.args[0]), index: convert(tree.args[1]) };
    case "list":
      return { kind: "list", elements: tree.args.map(convert) };
    case "map":
      return { kind: "map", entries: tree.args.map(([key, value]) => [convert(key), convert(value)]) };
    case "!_":
      return { kind: "not", operand: convert(tree.args) };
    case "-_":
      return negation(tree.args);
    case "||":
    case "&&":
      return { kind: "logic", operator: tree.op, left: convert(tree.args[0]), right: convert(tree.args[1]) };
    case "?:": {
      const [condition, yes, no] = tree.args;
      return { kind: "choose", condition: convert(condition), yes: convert(yes), no: convert(no) };
    }
    case "call":
      return callShape(tree.args[0], null, tree.args[1], tree);
    case "rcall":
      return callShape(tree.args[0], tree.args[1], tree.args[2], tree);
    case ".?":
    case "[?]":
      throw new ExpressionProblem("optional access is not offered", tree.start + 1);
    default:
      return { kind: "binary", operator: tree.op, left: convert(tree.args[0]), right: convert(tree.args[1]) };
  }
}

/** -9223372036854775808 is one number, though its digits alone are out of range. */
function negation(operand: ASTNode): SyntaxShape {
  if (operand.op === "value" && typeof operand.args === "bigint" && operand.args === integerMax + 1n) {
    return { kind: "literal", value: -operand.args };
  }
  return { kind: "negate", operand: convert(operand) };
}

function literal(value: unknown, tree: ASTNode): SyntaxShape {
  if (typeof value === "bigint" && value > integerMax) {
    throw new ExpressionProblem(`the integer ${value.toString()} is beyond 64 bits`, tree.start + 1);
  }
  if (value === null) return { kind: "literal", value };
  switch (typeof value) {
    case "boolean":
    case "bigint":
    case "number":
    case "string":
      return { kind: "literal", value };
    default:
      throw new ExpressionProblem("unsigned numbers and bytes literals are not offered", tree.start + 1);
  }
}

function callShape(name: string, receiver: ASTNode | null, operands: readonly ASTNode[], tree: ASTNode): SyntaxShape {
  if (receiver === null && name === "has") return hasShape(operands, tree);
  if (receiver === null && name === "field") return fieldShape(operands, tree);
  if (receiver !== null && isLoop(name)) return loopShape(name, receiver, operands, tree);
  return { kind: "call", name, operands: (receiver === null ? operands : [receiver, ...operands]).map(convert) };
}

function hasShape(operands: readonly ASTNode[], tree: ASTNode): SyntaxShape {
  const operand = operands[0];
  if (operands.length === 1 && operand?.op === ".") {
    return { kind: "has", operand: convert(operand.args[0]), field: operand.args[1] };
  }
  throw new ExpressionProblem(`has() asks for a key of a map; a field is asked with "field != null"`, tree.start + 1);
}

/** `field('First Name')` names a field whose name is no identifier, or one that CEL reserves. */
function fieldShape(operands: readonly ASTNode[], tree: ASTNode): SyntaxShape {
  const [operand] = operands;
  if (operands.length === 1 && operand?.op === "value" && typeof operand.args === "string") {
    return { kind: "name", name: operand.args };
  }
  throw new ExpressionProblem("field() takes one quoted name", tree.start + 1);
}

function loopShape(macro: Loop["macro"], receiver: ASTNode, operands: readonly ASTNode[], tree: ASTNode): Loop {
  const [variable, second, third] = operands;
  const fits = third === undefined ? operands.length === 2 : operands.length === 3 && macro === "map";
  if (!fits || variable?.op !== "id" || second === undefined) {
    throw new ExpressionProblem(`${macro} is written list.${macro}(x, expression)`, tree.start + 1);
  }
  const filter = third === undefined ? null : convert(second);
  return { kind: "loop", macro, over: convert(receiver), variable: variable.args, filter, body: convert(third ?? second) };
}

function isLoop(name: string): name is Loop["macro"] {
  return name === "all" || name === "exists" || name === "exists_one" || name === "filter" || name === "map";
}

function childrenOf(shape: SyntaxShape): readonly SyntaxNode[] {
  switch (shape.kind) {
    case "literal":
    case "name":
      return [];
    case "select":
    case "has":
    case "not":
    case "negate":
      return [shape.operand];
    case "index":
      return [shape.operand, shape.index];
    case "list":
      return shape.elements;
    case "map":
      return shape.entries.flat();
    case "logic":
    case "binary":
      return [shape.left, shape.right];
    case "choose":
      return [shape.condition, shape.yes, shape.no];
    case "call":
      return shape.operands;
    case "loop":
      return shape.filter === null ? [shape.over, shape.body] : [shape.over, shape.filter, shape.body];
  }
}
