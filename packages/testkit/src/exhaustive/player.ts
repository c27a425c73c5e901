import { applyPlan, makePlan, releaseLeases } from "@accord/engine";
import { AccordError } from "@accord/engine/connector";
import type { GuardTrip } from "@accord/engine/store";
import { UNCANCELLED } from "../bench/engine-bench.ts";
import type { MemoryState } from "../fake/store/memory-state.ts";
import { memoryStore } from "../fake/store/memory-store.ts";
import { AccordProcess } from "../simulate/process.ts";
import { promisesAtRest } from "../simulate/scheduler.ts";
import { endingOf } from "./ending.ts";
import type { Ending } from "./ending.ts";
import { lookAtAll } from "./last-look.ts";
import type { LastLook } from "./last-look.ts";
import { peopleAt } from "./people-at.ts";
import type { People } from "./people.ts";
import { remainsOf } from "./remains.ts";
import { Scene } from "./scene.ts";
import type { Scenario } from "./scenario.ts";

/** An act has to come to rest within this. Milliseconds of simulated time. */
const REST_MS_MAX = 180_000;
/** From the first contact to the start of a process that lives, and from there to the first act. Milliseconds. */
const PAUSE_MS = 1_000;

/** A process that ended with an error is started again after so long. Milliseconds. */
const RESTART_MS = 2_000;

/** What became of one play. */
export interface Played extends LastLook {
  readonly ending: Ending;
  /** Only where asked for. By turn that Accord was given since its last death, from 0: whether a death after that turn leaves something else behind than one after the turn before. */
  readonly isNews: readonly boolean[];
}

/**
 * Plays a scenario with one process of Accord at a time. `deaths`: the first process dies once Accord was given so many turns, its successor after so many more, and so on.
 * Everything else is the same in every play: the same deaths, the same play.
 */
export function play(scenario: Scenario, deaths: readonly number[], isNoted = false): Promise<Played> {
  return new Player(scenario, deaths, isNoted).play();
}

class Player {
  readonly #scene: Scene;
  readonly #people: People;
  readonly #deaths: number[];
  readonly #violations: string[] = [];
  readonly #isNoted: boolean;
  readonly #isNews: boolean[] = [];
  #remains = "";
  readonly #processes: AccordProcess[] = [];
  /** How the last process ended by itself; null while it has not. */
  #ended: { readonly error: unknown } | "well" | null = null;
  #isCounting = false;
  #turnsBefore = 0;
  readonly #actsAtMs: number[] = [];
  #waitUntilMs: number | null = null;
  #hasPiloted: boolean;
  #isApproving = false;
  #backup: MemoryState | null = null;
  #causesFrom: readonly number[] = [];

  constructor(scenario: Scenario, deaths: readonly number[], isNoted: boolean) {
    this.#scene = new Scene(scenario);
    this.#deaths = [...deaths];
    this.#isNoted = isNoted;
    this.#hasPiloted = scenario.begins !== "pilot";
    this.#people = this.#gatherPeople();
  }

  async play(): Promise<Played> {
    const { scenario } = this.#scene;
    this.#scene.spendIds();
    (scenario.before ?? enterAnn)(this.#people);
    await this.#scene.install();
    const begins = scenario.begins ?? "live";
    if (begins === "live" || begins === "stopped") await this.#goLive();
    if (begins === "live") await this.#idle();
    this.#isCounting = true;
    for (const act of scenario.acts) {
      this.#actsAtMs.push(this.#nowMs);
      await act(this.#people);
      await this.#workUntilQuiet(this.#nowMs);
      if (this.#violations.length > 0) break;
    }
    const ending = endingOf(this.#scene);
    for (const { actor } of this.#processes) actor.isDead = true;
    const isNews = this.#isNews;
    if (this.#violations.length > 0) return { ending, isNews, violations: this.#violations, differences: [] };
    return { ending, isNews, ...(await lookAtAll(this.#scene, this.#causesFrom)) };
  }

  get #nowMs(): number {
    return this.#scene.scheduler.clockOf().nowMs();
  }

  /** First contact without deaths: what most scenarios begin with. */
  async #goLive(): Promise<void> {
    const context = await this.#scene.context(false);
    const goLive = async (): Promise<void> => {
      const { plan, summary } = await makePlan(context, UNCANCELLED);
      await applyPlan({ ...context, mayWrite: true }, plan, summary, { sample: null, entities: null }, UNCANCELLED);
      await releaseLeases(context, UNCANCELLED);
      await context.clock.sleep(PAUSE_MS, UNCANCELLED);
    };
    await this.#scene.carry(goLive());
  }

  /** A process that has nothing to do when the first act comes: its deaths count from then on. */
  async #idle(): Promise<void> {
    this.#waitUntilMs = this.#scene.scheduler.elapsedMs + PAUSE_MS;
    await this.#workUntilQuiet(this.#nowMs);
    this.#turnsBefore = this.#turns;
  }

  async #workUntilQuiet(actedAtMs: number): Promise<void> {
    const { scheduler } = this.#scene;
    const untilMs = scheduler.elapsedMs + REST_MS_MAX;
    const waitUntilMs = this.#waitUntilMs;
    this.#waitUntilMs = null;
    while (waitUntilMs === null ? !this.#isQuiet(actedAtMs) : scheduler.elapsedMs < waitUntilMs) {
      await this.#step();
      if (scheduler.elapsedMs > untilMs)
        this.#violations.push(
          `no rest ${REST_MS_MAX / 1_000} s after act ${this.#actsAtMs.length}: ${endingOf(this.#scene).asks.join(", ")}`,
        );
      if (this.#violations.length > 0) return;
    }
  }

  /** Who works now; null where the last one died or came to its end. */
  get #process(): AccordProcess | null {
    const last = this.#processes.at(-1);
    return last === undefined || last.actor.isDead || this.#ended !== null ? null : last;
  }

  async #step(): Promise<void> {
    const { scheduler } = this.#scene;
    if (this.#isApproving) await this.#approve();
    const isHeldUp = (this.#process?.actor.stalledUntilMs ?? 0) > scheduler.elapsedMs;
    if ((this.#process === null && !this.#isAsking) || isHeldUp) return this.#start();
    const before = this.#turns;
    // A process may come to its end without a turn.
    if (!(await scheduler.step()) && this.#process !== null) this.#violations.push("nothing moves any more");
    if (this.#turns > before) await this.#afterTurn();
  }

  /** A process is started once nobody's lease lasts: what an operator does, or the system's service manager. */
  async #start(): Promise<void> {
    const { state, premises, scheduler } = this.#scene;
    const freeInMs = (state.leases.get("engine")?.expiresAtMs ?? 0) - this.#nowMs;
    const pauseMs = codeOf(this.#ended) === null ? 1 : RESTART_MS;
    await this.#scene.carry(scheduler.clockOf().sleep(Math.max(pauseMs, freeInMs), UNCANCELLED));
    const job = this.#nextJob();
    this.#ended = null;
    const process = new AccordProcess(premises, this.#processes.length + 1, job);
    this.#processes.push(process);
    void process.ended.then((failure) => {
      if (failure !== null && codeOf(failure) === null) this.#violations.push(textOf(failure.error));
      if (job === "pilot" && failure === null) this.#hasPiloted = true;
      if (this.#processes.at(-1) === process) this.#ended = failure ?? "well";
    });
    await this.#afterTurn();
  }

  #nextJob(): AccordProcess["job"] {
    const { state } = this.#scene;
    const isReady = state.syncs.length > 0 && state.syncs.every((sync) => sync.state === "live" || sync.state === "paused");
    const isStrange = state.restored || codeOf(this.#ended) === "ACCORD_EPOCH_CHANGED";
    if (isReady && !isStrange) return "run";
    if (!this.#hasPiloted) return "pilot";
    return codeOf(this.#ended) === "ACCORD_GUARD_STOP" ? "apply" : "plan and apply";
  }

  /** Turns of Accord since its last death. */
  get #turns(): number {
    return this.#processes.reduce((sum, { actor }) => sum + actor.turns, 0) - this.#turnsBefore;
  }

  /** Notes what a death would leave behind now, and lets the process die where it is its time. */
  async #afterTurn(): Promise<void> {
    if (!this.#isCounting) return;
    const turns = this.#turns;
    const [death] = this.#deaths;
    if (death === undefined) {
      if (this.#isNoted) await this.#note(turns);
      return;
    }
    if (turns < death) return;
    await promisesAtRest();
    this.#deaths.shift();
    this.#turnsBefore += turns;
    this.#kill();
  }

  async #note(turns: number): Promise<void> {
    await promisesAtRest();
    // One that is held up lives on beside its successor.
    const heldUp = this.#processes.slice(0, -1).flatMap(({ actor }) => (actor.isDead ? [] : [actor.turns]));
    const facts = [this.#actsAtMs.length, this.#processes.length, heldUp, this.#hasPiloted, codeOf(this.#ended)];
    const remains = remainsOf(this.#scene, facts);
    this.#isNews[turns] ??= remains !== this.#remains;
    this.#remains = remains;
  }

  #kill(): void {
    const last = this.#processes.at(-1);
    if (last !== undefined) last.actor.isDead = true;
  }

  /** A plan was stopped by a guard: nobody works until a person has looked. */
  get #isAsking(): boolean {
    return codeOf(this.#ended) === "ACCORD_GUARD_STOP" && this.#openTrips.length > 0;
  }

  get #openTrips(): readonly GuardTrip[] {
    return [...this.#scene.state.trips.values()].filter(({ approvedAtMs }) => approvedAtMs === null);
  }

  async #approve(): Promise<void> {
    const { state } = this.#scene;
    const store = memoryStore(state);
    for (const { id, sync } of this.#openTrips) {
      await store.approveTrip(id, this.#nowMs, UNCANCELLED);
      if (state.sync(sync).state === "paused") await store.setSyncState(sync, "live", null, UNCANCELLED);
      this.#scene.noticeOthers();
    }
  }

  /** Whether nothing is left to do but what waits for a person. */
  #isQuiet(actedAtMs: number): boolean {
    const { state } = this.#scene;
    if (this.#isApproving && this.#openTrips.length > 0) return false;
    if (this.#isAsking) return true;
    const isRunning = this.#process?.job === "run" && state.leases.get("engine")?.holder === this.#process.actor.name;
    if (!isRunning || state.restored || state.marks.size + state.intents.size > 0 || this.#scene.isAsked) return false;
    return !this.#scene.isBehind && !this.#scene.isDue && (!this.#scene.isSwept || this.#scene.isSweptSince(actedAtMs));
  }

  #gatherPeople(): People {
    const { state, systems, scheduler } = this.#scene;
    return peopleAt(this.#scene, {
      actAtMs: (before) => this.#actsAtMs.at(-1 - before) ?? 0,
      approve: () => {
        this.#isApproving = true;
      },
      stall: (forMs) => {
        const last = this.#process;
        if (last !== null) last.actor.stalledUntilMs = scheduler.elapsedMs + forMs;
      },
      jumpMs: (byMs) => scheduler.jumpMs(byMs),
      waitMs: (durationMs) => {
        this.#waitUntilMs = scheduler.elapsedMs + durationMs;
      },
      backUpAccord: () => {
        this.#backup = state.copy();
      },
      restartAccord: () => this.#kill(),
      restoreAccord: () => {
        this.#kill();
        this.#causesFrom = systems.map(({ history }) => history.last);
        // Ids that the lost store had given are never given again.
        const beyond = { restored: true, generation: state.generation + 1, nextEntity: state.nextEntity + 1_000 };
        Object.assign(state, this.#backup?.copy(), beyond);
      },
    });
  }
}

function codeOf(ended: { readonly error: unknown } | "well" | null): string | null {
  return ended === null || ended === "well" || !(ended.error instanceof AccordError) ? null : ended.error.code;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function enterAnn(people: People): void {
  people.everywhere({ who: "ann", name: "Ann" });
}
