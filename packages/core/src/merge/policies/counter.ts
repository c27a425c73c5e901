import type { Value } from "../../value/value-type.ts";
import type { CounterPolicy } from "../policy.ts";

export type Counted = { readonly kind: "count"; readonly value: Value } | { readonly kind: "review"; readonly reason: string };

/**
 * `C += o − B`: what the side added or took is added to the count, whatever the others did. [S19]
 * A count that was never given counts as zero; a count that was emptied is no delta, and a count below the floor is no stock: both go to review.
 */
export function applyDelta(policy: CounterPolicy, canonical: Value, base: Value, observed: Value): Counted {
  if (observed === null) return { kind: "review", reason: "the count was emptied" };
  const current = canonical ?? "0";
  if (!isFinite(current) || !isFinite(observed) || !isFinite(base ?? "0")) return { kind: "review", reason: "the count is not a finite number" };
  const count = addDecimals(current, addDecimals(observed, negate(base ?? "0")));
  if (policy.floor !== null && addDecimals(count, negate(policy.floor)).startsWith("-")) {
    return { kind: "review", reason: `the count would fall below ${policy.floor}` };
  }
  return { kind: "count", value: count };
}

/** Exact sum of two canonical decimals (or integers), as a canonical decimal. */
export function addDecimals(a: string, b: string): string {
  const scale = Math.max(scaleOf(a), scaleOf(b));
  return fromScaled(toScaled(a, scale) + toScaled(b, scale), scale);
}

function negate(text: string): string {
  return text.startsWith("-") ? text.slice(1) : `-${text}`;
}

function isFinite(text: string): boolean {
  return text !== "NaN" && !text.endsWith("Infinity");
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
