import { applyPlan, makePlan, releaseEngine, releaseLeases, renewEngine, runLive, takeEngine } from "@accord/engine";
import type { EngineContext, Limits, PlanSummary, SyncSettings } from "@accord/engine";
import type { CallOptions, Connection, Host, Log } from "@accord/engine/connector";
import { engineBench } from "../bench/engine-bench.ts";
import type { BenchSync } from "../bench/model.ts";
import { memoryStore } from "../fake/store/memory-store.ts";
import type { MemoryState } from "../fake/store/memory-state.ts";
import type { FakeSystem } from "../fake/system.ts";
import { seededRandom } from "../fake/random.ts";
import { Actor } from "./scheduler.ts";
import type { Scheduler } from "./scheduler.ts";

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** What every process of Accord finds. */
export interface Premises {
  readonly scheduler: Scheduler;
  readonly systems: readonly FakeSystem[];
  readonly state: MemoryState;
  readonly syncs: readonly BenchSync[];
  readonly limits: Partial<Limits>;
  readonly sweepMs: number;
  /** Of all syncs, beside their sweeps. */
  readonly settings?: Partial<SyncSettings>;
  readonly seed: number;
}

/** A pilot makes so many writes of its plan. */
const PILOT_WRITES = 1;

/** The real engine as one process: each call of its ports is a turn of the scheduler's, and its death leaves every call where it stands. */
export class AccordProcess {
  readonly actor: Actor;
  /** How it ended by itself: null for well; never, once it is dead. */
  readonly ended: Promise<{ readonly error: unknown } | null>;
  /** `apply`: the plan that there is, as after an approval. */
  readonly job: "pilot" | "plan and apply" | "apply" | "run";
  readonly #premises: Premises;
  readonly #number: number;
  /** Never aborted, and its own: what waits for ever once the process is dead must not be held by a signal that all share. */
  readonly #options: CallOptions = { signal: new AbortController().signal };

  constructor(premises: Premises, number: number, job: AccordProcess["job"]) {
    this.job = job;
    this.#premises = premises;
    this.#number = number;
    this.actor = new Actor(`accord ${number}`);
    const work = job === "run" ? this.#run() : this.#planAndApply();
    this.ended = work.then(
      () => null,
      (error: unknown) => ({ error }),
    );
  }

  async #run(): Promise<void> {
    await runLive(await this.#context(true), this.#options);
  }

  /** As the commands do it, under the engine's lease. [S54] */
  async #planAndApply(): Promise<void> {
    const planning = await this.#context(false);
    const { options, end } = await this.#holdEngine(planning);
    try {
      const { plan, summary } = await (this.job === "apply" ? latestPlan(planning, options) : makePlan(planning, options));
      const applying: EngineContext = { ...planning, mayWrite: true };
      await applyPlan(applying, plan, summary, { sample: this.job === "pilot" ? PILOT_WRITES : null, entities: null }, options);
    } finally {
      await releaseLeases(planning, this.#options);
      await end();
    }
  }

  async #holdEngine(context: EngineContext): Promise<{ readonly options: CallOptions; readonly end: () => Promise<void> }> {
    const lease = await takeEngine(context, this.#options);
    const lost = new AbortController();
    const over = new AbortController();
    const renew = async (): Promise<void> => {
      for (;;) {
        await context.clock.sleep(context.limits.leaseMs / 3, { signal: over.signal });
        await renewEngine(context, lease, this.#options);
      }
    };
    renew().catch((error: unknown) => {
      if (!over.signal.aborted) lost.abort(error);
    });
    return {
      options: { signal: lost.signal },
      end: async () => {
        over.abort();
        await releaseEngine(context, lease, this.#options);
      },
    };
  }

  #context(mayWrite: boolean): Promise<EngineContext> {
    const { scheduler, systems, state, syncs, limits, sweepMs, settings, seed } = this.#premises;
    const connections: Connection[] = systems.map((system) => system.connect({ pause: () => scheduler.turn(this.actor, system.name) }));
    return engineBench({
      host: this.#host(seed),
      store: scheduled(memoryStore(state), (what) => scheduler.turn(this.actor, what)),
      connections,
      syncs,
      limits,
      settings: { ...settings, sweepMs },
      mayWrite,
      holder: this.actor.name,
    });
  }

  #host(seed: number): Host {
    return {
      clock: this.#premises.scheduler.clockOf(this.actor),
      random: seededRandom(seed).fork(`process ${this.#number}`),
      log: SILENT,
    };
  }
}

async function latestPlan(context: EngineContext, options: CallOptions): Promise<Awaited<ReturnType<typeof makePlan>>> {
  const latest = await context.store.latestPlan(options);
  // The engine wrote this summary itself.
  return latest === null || latest.summary === null
    ? makePlan(context, options)
    : { plan: latest.id, summary: JSON.parse(latest.summary) as PlanSummary };
}

/** Answers at once, without a turn: they change nothing that others see. */
const AT_ONCE: ReadonlySet<string> = new Set(["shardOf", "changeCounter", "fenceBy"]);

/** A store each of whose calls waits for its turn, and is then one step. */
function scheduled<Port extends object>(port: Port, turn: (what: string) => Promise<void>): Port {
  return new Proxy(port, {
    get(target, name, receiver): unknown {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof name === "symbol" || AT_ONCE.has(name)) return member;
      if (typeof member === "object" && member !== null) return scheduled(member, turn);
      if (typeof member !== "function") return member;
      return async (...args: unknown[]): Promise<unknown> => {
        await turn(name);
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
}
