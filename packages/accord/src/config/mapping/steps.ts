import { setElements } from "@accord/core";
import { compareDecimals, decimalFromInteger, divideDecimals, formatDecimal, multiplyDecimals, parseDecimal } from "../cel/decimal.ts";
import type { Decimal } from "../cel/decimal.ts";
import { invalid, valid } from "./mapped.ts";
import type { Step } from "./mapped.ts";

/** Digits after the point at which the inverse of a factor must have ended: `1 / 0.000001` and its like, and every power of two up to 2^-60. */
const inverseScaleMax = 60;

/** Field = column × factor, exactly, or null where the factor's inverse has no end (3, 60): then writing could not be exact. */
export function scaleStep(written: string): Step | null {
  const factor = parseDecimal(written);
  const inverse = factor === undefined ? null : inverseOf(factor);
  if (factor === undefined || inverse === null) return null;
  return { get: (text) => multiplied(text, factor), put: (text) => multiplied(text, inverse) };
}

function inverseOf(factor: Decimal): Decimal | null {
  const one = decimalFromInteger(1n);
  const inverse = divideDecimals(one, factor, inverseScaleMax);
  const product = inverse === undefined ? undefined : multiplyDecimals(inverse, factor);
  return inverse !== undefined && product !== undefined && compareDecimals(product, one) === 0 ? inverse : null;
}

function multiplied(text: string, factor: Decimal): ReturnType<Step["get"]> {
  const number = parseDecimal(text);
  const product = number === undefined ? undefined : multiplyDecimals(number, factor);
  return product === undefined ? invalid("not a number that can be converted") : valid(formatDecimal(product));
}

export type Case = "upper" | "lower";

/** Writes in one case; reads as it stands, or in the other one. */
export function caseStep(written: Case, read: Case | undefined): Step {
  return { get: (text) => valid(read === undefined ? text : inCase(text, read)), put: (text) => valid(inCase(text, written)) };
}

function inCase(text: string, wanted: Case): string {
  return wanted === "upper" ? text.toUpperCase() : text.toLowerCase();
}

/** A set kept as one text with a separator. White space around elements does not count, nor do empty elements. */
export function separatorStep(separator: string): Step {
  return {
    get: (text) =>
      valid(
        JSON.stringify(
          text
            .split(separator)
            .map((part) => part.trim())
            .filter((part) => part !== ""),
        ),
      ),
    put: (text) => {
      const elements = setElements(text);
      const wrong = elements.some((element) => element.includes(separator) || element.trim() !== element || element === "");
      return wrong ? invalid("an element that the separator would split or trim") : valid(elements.join(separator));
    },
  };
}
