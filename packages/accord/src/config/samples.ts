import { groupText } from "@accord/core";
import type { Value } from "@accord/core";
import type { FieldType } from "./field-type.ts";

/** A value to try a mapping on, with the class it stands for, in words for a message. */
export interface Sample {
  readonly kind: string;
  readonly value: Value;
}

const RANDOM_SAMPLES = 40;

/** Samples of a type: the corners that mappings lose, and texts by chance from a fixed seed, so that a file is always judged alike. Spelled canonically. */
export function samplesOf({ type, family, options }: FieldType): readonly Sample[] {
  const written = family === "enum" ? options.map((option) => ["an option", option] as const) : (BY_FAMILY[family] ?? TEXTS);
  const chance = family === "text" ? chanceTexts() : family === "set" ? chanceTexts().map((text) => JSON.stringify([text, "x"])) : [];
  const all = [...written, ...chance.map((text) => ["a text by chance", text] as const)];
  return all.flatMap(([kind, text]) => {
    const parsed = type.parse(text);
    return parsed.kind === "value" ? [{ kind, value: parsed.text }] : [];
  });
}

/** Samples of a group: the samples of its parts side by side, then each part alone. */
export function groupSamples(parts: readonly (readonly Sample[])[]): readonly Sample[] {
  const countMax = Math.max(0, ...parts.map((samples) => samples.length));
  const together = Array.from({ length: countMax }, (_, place) => parts.map((samples) => samples[place % samples.length]));
  const alone = parts.map((samples, part) => parts.map((__, place) => (place === part ? samples[0] : undefined)));
  return [...together, ...alone].flatMap((samples) => {
    const value = groupText(samples.map((sample) => sample?.value ?? null));
    return value === undefined
      ? []
      : [{ kind: `a group with ${samples.find((sample) => sample !== undefined)?.kind ?? "nothing"}`, value }];
  });
}

type Written = readonly (readonly [kind: string, text: string])[];

const TEXTS: Written = [
  ["a word", "Berg"],
  ["two words", "Anna Berg"],
  ["three words", "Anna Maria Berg"],
  ["small letters", "anna berg"],
  ["capital letters", "ANNA BERG"],
  ["letters with accents", "Zoë Łukasz ÄÖÜ ß"],
  ["digits with leading zeros", "00712"],
  ["punctuation", "a;b,c|d/e-f"],
  ["a symbol beyond 16 bits", "👍 ok"],
  ["several lines", "one\ntwo"],
  ["quotes", 'O\'Neil "x" \\'],
];

const NUMBERS: Written = [
  ["zero", "0"],
  ["one", "1"],
  ["a negative number", "-7"],
  ["a large number", "123456789"],
  ["a very large number", "9007199254740993"],
];

const BY_FAMILY: Readonly<Record<string, Written>> = {
  integer: NUMBERS,
  decimal: [
    ...NUMBERS,
    ["two digits after the point", "12.34"],
    ["five digits after the point", "0.00125"],
    ["many digits", "123456789.123456789123"],
  ],
  boolean: [
    ["true", "true"],
    ["false", "false"],
  ],
  date: [
    ["a day", "2024-02-29"],
    ["an early day", "1899-12-31"],
    ["a late day", "9999-12-31"],
  ],
  time: [
    ["a time", "08:30:00"],
    ["a time with microseconds", "23:59:59.123456"],
  ],
  instant: [
    ["an instant", "2024-02-29T12:30:00Z"],
    ["an instant with microseconds", "2024-02-29T12:30:00.123456Z"],
  ],
  timestamp: [
    ["a local time", "2024-02-29T12:30:00"],
    ["a local time with microseconds", "2024-02-29T12:30:00.123456"],
  ],
  zoned: [["a zoned time", "2024-02-29T12:30:00+01:00[Europe/Berlin]"]],
  uuid: [["a UUID", "018f4e2a-7b1c-7d3e-9a5b-0123456789ab"]],
  bytes: [["bytes", "00ff10"]],
  json: [
    ["an object", '{"a":[1,"x",null]}'],
    ["a number", "1.5"],
    ["a text", '"x"'],
  ],
  email: [
    ["an address", "anna@example.com"],
    ["an address with capitals", "Anna.Berg@Example.com"],
  ],
  phone: [
    ["an international number", "+49 30 901820"],
    ["a number with an extension", "+1 202 555 0123 ext. 4"],
    ["a short number", "110"],
  ],
  set: [
    ["an empty set", "[]"],
    ["two elements", '["a","b"]'],
    ["elements with spaces", '["new customer","x y"]'],
    ["elements with punctuation", '["a,b","c;d"]'],
    ["capital letters", '["A","a"]'],
  ],
};

const ALPHABET = ["a", "B", "ö", " ", "-", "7", "'", ".", "x", "É"];

function chanceTexts(): readonly string[] {
  let state = 20_240_229;
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  return Array.from({ length: RANDOM_SAMPLES }, () => {
    const text = Array.from({ length: 1 + next(12) }, () => ALPHABET[next(ALPHABET.length)] ?? "").join("");
    return text.trim().replaceAll(/\s+/g, " ");
  }).filter((text) => text !== "");
}
