import { builtinTypes } from "@accord/core";
import type { ColumnCodec, ParseResult } from "@accord/core";
import { arrayCodec } from "./codec-array.ts";
import { jsonbText } from "./codec-json.ts";
import { float4Codec, float8Codec, integerCodec, numericCodec } from "./codec-number.ts";
import { dateCell, intervalProblem, timeCell, timestampCell } from "./codec-time.ts";
import type { TypeFacts } from "./catalog.ts";

/** The codec of a column, or why the type cannot be carried exactly. */
export type CodecChoice = { readonly codec: ColumnCodec; readonly problem: null } | { readonly codec: null; readonly problem: string };

/** What identifies a type to its codec. */
export type CodecFacts = Pick<TypeFacts, "name" | "schema" | "kind" | "modifier" | "labels" | "element" | "elementKind" | "delimiter">;

/**
 * Chooses the codec of a type. Types that no rule names are carried as the exact text that the server prints, which its input function reads back:
 * ranges, geometry, networks, text search, XML, bit strings, composites, extensions' types.
 */
export function codecOf(type: CodecFacts): CodecChoice {
  if (type.kind === "p") return refused("it is a pseudo-type without values");
  if (type.kind === "e") return taken(enumCodec(type.labels));
  if (type.element !== null && type.name.startsWith("_")) return arrayChoice(type, type.element);
  if (type.schema !== "pg_catalog") return taken(type.name === "citext" ? textCodec : printedCodec);
  if (type.name.startsWith("reg")) return refused("its text depends on the search path of the session: use oid or text");
  switch (type.name) {
    case "money":
      return refused("money prints in the server's locale and currency, so its text does not say what it is worth: use numeric");
    case "int2":
      return taken(integerCodec(-32_768n, 32_767n));
    case "int4":
      return taken(integerCodec(-2_147_483_648n, 2_147_483_647n));
    case "int8":
      return taken(integerCodec(-(2n ** 63n), 2n ** 63n - 1n));
    case "oid":
      return taken(integerCodec(0n, 4_294_967_295n));
    case "numeric":
      return taken(numericCodec(type.modifier));
    case "float4":
      return taken(float4Codec);
    case "float8":
      return taken(float8Codec);
    case "bool":
      return taken(booleanCodec);
    case "text":
      return taken(textCodec);
    case "varchar":
      return taken(type.modifier < 0 ? textCodec : varcharCodec(type.modifier - 4));
    case "bpchar":
      return taken(type.modifier < 0 ? textCodec : characterCodec(type.modifier - 4));
    case "char":
      return taken(oneByteCodec);
    case "name":
      return taken(nameCodec);
    case "uuid":
      return taken(codec("uuid", parserOf("uuid"), same));
    case "bytea":
      return taken(
        codec(
          "bytes",
          (cell) => parserOf("bytes")(cell.startsWith("\\x") ? cell.slice(2) : cell),
          (text) => value(`\\x${text}`),
        ),
      );
    case "date":
      return taken(codec("date", parserOf("date"), dateCell));
    case "time":
      return taken(codec("time", parserOf("time"), (text) => timeCell(text, type.modifier)));
    case "timestamp":
      return taken(codec("timestamp", parserOf("timestamp"), (text) => timestampCell(text, type.modifier, "")));
    case "timestamptz":
      return taken(codec("instant", parserOf("instant"), (text) => timestampCell(text, type.modifier, "+00")));
    case "interval":
      return taken(codec("text", value, (text) => intervalProblem(text) ?? value(text)));
    case "json":
      return taken(codec("json", parserOf("json"), storable));
    case "jsonb":
      return taken(codec("json", parserOf("json"), jsonbText));
    case "pg_node_tree":
    case "pg_ndistinct":
    case "pg_dependencies":
    case "pg_mcv_list":
    case "pg_snapshot":
      return refused("it is the server's own bookkeeping");
    default:
      return taken(printedCodec);
  }
}

/** The text that a `text` column can hold: any but NUL and halves of surrogate pairs, which UTF-8 in PostgreSQL has not. */
function storable(text: string): ParseResult {
  if (isStorable(text)) return value(text);
  if (text.includes("\u0000")) return { kind: "invalid", problem: "a text with a NUL character, which PostgreSQL cannot hold" };
  return { kind: "invalid", problem: "a text with half a surrogate pair, which is no Unicode text" };
}

function isStorable(text: string): boolean {
  return !text.includes("\u0000") && !LONE_SURROGATE.test(text);
}

const LONE_SURROGATE = /\p{Surrogate}/u;

const textCodec: ColumnCodec = { ...codec("text", value, storable), keeps: isStorable };

/** Carried as printed. Another spelling of the same value is accepted by the server and comes back as it prints it. */
const printedCodec = textCodec;

/** PostgreSQL prints truth values as one letter. */
const booleanCodec = codec(
  "boolean",
  (cell) => (cell === "t" ? value("true") : cell === "f" ? value("false") : { kind: "invalid", problem: "no truth value" }),
  (text) => value(text === "true" ? "t" : "f"),
);

/** The catalogs' own `"char"`: one byte. */
const oneByteCodec = codec("text", value, (text) =>
  Buffer.byteLength(text) < 2 ? storable(text) : { kind: "invalid", problem: "longer than the one byte that the column holds" },
);

/** 63 bytes; the server would cut a longer one without a word. */
const nameCodec = codec("text", value, (text) =>
  Buffer.byteLength(text) > 63 ? { kind: "invalid", problem: "longer than the 63 bytes of a name" } : storable(text),
);

function taken(choice: ColumnCodec): CodecChoice {
  return { codec: choice, problem: null };
}

function refused(problem: string): CodecChoice {
  return { codec: null, problem };
}

function codec(typeName: string, decode: ColumnCodec["decode"], encode: ColumnCodec["encode"]): ColumnCodec {
  return { typeName, options: null, decode, encode, isAsIs: decode === value };
}

function value(text: string): ParseResult {
  return { kind: "value", text };
}

function same(text: string): ParseResult {
  return value(text);
}

/** The server's spelling of a type that core reads in any accepted spelling. */
function parserOf(typeName: string): (text: string) => ParseResult {
  const type = builtinTypes.get(typeName);
  return type === undefined ? value : (text) => type.parse(text);
}

function enumCodec(labels: readonly string[]): ColumnCodec {
  const known = new Set(labels);
  return {
    typeName: "enum",
    options: labels,
    decode: value,
    encode: (text) => (known.has(text) ? value(text) : { kind: "invalid", problem: "not one of the column's options" }),
  };
}

/** Longer texts are refused, unless what is too much is spaces: those the server cuts, as the SQL standard has it. */
function varcharCodec(lengthMax: number): ColumnCodec {
  const encode = (text: string): ParseResult => fitted(text, lengthMax, (fitting) => fitting);
  return { ...codec("text", value, encode), keeps: (text) => text.length <= lengthMax && isStorable(text) };
}

/**
 * `character(n)`: padded with spaces in the cell, without any in the value. Trailing spaces of a text are lost in it, in PostgreSQL as here: they are
 * no part of a value of this type.
 */
function characterCodec(length: number): ColumnCodec {
  return codec(
    "text",
    (cell) => value(withoutTrailingSpaces(cell)),
    (text) => fitted(withoutTrailingSpaces(text), length, (fitting) => fitting + " ".repeat(length - lengthOf(fitting))),
  );
}

function fitted(text: string, lengthMax: number, finish: (text: string) => string): ParseResult {
  const problem = storable(text);
  if (problem.kind === "invalid") return problem;
  if (text.length <= lengthMax || lengthOf(text) <= lengthMax) return value(finish(text));
  const characters = Array.from(text);
  if (characters.slice(lengthMax).every((character) => character === " ")) return value(finish(characters.slice(0, lengthMax).join("")));
  return { kind: "invalid", problem: `longer than the ${lengthMax} characters that the column holds` };
}

/** In code points, as PostgreSQL counts. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

function withoutTrailingSpaces(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === " ") end -= 1;
  return end === text.length ? text : text.slice(0, end);
}

function arrayChoice(type: CodecFacts, element: string): CodecChoice {
  const inner = codecOf({
    name: element,
    schema: type.elementKind === "e" ? type.schema : type.schema,
    kind: type.elementKind ?? "b",
    modifier: type.modifier,
    labels: type.labels,
    element: null,
    elementKind: null,
    delimiter: ",",
  });
  if (inner.codec === null) return refused(`its elements cannot be carried: ${inner.problem}`);
  return taken(arrayCodec(inner.codec, type.delimiter));
}
