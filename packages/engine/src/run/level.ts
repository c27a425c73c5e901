import { matchKeysOf, NO_REFERENCES, readImage, takesPart, writeImage } from "@accord/core";
import type { FieldMapping, MaybeValue, NativeCell, Provenance, SideModel, SyncModel } from "@accord/core";
import type { LevelEntity, StagedRecord } from "../store/first-contact.ts";

/** What records that say the same say, and who said it first. */
export type LevelReading = Pick<LevelEntity, "values" | "keys" | "provenance">;

/**
 * Sees of records that meet for the first time whether they say the same: a record at every side, all in scope, every field known and of one canonical text. Of such records nothing
 * is merged and nothing is owed: the first one's values are canonical, and every member reflects them. [S13, S28, S36]
 */
export class LevelRecords {
  private readonly model: SyncModel;
  private readonly sides: readonly SideReading[];
  /** The same for all that was listed in one go. */
  private provenance: Provenance = { side: 0, cause: "initial", fromMs: 0, toMs: 0 };

  /** Null where a field is not everybody's to show and to tell, or names records: then what equal records come to is for merging to say. [S44, S55] */
  static of(model: SyncModel): LevelRecords | null {
    const isOfAll = model.fields.every(({ writers }, field) =>
      model.sides.every(({ mapping }, side) => writers[side] === true && mapping.fields[field]?.reference === null),
    );
    return isOfAll ? new LevelRecords(model) : null;
  }

  private constructor(model: SyncModel) {
    this.model = model;
    this.sides = model.sides.map((side) => sideReading(side, model.sides[0]));
  }

  /** Null where the records differ, or are not one per side. */
  read(records: readonly StagedRecord[]): LevelReading | null {
    const [record] = records;
    const [side] = this.sides;
    if (record === undefined || side === undefined || records.length !== this.sides.length || record.side !== 0) return null;
    const cells = readImage(record.image);
    const values = side.takesPart(cells) ? valuesOf(side, cells) : null;
    if (values === null) return null;
    for (let place = 1; place < records.length; place += 1) {
      if (!this.agrees(place, records[place], record, cells, values)) return null;
    }
    return { values: writeImage(values), keys: matchKeysOf(this.model, values), provenance: this.provenanceAt(record.seenAtMs) };
  }

  /** Whether the record at a place is the one of that side, in scope, and shows what the first one shows. */
  private agrees(
    place: number,
    record: StagedRecord | undefined,
    first: StagedRecord,
    firstCells: readonly NativeCell[],
    values: readonly MaybeValue[],
  ): boolean {
    const side = this.sides[place];
    if (side === undefined || record === undefined || record.side !== place) return false;
    const isSame = record.image === first.image;
    const cells = isSame ? firstCells : readImage(record.image);
    return side.takesPart(cells) && shows(isSame ? side.unlikeFirst : side.all, cells, values);
  }

  private provenanceAt(toMs: number): Provenance {
    if (this.provenance.toMs !== toMs) this.provenance = { ...this.provenance, toMs };
    return this.provenance;
  }
}

/** Every field's value, or null where one is unknown. */
function valuesOf({ all }: SideReading, cells: readonly NativeCell[]): MaybeValue[] | null {
  const values: MaybeValue[] = [];
  for (let index = 0; index < all.length; index += 1) {
    const value = valueOf(all[index]?.mapping, cells);
    if (value === undefined) return null;
    values.push(value);
  }
  return values;
}

function shows(fields: readonly ReadField[], cells: readonly NativeCell[], values: readonly MaybeValue[]): boolean {
  for (let index = 0; index < fields.length; index += 1) {
    const read = fields[index];
    if (read === undefined || valueOf(read.mapping, cells) !== values[read.field]) return false;
  }
  return true;
}

function valueOf(mapping: FieldMapping | undefined, cells: readonly NativeCell[]): MaybeValue {
  if (mapping?.isAsIs === true) return cells[mapping.reads[0] ?? -1];
  const got = mapping?.get(cells, NO_REFERENCES);
  return got?.kind === "ok" ? got.result : undefined;
}

interface ReadField {
  readonly field: number;
  readonly mapping: FieldMapping;
}

interface SideReading {
  readonly all: readonly ReadField[];
  /** Fields to be read even in an image that the first side has too: all but those that both take as they stand from one place. */
  readonly unlikeFirst: readonly ReadField[];
  takesPart(cells: readonly NativeCell[]): boolean;
}

function sideReading(side: SideModel, first: SideModel | undefined): SideReading {
  const all = side.mapping.fields.flatMap((own, field) => (own === null ? [] : [{ field, mapping: own }]));
  const isLikeFirst = ({ field, mapping: own }: ReadField): boolean => {
    const other = first?.mapping.fields[field];
    return own.isAsIs === true && other?.isAsIs === true && own.reads[0] === other.reads[0];
  };
  return {
    all,
    unlikeFirst: all.filter((read) => !isLikeFirst(read)),
    takesPart: (cells) => takesPart(side, cells),
  };
}
