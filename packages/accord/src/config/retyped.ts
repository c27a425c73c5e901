import type { ObjectSchema } from "@accord/core";
import type { ColumnType, ColumnTypes } from "@accord/engine/store";

/** A column that was of one type when its sync was planned, and is of another now. [S50] */
export interface RetypedColumn {
  readonly before: ColumnType;
  readonly now: ColumnType;
}

/** The types of a side's columns, those of its key included: what is kept with a version of its sync. */
export function columnTypesOf(schema: ObjectSchema, columns: readonly string[]): ColumnTypes {
  const wanted = new Set([...columns, ...schema.key]);
  return Object.fromEntries(
    schema.columns.flatMap(({ name, nativeType, codec }) =>
      wanted.has(name) ? [[name, { native: nativeType, natural: codec?.typeName ?? "" }]] : [],
    ),
  );
}

/** Columns whose type is not the one that was planned, by name. One that only came to hold more is not among them: whatever stood in it stands there as it did. */
export function retypedColumns(known: ColumnTypes, now: ColumnTypes): ReadonlyMap<string, RetypedColumn> {
  return new Map(
    Object.entries(now).flatMap(([name, type]) => {
      const before = known[name];
      return before === undefined || holdsAllOf(before, type) ? [] : [[name, { before, now: type }]];
    }),
  );
}

/** Whether a key of the one type tells records by the same ids as one of the other did: ids are texts. */
export function hasSameIds({ before, now }: RetypedColumn): boolean {
  return before.natural === "integer" && now.natural === "text";
}

/** Whether every value of the one type stands in a column of the other as it stood before. What is not surely so is not. */
function holdsAllOf(before: ColumnType, now: ColumnType): boolean {
  if (before.native === now.native) return before.natural === now.natural;
  if (before.natural !== now.natural) return false;
  const [from, to] = [partsOf(before.native), partsOf(now.native)];
  if (before.natural === "integer") return INTEGERS.includes(from.name) && INTEGERS.indexOf(from.name) <= INTEGERS.indexOf(to.name);
  if (before.natural === "text" && VARIABLE.has(from.name) && VARIABLE.has(to.name)) return isWithin(from.numbers, to.numbers);
  if (from.name !== to.name) return false;
  if (before.natural !== "decimal") return FRACTIONS.has(before.natural) && isWithin(from.numbers, to.numbers);
  const [digits, scale = 0] = from.numbers;
  const [digitsNow, scaleNow = 0] = to.numbers;
  if (digitsNow === undefined) return true;
  return digits !== undefined && scale <= scaleNow && digits - scale <= digitsNow - scaleNow;
}

/** From the smallest on. */
const INTEGERS: readonly string[] = ["smallint", "integer", "bigint"];
/** Texts that are kept as they were written, up to a length or without one. */
const VARIABLE: ReadonlySet<string> = new Set(["character varying", "varchar", "text"]);
/** Types whose number says how many digits of a second are kept. */
const FRACTIONS: ReadonlySet<string> = new Set(["time", "timestamp", "instant"]);

/** A type without a number has no bound. */
function isWithin([from]: readonly number[], [to]: readonly number[]): boolean {
  return to === undefined || (from !== undefined && from <= to);
}

/** `numeric(12,2)` is `numeric` with 12 and 2; `timestamp(3) with time zone` is `timestamp with time zone` with 3. */
function partsOf(native: string): { readonly name: string; readonly numbers: readonly number[] } {
  const [, head = native, inner, tail = ""] = /^([^(]*)\(([\d, ]+)\)(.*)$/.exec(native) ?? [];
  return { name: `${head.trim()}${tail}`.toLowerCase(), numbers: inner === undefined ? [] : inner.split(",").map(Number) };
}
