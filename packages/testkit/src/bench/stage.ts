import { applyPlan, drainAll, drainUntilQuiet, makePlan, releaseLeases, sweep, verify } from "@accord/engine";
import type { Applied, ApplyChoice, Difference, EngineContext, Limits, PlanSummary, SyncSettings } from "@accord/engine";
import type { Connection } from "@accord/engine/connector";
import type { NewRequest, PlanId, Store } from "@accord/engine/store";
import type { FakeObject } from "../fake/shape.ts";
import type { FakeFields, FakeSystemOptions } from "../fake/state.ts";
import { MemoryState } from "../fake/store/memory-state.ts";
import { memoryStore } from "../fake/store/memory-store.ts";
import type { FakeSystem } from "../fake/system.ts";
import { createFakeWorld } from "../fake/world.ts";
import type { FakeWorld } from "../fake/world.ts";
import { drive } from "./drive.ts";
import { engineBench, UNCANCELLED } from "./engine-bench.ts";
import type { BenchSide, BenchSync } from "./model.ts";

/** What stands on the stage. Everything left out: two systems, `crm` and `erp`, with one object of customers and one sync of it. */
export interface StageOptions {
  readonly seed?: number;
  readonly systems?: readonly (Omit<FakeSystemOptions, "objects" | "clock" | "random"> & { readonly objects?: readonly FakeObject[] })[];
  readonly objects?: readonly FakeObject[];
  readonly syncs?: readonly StageSync[];
  readonly settings?: Partial<SyncSettings>;
  readonly limits?: Partial<Limits>;
}

/** A sync over one object of every system. `sides` adds to them, by system. */
export interface StageSync extends Omit<BenchSync, "sides"> {
  readonly object?: string;
  readonly sides?: readonly Partial<BenchSide>[];
}

export interface ContextOptions {
  readonly mayWrite?: boolean;
  readonly holder?: string;
  readonly settings?: Partial<SyncSettings>;
  readonly limits?: Partial<Limits>;
  readonly syncs?: readonly StageSync[];
  /** Stands between the engine and its store. */
  wrapStore?(store: Store): Store;
}

export const STAGE_OBJECT: FakeObject = {
  name: "customers",
  key: ["id"],
  columns: [
    { name: "id", type: "integer", generated: true },
    { name: "email", type: "text", nullable: true },
    { name: "name", type: "text", nullable: true },
    { name: "amount", type: "decimal", scale: 2, nullable: true },
    { name: "note", type: "text", nullable: true, default: "untouched" },
  ],
};

export const STAGE_SYNC: StageSync = {
  name: "customers",
  fields: [{ name: "email" }, { name: "name" }, { name: "amount", type: "decimal" }],
  match: [["email"]],
};

/** Fake systems with an engine between them: the setting of the engine's tests. The state of the store outlives contexts, so that a crash is a new context. */
export class Stage {
  readonly world: FakeWorld;
  readonly systems: readonly FakeSystem[];
  readonly connections: readonly Connection[];
  readonly state = new MemoryState();
  readonly options: StageOptions;

  constructor(options: StageOptions = {}) {
    this.options = options;
    this.world = createFakeWorld({ seed: options.seed ?? 7 });
    const objects = options.objects ?? [STAGE_OBJECT];
    this.systems = (options.systems ?? [{ name: "crm" }, { name: "erp" }]).map((system) => this.world.add({ objects, ...system }));
    this.connections = this.systems.map((system) => system.connect());
  }

  /** The first system, and the second. */
  get crm(): FakeSystem {
    return this.system(0);
  }
  get erp(): FakeSystem {
    return this.system(1);
  }
  get clock(): FakeWorld["host"]["clock"] {
    return this.world.host.clock;
  }

  system(index: number): FakeSystem {
    const system = this.systems[index];
    if (system === undefined) throw new RangeError(`no system ${index}`);
    return system;
  }

  /** A new process on the same store. */
  async context(options: ContextOptions = {}): Promise<EngineContext> {
    for (const [index, connection] of this.connections.entries()) {
      await connection.install([...this.system(index).tables.keys()], "do", UNCANCELLED);
    }
    const syncs: BenchSync[] = [];
    for (const sync of options.syncs ?? this.options.syncs ?? [STAGE_SYNC]) syncs.push({ ...sync, sides: await this.sidesOf(sync) });
    const store = memoryStore(this.state);
    return engineBench({
      host: this.world.host,
      store: options.wrapStore?.(store) ?? store,
      connections: this.connections,
      syncs,
      settings: { ...this.options.settings, ...options.settings },
      limits: { ...this.options.limits, ...options.limits },
      mayWrite: options.mayWrite ?? true,
      ...(options.holder === undefined ? {} : { holder: options.holder }),
    });
  }

  private async sidesOf(sync: StageSync): Promise<BenchSide[]> {
    const object = sync.object ?? "customers";
    const sides: BenchSide[] = [];
    for (const [index, connection] of this.connections.entries()) {
      const schema = (await connection.discover(UNCANCELLED)).find(({ name }) => name === object);
      sides.push({
        connection: connection.name,
        object,
        key: schema?.key[0] ?? "id",
        codecOf(column) {
          const codec = schema?.columns.find(({ name }) => name === column)?.codec;
          if (codec === null || codec === undefined) throw new RangeError(column);
          return codec;
        },
        ...sync.sides?.[index],
      });
    }
    return sides;
  }

  /** Carries work to its end, letting time pass where it waits. */
  drive<Result>(work: Promise<Result>): Promise<Result> {
    return drive(this.clock, work);
  }

  async plan(
    options: ContextOptions = {},
  ): Promise<{ readonly plan: PlanId; readonly summary: PlanSummary; readonly context: EngineContext }> {
    const context = await this.context({ ...options, mayWrite: false });
    const planned = await this.drive(makePlan(context, UNCANCELLED));
    await releaseLeases(context, UNCANCELLED);
    return { ...planned, context };
  }

  apply(
    context: EngineContext,
    { plan, summary }: { readonly plan: PlanId; readonly summary: PlanSummary },
    choice: Partial<ApplyChoice> = {},
  ): Promise<Applied> {
    return this.drive(applyPlan(context, plan, summary, { sample: null, entities: null, ...choice }, UNCANCELLED));
  }

  /** Plans, applies the whole plan, and returns the process that did. */
  async goLive(options: ContextOptions = {}): Promise<EngineContext> {
    const planned = await this.plan(options);
    const context = await this.context(options);
    await this.apply(context, planned);
    return context;
  }

  async sweepAll(context: EngineContext): Promise<void> {
    for (const sync of context.syncs) {
      for (let side = 0; side < sync.objects.length; side += 1) await sweep(context, sync, side, UNCANCELLED);
    }
  }

  /** Sweeps every side once and carries what was found to its end. */
  async settle(context: EngineContext): Promise<void> {
    await this.sweepAll(context);
    await this.drive(drainUntilQuiet(context, UNCANCELLED));
  }

  /** What can be done at once, time standing still. */
  drain(context: EngineContext): Promise<{ readonly nextAtMs: number | null }> {
    return drainAll(context, UNCANCELLED);
  }

  /** What a person asks for, carried out. */
  async ask(
    context: EngineContext,
    request: Omit<NewRequest, "sync" | "run" | "atMs" | "body"> & { readonly sync?: number; readonly body: unknown },
  ): Promise<void> {
    const atMs = this.clock.nowMs();
    await context.store.addRequests([{ sync: 1, ...request, run: context.run, atMs, body: JSON.stringify(request.body) }], UNCANCELLED);
    await this.drive(drainUntilQuiet(context, UNCANCELLED));
  }

  async differences(context: EngineContext): Promise<readonly Difference[]> {
    const differences: Difference[] = [];
    await this.drive(verify(context, (difference) => differences.push(difference), UNCANCELLED));
    return differences;
  }

  /** The records of a system as texts of these columns, sorted. */
  rows(system: FakeSystem, columns: readonly string[] = ["email", "name", "amount"], object = "customers"): string[] {
    return [...system.records(object).values()].map((record) => columns.map((column) => record[column] ?? "").join("|")).toSorted();
  }

  /** The record with these cells. */
  idOf(system: FakeSystem, cells: FakeFields, object = "customers"): string {
    for (const [id, record] of system.records(object)) {
      if (Object.entries(cells).every(([column, cell]) => record[column] === cell)) return id;
    }
    throw new RangeError(`no record ${JSON.stringify(cells)} at ${system.name}`);
  }

  /** The entity whose record this is. */
  entityOf(side: number, record: string, sync = 1): number {
    const entity = this.state.links.get(`${sync}/${side}/${record}`);
    if (entity === undefined) throw new RangeError(`record ${record} is not linked`);
    return entity;
  }

  /** Writes that users and Accord have made at a system so far. */
  writes(system: FakeSystem): number {
    return system.history.changes.filter(({ author }) => author.kind === "accord").length;
  }
}
