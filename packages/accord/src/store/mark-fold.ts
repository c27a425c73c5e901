import { overlayImage, type RecordId } from "@accord/core";
import type { Mark } from "@accord/engine/store";
import { mergedIntoOf } from "./merged.ts";

/** Folds a newer mark of a record over an older one. The interval covers both, since the record may hold an edit of each. See {@link Mark}. */
export function foldMarks(older: Mark, newer: Mark): Mark {
  const kind = foldKinds(older.kind, newer.kind);
  return {
    ...newer,
    kind,
    image: kind === "image" ? foldImages(older, newer) : null,
    position: isAskedFor(older) || isAskedFor(newer) ? null : newer.position,
    renamedFrom: older.renamedFrom ?? newer.renamedFrom,
    fromMs: Math.min(older.fromMs, newer.fromMs),
    toMs: Math.max(older.toMs, newer.toMs),
    keys: newer.keys ?? older.keys,
    ...mergedIntoOf(foldMerged(older, newer)),
  };
}

/** Only a newer image can say that the record is no shell any more. [S41] */
function foldMerged(older: Mark, newer: Mark): RecordId | null {
  return newer.mergedInto ?? (newer.kind === "image" ? null : (older.mergedInto ?? null));
}

/** A hint without a position: somebody wants the record read, whatever is known of it. */
function isAskedFor(mark: Mark): boolean {
  return (mark.kind === "touched" || mark.kind === "replaced") && mark.position === null;
}

function foldKinds(older: Mark["kind"], newer: Mark["kind"]): Mark["kind"] {
  if (older === newer) return newer;
  const isEnded = [older, newer].some((kind) => kind === "deleted" || kind === "replaced");
  return isEnded ? "replaced" : "touched";
}

/** The older mark of a record that was renamed, at its new id: it keeps the first id it had. [S63] */
export function moveMark(older: Mark, rename: Mark): Mark {
  return { ...older, record: rename.record, renamedFrom: older.renamedFrom ?? rename.renamedFrom };
}

function foldImages(older: Mark, newer: Mark): Mark["image"] {
  if (newer.image === null || older.kind !== "image" || older.image === null) return newer.image;
  return overlayImage(older.image, newer.image);
}
