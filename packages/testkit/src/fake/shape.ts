import { writeImage } from "@accord/core";
import type { ColumnSchema, ObjectSchema, RecordId, ReferenceSchema } from "@accord/core";
import { assert } from "@accord/engine/connector";
import { fakeCodec } from "./codecs.ts";
import type { FakeCodecOptions, FakeType } from "./codecs.ts";

/** One column of a fake object. */
export interface FakeColumn extends FakeCodecOptions {
  readonly name: string;
  readonly type: FakeType;
  /** Default true, but false for key columns. */
  readonly nullable?: boolean;
  /** The cell of records created without one, in any spelling the codec accepts. */
  readonly default?: string;
  /** The system alone fills it, from a counter (an integer key); creates that set it are refused. */
  readonly generated?: boolean;
  /** A generated key goes on above the highest that is there, so that the key of the last record is given again once it is deleted, as SQLite does without AUTOINCREMENT. */
  readonly isReused?: boolean;
  /** What the system makes of a cell when anybody writes the record: a trigger that the codec does not know of. Also called for cells that the write left alone. */
  readonly alter?: (cell: FakeCell, facts: { readonly nowMs: number; readonly isCreate: boolean }) => FakeCell;
  /** Why a cell is refused for good (a poison value), or null. */
  readonly refuses?: (cell: string) => string | null;
}

/** A native cell that is known: text or null. */
export type FakeCell = string | null;

/** One kind of record of a fake system. */
export interface FakeObject {
  readonly name: string;
  readonly columns: readonly FakeColumn[];
  readonly key: readonly string[];
  readonly uniques?: readonly (readonly string[])[];
  /** Only references to the key of another object are enforced. */
  readonly references?: readonly ReferenceSchema[];
}

/** A fake object with the places of its columns worked out. */
export interface FakeShape {
  readonly object: FakeObject;
  readonly schema: ObjectSchema;
  readonly keyPlaces: readonly number[];
  /** Whether the id of a deleted record is given again. */
  readonly isReusing: boolean;
  readonly uniquePlaces: readonly (readonly number[])[];
  readonly references: readonly { readonly places: readonly number[]; readonly object: string; readonly columns: readonly string[] }[];
  placeOf(column: string): number;
  /** The record id of a row; its key cells must not be null. */
  idOf(row: readonly FakeCell[]): RecordId;
  /** How record ids compare in listings. */
  readonly compareIds: (a: RecordId, b: RecordId) => number;
}

/** Works out the shape of a fake object. */
export function shapeOf(object: FakeObject): FakeShape {
  const places = new Map(object.columns.map((column, place) => [column.name, place]));
  const placeOf = (column: string): number => {
    const place = places.get(column);
    assert(place !== undefined, `the fake object ${object.name} has no column ${column}`);
    return place;
  };
  const keyPlaces = object.key.map(placeOf);
  const schema = schemaOf(object);
  return {
    object,
    schema,
    keyPlaces,
    isReusing: object.columns.some(({ isReused }) => isReused === true),
    uniquePlaces: (object.uniques ?? []).map((columns) => columns.map(placeOf)),
    references: (object.references ?? []).map((reference) => ({
      places: reference.columns.map(placeOf),
      object: reference.object,
      columns: reference.columns,
    })),
    placeOf,
    idOf(row) {
      const cells = keyPlaces.map((place) => row[place] ?? null);
      return cells.length === 1 ? (cells[0] ?? "") : writeImage(cells);
    },
    compareIds: schema.keyOrder === "integer" ? compareIntegers : compareBytes,
  };
}

/** Compares two texts by the bytes of their UTF-8. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return utf8Rank(left) - utf8Rank(right);
  }
  return a.length - b.length;
}

/** Halves of surrogate pairs stand for characters above U+FFFF, which UTF-8 sorts after U+E000 to U+FFFF. */
function utf8Rank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}

function compareIntegers(a: string, b: string): number {
  const difference = Number(a) - Number(b);
  if (difference !== 0) return difference;
  const left = BigInt(a);
  const right = BigInt(b);
  return left === right ? 0 : left < right ? -1 : 1;
}

function schemaOf(object: FakeObject): ObjectSchema {
  const [firstKey] = object.key;
  const onlyKey = object.key.length === 1 ? object.columns.find((column) => column.name === firstKey) : undefined;
  return {
    name: object.name,
    columns: object.columns.map((column) => columnSchemaOf(object, column)),
    key: object.key,
    keyProblem: object.key.length === 0 ? `${object.name} has no primary key.` : null,
    keyOrder: onlyKey?.type === "integer" ? "integer" : "bytes",
    uniques: object.uniques ?? [],
    references: object.references ?? [],
    comment: null,
  };
}

function columnSchemaOf(object: FakeObject, column: FakeColumn): ColumnSchema {
  return {
    name: column.name,
    nativeType: column.lengthMax === undefined ? column.type : `${column.type}(${column.lengthMax})`,
    codec: fakeCodec(column.type, column),
    codecProblem: null,
    nullable: isNullable(object, column),
    writable: column.generated !== true,
    hasDefault: column.default !== undefined || column.generated === true,
    comment: null,
  };
}

/** Whether a column may hold null. Key columns never may. */
export function isNullable(object: FakeObject, column: FakeColumn): boolean {
  return (column.nullable ?? true) && !object.key.includes(column.name);
}
