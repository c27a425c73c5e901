import { acknowledgeLevel, followMerges, keyValues, matchKeysOf, NO_REFERENCES, owe, withMember } from "@accord/core";
import type { Entity, Owed, References, SideIndex, WriteOwed } from "@accord/core";
import { mergeEntry } from "../journal/payload.ts";
import type { Due, DueKey } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { dehydrate, hasReferences } from "./hydrate.ts";
import { keysOf } from "./kin.ts";
import { FIELD_PAUSED } from "./paused-field.ts";

/** An entity as it was put into a change set, with the updates that it made due and whose members have no open intent. */
export interface Kept {
  readonly entity: Entity;
  readonly updates: readonly { readonly due: Due; readonly owed: WriteOwed<"update"> }[];
}

/**
 * Puts an entity into the change set as it now is, with what that makes due at each side. Only that something may be due is kept: the write itself is
 * computed at dispatch. [S28] Sides with an open intent are looked at again when it closes. [S33] `keys`: those that it is matched by, of the canonical record unless given; null: as they were.
 */
export function keepEntity(
  context: EngineContext,
  sync: RunningSync,
  entity: Entity,
  references: References,
  changes: ChangeSet,
  keys: readonly (string | null)[] | null = matchKeysOf(sync.model, keyValues(entity)),
): Kept {
  let kept = follow(context, sync, entity, references, changes);
  const updates: Kept["updates"][number][] = [];
  for (let side = 0; side < sync.model.sides.length; side += 1) {
    const member = kept.members[side];
    if (member !== null && member !== undefined && member.intent !== null) continue;
    const level = acknowledgeLevel(sync.model, kept, side, references);
    if (level !== null) kept = withMember(kept, side, level);
    const owed = owe(sync.model, kept, side, references);
    const due = keepDue(context, sync, kept, side, owed, changes);
    if (due !== null && owed.kind === "update") updates.push({ due, owed });
  }
  const known = hasReferences(sync) ? keysOf(sync, kept, keys ?? matchKeysOf(sync.model, keyValues(kept))) : keys;
  changes.entities.push({ entity: dehydrate(sync, kept), keys: known });
  return { entity: kept, updates };
}

/** What names a merged entity names its winner, whoever came to name it. [S41, S44] */
function follow(context: EngineContext, sync: RunningSync, entity: Entity, references: References, changes: ChangeSet): Entity {
  if (references === NO_REFERENCES) return entity;
  const nowMs = context.clock.nowMs();
  const followed = followMerges(sync.model, entity, references, nowMs);
  if (followed.events.length > 0) {
    const facts = { run: context.run, sync: sync.id, entity: entity.id, side: null, atMs: nowMs };
    const { version } = followed.entity;
    changes.journal.push(mergeEntry(sync.model, facts, { record: null, fromMs: nowMs, toMs: nowMs, version, events: followed.events }));
  }
  return followed.entity;
}

/** Puts into the change set what is due at a side by what it lacks. Returns the row that was put in for a write, or null. */
export function keepDue(
  context: EngineContext,
  sync: RunningSync,
  entity: Pick<Entity, "id" | "members">,
  side: SideIndex,
  owed: Owed,
  changes: ChangeSet,
): Due | null {
  if (owed.kind === "nothing") {
    changes.dueDone.push({ sync: sync.id, side, entity: entity.id });
    return null;
  }
  const nowMs = context.clock.nowMs();
  if (owed.kind === "reread") {
    // Who absorbs the reading works out anew what is due: until then nothing is, however long the mark has to wait.
    changes.dueDone.push({ sync: sync.id, side, entity: entity.id });
    const record = entity.members[side]?.record;
    if (record !== null && record !== undefined) changes.marks.push(touch(sync, side, record, nowMs));
    return null;
  }
  const isLive = isWriting(context, sync);
  const fresh: Due & { keepAge: boolean } = {
    sync: sync.id,
    side,
    entity: entity.id,
    state: isLive ? "ready" : "held",
    notBeforeMs: isLive ? nowMs + sync.settings.quietMs : nowMs,
    sinceMs: nowMs,
    attempts: 0,
    code: null,
    reason: null,
    waitsFor: null,
    undo: null,
    keepAge: true,
  };
  switch (owed.kind) {
    case "waits":
      changes.due.push({
        ...fresh,
        state: "waiting",
        waitsFor: owed.entity,
        reason: `${fieldName(sync, owed.field)} names a record that is not there yet`,
      });
      return null;
    case "paused":
      changes.due.push({ ...fresh, state: "parked", code: FIELD_PAUSED, reason: `${fieldName(sync, owed.field)}: ${owed.reason}` });
      return null;
    case "refused":
      changes.due.push({
        ...fresh,
        state: "parked",
        code: "ACCORD_UNFIT_VALUE",
        reason: `${fieldName(sync, owed.field)}: ${owed.problem}`,
      });
      return null;
    case "withheld":
      changes.due.push({ ...fresh, state: "parked", code: "ACCORD_OUT_OF_FILTER", reason: owed.reason });
      return null;
    case "unproven":
      changes.due.push({ ...fresh, state: "parked", code: "ACCORD_UNPROVEN", reason: UNPROVEN });
      return null;
    case "create":
    case "update":
    case "restore":
    case "archive":
    case "merge":
    case "delete":
      changes.due.push(fresh);
      return fresh;
  }
}

/** Why nothing is written to a side that may have the record already, in plain words. [S35] */
export const UNPROVEN =
  "the answer to a create was lost, and the system cannot tell whether it happened; the next listing tells, or look for the record and retry if there is none";

/** What a side may lack, from now on and at once. */
export function readyDue(key: DueKey, nowMs: number): Due {
  return { ...key, state: "ready", notBeforeMs: nowMs, sinceMs: nowMs, attempts: 0, code: null, reason: null, waitsFor: null, undo: null };
}

/** Whether what becomes due is to be written without a further plan: a paused sync goes on where it stopped, and one that was stopped in a pilot was not writing. [S43, S60] */
export function isWriting(context: EngineContext, sync: RunningSync): boolean {
  const state = context.states.get(sync.id);
  return state === "live" || (state === "paused" && !context.pilots.has(sync.id));
}

/** A mark that makes the record be read, at once unless told otherwise. [S7] */
export function touch(sync: RunningSync, side: SideIndex, record: string, nowMs: number, notBeforeMs = 0): ChangeSet["marks"][number] {
  return {
    sync: sync.id,
    side,
    record,
    kind: "touched",
    image: null,
    position: null,
    renamedFrom: null,
    fromMs: -1,
    toMs: nowMs,
    keys: null,
    notBeforeMs,
  };
}

function fieldName(sync: RunningSync, field: number): string {
  return sync.model.fields[field]?.name ?? `field ${field}`;
}
