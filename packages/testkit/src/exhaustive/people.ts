import type { FakeCall, Fault } from "../fake/faults.ts";
import type { FakeBackup, FakeFields } from "../fake/state.ts";
import type { FakeSystem } from "../fake/system.ts";

/** The object of every system that the scenarios are about, and the one that its records may name. */
export const THINGS = "things";
export const COMPANIES = "companies";

/** What people do, and what befalls them: the words in which scenarios are told. */
export interface People {
  readonly crm: Desk;
  readonly erp: Desk;
  readonly shop: Desk;
  /** Enters the same record at every system. */
  readonly everywhere: (cells: FakeFields) => void;
  /** Decides a question: a field's value, or of a delete that met an update `keep` or `delete`. [S23, S38] */
  readonly decide: (who: string, field: string | null, value: string | null) => Promise<void>;
  /** Brings a deleted thing back. [S40] */
  readonly revive: (who: string) => Promise<void>;
  /** Says that a record of a system is this thing. [S36] */
  readonly link: (who: string, at: Desk, record: string) => Promise<void>;
  /** From now on lets everything go on that a guard stops. [S43] */
  readonly approve: () => void;
  /** Has everything tried again that was refused. [S30] */
  readonly retry: () => Promise<void>;
  /** Puts back what happened since so many acts before this one; default 1. [S59] */
  readonly undo: (acts?: number) => Promise<void>;
  /** Accord's process is held up, as a laptop that sleeps; another takes over when its lease has ended. Milliseconds. */
  readonly stall: (forMs: number) => void;
  /** Everybody's wall clock jumps. Milliseconds. */
  readonly jumpMs: (byMs: number) => void;
  /** The next act comes after so long, whether or not Accord is done. Milliseconds. */
  readonly waitMs: (durationMs: number) => void;
  /** Stops Accord, which is started again when its lease has ended. */
  readonly restartAccord: () => void;
  /** Keeps a copy of Accord's store, and comes back with it after Accord was stopped. [S58] */
  readonly backUpAccord: () => void;
  readonly restoreAccord: () => void;
}

/** Somebody's desk: one system, seen as its users see it. */
export class Desk {
  readonly system: FakeSystem;
  readonly object: string;
  readonly #arm: Arm;

  constructor(system: FakeSystem, arm: Arm, object = THINGS) {
    this.system = system;
    this.object = object;
    this.#arm = arm;
  }

  get companies(): Desk {
    return new Desk(this.system, this.#arm, COMPANIES);
  }

  add(cells: FakeFields): string {
    return this.system.user.insert(this.object, cells);
  }

  edit(who: string, cells: FakeFields): void {
    this.system.user.update(this.object, this.id(who), cells);
  }

  remove(who: string): void {
    this.system.user.delete(this.object, this.id(who));
  }

  /** Makes one record of two, of which the first is gone then. [S41] */
  merge(who: string, into: string): void {
    this.system.user.merge(this.object, this.id(who), this.id(into));
  }

  /** Says in a column of the first that it is one with the second: it stays there as a shell. [S41] */
  mergeByColumn(who: string, into: string): void {
    this.edit(who, { merged_into: this.id(into) });
  }

  /** Removes everything at once, as TRUNCATE does. */
  empty(): void {
    this.system.user.empty(this.object);
  }

  /** The record by which a thing goes here: the last of several. */
  id(who: string): string {
    const found = [...this.system.records(this.object)].findLast(([, cells]) => (cells["who"] ?? cells["code"]) === who)?.[0];
    if (found === undefined) throw new RangeError(`${this.system.name} has no ${who}`);
    return found;
  }

  /** The next call of a method fails so. */
  fails(method: FakeCall["method"], fault: Fault): void {
    this.#arm(this.system, method, { fault });
  }

  /** As the next call of a method is about to be made, somebody does something. */
  meanwhile(method: FakeCall["method"], act: () => void, fault: Fault | null = null): void {
    this.#arm(this.system, method, { fault, act });
  }

  backUp(): FakeBackup {
    return this.system.backUp();
  }

  restore(backup: FakeBackup): void {
    this.system.restore(backup);
  }
}

/** What comes with one call. */
export interface Surprise {
  readonly fault: Fault | null;
  readonly act?: () => void;
}

export type Arm = (system: FakeSystem, method: FakeCall["method"], surprise: Surprise) => void;
