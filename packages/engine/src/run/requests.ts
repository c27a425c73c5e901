import {
  createEntity,
  decideField,
  decideMerged,
  deleteByDecision,
  giveUpCreate,
  isUnproven,
  joinMember,
  readImage,
  revive,
  undoField,
} from "@accord/core";
import type { Entity, MergeEvent, NativeCell, RecordId, References, Value } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { CellPatch } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import { mergeEntry } from "../journal/payload.ts";
import type { RefusedPayload } from "../journal/payload.ts";
import type { UndoCells, UndoItem } from "../journal/undo.ts";
import type { Lease, LoadedRequest, Shard, UndoWrite } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import { releaseContested } from "./contested.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { isWriting, keepEntity, readyDue } from "./due.ts";
import { follow, tellChildren } from "./follow.ts";
import { hydrate, loadReferences } from "./hydrate.ts";
import { tellKin } from "./kin.ts";
import { flagLeftOvers, recordsOf } from "./left-over.ts";
import { repoint } from "./repoint.ts";
import type { RepointRequest } from "./repoint.ts";
import { hasTree, isCircle, takeTrees } from "./tree.ts";

/** What people ask for: the bodies of requests, by kind. */
export interface DecideRequest {
  /** Null: the delete that met an update is decided, `value` "keep" or "delete". */
  readonly field: string | null;
  readonly value: Value;
}
export interface LinkRequest {
  readonly side: string;
  readonly record: RecordId;
  /** It belongs to none of the entities that it fits: it is a thing of its own. */
  readonly alone?: true;
}
/** A create whose answer was lost made nothing: it is to be made. [S35] */
export interface RetryRequest {
  readonly side: string;
  /** Which try is meant: a later one may have made something. Null: whichever is the last, as a person found. */
  readonly incarnation: number | null;
}
export type UndoRequest = Pick<UndoItem, "fields" | "restores" | "creates" | "revive">;

/** Carries out what people decided, under the shard's lease like everything that changes an entity. Returns how many requests were answered. */
export async function answerRequests(context: EngineContext, lease: Lease, shard: Shard, options: CallOptions): Promise<number> {
  const requests = await context.store.loadRequests(shard, context.limits.mergeBatch, context.clock.nowMs(), options);
  for (const request of requests) {
    const sync = context.syncs.find(({ id }) => id === request.sync);
    const changes = new ChangeSet();
    changes.requestsDone.push(request.id);
    const [stored] = await context.store.loadEntities([request.entity], options);
    const leases = sync !== undefined && hasTree(sync.model) ? [lease, await takeTrees(context, options)] : [lease];
    if (sync !== undefined && stored !== undefined) await answerOrRefuse(context, sync, { ...request, stored }, changes, options);
    else if (sync !== undefined) tellForgotten(context, sync, request, changes);
    await context.store.commit([...new Set(leases)], changes, options);
  }
  return requests.length;
}

/** What cannot be carried out is told and dropped: a request that fails must not stand before all others for ever. [S47] */
async function answerOrRefuse(
  context: EngineContext,
  sync: RunningSync,
  request: LoadedRequest,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  try {
    if (request.kind === "children") await tellChildren(context, sync, request, changes, options);
    else if (request.kind === "follow") await follow(context, sync, request, changes, options);
    else if (request.kind === "repoint")
      await repoint(context, sync, request, JSON.parse(request.body) as RepointRequest, changes, options);
    else await answer(context, sync, { ...request, kind: request.kind }, changes, options);
  } catch (error) {
    if (!(error instanceof AccordError) || options.signal.aborted || error.code === "ACCORD_LEASE_LOST") throw error;
    context.log.warn("request.refused", { sync: sync.model.name, entity: request.entity, kind: request.kind, code: error.code });
    const payload: RefusedPayload = { kind: request.kind, record: null, code: error.code, reason: error.message };
    const facts = { run: request.run ?? context.run, sync: sync.id, entity: request.entity, side: null, atMs: context.clock.nowMs() };
    changes.journal.push({ ...facts, kind: "refused", payload: JSON.stringify(payload) });
  }
}

/** What is asked of an entity whose tombstone was collected meanwhile cannot be done, and is said. [S39] */
function tellForgotten(context: EngineContext, sync: RunningSync, request: LoadedRequest, changes: ChangeSet): void {
  const reason = "it was deleted everywhere, and is no longer remembered";
  const payload: RefusedPayload = { kind: request.kind, record: null, code: "ACCORD_FORGOTTEN", reason };
  const facts = { run: request.run ?? context.run, sync: sync.id, entity: request.entity, side: null, atMs: context.clock.nowMs() };
  changes.journal.push({ ...facts, kind: "refused", payload: JSON.stringify(payload) });
}
async function answer(
  context: EngineContext,
  sync: RunningSync,
  request: PersonsRequest,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  const stored = request.stored;
  if (stored === null) return;
  const references = await loadReferences(context, sync, [stored], [], options);
  const entity = hydrate(sync.model, stored, references);
  const answered = await carryOut(context, sync, request, entity, references, options);
  if (answered === null) return;
  if (await isCircle(context, sync, entity, answered.entity, options))
    throw new AccordError("ACCORD_TREE_CIRCLE", "It would come to stand above itself.", { remedy: "park" });
  changes.journal.push(
    mergeEntry(
      sync.model,
      { run: request.run ?? context.run, sync: sync.id, entity: answered.entity.id, side: null, atMs: context.clock.nowMs() },
      { record: null, fromMs: request.atMs, toMs: request.atMs, version: answered.entity.version, events: answered.events },
      JOURNALLED_AS[request.kind],
    ),
  );
  tellKin(context, sync, answered.entity.id === entity.id ? entity : null, answered.entity, answered.events, changes);
  keepEntity(context, sync, answered.entity, references, changes);
  // What a person decided of the records that a merge left over is their business no more, or again.
  if (answered.entity.life.kind === "merged") changes.problemsOver.push(...recordsOf(sync, answered.entity));
  flagLeftOvers(context, sync, answered.entity, references, changes);
  if (request.kind === "link") await endProblem(context, sync, JSON.parse(request.body) as LinkRequest, changes, options);
  for (const { side, undo: write } of answered.undos) keepUndo(context, sync, entity, side, write, changes);
}

/** A record that has found its entity is no problem any more, and the entities that it might have been go their own way. */
async function endProblem(
  context: EngineContext,
  sync: RunningSync,
  request: LinkRequest,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  const about = { side: sync.model.sides.findIndex(({ name }) => name === request.side), record: request.record };
  await releaseContested(context, sync, about, changes, options);
  changes.problemsOver.push({ sync: sync.id, ...about });
}

const JOURNALLED_AS = {
  decide: "decision",
  link: "decision",
  delete: "decision",
  revive: "decision",
  undo: "undo",
  retry: "recovery",
} as const;

/** What a person asks for, or the engine in their place. */
type PersonsRequest = LoadedRequest & { readonly kind: keyof typeof JOURNALLED_AS };

interface Answered {
  readonly entity: Entity;
  readonly events: readonly MergeEvent[];
  readonly undos: readonly { readonly side: number; readonly undo: UndoWrite }[];
}

async function carryOut(
  context: EngineContext,
  sync: RunningSync,
  request: PersonsRequest,
  entity: Entity,
  references: References,
  options: CallOptions,
): Promise<Answered | null> {
  switch (request.kind) {
    case "decide":
      return decide(sync, entity, JSON.parse(request.body) as DecideRequest, request.atMs);
    case "undo":
      return undo(sync, entity, JSON.parse(request.body) as UndoRequest, request.atMs);
    case "delete":
      return { ...deleteByDecision(entity, request.atMs), undos: [] };
    case "revive":
      return { ...revive(sync.model, entity, null), undos: [] };
    case "retry":
      return retry(sync, entity, JSON.parse(request.body) as RetryRequest);
    case "link":
      return link(context, sync, entity, JSON.parse(request.body) as LinkRequest, references, options);
  }
}

function retry(sync: RunningSync, entity: Entity, { side: name, incarnation }: RetryRequest): Answered | null {
  const side = sync.model.sides.findIndex((candidate) => candidate.name === name);
  const member = entity.members[side];
  if (!isUnproven(member) || (incarnation !== null && incarnation !== member.incarnation)) return null;
  return { ...giveUpCreate(sync.model, entity, side, incarnation === null ? "person" : "listing"), undos: [] };
}

function decide(sync: RunningSync, entity: Entity, request: DecideRequest, atMs: number): Answered | null {
  if (request.field === null && entity.life.kind === "merged") {
    const isEnded = request.value === "delete";
    const events: MergeEvent[] = isEnded ? [{ kind: "deleted", side: null }] : [];
    return { entity: decideMerged(entity, isEnded ? "ended" : "kept"), events, undos: [] };
  }
  if (request.field === null) {
    const decided = request.value === "delete" ? deleteByDecision(entity, atMs) : revive(sync.model, entity, null);
    return { ...decided, undos: [] };
  }
  const field = sync.model.fields.findIndex(({ name }) => name === request.field);
  if (field === -1) return null;
  return {
    ...decideField(sync.model, entity, field, request.value, { side: null, cause: "decision", fromMs: atMs, toMs: atMs }),
    undos: [],
  };
}

/** Sets back what a run did, but for what users changed since: that is left alone. [S59] */
function undo(sync: RunningSync, entity: Entity, request: UndoRequest, atMs: number): Answered {
  let current = entity;
  const events: MergeEvent[] = [];
  for (const { field: name, before, after } of request.fields) {
    const field = sync.model.fields.findIndex((candidate) => candidate.name === name);
    if (field === -1 || before === undefined || after === undefined) continue;
    const undone = undoField(sync.model, current, field, before, after, atMs);
    if (undone.kind !== "undone") continue;
    current = undone.entity;
    events.push(...undone.events);
  }
  if (request.revive) {
    const revived = revive(sync.model, current, null);
    current = revived.entity;
    events.push(...revived.events);
  }
  return {
    entity: current,
    events,
    undos: [...undoCells(sync, entity, request.restores, "update"), ...undoCells(sync, entity, request.creates, "delete")],
  };
}

function undoCells(sync: RunningSync, entity: Entity, list: readonly UndoCells[], kind: "update" | "delete"): Answered["undos"] {
  return list.flatMap(({ side: name, cells }) => {
    const side = sync.model.sides.findIndex((candidate) => candidate.name === name);
    const columns = sync.model.sides[side]?.mapping.columns ?? [];
    const image = entity.members[side]?.image ?? null;
    if (side === -1 || image === null || entity.members[side]?.state !== "live") return [];
    const now = readImage(image);
    if (!isUnedited(columns, cells, now)) return [];
    const set = kind === "delete" ? [] : patchesOf(columns, cells, "before");
    const expect = kind === "delete" ? now.map((cell, column) => ({ column, cell })) : patchesOf(columns, cells, "after");
    return [{ side, undo: { kind, set, expect } }];
  });
}

/** Whether the record still shows what the run wrote. */
export function isUnedited(columns: readonly string[], cells: UndoCells["cells"], now: readonly NativeCell[]): boolean {
  return Object.entries(cells).every(([name, { after }]) => after === undefined || now[columns.indexOf(name)] === after);
}

function patchesOf(columns: readonly string[], cells: UndoCells["cells"], which: "before" | "after"): CellPatch[] {
  return Object.entries(cells).flatMap(([name, cell]) => {
    const column = columns.indexOf(name);
    return column === -1 || cell.after === undefined ? [] : [{ column, cell: cell[which] }];
  });
}

function keepUndo(context: EngineContext, sync: RunningSync, entity: Entity, side: number, undoWrite: UndoWrite, changes: ChangeSet): void {
  const nowMs = context.clock.nowMs();
  changes.due.push({ ...readyDue({ sync: sync.id, side, entity: entity.id }, nowMs), undo: undoWrite, keepAge: false });
}

/** A person says that a record belongs to this entity, or to none that there is. [S36] */
async function link(
  context: EngineContext,
  sync: RunningSync,
  entity: Entity,
  request: LinkRequest,
  references: References,
  options: CallOptions,
): Promise<Answered | null> {
  const side = sync.model.sides.findIndex(({ name }) => name === request.side);
  const object = sync.objects[side];
  const isAlone = request.alone === true;
  if (object === undefined || (!isAlone && entity.members[side]?.state === "live")) return null;
  const [holder] = await context.store.findLinks(sync.id, side, [request.record], options);
  if (holder !== null && holder !== undefined && (isAlone || holder !== entity.id)) {
    throw new AccordError("ACCORD_RECORD_LINKED", `The record belongs to another entity already (${holder}).`, { remedy: "park" });
  }
  const reading = await object.read([request.record], options);
  const image = reading.images[0] ?? null;
  if (image === null) {
    throw new AccordError("ACCORD_RECORD_MISSING", `The record is no longer there at ${request.side}.`, { remedy: "park" });
  }
  const nowMs = context.clock.nowMs();
  const observation = { image, position: reading.position, fromMs: nowMs, toMs: nowMs };
  if (!isAlone) return { ...joinMember(sync.model, entity, side, request.record, observation, "person", references), undos: [] };
  const id = await context.store.reserveEntities(1, options);
  const own = await loadReferences(context, sync, [], [{ side, image }], options);
  const cause = isWriting(context, sync) ? "user" : "initial";
  return { ...createEntity(sync.model, id, side, request.record, observation, cause, own), undos: [] };
}
