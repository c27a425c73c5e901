import { NewRecords } from "@accord/core";
import type { EntityId, SideIndex } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { OpenObject } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { HeldCreate, Lease, PlannedOperation, Shard, SyncId } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import { contestedEntities } from "./contested.ts";
import { syncById } from "./context.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { takeShard } from "./take-shard.ts";
import { readyDue } from "./due.ts";
import { passesGuards } from "./guard.ts";
import { dispatch, openCreate } from "./push.ts";
import { createShape, settleCreates } from "./settle-create.ts";
import type { CreateShape, SentCreate } from "./settle-create.ts";

/** Batches whose calls are on their way while the next is prepared: enough that a system and this process work at the same time. */
const UNDERWAY_MAX = 2;

/** Creates of one side whose intents are open. */
interface OpenedCreates {
  /** Of the shards of all their entities. */
  readonly leases: readonly Lease[];
  readonly sync: RunningSync;
  readonly side: SideIndex;
  readonly object: OpenObject;
  readonly batch: readonly SentCreate[];
}

/**
 * The straight way of a plan's creates: from the pages of the plan they go to the system in two commits. The first opens the intents and takes the due rows away, the
 * second holds what came of the calls. [S28, S29] Only those that the store tells of in short go this way; all others are given back, to be released and pushed like everything
 * else.
 *
 * One side after another: an entity that several sides lack is looked at again before each. What comes of such a create changes nothing else of the plan: it carries all that the side
 * shows, so that what the record shows is no news. [S14]
 */
export class PlannedCreates {
  private readonly context: EngineContext;
  private readonly options: CallOptions;
  private readonly underway = new Set<Promise<void>>();
  private at: { readonly sync: SyncId; readonly side: SideIndex; readonly records: NewRecords | null } | null = null;
  /** Of the shards of what was loaded last: it has not changed since while they hold. [S54] */
  private leases: readonly Lease[] = [];
  /** False once a system did not take or answer what it was sent: the ordinary way waits and tries again. */
  private isTaken = true;
  /** What made a batch fail otherwise: thrown where somebody waits. */
  private readonly failures: unknown[] = [];

  constructor(context: EngineContext, options: CallOptions) {
    this.context = context;
    this.options = options;
  }

  /** Which of these creates of one side, in the order of the plan, may go straight. By entity. */
  async load(operations: readonly PlannedOperation[]): Promise<ReadonlyMap<EntityId, HeldCreate>> {
    const [first] = operations;
    const sync = first === undefined ? undefined : syncById(this.context, first.sync);
    if (first === undefined || sync === undefined) return new Map();
    const { side, entity } = first;
    if (this.at?.sync !== sync.id || this.at.side !== side) {
      await this.finish();
      this.at = { sync: sync.id, side, records: NewRecords.of(sync.model, side) };
    }
    if (this.at.records === null) return new Map();
    const leases = await this.leasesOf(operations);
    if (leases === null) return new Map();
    this.leases = leases;
    const query = { sync: sync.id, side, states: ["held"], after: entity - 1, limit: operations.length, withValues: true } as const;
    const found = await this.context.store.listPlannable(query, this.options);
    return new Map(found.flatMap((due) => ("stored" in due ? [] : [[due.entity, due] as const])));
  }

  /** Sends creates of one side. Returns those that were not, whose due rows are as they were. */
  async carry(creates: readonly HeldCreate[]): Promise<readonly HeldCreate[]> {
    const { context, options } = this;
    const [first] = creates;
    const sync = first === undefined ? undefined : syncById(context, first.sync);
    const object = sync?.objects[first?.side ?? -1];
    if (first === undefined || sync === undefined || object === undefined) return creates;
    const records = this.at?.records ?? null;
    if (records === null || !context.mayWrite || context.states.get(sync.id) === "paused") return creates;
    while (this.underway.size >= UNDERWAY_MAX) await Promise.race(this.underway);
    options.signal.throwIfAborted();
    this.throwFailure();
    if (!this.isTaken) return creates;
    // Creates add nothing to what guards count: but where one has stopped the sync, the ordinary way says so. [S43]
    if (!(await passesGuards(context, sync, first.side, [], new ChangeSet(), options))) return creates;
    const contested = await contestedEntities(context, sync, first.side, options);
    const uncontested = creates.filter(({ entity }) => !contested.has(entity));
    const batch = this.prepare(sync, object, records, uncontested);
    const opened = { leases: this.leases, sync, side: first.side, object, batch };
    if (batch.length === 0 || !(await this.open(opened))) return creates;
    const sending = this.send(opened).finally(() => this.underway.delete(sending));
    this.underway.add(sending);
    const sent = new Set(batch.map(({ due }) => due.entity));
    return creates.filter(({ entity }) => !sent.has(entity));
  }

  /** Waits until everything that was sent is settled. */
  async finish(): Promise<void> {
    await this.leave();
    this.throwFailure();
  }

  /** The same, whatever became of it. */
  async leave(): Promise<void> {
    await Promise.all(this.underway);
  }

  private throwFailure(): void {
    if (this.failures.length > 0) throw this.failures[0];
  }

  /** Those that are creates, by what is owed now. Until they are settled no more is kept of them than that takes: many are in memory at once. */
  private prepare(sync: RunningSync, object: OpenObject, records: NewRecords, creates: readonly HeldCreate[]): SentCreate[] {
    const nowMs = this.context.clock.nowMs();
    const shapes = new Map<HeldCreate["versions"], CreateShape>();
    const batch: SentCreate[] = [];
    for (const { side, entity, sinceMs, attempts, values, versions } of creates) {
      const shape = shapes.get(versions) ?? createShape(sync, side, versions);
      shapes.set(versions, shape);
      const made = records.write(values);
      if (made === null) continue;
      const due = { ...readyDue({ sync: sync.id, side, entity }, nowMs), sinceMs, attempts };
      const { intent, operation } = openCreate(this.context, object, due, made.image, shape.carried);
      batch.push({ due, intent, operation, shape, shows: made.shows });
    }
    return batch;
  }

  /** False: nothing was changed. */
  private async open({ leases, batch }: OpenedCreates): Promise<boolean> {
    const changes = new ChangeSet();
    for (const { due, intent } of batch) {
      changes.dueDone.push(due);
      changes.intentsOpened.push(intent);
    }
    try {
      await this.context.store.commit(leases, changes, this.options);
      return true;
    } catch (error) {
      if (!isLost(error)) throw error;
      this.forget(leases);
      return false;
    }
  }

  private async send({ leases, sync, side, object, batch }: OpenedCreates): Promise<void> {
    const { context, options } = this;
    try {
      for (let start = 0; start < batch.length; start += object.capabilities.batchSizeMax) {
        const part = batch.slice(start, start + object.capabilities.batchSizeMax);
        const outcomes = await dispatch(context, leases, object, part, undefined, options);
        if (!(await settleCreates(context, leases, sync, side, part, outcomes, options))) this.isTaken = false;
      }
    } catch (error) {
      this.isTaken = false;
      // A shard that was taken over is another's to recover: its intents stay open. [S54]
      if (isLost(error)) this.forget(leases);
      else this.failures.push(error);
    }
  }

  private forget(leases: readonly Lease[]): void {
    for (const { name } of leases) this.context.leases.delete(name);
  }

  /** Of all their shards; null where another process holds one. */
  private async leasesOf(operations: readonly PlannedOperation[]): Promise<readonly Lease[] | null> {
    const { context, options } = this;
    const shards = new Set<Shard>(operations.map(({ entity }) => context.store.shardOf(entity)));
    const leases: Lease[] = [];
    for (const shard of shards) {
      const lease = await takeShard(context, shard, options);
      if (lease === null) return null;
      leases.push(lease);
    }
    return leases;
  }
}

function isLost(error: unknown): boolean {
  return error instanceof AccordError && error.code === "ACCORD_LEASE_LOST";
}
