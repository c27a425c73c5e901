import { cellsOf, owe, writeImage } from "@accord/core";
import type {
  Cell,
  Entity,
  EntityId,
  NativeCell,
  NativeImage,
  Owed,
  OwedField,
  RecordId,
  References,
  SideIndex,
  SyncModel,
} from "@accord/core";
import { AccordError, assert } from "../connector/errors.ts";
import type { OpenObject, WriteOperation, WriteOutcome } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { Due, Intent, Lease, LoadedDue, Shard } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import { CONTESTED, contestedEntities } from "./contested.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { retryDelayMs } from "./context.ts";
import { keepEntity } from "./due.ts";
import type { Kept } from "./due.ts";
import type { Dispatch, Sent } from "./dispatch.ts";
import { deadlineOf, keepFresh } from "./fresh.ts";
import { guardPush } from "./guard.ts";
import { withoutHeld } from "./hold.ts";
import { hydrate, loadReferences } from "./hydrate.ts";
import { pointWrite } from "./point.ts";
import { settleWrites } from "./settle.ts";

const NONE: ReadonlySet<EntityId> = new Set();

/**
 * Phase three of a run: what is due at each side is computed from the present state (S28), made durable as intents (S29), and written in batches.
 * Parents' sides come before children's. Returns how many due writes were looked at.
 */
export async function pushShard(context: EngineContext, lease: Lease, shard: Shard, options: CallOptions): Promise<number> {
  let looked = 0;
  for (const sync of context.syncs) {
    if (context.states.get(sync.id) === "paused") continue;
    for (let side = 0; side < sync.model.sides.length; side += 1) {
      const due = await context.store.loadDue(
        { shard, sync: sync.id, side, limit: context.limits.pushBatch, nowMs: context.clock.nowMs() },
        options,
      );
      if (due.length === 0) continue;
      looked += due.length;
      await pushSide(context, lease, sync, side, due, options);
    }
  }
  return looked;
}

async function pushSide(
  context: EngineContext,
  lease: Lease,
  sync: RunningSync,
  side: number,
  due: readonly LoadedDue[],
  options: CallOptions,
): Promise<void> {
  const object = sync.objects[side];
  if (object === undefined) return;
  const references = await loadReferences(
    context,
    sync,
    due.map(({ stored }) => stored),
    [],
    options,
  );
  const changes = new ChangeSet();
  const mayCreate = due.some(({ stored }) => (stored.members[side]?.record ?? null) === null);
  const contested = mayCreate ? await contestedEntities(context, sync, side, options) : NONE;
  // What is read twice before it counts is a stranger meanwhile. [S10]
  const soonMs = context.clock.nowMs() + object.capabilities.staleReadMsMax;
  const isJoining = mayCreate && (await context.store.hasStrangers(sync.id, side, soonMs, strangerTries(sync), options));
  const dispatches = due.flatMap((one) => prepare(context, sync, object, one, references, { contested, isJoining }, changes) ?? []);
  const free = await withoutHeld(context, sync, side, dispatches, changes, options);
  const allowed = await guardPush(context, sync, side, free, changes, options);
  // The store shows open intents with their members: opening one writes no entity.
  for (const { intent } of allowed) changes.intentsOpened.push(intent);
  await context.store.commit(lease, changes, options);
  await sendWrites(context, { leases: [lease], sync, side, dispatches: allowed, references }, options);
}

/** Writes to one side whose intents are open and durable, or will be by `confirm`. */
export interface OpenedWrites {
  /** Of the shards of all their entities. */
  readonly leases: readonly Lease[];
  readonly sync: RunningSync;
  readonly side: number;
  readonly dispatches: readonly Dispatch[];
  readonly references: References;
  /** Whether their entities may have changed since: writes of the same merge to another side are settled first. */
  readonly isLater?: boolean;
  /** Commits their intents, where that was not done yet: the connector may have sent what can still be undone by then. Repeatable: it happens once. [S29] */
  readonly confirm?: () => Promise<void>;
}

/** Calls the connector and settles what came of it, in batches as large as the connector and the limits allow. [S29] */
export async function sendWrites(context: EngineContext, opened: OpenedWrites, options: CallOptions): Promise<void> {
  const { leases, sync, side, dispatches, references } = opened;
  const object = sync.objects[side];
  if (object === undefined) return;
  const size = Math.min(object.capabilities.batchSizeMax, context.limits.pushBatch);
  const ended = new Map<EntityId, Entity>();
  for (let start = 0; start < dispatches.length; start += size) {
    const opening = dispatches.slice(start, start + size);
    const batch = opening.filter(({ entity }) => !ended.has(entity.id));
    const outcomes = batch.length === 0 ? [] : await dispatch(context, leases, object, batch, opened.confirm, options);
    const current = opened.isLater === true ? await reloaded(context, sync, batch, references, options) : batch;
    // What an earlier batch made stands under their record ids now: nothing is written there. [S34]
    const gone = opening.flatMap((one) => withEntity(one, ended.get(one.entity.id)));
    const all = [...outcomes, ...gone.map((): WriteOutcome => ({ kind: "changed" }))];
    for (const [id, entity] of await settleWrites(context, leases, sync, side, [...current, ...gone], all, references, options))
      ended.set(id, entity);
  }
}

function withEntity(one: Dispatch, entity: Entity | undefined): readonly Dispatch[] {
  return entity === undefined ? [] : [{ ...one, entity }];
}

/** The same writes with their entities as they are stored now. */
async function reloaded(
  context: EngineContext,
  sync: RunningSync,
  batch: readonly Dispatch[],
  references: References,
  options: CallOptions,
): Promise<readonly Dispatch[]> {
  const stored = await context.store.loadEntities(
    batch.map(({ entity }) => entity.id),
    options,
  );
  const entities = new Map(stored.map((entity) => [entity.id, entity]));
  return batch.map((one) => {
    const now = entities.get(one.entity.id);
    return now === undefined ? one : { ...one, entity: hydrate(sync.model, now, references) };
  });
}

/** Puts an update that a merge made due on its way at once: its intent goes into the merge's own commit, and no due row is needed. [S28, S29] */
export function openUpdate(
  context: EngineContext,
  sync: RunningSync,
  object: OpenObject,
  entity: Entity,
  { due, owed }: Kept["updates"][number],
): Dispatch {
  return dispatchOf(context, sync, object, due, entity, owed);
}

/** Puts a create of a plan on its way at once: its due row goes in the commit that opens its intent. [S29] */
export function openCreate(context: EngineContext, object: OpenObject, due: Due, set: NativeImage, fields: Intent["fields"]): Sent {
  const intent = intentOf(context, object, due, { kind: "create", record: null, set, expect: [] }, fields);
  return { due, intent, operation: operationOf(intent, []) };
}

/** The write that is owed now, or null: then what is due has been corrected in the change set. */
function prepare(
  context: EngineContext,
  sync: RunningSync,
  object: OpenObject,
  due: LoadedDue,
  references: References,
  { contested, isJoining }: Strangers,
  changes: ChangeSet,
): Dispatch | null {
  const entity = hydrate(sync.model, due.stored, references);
  const record = entity.members[due.side]?.record ?? null;
  if (due.undo?.kind === "point") {
    const point = record === null ? null : pointWrite(sync, due.side, entity, due.undo.expect, references);
    if (record !== null && point !== null)
      return dispatchOf(context, sync, object, due, entity, { kind: "update", record, expect: due.undo.expect, ...point });
    // It was done, or the record says something else by now: the row is like all others again.
    changes.undosDone.push({ sync: due.sync, side: due.side, entity: due.entity });
    keepEntity(context, sync, entity, references, changes);
    return null;
  }
  if (due.undo !== null && record !== null) {
    const kind = due.undo.kind === "delete" ? "undo-delete" : "undo-update";
    return dispatchOf(context, sync, object, due, entity, {
      kind,
      record,
      set: due.undo.set,
      expect: due.undo.expect,
      fields: undoneFields(sync, due, entity),
    });
  }
  // The record that was to be put back is gone: what is owed is looked at like everything else.
  if (due.undo !== null) {
    changes.undosDone.push({ sync: due.sync, side: due.side, entity: due.entity });
    keepEntity(context, sync, entity, references, changes);
    return null;
  }
  const owed = owe(sync.model, entity, due.side, references);
  const write = writeOf(owed, object.columns.length);
  if (write === null) {
    keepEntity(context, sync, entity, references, changes);
    return null;
  }
  if (write.kind === "create" && contested.has(entity.id)) {
    putOffContested(context, due, changes);
    return null;
  }
  if (write.kind === "create" && isJoining) {
    putOffForJoin(context, due, changes);
    return null;
  }
  return dispatchOf(context, sync, object, due, entity, write);
}

/** Looks at a record whose match key cannot be told yet, before creates go on without it: some twenty seconds. */
const STRANGER_TRIES = 7;

/** A record that waits for another which its match key names may be what is about to be created. [S36, S44] */
function strangerTries({ model }: RunningSync): number {
  return model.match.flat().some((field) => (model.fields[field]?.reference ?? null) !== null) ? STRANGER_TRIES : 0;
}

/** Unlinked records of the side that is to be written. */
interface Strangers {
  /** Entities that one of them may be by its keys: a person decides. */
  readonly contested: ReadonlySet<EntityId>;
  /** Whether some wait to be looked at. */
  readonly isJoining: boolean;
}

/** How long a create waits for records there that are to be joined first. Milliseconds. */
const JOIN_MS = 100;

/** The record that is to be made may be there already, entered by a person and heard of, not looked at yet: another shard, or another process, joins it. [S36, I4] */
function putOffForJoin(context: EngineContext, due: LoadedDue, changes: ChangeSet): void {
  const { stored: _, ...row } = due;
  changes.due.push({ ...row, notBeforeMs: context.clock.nowMs() + JOIN_MS, keepAge: false });
}

/** Put off beyond what a run waits for, and looked at again now and then: the match may be decided in many ways. [S36] */
function putOffContested(context: EngineContext, due: LoadedDue, changes: ChangeSet): void {
  const { stored: _, ...row } = due;
  changes.due.push({
    ...row,
    code: "ACCORD_CONTESTED",
    reason: CONTESTED,
    notBeforeMs: context.clock.nowMs() + 2 * context.limits.retryDelayMsMax,
    keepAge: false,
  });
}

interface PreparedWrite {
  readonly kind: Intent["kind"];
  readonly record: RecordId | null;
  readonly set: Intent["set"];
  readonly expect: readonly Cell[];
  readonly fields: readonly OwedField[];
}

function writeOf(owed: Owed, columns: number): PreparedWrite | null {
  switch (owed.kind) {
    case "create":
      return { kind: "create", record: null, set: imageOfCells(owed.set, columns), expect: [], fields: owed.fields };
    case "update":
    case "restore":
    case "archive":
    case "merge":
    case "delete":
      return owed;
    case "nothing":
    case "waits":
    case "paused":
    case "refused":
    case "withheld":
    case "unproven":
    case "reread":
      return null;
  }
}

/** The fields whose columns an undo restores. */
function undoneFields(sync: RunningSync, due: LoadedDue, entity: Entity): OwedField[] {
  const columns = new Set(due.undo?.set.map(({ column }) => column));
  return (sync.model.sides[due.side]?.mapping.fields ?? []).flatMap((mapping, field) => {
    if (!mapping?.writes.some((column) => columns.has(column))) return [];
    return [{ field, version: entity.fields[field]?.version ?? 0, before: entity.members[due.side]?.shadow[field], after: undefined }];
  });
}

function dispatchOf(
  context: EngineContext,
  sync: RunningSync,
  object: OpenObject,
  due: Due,
  entity: Entity,
  write: PreparedWrite,
): Dispatch {
  const fields = write.fields.map(({ field, version }) => ({ field, version }));
  const intent = intentOf(context, object, due, write, fields);
  const operation = operationOf(intent, entity.members[due.side]?.retired ?? []);
  const sure = object.capabilities.reusesIds ? expectingThing(sync.model, entity, due.side, operation) : operation;
  return { due, entity, intent, operation: sure, fields: write.fields };
}

function intentOf(
  context: EngineContext,
  object: OpenObject,
  due: Due,
  write: Omit<PreparedWrite, "fields">,
  fields: Intent["fields"],
): Intent {
  const nowMs = context.clock.nowMs();
  return {
    id: context.random.hex(12),
    sync: due.sync,
    side: due.side,
    entity: due.entity,
    kind: write.kind,
    record: write.record,
    fields,
    set: write.set,
    expect: write.expect,
    attempt: due.attempts + 1,
    run: context.run,
    openedAtMs: nowMs,
    deadlineMs: deadlineOf(context, nowMs, object),
  };
}

/** One image of all columns: those that nothing is set in are unknown. */
function imageOfCells(set: readonly Cell[], columns: number): NativeImage {
  const cells = Array.from({ length: columns }, (): NativeCell => undefined);
  for (const { column, cell } of set) cells[column] = cell;
  return writeImage(cells);
}

/** Where ids are given again, a write expects the match keys that it knows beside what it changes: another thing may stand there by now. [S34] */
function expectingThing({ match, sides }: SyncModel, entity: Entity, side: SideIndex, operation: WriteOperation): WriteOperation {
  const member = entity.members[side];
  const cells = member ? cellsOf(member) : null;
  if (operation.kind === "create" || cells === null) return operation;
  const columns = new Set(match.flat().flatMap((field) => sides[side]?.mapping.fields[field]?.reads ?? []));
  for (const { column } of operation.expect) columns.delete(column);
  const more = [...columns].map((column) => ({ column, cell: cells[column] })).filter(({ cell }) => cell !== undefined);
  return { ...operation, expect: [...operation.expect, ...more] };
}

/** The connector's operation for an intent. */
function operationOf(intent: Intent, former: readonly RecordId[]): WriteOperation {
  const { id, entity, record, set, expect } = intent;
  if (typeof set === "string") return { kind: "create", intent: id, entity, set, former };
  assert(record !== null, "what is no create names its record");
  if (intent.kind === "delete" || intent.kind === "undo-delete") return { kind: "delete", intent: id, entity, record, expect };
  return { kind: "update", intent: id, entity, record, set, expect };
}

/** Calls the connector; a batch that is refused as a whole is cut in halves until the operation at fault stands alone. [S47] */
export async function dispatch(
  context: EngineContext,
  leases: readonly Lease[],
  object: OpenObject,
  opened: readonly Sent[],
  confirm: OpenedWrites["confirm"],
  options: CallOptions,
): Promise<readonly WriteOutcome[]> {
  const batch = await keepFresh(context, leases, object, opened, options, confirm);
  const outcomes = await callWrite(context, object, batch, confirm, options);
  // Only what was opened can be settled: a connector that had nothing to write did not ask.
  await confirm?.();
  if (batch.length === 1 || !outcomes.some(({ kind }) => kind === "batchRejected")) return outcomes;
  const half = Math.ceil(batch.length / 2);
  const first = await dispatch(context, leases, object, batch.slice(0, half), undefined, options);
  return [...first, ...(await dispatch(context, leases, object, batch.slice(half), undefined, options))];
}

async function callWrite(
  context: EngineContext,
  object: OpenObject,
  batch: readonly Sent[],
  confirm: OpenedWrites["confirm"],
  options: CallOptions,
): Promise<readonly WriteOutcome[]> {
  const mark = { storeId: context.identity.storeId, generation: context.identity.generation };
  try {
    const outcomes = await object.write(
      batch.map(({ operation }) => operation),
      confirm === undefined ? { ...options, mark } : { ...options, mark, confirm },
    );
    return batch.map((_, index) => outcomes[index] ?? { kind: "unknown", reason: "the connector gave no outcome" });
  } catch (error) {
    if (!(error instanceof AccordError)) return batch.map(() => ({ kind: "unknown", reason: "the connector failed unexpectedly" }));
    context.log.warn("write.failed", { code: error.code, where: error.where, operations: batch.length });
    if (error.code === "ACCORD_OBJECT_MISSING") context.watch.lacking(error.where ?? "a system");
    const retryAfterMs = error.retryAfterMs ?? retryDelayMs(context.limits, batch[0]?.due.attempts ?? 0);
    return batch.map(() => ({ kind: "notSent", reason: error.message, retryAfterMs }));
  }
}
