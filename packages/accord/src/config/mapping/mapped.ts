import type { Mapped, MaybeValue, NativeCell, ParseResult } from "@accord/core";

/** Results that are the same for every record: made once. */
export const UNKNOWN: Mapped<MaybeValue> = { kind: "ok", result: undefined };
export const EMPTY: Mapped<MaybeValue> = { kind: "ok", result: null };

/** Cells as `put` gives them. */
export type Cells = readonly (string | null)[];

/** A problem of one column. The text never holds the value. */
export function problemOf(column: string, problem: string): { readonly kind: "problem"; readonly problem: string } {
  return { kind: "problem", problem: `${column}: ${problem}` };
}

/** Why a column cannot be emptied. */
export function notEmptiable(column: string): { readonly kind: "problem"; readonly problem: string } {
  return problemOf(column, "the value is empty, and the column must not be");
}

/** The current cells at some places, or null where one of them is not known. */
export function currentCells(cells: readonly NativeCell[], places: readonly number[]): Cells | null {
  const current: (string | null)[] = [];
  for (const place of places) {
    const cell = cells[place];
    if (cell === undefined) return null;
    current.push(cell);
  }
  return current;
}

/** A step on a value's way between a column and its field. Pure and total. */
export interface Step {
  /** Towards the field. */
  get(text: string): ParseResult;
  /** Towards the column. */
  put(text: string): ParseResult;
}

export function valid(text: string): ParseResult {
  return { kind: "value", text };
}

export function invalid(problem: string): ParseResult {
  return { kind: "invalid", problem };
}
