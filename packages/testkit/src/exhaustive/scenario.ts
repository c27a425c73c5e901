import type { Limits, SyncSettings } from "@accord/engine";
import type { BenchField, BenchSide, BenchSync } from "../bench/model.ts";
import type { FakeColumn } from "../fake/shape.ts";
import type { FakeSystemOptions } from "../fake/state.ts";
import type { People } from "./people.ts";

/** A short story of systems, people and Accord, with how it must end whenever Accord dies. [I7] */
export interface Scenario {
  /** What happens, as a sentence. */
  readonly name: string;
  /** The rules that it is about. */
  readonly rules: string;
  /** Whether Accord is live and has nothing to do (the default), is live but does not run just now, has yet to plan and apply, or begins with a pilot of one write. */
  readonly begins?: "live" | "stopped" | "planning" | "pilot";
  /** Default: `crm` with a log of images, `erp` with a log of touched records, both as good as systems can be (G3). */
  readonly systems?: Readonly<Record<string, SystemTraits>>;
  /** Beside `who`, by which people know a thing and records are matched. Default: `name`, a text whose owner is the first system. */
  readonly fields?: Readonly<Record<string, FieldTraits>>;
  readonly sync?: Partial<Pick<BenchSync, "deletes" | "direction" | "initial" | "match" | "merges">>;
  readonly settings?: Partial<SyncSettings>;
  readonly limits?: Partial<Limits>;
  /** Things name companies, which are a sync of their own: `code` alone. */
  readonly hasCompanies?: boolean;
  /** Companies name a thing in turn, their `head`, which closes the circle. */
  readonly hasHeads?: boolean;
  /** Whether sides are swept although their logs tell everything, and rest means a sweep of each. Default: where a system has no log. */
  readonly sweeps?: boolean;
  /** What people entered before Accord came. Default: Ann, the same everywhere. */
  readonly before?: (people: People) => unknown;
  /** What people do, and what goes wrong: Accord works until nothing is left to do, then comes the next. What they return is waited for, where it is a promise. */
  readonly acts: readonly ((people: People) => unknown)[];
  readonly ends: Shown;
  /** What then waits for a person. Default: nothing. */
  readonly asks?: readonly string[];
  /** Ends that a crash may lead to by shifting who is seen first, with why that is right. */
  readonly allows?: readonly { readonly ends: Shown; readonly asks?: readonly string[]; readonly why: string }[];
}

/** What every system shows, a line a record in the order of lines: `who` and the fields in declared order, `-` where there is nothing. By system where they differ. */
export type Shown = readonly string[] | Readonly<Record<string, readonly string[]>>;

/** In what a system differs from the best there is. */
export interface SystemTraits {
  readonly can?: FakeSystemOptions["capabilities"];
  readonly options?: Pick<FakeSystemOptions, "batch" | "hints" | "writesReturn">;
  /** Traits of columns by name; those of no field are added. */
  readonly columns?: Readonly<Record<string, Partial<FakeColumn>>>;
  /** Whether it lets records name what is not there. */
  readonly isLoose?: boolean;
  /** Columns whose values it allows once. */
  readonly uniques?: readonly string[];
  /** Whether people choose record ids: `who` is the key. Else the system numbers its records. */
  readonly isKeyedByWho?: boolean;
  /** Whether a company whose `merged_into` names another was merged into that one. */
  readonly mergesCompanies?: boolean;
  /** Whether the number of its last record is given again once that record is deleted, as by SQLite. */
  readonly isReusing?: boolean;
  readonly side?: Pick<BenchSide, "archive" | "filter" | "merged" | "only">;
}

export type FieldTraits = Omit<BenchField, "name">;
