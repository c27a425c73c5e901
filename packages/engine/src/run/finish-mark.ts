import type { EntityId } from "@accord/core";
import type { ChangeSet } from "./changes.ts";
import { retryDelayMs } from "./context.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { touch } from "./due.ts";
import type { Sight } from "./sight.ts";

/**
 * A record whose reference is not known yet is read again later; every other mark is done with. [S44] It is read, because what was just taken in of its image
 * makes that image old news. [S57]
 */
export function finishMark(context: EngineContext, sync: RunningSync, sight: Sight, isWaiting: boolean, changes: ChangeSet): void {
  const { mark } = sight;
  if (!isWaiting) {
    changes.consumed.push(mark.sequence);
    return;
  }
  const nowMs = context.clock.nowMs();
  const notBeforeMs = nowMs + retryDelayMs(context.limits, mark.attempts);
  changes.deferred.push({ sequence: mark.sequence, notBeforeMs });
  changes.marks.push(touch(sync, mark.side, mark.record, nowMs, notBeforeMs));
  changes.problems.push({
    sync: sync.id,
    side: mark.side,
    record: mark.record,
    kind: "reference",
    reason: "it names a record that is not linked yet",
    entities: [],
    atMs: nowMs,
  });
}

/** Values that could not be understood count as unknown and are listed; what is understood again, and waits for nothing, is a problem no more. [S5, S50] */
export function keepProblems(
  context: EngineContext,
  sync: RunningSync,
  sight: Sight,
  problems: readonly (readonly [number, string])[],
  isWaiting: boolean,
  changes: ChangeSet,
): void {
  const { mark } = sight;
  if (problems.length === 0) {
    if (!isWaiting) changes.problemsOver.push({ sync: sync.id, side: mark.side, record: mark.record });
    return;
  }
  const reason = problems.map(([field, problem]) => `${sync.model.fields[field]?.name ?? field}: ${problem}`).join("; ");
  changes.problems.push({
    sync: sync.id,
    side: mark.side,
    record: mark.record,
    kind: "value",
    reason,
    entities: [],
    atMs: context.clock.nowMs(),
  });
}

/** Children that waited for this entity's record at some side can go on, now that it is there. [S44] */
export function wakeChildren(context: EngineContext, sync: RunningSync, entity: EntityId, changes: ChangeSet): void {
  const isParent = context.syncs.some(({ model }) => model.fields.some(({ reference }) => reference?.sync === sync.model.name));
  if (isParent) changes.arrived.push({ sync: sync.id, entity });
}
