import { readImage, settleWrite } from "@accord/core";
import type { Entity, EntityId, MaybeValue, Member, NativeImage, RecordId, References } from "@accord/core";
import { patchesOf } from "../connector/cell-patches.ts";
import type { WriteOutcome } from "../connector/connector.ts";
import { assert } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import { createPayload, fieldsByColumn, mergeEntry, namedCells } from "../journal/payload.ts";
import type { RefusedPayload, WritePayload } from "../journal/payload.ts";
import { noteUnsettled } from "../journal/unsettled.ts";
import type { Due, Intent, JournalEntry, Lease } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { retryDelayMs } from "./context.ts";
import { keepEntity, readyDue, touch } from "./due.ts";
import { dehydrate } from "./hydrate.ts";
import { childrenRequest, referringTo, tellKin } from "./kin.ts";
import type { Dispatch } from "./dispatch.ts";
import { endFormerHolders } from "./key-reuse.ts";

/** A write whose outcome is to be taken in: straight after the call, or by recovery. */
export interface Landing {
  readonly entity: Entity;
  readonly intent: Intent;
  /** What is due, where it is known: its age and attempts. */
  readonly due: Due | null;
}

/**
 * Phase four of a run: outcomes become state. Every intent that is certain is closed in the same transaction as what it changed. [S29, S33]
 * Returns entities that lost their record to a create of the batch.
 */
export async function settleWrites(
  context: EngineContext,
  leases: readonly Lease[],
  sync: RunningSync,
  side: number,
  batch: readonly Dispatch[],
  outcomes: readonly WriteOutcome[],
  references: References,
  options: CallOptions,
): Promise<ReadonlyMap<EntityId, Entity>> {
  const changes = new ChangeSet();
  const landings = batch.map(({ intent }, index) => ({ intent, outcome: outcomes[index] }));
  const ended = await endFormerHolders(context, sync, side, landings, changes, options);
  for (const [index, { entity, intent, due }] of batch.entries()) {
    const landing = { entity: ended.get(entity.id) ?? entity, intent, due };
    settleOutcome(context, sync, landing, outcomes[index] ?? { kind: "unknown", reason: "no outcome" }, references, changes);
  }
  await context.store.commit(leases, changes, options);
  tellWrites(context, sync, side, batch, outcomes);
  return ended;
}

/** Remembers what landed, once it is committed. */
export function tellWrites(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  batch: readonly Pick<Landing, "intent">[],
  outcomes: readonly WriteOutcome[],
): void {
  for (const outcome of outcomes) {
    if (outcome.kind === "applied" && outcome.position !== null) context.echoes.note(sync.id, side, outcome.record, outcome.position);
  }
  const counts = new Map<string, number>();
  batch.forEach(({ intent }, index) => {
    if (outcomes[index]?.kind === "applied") counts.set(intent.kind, (counts.get(intent.kind) ?? 0) + 1);
  });
  for (const [kind, count] of counts) context.watch.written(sync.model.name, sync.model.sides[side]?.name ?? "", kind, count);
}

/** Takes one outcome into the change set. */
export function settleOutcome(
  context: EngineContext,
  sync: RunningSync,
  landing: Landing,
  outcome: WriteOutcome,
  references: References,
  changes: ChangeSet,
): void {
  const { intent } = landing;
  const side = intent.side;
  switch (outcome.kind) {
    case "applied":
      applied(context, sync, landing, outcome.record, outcome.image, outcome.position, references, changes);
      return;
    case "exists":
      applied(context, sync, landing, outcome.record, null, null, references, changes);
      return;
    case "missing":
      if (intent.kind === "delete" || intent.kind === "undo-delete") {
        applied(context, sync, landing, intent.record ?? "", null, null, references, changes);
      } else {
        lookAgain(context, sync, landing, changes);
      }
      return;
    case "changed":
      lookAgain(context, sync, landing, changes);
      return;
    case "taken":
      taken(context, sync, landing, outcome.reason, outcome.holder, references, changes);
      return;
    case "rejected":
      refused(context, sync, landing, outcome.code, outcome.reason, changes);
      return;
    case "batchRejected":
      park(context, sync, landing, "ACCORD_REFUSED", outcome.reason, changes);
      return;
    case "notSent":
      tryLater(context, sync, landing, outcome, changes);
      return;
    case "unknown":
      noteUnsettled(context, intent);
      context.log.warn("write.unknown", {
        intent: intent.id,
        sync: sync.model.name,
        side: sync.model.sides[side]?.name,
        reason: outcome.reason,
      });
      return;
  }
}

function applied(
  context: EngineContext,
  sync: RunningSync,
  landing: Landing,
  record: RecordId,
  image: NativeImage | null,
  position: string | null,
  references: References,
  changes: ChangeSet,
): void {
  const { entity, intent } = landing;
  const nowMs = context.clock.nowMs();
  const write = { kind: intent.kind, record, fields: intent.fields, set: patchesOf(intent.set), image, position, atMs: nowMs };
  const settled = settleWrite(sync.model, entity, intent.side, write, references);
  changes.intentsClosed.push(intent.id);
  changes.journal.push(writeEntry(context, sync, landing, settled.entity, settled.altered, record));
  if (settled.events.length > 0) {
    changes.journal.push(
      mergeEntry(
        sync.model,
        { run: context.run, sync: sync.id, entity: entity.id, side: intent.side, atMs: nowMs },
        { record, fromMs: intent.openedAtMs, toMs: nowMs, version: settled.entity.version, events: settled.events },
      ),
    );
  }
  const isGone = intent.kind === "delete" || intent.kind === "undo-delete";
  if (settled.reread && !isGone) changes.marks.push(touch(sync, intent.side, record, nowMs));
  const isNaming = intent.fields.some(({ field }) => (sync.model.fields[field]?.reference ?? null) !== null);
  if (intent.kind === "create" || isGone || isNaming) changes.arrived.push({ sync: sync.id, entity: entity.id });
  tellKin(context, sync, entity, settled.entity, settled.events, changes);
  if (intent.kind === "create" && (settled.entity.members[intent.side]?.incarnation ?? 1) > 1 && referringTo(context, sync).length > 0)
    changes.requests.push(childrenRequest(context, sync, entity.id));
  // Whom the record names now stands among the entity's keys.
  const told = settled.isAsTold && !isNaming ? settled.entity.members[intent.side] : null;
  if (told && told.image !== null) {
    const key = { sync: sync.id, side: intent.side, entity: entity.id };
    changes.landed.push({ ...key, record, image: told.image, ack: told.ack, position: told.position, seenAtMs: told.seenAtMs });
    changes.dueDone.push(key);
  } else keepEntity(context, sync, settled.entity, references, changes);
  if (intent.kind === "undo-update" || intent.kind === "undo-delete") {
    changes.undosDone.push({ sync: sync.id, side: intent.side, entity: entity.id });
    holdUndone(context, landing, changes);
  }
}

/** What an undo put back waits for the next plan: else it would be written again at once. [S59] */
function holdUndone(context: EngineContext, landing: Landing, changes: ChangeSet): void {
  const { sync, side, entity } = landing.intent;
  const index = changes.due.findLastIndex((due) => due.sync === sync && due.side === side && due.entity === entity);
  if (index === -1) return;
  changes.due[index] = {
    ...readyDue({ sync, side, entity }, context.clock.nowMs()),
    state: "held",
    code: "ACCORD_UNDONE",
    reason: "it was undone; the next plan shows it again",
    keepAge: false,
  };
}

function writeEntry(
  context: EngineContext,
  sync: RunningSync,
  landing: Landing,
  after: Entity,
  altered: readonly number[],
  record: RecordId,
): JournalEntry {
  const { entity, intent } = landing;
  return {
    run: intent.run,
    atMs: context.clock.nowMs(),
    sync: sync.id,
    entity: entity.id,
    side: intent.side,
    kind: "write",
    payload: writePayload(sync, landing, after, altered, record),
  };
}

function writePayload(sync: RunningSync, { entity, intent }: Landing, after: Entity, altered: readonly number[], record: RecordId): string {
  const columns = sync.objects[intent.side]?.columns ?? [];
  const nameOf = (field: number): string => sync.model.fields[field]?.name ?? String(field);
  const { kind, set } = intent;
  if (typeof set === "string") {
    const byColumn = fieldsByColumn(sync.model, intent.side);
    const cells = readImage(set);
    const shows = intent.fields.flatMap(({ field }): readonly (readonly [string, MaybeValue])[] => {
      const value = after.members[intent.side]?.shadow[field];
      const column = byColumn.indexOf(nameOf(field));
      return value !== undefined && value === cells[column] ? [] : [[nameOf(field), value]];
    });
    return createPayload(columns, byColumn)({ intent: intent.id, set, record, shows, altered: altered.map(nameOf) });
  }
  assert(kind !== "create", "a create tells one image");
  const payload: WritePayload = {
    intent: intent.id,
    kind,
    record,
    fields: intent.fields.map(({ field }) => {
      const before = entity.members[intent.side]?.shadow[field];
      const now = after.members[intent.side]?.shadow[field];
      const initial = entity.fields[field]?.provenance.cause === "initial";
      const name = nameOf(field);
      if (before !== undefined && now !== undefined) return { field: name, before, after: now, initial };
      return { field: name, ...(before === undefined ? {} : { before }), ...(now === undefined ? {} : { after: now }), initial };
    }),
    cells:
      kind === "delete" || kind === "undo-delete" ? deletedCells(columns, entity, intent.side) : namedCells(columns, set, intent.expect),
    altered: altered.map(nameOf),
  };
  return JSON.stringify(payload);
}

function deletedCells(columns: readonly string[], entity: Entity, side: number): WritePayload["cells"] {
  const image = entity.members[side]?.image ?? null;
  return image === null
    ? {}
    : namedCells(
        columns,
        [],
        readImage(image).map((cell, column) => ({ column, cell })),
      );
}

/** The entity with the member's intent closed and nothing else changed. */
function closeIntent(sync: RunningSync, landing: Landing, changes: ChangeSet): Entity {
  const { entity, intent } = landing;
  changes.intentsClosed.push(intent.id);
  const member = entity.members[intent.side] ?? null;
  const isUnborn = member === null || member.state === "creating";
  const closed: Member | null = isUnborn ? null : { ...member, intent: null };
  return { ...entity, members: sync.model.sides.map((_, side) => (side === intent.side ? closed : (entity.members[side] ?? null))) };
}

/** The record is not as it was: read, merge, and compute what is owed anew. [S30] */
function lookAgain(context: EngineContext, sync: RunningSync, landing: Landing, changes: ChangeSet): void {
  const closed = closeIntent(sync, landing, changes);
  const { intent } = landing;
  const nowMs = context.clock.nowMs();
  // Nothing is known that was not known before: what is due at other sides stays put off, or set aside, as it is.
  changes.entities.push({ entity: dehydrate(sync, closed), keys: null });
  const attempts = (landing.due?.attempts ?? 0) + 1;
  if (attempts > context.limits.attemptsMax) {
    setAside(
      context,
      sync,
      landing,
      "ACCORD_KEEPS_CHANGING",
      "the record was never as it had just been read, however often it was tried",
      changes,
    );
    return;
  }
  if (intent.record !== null) changes.marks.push(touch(sync, intent.side, intent.record, nowMs));
  putOff(changes, dueOf(landing, nowMs), { attempts, notBeforeMs: nowMs + (attempts > 2 ? retryDelayMs(context.limits, attempts) : 0) });
}

/** A unique value is held by another record: where that is not linked yet it may be this entity's own, so it is looked at first. [S37] */
function taken(
  context: EngineContext,
  sync: RunningSync,
  landing: Landing,
  reason: string,
  holder: RecordId | null,
  references: References,
  changes: ChangeSet,
): void {
  const nowMs = context.clock.nowMs();
  const attempts = (landing.due?.attempts ?? 0) + 1;
  if (holder === null || attempts > 2) {
    const held = holder === null ? reason : `${reason}; record ${holder} has it: change one of the two`;
    park(context, sync, landing, "ACCORD_TAKEN", held, changes);
    return;
  }
  const closed = closeIntent(sync, landing, changes);
  keepEntity(context, sync, closed, references, changes);
  changes.marks.push(touch(sync, landing.intent.side, holder, nowMs));
  putOff(changes, dueOf(landing, nowMs), { attempts, notBeforeMs: nowMs + retryDelayMs(context.limits, attempts) });
}

/** A refused delete is tried again for a while: children that still name the record may be on their way out too, from another shard. [S45] */
function refused(context: EngineContext, sync: RunningSync, landing: Landing, code: string, reason: string, changes: ChangeSet): void {
  const isDelete = landing.intent.kind === "delete" || landing.intent.kind === "undo-delete";
  if (isDelete && landing.intent.attempt < context.limits.attemptsMax)
    tryLater(context, sync, landing, { kind: "notSent", reason, retryAfterMs: null }, changes);
  else park(context, sync, landing, code, reason, changes);
}

/** Sets the record aside with the system's reason; the rest proceeds. [S30, S47] */
function park(context: EngineContext, sync: RunningSync, landing: Landing, code: string, reason: string, changes: ChangeSet): void {
  changes.entities.push({ entity: dehydrate(sync, closeIntent(sync, landing, changes)), keys: null });
  setAside(context, sync, landing, code, reason, changes);
}

function setAside(context: EngineContext, sync: RunningSync, landing: Landing, code: string, reason: string, changes: ChangeSet): void {
  const { intent } = landing;
  const nowMs = context.clock.nowMs();
  changes.due.push({ ...dueOf(landing, nowMs), state: "parked", code, reason, keepAge: true });
  const payload: RefusedPayload = { kind: intent.kind, record: intent.record, code, reason };
  changes.journal.push({
    run: intent.run,
    atMs: nowMs,
    sync: sync.id,
    entity: intent.entity,
    side: intent.side,
    kind: "refused",
    payload: JSON.stringify(payload),
  });
  context.watch.parked(sync.model.name, sync.model.sides[intent.side]?.name ?? "", reason);
  context.log.warn("write.parked", { sync: sync.model.name, side: sync.model.sides[intent.side]?.name, entity: intent.entity, code });
}

/** It surely did not happen: the same again, later. */
function tryLater(
  context: EngineContext,
  sync: RunningSync,
  landing: Landing,
  { reason, retryAfterMs }: Extract<WriteOutcome, { readonly kind: "notSent" }>,
  changes: ChangeSet,
): void {
  const closed = closeIntent(sync, landing, changes);
  const nowMs = context.clock.nowMs();
  const attempts = (landing.due?.attempts ?? 0) + 1;
  changes.entities.push({ entity: dehydrate(sync, closed), keys: null });
  const due = { ...dueOf(landing, nowMs), code: "ACCORD_NOT_SENT", reason };
  putOff(changes, due, { attempts, notBeforeMs: nowMs + (retryAfterMs ?? retryDelayMs(context.limits, attempts)) });
}

function dueOf(landing: Landing, nowMs: number): Due {
  const { sync, side, entity } = landing.intent;
  return landing.due ?? readyDue({ sync, side, entity }, nowMs);
}

/** Replaces what `keepEntity` made due for the same member, if it did, by a later try of it. */
function putOff(changes: ChangeSet, due: Due, later: { readonly attempts: number; readonly notBeforeMs: number }): void {
  changes.due.push({ ...due, ...later, state: "ready", keepAge: false });
}
