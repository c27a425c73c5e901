import { readImage } from "@accord/core";
import type { NativeImage } from "@accord/core";
import type { CellPatch } from "./connector.ts";

/** The cells that a write sets, one by one, where a create tells them as one image: those that are known, in the order of the columns. */
export function patchesOf(set: NativeImage | readonly CellPatch[]): readonly CellPatch[] {
  if (typeof set !== "string") return set;
  return readImage(set).flatMap((cell, column) => (cell === undefined ? [] : [{ column, cell }]));
}
