import type { CelTypeName } from "./canonical.ts";
import type { Meter } from "./meter.ts";
import { asDecimal } from "./operator.ts";
import type { StaticType } from "./static-type.ts";
import type { SyntaxNode } from "./syntax.ts";
import { Failure, kindName, type Outcome, type Value } from "./value.ts";

/** A part of an expression, checked and ready: its type, and the function that evaluates it. */
export interface Built {
  readonly type: StaticType;
  readonly run: Step;
}

/** Evaluates one part. Total but for `CostExceeded`. */
export type Step = (context: Context) => Outcome;

/** What one evaluation reads and counts. */
export interface Context {
  readonly variables: Readonly<Record<string, string | null | undefined>>;
  /** Variables of the loops around, by slot. */
  readonly locals: Value[];
  readonly meter: Meter;
}

/** What names mean at one place of the source. */
export interface Scope {
  readonly variables: ReadonlyMap<string, CelTypeName>;
  readonly locals: readonly { readonly name: string; readonly type: StaticType }[];
  /** Names of variables met so far; grows while building. */
  readonly used: Set<string>;
}

/** Builds one part; handed to the builders of calls and loops, which are in files of their own. */
export type Build = (node: SyntaxNode, scope: Scope) => Built;

/** Evaluates all parts in order; the gravest failure if any fails. */
export function runAll(runs: readonly Step[], context: Context): readonly Value[] | Failure {
  const values: Value[] = [];
  let failure: Failure | undefined;
  for (const run of runs) {
    const outcome = run(context);
    if (!(outcome instanceof Failure)) values.push(outcome);
    else if (outcome.problem === null) return outcome;
    else failure ??= outcome;
  }
  return failure ?? values;
}

/** The outcome as a boolean, or the failure that it is or deserves. */
export function asBoolean(outcome: Outcome): boolean | Failure {
  return typeof outcome === "boolean" || outcome instanceof Failure ? outcome : notBoolean(outcome);
}

/** The failure of a value where bool is needed. */
export function notBoolean(value: Value): Failure {
  return new Failure(`bool is needed here, not ${kindName(value)}`);
}

/** The step of a part that joins others of this type: an int among decimals becomes the decimal it equals. */
export function widen(built: Built, type: StaticType): Step {
  if (type.kind !== "decimal" || built.type.kind !== "int") return built.run;
  return (context) => {
    const outcome = built.run(context);
    return outcome instanceof Failure ? outcome : (asDecimal(outcome) ?? outcome);
  };
}
