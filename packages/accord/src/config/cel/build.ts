import { fieldType, readCanonical } from "./canonical.ts";
import { buildCall } from "./build-call.ts";
import { buildLoop } from "./build-loop.ts";
import { suggestion } from "./nearest.ts";
import { applyOperator, negate } from "./operator.ts";
import { operatorType } from "./operator-type.ts";
import { ExpressionProblem } from "./problem.ts";
import { commonType, isOpen, listOf, scalar, typeName, type StaticType } from "./static-type.ts";
import { asBoolean, notBoolean, runAll, widen, type Built, type Scope, type Step } from "./step.ts";
import type { BinaryOperator, SyntaxNode, SyntaxShape } from "./syntax.ts";
import { Failure, graver, isList, isMap, kindName, unknownInput, type Outcome, type Value } from "./value.ts";

type Node<Kind extends SyntaxShape["kind"]> = Extract<SyntaxNode, { readonly kind: Kind }>;

/** Checks a syntax tree and turns it into functions. @throws {ExpressionProblem} where types or names do not fit */
export function build(node: SyntaxNode, scope: Scope): Built {
  switch (node.kind) {
    case "literal": {
      const { value } = node;
      return { type: scalar(literalKind(value)), run: () => value };
    }
    case "name":
      return buildName(node, scope);
    case "select":
    case "has":
      return buildSelect(node, scope);
    case "index":
      return buildIndex(node, scope);
    case "list":
      return buildList(node, scope);
    case "map":
      return buildMap(node, scope);
    case "not":
    case "negate":
      return buildUnary(node, scope);
    case "logic":
      return buildLogic(node, scope);
    case "binary":
      return buildBinary(node, scope);
    case "choose":
      return buildChoose(node, scope);
    case "call":
      return buildCall(node, scope, build);
    case "loop":
      return buildLoop(node, scope, build);
  }
}

function literalKind(value: null | boolean | bigint | number | string): "null" | "bool" | "int" | "double" | "text" {
  const name = kindName(value);
  return name === "bool" || name === "int" || name === "double" || name === "text" ? name : "null";
}

function buildName(node: Node<"name">, scope: Scope): Built {
  const { name } = node;
  const slot = scope.locals.findLastIndex((local) => local.name === name);
  const local = scope.locals[slot];
  if (local !== undefined) return { type: local.type, run: ({ locals }) => locals[slot] ?? null };
  const field = scope.variables.get(name);
  if (field === undefined) {
    const names = [...scope.variables.keys(), ...scope.locals.map((known) => known.name)];
    throw new ExpressionProblem(`there is no "${name}" here${suggestion(name, names)}`, node.column);
  }
  scope.used.add(name);
  const type = fieldType(field);
  return {
    type,
    run: ({ variables, meter }) => {
      const text = Object.hasOwn(variables, name) ? variables[name] : undefined;
      if (text === undefined) return unknownInput;
      if (text === null) return null;
      return readCanonical(field, text, meter);
    },
  };
}

function buildSelect(node: Node<"select" | "has">, scope: Scope): Built {
  const operand = build(node.operand, scope);
  if (operand.type.kind !== "map" && operand.type.kind !== "dyn") {
    throw new ExpressionProblem(`${typeName(operand.type)} has no part "${node.field}"`, node.column);
  }
  const { field } = node;
  const asks = node.kind === "has";
  const element = "element" in operand.type ? operand.type.element : scalar("dyn");
  return {
    type: asks ? scalar("bool") : element,
    run: (context) => {
      const map = operand.run(context);
      if (map instanceof Failure) return map;
      if (!isMap(map)) return new Failure(`${kindName(map)} has no part "${field}"`);
      const value = map.get(field);
      if (asks) return value !== undefined;
      return value === undefined ? new Failure(`the map has no key "${field}"`) : value;
    },
  };
}

function buildIndex(node: Node<"index">, scope: Scope): Built {
  const operand = build(node.operand, scope);
  const index = build(node.index, scope);
  const wanted = operand.type.kind === "map" ? "text" : "int";
  const holds = "element" in operand.type;
  if ((!holds && !isOpen(operand.type)) || (holds && !isOpen(index.type) && index.type.kind !== wanted)) {
    throw new ExpressionProblem(`${typeName(operand.type)} has no element by ${typeName(index.type)}`, node.column);
  }
  return {
    type: "element" in operand.type ? operand.type.element : scalar("dyn"),
    run: (context) => both(operand.run(context), index.run(context), elementAt),
  };
}

function elementAt(holder: Value, index: Value): Outcome {
  if (isMap(holder) && typeof index === "string") return holder.get(index) ?? elementMissing(holder, index);
  if (!isList(holder) || typeof index !== "bigint") return new Failure(`${kindName(holder)} has no element by ${kindName(index)}`);
  if (index < 0n || index >= BigInt(holder.length)) return new Failure("the list has no element at that place");
  return holder[Number(index)] ?? null;
}

/** A key may be there with null for its value. */
function elementMissing(map: ReadonlyMap<string, Value>, key: string): Outcome {
  return map.has(key) ? null : new Failure("the map has no such key");
}

function buildList(node: Node<"list">, scope: Scope): Built {
  const elements = node.elements.map((element) => build(element, scope));
  const elementType = uniformType(elements, node);
  const type = listOf(elementType);
  const runs = elements.map((element) => widen(element, elementType));
  if (node.elements.every((element) => element.kind === "literal")) {
    const constant = node.elements.map((element) => (element.kind === "literal" ? element.value : null));
    return { type, run: () => constant };
  }
  return { type, run: (context) => runAll(runs, context) };
}

function buildMap(node: Node<"map">, scope: Scope): Built {
  const keys = node.entries.map(([key]) => {
    if (key.kind === "literal" && typeof key.value === "string") return key.value;
    throw new ExpressionProblem("the keys of a map are quoted texts", key.column);
  });
  if (new Set(keys).size < keys.length) throw new ExpressionProblem("the map has a key twice", node.column);
  const values = node.entries.map(([, value]) => build(value, scope));
  const elementType = uniformType(values, node);
  const runs = values.map((value) => widen(value, elementType));
  return {
    type: { kind: "map", element: elementType },
    run: (context) => {
      const known = runAll(runs, context);
      return known instanceof Failure ? known : new Map(keys.map((key, index) => [key, known[index] ?? null]));
    },
  };
}

function uniformType(elements: readonly Built[], node: SyntaxNode): StaticType {
  let type: StaticType = scalar("null");
  for (const element of elements) {
    const common = commonType(type, element.type);
    if (common === undefined) {
      throw new ExpressionProblem(
        `the elements mix ${typeName(type)} and ${typeName(element.type)}; wrap them in dyn() if that is meant`,
        node.column,
      );
    }
    type = common;
  }
  return elements.length === 0 ? scalar("dyn") : type;
}

function buildUnary(node: Node<"not" | "negate">, scope: Scope): Built {
  const operand = build(node.operand, scope);
  const allowed = node.kind === "not" ? ["bool", "dyn"] : ["int", "double", "decimal", "duration", "dyn"];
  if (!allowed.includes(operand.type.kind)) {
    const sign = node.kind === "not" ? "!" : "-";
    throw new ExpressionProblem(`"${sign}" is not defined for ${typeName(operand.type)}`, node.column);
  }
  const apply = node.kind === "not" ? invert : negate;
  return {
    type: operand.type,
    run: (context) => {
      const value = operand.run(context);
      return value instanceof Failure ? value : apply(value);
    },
  };
}

function invert(value: Value): Outcome {
  return typeof value === "boolean" ? !value : notBoolean(value);
}

/** `&&` and `||` look at both sides in either order: the deciding side wins over an error or an unknown on the other. */
function buildLogic(node: Node<"logic">, scope: Scope): Built {
  const [left, right] = [build(node.left, scope), build(node.right, scope)];
  for (const [side, built] of [
    [node.left, left],
    [node.right, right],
  ] as const) {
    if (built.type.kind !== "bool" && built.type.kind !== "dyn") {
      throw new ExpressionProblem(`"${node.operator}" needs bool on both sides, not ${typeName(built.type)}`, side.column);
    }
  }
  const deciding = node.operator === "||";
  return {
    type: scalar("bool"),
    run: (context) => {
      const first = asBoolean(left.run(context));
      if (first === deciding) return first;
      const second = asBoolean(right.run(context));
      if (second === deciding) return second;
      return graver(first, second) ?? !deciding;
    },
  };
}

function buildBinary(node: Node<"binary">, scope: Scope): Built {
  const [left, right] = [build(node.left, scope), build(node.right, scope)];
  const type = operatorType(node.operator, left.type, right.type);
  if (typeof type === "string") throw new ExpressionProblem(type, node.column);
  const { operator } = node;
  return { type, run: quickEquality(operator, left, right) ?? slowBinary(operator, left, right) };
}

function slowBinary(operator: BinaryOperator, left: Built, right: Built): Step {
  return (context) => both(left.run(context), right.run(context), (first, second) => applyOperator(operator, first, second, context.meter));
}

/** Comparing texts, ints and bools for equality is most of what filters do, and JavaScript's own comparison is right there. */
function quickEquality(operator: BinaryOperator, left: Built, right: Built): Step | undefined {
  const plain = left.type.kind === right.type.kind && ["text", "int", "bool"].includes(left.type.kind);
  if (!plain || (operator !== "==" && operator !== "!=")) return undefined;
  const wanted = operator === "==";
  return (context) => {
    const first = left.run(context);
    const second = right.run(context);
    return graver(first, second) ?? (first === second) === wanted;
  };
}

function both(left: Outcome, right: Outcome, apply: (left: Value, right: Value) => Outcome): Outcome {
  if (left instanceof Failure || right instanceof Failure) return graver(left, right) ?? null;
  return apply(left, right);
}

function buildChoose(node: Node<"choose">, scope: Scope): Built {
  const [condition, yes, no] = [build(node.condition, scope), build(node.yes, scope), build(node.no, scope)];
  if (condition.type.kind !== "bool" && condition.type.kind !== "dyn") {
    throw new ExpressionProblem(`the condition before "?" is ${typeName(condition.type)}, not bool`, node.condition.column);
  }
  const type = commonType(yes.type, no.type);
  if (type === undefined) {
    throw new ExpressionProblem(
      `the two sides of ":" are ${typeName(yes.type)} and ${typeName(no.type)}; they must be of one type`,
      node.column,
    );
  }
  const [runYes, runNo] = [widen(yes, type), widen(no, type)];
  return {
    type,
    run: (context) => {
      const chosen = asBoolean(condition.run(context));
      if (chosen instanceof Failure) return chosen;
      return chosen ? runYes(context) : runNo(context);
    },
  };
}
