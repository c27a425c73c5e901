import { readFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, resolve } from "node:path";
import { checkNames, namesOf } from "./check-names.ts";
import { checkProject } from "./check-project.ts";
import type { SettingsChecker } from "./check-project.ts";
import { limitsOf } from "./limits-of.ts";
import { fillEnvironment } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { orderSyncs } from "./order-syncs.ts";
import { problemAt } from "./project.ts";
import type { ConfigurationProblem } from "./problem.ts";
import type { Project, ProjectConnection, ProjectSync } from "./project.ts";
import { problemsOf } from "./schema/problems-of.ts";
import { projectSchema } from "./schema/project-schema.ts";
import type { ProjectEntry } from "./schema/project-schema.ts";
import { readYaml } from "./yaml/source.ts";
import type { YamlSource } from "./yaml/source.ts";

/** A project, or everything that is wrong with its file, in the order of its lines. */
export type LoadResult =
  { readonly kind: "ok"; readonly project: Project } | { readonly kind: "problems"; readonly problems: readonly ConfigurationProblem[] };

/**
 * Reads and checks a project file. Nothing is reached and nothing is written.
 *
 * @param path as the user named it: messages start with it
 * @param environment where `${NAME}` comes from
 * @param connectors the connectors of this program; left out, connectors and their settings are not checked
 */
export async function loadProject(path: string, environment: Environment, connectors?: readonly SettingsChecker[]): Promise<LoadResult> {
  if (/\.[cm]?[jt]s$/.test(path)) {
    return failed([
      {
        file: path,
        line: 1,
        column: 1,
        path: "",
        problem: "a project in TypeScript is not supported in this version",
        remedy: "write it as accord.yaml",
      },
    ]);
  }
  try {
    return readProject(path, await readFile(path, "utf8"), environment, connectors);
  } catch (error) {
    const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
    if (code === "unknown") throw error;
    const missing = code === "ENOENT";
    const problem = missing ? "there is no such file" : `the file cannot be read (${code})`;
    const remedy = missing ? "name another with --file, or begin one with accord init" : "check its path and rights";
    return { kind: "problems", problems: [{ file: path, line: 1, column: 1, path: "", problem, remedy }] };
  }
}

/** As {@link loadProject}, from a text. */
export function readProject(path: string, text: string, environment: Environment, connectors?: readonly SettingsChecker[]): LoadResult {
  const yaml = readYaml(path, text);
  if (yaml.kind === "faults") {
    return failed(
      yaml.faults.map(({ line, column, problem }) => ({ file: path, line, column, path: "", problem, remedy: "correct the line" })),
    );
  }
  const { source } = yaml;
  const filled = fillEnvironment(source, environment);
  const names = checkNames(source);
  if (filled.problems.length + names.length > 0) return failed([...filled.problems, ...names]);
  const parsed = projectSchema(namesOf(filled.value)).safeParse(filled.value);
  if (!parsed.success) {
    return failed(problemsOf(parsed.error).map(({ path: keys, problem, remedy }) => problemAt(source, keys, problem, remedy)));
  }
  return finish(source, parsed.data, connectors);
}

function finish(source: YamlSource, entry: ProjectEntry, connectors: readonly SettingsChecker[] | undefined): LoadResult {
  const order = orderSyncs(entry.syncs);
  if (order.kind === "cycle") {
    const [first = ""] = order.names;
    const problem = `the references go round in a circle: ${order.names.join(" → ")}`;
    return failed([
      problemAt(
        source,
        ["syncs", first],
        problem,
        "write later: true beside ref: at one of them whose columns may be empty, so that records are made without it and get it afterwards",
      ),
    ]);
  }
  const folder = dirname(resolve(source.file));
  const project: Project = {
    file: source.file,
    folder,
    installation: entry.installation ?? installationOf(folder),
    storePath: resolve(folder, entry.store ?? ".accord/accord.db"),
    region: entry.region,
    limits: limitsOf(entry.limits),
    connections: Object.entries(entry.connections).map(([name, settings]) => connectionOf(name, settings, folder)),
    syncs: order.names.map((name) => projectSync(name, entry)),
    locate: (path) => source.locate(path),
    textOf: (path) => source.textOf(path),
    line: (number) => source.line(number),
  };
  const problems = checkProject(project, connectors);
  return problems.length > 0 ? failed(problems) : { kind: "ok", project };
}

function failed(problems: readonly ConfigurationProblem[]): LoadResult {
  return { kind: "problems", problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

/** The key `file` of a connection is a path beside the project file, like `store`. */
function connectionOf(name: string, entry: ProjectEntry["connections"][string], folder: string): ProjectConnection {
  const { connector, ...settings } = entry;
  const { file } = settings;
  const isRelative = typeof file === "string" && file.trim() !== "" && !isAbsolute(file) && !file.includes(":");
  return { name, connector, settings: isRelative ? { ...settings, file: resolve(folder, file) } : settings };
}

function projectSync(name: string, project: ProjectEntry): ProjectSync {
  const entry = project.syncs[name];
  if (entry === undefined) throw new Error(`sync ${name} was ordered and is not there`);
  const sides = Object.entries(entry.sides).map(([side, { connection, object }]) => ({
    name: side,
    connection: connection ?? side,
    object,
  }));
  return { name, entry, sides };
}

/** From the folder's name, in the letters that every system takes for a name. */
function installationOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "")
    .slice(0, 24);
  return name === "" ? "accord" : name;
}
