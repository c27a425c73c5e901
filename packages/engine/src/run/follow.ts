import { deleteWith, detachFrom, keepForChildren, names } from "@accord/core";
import type { Deleted, Entity, FieldIndex, Life, References, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import { mergeEntry } from "../journal/payload.ts";
import type { LoadedRequest, NewRequest, StoredEntity } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import { closureOf, danglingRecords, deletionOf, newsRule } from "./closure.ts";
import type { Closure } from "./closure.ts";
import { syncById } from "./context.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { keepEntity } from "./due.ts";
import { guardClosure } from "./guard-closure.ts";
import { namedReason } from "./hold.ts";
import { hydrate, loadReferences } from "./hydrate.ts";
import { childrenRequest, kinOf, referringTo, sideOfKin, tellKin } from "./kin.ts";
import { danglingCells, formerIds, pointAnew, pointDue } from "./point.ts";

/** The body of a request `children`: how far those that follow have been told. */
interface ChildrenRequest {
  /** The field, by its place among those that refer, and the entity after which it goes on; left out: nobody was told. */
  readonly told?: { readonly place: number; readonly after: number };
}

/** The body of a request `follow`. */
interface FollowRequest {
  readonly field: string;
  readonly parent: number;
  /** When the parent was deleted. Epoch milliseconds. */
  readonly atMs: number;
}

type Deletion = Extract<Life, { readonly kind: "deleted" }>;

/**
 * An entity was deleted, or has a new record in place of one that was: tells those that name it. What names it and is to be detached from it, or deleted with it, is counted to its end first, guards included; only then is one after another
 * asked to follow, under its own shard. Where something of it holds the deletion up, nothing follows. [S43, S45]
 */
export async function tellChildren(
  context: EngineContext,
  sync: RunningSync,
  request: LoadedRequest,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  const { stored } = request;
  if (stored?.life.kind === "live") await pointAnew(context, sync, stored, changes, options);
  if (stored?.life.kind !== "deleted") return;
  // The engine wrote this body itself.
  const { told } = JSON.parse(request.body) as ChildrenRequest;
  if (told === undefined) {
    await reportDangling(context, sync, stored, changes, options);
    if (referringTo(context, sync).every(({ reference }) => reference.deletes === "restrict")) return;
    const closure = await closureOf(context, sync, stored.id, deletionOf(sync, stored.life), options);
    if (!(await mayFollow(context, sync, request, stored.life, closure, changes, options))) return;
  }
  await askToFollow(context, sync, request, stored.life, told ?? { place: 0, after: -1 }, changes, options);
}

async function reportDangling(
  context: EngineContext,
  sync: RunningSync,
  stored: NonNullable<LoadedRequest["stored"]>,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  const atMs = context.clock.nowMs();
  for await (const { sync: child, side, record } of danglingRecords(context, sync, stored, options)) {
    changes.problems.push({
      sync: child.id,
      side,
      record,
      kind: "reference",
      reason: "it names a record that was deleted",
      entities: [],
      atMs,
    });
  }
}

/** Whether the closure is carried out; where not, the change set says what happens instead. */
async function mayFollow(
  context: EngineContext,
  sync: RunningSync,
  request: LoadedRequest,
  life: Deletion,
  closure: Closure,
  changes: ChangeSet,
  options: CallOptions,
): Promise<boolean> {
  switch (closure.kind) {
    case "blocked":
      await waitFor(context, sync, request, closure, changes, options);
      return false;
    case "news":
      await keepAlive(context, sync, request, life, closure.rule, changes, options);
      return false;
    case "counted":
      if (await passGuards(context, closure.counts, request.atMs, changes, options)) return true;
      // What is put off is looked at again once a person has approved.
      changes.requests.push({ ...again(request), notBeforeMs: context.clock.nowMs() + 2 * context.limits.retryDelayMsMax });
      return false;
  }
}

/** Every guard that would stop something of the closure asks at once. A sync that is paused asks already, or is somebody's to resume. */
async function passGuards(
  context: EngineContext,
  counts: Extract<Closure, { readonly kind: "counted" }>["counts"],
  sinceMs: number,
  changes: ChangeSet,
  options: CallOptions,
): Promise<boolean> {
  if (context.mayWrite && counts.some(({ sync }) => context.states.get(sync.id) === "paused")) return false;
  let passes = true;
  for (const { sync, sides } of counts) {
    for (const [side, more] of sides.entries()) {
      if (!(await guardClosure(context, sync, side, more, sinceMs, changes, options))) passes = false;
    }
  }
  return passes;
}

function again({ sync, entity, kind, body, run, atMs }: LoadedRequest): NewRequest {
  return { sync, entity, kind, body, run, atMs };
}

/** The deletes of the entity wait for who holds them up, so that they are looked at again when that one has changed. */
async function waitFor(
  context: EngineContext,
  sync: RunningSync,
  { stored }: LoadedRequest,
  { by, referring }: Extract<Closure, { readonly kind: "blocked" }>,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  if (stored === null) return;
  for (const [side, member] of stored.members.entries()) {
    if (member === null || member.state !== "live" || member.intent !== null) continue;
    const [due] = await context.store.listDue(
      { sync: sync.id, side, states: ["ready", "waiting"], after: stored.id - 1, limit: 1 },
      options,
    );
    if (due?.entity !== stored.id || due.undo !== null) continue;
    const { stored: _, ...row } = due;
    changes.due.push({ ...row, state: "waiting", waitsFor: by, code: null, reason: namedReason(referring), keepAge: true });
  }
}

/** An edit of what would go with it beats the deletion, as if it had been made of the entity itself; or a person decides. [S38] */
async function keepAlive(
  context: EngineContext,
  sync: RunningSync,
  { stored }: LoadedRequest,
  life: Deletion,
  rule: Extract<Closure, { readonly kind: "news" }>["rule"],
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  if (stored === null || life.side === null) return;
  const references = await loadReferences(context, sync, [stored], [], options);
  const entity = hydrate(sync.model, stored, references);
  const kept = keepForChildren(sync.model, entity, life.side, rule, life.atMs);
  if (kept === null) return;
  keepFollowed(context, sync, entity, kept, references, life.atMs, changes);
  await callBack(context, sync, entity.id, life, changes, options);
}

/** Those that followed before it was known that nothing was to follow are to come back, as far as their records are still there. */
async function callBack(
  context: EngineContext,
  sync: RunningSync,
  parent: number,
  life: Deletion,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  const atMs = context.clock.nowMs();
  for (const { sync: child, field, reference } of referringTo(context, sync)) {
    if (reference.deletes !== "cascade") continue;
    for await (const { entity } of kinOf(context, child, parent, options)) {
      const hasFollowed =
        entity.life.kind === "deleted" && entity.life.atMs === life.atMs && entity.fields[field]?.value === String(parent);
      if (hasFollowed) changes.requests.push({ sync: child.id, entity: entity.id, kind: "revive", body: "{}", run: context.run, atMs });
    }
  }
}

function keepFollowed(
  context: EngineContext,
  sync: RunningSync,
  before: Entity,
  { entity, events }: Deleted,
  references: References,
  atMs: number,
  changes: ChangeSet,
): void {
  const facts = { run: context.run, sync: sync.id, entity: entity.id, side: null, atMs: context.clock.nowMs() };
  changes.journal.push(mergeEntry(sync.model, facts, { record: null, fromMs: atMs, toMs: atMs, version: entity.version, events }));
  tellKin(context, sync, before, entity, events, changes);
  keepEntity(context, sync, entity, references, changes);
}

/** Asks a bounded number of those that name the entity to follow it, and goes on with the next of them after this commit. */
async function askToFollow(
  context: EngineContext,
  sync: RunningSync,
  request: LoadedRequest,
  life: Deletion,
  told: NonNullable<ChildrenRequest["told"]>,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  const all = referringTo(context, sync);
  let asked = 0;
  for (let place = told.place; place < all.length; place += 1) {
    const referring = all[place];
    if (referring === undefined || referring.reference.deletes === "restrict") continue;
    const field = referring.sync.model.fields[referring.field]?.name ?? "";
    for await (const { entity } of kinOf(context, referring.sync, request.entity, options, place === told.place ? told.after : -1)) {
      if (!names(entity, referring.field, request.entity)) continue;
      if (asked >= context.limits.mergeBatch) {
        changes.requests.push({
          ...again(request),
          body: JSON.stringify({ told: { place, after: entity.id - 1 } } satisfies ChildrenRequest),
        });
        return;
      }
      const body: FollowRequest = { field, parent: request.entity, atMs: life.atMs };
      // The time stays that of the first deletion: an approval of what that brings about covers all of it.
      changes.requests.push({ ...again(request), sync: referring.sync.id, entity: entity.id, kind: "follow", body: JSON.stringify(body) });
      asked += 1;
    }
  }
}

/** An entity follows what it names: it is detached from it, or deleted with it, unless either has changed since it was asked to. */
export async function follow(
  context: EngineContext,
  sync: RunningSync,
  request: LoadedRequest,
  changes: ChangeSet,
  options: CallOptions,
): Promise<void> {
  const { stored } = request;
  // The engine wrote this body itself.
  const { field: name, parent, atMs } = JSON.parse(request.body) as FollowRequest;
  const field: FieldIndex = sync.model.fields.findIndex((one) => one.name === name);
  const reference = sync.model.fields[field]?.reference ?? null;
  const [deleted] = await context.store.loadEntities([parent], options);
  const parentSync = deleted === undefined ? undefined : syncById(context, deleted.sync);
  if (stored === null || deleted?.life.kind !== "deleted" || parentSync === undefined || reference === null) return;
  const references = await loadReferences(context, sync, [stored], [], options);
  const entity = hydrate(sync.model, stored, references);
  if (!names(entity, field, parent)) return;
  const deletion = deletionOf(parentSync, deleted.life);
  if (newsRule({ sync, field, reference }, { entity, references }, deletion) !== null) {
    // Somebody has changed it since the closure was counted: it is counted again.
    changes.requests.push({ ...childrenRequest(context, parentSync, parent), atMs: request.atMs });
    return;
  }
  const lost = { field, parent, side: sideOf(sync, deletion.connection), atMs };
  const followed = reference.deletes === "detach" ? detachFrom(entity, lost) : deleteWith(entity, lost);
  keepFollowed(context, sync, entity, followed, references, atMs, changes);
  if (reference.deletes === "detach") pointNowhere(context, sync, parentSync, deleted, field, entity, references, changes);
  sinceFirst(sync, entity.id, request.atMs, changes);
}

/** Where the deleted record is gone already, what still stands there names nobody: it is emptied too. */
function pointNowhere(
  context: EngineContext,
  sync: RunningSync,
  parentSync: RunningSync,
  parent: StoredEntity,
  field: FieldIndex,
  entity: Entity,
  references: References,
  changes: ChangeSet,
): void {
  for (const referring of referringTo(context, parentSync)) {
    if (referring.sync !== sync || referring.field !== field) continue;
    for (const at of parent.members.keys()) {
      const side = sideOfKin(referring, parentSync, at);
      const expect = side === -1 ? null : danglingCells(sync, field, entity, side, formerIds(parent, at), references);
      if (expect !== null) changes.due.push({ ...pointDue(context, sync, side, entity.id, expect), keepAge: false });
    }
  }
}

function sideOf({ model }: RunningSync, connection: string | null): SideIndex | null {
  const side = model.sides.findIndex((own) => own.connection === connection);
  return side === -1 ? null : side;
}

/** What follows is due since the deletion that it follows, and so is what follows that. [S43] */
function sinceFirst(sync: RunningSync, entity: number, atMs: number, changes: ChangeSet): void {
  changes.due = changes.due.map((due) =>
    due.sync === sync.id && due.entity === entity ? { ...due, sinceMs: Math.min(due.sinceMs, atMs) } : due,
  );
  for (const [place, request] of changes.requests.entries())
    if (request.kind === "children" && request.entity === entity) changes.requests[place] = { ...request, atMs };
}
