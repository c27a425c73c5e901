import { compareCodeUnits, identityType, invalid, valid } from "./identity-type.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/** A UUID in lower case with hyphens. Reads capitals, braces, `urn:uuid:` and hyphens left out; any version, because systems invent their own. */
export const uuidType: ValueType = identityType({ name: "uuid", version: 1, parse: parseUuid, order: compareCodeUnits });

const CANONICAL = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;
const SPELLING = /^([\da-f]{8})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{12})$/;

function parseUuid(text: string): ParseResult {
  if (CANONICAL.test(text)) return valid(text);
  const parts = SPELLING.exec(unwrap(text.trim().toLowerCase()));
  return parts === null ? invalid("not a UUID") : valid(parts.slice(1).join("-"));
}

function unwrap(text: string): string {
  if (text.startsWith("urn:uuid:")) return text.slice("urn:uuid:".length);
  return text.startsWith("{") && text.endsWith("}") ? text.slice(1, -1) : text;
}
