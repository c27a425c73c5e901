import { compareCodeUnits, identityType, invalid, valid } from "./identity-type.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/** `true` or `false`; reads PostgreSQL's other spellings in any case: t, f, yes, no, y, n, on, off, 1, 0. False sorts below true. */
export const booleanType: ValueType = identityType({ name: "boolean", version: 1, parse: parseBoolean, order: compareCodeUnits });

function parseBoolean(text: string): ParseResult {
  if (text === "true" || text === "false") return valid(text);
  switch (text.trim().toLowerCase()) {
    case "true":
    case "t":
    case "yes":
    case "y":
    case "on":
    case "1":
      return valid("true");
    case "false":
    case "f":
    case "no":
    case "n":
    case "off":
    case "0":
      return valid("false");
    default:
      return invalid("neither true nor false");
  }
}
