import { builtinTypes, groupParts, textType } from "@accord/core";
import type {
  ColumnCodec,
  FieldMapping,
  FieldModel,
  Mapped,
  MaybeValue,
  Policy,
  ReferenceModel,
  SideModel,
  SyncModel,
  ValueType,
} from "@accord/core";
import { groupMapping } from "../small/small-sync.ts";

/** A field of a bench sync: one column of the same name or another at each side. */
export interface BenchField {
  readonly name: string;
  /** A builtin type's name, `text` where left out, or a type. */
  readonly type?: string | ValueType;
  readonly policy?: Policy;
  /** By side: the column, or null where the side has no such field. The field's name everywhere where left out. */
  readonly columns?: readonly (string | null)[];
  /** Of a group: the columns of its parts, the same at every side. `type` is the group's. [S16] */
  readonly parts?: readonly string[];
  /** Sides whose edits are taken; all that have the field where left out. */
  readonly from?: readonly number[];
  readonly drift?: "revert" | "keep";
  /** The sync that values name. Both sides' parents must stand at the same places. */
  readonly reference?: string;
  /** Of a reference: what is not as for most, which name other syncs' records, wait for them, and hold their deletion up. [S45] */
  readonly rules?: Partial<Omit<ReferenceModel, "sync">>;
}

export interface BenchSide {
  readonly connection: string;
  readonly object: string;
  readonly key: string;
  /** The codec of a column of this side's object. */
  codecOf(column: string): ColumnCodec;
  readonly archive?: { readonly column: string; readonly cell: string; readonly restored: string | null };
  readonly merged?: { readonly column: string; readonly isWritten: boolean };
  readonly filter?: (cells: Readonly<Record<string, string | null | undefined>>) => boolean | undefined;
  /** By the names of fields. */
  readonly only?: (values: Readonly<Record<string, MaybeValue>>) => boolean | undefined;
}

export interface BenchSync {
  readonly name: string;
  readonly fields: readonly BenchField[];
  readonly sides: readonly BenchSide[];
  readonly match: readonly (readonly string[])[];
  readonly initial?: SyncModel["initial"];
  readonly deletes?: SyncModel["deletes"];
  readonly merges?: SyncModel["merges"];
  readonly direction?: SyncModel["direction"];
}

/** Compiles a bench sync into the model that core and engine work with, as the project file's compiler would. */
export function benchModel(sync: BenchSync): SyncModel {
  return {
    name: sync.name,
    version: 1,
    fields: sync.fields.map((field) => fieldModel(field, sync.sides.length)),
    sides: sync.sides.map((side, index) => sideModel(sync, side, index)),
    match: sync.match.map((rule) => rule.map((name) => sync.fields.findIndex((field) => field.name === name))),
    initial: sync.initial ?? "owner",
    deletes: sync.deletes ?? { do: "archive", conflict: "update-wins" },
    merges: sync.merges ?? "keep-both-flag",
    direction: sync.direction ?? { kind: "two-way" },
  };
}

const NEWEST: Policy = { kind: "newest", ranks: [], clockSkewMs: 0 };

function typeOf(field: BenchField): ValueType {
  if (typeof field.type === "object") return field.type;
  const type = builtinTypes.get(field.type ?? "text");
  if (type === undefined) throw new RangeError(`no type ${String(field.type)}`);
  return type;
}

function fieldModel(field: BenchField, sides: number): FieldModel {
  return {
    name: field.name,
    type: typeOf(field),
    policy: field.policy ?? NEWEST,
    writers: Array.from(
      { length: sides },
      (_, side) => columnOf(field, side) !== null && (field.from === undefined || field.from.includes(side)),
    ),
    drift: field.drift ?? "revert",
    reference: field.reference === undefined ? null : referenceModel(field.reference, field.rules),
    sensitive: false,
  };
}

function referenceModel(sync: string, rules: BenchField["rules"] = {}): ReferenceModel {
  return { sync, later: false, tree: false, deletes: "restrict", ...rules };
}

function columnOf(field: BenchField, side: number): string | null {
  return field.columns === undefined ? field.name : (field.columns[side] ?? null);
}

function sideModel(sync: BenchSync, side: BenchSide, index: number): SideModel {
  const mapped = sync.fields.flatMap((field) => field.parts ?? columnOf(field, index) ?? []);
  const columns = [
    ...new Set([
      ...mapped,
      ...(side.archive === undefined ? [] : [side.archive.column]),
      ...(side.merged === undefined ? [] : [side.merged.column]),
    ]),
  ];
  const { filter, only } = side;
  return {
    name: side.connection,
    connection: side.connection,
    object: side.object,
    mapping: { version: 1, columns, fields: sync.fields.map((field) => mappingOf(field, side, index, columns)) },
    filter: filter === undefined ? null : (cells) => filter(Object.fromEntries(columns.map((column, place) => [column, cells[place]]))),
    archive: side.archive === undefined ? null : { ...side.archive, column: columns.indexOf(side.archive.column) },
    merged: side.merged === undefined ? null : { ...side.merged, column: columns.indexOf(side.merged.column) },
    constants: [],
    only: only === undefined ? null : (values) => only(Object.fromEntries(sync.fields.map(({ name }, place) => [name, values[place]]))),
    key: columns.includes(side.key) ? [columns.indexOf(side.key)] : [],
  };
}

function mappingOf(field: BenchField, side: BenchSide, index: number, columns: readonly string[]): FieldMapping | null {
  if (field.parts !== undefined) {
    const places = field.parts.map((part) => columns.indexOf(part));
    return groupMapping(places, groupParts);
  }
  const column = columnOf(field, index);
  if (column === null) return null;
  const place = columns.indexOf(column);
  return field.reference === undefined
    ? plainMapping(place, side.codecOf(column), typeOf(field))
    : referenceMapping(place, field.reference, index);
}

function plainMapping(place: number, codec: ColumnCodec, type: ValueType): FieldMapping {
  return {
    reads: [place],
    writes: [place],
    reference: null,
    isAsIs: codec.isAsIs === true && type === textType,
    get(cells): Mapped<MaybeValue> {
      const cell = cells[place];
      if (cell === null || cell === undefined) return { kind: "ok", result: cell };
      const decoded = codec.decode(cell);
      const parsed = decoded.kind === "value" ? type.parse(decoded.text) : decoded;
      return parsed.kind === "value" ? { kind: "ok", result: parsed.text } : { kind: "problem", problem: parsed.problem };
    },
    put(value) {
      if (value === null) return { kind: "ok", result: [null] };
      const encoded = codec.encode(value);
      return encoded.kind === "value" ? { kind: "ok", result: [encoded.text] } : { kind: "problem", problem: encoded.problem };
    },
  };
}

function referenceMapping(place: number, sync: string, side: number): FieldMapping {
  return {
    reads: [place],
    writes: [place],
    reference: { sync, side, recordOf: (cells) => cells[place] ?? null },
    get(cells, references) {
      const record = cells[place];
      if (record === null || record === undefined) return { kind: "ok", result: record };
      const entity = references.entityOf(sync, side, record);
      return entity === undefined ? { kind: "waits", sync, entity: null } : { kind: "ok", result: String(entity) };
    },
    put(value, _cells, references) {
      if (value === null) return { kind: "ok", result: [null] };
      const record = references.recordOf(sync, side, Number(value));
      return record === undefined ? { kind: "waits", sync, entity: Number(value) } : { kind: "ok", result: [record] };
    },
  };
}
