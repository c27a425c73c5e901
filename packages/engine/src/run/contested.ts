import type { EntityId, RecordId, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { isWriting, readyDue } from "./due.ts";

/** Problems looked at; a system with more twins than this has to be tidied first. */
const PROBLEMS_MAX = 10_000;

/** Why a create is put off, in plain words. */
export const CONTESTED = "a record there may be the same thing; decide with accord conflicts";

/**
 * Entities that an unlinked record of a side may belong to: until a person decides, none of them is created there, else the record would get a twin. [S36, I4]
 */
export async function contestedEntities(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  options: CallOptions,
): Promise<ReadonlySet<EntityId>> {
  return new Set((await contestants(context, sync, side, options)).keys());
}

/** The unlinked records of a side that wait for a person, by the entities that they may belong to. [S36] */
export async function contestants(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  options: CallOptions,
): Promise<ReadonlyMap<EntityId, ReadonlySet<RecordId>>> {
  const recordsByEntity = new Map<EntityId, Set<RecordId>>();
  for (const problem of await context.store.listProblems(PROBLEMS_MAX, options)) {
    if (problem.kind !== "ambiguous" || problem.sync !== sync.id || problem.side !== side) continue;
    for (const entity of problem.entities) {
      const records = recordsByEntity.get(entity) ?? new Set<RecordId>();
      recordsByEntity.set(entity, records.add(problem.record));
    }
  }
  return recordsByEntity;
}

/** What was put off for a match that is decided now is looked at again at once, in a live sync; else the next plan shows it. */
export async function releaseContested(
  context: EngineContext,
  sync: RunningSync,
  { side, record }: { readonly side: SideIndex; readonly record: RecordId },
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  if (!isWriting(context, sync)) return;
  const nowMs = context.clock.nowMs();
  for (const problem of await context.store.listProblems(PROBLEMS_MAX, options)) {
    if (problem.kind !== "ambiguous" || problem.sync !== sync.id || problem.side !== side || problem.record !== record) continue;
    for (const entity of problem.entities) changes.due.push({ ...readyDue({ sync: sync.id, side, entity }, nowMs), keepAge: true });
  }
}
