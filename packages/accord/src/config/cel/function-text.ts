import { asInteger, asText, textFunction, type FunctionShape } from "./function-shape.ts";
import { textCharactersMax } from "./limits.ts";
import type { Meter } from "./meter.ts";
import { textTooLong } from "./operator.ts";
import { listOf, scalar } from "./static-type.ts";
import { Failure, isList, type Outcome, type Value } from "./value.ts";

const text = scalar("text");
const bool = scalar("bool");

/** Functions over text. Null in gives null out; the questions (contains …) answer false for null. */
export const textFunctions: ReadonlyMap<string, FunctionShape> = new Map<string, FunctionShape>([
  ["trim", textFunction("trim(text): text, without white space at both ends", text, (given) => given.trim())],
  ["lower", textFunction("lower(text): text in lower case", text, (given) => given.toLowerCase())],
  ["upper", textFunction("upper(text): text in upper case", text, (given) => given.toUpperCase())],
  [
    "lowerAscii",
    textFunction("lowerAscii(text): text with A to Z in lower case", text, (given) =>
      given.replaceAll(/[A-Z]+/gu, (part) => part.toLowerCase()),
    ),
  ],
  [
    "upperAscii",
    textFunction("upperAscii(text): text with a to z in upper case", text, (given) =>
      given.replaceAll(/[a-z]+/gu, (part) => part.toUpperCase()),
    ),
  ],
  ["titleCase", textFunction("titleCase(text): text, each word capitalised and the rest in lower case", text, titleCase)],
  ["digits", textFunction("digits(text): only the digits 0 to 9", text, (given) => given.replaceAll(/[^0-9]+/gu, ""))],
  ["firstWord", textFunction("firstWord(text): the first word, null without one", text, (given) => words(given)[0] ?? null)],
  ["lastWord", textFunction("lastWord(text): the last word, null without one", text, (given) => words(given).at(-1) ?? null)],
  [
    "firstWords",
    textFunction(
      "firstWords(text): all but the last word, null without them",
      text,
      (given) => words(given).slice(0, -1).join(" ") || null,
    ),
  ],
  [
    "join",
    {
      usage: "join(list of text, separator): text; null and empty parts are skipped, null when nothing is left",
      operands: [["list of text"], ["text"]],
      optional: 1,
      onNull: null,
      result: text,
      run: join,
    },
  ],
  [
    "split",
    { usage: "split(text, separator): list of text", operands: [["text"], ["text"]], onNull: null, result: listOf(text), run: split },
  ],
  [
    "replace",
    {
      usage: "replace(text, sought, replacement): text, every occurrence replaced",
      operands: [["text"], ["text"], ["text"]],
      onNull: null,
      result: text,
      run: replace,
    },
  ],
  [
    "substring",
    {
      usage: "substring(text, from, to): characters from (counted from 0) up to but without to; what is beyond the end is left out",
      operands: [["text"], ["int"], ["int"]],
      optional: 1,
      onNull: null,
      result: text,
      run: substring,
    },
  ],
  [
    "padLeft",
    {
      usage: "padLeft(text, length, filler): text, filled on the left up to length characters",
      operands: [["text"], ["int"], ["text"]],
      onNull: null,
      result: text,
      run: padLeft,
    },
  ],
  ["contains", question("contains(text, part): bool", (given, part) => given.includes(part))],
  ["startsWith", question("startsWith(text, start): bool", (given, part) => given.startsWith(part))],
  ["endsWith", question("endsWith(text, end): bool", (given, part) => given.endsWith(part))],
]);

function question(usage: string, ask: (given: string, part: string) => boolean): FunctionShape {
  return {
    usage,
    operands: [["text"], ["text"]],
    onNull: false,
    result: bool,
    run: ([given, part], meter) => {
      meter.spendText(asText(given).length + asText(part).length);
      return ask(asText(given), asText(part));
    },
  };
}

function words(given: string): readonly string[] {
  return given.split(/\s+/u).filter((word) => word !== "");
}

/** "ANNA-MARIA o'neil" becomes "Anna-Maria O'Neil": an apostrophe starts a new capital only after a single letter. */
function titleCase(given: string): string {
  return given.replaceAll(/[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*/gu, (word) => {
    const parts = word.split(/(['’])/u);
    return parts.map((part, index) => (index === 0 || parts[index - 2]?.length === 1 ? capitalise(part) : part.toLowerCase())).join("");
  });
}

function capitalise(part: string): string {
  const [first = "", ...rest] = part;
  // The capital of "ß" is two letters, of which one stays a capital.
  const [capital = "", ...more] = first.toUpperCase();
  return capital + (more.join("") + rest.join("")).toLowerCase();
}

function join([list, separator]: readonly Value[], meter: Meter): Outcome {
  const parts = (list !== undefined && isList(list) ? list : []).map((part) => asText(part)).filter((part) => part !== "");
  const between = asText(separator);
  const length = parts.reduce((sum, part) => sum + part.length + between.length, 0);
  meter.spend(parts.length);
  meter.spendText(length);
  if (length > textCharactersMax) return textTooLong();
  return parts.length === 0 ? null : parts.join(between);
}

function split([given, separator]: readonly Value[], meter: Meter): Outcome {
  meter.spendText(asText(given).length);
  // An empty separator separates characters; JavaScript's split would cut those above U+FFFF in two.
  const parts = separator === "" ? Array.from(asText(given)) : asText(given).split(asText(separator));
  meter.spend(parts.length);
  return parts;
}

function replace([given, sought, replacement]: readonly Value[], meter: Meter): Outcome {
  if (sought === "") return new Failure("replace() needs a text to seek");
  const whole = asText(given);
  meter.spendText(whole.length);
  const occurrences = whole.split(asText(sought)).length;
  const length = whole.length + occurrences * asText(replacement).length;
  if (length > textCharactersMax) return textTooLong();
  meter.spendText(length);
  meter.spend(Math.ceil(occurrences / 4));
  return whole.replaceAll(asText(sought), () => asText(replacement));
}

function substring([given, from, to]: readonly Value[], meter: Meter): Outcome {
  const whole = asText(given);
  meter.spendText(whole.length);
  const start = asInteger(from);
  const end = to === undefined ? BigInt(whole.length) : asInteger(to);
  if (start < 0n || end < start) return new Failure("substring() needs 0 or more for its start, and an end not before it");
  return Array.from(whole).slice(clampLength(start, whole), clampLength(end, whole)).join("");
}

function clampLength(position: bigint, whole: string): number {
  return position > BigInt(whole.length) ? whole.length : Number(position);
}

function padLeft([given, length, filler]: readonly Value[], meter: Meter): Outcome {
  const wanted = asInteger(length);
  const fill = Array.from(asText(filler));
  if (wanted > BigInt(textCharactersMax)) return textTooLong();
  if (fill.length !== 1) return new Failure("padLeft() fills with one character");
  const missing = Math.max(0, Number(wanted) - Array.from(asText(given)).length);
  meter.spendText(asText(given).length + missing);
  return asText(filler).repeat(missing) + asText(given);
}
