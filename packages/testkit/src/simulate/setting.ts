import type { Policy } from "@accord/core";
import type { Fault, FakeCall } from "../fake/faults.ts";

/** Everything that a seed decides but the interleaving: plain data, so that it can be shrunk and printed. */
export interface Setting {
  readonly seed: number;
  readonly systems: readonly SystemSetting[];
  readonly fields: readonly FieldSetting[];
  readonly deleteConflict: "update-wins" | "delete-wins" | "review";
  /** Things that are there before Accord is: by thing, the systems that know it. */
  readonly before: readonly (readonly number[])[];
  /** In the order of their turns. */
  readonly script: readonly ScriptItem[];
  /** Turns of the phase in which things go wrong. */
  readonly turns: number;
}

export interface SystemSetting {
  readonly name: string;
  readonly capture: "log" | "touched" | "sweep";
  readonly compareAndSet: boolean;
  readonly proof: boolean;
  readonly externalId: boolean;
  readonly batch: "per-item" | "all-or-nothing";
  readonly writesReturn: "image-and-position" | "image" | "nothing";
  readonly hints: "numbered" | "bare";
  readonly batchSizeMax: number;
  readonly pageSizeMax: number;
  /** Whether the system itself refuses a second record of a thing. */
  readonly isUnique: boolean;
  /** How old a reading may be. Milliseconds. [S10] */
  readonly staleReadMsMax: number;
  /** Whether the id of its last record is given again once that record is deleted, as by SQLite. [S34] */
  readonly isReusing: boolean;
  /** Whether it keeps names in capitals only: it cannot hold all that it is given. [S15] */
  readonly shouts: boolean;
}

/** One field of the simulated sync: a column of the same name everywhere, or of a group its parts. [S16] */
export interface FieldSetting {
  readonly name: string;
  readonly type: "text" | "integer" | "group";
  readonly policy: Policy;
  /** Systems whose edits are taken; null: all. [S55] */
  readonly from: readonly number[] | null;
}

export type ScriptItem = { readonly turn: number } & (UserAction | Mishap);

/** What a person does at a system. Things go by number; where the system does not show one, nothing happens. */
export type UserAction =
  | { readonly kind: "insert"; readonly system: number; readonly thing: number; readonly cells: Readonly<Record<string, string>> }
  | { readonly kind: "edit"; readonly system: number; readonly thing: number; readonly cells: Readonly<Record<string, string>> }
  /** Sells or restocks: what is there, and so much more. */
  | { readonly kind: "count"; readonly system: number; readonly thing: number; readonly field: string; readonly delta: number }
  | { readonly kind: "delete"; readonly system: number; readonly thing: number }
  /** Deletes the last record of a system and enters a thing, which takes its id where ids are given again. [S34] */
  | { readonly kind: "replace"; readonly system: number; readonly thing: number; readonly cells: Readonly<Record<string, string>> };

export type Mishap =
  /** The next call of the method at the system fails so. */
  | { readonly kind: "fault"; readonly system: number; readonly method: FakeCall["method"]; readonly fault: Fault }
  /** The process of Accord dies, and another is started. */
  | { readonly kind: "crash" }
  /** The process is held up while another takes over. */
  | { readonly kind: "stall"; readonly forMs: number }
  | { readonly kind: "clockJump"; readonly byMs: number };

/** The natural key of a thing: what people know it by. */
export function emailOf(thing: number): string {
  return `t${thing}@x.org`;
}

/** What a system shows of a value that it is given. [S15] */
export function heldBy({ shouts }: Pick<SystemSetting, "shouts">, field: string, value: string | null): string | null {
  return shouts && field === SHOUTED ? (value?.toUpperCase() ?? null) : value;
}

/** The field of which some systems keep capitals only. */
export const SHOUTED = "name";

/** The columns of a field: a group is told by its parts, which belong together. [S16] */
export function columnsOf({ name, type }: Pick<FieldSetting, "name" | "type">): readonly string[] {
  return type === "group" ? GROUP_PARTS : [name];
}

/** The parts of the simulated group. */
export const GROUP_PARTS = ["street", "zip"] as const;

/** What a group's columns hold, as people read it: null where there is nothing. */
export function groupShown(cells: Readonly<Record<string, string | null>>): string | null {
  const parts = GROUP_PARTS.map((part) => cells[part] ?? null);
  return parts.every((part) => part === null) ? null : JSON.stringify(parts);
}
