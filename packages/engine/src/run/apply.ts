import { fingerprint, owe } from "@accord/core";
import type { EntityId } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import type { DueKey, PlanId, PlannedOperation, StoredEntity } from "../store/rows.ts";
import type { EngineContext } from "./context.ts";
import { refreshStates } from "./context.ts";
import { drainAll } from "./drain.ts";
import { acceptEpochs } from "./epoch.ts";
import { hydrate, loadReferences } from "./hydrate.ts";
import { digestOf } from "./plan.ts";
import type { PlanSummary } from "./plan.ts";

/** Which operations of a plan to apply. */
export interface ApplyChoice {
  /** A pilot: at most this many operations, spread over the kinds; null: all. */
  readonly sample: number | null;
  /** Only operations of these entities; null: all. */
  readonly entities: ((operation: PlannedOperation) => boolean) | null;
}

export interface Applied {
  readonly released: number;
  /** Operations that no longer hold: the entity or the record changed since the plan. [S60] */
  readonly changed: readonly PlannedOperation[];
}

/** Operations checked at once. */
const PAGE = 1_000;
/** Of those that no longer hold, so many are named; all are counted. */
const CHANGED_NAMED_MAX = 1_000;

/**
 * Carries out a plan: operations that still hold become ready and are written; the rest is listed. A whole plan makes its syncs live: from then on changes flow. [S60]
 * @throws ACCORD_GUARD_STOP where the plan trips a guard that nobody approved [S43]
 */
export async function applyPlan(
  context: EngineContext,
  plan: PlanId,
  summary: PlanSummary,
  choice: ApplyChoice,
  options: CallOptions,
): Promise<Applied> {
  await checkStops(context, summary, options);
  const isWhole = choice.sample === null && choice.entities === null;
  const applied = await release(context, plan, choice, options);
  if (isWhole) {
    for (const sync of context.syncs) await context.store.setSyncState(sync.id, "live", null, options);
    if (context.identity.restored) await context.store.acknowledgeRestore(options);
    await acceptEpochs(context, options);
  }
  await refreshStates(context, options);
  await drainUntilQuiet(context, options);
  return applied;
}

async function checkStops(context: EngineContext, summary: PlanSummary, options: CallOptions): Promise<void> {
  if (summary.stops.length === 0) return;
  const trips = await context.store.listTrips(options);
  for (const stop of summary.stops) {
    const trip = trips.find(({ id }) => id === stop.id);
    const approvedAtMs = trip?.approvedAtMs ?? null;
    if (approvedAtMs !== null && approvedAtMs >= summary.createdAtMs) continue;
    const sync = context.syncs.find(({ model }) => stop.id.startsWith(`${model.name}/`));
    if (sync !== undefined && approvedAtMs === null) {
      const nowMs = context.clock.nowMs();
      await context.store.tripGuard(
        { id: stop.id, sync: sync.id, guard: stop.id.split("/").at(-1) ?? "", reason: stop.reason, trippedAtMs: nowMs, approvedAtMs: null },
        options,
      );
    }
    throw new AccordError("ACCORD_GUARD_STOP", `Nothing was written: ${stop.reason}. If that is right: accord approve ${stop.id}`, {
      remedy: "stop",
    });
  }
}

async function release(context: EngineContext, plan: PlanId, choice: ApplyChoice, options: CallOptions): Promise<Applied> {
  const changed: PlannedOperation[] = [];
  const chosen = await choose(context, plan, choice, options);
  let released = 0;
  for await (const page of chosen) {
    const entities = await context.store.loadEntities([...new Set(page.map(({ entity }) => entity))], options);
    const byId = new Map(entities.map((entity) => [entity.id, entity]));
    const done = await doneAlready(context, page, byId, options);
    const moved = await movedRecords(context, page, options);
    const keys = new Map<number, DueKey[]>();
    for (const operation of page) {
      if (done.has(operation)) continue;
      const entity = byId.get(operation.entity);
      const holds =
        entity !== undefined && entity.version === operation.entityVersion && digestOf(entity, operation.side) === operation.imageDigest;
      if (!holds || moved.has(operation)) {
        if (changed.length < CHANGED_NAMED_MAX) changed.push(operation);
        continue;
      }
      const list = keys.get(operation.sync) ?? [];
      list.push({ sync: operation.sync, side: operation.side, entity: operation.entity });
      keys.set(operation.sync, list);
      released += 1;
    }
    for (const [sync, list] of keys) await context.store.releaseDue(sync, list, context.clock.nowMs(), options);
  }
  return { released, changed };
}

/**
 * Operations that an earlier application of this plan has carried out, or has on its way: the entity is as planned and nothing is owed any more. A plan that was
 * interrupted is simply applied again. [S60, I7]
 */
async function doneAlready(
  context: EngineContext,
  page: readonly PlannedOperation[],
  byId: ReadonlyMap<EntityId, StoredEntity>,
  options: CallOptions,
): Promise<ReadonlySet<PlannedOperation>> {
  const done = new Set<PlannedOperation>();
  for (const sync of context.syncs) {
    const suspects = page.filter((operation) => {
      const entity = byId.get(operation.entity);
      if (operation.sync !== sync.id || entity?.version !== operation.entityVersion) return false;
      return hasIntent(entity, operation.side) || digestOf(entity, operation.side) !== operation.imageDigest || operation.kind === "delete";
    });
    const stored = suspects.flatMap(({ entity }) => byId.get(entity) ?? []);
    const references = await loadReferences(context, sync, stored, [], options);
    suspects.forEach((operation, index) => {
      const entity = stored[index];
      if (entity === undefined) return;
      if (
        hasIntent(entity, operation.side) ||
        owe(sync.model, hydrate(sync.model, entity, references), operation.side, references).kind === "nothing"
      )
        done.add(operation);
    });
  }
  return done;
}

function hasIntent(entity: StoredEntity, side: number): boolean {
  return (entity.members[side]?.intent ?? null) !== null;
}

/** Operations whose record is not as it was planned any more: read again, since nobody may have told us yet. [S60] */
async function movedRecords(
  context: EngineContext,
  page: readonly PlannedOperation[],
  options: CallOptions,
): Promise<ReadonlySet<PlannedOperation>> {
  const moved = new Set<PlannedOperation>();
  for (const sync of context.syncs) {
    for (const [side, object] of sync.objects.entries()) {
      const own = page.filter(
        (operation) => operation.sync === sync.id && operation.side === side && operation.record !== null && operation.imageDigest !== "",
      );
      for (let start = 0; start < own.length; start += object.capabilities.pageSizeMax) {
        const part = own.slice(start, start + object.capabilities.pageSizeMax);
        const { images } = await object.read(
          part.map(({ record }) => record ?? ""),
          options,
        );
        part.forEach((operation, index) => {
          const image = images[index] ?? null;
          const isGone = image === null && operation.kind === "delete";
          if (!isGone && (image === null || fingerprint(image) !== operation.imageDigest)) moved.add(operation);
        });
      }
    }
  }
  return moved;
}

async function choose(
  context: EngineContext,
  plan: PlanId,
  choice: ApplyChoice,
  options: CallOptions,
): Promise<AsyncIterable<readonly PlannedOperation[]>> {
  const all = operationsOf(context, plan, choice.entities, options);
  if (choice.sample === null) return all;
  return only(await sampleOf(all, choice.sample));
}

async function* operationsOf(
  context: EngineContext,
  plan: PlanId,
  wanted: ApplyChoice["entities"],
  options: CallOptions,
): AsyncGenerator<readonly PlannedOperation[]> {
  let after = 0;
  for (;;) {
    const page = await context.store.listOperations(plan, after, PAGE, options);
    after = page.at(-1)?.ordinal ?? after;
    const kept = page.filter((operation) => isWrite(operation) && (wanted === null || wanted(operation)));
    if (kept.length > 0) yield kept;
    if (page.length < PAGE) return;
  }
}

function isWrite(operation: PlannedOperation): boolean {
  return operation.kind !== "withheld" && operation.kind !== "refused";
}

async function* only(operations: readonly PlannedOperation[]): AsyncGenerator<readonly PlannedOperation[]> {
  yield await Promise.resolve(operations);
}

/** The first operations of each kind in turn, so that a pilot shows all that a plan does. Operations that wait for a parent are left out. */
export async function sampleOf(pages: AsyncIterable<readonly PlannedOperation[]>, size: number): Promise<readonly PlannedOperation[]> {
  const byKind = new Map<string, PlannedOperation[]>();
  for await (const page of pages) {
    for (const operation of page) {
      if (operation.kind === "waits") continue;
      const key = `${operation.sync}/${operation.side}/${operation.kind}`;
      const list = byKind.get(key) ?? [];
      if (list.length < size) list.push(operation);
      byKind.set(key, list);
    }
  }
  const sample: PlannedOperation[] = [];
  for (let round = 0; sample.length < size; round += 1) {
    const before = sample.length;
    for (const list of byKind.values()) {
      const operation = list[round];
      if (operation !== undefined && sample.length < size) sample.push(operation);
    }
    if (sample.length === before) break;
  }
  return sample;
}

/** A system that takes nothing for so long is given up for now; what is due stays due. Milliseconds. */
const PATIENCE_MS = 10_000;

/** Drains until nothing is left but what waits for a person, a parent, a far-off time, or a system that takes nothing now. */
export async function drainUntilQuiet(context: EngineContext, options: CallOptions): Promise<void> {
  let progress = "";
  let progressAtMs = context.clock.nowMs();
  for (;;) {
    const { nextAtMs } = await drainAll(context, options);
    if (nextAtMs === null) return;
    const nowMs = context.clock.nowMs();
    const waitMs = nextAtMs - nowMs;
    if (waitMs > context.limits.retryDelayMsMax) return;
    const present = await progressOf(context, options);
    if (present !== progress) progressAtMs = nowMs;
    progress = present;
    if (nowMs - progressAtMs + waitMs > PATIENCE_MS && !(await hasOpenIntents(context, options))) return;
    await context.clock.sleep(Math.max(1, waitMs), options);
  }
}

/** Changes whenever something was merged, written or set aside. */
async function progressOf(context: EngineContext, options: CallOptions): Promise<string> {
  const { journalEntries } = await context.store.countState(options);
  const due = await context.store.countDue(options);
  return JSON.stringify([
    journalEntries,
    await context.store.countMarks(options),
    due.map(({ sync, side, state, count }) => [sync, side, state, count]),
  ]);
}

/** Outcomes that are not known yet are worth waiting for: they become known at their deadline, unless the system is gone even then. [S31] */
async function hasOpenIntents(context: EngineContext, options: CallOptions): Promise<boolean> {
  const sinceMs = context.clock.nowMs() - PATIENCE_MS;
  for (let shard = 0; shard < context.identity.shards; shard += 1) {
    const intents = await context.store.loadOpenIntents(shard, PAGE, options);
    if (intents.some(({ deadlineMs }) => deadlineMs > sinceMs)) return true;
  }
  return false;
}
