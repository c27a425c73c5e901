import type { RecordId } from "@accord/core";
import { fakeCodec } from "./codecs.ts";
import { isNullable } from "./shape.ts";
import type { FakeCell, FakeColumn } from "./shape.ts";
import type { FakeAuthor, FakeChange, FakeHistory } from "./history.ts";
import type { FakeRow, FakeTable } from "./table.ts";

/** Why a fake system refuses a change. Codes are PostgreSQL's where it has one. */
export class FakeRefusal extends Error {
  readonly code: string;
  readonly taken: { readonly columns: readonly string[]; readonly holder: RecordId | null } | null;

  constructor(code: string, reason: string, taken: FakeRefusal["taken"] = null) {
    super(reason);
    this.name = "FakeRefusal";
    this.code = code;
    this.taken = taken;
  }
}

/** Cells to set, by the column's place in the object. */
export type FakeCells = ReadonlyMap<number, FakeCell>;

/** One atomic step: everything that it changes is committed together, or nothing. Refuses what the objects' rules forbid. */
export class FakeTransaction {
  readonly #tables: ReadonlyMap<string, FakeTable>;
  readonly #history: FakeHistory;
  readonly #nowMs: number;
  readonly #number: number;
  readonly #pending: FakeChange[] = [];
  readonly #undo: (() => void)[] = [];

  constructor(tables: ReadonlyMap<string, FakeTable>, history: FakeHistory, nowMs: number) {
    this.#tables = tables;
    this.#history = history;
    this.#nowMs = nowMs;
    this.#number = history.nextTransaction();
  }

  /** The sequence that the last change of this transaction has, or will have once committed. */
  get last(): number {
    return this.#history.last + this.#pending.length;
  }

  insert(table: FakeTable, cells: FakeCells, author: FakeAuthor): RecordId {
    const { object, keyPlaces } = table.shape;
    this.#refuseGenerated(table, cells);
    const row = object.columns.map((column, place) => {
      if (column.generated === true) return table.nextKey(column);
      const given = cells.get(place);
      return altered(column, encoded(column, given === undefined ? (column.default ?? null) : given), {
        nowMs: this.#nowMs,
        isCreate: true,
      });
    });
    this.#check(table, row, null);
    const id = table.shape.idOf(row);
    if (table.get(id) !== undefined) {
      const columns = keyPlaces.map((place) => object.columns[place]?.name ?? "");
      throw new FakeRefusal("23505", `Duplicate key in ${object.name} (${columns.join(", ")}).`, { columns, holder: id });
    }
    this.#set(table, id, row);
    this.#record(table, { kind: "insert", record: id, from: null, before: null, after: row, author });
    return id;
  }

  /** Changes a record that exists. A changed key renames it. Gives its id afterwards. */
  update(table: FakeTable, id: RecordId, cells: FakeCells, author: FakeAuthor): RecordId {
    const before = this.#existing(table, id);
    this.#refuseGenerated(table, cells);
    const row = table.shape.object.columns.map((column, place) => {
      const given = cells.get(place);
      const cell = given === undefined ? (before[place] ?? null) : encoded(column, given);
      return altered(column, cell, { nowMs: this.#nowMs, isCreate: false });
    });
    this.#check(table, row, id);
    const newId = table.shape.idOf(row);
    if (newId !== id) {
      if (table.get(newId) !== undefined) {
        throw new FakeRefusal("23505", `Duplicate key in ${table.shape.object.name}.`, { columns: table.shape.object.key, holder: newId });
      }
      this.#refuseReferenced(table, before);
      this.#set(table, id, null);
      this.#set(table, newId, row);
      this.#record(table, { kind: "rename", record: newId, from: id, before, after: row, author });
    } else {
      this.#set(table, id, row);
    }
    this.#record(table, { kind: "update", record: newId, from: null, before, after: row, author });
    return newId;
  }

  delete(table: FakeTable, id: RecordId, author: FakeAuthor): void {
    const before = this.#existing(table, id);
    this.#refuseReferenced(table, before);
    this.#set(table, id, null);
    this.#record(table, { kind: "delete", record: id, from: null, before, after: null, author });
  }

  /** Makes one record of two: the first is gone, and the system knows into which. [S41] */
  merge(table: FakeTable, id: RecordId, into: RecordId, author: FakeAuthor): void {
    const before = this.#existing(table, id);
    this.#existing(table, into);
    this.#refuseReferenced(table, before);
    this.#set(table, id, null);
    this.#record(table, { kind: "merge", record: id, from: null, into, before, after: null, author });
  }

  /** Empties the object at once. */
  empty(table: FakeTable, author: FakeAuthor): void {
    for (const row of table.rows.values()) this.#refuseReferenced(table, row);
    for (const id of table.rows.keys()) this.#set(table, id, null);
    this.#record(table, { kind: "empty", record: "", from: null, before: null, after: null, author });
  }

  commit(): void {
    this.#history.append(this.#pending);
  }

  rollBack(): void {
    for (const step of this.#undo.toReversed()) step();
    this.#undo.length = 0;
    this.#pending.length = 0;
  }

  #existing(table: FakeTable, id: RecordId): FakeRow {
    const row = table.get(id);
    if (row === undefined) throw new FakeRefusal("MISSING", `${table.shape.object.name} has no such record.`);
    return row;
  }

  #set(table: FakeTable, id: RecordId, row: FakeRow | null): void {
    const before = table.get(id) ?? null;
    this.#undo.push(() => table.set(id, before));
    table.set(id, row);
  }

  #record(table: FakeTable, facts: Pick<FakeChange, "kind" | "record" | "from" | "into" | "before" | "after" | "author">): void {
    this.#pending.push({
      ...facts,
      sequence: this.last + 1,
      transaction: this.#number,
      object: table.shape.object.name,
      atMs: this.#nowMs,
    });
  }

  #refuseGenerated(table: FakeTable, cells: FakeCells): void {
    for (const place of cells.keys()) {
      const column = table.shape.object.columns[place];
      if (column?.generated === true) throw new FakeRefusal("428C9", `Column ${column.name} is always generated.`);
    }
  }

  /** Refuses what constraints forbid: nulls, unique cells held elsewhere, references to nothing. */
  #check(table: FakeTable, row: FakeRow, self: RecordId | null): void {
    const { object, references } = table.shape;
    for (const [place, column] of object.columns.entries()) {
      if (row[place] === null && !isNullable(object, column))
        throw new FakeRefusal("23502", `Column ${column.name} of ${object.name} must not be null.`);
    }
    const held = table.holderOf(row, self);
    if (held !== null) {
      throw new FakeRefusal("23505", `Another record of ${object.name} holds the same ${held.columns.join(", ")}.`, held);
    }
    for (const reference of references) {
      const cells = reference.places.map((place) => row[place] ?? null);
      const parent = this.#tables.get(reference.object);
      if (parent === undefined || cells.includes(null)) continue;
      const isThere = parent.get(idOfKeyCells(parent, cells)) !== undefined;
      if (!isThere) throw new FakeRefusal("23503", `${reference.columns.join(", ")} of ${object.name} names no ${reference.object}.`);
    }
  }

  /** Refuses to remove a row that another record refers to. */
  #refuseReferenced(parent: FakeTable, row: FakeRow): void {
    const id = parent.shape.idOf(row);
    for (const child of this.#tables.values()) {
      for (const reference of child.shape.references) {
        if (reference.object !== parent.shape.object.name) continue;
        for (const childRow of child.rows.values()) {
          const cells = reference.places.map((place) => childRow[place] ?? null);
          if (cells.includes(null) || idOfKeyCells(parent, cells) !== id) continue;
          throw new FakeRefusal("23503", `A record of ${child.shape.object.name} refers to this record of ${parent.shape.object.name}.`);
        }
      }
    }
  }
}

function idOfKeyCells(parent: FakeTable, cells: readonly FakeCell[]): RecordId {
  const row: FakeCell[] = [];
  for (const [index, place] of parent.shape.keyPlaces.entries()) row[place] = cells[index] ?? null;
  return parent.shape.idOf(row);
}

/** What the system's trigger makes of a cell. */
function altered(column: FakeColumn, cell: FakeCell, facts: { readonly nowMs: number; readonly isCreate: boolean }): FakeCell {
  return column.alter === undefined ? cell : column.alter(cell, facts);
}

/** The cell that the column can hold of what it is given. */
function encoded(column: FakeColumn, given: FakeCell): FakeCell {
  if (given === null) return null;
  const refusal = column.refuses?.(given) ?? null;
  if (refusal !== null) throw new FakeRefusal("P0001", refusal);
  const result = fakeCodec(column.type, column).encode(given);
  if (result.kind === "invalid")
    throw new FakeRefusal(column.type === "text" ? "22001" : "22P02", `Column ${column.name}: the value ${result.problem}.`);
  return result.text;
}
