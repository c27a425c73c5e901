import { builtinTypes } from "@accord/core";
import type { CustomResolution, MaybeValue, Policy, SideRanks, Value } from "@accord/core";
import { compileExpression } from "./cel/compile.ts";
import type { CompiledExpression } from "./cel/compile.ts";
import type { FieldType } from "./field-type.ts";
import { expressionProblem } from "./near.ts";
import type { ProjectSync } from "./project.ts";
import type { FieldEntry } from "./schema/field-schema.ts";
import type { PolicyEntry } from "./schema/policy-schema.ts";
import { refuse } from "./side-context.ts";
import type { SideContext } from "./side-context.ts";
import type { KeyPath } from "./yaml/source.ts";

type Context = Pick<SideContext, "project" | "findings"> & { readonly sync: ProjectSync };

/** The policy of a field: its own, else its category's, else by its type (sets unite), else the sync's. */
export function compilePolicy(context: Context, name: string, field: FieldEntry, type: FieldType): Policy | null {
  const { entry } = context.sync;
  const base = ["syncs", context.sync.name];
  const category = field.category === undefined ? undefined : entry.categories[field.category];
  if (field.policy !== undefined) return policyOf(context, field.policy, name, type, [...base, "fields", name, "policy"]);
  if (category !== undefined)
    return policyOf(context, category.policy, name, type, [...base, "categories", field.category ?? "", "policy"]);
  if (type.family === "set") return { kind: "set" };
  return policyOf(context, entry.policy, name, type, [...base, "policy"]);
}

function policyOf(context: Context, entry: PolicyEntry, field: string, type: FieldType, path: KeyPath): Policy | null {
  if (typeof entry === "string") return wordPolicy(context, entry, field, type, path);
  if ("owner" in entry) return ownerPolicy(context, entry);
  if ("newest" in entry)
    return {
      kind: "newest",
      ranks: ranksOf(context, entry.newest.ranks ?? []),
      clockSkewMs: entry.newest.clockSkew ?? context.sync.entry.clockSkew,
    };
  if ("counter" in entry) return counterPolicy(context, entry.counter, field, type, path);
  if ("ladder" in entry) return ladderPolicy(context, entry.ladder, field, type, path);
  return customPolicy(context, entry, field, type, path);
}

function wordPolicy(context: Context, word: Extract<PolicyEntry, string>, field: string, type: FieldType, path: KeyPath): Policy | null {
  switch (word) {
    case "owner":
      return {
        kind: "owner",
        ranks: ranksOf(context, []),
        revert: false,
        fill: false,
        blanks: context.sync.sides.map(() => "erase"),
        verified: null,
      };
    case "newest":
      return { kind: "newest", ranks: ranksOf(context, []), clockSkewMs: context.sync.entry.clockSkew };
    case "counter":
      return counterPolicy(context, {}, field, type, path);
    case "set":
      return type.family === "set"
        ? { kind: "set" }
        : refuse(context, path, `the policy set is for sets, and ${field} is ${type.type.name}`, "write type: set, or another policy");
    case "max":
    case "min":
    case "ladder":
      if (type.type.order === null)
        return refuse(
          context,
          path,
          `the policy ${word} needs an order, and ${type.type.name} of ${field} has none`,
          "choose newest, owner or review",
        );
      return { kind: "ladder", direction: word === "min" ? "down" : "up", steps: null };
    case "text":
      return type.family === "text"
        ? { kind: "text" }
        : refuse(context, path, `the policy text merges texts, and ${field} is ${type.type.name}`, "choose newest, owner or review");
    case "review":
      return { kind: "review" };
  }
}

/** All sides, the named ones first. */
function ranksOf(context: Context, named: readonly string[]): SideRanks {
  const indexes = named.map((name) => context.sync.sides.findIndex((side) => side.name === name));
  return [...new Set([...indexes, ...context.sync.sides.keys()])];
}

function ownerPolicy(context: Context, entry: Extract<PolicyEntry, { readonly owner: unknown }>): Policy {
  const verified = entry.verified === undefined ? -1 : fieldIndex(context, entry.verified);
  return {
    kind: "owner",
    ranks: ranksOf(context, entry.owner),
    revert: entry.revert,
    fill: entry.fill,
    blanks: context.sync.sides.map((side) => entry.blanks[side.name] ?? "erase"),
    verified: verified === -1 ? null : verified,
  };
}

/** The place of a field among those that are a column at some side. */
function fieldIndex(context: Context, name: string): number {
  return mappedFields(context.sync).findIndex(([field]) => field === name);
}

/** The fields that become fields of the model: all but those that only write constants. */
export function mappedFields(sync: ProjectSync): readonly (readonly [string, FieldEntry])[] {
  return Object.entries(sync.entry.fields).filter(
    ([, field]) => field.fields !== undefined || Object.values(field.sides).some((side) => side.constant === undefined),
  );
}

type CounterEntry = Extract<PolicyEntry, { readonly counter: unknown }>["counter"];

function counterPolicy(
  context: Context,
  { floor = null, absolute }: { readonly floor?: string | null | undefined; readonly absolute?: CounterEntry["absolute"] },
  field: string,
  type: FieldType,
  path: KeyPath,
): Policy | null {
  if (type.family !== "integer" && type.family !== "decimal")
    return refuse(
      context,
      path,
      `the policy counter adds numbers, and ${field} is ${type.type.name}`,
      "write type: integer or decimal, or another policy",
    );
  const parsed = floor === null ? null : builtinTypes.get("decimal")?.parse(floor);
  const counter = { kind: "counter", floor: parsed?.kind === "value" ? parsed.text : null } as const;
  if (absolute === undefined) return counter;
  const wrong = stocktakeFault(context, absolute, field);
  if (wrong !== null) return refuse(context, [...path, "counter", "absolute", wrong.key], wrong.problem, wrong.remedy);
  return { ...counter, absolute: { value: fieldIndex(context, absolute.value), asOf: fieldIndex(context, absolute.asOf) } };
}

/** What keeps two fields from being a stocktake of a count. [S19] */
function stocktakeFault(
  { sync }: Context,
  { value, asOf }: NonNullable<CounterEntry["absolute"]>,
  field: string,
): { readonly key: "value" | "asOf"; readonly problem: string; readonly remedy: string } | null {
  const { fields } = sync.entry;
  const typeOf = (name: string): string => (typeof fields[name]?.type === "string" ? fields[name].type : "");
  if (value === field)
    return { key: "value", problem: `a stocktake of ${field} needs a field of its own`, remedy: "name the field of what was counted" };
  if (!["integer", "decimal"].includes(typeOf(value)))
    return { key: "value", problem: `${value} is no number`, remedy: "name a field of type integer or decimal" };
  if (!["instant", "timestamp", "zoned", "date"].includes(typeOf(asOf)))
    return { key: "asOf", problem: `${asOf} tells no moment`, remedy: "name a field of type instant, timestamp or date" };
  if (Object.keys(fields[value]?.sides ?? {}).some((side) => fields[asOf]?.sides[side] !== undefined)) return null;
  return { key: "asOf", problem: `no side has both ${value} and ${asOf}`, remedy: "give both a column at the side that counts" };
}

function ladderPolicy(context: Context, steps: readonly string[], field: string, type: FieldType, path: KeyPath): Policy | null {
  const texts: string[] = [];
  for (const [place, step] of steps.entries()) {
    const parsed = type.type.parse(step);
    if (parsed.kind === "invalid")
      return refuse(
        context,
        [...path, "ladder", place],
        `the step "${step}" is ${parsed.problem}`,
        `write a value of ${field}: ${type.type.name}`,
      );
    texts.push(parsed.text);
  }
  return { kind: "ladder", direction: "up", steps: texts };
}

function customPolicy(
  context: Context,
  entry: Extract<PolicyEntry, { readonly custom: unknown }>,
  field: string,
  type: FieldType,
  path: KeyPath,
): Policy | null {
  const { cel } = type;
  const compiled = compileExpression(entry.custom, { variables: { base: cel, canonical: cel, observed: cel }, result: cel });
  if (!compiled.ok)
    return refuse(
      context,
      [...path, "custom"],
      expressionProblem(compiled.problem),
      "correct the expression: it speaks of base, canonical and observed",
    );
  const resolve = (base: MaybeValue, canonical: Value, observed: Value): CustomResolution =>
    resolveBy(compiled, type, { base, canonical, observed });
  return { kind: "custom", name: field, version: entry.version, constructive: entry.constructive, resolve };
}

function resolveBy(expression: CompiledExpression, type: FieldType, values: Readonly<Record<string, MaybeValue>>): CustomResolution {
  const outcome = expression.evaluate(values);
  if (outcome.kind === "unknown") return { kind: "review", reason: "the rule needs what both sides started from, and that is not known" };
  if (outcome.kind === "error") return { kind: "review", reason: `the rule failed: ${outcome.problem}` };
  if (outcome.value === null) return { kind: "value", value: null };
  const parsed = type.type.parse(outcome.value);
  return parsed.kind === "value" ? { kind: "value", value: parsed.text } : { kind: "review", reason: `the rule gave ${parsed.problem}` };
}
