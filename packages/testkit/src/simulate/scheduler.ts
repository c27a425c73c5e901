import type { CallOptions, Clock } from "@accord/engine/connector";
import { nextTick } from "node:process";
import { cancelled, FAKE_START_MS } from "../fake/clock.ts";
import type { SeededRandom } from "../fake/random.ts";

/** Whose step it is: a process of Accord, which may die or be held up, or the world itself (systems, requests on their way). */
export class Actor {
  readonly name: string;
  /** A dead actor's steps never come: what it awaits, it awaits for ever. */
  isDead = false;
  /** Held up until then, as by a long collection of garbage or a laptop that sleeps. Elapsed milliseconds. */
  stalledUntilMs = 0;
  /** Turns that it was given so far, waking from sleep included. */
  turns = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/** What a scheduler asks of chance. */
export type Choice = Pick<SeededRandom, "chance" | "pick">;

interface Waiting {
  readonly actor: Actor;
  readonly what: string;
  readonly go: () => void;
}

interface Sleeper extends Waiting {
  readonly dueMs: number;
  readonly order: number;
}

/** How often time passes although something could go on at once: what is slow on one machine is fast on another. */
const DAWDLE = 0.04;
/** But never so much of it. Milliseconds. */
const DAWDLE_MS_MAX = 1_000;

/**
 * Chooses every interleaving: all that is simulated awaits a turn here, and one turn after another is given by chance alone. Time stands still unless the scheduler lets
 * it pass. The same seed gives the same turns, told by `trace`.
 */
export class Scheduler {
  readonly #random: Choice;
  readonly #world = new Actor("world");
  #waiting: Waiting[] = [];
  readonly #sleepers = new Set<Sleeper>();
  #elapsedMs = 0;
  #offsetMs = FAKE_START_MS;
  #order = 0;
  #turns = 0;
  #trace = 0x811c9dc5;
  #trace2 = 0x9e3779b9;
  /** The last turns, for people who read why a seed failed; empty unless `keep` says so. */
  readonly told: string[] = [];
  readonly #keep: number;

  constructor(random: Choice, keep = 0) {
    this.#random = random;
    this.#keep = keep;
  }

  /** Turns given so far. */
  get turns(): number {
    return this.#turns;
  }

  /** Milliseconds since the simulation began: no clock jump changes it. */
  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  /** A digest of all turns: equal for equal seeds. */
  get trace(): string {
    return (this.#trace >>> 0).toString(16).padStart(8, "0") + (this.#trace2 >>> 0).toString(16).padStart(8, "0");
  }

  /** The clock that the world goes by, or that of an actor. */
  clockOf(actor: Actor = this.#world): Clock {
    return {
      nowMs: () => this.#offsetMs + this.#elapsedMs,
      elapsedMs: () => this.#elapsedMs,
      sleep: (durationMs, options) => this.#sleep(actor, durationMs, options),
    };
  }

  /** Time passes before anybody acts. */
  skipMs(durationMs: number): void {
    this.#elapsedMs += durationMs;
  }

  /** Sets everybody's wall clock; sleepers count elapsed time. */
  jumpMs(durationMs: number): void {
    this.#offsetMs += durationMs;
  }

  /** A scheduling point: resolves when the scheduler gives this actor this turn. */
  turn(actor: Actor, what: string): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ actor, what, go });
    });
  }

  /** What an actor waits to do, besides sleeping. */
  awaitedBy(actor: Actor): readonly string[] {
    return this.#waiting.flatMap((waiting) => (waiting.actor === actor ? waiting.what : []));
  }

  /** Gives one turn, or lets time pass to the next sleeper. False where nobody waits for either. */
  async step(): Promise<boolean> {
    await promisesAtRest();
    this.#turns += 1;
    this.#waiting = this.#waiting.filter(({ actor }) => !actor.isDead);
    const ready = this.#waiting.filter(({ actor }) => actor.stalledUntilMs <= this.#elapsedMs);
    const sleeper = this.#nextSleeper();
    const isNear = sleeper !== null && sleeper.dueMs - this.#elapsedMs <= DAWDLE_MS_MAX;
    if (ready.length > 0 && (!isNear || !this.#random.chance(DAWDLE))) {
      const chosen = this.#random.pick(ready);
      this.#waiting.splice(this.#waiting.indexOf(chosen), 1);
      this.#tell(chosen);
      chosen.go();
      return true;
    }
    if (sleeper === null) {
      const stalled = this.#waiting.map(({ actor }) => actor.stalledUntilMs);
      if (stalled.length === 0) return false;
      this.#elapsedMs = Math.max(this.#elapsedMs, Math.min(...stalled));
      return true;
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, sleeper.dueMs, sleeper.actor.stalledUntilMs);
    this.#tell(sleeper);
    sleeper.go();
    return true;
  }

  #nextSleeper(): Sleeper | null {
    let first: Sleeper | null = null;
    let firstMs = 0;
    for (const sleeper of this.#sleepers) {
      if (sleeper.actor.isDead) {
        this.#sleepers.delete(sleeper);
        continue;
      }
      const dueMs = Math.max(sleeper.dueMs, sleeper.actor.stalledUntilMs);
      if (first === null || dueMs < firstMs || (dueMs === firstMs && sleeper.order < first.order)) [first, firstMs] = [sleeper, dueMs];
    }
    return first;
  }

  #tell({ actor, what }: Waiting): void {
    actor.turns += 1;
    const text = `${this.#elapsedMs} ${actor.name} ${what}`;
    for (let index = 0; index < text.length; index += 1) {
      this.#trace = Math.imul(this.#trace ^ text.charCodeAt(index), 0x01000193);
      this.#trace2 = Math.imul(this.#trace2 ^ text.charCodeAt(index), 0x85ebca6b);
    }
    if (this.#keep === 0) return;
    this.told.push(`${this.#turns} ${text}`);
    if (this.told.length > this.#keep) this.told.shift();
  }

  #sleep(actor: Actor, durationMs: number, { signal }: CallOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(cancelled());
        return;
      }
      this.#order += 1;
      const sleeper: Sleeper = {
        actor,
        what: "wakes",
        dueMs: this.#elapsedMs + Math.max(0, durationMs),
        order: this.#order,
        go: () => end(resolve),
      };
      const onAbort = (): void => {
        // What a dead process has left behind hears of nothing any more.
        if (!actor.isDead) end(() => reject(cancelled()));
      };
      const end = (then: () => void): void => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener("abort", onAbort);
        then();
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}

/**
 * Resolves when nothing moves any more but what waits for a turn. What is put off to the next tick comes after every promise that can be kept, and unlike a turn of the event loop asks the
 * operating system nothing: a third of the time otherwise. https://nodejs.org/en/learn/asynchronous-work/event-loop-timers-and-nexttick
 */
export function promisesAtRest(): Promise<void> {
  return new Promise((resolve) => {
    nextTick(resolve);
  });
}
