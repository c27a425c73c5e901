import { compareCodeUnits, identityType, valid } from "./identity-type.ts";
import type { ValueType } from "./value-type.ts";

/**
 * Any text, kept exactly as it is: white space, case and normal form included, so that nothing a user typed is changed by passing through.
 * Ordered by UTF-16 code units. Only the match key forgives: see {@link textKey}.
 */
export const textType: ValueType = identityType({ name: "text", version: 1, parse: valid, order: compareCodeUnits, key: textKey });

const NOT_ASCII = /[^\0-\x7f]/;
const WHITE_SPACE = /\s+/g;
const SPACE_TO_FOLD = /[^\S ]|\s\s/;

/**
 * The match key of a text: NFKC, lower case, trimmed, inner white space folded to one space; null for a text of white space alone. [S36]
 * Also the building block of other keys, therefore `textKey(textKey(x)) = textKey(x)`.
 */
export function textKey(text: string): string | null {
  // Lower-casing can break the normal form (İ becomes i and a combining dot), hence the second pass.
  const folded = NOT_ASCII.test(text) ? text.normalize("NFKC").toLowerCase().normalize("NFKC") : text.toLowerCase();
  const trimmed = folded.trim();
  if (trimmed === "") return null;
  return SPACE_TO_FOLD.test(trimmed) ? trimmed.replace(WHITE_SPACE, " ") : trimmed;
}
