import { isFiniteDecimal } from "../../value/decimal.ts";
import type { MaybeValue, Value, ValueType } from "../../value/value-type.ts";
import type { CounterPolicy } from "../policy.ts";

export type Counted =
  { readonly kind: "count"; readonly value: string; readonly delta: string } | { readonly kind: "review"; readonly reason: string };

/**
 * `C += o − B`: what the side added or took is added to the count, whatever the others did. [S19]
 * A count that was never given counts as zero. An emptied count is no delta, a delta that takes the count below the floor is no stock, and a count beyond the
 * type's range cannot be kept: all three go to review.
 */
export function applyDelta(policy: CounterPolicy, type: ValueType, canonical: Value, base: MaybeValue, observed: Value): Counted {
  if (observed === null) return { kind: "review", reason: "the count was emptied" };
  if (base === undefined) return { kind: "review", reason: "the count was changed from a value that could not be understood" };
  const current = canonical ?? "0";
  if (!isFiniteDecimal(current) || !isFiniteDecimal(observed) || !isFiniteDecimal(base ?? "0"))
    return { kind: "review", reason: "the count is not a finite number" };
  const delta = addDecimals(observed, negate(base ?? "0"));
  const count = addDecimals(current, delta);
  if (policy.floor !== null && isNegative(delta) && isNegative(addDecimals(count, negate(policy.floor)))) {
    return { kind: "review", reason: `the count would fall below ${policy.floor}` };
  }
  const parsed = type.parse(count);
  return parsed.kind === "invalid"
    ? { kind: "review", reason: `the count would be ${parsed.problem}` }
    : { kind: "count", value: parsed.text, delta };
}

/** Exact sum of two canonical decimals (or integers), as a canonical decimal. */
export function addDecimals(a: string, b: string): string {
  const scale = Math.max(scaleOf(a), scaleOf(b));
  return fromScaled(toScaled(a, scale) + toScaled(b, scale), scale);
}

function isNegative(text: string): boolean {
  return text.startsWith("-");
}

function negate(text: string): string {
  return isNegative(text) ? text.slice(1) : `-${text}`;
}

function scaleOf(text: string): number {
  const point = text.indexOf(".");
  return point === -1 ? 0 : text.length - point - 1;
}

function toScaled(text: string, scale: number): bigint {
  const missing = scale - scaleOf(text);
  return BigInt(text.replace(".", "") + "0".repeat(missing));
}

function fromScaled(scaled: bigint, scale: number): string {
  const sign = scaled < 0n ? "-" : "";
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(scale + 1, "0");
  if (scale === 0) return sign + digits;
  const whole = digits.slice(0, -scale);
  let fraction = digits.slice(-scale);
  while (fraction.endsWith("0")) fraction = fraction.slice(0, -1);
  const text = fraction === "" ? whole : `${whole}.${fraction}`;
  return text === "0" ? text : sign + text;
}
