import { build } from "./build.ts";
import { checkResultType, writeCanonical, type CelTypeName } from "./canonical.ts";
import { CostExceeded, Meter } from "./meter.ts";
import { ExpressionProblem } from "./problem.ts";
import type { Built, Step } from "./step.ts";
import { parseSyntax } from "./syntax.ts";
import { Failure } from "./value.ts";

export type { CelTypeName } from "./canonical.ts";

/** What an expression may speak of, and what it must give. */
export interface ExpressionEnvironment {
  /** Types of the variables by name. */
  readonly variables: Readonly<Record<string, CelTypeName>>;
  /** The type of the result; "any" takes whatever has a canonical text. */
  readonly result: CelTypeName | "any";
}

/** An expression ready to run, or why it is none. */
export type CompileResult =
  | CompiledExpression
  | {
      readonly ok: false;
      readonly problem: string;
      /** Where in the source, counted from 1. */
      readonly column?: number;
    };

/** An expression that was read and checked. */
export interface CompiledExpression {
  readonly ok: true;
  /** Variables the expression mentions, sorted; others make no difference to its result. */
  readonly variablesUsed: readonly string[];
  /**
   * Evaluates on canonical texts: null is CEL's null, undefined or an absent key is unknown. Never throws, has no effects,
   * reads no clock, and takes a bounded number of steps (`costMax`).
   */
  readonly evaluate: (variables: Readonly<Record<string, string | null | undefined>>) => EvaluateResult;
}

/** What an evaluation gives. `value` is canonical text of the result type; problems name no field values. */
export type EvaluateResult =
  | { readonly kind: "value"; readonly value: string | null }
  /** An unknown variable was needed; nothing is guessed in its place [S5]. */
  | { readonly kind: "unknown" }
  | { readonly kind: "error"; readonly problem: string };

/**
 * Reads a CEL expression, checks its names and types, and makes it a plain function.
 * Decimals and instants are types of their own and exact; a decimal meets a double only as an error.
 */
export function compileExpression(source: string, environment: ExpressionEnvironment): CompileResult {
  const used = new Set<string>();
  const variables = new Map(Object.entries(environment.variables));
  try {
    const built = build(parseSyntax(source), { variables, locals: [], used });
    const problem = checkResultType(built.type, environment.result);
    if (problem !== undefined) return { ok: false, problem };
    return finish(built, environment.result, [...used].toSorted());
  } catch (error) {
    if (error instanceof ExpressionProblem) return { ok: false, problem: error.message, column: error.column };
    if (error instanceof CostExceeded) return { ok: false, problem: error.message };
    throw error;
  }
}

function finish(built: Built, result: CelTypeName | "any", variablesUsed: readonly string[]): CompiledExpression {
  const { run } = built;
  return { ok: true, variablesUsed, evaluate: (variables) => evaluate(run, result, variables) };
}

function evaluate(run: Step, result: CelTypeName | "any", variables: Readonly<Record<string, string | null | undefined>>): EvaluateResult {
  const meter = new Meter();
  try {
    const outcome = run({ variables, locals: [], meter });
    const text = outcome instanceof Failure ? outcome : writeCanonical(outcome, result, meter);
    if (!(text instanceof Failure)) return { kind: "value", value: text };
    return text.problem === null ? { kind: "unknown" } : { kind: "error", problem: text.problem };
  } catch (error) {
    // The cost limit, and as the last resort what the runtime itself refuses (memory, stack): one record's error, not the run's.
    return { kind: "error", problem: error instanceof Error ? error.message : "the evaluation failed" };
  }
}
