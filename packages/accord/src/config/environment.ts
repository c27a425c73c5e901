import { problemAt } from "./project.ts";
import type { ConfigurationProblem } from "./problem.ts";
import { fillPlaceholders, placeholdersOf } from "./yaml/source.ts";
import type { KeyPath, YamlSource } from "./yaml/source.ts";

/** Variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Filled {
  readonly value: unknown;
  readonly problems: readonly ConfigurationProblem[];
}

/** Where secrets and addresses belong. Elsewhere a variable would change what a sync means without a trace in the file. */
const PLACES_FOR_VARIABLES = ["connections", "store", "installation"];

/** Fills `${NAME}` in. A missing variable is a problem that names it; values are never part of a message. */
export function fillEnvironment(source: YamlSource, environment: Environment): Filled {
  const problems: ConfigurationProblem[] = [];
  const visit = (node: unknown, path: KeyPath): unknown => {
    if (typeof node === "string") return fillText(node, path);
    if (Array.isArray(node)) return node.map((item: unknown, place) => visit(item, [...path, place]));
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, visit(item, [...path, key])]));
  };
  const fillText = (text: string, path: KeyPath): string => {
    const uses = placeholdersOf(text);
    if (uses.length === 0) return text;
    const allowed = PLACES_FOR_VARIABLES.includes(String(path[0]));
    for (const { kind, name } of uses) {
      if (kind === "secret") {
        problems.push(
          problemAt(
            source,
            path,
            `\${secret:${name}} needs the sealed store, which this version does not have`,
            "read it from the environment: ${NAME}",
          ),
        );
      } else if (!allowed) {
        problems.push(
          problemAt(
            source,
            path,
            `\${${name}} cannot stand here`,
            "variables are for connections, store and installation; write the value itself",
          ),
        );
      } else if (environment[name] === undefined) {
        problems.push(problemAt(source, path, `the environment variable ${name} is not set`, `set ${name} before you start accord`));
      }
    }
    return fillPlaceholders(text, (name) => environment[name] ?? "");
  };
  return { value: visit(source.value, []), problems };
}
