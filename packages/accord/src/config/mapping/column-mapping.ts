import { textType } from "@accord/core";
import type { FieldMapping, Mapped, MaybeValue, NativeCell, ValueType } from "@accord/core";
import { encodeText } from "./bound-column.ts";
import type { BoundColumn } from "./bound-column.ts";
import { EMPTY, notEmptiable, problemOf, UNKNOWN } from "./mapped.ts";
import type { Cells, Step } from "./mapped.ts";

/** What makes a field of one column. */
export interface ColumnMappingParts {
  readonly column: BoundColumn;
  readonly type: ValueType;
  /** From the column towards the field. */
  readonly steps: readonly Step[];
  /** Whether the codec's texts are canonical texts of the field's type as they stand: then nothing is parsed. */
  readonly isSameType: boolean;
  /** The column's text that stands for an empty field, beside null. */
  readonly empty: string | null;
  /** The cell that `put` writes for an empty field. */
  readonly emptyCell: string | null;
  readonly isWritable: boolean;
}

/** A field that is one column, renamed, retyped or changed by steps on its way. */
export function columnMapping(parts: ColumnMappingParts): FieldMapping {
  const { column, isWritable } = parts;
  const isPlain = parts.steps.length === 0 && parts.isSameType && parts.empty === null && takesAsIs(column, parts.type);
  const get = isPlain ? plainGet(column) : steppedGet(parts);
  const isAsIs = isPlain && column.codec.isAsIs === true;
  const { codec } = column;
  return {
    reads: [column.place],
    writes: isWritable ? [column.place] : [],
    get,
    put: isPlain && parts.emptyCell === null ? plainPut(column) : steppedPut(parts, get),
    isAsIs,
    ...(isAsIs && isWritable && codec.keeps !== undefined ? { keeps: (value: string) => codec.keeps?.(value) === true } : {}),
    reference: null,
  };
}

/** Whether the codec takes the field's canonical texts as they stand. */
function takesAsIs({ natural }: BoundColumn, type: ValueType): boolean {
  return natural === type || natural === textType;
}

type Get = (cells: readonly NativeCell[]) => Mapped<MaybeValue>;
type Put = (value: string | null, cells: readonly NativeCell[] | null) => Mapped<Cells>;

/** The way of nearly every cell of a large listing: nothing is made but the result. */
function plainGet({ place, codec, name }: BoundColumn): Get {
  return (cells) => {
    const cell = cells[place];
    if (cell === null) return EMPTY;
    if (cell === undefined) return UNKNOWN;
    const decoded = codec.decode(cell);
    return decoded.kind === "value" ? { kind: "ok", result: decoded.text } : problemOf(name, decoded.problem);
  };
}

function plainPut(column: BoundColumn): Put {
  const { codec, name } = column;
  const empty = putEmpty(column, null);
  return (value) => {
    if (value === null) return empty;
    const cell = codec.encode(value);
    return cell.kind === "value" ? { kind: "ok", result: [cell.text] } : problemOf(name, cell.problem);
  };
}

function putEmpty(column: BoundColumn, emptyCell: string | null): Mapped<Cells> {
  return emptyCell === null && !column.schema.nullable ? notEmptiable(column.name) : { kind: "ok", result: [emptyCell] };
}

function steppedGet({ column, steps, type, isSameType, empty }: ColumnMappingParts): Get {
  const { place, codec, name } = column;
  return (cells) => {
    const cell = cells[place];
    if (cell === null) return EMPTY;
    if (cell === undefined) return UNKNOWN;
    let text = codec.decode(cell);
    if (text.kind === "value" && text.text === empty) return EMPTY;
    for (const step of steps) if (text.kind === "value") text = step.get(text.text);
    if (text.kind === "value" && !isSameType) text = type.parse(text.text);
    return text.kind === "value" ? { kind: "ok", result: text.text } : problemOf(name, text.problem);
  };
}

/** A cell that already means the value stays as it is spelled: `put(get(n), n) ~ n`. [S48] */
function steppedPut({ column, steps, type, emptyCell }: ColumnMappingParts, get: Get): Put {
  const backwards = steps.toReversed();
  const empty = putEmpty(column, emptyCell);
  return (value, cells) => {
    const current = cells?.[column.place];
    if (cells !== null && current !== undefined && alreadyMeans(type, get(cells), value)) return { kind: "ok", result: [current] };
    if (value === null) return empty;
    let text: ReturnType<Step["put"]> = { kind: "value", text: value };
    for (const step of backwards) if (text.kind === "value") text = step.put(text.text);
    if (text.kind === "value") text = encodeText(column, text.text);
    return text.kind === "value" ? { kind: "ok", result: [text.text] } : problemOf(column.name, text.problem);
  };
}

/** Whether what a side shows is the value, by its type's own equality. */
export function alreadyMeans(type: ValueType, shown: Mapped<MaybeValue>, value: string | null): boolean {
  if (shown.kind !== "ok" || shown.result === undefined) return false;
  if (shown.result === null || value === null) return shown.result === value;
  return shown.result === value || type.equal(shown.result, value);
}
