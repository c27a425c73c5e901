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
  const isAsked = [older, newer].some(({ kind, position }) => (kind === "touched" || kind === "replaced") && position === null);
  if (older.kind !== newer.kind || newer.kind === "touched" || newer.kind === "replaced") {
    const hasEnded = [older, newer].some(({ kind }) => kind === "deleted" || kind === "replaced");
    return { ...base, kind: hasEnded ? "replaced" : "touched", image: null, position: isAsked ? null : newer.position };
  }
  if (newer.image === null || older.image === null) return base;
  return { ...base, image: overlayImage(older.image, newer.image) };
}
