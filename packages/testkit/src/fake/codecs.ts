import type { ColumnCodec, ParseResult } from "@accord/core";

/** The types that columns of a fake system can have. Native cells differ from canonical texts where real systems' do: booleans are `t`/`f`, decimals keep their scale. */
export type FakeType = "text" | "integer" | "decimal" | "boolean" | "date" | "instant";

export interface FakeCodecOptions {
  /** Longest text in characters. Longer ones are refused, or cut where `lossy` says so. */
  readonly lengthMax?: number;
  /** Digits after the point of a decimal: further ones are rounded half away from zero, missing ones are filled up with zeros. */
  readonly scale?: number;
  /** The column holds less than it is given, without complaint. */
  readonly lossy?: "cut" | "upper";
}

/** The codec of one fake column. Pure, total and exact but for what its options declare. */
export function fakeCodec(type: FakeType, options: FakeCodecOptions = {}): ColumnCodec {
  const encode = encoders[type];
  return {
    typeName: type,
    options: null,
    decode: (cell) => decoders[type](cell),
    isAsIs: decoders[type] === value,
    encode: (text) => encode(text, options),
  };
}

type Encode = (text: string, options: FakeCodecOptions) => ParseResult;

const INTEGER = /^[+-]?\d{1,19}$/;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?$/;
const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const INSTANT =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[T ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,6}))?(?:Z|\+00(?::00)?)$/;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

const decoders: Readonly<Record<FakeType, (cell: string) => ParseResult>> = {
  text: value,
  integer,
  decimal: (cell) => decimal(cell, undefined),
  boolean: (cell) => (cell === "t" ? value("true") : cell === "f" ? value("false") : invalid("is no boolean")),
  date,
  instant,
};

const encoders: Readonly<Record<FakeType, Encode>> = {
  text: encodeText,
  integer,
  decimal: (text, options) => decimal(text, options.scale),
  boolean(text) {
    if (text === "true" || text === "t") return value("t");
    return text === "false" || text === "f" ? value("f") : invalid("is no boolean");
  },
  date,
  instant,
};

function encodeText(text: string, options: FakeCodecOptions): ParseResult {
  const cased = options.lossy === "upper" ? text.toUpperCase() : text;
  if (options.lengthMax === undefined) return value(cased);
  const characters = Array.from(cased);
  if (characters.length <= options.lengthMax) return value(cased);
  if (options.lossy === "cut") return value(characters.slice(0, options.lengthMax).join(""));
  return invalid(`is longer than ${options.lengthMax} characters`);
}

function integer(text: string): ParseResult {
  if (!INTEGER.test(text)) return invalid("is no whole number");
  const number = BigInt(text);
  return number < INT64_MIN || number > INT64_MAX ? invalid("does not fit 64 bits") : value(number.toString());
}

/** Canonical where `scale` is undefined, else with exactly that many digits after the point. */
function decimal(text: string, scale: number | undefined): ParseResult {
  const match = DECIMAL.exec(text);
  const [, sign = "", whole = "", fraction = ""] = match ?? [];
  if (match === null || whole + fraction === "") return invalid("is no decimal number");
  let digits = BigInt(whole + fraction);
  let places = fraction.length;
  if (scale !== undefined) {
    if (places > scale) {
      const unit = 10n ** BigInt(places - scale);
      digits = (digits + unit / 2n) / unit;
    } else {
      digits *= 10n ** BigInt(scale - places);
    }
    places = scale;
  }
  const padded = digits.toString().padStart(places + 1, "0");
  const kept = padded.slice(padded.length - places);
  const tail = places === 0 ? "" : scale === undefined ? kept.replace(/0+$/, "") : kept;
  const minus = sign === "-" && digits !== 0n ? "-" : "";
  return value(`${minus}${padded.slice(0, padded.length - places)}${tail === "" ? "" : `.${tail}`}`);
}

function date(text: string): ParseResult {
  return DATE.test(text) ? value(text) : invalid("is no date");
}

function instant(text: string): ParseResult {
  const match = INSTANT.exec(text);
  if (match === null) return invalid("is no instant in UTC");
  const fraction = (match[3] ?? "").replace(/0+$/, "");
  return value(`${match[1]}T${match[2]}${fraction === "" ? "" : `.${fraction}`}Z`);
}

function value(text: string): ParseResult {
  return { kind: "value", text };
}

function invalid(problem: string): ParseResult {
  return { kind: "invalid", problem };
}
