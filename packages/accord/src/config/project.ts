import type { Limits } from "@accord/engine";
import type { ConfigurationProblem } from "./problem.ts";
import type { SyncEntry } from "./schema/sync-schema.ts";
import type { KeyPath, Place } from "./yaml/source.ts";

/** A checked project file. Plain data, but for the way back from a key to its line. */
export interface Project {
  /** As the caller named it; the start of every message. */
  readonly file: string;
  /** The folder that relative paths start from, absolute. */
  readonly folder: string;
  /** Marks what Accord makes at the systems: `[a-z0-9_]{1,24}`. */
  readonly installation: string;
  /** Accord's own database, absolute. */
  readonly storePath: string;
  /** The region of telephone numbers without a country code. */
  readonly region: string;
  /** Bounds of the engine's work: its own, but for those that the file names. */
  readonly limits: Limits;
  readonly connections: readonly ProjectConnection[];
  /** Parents before the syncs that refer to them, otherwise as declared. */
  readonly syncs: readonly ProjectSync[];
  locate(path: KeyPath): Place;
  /** What the file says of a sync, as it is written; null where it leans on other parts of the file. See `YamlSource.textOf`. */
  textOf(path: KeyPath): string | null;
  /** A line of the file, counted from 1. */
  line(number: number): string;
}

export interface ProjectConnection {
  readonly name: string;
  readonly connector: string;
  /** The other keys, `${NAME}` filled in. May hold secrets: never print them. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface ProjectSync {
  readonly name: string;
  readonly entry: SyncEntry;
  /** In declared order: the order of `SideIndex`. */
  readonly sides: readonly ProjectSide[];
}

export interface ProjectSide {
  readonly name: string;
  readonly connection: string;
  readonly object: string;
}

/** The sync of this name, if there is one. */
export function syncOf(project: Project, name: string): ProjectSync | undefined {
  return project.syncs.find((sync) => sync.name === name);
}

/** A problem at a key path of the project's file. */
export function problemAt(source: Pick<Project, "file" | "locate">, path: KeyPath, problem: string, remedy: string): ConfigurationProblem {
  return { file: source.file, ...source.locate(path), path: path.join("."), problem, remedy };
}
