import { matchKeysOf, NO_REFERENCES, readImage, takesPart, writeImage } from "@accord/core";
import type { FieldIndex, FieldMapping, MaybeValue, NativeCell, NativeImage, SideIndex, SideModel, SyncModel } from "@accord/core";
import { ImageCells } from "./image-cells.ts";

/** What a record says in short, with its match keys. */
export interface LevelReading {
  /** The canonical values as one text: cells in the order of the sync's fields. */
  readonly said: NativeImage;
  readonly keys: readonly (string | null)[];
}

/**
 * Reads what a record of a side says, so that records that meet for the first time can be seen to say the same. Where there is one at every side, all of one text, nothing
 * is merged and nothing is owed: the first one's values are canonical, and every member reflects them. [S13, S28, S36] What fields take as it stands is copied, not read.
 */
export class LevelReader {
  private readonly model: SyncModel;
  private readonly side: SideModel;
  private readonly parts: readonly Part[];
  /** Fields that the keys are made of and that are copied. */
  private readonly keyFields: readonly ReadField[];
  private readonly image = new ImageCells();
  /** Of the image at hand: the cells that are read. */
  private readonly cells: NativeCell[];
  /** Of the image at hand: the fields that are read. */
  private readonly values: MaybeValue[];

  /** Null where a field is not everybody's to show and to tell, or names records: then what equal records come to is for merging to say. [S44, S55] */
  static of(model: SyncModel, side: SideIndex): LevelReader | null {
    const sideModel = model.sides[side];
    const isOfAll = model.fields.every(({ writers }, field) =>
      model.sides.every(({ mapping }, other) => writers[other] === true && mapping.fields[field]?.reference === null),
    );
    return isOfAll && sideModel !== undefined && model.sides.length > 1 ? new LevelReader(model, sideModel) : null;
  }

  private constructor(model: SyncModel, side: SideModel) {
    this.model = model;
    this.side = side;
    this.parts = partsOf(side);
    const keys = new Set(model.match.flat());
    this.keyFields = readFields(side).filter(({ field, mapping }) => keys.has(field) && mapping.isAsIs === true);
    this.cells = side.mapping.columns.map(() => undefined);
    this.values = model.fields.map(() => undefined);
  }

  /** Null where the record takes no part, or a field is unknown. */
  read(text: NativeImage): LevelReading | null {
    // What looks like an unknown cell may be a text; such records are read like any other that is not level.
    if (text.includes(UNKNOWN_CELL) || !this.takesPart(text)) return null;
    const { image, values } = this;
    image.see(text);
    if (image.length < this.cells.length) return null;
    let said = "";
    for (let index = 0; index < this.parts.length; index += 1) {
      const part = this.parts[index];
      if (part === undefined) break;
      if (index > 0) said += "\t";
      if (part.kind === "copied") {
        said += image.text(part.column, part.length);
        continue;
      }
      const value = this.valueOf(part);
      if (value === undefined) return null;
      values[part.field] = value;
      said += writeImage([value]);
    }
    for (const { field, mapping } of this.keyFields) values[field] = image.cell(mapping.reads[0] ?? -1);
    // One text for both where they are one: it is compared and kept once.
    return { said: said === text ? text : said, keys: matchKeysOf(this.model, values) };
  }

  /** Shells of merged records are not listed. [S41] */
  private takesPart(text: NativeImage): boolean {
    return (this.side.filter === null && this.side.archive === null) || takesPart(this.side, readImage(text));
  }

  private valueOf({ mapping }: ReadField): MaybeValue {
    for (const column of mapping.reads) this.cells[column] = this.image.cell(column);
    const got = mapping.get(this.cells, NO_REFERENCES);
    return got.kind === "ok" ? got.result : undefined;
  }
}

const UNKNOWN_CELL = "\\U";

interface ReadField {
  readonly field: FieldIndex;
  readonly mapping: FieldMapping;
}

/** A field to be read, or several one after another whose cells stand in the image as they stand in the canonical text. */
type Part = ({ readonly kind: "read" } & ReadField) | { readonly kind: "copied"; readonly column: number; readonly length: number };

function readFields(side: SideModel): readonly ReadField[] {
  return side.mapping.fields.flatMap((mapping, field) => (mapping === null ? [] : [{ field, mapping }]));
}

function partsOf(side: SideModel): readonly Part[] {
  const parts: Part[] = [];
  for (const { field, mapping } of readFields(side)) {
    const [column = -1] = mapping.reads;
    const last = parts.at(-1);
    if (mapping.isAsIs !== true) parts.push({ kind: "read", field, mapping });
    else if (last?.kind === "copied" && last.column + last.length === column)
      parts[parts.length - 1] = { ...last, length: last.length + 1 };
    else parts.push({ kind: "copied", column, length: 1 });
  }
  return parts;
}
