import type { References } from "../mapping/references.ts";
import { getRecord } from "../mapping/side-mapping.ts";
import type { SideMapping } from "../mapping/side-mapping.ts";
import type { FieldIndex } from "../record/identifiers.ts";
import { readImage, writeImage } from "../record/native-image.ts";
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
 * they are still news when they are read again. [S5, S16, S44]
 *
 * @param before the image known before; null where nothing was
 * @param image the image that `cells` were read from
 */
export function seeCells(
  mapping: SideMapping,
  before: NativeImage | null,
  cells: readonly NativeCell[],
  image: NativeImage,
  references: References,
): SeenCells {
  const got = getRecord(mapping, cells, references);
  const hasUnknown = cells.includes(undefined);
  if (!hasUnknown && got.waiting.length === 0) {
    return { observed: got.values, after: got.values, cells, image, torn: [], problems: got.problems, waiting: got.waiting };
  }
  const known = before === null ? null : readImage(before);
  const torn = hasUnknown && known !== null ? tornFields(mapping, cells, known) : [];
  const kept = new Set<number>([...torn, ...got.waiting].flatMap((field) => mapping.fields[field]?.reads ?? []));
  const after = cells.map((cell, column) => (cell === undefined || kept.has(column) ? known?.[column] : cell));
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

function tornFields(mapping: SideMapping, cells: readonly NativeCell[], known: readonly NativeCell[]): FieldIndex[] {
  return mapping.fields.flatMap((field, index) => {
    if (field === null || !field.reads.some((column) => cells[column] === undefined)) return [];
    return field.reads.some((column) => cells[column] !== undefined && cells[column] !== known[column]) ? [index] : [];
  });
}
