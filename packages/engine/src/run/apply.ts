import { fingerprint, owe } from "@accord/core";
import type { EntityId } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import { noteOpenIntents } from "../journal/unsettled.ts";
import type { DueKey, HeldCreate, PlanId, PlannedOperation, StoredEntity } from "../store/rows.ts";
import type { EngineContext } from "./context.ts";
import { refreshStates } from "./context.ts";
import { PlannedCreates } from "./creates.ts";
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

/** Of those that no longer hold, so many are named; all are counted. */
const CHANGED_NAMED_MAX = 1_000;

/**
 * Carries out a plan: operations that still hold become ready and are written; the rest is listed. A whole plan makes its syncs live: from then on changes flow. [S60]
 * @throws ACCORD_GUARD_STOP where the plan trips a guard that nobody approved [S43]; ACCORD_PLAN_SUPERSEDED where another was made meanwhile
 */
export async function applyPlan(
  context: EngineContext,
  plan: PlanId,
  summary: PlanSummary,
  choice: ApplyChoice,
  options: CallOptions,
): Promise<Applied> {
  await checkStops(context, summary, options);
  const { released, changed } = await release(context, plan, summary, choice, options);
  if (isWhole(choice)) {
    await checkLatest(context, plan, options);
    for (const sync of context.syncs) await context.store.setSyncState(sync.id, "live", null, options);
    if (context.identity.restored) await context.store.acknowledgeRestore(options);
    await acceptEpochs(context, options);
  }
  await refreshStates(context, options);
  await drainUntilQuiet(context, options);
  return { released, changed };
}

/** A later plan knows of writes that are held and that this one has never heard of: they would stay held in a sync that is live. [S60] */
async function checkLatest(context: EngineContext, plan: PlanId, options: CallOptions): Promise<void> {
  const latest = await context.store.latestPlan(options);
  if (latest?.id === plan) return;
  throw new AccordError(
    "ACCORD_PLAN_SUPERSEDED",
    "Another plan was made while this one was applied, and what was written stays; go on with accord apply.",
    {
      remedy: "stop",
    },
  );
}

async function checkStops(context: EngineContext, summary: PlanSummary, options: CallOptions): Promise<void> {
  if (summary.stops.length === 0) return;
  const trips = await context.store.listTrips(options);
  for (const stop of summary.stops) {
    const trip = trips.find(({ id }) => id === stop.id);
    const approvedAtMs = trip?.approvedAtMs ?? null;
    if (approvedAtMs !== null && approvedAtMs >= summary.createdAtMs) continue;
    const sync = context.syncs.find(({ model }) => stop.id.startsWith(`${model.name}/`));
    // An approval from before this plan was made was given to another one: it is asked for anew.
    if (sync !== undefined) {
      const nowMs = context.clock.nowMs();
      await context.store.tripGuard(
        { id: stop.id, sync: sync.id, guard: stop.id.split("/").at(-1) ?? "", reason: stop.reason, trippedAtMs: nowMs, approvedAtMs: null },
        null,
        options,
      );
    }
    throw new AccordError("ACCORD_GUARD_STOP", `Nothing was written: ${stop.reason}. If that is right: accord approve ${stop.id}`, {
      remedy: "stop",
    });
  }
}

/** Kinds of operations that are released one after another, so that nothing else of the plan is left to be checked when its creates are written. */
const PASSES = [
  ["update", "restore", "archive", "merge", "delete"],
  ["create"],
  // Children whose parents have just been created are held by now.
  ["waits"],
] as const satisfies readonly (readonly PlannedOperation["kind"][])[];

/** Of a whole plan most creates are carried out at once; everything else that still holds becomes ready. */
async function release(
  context: EngineContext,
  plan: PlanId,
  summary: PlanSummary,
  choice: ApplyChoice,
  options: CallOptions,
): Promise<Applied> {
  const releasing = new Releasing(context, options);
  if (!isWhole(choice)) {
    for await (const page of await choose(context, plan, choice, options)) await releasing.take(page, null);
    return releasing;
  }
  const creates = new PlannedCreates(context, options);
  // What the creates bring about is part of the plan: it is written, and not held for the next one.
  for (const { id } of context.syncs) if (context.states.get(id) !== "paused") context.states.set(id, "live");
  try {
    for (const kinds of PASSES) {
      if (!hasAny(summary, kinds)) continue;
      const isOfPass = ({ kind }: PlannedOperation): boolean => kinds.some((one) => one === kind);
      for await (const page of operationsOf(context, plan, isOfPass, options)) {
        for (const part of bySide(page)) await releasing.take(part, kinds.some((kind) => kind === "create") ? creates : null);
      }
      await creates.finish();
    }
  } finally {
    await creates.leave();
  }
  return releasing;
}

function isWhole({ sample, entities }: ApplyChoice): boolean {
  return sample === null && entities === null;
}

function hasAny({ syncs }: PlanSummary, kinds: readonly PlannedOperation["kind"][]): boolean {
  return syncs.some(({ sides }) => sides.some(({ operations }) => kinds.some((kind) => operations[kind] > 0)));
}

/** Operations one after another that are of one side. */
function bySide(page: readonly PlannedOperation[]): readonly (readonly PlannedOperation[])[] {
  const parts: PlannedOperation[][] = [];
  for (const operation of page) {
    const last = parts.at(-1);
    if (last?.[0]?.sync === operation.sync && last[0].side === operation.side) last.push(operation);
    else parts.push([operation]);
  }
  return parts;
}

/** Checks operations and makes those ready that still hold. */
class Releasing implements Applied {
  released = 0;
  readonly changed: PlannedOperation[] = [];
  private readonly context: EngineContext;
  private readonly options: CallOptions;

  constructor(context: EngineContext, options: CallOptions) {
    this.context = context;
    this.options = options;
  }

  /** `creates`: who carries the creates out, where they are of one side; null: all become ready. */
  async take(page: readonly PlannedOperation[], creates: PlannedCreates | null): Promise<void> {
    const { context, options } = this;
    const held = (await creates?.load(page)) ?? NO_CREATES;
    const others = page.filter(({ entity }) => !held.has(entity));
    const loaded = others.length === 0 ? [] : await context.store.loadEntities([...new Set(others.map(({ entity }) => entity))], options);
    const entities = new Map(loaded.map((entity) => [entity.id, entity]));
    const done = await doneAlready(context, others, entities, options);
    const moved = await movedRecords(context, others, options);
    const straight: HeldCreate[] = [];
    const keys: DueKey[] = [];
    for (const operation of page) {
      if (done.has(operation)) continue;
      const create = held.get(operation.entity);
      // There is no record, as when it was planned, and no open intent.
      if (create?.version === operation.entityVersion && operation.imageDigest === "") {
        straight.push(create);
        this.released += 1;
        continue;
      }
      const entity = entities.get(operation.entity);
      const holds =
        entity !== undefined && entity.version === operation.entityVersion && digestOf(entity, operation.side) === operation.imageDigest;
      if (!holds || moved.has(operation)) {
        if (this.changed.length < CHANGED_NAMED_MAX) this.changed.push(operation);
        continue;
      }
      keys.push(operation);
      this.released += 1;
    }
    keys.push(...((await creates?.carry(straight)) ?? straight));
    for (const { id } of context.syncs) {
      const own = keys.filter(({ sync }) => sync === id);
      if (own.length > 0) await context.store.releaseDue(id, own, context.clock.nowMs(), options);
    }
  }
}

const NO_CREATES: ReadonlyMap<EntityId, HeldCreate> = new Map();

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
  const size = 2 * context.limits.pushBatch;
  let after = 0;
  for (;;) {
    const page = await context.store.listOperations(plan, after, size, options);
    after = page.at(-1)?.ordinal ?? after;
    const kept = page.filter((operation) => isWrite(operation) && (wanted === null || wanted(operation)));
    if (kept.length > 0) yield kept;
    if (page.length < size) return;
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
  await noteOpenIntents(context, options);
  for (;;) {
    const { nextAtMs } = await drainAll(context, options);
    if (nextAtMs === null) return;
    const nowMs = context.clock.nowMs();
    const waitMs = nextAtMs - nowMs;
    if (waitMs > context.limits.retryDelayMsMax) return;
    const present = await progressOf(context, options);
    if (present !== progress) progressAtMs = nowMs;
    progress = present;
    if (nowMs - progressAtMs + waitMs > PATIENCE_MS && !(await isOutcomeNear(context, options))) return;
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

/** Outcomes that are not known yet are worth waiting for: they become known when their requests have ended, unless the system is gone even then. [S31] */
async function isOutcomeNear(context: EngineContext, options: CallOptions): Promise<boolean> {
  const longestMs = await noteOpenIntents(context, options);
  return longestMs !== null && longestMs > -PATIENCE_MS;
}
