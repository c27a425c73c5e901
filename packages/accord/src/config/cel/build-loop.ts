import { ExpressionProblem } from "./problem.ts";
import { isOpen, listOf, scalar, typeName, type StaticType } from "./static-type.ts";
import { asBoolean, type Build, type Built, type Context, type Scope, type Step } from "./step.ts";
import type { Loop, SyntaxNode } from "./syntax.ts";
import { Failure, graver, isList, isMap, kindName, type Outcome, type Value } from "./value.ts";

/** Builds CEL's macros over lists and maps (of a map, its keys). Each round is paid for with the size of its body. */
export function buildLoop(node: Loop & { readonly column: number; readonly size: number }, scope: Scope, build: Build): Built {
  const over = build(node.over, scope);
  if (!("element" in over.type) && !isOpen(over.type)) {
    throw new ExpressionProblem(`${node.macro} goes over a list or map, not ${typeName(over.type)}`, node.column);
  }
  const slot = scope.locals.length;
  const inner: Scope = { ...scope, locals: [...scope.locals, { name: node.variable, type: elementType(over.type) }] };
  const filter = node.filter === null ? null : requireBoolean(build(node.filter, inner), node.filter);
  const body = build(node.body, inner);
  if (node.macro !== "map") requireBoolean(body, node.body);
  const runBody = eachRound(node.macro, body.run, filter?.run ?? null);
  const cost = node.body.size + (node.filter?.size ?? 0);
  return {
    type: node.macro === "map" ? listOf(body.type) : node.macro === "filter" ? listOf(elementType(over.type)) : scalar("bool"),
    run: (context) => {
      const holder = over.run(context);
      if (holder instanceof Failure) return holder;
      if (!isList(holder) && !isMap(holder)) return new Failure(`${node.macro} goes over a list or map, not ${kindName(holder)}`);
      const elements = isMap(holder) ? [...holder.keys()] : holder;
      return runBody(elements, context, (element) => {
        context.meter.spend(cost);
        context.locals[slot] = element;
      });
    },
  };
}

function elementType(type: StaticType): StaticType {
  if (!("element" in type)) return scalar("dyn");
  return type.kind === "map" ? scalar("text") : type.element;
}

function requireBoolean(built: Built, node: SyntaxNode): Built {
  if (built.type.kind === "bool" || built.type.kind === "dyn") return built;
  throw new ExpressionProblem(`bool is needed here, not ${typeName(built.type)}`, node.column);
}

type RunLoop = (elements: readonly Value[], context: Context, enter: (element: Value) => void) => Outcome;

function eachRound(macro: Loop["macro"], body: Step, filter: Step | null): RunLoop {
  switch (macro) {
    case "all":
      return quantifier(body, false);
    case "exists":
      return quantifier(body, true);
    case "exists_one":
      return (elements, context, enter) => {
        const kept = keepWhere(elements, context, enter, body);
        return kept instanceof Failure ? kept : kept.length === 1;
      };
    case "filter":
      return (elements, context, enter) => keepWhere(elements, context, enter, body);
    case "map":
      return (elements, context, enter) => mapEach(elements, context, enter, body, filter);
  }
}

/** As CEL has it: `all` is a chain of `&&`, `exists` of `||`; a deciding element wins over failures of others. */
function quantifier(body: Step, deciding: boolean): RunLoop {
  return (elements, context, enter) => {
    let failure: Failure | undefined;
    for (const element of elements) {
      enter(element);
      const answer = asBoolean(body(context));
      if (answer === deciding) return deciding;
      if (answer instanceof Failure) failure = failure === undefined ? answer : graver(failure, answer);
    }
    return failure ?? !deciding;
  };
}

function keepWhere(elements: readonly Value[], context: Context, enter: (element: Value) => void, body: Step): readonly Value[] | Failure {
  const kept: Value[] = [];
  for (const element of elements) {
    enter(element);
    const answer = asBoolean(body(context));
    if (answer instanceof Failure) return answer;
    if (answer) kept.push(element);
  }
  return kept;
}

function mapEach(elements: readonly Value[], context: Context, enter: (element: Value) => void, body: Step, filter: Step | null): Outcome {
  const made: Value[] = [];
  for (const element of elements) {
    enter(element);
    const wanted = filter === null ? true : asBoolean(filter(context));
    if (wanted instanceof Failure) return wanted;
    if (!wanted) continue;
    const outcome = body(context);
    if (outcome instanceof Failure) return outcome;
    made.push(outcome);
  }
  return made;
}
