import type { Connector } from "@accord/engine/connector";
import { checkForms } from "./check-forms.ts";
import { columnsOf } from "./columns-of.ts";
import { nearest } from "./near.ts";
import { referencesOf } from "./order-syncs.ts";
import { problemAt } from "./project.ts";
import type { ConfigurationProblem } from "./problem.ts";
import type { Project, ProjectSync } from "./project.ts";
import type { PolicyEntry } from "./schema/policy-schema.ts";
import type { KeyPath } from "./yaml/source.ts";

/** What a connector says about settings; enough to check them without reaching anything. */
export type SettingsChecker = Pick<Connector, "name" | "checkSettings">;

/** What no schema can say: names that must exist elsewhere in the file, and forms that do not go together. */
export function checkProject(project: Project, connectors: readonly SettingsChecker[] | undefined): readonly ConfigurationProblem[] {
  return [...checkConnections(project, connectors), ...project.syncs.flatMap((sync) => checkSync(project, sync))];
}

function checkConnections(project: Project, connectors: readonly SettingsChecker[] | undefined): readonly ConfigurationProblem[] {
  if (connectors === undefined) return [];
  return project.connections.flatMap(({ name, connector, settings }) => {
    const found = connectors.find((candidate) => candidate.name === connector);
    const path = ["connections", name];
    if (found === undefined)
      return [
        unknownName(
          project,
          [...path, "connector"],
          "connector",
          connector,
          connectors.map((each) => each.name),
        ),
      ];
    return found
      .checkSettings(settings)
      .map(({ key, problem, remedy }) => problemAt(project, [...path, ...key.split(".")], problem, remedy));
  });
}

/** Whether two connections lead to one place: settings are compared as the file has them, and one address in two spellings is not seen. */
function isSameSystem({ connections }: Project, one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [one, other].map((name) => connections.find((connection) => connection.name === name));
  if (first === undefined || second === undefined) return false;
  return first.connector === second.connector && JSON.stringify(first.settings) === JSON.stringify(second.settings);
}

function checkSync(project: Project, sync: ProjectSync): readonly ConfigurationProblem[] {
  const { entry, name } = sync;
  const problems: ConfigurationProblem[] = [];
  const path = ["syncs", name];
  if (sync.sides.length < 2)
    problems.push(problemAt(project, [...path, "sides"], "a sync needs at least two sides", "add the other system below sides"));
  for (const side of sync.sides) {
    const known = project.connections.map((connection) => connection.name);
    const isNamed = entry.sides[side.name]?.connection !== undefined;
    if (!known.includes(side.connection))
      problems.push(
        unknownName(project, [...path, "sides", side.name, ...(isNamed ? ["connection"] : [])], "connection", side.connection, known),
      );
  }
  problems.push(...checkFieldNames(project, sync), ...checkForms(project, sync));
  for (const [place, side] of sync.sides.entries()) {
    const twin = sync.sides.findIndex((other) => other.object === side.object && isSameSystem(project, other.connection, side.connection));
    if (twin < place)
      problems.push(
        problemAt(
          project,
          [...path, "sides", side.name],
          `names the same object as ${sync.sides[twin]?.name ?? ""}`,
          "give each side an object of its own",
        ),
      );
    const columns = columnsOf(project, name, side.name);
    if (columns.kind === "problem") problems.push(columns.problem);
  }
  return problems;
}

/** Names of fields, categories and syncs that must exist. */
function checkFieldNames(project: Project, sync: ProjectSync): readonly ConfigurationProblem[] {
  const { entry, name } = sync;
  const path = ["syncs", name];
  const problems: ConfigurationProblem[] = [];
  const fields = Object.keys(entry.fields);
  if (fields.length === 0)
    problems.push(problemAt(project, [...path, "fields"], "a sync needs at least one field", "add one below fields"));
  for (const [rule, key] of entry.match.entries()) {
    for (const [place, field] of key.entries())
      if (!fields.includes(field)) problems.push(unknownName(project, [...path, "match", rule, place], "field", field, fields));
  }
  for (const field of Object.keys(entry.guards.rewrites))
    if (!fields.includes(field)) problems.push(unknownName(project, [...path, "guards", "rewrites", field], "field", field, fields));
  for (const [field, { category, policy }] of Object.entries(entry.fields)) {
    const categories = Object.keys(entry.categories);
    if (category !== undefined && !categories.includes(category))
      problems.push(unknownName(project, [...path, "fields", field, "category"], "category", category, categories));
    problems.push(...checkNamed(project, fields, policy, [...path, "fields", field, "policy"]));
  }
  problems.push(...checkNamed(project, fields, entry.policy, [...path, "policy"]));
  for (const [category, { policy }] of Object.entries(entry.categories))
    problems.push(...checkNamed(project, fields, policy, [...path, "categories", category, "policy"]));
  const syncs = project.syncs.map((each) => each.name);
  for (const [field, parent] of referencesOf(entry)) {
    if (!syncs.includes(parent)) problems.push(unknownName(project, [...path, "fields", field, "type", "ref"], "sync", parent, syncs));
  }
  return problems;
}

/** Fields that a policy names. */
function checkNamed(
  project: Project,
  fields: readonly string[],
  policy: PolicyEntry | undefined,
  path: KeyPath,
): readonly ConfigurationProblem[] {
  if (typeof policy === "object" && "counter" in policy) {
    return Object.entries(policy.counter.absolute ?? {}).flatMap(([key, field]) =>
      fields.includes(field) ? [] : [unknownName(project, [...path, "counter", "absolute", key], "field", field, fields)],
    );
  }
  if (typeof policy !== "object" || !("owner" in policy) || policy.verified === undefined || fields.includes(policy.verified)) return [];
  return [unknownName(project, [...path, "verified"], "field", policy.verified, fields)];
}

/** A name that must exist and does not: the nearest one, or all there are. */
export function unknownName(project: Project, path: KeyPath, what: string, name: string, known: readonly string[]): ConfigurationProblem {
  const near = nearest(name, known);
  const others =
    known.length === 0
      ? `there is none yet: add one`
      : known.length > 12
        ? `there are ${known.length.toString()} others`
        : `use one of ${known.join(", ")}`;
  return problemAt(project, path, `there is no ${what} "${name}"`, near === null ? others : `did you mean ${near}?`);
}
