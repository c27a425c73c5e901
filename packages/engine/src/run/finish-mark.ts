import type { ChangeSet } from "./changes.ts";
import { retryDelayMs } from "./context.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import type { Sight } from "./sight.ts";

/** A record whose reference is not known yet is looked at again later; every other mark is done with. [S44] */
export function finishMark(context: EngineContext, sync: RunningSync, sight: Sight, isWaiting: boolean, changes: ChangeSet): void {
  const { mark } = sight;
  if (!isWaiting) {
    changes.consumed.push(mark.sequence);
    return;
  }
  const nowMs = context.clock.nowMs();
  changes.deferred.push({ sequence: mark.sequence, notBeforeMs: nowMs + retryDelayMs(context.limits, mark.attempts) });
  changes.problems.push({ sync: sync.id, side: mark.side, record: mark.record, kind: "reference", reason: "it names a record that is not linked yet", entities: [], atMs: nowMs });
}

/** Values that could not be understood count as unknown and are listed. [S5, S50] */
export function keepProblems(
  context: EngineContext,
  sync: RunningSync,
  sight: Sight,
  problems: readonly (readonly [number, string])[],
  changes: ChangeSet,
): void {
  const { mark } = sight;
  if (problems.length === 0) {
    if (mark.attempts === 0) changes.problemsOver.push({ sync: sync.id, side: mark.side, record: mark.record });
    return;
  }
  const reason = problems.map(([field, problem]) => `${sync.model.fields[field]?.name ?? field}: ${problem}`).join("; ");
  changes.problems.push({ sync: sync.id, side: mark.side, record: mark.record, kind: "value", reason, entities: [], atMs: context.clock.nowMs() });
}
