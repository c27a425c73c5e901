import type { ParseResult } from "@accord/core";

/**
 * The cell that a `jsonb` column prints for a canonical JSON text (no white space, each key once): a space after every comma and colon, the shorter keys
 * first, and those of one length by the bytes of their UTF-8 [jsonb_util.c, lengthCompareJsonbStringValue].
 */
export function jsonbText(text: string): ParseResult {
  if (/\\u(?:0000|[dD][89a-fA-F])/.test(text) && hasUnstorableEscape(text)) {
    return { kind: "invalid", problem: "JSON with a NUL character or half a surrogate pair, which jsonb cannot hold" };
  }
  // Without a comma or a colon outside of strings nothing changes: the common scalars.
  if (!text.includes(",") && !text.includes(":")) return { kind: "value", text };
  return { kind: "value", text: spell({ text, at: 0 }) };
}

/** Where reading of a canonical text stands. */
interface Reader {
  readonly text: string;
  at: number;
}

const STRING = /"(?:[^"\\]|\\.)*"/y;
const SCALAR = /[^,:[\]{}"]+/y;

function spell(reader: Reader): string {
  switch (reader.text[reader.at]) {
    case "[":
      return `[${items(reader, "]", () => spell(reader)).join(", ")}]`;
    case "{":
      return `{${items(reader, "}", () => member(reader))
        .toSorted((a, b) => byKey(a.key, b.key))
        .map(({ key, spelled }) => `${key}: ${spelled}`)
        .join(", ")}}`;
    case '"':
      return match(reader, STRING);
    default:
      return match(reader, SCALAR);
  }
}

function items<Item>(reader: Reader, end: string, read: () => Item): readonly Item[] {
  const found: Item[] = [];
  reader.at += 1;
  while (reader.at < reader.text.length && reader.text[reader.at] !== end) {
    found.push(read());
    if (reader.text[reader.at] === ",") reader.at += 1;
  }
  reader.at += 1;
  return found;
}

function member(reader: Reader): { readonly key: string; readonly spelled: string } {
  const key = match(reader, STRING);
  reader.at += 1;
  return { key, spelled: spell(reader) };
}

function byKey(a: string, b: string): number {
  const left = bytesOf(a);
  const right = bytesOf(b);
  return left.length - right.length || Buffer.compare(left, right);
}

function bytesOf(quoted: string): Buffer {
  const text: unknown = JSON.parse(quoted);
  return Buffer.from(String(text));
}

function match(reader: Reader, pattern: RegExp): string {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text)?.[0] ?? "";
  // A text that is not canonical could stand still here; one character on, it ends.
  reader.at += Math.max(found.length, 1);
  return found;
}

/** The escapes meant are preceded by an even number of backslashes. */
function hasUnstorableEscape(text: string): boolean {
  const decoded: unknown = JSON.parse(`[${text}]`);
  return someString(decoded, (part) => part.includes("\u0000") || /\p{Surrogate}/u.test(part));
}

function someString(node: unknown, test: (text: string) => boolean): boolean {
  if (typeof node === "string") return test(node);
  if (Array.isArray(node)) return node.some((item) => someString(item, test));
  if (typeof node === "object" && node !== null) return Object.entries(node).some(([key, item]) => test(key) || someString(item, test));
  return false;
}
