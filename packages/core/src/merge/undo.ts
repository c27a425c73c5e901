import type { Entity, Provenance } from "../entity/entity.ts";
import { withValue } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import type { FieldIndex } from "../record/identifiers.ts";
import { equalValues } from "../value/value-type.ts";
import type { Value } from "../value/value-type.ts";
import type { MergeEvent } from "./merge-event.ts";

export type Undone =
  | { readonly kind: "undone"; readonly entity: Entity; readonly events: readonly MergeEvent[] }
  /** It holds that value already. */
  | { readonly kind: "level" }
  /** A user changed it after the run: it is left alone and listed. [S59] */
  | { readonly kind: "newer" };

/**
 * Sets a field back to the value it had before a run, as a new version with provenance `undo`. [S59]
 * `after` is what the run left behind: a canonical value that is newer by a user is not touched.
 */
export function undoField(model: SyncModel, entity: Entity, field: FieldIndex, before: Value, after: Value, atMs: number): Undone {
  const current = entity.fields[field];
  const type = model.fields[field]?.type;
  if (current === undefined || type === undefined || current.value === undefined) return { kind: "level" };
  if (equalValues(type, current.value, before)) return { kind: "level" };
  if (!equalValues(type, current.value, after)) return { kind: "newer" };
  const provenance: Provenance = { side: null, cause: "undo", fromMs: atMs, toMs: atMs };
  const undone: MergeEvent = { kind: "undone", field, from: current.value, to: before };
  const closed: MergeEvent = { kind: "reviewClosed", field, side: null, because: "undo", from: current.value, to: before };
  return {
    kind: "undone",
    entity: withValue(entity, field, before, provenance),
    events: current.review === null ? [undone] : [undone, closed],
  };
}
