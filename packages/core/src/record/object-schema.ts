import type { ParseResult } from "../value/value-type.ts";

/** What a connection says of one kind of record: enough to map it, write it, and refuse what cannot be written. */
export interface ObjectSchema {
  /** As the user writes it in accord.yaml: `public.customer`, `contacts`. */
  readonly name: string;
  readonly columns: readonly ColumnSchema[];
  /** The key columns in order, or empty: then the object cannot be a side, and `keyProblem` says why. */
  readonly key: readonly string[];
  readonly keyProblem: string | null;
  /** How record ids compare in listings of this object: as 64-bit integers, or as texts by the bytes of their UTF-8. */
  readonly keyOrder: "integer" | "bytes";
  /** Sets of columns that are unique together, the key left out. */
  readonly uniques: readonly (readonly string[])[];
  readonly references: readonly ReferenceSchema[];
  readonly comment: string | null;
}

/** One column (elsewhere property, attribute) of an object. */
export interface ColumnSchema {
  readonly name: string;
  /** The system's own name of its type, for messages: `numeric(12,2)`. */
  readonly nativeType: string;
  /** How cells of it become canonical texts, or null where the type cannot be carried exactly; then `codecProblem` says why. */
  readonly codec: ColumnCodec | null;
  readonly codecProblem: string | null;
  readonly nullable: boolean;
  /** False for generated columns, identity columns that are always generated, and columns without the right to write. */
  readonly writable: boolean;
  /** Whether the system fills the column itself when a create leaves it out. */
  readonly hasDefault: boolean;
  readonly comment: string | null;
}

export interface ReferenceSchema {
  readonly columns: readonly string[];
  readonly object: string;
  readonly objectColumns: readonly string[];
}

/**
 * Between a cell's native text and canonical text of the column's natural type, exactly.
 * Both functions are pure and total; `decode(encode(x).text)` is the image that the column can hold of `x`: rounding of scale and precision is done
 * here, as the system does it, so that the written image is known beforehand. [S15]
 */
export interface ColumnCodec {
  /** The natural canonical type: a name of `builtinTypes` (`text`, `integer`, `decimal`, `instant` …), `set` or `enum`. */
  readonly typeName: string;
  /** The allowed values where the type is an enumeration, else null. */
  readonly options: readonly string[] | null;
  decode(cell: string): ParseResult;
  /** Whether `decode` gives every cell as it stands. Left out: no. */
  readonly isAsIs?: boolean;
  /** The cell that holds the text, or why the column cannot hold it (too long, out of range): the write would be refused. */
  encode(text: string): ParseResult;
  /** Whether `encode` gives this text as it stands, as it does for most of many columns: told without making anything. False, or left out: `encode` says. */
  keeps?(text: string): boolean;
}
