import type { NativeValue } from "./native-cell.ts";

/** How a column converts what is stored in it (https://www.sqlite.org/datatype3.html, section 3); `none` converts nothing. */
export type Affinity = "integer" | "real" | "numeric" | "text" | "none";

/** The affinity of a declared type by the five rules of section 3.1, in their order. In a STRICT table `ANY` converts nothing. */
export function affinityOf(declaredType: string, strict: boolean): Affinity {
  const type = declaredType.toUpperCase();
  if (strict && type === "ANY") return "none";
  if (type.includes("INT")) return "integer";
  if (type.includes("CHAR") || type.includes("CLOB") || type.includes("TEXT")) return "text";
  if (type.includes("BLOB") || type === "") return "none";
  if (type.includes("REAL") || type.includes("FLOA") || type.includes("DOUB")) return "real";
  return "numeric";
}

/** What a column of this affinity holds once the value is stored in it. */
export function storedAs(value: NativeValue, affinity: Affinity): NativeValue {
  switch (affinity) {
    case "none":
      return value;
    case "text":
      return typeof value === "bigint" || typeof value === "number" ? String(value) : value;
    case "real":
      return asReal(typeof value === "string" ? readNumber(value) : value);
    case "integer":
    case "numeric":
      return asInteger(typeof value === "string" ? readNumber(value) : value);
  }
}

const NUMBER = /^[ \t\n\v\f\r]*([+-]?)(\d+)(\.\d*)?(e[+-]?\d+)?[ \t\n\v\f\r]*$|^[ \t\n\v\f\r]*[+-]?\.\d+(e[+-]?\d+)?[ \t\n\v\f\r]*$/i;
const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 63n - 1n;

/** Text that looks like a number becomes one; other text stays as it is. */
function readNumber(text: string): NativeValue {
  const parts = NUMBER.exec(text);
  if (parts === null) return text;
  const [, sign = "", whole, fraction, exponent] = parts;
  if (whole === undefined || fraction !== undefined || exponent !== undefined) return Number(text);
  const integer = sign === "-" ? -BigInt(whole) : BigInt(whole);
  return isStorable(integer) ? integer : Number(text);
}

function asReal(value: NativeValue): NativeValue {
  return typeof value === "bigint" ? Number(value) : value;
}

function asInteger(value: NativeValue): NativeValue {
  if (typeof value !== "number" || !Number.isInteger(value)) return value;
  const integer = BigInt(value);
  return isStorable(integer) ? integer : value;
}

function isStorable(integer: bigint): boolean {
  return integer >= INTEGER_MIN && integer <= INTEGER_MAX;
}
