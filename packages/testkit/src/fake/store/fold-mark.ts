import { overlayImage } from "@accord/core";
import type { Mark } from "@accord/engine/store";

/** One mark out of an older and a newer one of the same record. See `Mark` in the store's port. */
export function foldMark(older: Mark | undefined, newer: Mark): Mark {
  if (older === undefined) return newer;
  const renamedFrom = older.renamedFrom ?? newer.renamedFrom;
  const base = { ...newer, renamedFrom, keys: newer.keys ?? older.keys };
  if (newer.kind === "image" && older.kind === "image" && newer.image !== null && older.image !== null) {
    return { ...base, image: overlayImage(older.image, newer.image) };
  }
  if (older.kind !== "touched" && newer.kind !== "touched") return base;
  const isAsked = (older.kind === "touched" && older.position === null) || (newer.kind === "touched" && newer.position === null);
  return { ...base, kind: "touched", image: null, position: isAsked ? null : newer.position };
}
