import { isLeftOver, winnerThere } from "@accord/core";
import type { Entity, References } from "@accord/core";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";

/** An entity's records, whose problems are over. */
export function recordsOf(sync: RunningSync, { members }: Entity): ChangeSet["problemsOver"] {
  return members.flatMap((member, side) =>
    member === null || member.record === null ? [] : [{ sync: sync.id, side, record: member.record }],
  );
}

/** Why a record is listed that stands as it was although its counterpart was merged away, in plain words. */
const LEFT_OVER =
  "elsewhere it was merged into another record; here both stand, and nothing is written to this one: merge or remove it by hand";

/** Lists the records of a merged entity that nobody merges for us. [S41] */
export function flagLeftOvers(context: EngineContext, sync: RunningSync, entity: Entity, references: References, changes: ChangeSet): void {
  const { life } = entity;
  if (life.kind !== "merged" || entity.review !== null) return;
  for (let side = 0; side < sync.model.sides.length; side += 1) {
    const record = entity.members[side]?.record ?? null;
    if (record === null || !isLeftOver(entity, side) || winnerThere(sync.model, entity, side, references) !== undefined) continue;
    const entities = [entity.id, life.into];
    changes.problems.push({ sync: sync.id, side, record, kind: "merged", reason: LEFT_OVER, entities, atMs: context.clock.nowMs() });
  }
}
