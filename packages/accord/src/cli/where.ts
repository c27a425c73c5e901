import type { CallOptions } from "@accord/engine/connector";
import type { EngineContext } from "@accord/engine";
import type { PlannedOperation, PlanId, StoredEntity } from "@accord/engine/store";
import { compileExpression } from "../config/cel/compile.ts";
import type { CelTypeName, CompiledExpression } from "../config/cel/compile.ts";
import { mappedFields } from "../config/compile-policy.ts";
import { fieldTypeOf, typeCatalogue } from "../config/field-type.ts";
import type { Project } from "../config/project.ts";
import { usageError } from "./problems.ts";

/** Whether an entity is meant by `--where`. Unknown or failed evaluations do not count: a pilot takes only what surely fits. */
export type EntityFilter = (entity: StoredEntity) => boolean;

/**
 * Compiles `--where`: CEL over canonical fields. Syncs that lack one of its fields have no record that fits.
 * @throws ACCORD_USAGE where it fits no sync at all, with the reason of the sync that comes nearest
 */
export function compileWhere(project: Project, context: EngineContext, source: string): EntityFilter {
  const filters = new Map<number, { readonly names: readonly string[]; readonly expression: CompiledExpression }>();
  const reasons: string[] = [];
  const catalogue = typeCatalogue(project.region);
  for (const projectSync of project.syncs) {
    const { name } = projectSync;
    const sync = context.syncs.find(({ model }) => model.name === name);
    if (sync === undefined) continue;
    const variables: Record<string, CelTypeName> = {};
    const fields = new Map(mappedFields(projectSync));
    for (const field of sync.model.fields) {
      const fieldEntry = fields.get(field.name);
      if (fieldEntry !== undefined) variables[field.name] = fieldTypeOf(catalogue, fieldEntry.type, fieldEntry.fields).cel;
    }
    const compiled = compileExpression(source, { variables, result: "boolean" });
    if (compiled.ok) filters.set(sync.id, { names: sync.model.fields.map((field) => field.name), expression: compiled });
    else reasons.push(`${name}: ${compiled.problem}`);
  }
  if (filters.size === 0)
    throw usageError(
      `--where cannot be used: ${reasons.join("; ")}; write CEL over canonical fields, for instance --where "email.endsWith('@example.org')".`,
    );
  return (entity) => {
    const filter = filters.get(entity.sync);
    if (filter === undefined) return false;
    const result = filter.expression.evaluate(Object.fromEntries(filter.names.map((name, field) => [name, entity.fields[field]?.value])));
    return result.kind === "value" && result.value === "true";
  };
}

/** Operations read at once. */
const PAGE = 1_000;

/** The entities of a plan's operations that fit, found page by page. */
export async function entitiesWhere(
  context: EngineContext,
  plan: PlanId,
  fits: EntityFilter,
  options: CallOptions,
): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for await (const page of operationPages(context, plan, options)) {
    const entities = await context.store.loadEntities([...new Set(page.map(({ entity }) => entity))], options);
    for (const entity of entities) if (fits(entity)) found.add(entity.id);
  }
  return found;
}

/** A plan's operations in their order, page by page. */
export async function* operationPages(
  context: Pick<EngineContext, "store">,
  plan: PlanId,
  options: CallOptions,
): AsyncGenerator<readonly PlannedOperation[]> {
  let after = 0;
  for (;;) {
    const page = await context.store.listOperations(plan, after, PAGE, options);
    after = page.at(-1)?.ordinal ?? after;
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
  }
}
