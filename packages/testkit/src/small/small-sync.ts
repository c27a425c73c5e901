import { groupText, textType, writeImage } from "@accord/core";
import type {
  DeletePolicy,
  FieldMapping,
  FieldModel,
  MaybeValue,
  NativeCell,
  NativeImage,
  ParseResult,
  Policy,
  ReferenceModel,
  SideModel,
  SyncModel,
  ValueType,
} from "@accord/core";

/** One field of a small sync. What is left out is the plainest: text, owner in declared order, both ways, the cell as it stands. */
export interface SmallField {
  readonly type?: ValueType;
  readonly policy?: Policy;
  /** Sides that may write it; all. */
  readonly writers?: readonly number[];
  readonly drift?: "revert" | "keep";
  /** By side, where it is not plain: null where the side lacks the field. */
  readonly sides?: Readonly<Record<number, SmallMapping | null>>;
  readonly reference?: string;
  readonly rules?: Partial<Omit<ReferenceModel, "sync">>;
}

/** How a side holds a field: what it makes of a text it is given, whether it can be written, or a mapping of its own. */
export interface SmallMapping {
  readonly hold?: (text: string) => ParseResult;
  readonly isReadOnly?: boolean;
  readonly make?: (column: number) => FieldMapping;
}

export interface SmallOptions {
  readonly sides?: number;
  readonly initial?: SyncModel["initial"];
  readonly deletes?: Partial<DeletePolicy>;
  readonly match?: SyncModel["match"];
  readonly direction?: SyncModel["direction"];
  /** What reads as archived in the column after the fields'. */
  readonly archive?: Readonly<Record<number, string>>;
  readonly merges?: SyncModel["merges"];
  /** Sides whose last column, which no field maps, names the record that this one was merged into. */
  readonly merged?: Readonly<Record<number, { readonly isWritten: boolean }>>;
  readonly filters?: Readonly<Record<number, SideModel["filter"]>>;
}

/** Owner in declared order, with every option off. */
export const OWNER: Policy = { kind: "owner", ranks: [], revert: false, fill: false, blanks: [], verified: null };

/**
 * A sync of plain columns, for tests of core: field `f` is column `f` at every side; the last column is mapped by nothing. Cells are canonical texts, but for
 * what `hold` makes of them.
 */
export function smallSync(fields: Readonly<Record<string, SmallField>>, options: SmallOptions = {}): SyncModel {
  const count = options.sides ?? 2;
  const list = Object.entries(fields);
  return {
    name: "small",
    version: 1,
    fields: list.map(([name, field]) => fieldModel(name, field, count)),
    sides: Array.from({ length: count }, (_, side) => sideModel(side, list, options)),
    match: options.match ?? [],
    initial: options.initial ?? "owner",
    deletes: { do: "archive", conflict: "update-wins", ...options.deletes },
    merges: options.merges ?? "keep-both-flag",
    direction: options.direction ?? { kind: "two-way" },
  };
}

function fieldModel(name: string, field: SmallField, sides: number): FieldModel {
  return {
    name,
    type: field.type ?? textType,
    policy: field.policy ?? OWNER,
    writers: Array.from({ length: sides }, (_, side) => field.sides?.[side] !== null && (field.writers?.includes(side) ?? true)),
    drift: field.drift ?? "revert",
    reference:
      field.reference === undefined ? null : { sync: field.reference, later: false, tree: false, deletes: "restrict", ...field.rules },
    sensitive: false,
  };
}

function sideModel(side: number, fields: readonly (readonly [string, SmallField])[], options: SmallOptions): SideModel {
  const archived = options.archive?.[side];
  const merged = options.merged?.[side];
  return {
    name: `side${side}`,
    connection: `connection${side}`,
    object: "thing",
    mapping: {
      version: 1,
      columns: [...fields.map(([name]) => name), "rest"],
      fields: fields.map(([, field], column) => {
        const mapping = field.sides?.[side];
        if (mapping === null) return null;
        return mapping?.make?.(column) ?? plainMapping(column, field.type ?? textType, mapping);
      }),
    },
    filter: options.filters?.[side] ?? null,
    archive: archived === undefined ? null : { column: fields.length, cell: archived, restored: null },
    merged: merged === undefined ? null : { column: fields.length, ...merged },
    constants: [],
    only: null,
    key: [],
  };
}

/** One column, whose cell is read by the type and held as `hold` says. */
export function plainMapping(column: number, type: ValueType, options: SmallMapping = {}): FieldMapping {
  return {
    reads: [column],
    writes: options.isReadOnly === true ? [] : [column],
    reference: null,
    get(cells) {
      const cell = cells[column];
      if (cell === undefined || cell === null) return { kind: "ok", result: cell };
      const parsed = type.parse(cell);
      return parsed.kind === "value" ? { kind: "ok", result: parsed.text } : { kind: "problem", problem: parsed.problem };
    },
    put(value) {
      if (value === null || options.hold === undefined) return { kind: "ok", result: [value] };
      const held = options.hold(value);
      return held.kind === "value" ? { kind: "ok", result: [held.text] } : { kind: "problem", problem: held.problem };
    },
  };
}

/** Several columns that are one value of a group type. [S16] */
export function groupMapping(columns: readonly number[], parts: (text: string) => readonly (string | null)[]): FieldMapping {
  return {
    reads: columns,
    writes: columns,
    reference: null,
    get: (cells) => ({ kind: "ok", result: groupText(columns.map((column): MaybeValue => cells[column])) }),
    put: (value) => ({ kind: "ok", result: value === null ? columns.map(() => null) : parts(value) }),
  };
}

/** A reference whose cells hold record ids of side `side` of the sync `sync`. [S44] */
export function referenceMapping(column: number, sync: string, side: number): FieldMapping {
  return {
    reads: [column],
    writes: [column],
    reference: { sync, side, recordOf: (cells) => cells[column] ?? null },
    get(cells, references) {
      const cell = cells[column];
      if (cell === undefined || cell === null) return { kind: "ok", result: cell };
      const entity = references.entityOf(sync, side, cell);
      return entity === undefined ? { kind: "waits", sync, entity: null } : { kind: "ok", result: String(entity) };
    },
    put(value, _cells, references) {
      if (value === null) return { kind: "ok", result: [null] };
      const record = references.recordOf(sync, side, Number(value));
      return record === undefined ? { kind: "waits", sync, entity: Number(value) } : { kind: "ok", result: [record] };
    },
  };
}

/** A side that cuts texts after `length` characters. */
export function cutting(length: number): SmallMapping {
  return { hold: (text) => ({ kind: "value", text: text.slice(0, length) }) };
}

/** The image of a record: the fields' cells and, last, the column that no field maps. */
export function smallImage(cells: readonly NativeCell[], rest: NativeCell = null): NativeImage {
  return writeImage([...cells, rest]);
}
