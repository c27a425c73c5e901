import {
  dateType,
  decimalType,
  instantType,
  integerType,
  jsonType,
  timestampType,
  timeType,
  uuidType,
  type ColumnCodec,
  type ParseResult,
  type ValueType,
} from "@accord/core";
import { storedAs, type Affinity } from "./affinity.ts";
import { cellOfValue, spellReal, valueOfCell, type CellForm, type NativeValue } from "./native-cell.ts";

/** What a column means, by the type it is declared with; SQLite itself only knows its affinity. */
export interface ColumnMeaning {
  readonly form: CellForm;
  readonly codec: ColumnCodec;
}

/**
 * The meaning of a declared type. Unknown names (`STRING`, `MONEY_EUR`) are text, whatever SQLite's affinity makes of it; no type at all is text too.
 * `DATETIME` and `TIMESTAMP` are instants: SQLite's own date functions take a text without an offset as UTC, and CURRENT_TIMESTAMP writes one.
 */
export function meaningOf(declaredType: string, affinity: Affinity): ColumnMeaning {
  const kind = kindOf(declaredType.toUpperCase().replace(/\s+/g, " ").trim(), affinity);
  return { form: kind.form, codec: createCodec(kind, affinity) };
}

/** Between canonical text and native value, before the column's affinity has its say. Both give a problem in words where they cannot. */
interface Kind {
  readonly typeName: string;
  readonly form: CellForm;
  read(value: NativeValue): ParseResult;
  write(text: string): NativeValue | Problem;
}

interface Problem {
  readonly problem: string;
}

const NAMED_KINDS: readonly (readonly [RegExp, (affinity: Affinity) => Kind])[] = [
  [/^BOOL/, () => booleanKind],
  [/^DATE$/, () => textualKind(dateType)],
  [/^TIME( WITHOUT TIME ?ZONE)?(\(\d+\))?$/, () => textualKind(timeType)],
  [/^(TIMESTAMP|DATETIME)(\(\d+\))? WITHOUT TIME ?ZONE$|^LOCALTIMESTAMP$/, () => localKind],
  [/^TIMESTAMPTZ|^DATETIMEOFFSET|^(TIMESTAMP|DATETIME)(\(\d+\))? WITH TIME ?ZONE$/, () => instantKind("iso")],
  [/^DATETIME|^TIMESTAMP/, () => instantKind("sqlite")],
  [/^JSON/, () => textualKind(jsonType)],
  [/^(UUID|GUID|UNIQUEIDENTIFIER)/, () => textualKind(uuidType)],
  [/^(NUMERIC|DECIMAL|DEC|NUMBER|FIXED|MONEY|SMALLMONEY|CURRENCY)\b/, () => decimalKind],
];

function kindOf(type: string, affinity: Affinity): Kind {
  for (const [pattern, makeKind] of NAMED_KINDS) if (pattern.test(type)) return makeKind(affinity);
  if (affinity === "integer") return integerKind;
  if (affinity === "real") return decimalKind;
  return affinity === "none" && type.includes("BLOB") ? bytesKind : textKind;
}

function createCodec(kind: Kind, affinity: Affinity): ColumnCodec {
  const decode = (cell: string): ParseResult => kind.read(valueOfCell(cell, kind.form));
  return {
    typeName: kind.typeName,
    options: null,
    decode: kind === textKind ? decodeText : decode,
    encode: (text) => {
      const value = kind.write(text);
      if (isProblem(value)) return { kind: "invalid", problem: value.problem };
      const cell = cellOfValue(storedAs(value, affinity), kind.form);
      if (cell === null) return invalid("cannot be kept in this column");
      // The column's affinity may turn text into a number ("007" into 7): what would not read back equal is refused, never mangled.
      const back = decode(cell);
      return back.kind === "value" && back.text === text
        ? { kind: "value", text: cell }
        : invalid(`cannot be kept exactly in a column of ${affinity} affinity`);
    },
  };
}

/** Most cells of most columns are plain text: no way round through a native value for them. */
function decodeText(cell: string): ParseResult {
  return cell.startsWith("~") ? textKind.read(valueOfCell(cell, "text")) : { kind: "value", text: cell };
}

const LONE_SURROGATE = /\p{Surrogate}/u;

const textKind: Kind = {
  typeName: "text",
  form: "text",
  read: (value) => {
    const text = textOf(value);
    return text === null ? invalid(`holds ${classOf(value)} where text is expected`) : { kind: "value", text };
  },
  write: (text) => (LONE_SURROGATE.test(text) ? { problem: "is not well-formed Unicode text" } : text),
};

const integerKind: Kind = {
  typeName: "integer",
  form: "number",
  read: (value) =>
    typeof value === "bigint" ? { kind: "value", text: value.toString() } : invalid(`holds ${classOf(value)} where an integer is expected`),
  write: (text) => {
    const parsed = integerType.parse(text);
    return parsed.kind === "value" ? BigInt(parsed.text) : parsed;
  },
};

/** Integers and binary floating-point numbers as decimals: a double is read as its shortest text, and a decimal that no double reads back as is refused. */
const decimalKind: Kind = {
  typeName: "decimal",
  form: "number",
  read: (value) => {
    if (typeof value === "bigint") return { kind: "value", text: value.toString() };
    return typeof value === "number" ? decimalType.parse(spellReal(value)) : invalid(`holds ${classOf(value)} where a number is expected`);
  },
  write: (text) => {
    if (/^-?\d{1,18}$/.test(text)) return BigInt(text);
    const integer = integerType.parse(text);
    if (integer.kind === "value") return BigInt(integer.text);
    const real = Number(text);
    if (Number.isNaN(real)) return { problem: "SQLite cannot keep NaN" };
    const back = decimalType.parse(spellReal(real));
    return back.kind === "value" && back.text === text
      ? real
      : { problem: "has more digits than a binary floating-point number reads back" };
  },
};

const booleanKind: Kind = {
  typeName: "boolean",
  form: "number",
  read: (value) => {
    if (value === 1n) return { kind: "value", text: "true" };
    return value === 0n ? { kind: "value", text: "false" } : invalid("holds something else than 0 or 1 where a boolean is expected");
  },
  write: (text) => (text === "true" ? 1n : 0n),
};

const bytesKind: Kind = {
  typeName: "bytes",
  form: "bytes",
  read: (value) =>
    value instanceof Uint8Array
      ? { kind: "value", text: Buffer.from(value).toString("hex") }
      : invalid(`holds ${classOf(value)} where bytes are expected`),
  write: (text) => new Uint8Array(Buffer.from(text, "hex")),
};

/** Local times are written as SQLite's own date functions write them: `2024-01-31 12:30:00`. */
const localKind: Kind = { ...textualKind(timestampType), write: (text) => text.replace("T", " ") };

/**
 * `sqlite` writes the form of CURRENT_TIMESTAMP, which compares as text with what SQLite writes itself; `iso` writes `…T…Z`. Both read either form and any
 * offset; without an offset the text is UTC.
 */
function instantKind(written: "sqlite" | "iso"): Kind {
  return {
    typeName: "instant",
    form: "text",
    read: (value) => {
      if (typeof value !== "string") return invalid(`holds ${classOf(value)} where a date and time is expected`);
      const withOffset = instantType.parse(value);
      return withOffset.kind === "value" ? withOffset : instantType.parse(`${value.trim()}Z`);
    },
    write: (text) => (written === "iso" ? text : text.replace("T", " ").replace("Z", "")),
  };
}

/** Types whose canonical text is what the column holds. */
function textualKind(type: ValueType): Kind {
  return {
    typeName: type.name,
    form: "text",
    read: (value) => {
      const text = type === jsonType ? textOf(value) : value;
      return typeof text === "string" ? type.parse(text) : invalid(`holds ${classOf(value)} where ${type.name} text is expected`);
    },
    write: (text) => text,
  };
}

/** Text, or the text of a number: typeless columns hold either. */
function textOf(value: NativeValue): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return value.toString();
  return typeof value === "number" ? value.toString() : null;
}

function classOf(value: NativeValue): string {
  if (typeof value === "string") return "text";
  if (typeof value === "bigint") return "an integer";
  if (typeof value === "number") return "a floating-point number";
  return value instanceof Uint8Array ? "bytes" : "text that is not valid UTF-8";
}

function isProblem(value: NativeValue | Problem): value is Problem {
  return typeof value === "object" && value !== null && "problem" in value;
}

function invalid(problem: string): ParseResult {
  return { kind: "invalid", problem };
}
