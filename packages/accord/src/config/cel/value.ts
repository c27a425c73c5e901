import type { Decimal } from "./decimal.ts";
import type { Duration, Instant } from "./instant.ts";

/** A value while an expression runs: int is a bigint within 64 bits, double a number, a list an array, a map has text keys. */
export type Value =
  null | boolean | bigint | number | string | Decimal | Instant | Duration | readonly Value[] | ReadonlyMap<string, Value>;

/**
 * What a sub-expression gives instead of a value: an unknown input was needed, or the operation is an error.
 * A class so that `instanceof` tells it from every value in one step; failures are values because `&&` and `||` absorb them.
 */
export class Failure {
  /** Null: an input was unknown. Otherwise what went wrong, in words for the author of the expression. */
  readonly problem: string | null;

  constructor(problem: string | null) {
    this.problem = problem;
  }
}

/** The one failure that says an input was not known [S5]. */
export const unknownInput = new Failure(null);

/** What evaluating any part of an expression gives. */
export type Outcome = Value | Failure;

/** Of two failures, or a value and a failure, the one that counts: unknown before error, an earlier error before a later one. */
export function graver(first: Outcome, second: Outcome): Failure | undefined {
  if (first instanceof Failure) {
    return second instanceof Failure && second.problem === null ? second : first;
  }
  return second instanceof Failure ? second : undefined;
}

/** The name of a value's kind, as messages print it. */
export function kindName(value: Value): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "double";
    case "string":
      return "text";
    default:
      return "kind" in value ? value.kind : value instanceof Map ? "map" : "list";
  }
}

/** Whether the value is a list. */
export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** Whether the value is a map. */
export function isMap(value: Value): value is ReadonlyMap<string, Value> {
  return value instanceof Map;
}

/** Whether the value is a decimal. */
export function isDecimal(value: Value): value is Decimal {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "decimal";
}

/** Whether the value is an instant. */
export function isInstant(value: Value): value is Instant {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "instant";
}

/** Whether the value is a duration. */
export function isDuration(value: Value): value is Duration {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "duration";
}
