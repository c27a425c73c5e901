import type { CallOptions, Connection } from "@accord/engine/connector";
import { compileSync } from "../config/compile-sync.ts";
import type { PlannedSync } from "../config/compile-sync.ts";
import { formatNote } from "../config/problem.ts";
import type { ConfigurationProblem } from "../config/problem.ts";
import type { Project } from "../config/project.ts";
import type { PausedField } from "../config/side-context.ts";
import { readSchemas } from "./session.ts";

/** What compiling the syncs of a project finds. */
export interface SyncFindings {
  readonly problems: readonly ConfigurationProblem[];
  readonly paused: readonly PausedField[];
  readonly notes: readonly string[];
}

/**
 * Compiles every sync against what the systems show.
 *
 * @param planned by name: syncs that were planned with this very file, whose fields are paused where they do not fit any more [S50]
 */
export async function checkSyncs(
  project: Project,
  connections: ReadonlyMap<string, Connection>,
  planned: ReadonlyMap<string, PlannedSync>,
  options: CallOptions,
): Promise<SyncFindings> {
  const schemas = await readSchemas(project, connections, options);
  const problems: ConfigurationProblem[] = [];
  const paused: PausedField[] = [];
  const notes: string[] = [];
  for (const { name } of project.syncs) {
    const result = compileSync(project, name, schemas, 1, planned.get(name));
    notes.push(...result.notes.map(formatNote));
    if (result.kind === "problems") {
      problems.push(...result.problems);
      continue;
    }
    paused.push(...result.paused);
    for (const { name: field, policy } of result.model.fields) {
      if (policy.kind !== "owner" || policy.revert) continue;
      const { line, column } = project.locate(["syncs", name, "fields", field]);
      const first = result.model.sides[policy.ranks[0] ?? 0]?.name ?? "the first side";
      notes.push(
        `${project.file}:${line}:${column}: syncs.${name}.fields.${field}: owner breaks ties only: a later edit elsewhere still replaces what ${first} says; add revert: true to push it back [S17]`,
      );
    }
  }
  return { problems, paused, notes };
}
