import type { EntityId } from "@accord/core";
import type { Collected, StoredEntity, TombstoneQuery } from "@accord/engine/store";
import { recordKey } from "./memory-state.ts";
import { isWithRecord } from "./memory-view.ts";
import type { MemoryView } from "./memory-view.ts";

/** Forgets entities that were deleted long ago and that nothing names. [S39] */
export function collectTombstones(view: MemoryView, { sync, beforeMs, after, limit }: TombstoneQuery): Collected {
  const { state } = view;
  const ids = [...state.entities.values()]
    .filter((entity) => entity.sync === sync && entity.id > (after ?? -1))
    .map(({ id }) => id)
    .toSorted((a, b) => a - b)
    .slice(0, limit);
  const busy = namedIn(view);
  const gone = ids.filter((id) => {
    const entity = state.entities.get(id);
    return entity !== undefined && isTombstone(entity, beforeMs) && !busy.has(id);
  });
  for (const id of gone) {
    for (const [side, member] of (state.entities.get(id)?.members ?? []).entries())
      if (member !== null && member.record !== null && state.links.get(recordKey(sync, side, member.record)) === id)
        state.links.delete(recordKey(sync, side, member.record));
    state.entities.delete(id);
    state.keys.delete(id);
  }
  return { collected: gone.length, last: ids.length < limit ? null : (ids.at(-1) ?? null) };
}

function isTombstone({ life, review, members }: StoredEntity, beforeMs: number): boolean {
  return life.kind === "deleted" && life.atMs < beforeMs && review === null && !members.some(isWithRecord);
}

function namedIn(view: MemoryView): ReadonlySet<EntityId> {
  const { marks, due, intents, requests, merged } = view.state;
  return new Set([
    ...[...marks.values()].flatMap(({ mark }) => view.markEntity(mark) ?? []),
    ...[...due.values(), ...intents.values(), ...requests.values()].map(({ entity }) => entity),
    ...merged.values(),
  ]);
}
