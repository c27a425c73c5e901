import type { ObjectSchema } from "@accord/core";
import { partialConnection } from "@accord/engine/connector";
import type { CallOptions, Connection } from "@accord/engine/connector";
import { compileSync } from "../config/compile-sync.ts";
import type { CompileSyncResult, PlannedSync } from "../config/compile-sync.ts";
import { digestOf } from "../config/digest.ts";
import { formatProblem } from "../config/problem.ts";
import type { ConfigurationProblem } from "../config/problem.ts";
import type { Project } from "../config/project.ts";
import type { PausedField } from "../config/side-context.ts";
import type { FileStore } from "./program.ts";

/** What each connection shows, by name and object as the project writes it. */
export type SchemaFinder = (connection: string, object: string) => ObjectSchema | undefined;

export type Compiled = Extract<CompileSyncResult, { readonly kind: "ok" }>;

/** All syncs of a project, as far as they could be compiled. */
export interface CompiledProject {
  readonly syncs: ReadonlyMap<string, Compiled>;
  readonly problems: readonly ConfigurationProblem[];
  readonly paused: readonly PausedField[];
}

/** By sync: those that were planned with this very file. */
export type PlannedSyncs = ReadonlyMap<string, PlannedSync>;

export const NONE_PLANNED: PlannedSyncs = new Map();

/** @param planned syncs whose fields are paused where a system shows them no more, or as of another type [S50] */
export function compileAll(project: Project, schemas: SchemaFinder, planned: PlannedSyncs): CompiledProject {
  const problems: ConfigurationProblem[] = [];
  const paused: PausedField[] = [];
  const syncs = new Map<string, Compiled>();
  for (const { name } of project.syncs) {
    const result = compileSync(project, name, schemas, 1, planned.get(name));
    if (result.kind === "problems") {
      problems.push(...result.problems);
      continue;
    }
    syncs.set(name, result);
    paused.push(...result.paused);
  }
  return { syncs, problems, paused };
}

/** Syncs that were planned with this very file: what does not fit now did then, so that a system has changed and not a person's mind. [S50] */
export async function plannedSyncs(
  { project, store }: { readonly project: Project; readonly store: FileStore },
  options: CallOptions,
): Promise<PlannedSyncs> {
  const rows = await store.listSyncs(options);
  const planned = new Map<string, PlannedSync>();
  for (const { name } of project.syncs) {
    const row = rows.find((one) => one.name === name);
    if (row === undefined || row.state === "new" || row.digest !== digestOf(project, name).digest) continue;
    const [present] = await store.syncVersions(row.id, options);
    planned.set(name, { types: present?.types ?? [] });
  }
  return planned;
}

export function withoutTypes(planned: PlannedSyncs): PlannedSyncs {
  return new Map([...planned.keys()].map((name) => [name, { types: [] }]));
}

/** Connections of paused fields are used without the columns that are missing. [S50] */
export function goWithout(connections: Map<string, Connection>, project: Project, paused: readonly PausedField[]): void {
  const missing = new Map<string, Map<string, Set<string>>>();
  for (const field of paused) {
    const side = project.syncs.find(({ name }) => name === field.sync)?.sides.find(({ name }) => name === field.side);
    if (side === undefined) continue;
    const objects = missing.get(side.connection) ?? new Map<string, Set<string>>();
    objects.set(side.object, new Set([...(objects.get(side.object) ?? []), ...field.missing]));
    missing.set(side.connection, objects);
  }
  for (const [name, objects] of missing) {
    const connection = connections.get(name);
    if (connection !== undefined) connections.set(name, partialConnection(connection, objects));
  }
}

/** What a person should know of a paused field, with the line of the file as it would fit what is there now. [S50] */
export function pauseWarning({ sync, side, field, problem, patch }: PausedField): string {
  const lines = patch === null ? "" : `\n  - ${patch.from}\n  + ${patch.to}`;
  return `${sync}.${field} is paused at ${side}, everything else goes on: ${formatProblem(problem)}; where that is meant to stay, change the line and run accord plan.${lines}`;
}
