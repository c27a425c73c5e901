import { names } from "@accord/core";
import type { Entity, EntityId, FieldIndex, MergeEvent, ReferenceModel, References, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import { nameKey } from "../store/name-key.ts";
import type { NewRequest } from "../store/rows.ts";
import type { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { hydrate, loadReferences } from "./hydrate.ts";

/** Entities looked at in one step. */
const PAGE = 200;

/** A field whose values name entities of a sync. */
export interface Referring {
  readonly sync: RunningSync;
  readonly field: FieldIndex;
  readonly reference: ReferenceModel;
}

/** The fields, of whatever syncs, that name entities of this one. */
export function referringTo(context: EngineContext, { model: { name } }: RunningSync): readonly Referring[] {
  return context.syncs.flatMap((sync) =>
    sync.model.fields.flatMap(({ reference }, field) => (reference?.sync === name ? [{ sync, field, reference }] : [])),
  );
}

/** The keys of an entity: those that it is matched by, and behind them one for each entity that it names, canonically or at some side. [S36, S45] */
export function keysOf({ model }: RunningSync, entity: Entity, matchKeys: readonly (string | null)[]): readonly (string | null)[] {
  if (model.fields.every(({ reference }) => reference === null)) return matchKeys;
  const named = model.fields.flatMap(({ reference }, field) => (reference === null ? [] : namesOf(entity, field)));
  return [...matchKeys, ...[...new Set(named)].map((id) => nameKey(id))];
}

function namesOf(entity: Entity, field: FieldIndex): EntityId[] {
  const canonical = entity.life.kind === "live" ? entity.fields[field]?.value : null;
  const shown = entity.members.map((member) => (member !== null && hasRecord(member.state) ? member.shadow[field] : null));
  return [canonical, ...shown].flatMap((value) => (value === null || value === undefined ? [] : [Number(value)]));
}

/** Whether a record stands at the side, taking part or not. */
function hasRecord(state: string): boolean {
  return state === "live" || state === "archived" || state === "outOfScope";
}

/** Whether the record of an entity at a side shows that it names another there. */
function showsName(entity: Entity, side: SideIndex, field: FieldIndex, named: EntityId): boolean {
  const member = entity.members[side];
  return member !== null && member !== undefined && hasRecord(member.state) && member.shadow[field] === String(named);
}

/** An entity that names another, with what its own references mean. */
export interface Kin {
  readonly entity: Entity;
  readonly references: References;
}

/** Entities of a sync that name this one, canonically or at some side, in the order of their ids. */
export async function* kinOf(
  context: EngineContext,
  sync: RunningSync,
  named: EntityId,
  options: CallOptions,
  from: EntityId | null = null,
): AsyncGenerator<Kin> {
  for (let after = from; ;) {
    const ids = await context.store.listNaming(sync.id, named, after, PAGE, options);
    const stored = ids.length === 0 ? [] : await context.store.loadEntities(ids, options);
    const references = await loadReferences(context, sync, stored, [], options);
    for (const one of stored) yield { entity: hydrate(sync.model, one, references), references };
    const last = ids.at(-1);
    if (last === undefined || ids.length < PAGE) return;
    after = last;
  }
}

/** The side of a referring sync whose records name those of this side, or −1. */
export function sideOfKin({ sync, field }: Referring, parent: RunningSync, side: SideIndex): SideIndex {
  return sync.model.sides.findIndex(({ mapping }) => {
    const reference = mapping.fields[field]?.reference;
    return reference?.sync === parent.model.name && reference.side === side;
  });
}

/**
 * What a record waits for, that is to be deleted at a side: an entity that lives and names it, or whose record there still does. [S45] Null where nobody does.
 * `rule`: what its field says of such a deletion, where it lives.
 */
export async function heldBy(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  entity: EntityId,
  options: CallOptions,
): Promise<{ readonly by: EntityId; readonly referring: Referring; readonly lives: boolean } | null> {
  for (const referring of referringTo(context, sync)) {
    const place = sideOfKin(referring, sync, side);
    if (place === -1) continue;
    for await (const { entity: child } of kinOf(context, referring.sync, entity, options)) {
      if (child.id === entity) continue;
      const lives = names(child, referring.field, entity);
      if (lives || showsName(child, place, referring.field, entity)) return { by: child.id, referring, lives };
    }
  }
  return null;
}

/** How long a deletion waits before others follow it: what was done to them just before is heard of first. Milliseconds. */
const FOLLOW_MS = 500;

/** That an entity was deleted, to be told to those that name it. A plan tells at once. */
export function childrenRequest(context: EngineContext, sync: RunningSync, entity: EntityId): NewRequest {
  const atMs = context.clock.nowMs();
  const notBeforeMs = context.mayWrite ? atMs + FOLLOW_MS : 0;
  return { sync: sync.id, entity, kind: "children", body: "{}", run: context.run, atMs, notBeforeMs };
}

/**
 * Tells others what became of an entity: those that name it, that it was deleted; those that wait for it (a parent that is to be deleted once nobody names it), that it names another now, is gone
 * somewhere, or lives again. [S45]
 */
export function tellKin(
  context: EngineContext,
  sync: RunningSync,
  before: Entity | null,
  after: Entity,
  events: readonly MergeEvent[],
  changes: ChangeSet,
): void {
  if (before?.life.kind === "live" && after.life.kind === "deleted" && referringTo(context, sync).length > 0)
    changes.requests.push(childrenRequest(context, sync, after.id));
  const { fields } = sync.model;
  if (fields.every(({ reference }) => reference === null)) return;
  const isMoved =
    before !== null &&
    fields.some(({ reference }, field) => reference !== null && before.fields[field]?.value !== after.fields[field]?.value);
  const isElsewhere = events.some(({ kind }) => kind === "gone" || kind === "revived" || kind === "outOfScope" || kind === "inScope");
  if (isMoved || isElsewhere || before?.life.kind !== after.life.kind) changes.arrived.push({ sync: sync.id, entity: after.id });
}
