import { identityType, invalid, valid } from "./identity-type.ts";
import { readJson, writeJson } from "./json-node.ts";
import type { ParseResult, ValueType } from "./value-type.ts";

/**
 * Any JSON value, as PostgreSQL's `jsonb` tells them apart: white space, the order of keys and how a number is spelled do not count, and of a repeated key the
 * last member does. Canonical: sorted keys, no white space, numbers as exact decimals. The JSON value `null` is a value here, unlike the absence of one. [S5]
 */
export const jsonType: ValueType = identityType({ name: "json", version: 1, parse: parseJson, order: null });

function parseJson(text: string): ParseResult {
  const node = readJson(text);
  return node.kind === "problem" ? invalid(node.problem) : valid(writeJson(node));
}
