import { readImage, writeImage, type NativeCell } from "@accord/core";
import type { CellPatch } from "@accord/engine/connector";

/** Patches as one image: column, cell, column, cell. JSON does not know unknown from null. [S5] */
export function writePatches(patches: readonly CellPatch[]): string {
  const cells: NativeCell[] = [];
  for (const { column, cell } of patches) cells.push(String(column), cell);
  return writeImage(cells);
}

export function readPatches(text: string): CellPatch[] {
  if (text === "") return [];
  const cells = readImage(text);
  const patches: CellPatch[] = [];
  for (let at = 0; at + 1 < cells.length; at += 2) patches.push({ column: Number(cells[at]), cell: cells[at + 1] });
  return patches;
}
