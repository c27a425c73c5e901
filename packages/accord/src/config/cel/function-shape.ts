import type { Meter } from "./meter.ts";
import type { StaticType } from "./static-type.ts";
import type { Outcome, Value } from "./value.ts";

/** One function that expressions may call, as `name(a, b)` or `a.name(b)` alike. */
export interface FunctionShape {
  /** How it is called and what it gives, for messages and the reference page. */
  readonly usage: string;
  /** Kinds allowed for each operand; "list of text" checks the elements. A "dyn" operand is checked when it runs. */
  readonly operands: readonly (readonly OperandKind[])[];
  /** How many of the last operands may be left out. */
  readonly optional?: number;
  /** What a null first operand gives without calling `run`; absent: `run` sees the null. Other nulls are errors. */
  readonly onNull?: null | false;
  /** The type of the result. */
  readonly result: StaticType;
  /** Operands are known and of the allowed kinds. Pure; pays the meter for what it handles. */
  readonly run: (operands: readonly Value[], meter: Meter) => Outcome;
}

/** What an operand may be. */
export type OperandKind = "any" | "bool" | "int" | "double" | "text" | "decimal" | "instant" | "duration" | "list" | "map" | "list of text";

/** Makes the shapes of functions from one text, and perhaps further texts, to a value; null gives null. */
export function textFunction(usage: string, result: StaticType, run: (text: string, meter: Meter) => Outcome): FunctionShape {
  return {
    usage,
    operands: [["text"]],
    onNull: null,
    result,
    run: ([text], meter) => {
      const known = asText(text);
      meter.spendText(known.length);
      return run(known, meter);
    },
  };
}

/** The operand as text; the shape has already made sure that it is one. */
export function asText(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}

/** The operand as an int; the shape has already made sure that it is one. */
export function asInteger(value: Value | undefined): bigint {
  return typeof value === "bigint" ? value : 0n;
}
