import type { CallOptions, Connection } from "@accord/engine/connector";
import { compileSync } from "../config/compile-sync.ts";
import { formatNote } from "../config/problem.ts";
import type { ConfigurationProblem } from "../config/problem.ts";
import type { Project } from "../config/project.ts";
import { readSchemas } from "./session.ts";

/** Compiles every sync against what the systems show. */
export async function checkSyncs(
  project: Project,
  connections: ReadonlyMap<string, Connection>,
  options: CallOptions,
): Promise<{ readonly problems: readonly ConfigurationProblem[]; readonly notes: readonly string[] }> {
  const schemas = await readSchemas(project, connections, options);
  const problems: ConfigurationProblem[] = [];
  const notes: string[] = [];
  for (const { name } of project.syncs) {
    const result = compileSync(project, name, schemas);
    notes.push(...result.notes.map(formatNote));
    if (result.kind === "problems") {
      problems.push(...result.problems);
      continue;
    }
    for (const { name: field, policy } of result.model.fields) {
      if (policy.kind !== "owner" || policy.revert) continue;
      const { line, column } = project.locate(["syncs", name, "fields", field]);
      const first = result.model.sides[policy.ranks[0] ?? 0]?.name ?? "the first side";
      notes.push(
        `${project.file}:${line}:${column}: syncs.${name}.fields.${field}: owner breaks ties only: a later edit elsewhere still replaces what ${first} says; add revert: true to push it back [S17]`,
      );
    }
  }
  return { problems, notes };
}
