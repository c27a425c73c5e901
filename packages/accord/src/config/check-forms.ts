import { entriesAt } from "./columns-of.ts";
import type { PlacedEntry } from "./columns-of.ts";
import { isReference } from "./field-type.ts";
import { problemAt } from "./project.ts";
import type { ConfigurationProblem } from "./problem.ts";
import type { Project, ProjectSync } from "./project.ts";
import type { FieldEntry, SideEntry, TypeEntry } from "./schema/field-schema.ts";
import type { KeyPath } from "./yaml/source.ts";

/** What is wrong with the form of an entry: at which of its keys, and what would be right. */
interface Fault {
  readonly key?: keyof SideEntry;
  readonly problem: string;
  readonly remedy: string;
}

/** Forms of fields that do not go together: keys of an entry, groups and their parts, sides without a column. */
export function checkForms(project: Project, sync: ProjectSync): readonly ConfigurationProblem[] {
  const entries = sync.sides.flatMap(({ name }) => entriesAt(sync, name));
  const ofEntries = entries.flatMap((placed) => {
    const found = faultOf(placed, typeOf(sync, placed.path));
    return found === null
      ? []
      : [problemAt(project, found.key === undefined ? placed.path : [...placed.path, found.key], found.problem, found.remedy)];
  });
  const ofFields = Object.entries(sync.entry.fields).flatMap(([name, field]) =>
    checkField(project, sync, ["syncs", sync.name, "fields", name], field),
  );
  return [...ofEntries, ...ofFields];
}

function typeOf(sync: ProjectSync, path: KeyPath): TypeEntry {
  const field = sync.entry.fields[String(path[3])];
  return (path[4] === "fields" ? field?.fields?.[String(path[5])]?.type : field?.type) ?? "text";
}

function checkField(project: Project, sync: ProjectSync, path: KeyPath, field: FieldEntry): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const isGroup = field.type === "group";
  const say = (keys: KeyPath, problem: string, remedy: string): void =>
    void problems.push(problemAt(project, [...path, ...keys], problem, remedy));
  if (isGroup && Object.keys(field.fields ?? {}).length === 0)
    say([], "a group needs parts", "add fields: { … } with a type and the sides of each part");
  if (!isGroup && field.fields !== undefined) say(["fields"], "only a group has parts", "write type: group, or leave fields out");
  const parts = Object.entries(field.fields ?? {});
  for (const [name, part] of parts) {
    if (part.type === "group" || isReference(part.type))
      say(["fields", name, "type"], "a part of a group can be neither a group nor a reference", "make it a field of its own");
  }
  const sides = sync.sides
    .map((side) => side.name)
    .filter((side) => field.sides[side] !== undefined || parts.some(([, part]) => part.sides[side] !== undefined));
  if (sides.length === 0)
    say([], "the field has no column at any side", `name its column at each side: ${sync.sides.map((side) => side.name).join(", ")}`);
  for (const side of isGroup ? sides.filter((name) => field.sides[name] === undefined) : []) {
    const missing = parts.filter(([, part]) => part.sides[side] === undefined).map(([name]) => name);
    if (missing.length > 0)
      say(
        [],
        `${missing.join(", ")} has no column at ${side}, and a group is one value [S16]`,
        "name a column there for each part, or for none",
      );
  }
  const own = typeof field.type === "object" && "ref" in field.type ? field.type : null;
  if (own !== null && own.tree !== undefined && own.ref !== sync.name)
    say(["type", "tree"], "only a reference of a sync to itself is a tree", "leave tree out");
  if (own !== null && own.deletes !== "restrict" && sync.entry.direction !== "two-way")
    say(["type", "deletes"], "in a one-way sync records come and go at the source alone", "leave deletes: out");
  const from = field.from === undefined ? [] : [field.from].flat();
  for (const side of from)
    if (!sides.includes(side)) say(["from"], `the field has no column at ${side}`, `name its column at ${side}, or another side`);
  return problems;
}

/** Keys that say where the value is; exactly one of them, but for `get` and `put` beside `field`. */
const SOURCES = ["field", "join", "split", "key", "get"] as const;
/** Keys that change a column's value on its way. */
const STEPS = ["values", "unit", "scale", "case", "separator", "json", "empty", "default"] as const;

function faultOf({ entry, path }: PlacedEntry, type: TypeEntry): Fault | null {
  if (entry.constant !== undefined) return constantFault(entry);
  const sources = SOURCES.filter((key) => entry[key] !== undefined && !(key === "get" && entry.field !== undefined));
  const [first, second] = sources;
  if (first === undefined)
    return entry.put === undefined
      ? fault("names no column", "write field: and the name of the column")
      : fault("put needs a get that reads back what it writes", "add get: and an expression", "put");
  if (second !== undefined) return fault(`${first} and ${second} do not go together`, "use one of them", second);
  if (entry.put !== undefined && entry.get === undefined)
    return fault("put needs a get that reads back what it writes", "add get: and an expression", "put");
  if (typeof entry.put === "string" && entry.field === undefined)
    return fault("put does not say which column it writes", "write put: { column: expression }, or add field:", "put");
  if (typeof entry.put === "object" && Object.keys(entry.put).length === 0)
    return fault("put writes no column", "leave it out for a read-only field", "put");
  return groupFault(entry, type, path) ?? stepFault(entry, type);
}

function groupFault(entry: SideEntry, type: TypeEntry, path: KeyPath): Fault | null {
  const isPart = path[4] === "fields";
  if (type === "group" && entry.split === undefined)
    return fault("a group has one column at a side only by split", "write split: column, or give each part its column");
  if (entry.split !== undefined && (type !== "group" || isPart))
    return fault("split is for groups: its parts are the parts of the column", "write type: group with fields, or use get", "split");
  if (isReference(type)) {
    const wrong = [...STEPS, "get", "join"].find((key) => key in entry);
    if (wrong !== undefined) return fault("a reference is the id of a record and cannot be changed on its way", `leave ${wrong} out`);
  } else if (entry.key !== undefined) return fault("key is for references", "write field:, or type: { ref: … }", "key");
  return null;
}

function stepFault(entry: SideEntry, type: TypeEntry): Fault | null {
  const step = STEPS.find((key) => entry[key] !== undefined);
  if (entry.get !== undefined && step !== undefined)
    return fault(`get and ${step} do not go together`, `do what ${step} does inside the expressions`, step);
  const isJoined = entry.join !== undefined || entry.split !== undefined;
  if (isJoined && step !== undefined && step !== "separator")
    return fault(`${step} needs a single column`, `leave ${step} out, or use get and put`, step);
  const isSet = type === "set" || (typeof type === "object" && "set" in type);
  if (!isJoined && !isSet && entry.separator !== undefined)
    return fault("separator is for sets, join and split", "leave it out", "separator");
  if (!isSet && entry.json !== undefined) return fault("json is for sets", "leave it out", "json");
  if (entry.separator !== undefined && entry.json !== undefined)
    return fault("separator and json do not go together", "use one of them", "json");
  if (entry.unit !== undefined && entry.scale !== undefined) return fault("unit and scale say the same", "use one of them", "scale");
  if (entry.values !== undefined && (entry.case !== undefined || entry.unit !== undefined || entry.scale !== undefined))
    return fault("values already says how each value is written", "leave the others out", "values");
  if (entry.otherwise !== undefined && entry.values === undefined)
    return fault("otherwise needs values", "add values: { canonical: native }", "otherwise");
  if (entry.canonical !== undefined && entry.case === undefined)
    return fault("canonical needs case", "add case: upper or case: lower", "canonical");
  const isNumber = type === "integer" || type === "decimal";
  if ((entry.unit !== undefined || entry.scale !== undefined) && !isNumber)
    return fault("only numbers have a unit", "write type: decimal", entry.unit === undefined ? "scale" : "unit");
  return null;
}

function constantFault(entry: SideEntry): Fault | null {
  const other = Object.keys(entry).find((key) => key !== "constant" && key !== "field");
  return other === undefined
    ? null
    : fault(`constant and ${other} do not go together`, "a constant is written by creates and never read", "constant");
}

function fault(problem: string, remedy: string, key?: keyof SideEntry): Fault {
  return key === undefined ? { problem, remedy } : { key, problem, remedy };
}
