import { readImage, writeImage } from "@accord/core";
import type { FieldMapping, NativeCell, RecordId, SideIndex } from "@accord/core";
import type { BoundColumn } from "./bound-column.ts";
import { EMPTY, notEmptiable, UNKNOWN } from "./mapped.ts";

/** The parent sync, and which side of it the native values name records of. */
export interface ReferenceTarget {
  readonly sync: string;
  readonly side: SideIndex;
}

/** A reference: natively the id of a record of the parent sync's side, canonically the entity. [S44] An id with an empty part names nothing, as in SQL. */
export function referenceMapping(columns: readonly BoundColumn[], target: ReferenceTarget, isWritable: boolean): FieldMapping {
  const places = columns.map(({ place }) => place);
  const isSingle = columns.length === 1;
  const recordOf = (cells: readonly NativeCell[]): RecordId | null => {
    const key = places.map((place) => cells[place]);
    const [first] = key;
    if (isSingle) return first ?? null;
    if (key.some((cell) => cell === null || cell === undefined)) return null;
    const tuple: string = writeImage(key);
    return tuple;
  };
  const unemptiable = columns.find(({ schema }) => !schema.nullable);
  return {
    reads: places,
    writes: isWritable ? places : [],
    get: (cells, references) => {
      if (places.some((place) => cells[place] === undefined)) return UNKNOWN;
      const record = recordOf(cells);
      if (record === null) return EMPTY;
      const entity = references.entityOf(target.sync, target.side, record);
      return entity === undefined ? { kind: "waits", sync: target.sync, entity: null } : { kind: "ok", result: String(entity) };
    },
    put: (value, _, references) => {
      if (value === null)
        return unemptiable === undefined ? { kind: "ok", result: places.map(() => null) } : notEmptiable(unemptiable.name);
      const entity = Number(value);
      const record = references.recordOf(target.sync, target.side, entity);
      if (record === undefined) return { kind: "waits", sync: target.sync, entity };
      const tuple: string = record;
      return { kind: "ok", result: isSingle ? [record] : readImage(tuple).map((cell) => cell ?? null) };
    },
    reference: { sync: target.sync, side: target.side, recordOf },
  };
}
