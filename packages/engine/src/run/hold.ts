import type { EntityId, RecordId, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import type { Dispatch } from "./dispatch.ts";
import { touch } from "./due.ts";
import { childrenRequest, heldBy, referringTo } from "./kin.ts";
import type { Referring } from "./kin.ts";
import { circleAt, placesWritten, TREE_WAIT_MS } from "./tree.ts";
import type { Circle } from "./tree.ts";

/**
 * Writes that may be made now. A record that others name is deleted after them, whatever shards they are of, and not at all while one of them lives: its delete waits for that one. [S45] An update
 * that would make a circle of what a side shows waits for the one that is to move first. [S46]
 */
export async function withoutHeld(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  dispatches: readonly Dispatch[],
  changes: ChangeSet,
  options: CallOptions,
): Promise<readonly Dispatch[]> {
  const isParent = referringTo(context, sync).length > 0;
  if (!isParent) return dispatches;
  const free: Dispatch[] = [];
  for (const one of dispatches) {
    const hold = one.intent.kind === "delete" ? await heldBy(context, sync, side, one.entity.id, options) : null;
    if (hold !== null) {
      putAside(one, hold.by, namedReason(hold.referring), changes);
      // What is to follow it may have come to name it only since.
      if (hold.lives && hold.referring.reference.deletes !== "restrict")
        changes.requests.push(childrenRequest(context, sync, one.entity.id));
      continue;
    }
    const circle = await circleOf(context, sync, side, one, options);
    if (circle === null) free.push(one);
    else if (circle.kind === "waits") putAside(one, circle.mover, "it would come to stand above itself there", changes);
    else putOff(context, sync, side, one, circle.records, changes);
  }
  return free;
}

/** Why a record is not deleted yet, in plain words. */
export function namedReason({ sync }: Referring): string {
  return `records of ${sync.model.name} still name it`;
}

/** What keeps a record from where it is to stand in a tree, or null. */
async function circleOf(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  { entity, intent: { record }, fields }: Dispatch,
  options: CallOptions,
): Promise<Circle | null> {
  for (const [field, above] of record === null ? [] : placesWritten(sync.model, entity, fields)) {
    const circle = await circleAt(context, sync, side, field, record ?? "", above, options);
    if (circle !== null) return circle;
  }
  return null;
}

/** Records are read anew first. */
function putOff(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  { due }: Dispatch,
  records: readonly RecordId[],
  changes: ChangeSet,
): void {
  const nowMs = context.clock.nowMs();
  for (const record of records) changes.marks.push(touch(sync, side, record, nowMs));
  const { sync: id, entity, state, sinceMs, attempts, code, reason, waitsFor, undo } = due;
  const notBeforeMs = nowMs + TREE_WAIT_MS;
  changes.due.push({ sync: id, side, entity, state, notBeforeMs, sinceMs, attempts, code, reason, waitsFor, undo, keepAge: false });
}

/** It is looked at again when that entity has changed. */
function putAside({ due, entity }: Dispatch, waitsFor: EntityId, reason: string, changes: ChangeSet): void {
  const { sync, side, sinceMs, notBeforeMs, attempts, undo } = due;
  changes.due.push({
    sync,
    side,
    entity: entity.id,
    state: "waiting",
    notBeforeMs,
    sinceMs,
    attempts,
    code: null,
    reason,
    waitsFor,
    undo,
    keepAge: true,
  });
}
