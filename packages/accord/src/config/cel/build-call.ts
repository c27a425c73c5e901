import { convertFunctions } from "./function-convert.ts";
import type { FunctionShape, OperandKind } from "./function-shape.ts";
import { textFunctions } from "./function-text.ts";
import { checkPattern, matchesFunction } from "./matches.ts";
import { Meter } from "./meter.ts";
import { suggestion } from "./nearest.ts";
import { ExpressionProblem } from "./problem.ts";
import { commonType, isOpen, scalar, typeName, type StaticType } from "./static-type.ts";
import { runAll, widen, type Build, type Built, type Scope, type Step } from "./step.ts";
import type { SyntaxNode } from "./syntax.ts";
import { Failure, isList, kindName, type Outcome, type Value } from "./value.ts";

type CallNode = Extract<SyntaxNode, { readonly kind: "call" }>;

/** All functions with operands that are evaluated first, by name. */
const functionsByName: ReadonlyMap<string, FunctionShape> = new Map([...textFunctions, ...convertFunctions, ["matches", matchesFunction]]);

const coalesceUsage = "coalesce(a, b, …): the first that is not null; a null known to be null passes on, an unknown does not";
const fieldUsage = "field('name'): the field of that name, for names that are no CEL identifiers";
const macroNames = ["all", "exists", "exists_one", "filter", "map", "has", "coalesce", "field"];

/** How each function is called, sorted by name, for the reference page. */
export const functionUsages: readonly string[] = [
  ...[...functionsByName.values()].map((shape) => shape.usage),
  coalesceUsage,
  fieldUsage,
].toSorted();

/** Builds a call. Operands that are all literals are calculated at once, so that a mistake in one shows when the file is read. */
export function buildCall(node: CallNode, scope: Scope, build: Build): Built {
  if (node.name === "coalesce") return buildCoalesce(node, scope, build);
  const shape = functionsByName.get(node.name);
  if (shape === undefined) {
    const names = [...functionsByName.keys(), ...macroNames];
    throw new ExpressionProblem(`there is no function "${node.name}"${suggestion(node.name, names)}`, node.column);
  }
  const operands = node.operands.map((operand) => build(operand, scope));
  checkOperands(shape, operands, node);
  checkLiteralPattern(node);
  const call = callStep(shape, operands);
  const type = resultType(shape, operands);
  if (node.operands.length === 0 || !node.operands.every((operand) => operand.kind === "literal")) return { type, run: call };
  const constant = call({ variables: {}, locals: [], meter: new Meter() });
  if (constant instanceof Failure) throw new ExpressionProblem(constant.problem ?? "", node.column);
  return { type, run: () => constant };
}

/** What a function gives is fixed, but for the null that the literal null gives. */
function resultType(shape: FunctionShape, operands: readonly Built[]): StaticType {
  return shape.onNull === null && operands[0]?.type.kind === "null" ? scalar("null") : shape.result;
}

function checkLiteralPattern(node: CallNode): void {
  const pattern = node.name === "matches" ? node.operands[1] : undefined;
  if (pattern?.kind !== "literal" || typeof pattern.value !== "string") return;
  const outcome = checkPattern(pattern.value);
  if (outcome instanceof Failure) throw new ExpressionProblem(outcome.problem ?? "", pattern.column);
}

function checkOperands(shape: FunctionShape, operands: readonly Built[], node: CallNode): void {
  const least = shape.operands.length - (shape.optional ?? 0);
  if (operands.length < least || operands.length > shape.operands.length) {
    throw new ExpressionProblem(`${node.name}() takes ${countText(least, shape.operands.length)}: ${shape.usage}`, node.column);
  }
  for (const [index, operand] of operands.entries()) {
    const allowed = shape.operands[index] ?? [];
    if (allowed.some((kind) => mayBe(operand.type, kind))) continue;
    const column = node.operands[index]?.column ?? node.column;
    const hint = operand.type.kind === "double" && allowed.includes("decimal") ? "; write the number as decimal('1.5')" : "";
    throw new ExpressionProblem(`${node.name}() does not take ${typeName(operand.type)} there: ${shape.usage}${hint}`, column);
  }
}

function countText(least: number, most: number): string {
  return least === most ? `${most.toString()} operand(s)` : `${least.toString()} to ${most.toString()} operands`;
}

function mayBe(type: StaticType, kind: OperandKind): boolean {
  if (kind === "any" || isOpen(type)) return true;
  if (kind === "list of text") {
    return type.kind === "list" && "element" in type && (type.element.kind === "text" || isOpen(type.element));
  }
  return type.kind === kind;
}

function callStep(shape: FunctionShape, operands: readonly Built[]): Step {
  const runs = operands.map((operand) => operand.run);
  return (context) => {
    const values = runAll(runs, context);
    if (values instanceof Failure) return values;
    if (shape.onNull !== undefined && values[0] === null) return shape.onNull;
    const wrong = values.findIndex((value, index) => !(shape.operands[index] ?? []).some((kind) => isOf(value, kind)));
    if (wrong >= 0) return new Failure(`${kindName(values[wrong] ?? null)} is not taken there: ${shape.usage}`);
    return shape.run(values, context.meter);
  };
}

function isOf(value: Value, kind: OperandKind): boolean {
  if (kind === "any") return true;
  if (kind === "list of text") {
    return isList(value) && value.every((element) => element === null || typeof element === "string");
  }
  return kindName(value) === kind;
}

/** Stops at the first operand that is not null; an unknown one before it leaves the whole unknown [S5]. */
function buildCoalesce(node: CallNode, scope: Scope, build: Build): Built {
  if (node.operands.length === 0) throw new ExpressionProblem(`coalesce() takes one operand or more: ${coalesceUsage}`, node.column);
  const operands = node.operands.map((operand) => build(operand, scope));
  let type: StaticType = scalar("null");
  for (const [index, operand] of operands.entries()) {
    const common = commonType(type, operand.type);
    if (common === undefined) {
      const column = node.operands[index]?.column ?? node.column;
      throw new ExpressionProblem(`coalesce() mixes ${typeName(type)} and ${typeName(operand.type)}`, column);
    }
    type = common;
  }
  const common = type;
  const runs = operands.map((operand) => widen(operand, common));
  return {
    type,
    run: (context): Outcome => {
      for (const run of runs) {
        const outcome = run(context);
        if (outcome !== null) return outcome;
      }
      return null;
    },
  };
}
