import { isMeantFor } from "../entity/sync-model.ts";
import type { SideModel, SyncModel } from "../entity/sync-model.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import type { FieldMapping } from "../mapping/side-mapping.ts";
import { readImage, writeImage } from "../record/native-image.ts";
import type { NativeCell, NativeImage } from "../record/native-image.ts";
import type { FieldIndex, SideIndex } from "../record/identifiers.ts";
import type { MaybeValue } from "../value/value-type.ts";
import { acceptsCreates } from "./owe.ts";

/** A record that is to be made. */
export interface NewRecord {
  /** What it is to hold; cells that nothing is written to are unknown. */
  readonly image: NativeImage;
  /** What fields will show that is not the one cell they write as it stands. */
  readonly shows: readonly (readonly [FieldIndex, MaybeValue])[];
}

/**
 * What a side is owed where it has no record, from text to text: `oweRecord` for the many plain creates of a first copy. It answers for those alone; whatever else there is to say of a record, `oweRecord`
 * says. For sides where each field is written what it reads, names no records and is not paused. One record after another: what is used for one is used again.
 */
export class NewRecords {
  private readonly side: SideModel;
  private readonly parts: readonly Part[];
  /** Of the record at hand, and the same as an image has them. Constants stand in their places. */
  private readonly cells: NativeCell[];
  private readonly texts: string[];

  /** Null where the side is none of those. */
  static of(model: SyncModel, side: SideIndex): NewRecords | null {
    const sideModel = model.sides[side];
    if (sideModel === undefined || !acceptsCreates(model, side) || model.fields.some(({ reference }) => reference !== null)) return null;
    const mappings = sideModel.mapping.fields.flatMap((mapping) => mapping ?? []);
    const isPlain = mappings.every(
      ({ reads, writes, reference, paused }) =>
        reference === null && paused === undefined && writes.length > 0 && reads.every((column) => writes.includes(column)),
    );
    const columns = [...mappings.flatMap(({ writes }) => writes), ...sideModel.constants.map(({ column }) => column)];
    return isPlain && new Set(columns).size === columns.length ? new NewRecords(sideModel) : null;
  }

  private constructor(side: SideModel) {
    this.side = side;
    this.parts = side.mapping.fields.flatMap((mapping, field) => (mapping === null ? [] : [partOf(mapping, field)]));
    this.cells = side.mapping.columns.map(() => undefined);
    for (const { column, cell } of side.constants) this.cells[column] = cell;
    this.texts = this.cells.map((cell) => writeImage([cell]));
  }

  /** Whether a record of these canonical values is owed, so that there is nothing else to say of it. `values`: one text, as an image. */
  isOwed(values: NativeImage): boolean {
    return !values.includes(UNKNOWN_CELL) && this.put(readImage(values));
  }

  /** Null where it is not owed, or where nobody can tell what a field will show. */
  write(values: NativeImage): NewRecord | null {
    if (!this.isOwed(values)) return null;
    const { cells, parts, texts } = this;
    // What no text of the values had to escape, no cell that is one of them has.
    const isFree = !values.includes("\\");
    const shows: (readonly [FieldIndex, MaybeValue])[] = [];
    for (let index = 0; index < parts.length; index += 1) {
      const part = parts[index];
      if (part === undefined) break;
      const { field, mapping, only } = part;
      if (mapping.isAsIs === true && only !== null) {
        const cell = cells[only];
        texts[only] = isFree && part.isKept ? (cell ?? "") : writeImage([cell]);
        continue;
      }
      for (const column of mapping.writes) texts[column] = writeImage([cells[column]]);
      const got = mapping.get(cells, NO_REFERENCES);
      if (got.kind !== "ok" || got.result === undefined) return null;
      if (only === null || got.result !== cells[only]) shows.push([field, got.result]);
    }
    return { image: texts.join("\t"), shows };
  }

  private put(values: readonly NativeCell[]): boolean {
    const { cells, parts, side } = this;
    if (!isMeantFor(side, values)) return false;
    for (let index = 0; index < parts.length; index += 1) {
      const part = parts[index];
      if (part === undefined) break;
      const { mapping, field, only } = part;
      const value = values[field] ?? null;
      part.isKept = only !== null && value !== null && mapping.keeps?.(value) === true;
      if (part.isKept && only !== null) {
        cells[only] = value;
        continue;
      }
      const put = mapping.put(value, null, NO_REFERENCES);
      if (put.kind !== "ok") return false;
      for (let place = 0; place < mapping.writes.length; place += 1) cells[mapping.writes[place] ?? -1] = put.result[place];
    }
    return side.filter?.(cells) !== false;
  }
}

/** A text may hold it too, escaped: then it is taken for unknown, which costs time alone. */
const UNKNOWN_CELL = "\\U";

interface Part {
  readonly field: FieldIndex;
  readonly mapping: FieldMapping;
  /** The column that it writes, where it is one. */
  readonly only: number | null;
  /** Of the record at hand: whether its cell is the value as it stands. */
  isKept: boolean;
}

function partOf(mapping: FieldMapping, field: FieldIndex): Part {
  const [column, ...others] = mapping.writes;
  return { field, mapping, only: column === undefined || others.length > 0 ? null : column, isKept: false };
}
