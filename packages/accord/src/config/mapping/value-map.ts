import type { FieldMapping, Mapped, MaybeValue, NativeCell, ValueType } from "@accord/core";
import type { BoundColumn } from "./bound-column.ts";
import { alreadyMeans } from "./column-mapping.ts";
import { EMPTY, notEmptiable, problemOf, UNKNOWN } from "./mapped.ts";
import type { Cells } from "./mapped.ts";

/** A column whose values are translated one by one. */
export interface ValueMapParts {
  readonly column: BoundColumn;
  readonly type: ValueType;
  /** The canonical value of each native text; the key null is the empty cell. */
  readonly canonicalByNative: ReadonlyMap<string | null, string>;
  /** The cell that is written for each canonical value. */
  readonly cellByCanonical: ReadonlyMap<string, string | null>;
  /** The canonical value of native texts that are not named, or null: they are a problem for a person to see. [S50] */
  readonly otherwise: string | null;
  /** What an empty field writes, or null. */
  readonly emptyCell: string | null;
  readonly isWritable: boolean;
}

/** A field by a table of values. A cell that already means the value stays, so that several native values may mean one. */
export function valueMapping(parts: ValueMapParts): FieldMapping {
  const { column, isWritable, type, cellByCanonical } = parts;
  const get = getFrom(parts);
  const answers = new Map([...cellByCanonical].map(([value, cell]): [string, Mapped<Cells>] => [value, cellAnswer(column, cell)]));
  const empty: Mapped<Cells> = cellAnswer(column, parts.emptyCell);
  const unnamed = problemOf(column.name, "the value has no counterpart in values");
  return {
    reads: [column.place],
    writes: isWritable ? [column.place] : [],
    get,
    put: (value, cells) => {
      const current = cells?.[column.place];
      if (cells !== null && current !== undefined && alreadyMeans(type, get(cells), value)) return { kind: "ok", result: [current] };
      return value === null ? empty : (answers.get(value) ?? unnamed);
    },
    reference: null,
  };
}

function getFrom({ column, canonicalByNative, otherwise }: ValueMapParts): (cells: readonly NativeCell[]) => Mapped<MaybeValue> {
  const answers = new Map(
    [...canonicalByNative].map(([native, value]): [string | null, Mapped<MaybeValue>] => [native, { kind: "ok", result: value }]),
  );
  const unnamed: Mapped<MaybeValue> =
    otherwise === null ? problemOf(column.name, "a value that is not named in values") : { kind: "ok", result: otherwise };
  const empty = answers.get(null) ?? EMPTY;
  return (cells) => {
    const cell = cells[column.place];
    if (cell === undefined) return UNKNOWN;
    if (cell === null) return empty;
    const decoded = column.codec.decode(cell);
    return decoded.kind === "value" ? (answers.get(decoded.text) ?? unnamed) : problemOf(column.name, decoded.problem);
  };
}

function cellAnswer(column: BoundColumn, cell: string | null): Mapped<Cells> {
  return cell === null && !column.schema.nullable ? notEmptiable(column.name) : { kind: "ok", result: [cell] };
}
