import { problemAt } from "./project.ts";
import type { ConfigurationProblem } from "./problem.ts";
import type { ProjectNames } from "./schema/project-schema.ts";
import { FIELD_KEYS } from "./schema/field-schema.ts";
import type { YamlSource } from "./yaml/source.ts";

/** Names that mean something beside a side's in the file or in expressions. */
const RESERVED: ReadonlySet<string> = new Set([
  ...FIELD_KEYS,
  "accord",
  "base",
  "canonical",
  "observed",
  "value",
  "sides",
  "side",
  "match",
  "initial",
  "categories",
  "ignore",
  "deletes",
  "merges",
  "guards",
  "live",
  "quiet",
  "sweep",
  "tombstones",
  "get",
  "put",
  "ref",
  "enum",
  "set",
  "group",
  "true",
  "false",
  "null",
]);

const NAME = /^[A-Za-z_]\w{0,62}$/;

/** The side names of each sync, read before anything is checked: they decide which keys are known elsewhere. */
export function namesOf(value: unknown): ProjectNames {
  const syncs = mapOf(mapOf(value)?.["syncs"]);
  if (syncs === null) return null;
  return new Map(Object.entries(syncs).map(([name, sync]) => [name, Object.keys(mapOf(mapOf(sync)?.["sides"]) ?? {})]));
}

/** Names of syncs and sides that cannot be ones. */
export function checkNames(source: YamlSource): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  for (const [sync, sides] of namesOf(source.value) ?? []) {
    if (!NAME.test(sync) || sync in {})
      problems.push(problemAt(source, ["syncs", sync], "is no name of a sync", "use letters, digits and underscores, a letter first"));
    for (const side of sides ?? []) {
      const path = ["syncs", sync, "sides", side];
      if (isReserved(side))
        problems.push(
          problemAt(source, path, `"${side}" has a meaning of its own and cannot name a side`, `name it after its system: ${side}_system`),
        );
      else if (!NAME.test(side))
        problems.push(problemAt(source, path, "is no name of a side", "use letters, digits and underscores, a letter first"));
    }
  }
  return problems;
}

/** The names of every object's own methods (`constructor`) are kept out too. */
function isReserved(name: string): boolean {
  return RESERVED.has(name) || name in {};
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> | null {
  // Parsed YAML: what is an object and no array is a map with text keys.
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : null;
}
