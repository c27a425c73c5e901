import { writeImage } from "@accord/core";
import type { RecordId } from "@accord/core";
import { shapeOf } from "./shape.ts";
import type { FakeCell, FakeColumn, FakeObject, FakeShape } from "./shape.ts";

export type FakeRow = readonly FakeCell[];

/** The rows of one object with their unique indexes. Checks nothing: transactions do. */
export class FakeTable {
  readonly shape: FakeShape;
  #rows = new Map<RecordId, FakeRow>();
  #sortedIds: readonly RecordId[] | null = null;
  readonly #uniqueIndexes: readonly Map<string, RecordId>[];
  #keyLast = 0;

  constructor(object: FakeObject) {
    this.shape = shapeOf(object);
    this.#uniqueIndexes = this.shape.uniquePlaces.map(() => new Map());
  }

  get size(): number {
    return this.#rows.size;
  }

  get rows(): ReadonlyMap<RecordId, FakeRow> {
    return this.#rows;
  }

  /** The next generated key. Never given again, even where the transaction is rolled back, as sequences do; unless the column says otherwise. */
  nextKey({ isReused }: FakeColumn): string {
    if (isReused === true) return String(Number(this.sortedIds().at(-1) ?? 0) + 1);
    this.#keyLast += 1;
    return String(this.#keyLast);
  }

  /** Every record id in the order of listings. */
  sortedIds(): readonly RecordId[] {
    this.#sortedIds ??= [...this.#rows.keys()].toSorted(this.shape.compareIds);
    return this.#sortedIds;
  }

  get(id: RecordId): FakeRow | undefined {
    return this.#rows.get(id);
  }

  /** Sets or (with null) removes a row. */
  set(id: RecordId, row: FakeRow | null): void {
    const before = this.#rows.get(id);
    if (before !== undefined) this.#index(before, null);
    if ((before === undefined) !== (row === null)) this.#sortedIds = null;
    if (row === null) this.#rows.delete(id);
    else {
      this.#rows.set(id, row);
      this.#index(row, id);
    }
  }

  /** Replaces all rows, as a restored backup does. */
  replaceAll(rows: ReadonlyMap<RecordId, FakeRow>): void {
    for (const id of this.#rows.keys()) this.set(id, null);
    for (const [id, row] of rows) this.set(id, row);
  }

  /** The record that holds the unique cells of this row, and which unique rule that is. Null cells are never equal. */
  holderOf(row: FakeRow, self: RecordId | null): { readonly holder: RecordId; readonly columns: readonly string[] } | null {
    for (const [which, places] of this.shape.uniquePlaces.entries()) {
      const key = uniqueKey(row, places);
      const holder = key === null ? undefined : this.#uniqueIndexes[which]?.get(key);
      if (holder !== undefined && holder !== self) return { holder, columns: this.shape.schema.uniques[which] ?? [] };
    }
    return null;
  }

  #index(row: FakeRow, id: RecordId | null): void {
    for (const [which, places] of this.shape.uniquePlaces.entries()) {
      const key = uniqueKey(row, places);
      if (key === null) continue;
      if (id === null) this.#uniqueIndexes[which]?.delete(key);
      else this.#uniqueIndexes[which]?.set(key, id);
    }
  }
}

function uniqueKey(row: FakeRow, places: readonly number[]): string | null {
  const cells = places.map((place) => row[place] ?? null);
  return cells.includes(null) ? null : writeImage(cells);
}
