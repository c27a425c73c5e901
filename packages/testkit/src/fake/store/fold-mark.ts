import { overlayImage } from "@accord/core";
import type { Mark } from "@accord/engine/store";

/** One mark out of an older and a newer one of the same record; the interval covers both. See `Mark` in the store's port. */
export function foldMark(older: Mark | undefined, newer: Mark): Mark {
  if (older === undefined) return newer;
  const merged = newer.mergedInto ?? (newer.kind === "image" ? undefined : older.mergedInto);
  const base: Mark = {
    ...newer,
    ...(merged === undefined ? {} : { mergedInto: merged }),
    renamedFrom: older.renamedFrom ?? newer.renamedFrom,
    keys: newer.keys ?? older.keys,
    fromMs: Math.min(older.fromMs, newer.fromMs),
    toMs: Math.max(older.toMs, newer.toMs),
  };
  const isAsked = [older, newer].some(({ kind, position }) => kind === "touched" && position === null);
  if (older.kind === "touched" || newer.kind === "touched")
    return { ...base, kind: "touched", image: null, position: isAsked ? null : newer.position };
  if (newer.kind !== "image" || older.kind !== "image" || newer.image === null || older.image === null) return base;
  return { ...base, image: overlayImage(older.image, newer.image) };
}
