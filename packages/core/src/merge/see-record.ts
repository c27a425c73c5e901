import type { References } from "../mapping/references.ts";
import { getRecord } from "../mapping/side-mapping.ts";
import type { KnownRecord, SideMapping } from "../mapping/side-mapping.ts";
import type { FieldIndex } from "../record/identifiers.ts";
import { writeImage } from "../record/native-image.ts";
import type { NativeCell, NativeImage } from "../record/native-image.ts";
import type { MaybeValue } from "../value/value-type.ts";

/** A record's cells as seen, laid over what was known of them. */
export interface SeenCells {
  /** `o`, by field: unknown where a part is unknown. */
  readonly observed: readonly MaybeValue[];
  /** `B` afterwards: `o` with what was known before in place of what is unknown. */
  readonly after: readonly MaybeValue[];
  /** The cells of `image`. */
  readonly cells: readonly NativeCell[];
  readonly image: NativeImage;
  /** Fields with an unknown part beside a changed one: half a value must not pass for the whole. They keep what was known. [S16] */
  readonly torn: readonly FieldIndex[];
  readonly problems: readonly (readonly [FieldIndex, string])[];
  readonly waiting: readonly FieldIndex[];
}

/**
 * Lays seen cells over known ones and reads the fields. Unknown cells, those of torn fields and those of references that wait stay as they were known, so that
 * they are still news when they are read again. [S5, S16, S44] What a paused field was made of is forgotten: whatever comes back in its place is no edit of that. [S50]
 *
 * @param known what was known before, read with the same references; null where nothing was
 * @param image the image that `cells` were read from
 */
export function seeCells(
  mapping: SideMapping,
  known: KnownRecord | null,
  cells: readonly NativeCell[],
  image: NativeImage,
  references: References,
): SeenCells {
  const got = getRecord(mapping, cells, references, known);
  const hasUnknown = cells.includes(undefined);
  if (!hasUnknown && got.waiting.length === 0) {
    return { observed: got.values, after: got.values, cells, image, torn: [], problems: got.problems, waiting: got.waiting };
  }
  const torn = hasUnknown && known !== null ? tornFields(mapping, cells, known.cells) : [];
  const kept = new Set<number>([...torn, ...got.waiting].flatMap((field) => mapping.fields[field]?.reads ?? []));
  const forgotten = pausedColumns(mapping);
  const after = cells.map((cell, column) => {
    if (cell !== undefined && !kept.has(column)) return cell;
    return forgotten.includes(column) ? undefined : known?.cells[column];
  });
  const held = new Set<FieldIndex>(
    mapping.fields.flatMap((field, index) => (field?.reads.some((column) => kept.has(column)) === true ? [index] : [])),
  );
  return {
    // A field that shares a column with a torn or waiting one is not half taken either.
    observed: got.values.map((value, field) => (held.has(field) ? undefined : value)),
    after: getRecord(mapping, after, references).values,
    cells: after,
    image: writeImage(after),
    torn,
    problems: got.problems,
    waiting: got.waiting,
  };
}

const NO_COLUMNS: readonly number[] = [];

function pausedColumns({ fields }: SideMapping): readonly number[] {
  return fields.some((field) => field?.paused !== undefined)
    ? fields.flatMap((field) => (field?.paused === undefined ? NO_COLUMNS : field.reads))
    : NO_COLUMNS;
}

function tornFields(mapping: SideMapping, cells: readonly NativeCell[], known: readonly NativeCell[]): FieldIndex[] {
  return mapping.fields.flatMap((field, index) => {
    if (field === null || field.paused !== undefined || !field.reads.some((column) => cells[column] === undefined)) return [];
    return field.reads.some((column) => cells[column] !== undefined && cells[column] !== known[column]) ? [index] : [];
  });
}
