import type { Entity, MergeEvent, NativeCell } from "@accord/core";
import type { ChangeSet } from "../run/changes.ts";
import type { EngineContext, RunningSync } from "../run/context.ts";
import type { Intent } from "../store/rows.ts";
import { mergeEntry } from "./payload.ts";

const REASON = "the answer to a write of this count was lost, and the system cannot tell whether it happened";

/**
 * Leaves counts to a person whose write may or may not be in what the record shows now: without proof nobody can tell our own delta from a user's, and taking it
 * once more would count it twice. [S19, S31] `cells`: the record as read.
 */
export function freezeCounts(
  context: EngineContext,
  sync: RunningSync,
  entity: Entity,
  intent: Intent,
  cells: readonly NativeCell[],
  changes: ChangeSet,
): Entity {
  const events: MergeEvent[] = [];
  const fields = entity.fields.map((field, index) => {
    if (field.review !== null || !isUncertain(sync, intent, index, cells)) return field;
    events.push({ kind: "reviewOpened", field: index, side: intent.side, reason: REASON, canonical: field.value, candidate: undefined });
    return { ...field, review: { openedAtMs: context.clock.nowMs(), reason: REASON, candidates: sync.model.sides.map(() => undefined) } };
  });
  if (events.length === 0) return entity;
  const nowMs = context.clock.nowMs();
  changes.journal.push(
    mergeEntry(
      sync.model,
      { run: intent.run, sync: sync.id, entity: entity.id, side: intent.side, atMs: nowMs },
      { record: intent.record, fromMs: intent.openedAtMs, toMs: nowMs, version: entity.version, events },
      "recovery",
    ),
  );
  return { ...entity, fields };
}

/** A count that the intent wrote and that is not as it was before. */
function isUncertain(sync: RunningSync, intent: Intent, index: number, cells: readonly NativeCell[]): boolean {
  if (sync.model.fields[index]?.policy.kind !== "counter" || !intent.fields.some(({ field }) => field === index)) return false;
  const columns = new Set(sync.model.sides[intent.side]?.mapping.fields[index]?.writes);
  return intent.expect.some(({ column, cell }) => columns.has(column) && cells[column] !== cell);
}
