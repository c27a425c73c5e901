import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../fake/random.ts";
import type { SeededRandom } from "../fake/random.ts";
import { TEXT_FIELDS } from "./evidence.ts";
import type { CrashSystem, CrashUser, UserAct } from "./system.ts";
import type { UserLog } from "./user-log.ts";

/** What users do for the moment: everything, or mostly one kind of thing, so that a kill finds such a write under way. They always write. */
export type Habit = "mixed" | "insert" | "update" | "delete";

/** The users of two systems, all writing all the time until they are stopped. */
export interface CrashUsers {
  habit: Habit;
  /** Things that exist at both sides before Accord first sees them: their counters rest until it has, since at first contact one side's count wins. [S36] */
  hasMet: boolean;
  seed(shared: number, apart: number): Promise<void>;
  start(): void;
  stop(): Promise<void>;
  /** One more write, now: an edit of the thing at that side. Returns whether it was there. */
  edit(side: number, code: string): Promise<boolean>;
  /** Makes one more thing at that side, now. */
  add(side: number): Promise<void>;
  close(): Promise<void>;
}

/** Two sessions per side, each with a write some 50 times a second at most. */
const SESSIONS = 2;
const PAUSE_MS_MIN = 15;
const PAUSE_MS_MAX = 60;
/** A few things that everybody edits: conflicts. */
const HOT = 6;

interface Thing {
  readonly code: string;
  /** Its counter is left alone, and it may be deleted: counts of a thing that died tell nothing. */
  readonly isMortal: boolean;
  readonly isShared: boolean;
}

export async function createUsers(systems: readonly CrashSystem[], log: UserLog, seed: number): Promise<CrashUsers> {
  const crowd = new Crowd(systems, log, seededRandom(seed));
  await crowd.open();
  return crowd;
}

class Crowd implements CrashUsers {
  habit: Habit = "mixed";
  hasMet = false;
  readonly #systems: readonly CrashSystem[];
  readonly #log: UserLog;
  readonly #random: SeededRandom;
  readonly #things: Thing[] = [];
  readonly #sessions: { readonly side: number; readonly user: CrashUser }[] = [];
  readonly #editors: CrashUser[] = [];
  #operations = 0;
  #codes = 0;
  #isWriting = false;
  #loops: Promise<void>[] = [];

  constructor(systems: readonly CrashSystem[], log: UserLog, random: SeededRandom) {
    this.#systems = systems;
    this.#log = log;
    this.#random = random;
  }

  async open(): Promise<void> {
    for (const [side, system] of this.#systems.entries()) {
      for (let index = 0; index < SESSIONS; index += 1) this.#sessions.push({ side, user: await system.openUser() });
      this.#editors.push(await system.openUser());
    }
  }

  async seed(shared: number, apart: number): Promise<void> {
    for (let index = 0; index < shared; index += 1) {
      const thing = this.#newThing(index % 5 === 4, true);
      const points = String(this.#random.integer(100));
      // The same count at both sides, differing texts.
      for (const side of this.#systems.keys()) await this.#patiently(side, this.#insert(thing, side, points));
    }
    for (const side of this.#systems.keys()) {
      for (let index = 0; index < apart; index += 1)
        await this.#patiently(side, this.#insert(this.#newThing(index % 5 === 4, false), side, String(this.#random.integer(100))));
    }
  }

  start(): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#loops = this.#sessions.map(({ side, user }) => this.#write(side, user));
  }

  async stop(): Promise<void> {
    this.#isWriting = false;
    await Promise.all(this.#loops);
    this.#loops = [];
  }

  async edit(side: number, code: string): Promise<boolean> {
    const field = this.#random.pick(TEXT_FIELDS);
    const act: UserAct = { kind: "set", code, field, value: this.#value(code, field, side) };
    return this.#patiently(side, act);
  }

  async add(side: number): Promise<void> {
    await this.#patiently(side, this.#insert(this.#newThing(false, false), side, "0"));
  }

  async close(): Promise<void> {
    await this.stop();
    for (const user of [...this.#sessions.map((session) => session.user), ...this.#editors]) await user.close();
  }

  async #write(side: number, user: CrashUser): Promise<void> {
    while (this.#isWriting) {
      await this.#act(side, user, this.#next(side));
      await sleep(PAUSE_MS_MIN + this.#random.integer(PAUSE_MS_MAX - PAUSE_MS_MIN));
    }
  }

  async #patiently(side: number, act: UserAct): Promise<boolean> {
    const editor = this.#editors[side];
    if (editor === undefined) return false;
    for (;;) {
      const changed = await this.#act(side, editor, act);
      if (changed !== null) return changed > 0;
      await sleep(5);
    }
  }

  /** How many records it changed; null: the database was busy, and nothing happened. */
  async #act(side: number, user: CrashUser, act: UserAct): Promise<number | null> {
    this.#operations += 1;
    const rows = await user.act(`user-${this.#operations}`, act);
    if (rows === null) return null;
    this.#log.note(this.#systems[side]?.name ?? "", rows);
    return rows.length;
  }

  #next(side: number): UserAct {
    const dice = this.#random.integer(100);
    const kind = this.habit === "mixed" || dice < 20 ? this.#mixed() : this.habit;
    if (kind === "insert") return this.#insert(this.#newThing(this.#random.integer(3) > 0, false), side, String(this.#random.integer(100)));
    if (kind === "delete") {
      const mortal = this.#things.filter(({ isMortal }) => isMortal);
      const thing = mortal[this.#random.integer(Math.max(1, mortal.length))];
      if (thing !== undefined) {
        this.#things.splice(this.#things.indexOf(thing), 1);
        return { kind: "delete", code: thing.code };
      }
      // Else those who wait for a delete wait in vain.
      return this.#insert(this.#newThing(true, false), side, "0");
    }
    return this.#edit(side);
  }

  #mixed(): Exclude<Habit, "mixed"> {
    const dice = this.#random.integer(100);
    return dice < 8 ? "insert" : dice < 12 ? "delete" : "update";
  }

  #edit(side: number): UserAct {
    const isHot = this.#random.integer(4) === 0;
    const thing = this.#things[this.#random.integer(isHot ? Math.min(HOT, this.#things.length) : this.#things.length)];
    if (thing === undefined) return this.#insert(this.#newThing(false, false), side, "0");
    const mayCount = !thing.isMortal && (this.hasMet || !thing.isShared);
    const dice = this.#random.integer(10);
    if (mayCount && dice < 4) return { kind: "add", code: thing.code, amount: this.#random.integer(19) - 9 };
    if (dice === 9) return { kind: "set", code: thing.code, field: "private", value: this.#value(thing.code, "private", side) };
    const field = this.#random.pick(TEXT_FIELDS);
    return { kind: "set", code: thing.code, field, value: this.#value(thing.code, field, side) };
  }

  #newThing(isMortal: boolean, isShared: boolean): Thing {
    this.#codes += 1;
    const thing = { code: `${isMortal ? "M" : "T"}${String(this.#codes).padStart(6, "0")}`, isMortal, isShared };
    this.#things.push(thing);
    return thing;
  }

  #insert({ code }: Thing, side: number, points: string): UserAct {
    const texts = [...TEXT_FIELDS, "private"].map((field) => [field, this.#value(code, field, side)] as const);
    return { kind: "insert", fields: { code, points, ...Object.fromEntries(texts) } };
  }

  /** A value that nobody has written before. */
  #value(code: string, field: string, side: number): string {
    this.#operations += 1;
    return `${code} ${field} ${this.#operations} by ${this.#systems[side]?.name}`;
  }
}
