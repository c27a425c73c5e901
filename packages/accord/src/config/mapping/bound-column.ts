import { builtinTypes, setType, textType } from "@accord/core";
import type { ColumnCodec, ColumnSchema, ParseResult, ValueType } from "@accord/core";

/** A column of a side that a mapping uses, with its place in the side's images. */
export interface BoundColumn {
  readonly name: string;
  readonly place: number;
  readonly schema: ColumnSchema;
  readonly codec: ColumnCodec;
  /** The type that `decode` gives canonical texts of, or null where only the codec knows it (an enumeration). */
  readonly natural: ValueType | null;
}

/** The type of a codec's texts. */
export function naturalTypeOf(codec: ColumnCodec): ValueType | null {
  if (codec.typeName === "set") return setType(textType);
  return builtinTypes.get(codec.typeName) ?? null;
}

/** The cell for a text in any spelling that the column's type reads. */
export function encodeText(column: BoundColumn, text: string): ParseResult {
  if (column.natural === null) return column.codec.encode(text);
  const parsed = column.natural.parse(text);
  return parsed.kind === "value" ? column.codec.encode(parsed.text) : parsed;
}
