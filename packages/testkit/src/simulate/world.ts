import { groupType, textType } from "@accord/core";
import type { EntityId } from "@accord/core";
import { AccordError } from "@accord/engine/connector";
import type { CallOptions } from "@accord/engine/connector";
import type { Limits } from "@accord/engine";
import type { BenchSide, BenchSync } from "../bench/model.ts";
import { createFakeSystem } from "../fake/system.ts";
import type { FakeSystem } from "../fake/system.ts";
import type { FakeCall, Fault } from "../fake/faults.ts";
import type { FakeColumn, FakeObject } from "../fake/shape.ts";
import { seededRandom } from "../fake/random.ts";
import { MemoryState } from "../fake/store/memory-state.ts";
import { memoryStore } from "../fake/store/memory-store.ts";
import { AccordProcess } from "./process.ts";
import type { Premises } from "./process.ts";
import { Scheduler } from "./scheduler.ts";
import { columnsOf, emailOf, GROUP_PARTS, heldBy, SHOUTED } from "./setting.ts";
import type { FieldSetting, ScriptItem, Setting, SystemSetting, UserAction } from "./setting.ts";
import { act, OBJECT } from "./users.ts";

/** A group of two texts. [S16] */
const PLACE = groupType(GROUP_PARTS.map((name) => ({ name, type: textType })));
/** Sweeps come this often. Milliseconds. */
const SWEEP_MS = 6_000;
/** A person looks this often what waits for them. Milliseconds. */
const APPROVAL_MS = 3_000;
/** The process that died is replaced within this. Milliseconds. */
const RESTART_MS = 2_000;
/** Time for two sweeps of every side, backed-off ones included. Milliseconds. */
const REST_MS = 3 * SWEEP_MS;
/** Healed, everything has to come to rest within this. Milliseconds of simulated time. */
const LIVENESS_MS = 900_000;

/** Something that must not be. */
export interface Violation {
  readonly rule: string;
  readonly what: string;
}

/** A world of systems, people and Accord, played from a setting. */
export class SimulatedWorld {
  readonly setting: Setting;
  readonly scheduler: Scheduler;
  readonly systems: readonly FakeSystem[];
  readonly state = new MemoryState();
  /** What went wrong while it was played; the checkers add what they see afterwards. */
  readonly violations: Violation[] = [];
  /** By system: the last change before Accord went live. What happened until then met by the initial policy. [S36] */
  readonly liveAfter: number[] = [];
  /** What this play went through: faults that struck, and where processes died. */
  readonly covered = new Map<string, number>();
  readonly #premises: Premises;
  /** Never aborted, and its own: what waits for ever at the end must not be held by a signal that all worlds share. */
  readonly #options: CallOptions = { signal: new AbortController().signal };
  readonly #faults: Map<string, Fault[]>;
  readonly #all = new Map<string, AccordProcess>();
  #process: AccordProcess | null = null;
  #interrupt: () => void = () => {};
  #processes = 0;
  #isHealed = false;
  #isStrange = false;
  #failure: { readonly error: unknown } | null = null;

  constructor(setting: Setting, keep = 0) {
    this.setting = setting;
    this.scheduler = new Scheduler(seededRandom(setting.seed).fork("schedule"), keep);
    this.#faults = new Map();
    const clock = this.scheduler.clockOf();
    this.systems = setting.systems.map((facts) => {
      const { name, batch, writesReturn, hints, isUnique: _, isReusing: __, shouts: ___, ...capabilities } = facts;
      return createFakeSystem({
        name,
        batch,
        writesReturn,
        hints,
        objects: [objectOf(setting, facts)],
        capabilities: { ...capabilities, requestDeadlineMs: 1_000 },
        clock,
        random: seededRandom(setting.seed).fork(name),
        faults: (call) => this.#faultOf(call),
      });
    });
    this.#premises = {
      scheduler: this.scheduler,
      systems: this.systems,
      state: this.state,
      syncs: [syncOf(setting, this.systems)],
      limits: limitsOf(setting),
      sweepMs: SWEEP_MS,
      seed: setting.seed,
    };
  }

  /** Plays the script, heals the world, and waits until everything has come to rest. */
  async play(): Promise<void> {
    await this.#prepare();
    this.#supervise().catch((error: unknown) => {
      this.#failure = { error };
    });
    void this.#approve();
    const { script } = this.setting;
    let next = 0;
    const performUpTo = (turn: number): void => {
      for (let item = script[next]; item !== undefined && item.turn <= turn; item = script[next]) {
        this.#perform(item);
        next += 1;
      }
    };
    while (this.scheduler.turns < this.setting.turns) {
      performUpTo(this.scheduler.turns);
      if (!(await this.#step())) return;
    }
    performUpTo(Infinity);
    this.#heal();
    await this.#rest();
  }

  /** Lets simulated time pass. False where something failed. */
  async pass(durationMs: number): Promise<boolean> {
    const endMs = this.scheduler.elapsedMs + durationMs;
    while (this.scheduler.elapsedMs < endMs) if (!(await this.#step())) return false;
    return true;
  }

  async #prepare(): Promise<void> {
    this.setting.before.forEach((where, thing) => {
      for (const index of where) {
        const cells: Record<string, string> = { email: emailOf(thing) };
        for (const field of this.setting.fields) {
          const told = where.length > 1 && thing % 2 === 0 ? `b${thing}` : `b${thing}.${index}`;
          if (field.type === "integer") cells[field.name] = String(thing * 10 + index);
          else if (field.name !== "email") for (const column of columnsOf(field)) cells[column] = told;
        }
        this.systems[index]?.user.insert(OBJECT, cells);
      }
    });
    // What was there before Accord has been there for a while: whatever is read shows it.
    this.scheduler.skipMs(Math.max(...this.setting.systems.map(({ staleReadMsMax }) => staleReadMsMax)));
    for (const system of this.systems) await system.connect().install([OBJECT], "do", this.#options);
  }

  async #step(): Promise<boolean> {
    const moved = await this.scheduler.step();
    if (this.#failure !== null) {
      const { error } = this.#failure;
      this.violations.push({ rule: "crash", what: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      return false;
    }
    if (!moved) this.violations.push({ rule: "liveness", what: "nothing moves any more" });
    return moved;
  }

  #perform(item: ScriptItem): void {
    switch (item.kind) {
      case "crash":
        this.#kill();
        this.#interrupt();
        return;
      case "stall":
        if (this.#process !== null) this.#process.actor.stalledUntilMs = this.scheduler.elapsedMs + item.forMs;
        this.#interrupt();
        return;
      case "clockJump":
        this.scheduler.jumpMs(item.byMs);
        return;
      case "fault": {
        const key = `${this.systems[item.system]?.name ?? ""} ${item.method}`;
        this.#faults.set(key, [...(this.#faults.get(key) ?? []), item.fault]);
        return;
      }
      default:
        if (!this.#isUnheard(item)) act(this.systems, item);
    }
  }

  /** What a plan sees of an id that was given again is an edit to it, since it hears no log: a person reads the plan. So nobody frees an id before Accord is live. [S34] */
  #isUnheard(action: UserAction): boolean {
    return (
      (action.kind === "delete" || action.kind === "replace") &&
      this.liveAfter.length === 0 &&
      this.setting.systems[action.system]?.isReusing === true
    );
  }

  #kill(): void {
    if (this.#process === null) return;
    const { actor } = this.#process;
    for (const what of this.scheduler.awaitedBy(actor))
      this.#cover(`died before ${this.systems.some(({ name }) => name === what) ? "a call" : what}`);
    actor.isDead = true;
  }

  #faultOf(call: FakeCall): Fault | null {
    if (this.#isHealed) return null;
    const fault = this.#faults.get(`${call.system} ${call.method}`)?.shift() ?? null;
    if (fault !== null) this.#cover(`${call.method}: ${fault.kind}`);
    return fault;
  }

  #cover(what: string): void {
    this.covered.set(what, (this.covered.get(what) ?? 0) + 1);
  }

  #heal(): void {
    this.#isHealed = true;
    this.#faults.clear();
    for (const { actor } of this.#all.values()) actor.stalledUntilMs = 0;
  }

  /** Until one process has run through two sweeps of every side and found nothing to do. */
  async #rest(): Promise<void> {
    const untilMs = this.scheduler.elapsedMs + LIVENESS_MS;
    while (this.scheduler.elapsedMs < untilMs) {
      const before = this.#standing();
      if (!(await this.pass(REST_MS))) return;
      if (this.#isRunning() && this.#isQuiet() && before === this.#standing()) return;
    }
    this.violations.push({ rule: "liveness", what: `no rest ${LIVENESS_MS / 1_000} s after everything was healed: ${this.#leftOver()}` });
  }

  /** Who runs, and how far every system has come. */
  #standing(): string {
    return [this.state.leases.get("engine")?.holder, ...this.systems.map(({ history }) => history.last)].join();
  }

  /** Whether somebody alive holds the engine's lease, and runs: it is renewed more often than we look. */
  #isRunning(): boolean {
    const lease = this.state.leases.get("engine");
    const holder = this.#all.get(lease?.holder ?? "");
    return holder?.job === "run" && !holder.actor.isDead && (lease?.expiresAtMs ?? 0) > this.scheduler.clockOf().nowMs();
  }

  #isQuiet(): boolean {
    const { marks, intents, due, requests, problems, syncs } = this.state;
    const isAsked = (entity: EntityId): boolean => [...problems.values()].some(({ entities }) => entities.includes(entity));
    // What may be the same thing as a record that nobody has decided on waits for a person. [S36]
    const isDue = [...due.values()].some(({ state, code }) => (state === "ready" && code !== "ACCORD_CONTESTED") || state === "held");
    // The next listing tells of an unproven create, unless a person has to tell records apart that may be it. [S35]
    const isUntold = [...due.values()].some(({ code, entity }) => code === "ACCORD_UNPROVEN" && !isAsked(entity));
    return (
      !isUntold && marks.size === 0 && intents.size === 0 && requests.size === 0 && !isDue && syncs.every(({ state }) => state === "live")
    );
  }

  #leftOver(): string {
    const { marks, intents, due, syncs, trips } = this.state;
    return JSON.stringify({
      states: syncs.map(({ state, stateReason }) => [state, stateReason]),
      marks: [...marks.values()].slice(0, 3),
      intents: [...intents.values()].slice(0, 3),
      due: [...due.values()].slice(0, 3),
      trips: [...trips.values()],
    });
  }

  /** Keeps a process of Accord alive: what an operator, or the system's service manager, does. */
  async #supervise(): Promise<void> {
    const clock = this.scheduler.clockOf();
    for (;;) {
      const isLive = this.state.syncs.length > 0 && this.state.syncs.every(({ state }) => state === "live");
      if (isLive && this.liveAfter.length === 0) this.liveAfter.push(...this.systems.map(({ history }) => history.last));
      this.#processes += 1;
      const process = new AccordProcess(this.#premises, this.#processes, isLive && !this.#isStrange ? "run" : "plan and apply");
      this.#process = process;
      this.#all.set(process.actor.name, process);
      const interrupted = new Promise<null>((resolve) => {
        this.#interrupt = () => {
          resolve(null);
        };
      });
      const end = await Promise.race([process.ended, interrupted]);
      this.#isStrange = end !== null && codeOf(end.error) === "ACCORD_EPOCH_CHANGED";
      // One that was held up goes on later, beside its successor.
      void process.ended.then((late) => {
        this.#failure ??= late !== null && codeOf(late.error) === null ? late : null;
      });
      await clock.sleep(RESTART_MS, this.#options);
    }
  }

  /** A person looks now and then what guards ask, and approves. [S43] */
  async #approve(): Promise<void> {
    const clock = this.scheduler.clockOf();
    const store = memoryStore(this.state);
    for (;;) {
      await clock.sleep(APPROVAL_MS, this.#options);
      for (const trip of this.state.trips.values()) {
        if (trip.approvedAtMs !== null) continue;
        await store.approveTrip(trip.id, clock.nowMs(), this.#options);
        await store.setSyncState(trip.sync, "live", null, this.#options);
        // A running process sees that somebody else has written to the store.
        this.state.counter += 1;
      }
    }
  }
}

/** The code of a failure that an operator understands; null for what must never be thrown. */
function codeOf(error: unknown): string | null {
  return error instanceof AccordError ? error.code : null;
}

function objectOf({ fields }: Setting, facts: SystemSetting): FakeObject {
  const { isUnique, isReusing } = facts;
  return {
    name: OBJECT,
    key: ["id"],
    uniques: isUnique ? [["email"]] : [],
    columns: [
      { name: "id", type: "integer", generated: true, isReused: isReusing },
      ...fields.flatMap((field) => columnsOf(field).map((name) => columnOf(facts, name, field.type))),
      { name: "note", type: "text", nullable: true, default: "kept" },
    ],
  };
}

function columnOf(facts: SystemSetting, name: string, type: FieldSetting["type"]): FakeColumn {
  return { name, type: type === "integer" ? "integer" : "text", nullable: true, alter: (cell) => heldBy(facts, name, cell) };
}

function syncOf(setting: Setting, systems: readonly FakeSystem[]): BenchSync {
  const sides = systems.map((system, index): BenchSide => {
    const facts = setting.systems[index];
    const { schema } = system.table(OBJECT).shape;
    return {
      connection: system.name,
      object: OBJECT,
      key: "id",
      codecOf(column) {
        const codec = schema.columns.find(({ name }) => name === column)?.codec;
        if (codec === null || codec === undefined) throw new RangeError(column);
        if (facts?.shouts !== true || column !== SHOUTED) return codec;
        return { ...codec, isAsIs: false, encode: (text) => codec.encode(text.toUpperCase()) };
      },
    };
  });
  return {
    name: OBJECT,
    fields: setting.fields.map(({ name, type, policy, from }) => ({
      name,
      policy,
      ...(type === "group" ? { type: PLACE, parts: GROUP_PARTS } : { type }),
      ...(from === null ? {} : { from }),
    })),
    sides,
    match: [["email"]],
    deletes: { do: "delete", conflict: setting.deleteConflict },
  };
}

function limitsOf({ seed }: Setting): Partial<Limits> {
  const random = seededRandom(seed).fork("limits");
  return {
    mergeBatch: random.pick([1, 3, 1_000]),
    pushBatch: random.pick([1, 3, 500]),
    firstContactBatch: random.pick([1, 3, 250]),
    listPage: random.pick([1, 3, 2_000]),
    feedBatch: random.pick([1, 3, 500]),
    retryDelayMsMax: 5_000,
  };
}
