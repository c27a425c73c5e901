import { readImage, UNKNOWN_FIELD, writeImage, type EntityId, type NativeImage, type SideIndex } from "@accord/core";
import type { Changes, Due, Lease, Mark, Pull, StoredEntity, StoredMember, SyncConfiguration, SyncId } from "@accord/engine/store";
import { foldMark } from "./fold-mark.ts";
import { checkLease } from "./memory-leases.ts";
import { dueKey, recordKey, type MemoryState } from "./memory-state.ts";
import { isWithRecord, type MemoryView } from "./memory-view.ts";

/** Carries out a commit, whole or not at all: what the tables would refuse is looked for before anything is changed. */
export function commitChanges(view: MemoryView, leases: Lease | readonly Lease[], changes: Changes): void {
  const { state } = view;
  for (const lease of [leases].flat()) checkLease(state, lease);
  const entities = lastOfEach([...changes.entities, ...withLanded(state, changes)]);
  checkLinks(view, entities);
  checkIntents(state, changes);
  for (const { entity } of entities) releaseRecords(state, entity);
  for (const { entity, keys } of entities) putEntity(state, entity, keys);
  consumeMarks(state, changes);
  for (const mark of changes.marks) putMark(state, mark);
  if (changes.cursor) putCursor(state, changes.cursor);
  for (const id of changes.requestsDone) state.requests.delete(id);
  for (const request of changes.requests ?? []) state.requests.set(state.nextSequence++, request);
  putMerged(state, changes.merged ?? []);
  for (const id of changes.intentsClosed) state.intents.delete(id);
  for (const intent of changes.intentsOpened) state.intents.set(intent.id, intent);
  for (const key of changes.undosDone ?? []) state.due.delete(dueKey(key));
  // What a person wants put back stays due until it is. [S59]
  for (const key of changes.dueDone) if ((state.due.get(dueKey(key))?.undo ?? null) === null) state.due.delete(dueKey(key));
  for (const due of new Map(changes.due.map((one) => [dueKey(one), one])).values()) putDue(state, due);
  state.journal.push(...changes.journal);
  putProblems(state, changes);
  for (const row of changes.guarded ?? []) state.tallies.set(`${row.sync}/${row.side}`, row);
  for (const { entity } of changes.arrived) wakeChildren(view, entity);
}

/** Chains are one step long: who was merged into the loser before is merged into its winner now. [S41] */
function putMerged(state: MemoryState, merged: NonNullable<Changes["merged"]>): void {
  for (const { entity, into } of merged) {
    if (into === null) state.merged.delete(entity);
    else {
      for (const [loser, winner] of state.merged) if (winner === entity) state.merged.set(loser, into);
      state.merged.set(entity, into);
    }
  }
}

/** Where a feed goes on. */
export function putCursor(state: MemoryState, { connection, cursor }: NonNullable<Pull["cursor"]>): void {
  const row = state.connections.get(connection);
  state.connections.set(connection, { connection, epoch: null, state: "active", reason: null, ...row, cursor });
}

type Written = Changes["entities"][number];

/** One entry per entity: the last of several, with the keys of the last that names some. */
function lastOfEach(written: readonly Written[]): Written[] {
  const byId = new Map<EntityId, Written>();
  for (const one of written) byId.set(one.entity.id, { entity: one.entity, keys: one.keys ?? byId.get(one.entity.id)?.keys ?? null });
  return [...byId.values()];
}

/** A living record that another entity holds, alive and not giving it up in this commit, is refused. [S34] */
function checkLinks(view: MemoryView, entities: readonly Written[]): void {
  const after = new Map(entities.map(({ entity }) => [entity.id, entity]));
  const claimed = new Map<string, EntityId>();
  for (const { entity } of entities) {
    for (const [side, member] of entity.members.entries()) {
      if (member === null || member.record === null || !isWithRecord(member)) continue;
      const key = recordKey(entity.sync, side, member.record);
      const holder = view.liveLink(entity.sync, side, member.record);
      const holding = holder === null || !after.has(holder) ? null : (after.get(holder)?.members[side] ?? null);
      const keeps = holder !== null && (!after.has(holder) || (holding?.record === member.record && isWithRecord(holding)));
      const other = claimed.get(key) ?? (keeps ? holder : entity.id);
      if (other !== entity.id)
        throw new RangeError(`[S34] record ${key}, which entity ${entity.id} is given, is linked to ${other} already`);
      claimed.set(key, entity.id);
    }
  }
}

/** A member has one open intent at most. [S3, S29] */
function checkIntents(state: MemoryState, changes: Changes): void {
  const closed = new Set(changes.intentsClosed);
  const open = new Set([...state.intents.values()].filter(({ id }) => !closed.has(id)).map(dueKey));
  for (const intent of changes.intentsOpened) {
    if (open.has(dueKey(intent))) throw new RangeError(`[S29] ${dueKey(intent)} has an open intent already`);
    open.add(dueKey(intent));
  }
}

/** Records that an entity gives up are free before anyone takes them: two may swap their ids in one commit. [S63] */
function releaseRecords(state: MemoryState, entity: StoredEntity): void {
  const old = state.entities.get(entity.id);
  for (const [side, member] of (old?.members ?? []).entries()) {
    if (member !== null && member.record !== null) state.links.delete(recordKey(entity.sync, side, member.record));
  }
}

/** Entities as they are after records of theirs landed. */
function withLanded(state: MemoryState, { entities, landed = [] }: Changes): Written[] {
  const changed = new Map(entities.map(({ entity }) => [entity.id, entity]));
  return landed.map(({ entity: id, side, record, image, ack, position, seenAtMs }) => {
    const entity = changed.get(id) ?? state.entities.get(id);
    const old = entity?.members[side] ?? null;
    if (entity === undefined || (old !== null && (old.state !== "live" || old.record !== record)))
      throw new RangeError(`entity ${id} has had another record at side ${side}`);
    const { incarnation, retired } = old ?? { incarnation: 1, retired: [] };
    const member = { state: "live", record, incarnation, image, ack, position, seenAtMs, intent: null, retired } as const;
    const after = { ...entity, members: entity.members.map((one, place) => (place === side ? member : one)) };
    changed.set(id, after);
    return { entity: after, keys: null };
  });
}

/** What a store keeps of a member, whatever else it says. */
function keptMember(member: StoredMember | null): StoredMember | null {
  if (member === null) return null;
  const { state, record, incarnation, image, ack, position, seenAtMs, intent, retired } = member;
  return { state, record, incarnation, image, ack, position, seenAtMs, intent, retired };
}

/** A record id belongs to the living: where another entity names it too, the dead one of them gives it up. [S34, S38] */
function putEntity(state: MemoryState, entity: StoredEntity, keys: Written["keys"]): void {
  const members = entity.members.map((member, side) => {
    if (member === null || member.record === null) return keptMember(member);
    const key = recordKey(entity.sync, side, member.record);
    const holder = state.links.get(key);
    if (holder !== undefined && holder !== entity.id) {
      if (!isWithRecord(member) && isWithRecord(state.entities.get(holder)?.members[side])) return keptMember(withoutRecord(member));
      displaceDead(state, holder, side);
    }
    state.links.set(key, entity.id);
    return keptMember(member);
  });
  state.entities.set(entity.id, { ...entity, members });
  if (keys !== null) state.keys.set(entity.id, keys);
}

/** The tombstone of a record id that lives under another entity keeps its image, and the id as a retired one. [S38] */
function displaceDead(state: MemoryState, holder: EntityId, side: SideIndex): void {
  const entity = state.entities.get(holder);
  const member = entity?.members[side] ?? null;
  if (entity === undefined || member === null || isWithRecord(member)) return;
  const members = entity.members.map((old, index) => (index === side ? withoutRecord(member) : old));
  state.entities.set(holder, { ...entity, members });
}

function withoutRecord(member: StoredMember): StoredMember {
  const { record, retired } = member;
  return record === null ? member : { ...member, record: null, retired: [...retired.filter((id) => id !== record), record] };
}

export function putMark(state: MemoryState, mark: Mark): void {
  if (mark.renamedFrom !== null) moveMark(state, mark, mark.renamedFrom);
  const key = recordKey(mark.sync, mark.side, mark.record);
  const older = state.marks.get(key);
  const folded = foldMark(older?.mark, mark);
  if (mark.keys !== null) state.staged.set(key, mark.keys);
  const notBeforeMs = older === undefined ? mark.notBeforeMs : Math.max(older.attempts > 0 ? older.mark.notBeforeMs : 0, mark.notBeforeMs);
  state.marks.delete(key);
  state.marks.set(key, { mark: { ...folded, notBeforeMs }, sequence: state.nextSequence++, attempts: older?.attempts ?? 0 });
}

function moveMark(state: MemoryState, { sync, side, record }: Mark, from: string): void {
  const older = state.marks.get(recordKey(sync, side, from));
  if (older === undefined) return;
  state.marks.delete(recordKey(sync, side, from));
  state.marks.set(recordKey(sync, side, record), {
    ...older,
    mark: { ...older.mark, record, renamedFrom: older.mark.renamedFrom ?? from },
  });
}

function consumeMarks(state: MemoryState, { consumed, deferred }: Changes): void {
  const done = new Set(consumed);
  const later = new Map(deferred.map(({ sequence, notBeforeMs }) => [sequence, notBeforeMs]));
  if (done.size + later.size === 0) return;
  for (const [key, stored] of state.marks) {
    const notBeforeMs = later.get(stored.sequence);
    if (done.has(stored.sequence)) state.marks.delete(key);
    else if (notBeforeMs !== undefined) {
      state.marks.set(key, { ...stored, attempts: stored.attempts + 1, mark: { ...stored.mark, notBeforeMs } });
    }
  }
}

function putDue(state: MemoryState, { keepAge, ...due }: Changes["due"][number]): void {
  const key = dueKey(due);
  const old = state.due.get(key);
  if (old !== undefined && old.undo !== null && due.undo === null) return;
  const kept = keepAge && old !== undefined ? keptAge(old, due) : due;
  state.due.set(key, kept);
  if (kept.state === "held" && kept.code === null) state.heldAt.set(key, state.sync(due.sync).version);
  else state.heldAt.delete(key);
}

/** The quiet period begins with the first change. [S56] */
function keptAge(old: Due, due: Due): Due {
  const isWaiting = old.state === "ready" && due.state === "ready";
  // What an undo put back waits for a plan. [S59]
  const isUndone = old.state === "held" && old.code === "ACCORD_UNDONE" && due.state === "ready";
  const { state, code, reason } = isUndone ? old : due;
  const notBeforeMs = isWaiting ? Math.min(old.notBeforeMs, due.notBeforeMs) : due.notBeforeMs;
  return { ...due, state, code, reason, sinceMs: old.sinceMs, attempts: old.attempts, notBeforeMs };
}

function putProblems(state: MemoryState, { problems, problemsOver }: Changes): void {
  for (const { sync, side, record } of problemsOver) {
    for (const key of state.problems.keys()) if (key.startsWith(`${recordKey(sync, side, record)}/`)) state.problems.delete(key);
  }
  for (const problem of problems) state.problems.set(`${recordKey(problem.sync, problem.side, problem.record)}/${problem.kind}`, problem);
}

function wakeChildren(view: MemoryView, entity: EntityId): void {
  for (const [key, due] of view.state.due) {
    if (due.state !== "waiting" || due.waitsFor !== entity) continue;
    const state = view.isWriting(due.sync) ? "ready" : "held";
    view.state.due.set(key, { ...due, state, waitsFor: null, notBeforeMs: 0, code: null, reason: null });
  }
}

/** Entities in the order of the fields of a changed configuration. [S51] */
export function arrangeFields(state: MemoryState, sync: SyncId, before: SyncConfiguration, after: SyncConfiguration): void {
  const places = after.fields.map((name) => before.fields.indexOf(name));
  for (const entity of state.entities.values()) {
    if (entity.sync !== sync) continue;
    const fields = places.map((place) => entity.fields[place] ?? UNKNOWN_FIELD);
    const members = entity.members.map((member, side) => {
      if (member === null) return null;
      const image = member.image === null ? null : arrangeCells(member.image, before.sides[side]?.columns, after.sides[side]?.columns);
      return { ...member, image, ack: places.map((place) => member.ack[place] ?? 0) };
    });
    state.entities.set(entity.id, { ...entity, fields, members });
  }
  for (const [key, stored] of state.marks) {
    if (stored.mark.sync !== sync || stored.mark.image === null) continue;
    state.marks.set(key, { ...stored, mark: { ...stored.mark, kind: "touched", image: null, position: null } });
  }
}

/** An image with its cells where the columns stand now; cells of new columns are unknown. [S51] */
function arrangeCells(image: NativeImage, before: readonly string[] = [], after: readonly string[] = []): NativeImage {
  const cells = readImage(image);
  return writeImage(after.map((column) => cells[before.indexOf(column)]));
}
