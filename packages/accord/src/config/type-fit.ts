import type { BoundColumn } from "./mapping/bound-column.ts";

export interface FitOptions {
  readonly hasSeparator: boolean;
  readonly isJson: boolean;
  readonly isWritten: boolean;
}

export interface Mismatch {
  readonly problem: string;
  readonly remedy: string;
}

/** Field types beside their own that a column's type can stand for without a transform. Text columns hold anything; what does not parse is a problem of its value. */
const FITS: Readonly<Record<string, readonly string[]>> = {
  integer: ["decimal"],
  decimal: ["integer"],
  enum: ["text", "email", "phone"],
  json: ["set"],
};

/**
 * Why a field of this type cannot simply be a column of that one; null where it can. A text field takes any column, and what it is given must then be
 * a value of the column's type. Days and moments need a zone and are for an expression to convert, as are truth values kept as numbers.
 */
export function typeMismatch(family: string, column: BoundColumn, options: FitOptions): Mismatch | null {
  const { typeName } = column.codec;
  if (family === "set") return setMismatch(column, options);
  if (family === typeName || family === "text") return null;
  if (typeName === "text" || FITS[typeName]?.includes(family) === true) return null;
  const problem = `a field of type ${family} cannot be the column "${column.name}" (${column.schema.nativeType}), which holds ${typeName}`;
  return {
    problem,
    remedy: conversionOf(family, column) ?? `write type: ${typeName}, give a table of values, or convert it with get and put`,
  };
}

/** Moments and local times differ by a zone that no column names; these expressions take it for UTC. */
function conversionOf(family: string, { codec, name }: BoundColumn): string | null {
  const toInstant = "instant(value + 'Z')";
  const toLocal = "replace(string(value), 'Z', '')";
  const entry = (get: string, put: string): string => `say its zone, such as UTC: { field: ${name}, get: "${get}", put: "${put}" }`;
  if (family === "instant" && codec.typeName === "timestamp") return entry(toInstant, toLocal);
  return family === "timestamp" && codec.typeName === "instant" ? entry(toLocal, toInstant) : null;
}

function setMismatch(column: BoundColumn, { hasSeparator, isJson }: FitOptions): Mismatch | null {
  const { typeName } = column.codec;
  if (typeName === "set" || typeName === "json") {
    return hasSeparator
      ? {
          problem: `the column "${column.name}" (${column.schema.nativeType}) is a list of its own and needs no separator`,
          remedy: "leave separator out",
        }
      : null;
  }
  if (typeName !== "text")
    return {
      problem: `a set cannot be the column "${column.name}" (${column.schema.nativeType}), which holds ${typeName}`,
      remedy: "map a text, array or JSON column",
    };
  if (hasSeparator || isJson) return null;
  return {
    problem: `a set in the text column "${column.name}" needs to know how its elements are kept`,
    remedy: `write { field: ${column.name}, separator: ";" }, or json: true`,
  };
}
