import type { RecordId } from "./identifiers.ts";

/** Compares record ids as listings order them: as integers, or by the bytes of their UTF-8 (which is the order of code points). */
export function compareRecordIds(order: "integer" | "bytes", a: RecordId, b: RecordId): number {
  if (a === b) return 0;
  return order === "integer" ? compareIntegers(a, b) : compareBytes(a, b);
}

function compareIntegers(a: string, b: string): number {
  const isANegative = a.startsWith("-");
  if (isANegative !== b.startsWith("-")) return isANegative ? -1 : 1;
  const order = a.length === b.length ? (a < b ? -1 : 1) : a.length - b.length;
  return isANegative ? -order : order;
}

function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const unitA = a.charCodeAt(index);
    const unitB = b.charCodeAt(index);
    if (unitA !== unitB) return rank(unitA) - rank(unitB);
  }
  return a.length - b.length;
}

/** UTF-16 sorts surrogates below U+E000; code points sort them above. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
