import { equalValues, imageOf, NO_REFERENCES, readImage } from "@accord/core";
import type { FieldMapping, NativeCell, NativeImage, SideIndex, Value, ValueType } from "@accord/core";
import type { EntityPage, MemberColumns } from "../store/rows.ts";
import type { RunningSync } from "./context.ts";
import { ImageCells } from "./image-cells.ts";

/**
 * Proves of entities, as a scan shows them, that their members hold the canonical record: `B = Img_s(C)` in every field. Fields whose cells are values as they stand are
 * compared as stretches of text, without cutting them up; the others are read as anywhere else.
 */
export class Agreement {
  private readonly sides: readonly SideReading[];
  private readonly canonical = new ImageCells();
  private readonly native = new ImageCells();

  /** Null where references must be known for it. */
  static of(sync: RunningSync): Agreement | null {
    return sync.model.fields.some(({ reference }) => reference !== null) ? null : new Agreement(sync);
  }

  private constructor(sync: RunningSync) {
    this.sides = sync.model.sides.map((_, side) => readingOf(sync, side));
  }

  /** Whether no side of the entity at this place of the page lacks a record or holds other than it should. False: it must be looked at whole. */
  holds({ values, isPlain, members }: EntityPage, at: number): boolean {
    if (isPlain[at] !== true) return false;
    const canonical = values[at] ?? "";
    this.canonical.see(canonical);
    let image: NativeImage | null = null;
    let stretches: string | null = null;
    for (let side = 0; side < this.sides.length; side += 1) {
      const reading = this.sides[side];
      const columns = members[side];
      if (reading === undefined || columns === undefined) return false;
      if (!isPresent(columns, at)) {
        if (reading.takesRecords && mayLackRecord(columns, at)) return false;
        continue;
      }
      const own = columns.images[at] ?? null;
      if (own === null) return false;
      if (own !== image) {
        image = own;
        stretches = null;
        this.native.see(own);
      }
      // Sides that hold one text and read the same stretches of it as they stand have been compared by the first of them.
      const isLevel: boolean = stretches === reading.name || this.isLevel(reading);
      stretches = isLevel ? reading.name : null;
      if (!(isLevel && this.readsLevel(reading)) && !holdsAll(reading, canonical, own)) return false;
    }
    return true;
  }

  private isLevel({ stretches }: SideReading): boolean {
    for (const { field, place, length } of stretches) {
      if (!this.canonical.isSame(field, this.native, place, length)) return false;
    }
    return true;
  }

  private readsLevel({ others, cells }: SideReading): boolean {
    for (const { index, mapping } of others) {
      const value = this.canonical.cell(index);
      if (value === undefined) continue;
      for (const place of mapping.reads) cells[place] = this.native.cell(place);
      const got = mapping.get(cells, NO_REFERENCES);
      if (got.kind !== "ok" || got.result !== value) return false;
    }
    return true;
  }
}

/** How the fields of one side are read. */
interface SideReading {
  /** Fields in a row whose cells stand in the same row, as they stand. */
  readonly stretches: readonly Stretch[];
  /** Tells the stretches of sides apart. */
  readonly name: string;
  readonly others: readonly MappedField[];
  readonly all: readonly MappedField[];
  /** Room for the cells that `others` read. */
  readonly cells: NativeCell[];
  readonly takesRecords: boolean;
}

interface Stretch {
  readonly field: number;
  readonly place: number;
  length: number;
}

interface MappedField {
  readonly index: number;
  readonly mapping: FieldMapping;
  readonly type: ValueType;
}

function readingOf(sync: RunningSync, side: SideIndex): SideReading {
  const all = sync.model.fields.flatMap(({ type }, index): MappedField[] => {
    const mapping = sync.model.sides[side]?.mapping.fields[index] ?? null;
    return mapping === null ? [] : [{ index, mapping, type }];
  });
  const stretches: Stretch[] = [];
  for (const { index, mapping } of all) {
    const place = mapping.reads[0];
    if (mapping.isAsIs !== true || place === undefined) continue;
    const last = stretches.at(-1);
    if (last !== undefined && last.field + last.length === index && last.place + last.length === place) last.length += 1;
    else stretches.push({ field: index, place, length: 1 });
  }
  const columns = sync.model.sides[side]?.mapping.columns ?? [];
  return {
    stretches,
    name: stretches.map(({ field, place, length }) => `${field} ${place} ${length}`).join(),
    others: all.filter(({ mapping }) => mapping.isAsIs !== true),
    all,
    cells: columns.map(() => undefined),
    takesRecords: takesRecords(sync, side),
  };
}

function isPresent({ records, states }: MemberColumns, at: number): boolean {
  return (records[at] ?? null) !== null && states[at] === "live";
}

/** Whether a side without a live record may be one that lacks it. */
function mayLackRecord({ records, states }: MemberColumns, at: number): boolean {
  return (records[at] ?? null) === null || states[at] === "archived" || states[at] === "absent";
}

function holdsAll({ all }: SideReading, canonical: NativeImage, image: NativeImage): boolean {
  const values = readImage(canonical);
  const cells = readImage(image);
  return all.every(({ index, mapping, type }) => {
    const value = values[index];
    return value === undefined || holdsValue(mapping, type, value, cells);
  });
}

/**
 * Whether cells hold a value: `get_s(N) ~ Img_s(C)`. A side that shows the canonical value itself holds it, for what `put` would make of a value that a record shows is that
 * very record [S48, GetPut]; what the side would show of it is worked out where it shows anything else. [S13, S15]
 */
function holdsValue(mapping: FieldMapping, type: ValueType, value: Value, cells: readonly NativeCell[]): boolean {
  const got = mapping.get(cells, NO_REFERENCES);
  const shown = got.kind === "ok" ? got.result : undefined;
  return shown === value || equalValues(type, imageOf(mapping, value, cells, NO_REFERENCES), shown);
}

/** Whether any field flows to this side. */
export function takesRecords(sync: RunningSync, side: SideIndex): boolean {
  return sync.model.fields.some((field, index) => {
    const mapping = sync.model.sides[side]?.mapping.fields[index];
    return (
      mapping !== null &&
      mapping !== undefined &&
      mapping.writes.length > 0 &&
      field.writers.some((writes, other) => writes && other !== side)
    );
  });
}
