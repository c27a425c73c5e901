import { readImage } from "@accord/core";
import type { NativeImage } from "@accord/core";
import type { CellPatch, WriteOperation } from "@accord/engine/connector";
import type { Cell } from "./pipeline.ts";

/** Operations that one statement carries out: of one kind, setting and expecting the same columns. */
export interface WriteGroup {
  readonly kind: WriteOperation["kind"];
  /** Columns by their place among those of the opened object, ascending. */
  readonly set: readonly number[];
  readonly expect: readonly number[];
  readonly operations: readonly WriteOperation[];
  /** The place of each operation in the batch. */
  readonly places: readonly number[];
}

/**
 * Groups a batch by shape: updates of the same columns are one statement, and no statement names a column that its operations leave alone, so that neither
 * `UPDATE OF` triggers nor column rights meet more than was meant. Creates come first, then updates, then deletes.
 *
 * @param isAlone which creates need a statement of their own
 */
export function groupOperations(
  operations: readonly WriteOperation[],
  isAlone: (set: readonly number[]) => boolean,
): readonly WriteGroup[] {
  const groups = new Map<string, GrowingGroup>();
  let last: GrowingGroup | null = null;
  operations.forEach((operation, place) => {
    // Operations of a batch mostly look alike, and are not looked up then.
    if (last === null || last.alone || !hasShape(operation, last)) last = findGroup(groups, operation, place, isAlone);
    last.operations.push(operation);
    last.places.push(place);
  });
  return [...groups.values()].toSorted((a, b) => ORDER[a.kind] - ORDER[b.kind]);
}

/** The cell of a column among patches; `index` is where it is if they are in the order of columns, as they mostly are. */
export function cellOf(patches: readonly CellPatch[], column: number, index: number): Cell {
  const likely = patches[index];
  if (likely?.column === column) return likely.cell ?? null;
  return patches.find((patch) => patch.column === column)?.cell ?? null;
}

const ORDER = { create: 0, update: 1, delete: 2 } as const;
const NO_PATCHES: readonly CellPatch[] = [];

interface GrowingGroup extends WriteGroup {
  readonly alone: boolean;
  /** Of creates that set every column. */
  readonly isWhole: boolean;
  readonly operations: WriteOperation[];
  readonly places: number[];
}

function findGroup(
  groups: Map<string, GrowingGroup>,
  operation: WriteOperation,
  place: number,
  isAlone: (set: readonly number[]) => boolean,
): GrowingGroup {
  const set = operation.kind === "create" ? knownColumns(operation.set) : columnsOf(setOf(operation));
  const expect = columnsOf(expectOf(operation));
  const alone = operation.kind === "create" && isAlone(set);
  const shape = `${operation.kind}/${set.join()}/${expect.join()}${alone ? `/${place}` : ""}`;
  let found = groups.get(shape);
  if (found === undefined) {
    const isWhole = operation.kind === "create" && mayBeWhole(operation.set);
    found = { kind: operation.kind, set, expect, alone, isWhole, operations: [], places: [] };
    groups.set(shape, found);
  }
  return found;
}

function setOf(operation: WriteOperation): readonly CellPatch[] {
  return operation.kind === "update" ? operation.set : NO_PATCHES;
}

function expectOf(operation: WriteOperation): readonly CellPatch[] {
  return operation.kind === "create" ? NO_PATCHES : operation.expect;
}

function hasShape(operation: WriteOperation, { kind, set, expect, isWhole }: GrowingGroup): boolean {
  if (operation.kind === "create") return kind === "create" && isWhole && mayBeWhole(operation.set);
  return operation.kind === kind && areColumns(setOf(operation), set) && areColumns(expectOf(operation), expect);
}

/** Whether every column is set, seen without cutting the image up: a text that looks like an unknown cell is cut up for nothing. */
function mayBeWhole(set: NativeImage): boolean {
  return !set.includes("\\U");
}

function knownColumns(set: NativeImage): readonly number[] {
  return readImage(set).flatMap((cell, column) => (cell === undefined ? [] : [column]));
}

function areColumns(patches: readonly CellPatch[], columns: readonly number[]): boolean {
  if (patches.length !== columns.length) return false;
  for (let index = 0; index < columns.length; index += 1) if (patches[index]?.column !== columns[index]) return false;
  return true;
}

function columnsOf(patches: readonly CellPatch[]): readonly number[] {
  return patches.map(({ column }) => column).toSorted((a, b) => a - b);
}
