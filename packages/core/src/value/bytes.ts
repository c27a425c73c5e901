import { compareCodeUnits, identityType, invalid, valid } from "./identity-type.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/** Binary data as lower-case hexadecimal, two digits a byte, without a prefix. Reads capitals and the prefixes `\x` (PostgreSQL) and `0x`. Ordered byte by byte. */
export const bytesType: ValueType = identityType({ name: "bytes", version: 1, parse: parseBytes, order: compareCodeUnits });

const NOT_CANONICAL = /[^\da-f]/;

function parseBytes(text: string): ParseResult {
  const hex = NOT_CANONICAL.test(text) ? withoutPrefix(text.trim().toLowerCase()) : text;
  if (NOT_CANONICAL.test(hex)) return invalid("not hexadecimal");
  return hex.length % 2 === 0 ? valid(hex) : invalid("half a byte too many: hexadecimal digits come in pairs");
}

function withoutPrefix(text: string): string {
  return text.startsWith("\\x") || text.startsWith("0x") ? text.slice(2) : text;
}
