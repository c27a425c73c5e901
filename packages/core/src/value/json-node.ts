import { parseDecimal } from "./decimal.ts";

/** A JSON text taken apart without losing anything: numbers stay texts (canonical decimals), so that 1e400 and 64-bit integers survive. */
export type JsonNode =
  | { readonly kind: "literal"; readonly text: "null" | "true" | "false" }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "array"; readonly items: readonly JsonNode[] }
  | { readonly kind: "object"; readonly members: ReadonlyMap<string, JsonNode> };

/** A text that is no JSON, or JSON that cannot be kept; the problem never repeats the text. */
export interface JsonProblem {
  readonly kind: "problem";
  readonly problem: string;
}

/** Deeper nesting is refused: reading recurses, and the stack of every machine that runs Accord bears this. */
const DEPTH_MAX = 500;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;
const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;
const LITERALS = ["null", "true", "false"] as const;

/** Reads one JSON text (RFC 8259). Of a repeated key the last member counts, as in PostgreSQL's `jsonb`. */
export function readJson(text: string): JsonNode | JsonProblem {
  const reader = { text, at: 0 };
  const node = readNode(reader, 0);
  if (node.kind === "problem") return node;
  skipWhiteSpace(reader);
  return reader.at === text.length ? node : notJson;
}

/** Writes a node in its one spelling: keys in order of their UTF-16 code units, no white space, strings as `JSON.stringify` writes them. */
export function writeJson(node: JsonNode): string {
  switch (node.kind) {
    case "literal":
    case "number":
      return node.text;
    case "string":
      return JSON.stringify(node.value);
    case "array":
      return `[${node.items.map(writeJson).join(",")}]`;
    case "object": {
      const keys = [...node.members.keys()].toSorted();
      return `{${keys.map((key) => writeMember(key, node.members.get(key))).join(",")}}`;
    }
  }
}

/** Where reading stands. Mutable, and lives for one call of {@link readJson}. */
interface Reader {
  readonly text: string;
  at: number;
}

const notJson: JsonProblem = { kind: "problem", problem: "not JSON" };

function writeMember(key: string, value: JsonNode | undefined): string {
  return value === undefined ? "" : `${JSON.stringify(key)}:${writeJson(value)}`;
}

function readNode(reader: Reader, depth: number): JsonNode | JsonProblem {
  skipWhiteSpace(reader);
  switch (reader.text[reader.at]) {
    case "{":
      return depth < DEPTH_MAX ? readObject(reader, depth + 1) : tooDeep();
    case "[":
      return depth < DEPTH_MAX ? readArray(reader, depth + 1) : tooDeep();
    case '"': {
      const value = readString(reader);
      return value === null ? notJson : { kind: "string", value };
    }
    default:
      return readLiteral(reader) ?? readNumber(reader);
  }
}

function readObject(reader: Reader, depth: number): JsonNode | JsonProblem {
  const members = new Map<string, JsonNode>();
  reader.at += 1;
  if (take(reader, "}")) return { kind: "object", members };
  do {
    skipWhiteSpace(reader);
    const key = reader.text[reader.at] === '"' ? readString(reader) : null;
    if (key === null || !take(reader, ":")) return notJson;
    const value = readNode(reader, depth);
    if (value.kind === "problem") return value;
    members.set(key, value);
  } while (take(reader, ","));
  return take(reader, "}") ? { kind: "object", members } : notJson;
}

function readArray(reader: Reader, depth: number): JsonNode | JsonProblem {
  const items: JsonNode[] = [];
  reader.at += 1;
  if (take(reader, "]")) return { kind: "array", items };
  do {
    const item = readNode(reader, depth);
    if (item.kind === "problem") return item;
    items.push(item);
  } while (take(reader, ","));
  return take(reader, "]") ? { kind: "array", items } : notJson;
}

/** The string whose opening quote is next, without its escapes; null where it is malformed. */
function readString(reader: Reader): string | null {
  const { text } = reader;
  const start = reader.at;
  let escaped = false;
  let at = start + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) break;
    if (code === BACKSLASH) {
      ESCAPE.lastIndex = at;
      if (!ESCAPE.test(text)) return null;
      escaped = true;
      at = ESCAPE.lastIndex;
    } else if (code >= SPACE) at += 1;
    // A bare control character, or (not a number) the end of the text.
    else return null;
    if (at >= text.length) return null;
  }
  reader.at = at + 1;
  if (!escaped) return text.slice(start + 1, at);
  const value: unknown = JSON.parse(text.slice(start, at + 1));
  return typeof value === "string" ? value : null;
}

function readLiteral(reader: Reader): JsonNode | null {
  for (const text of LITERALS) {
    if (!reader.text.startsWith(text, reader.at)) continue;
    reader.at += text.length;
    return { kind: "literal", text };
  }
  return null;
}

function readNumber(reader: Reader): JsonNode | JsonProblem {
  NUMBER.lastIndex = reader.at;
  if (!NUMBER.test(reader.text)) return notJson;
  const number = parseDecimal(reader.text.slice(reader.at, NUMBER.lastIndex));
  reader.at = NUMBER.lastIndex;
  if (number.kind === "invalid") return { kind: "problem", problem: `JSON with ${number.problem}` };
  return { kind: "number", text: number.text };
}

function take(reader: Reader, character: string): boolean {
  skipWhiteSpace(reader);
  if (reader.text[reader.at] !== character) return false;
  reader.at += 1;
  return true;
}

function skipWhiteSpace(reader: Reader): void {
  for (;;) {
    const character = reader.text[reader.at];
    if (character !== " " && character !== "\n" && character !== "\r" && character !== "\t") return;
    reader.at += 1;
  }
}

function tooDeep(): JsonProblem {
  return { kind: "problem", problem: `JSON nested more than ${DEPTH_MAX} deep` };
}
