import { sampleOf } from "@accord/engine";
import type { PlanSummary } from "@accord/engine";
import type { CallOptions } from "@accord/engine/connector";
import type { PlanId, PlannedOperation } from "@accord/engine/store";
import type { CommandContext } from "./command.ts";
import type { PlanJson } from "./plan-json.ts";
import { changesOf, operationsJson, printConcerns, printOperation, printSummary } from "./plan-view.ts";
import type { SystemsSession } from "./session.ts";
import { compileWhere, entitiesWhere, operationPages } from "./where.ts";

export interface ShowOptions {
  readonly sample?: number;
  readonly where?: string;
  readonly limit: number;
  readonly showValues?: boolean;
}

/** Problems named in a plan. */
const PROBLEMS_MAX = 100;

/** Prints a plan as text or JSON. Returns how many writes it calls for. */
export async function showPlan(
  { output }: CommandContext,
  session: SystemsSession,
  plan: PlanId,
  summary: PlanSummary,
  options: ShowOptions,
  call: CallOptions,
): Promise<number> {
  const { context } = session;
  const changes = changesOf(summary);
  const chosen = await firstOperations(session, plan, options, call);
  const operations = await operationsJson(context, chosen, options.showValues === true, call);
  const problems = (await context.store.listProblems(PROBLEMS_MAX, call)).map((problem) => {
    const sync = context.syncs.find(({ id }) => id === problem.sync);
    return {
      sync: sync?.model.name ?? "",
      side: sync?.model.sides[problem.side]?.name ?? "",
      record: problem.record,
      kind: problem.kind,
      reason: problem.reason,
    };
  });
  const document: PlanJson = {
    plan,
    createdAt: new Date(summary.createdAtMs).toISOString(),
    changes,
    syncs: summary.syncs,
    stops: summary.stops,
    problems,
    operations,
    warnings: session.warnings,
  };
  output.json(document);
  printSummary(output, summary);
  output.line();
  for (const operation of operations) printOperation(output, operation);
  const isNarrowed = options.sample !== undefined || options.where !== undefined;
  if (!isNarrowed && changes > operations.length)
    output.line(output.paint.dim(`  … and ${changes - operations.length} more (--limit ${Math.min(changes, 1_000)}, or --json)`));
  if (operations.length > 0) output.line();
  for (const { sync, side, record, kind, reason } of problems.slice(0, options.limit))
    output.line(`  ${kind}: ${sync} ${side} record ${record}: ${reason}`);
  printConcerns(output, summary);
  return changes;
}

async function firstOperations(
  session: SystemsSession,
  plan: PlanId,
  options: ShowOptions,
  call: CallOptions,
): Promise<readonly PlannedOperation[]> {
  const { context, project } = session;
  const wanted =
    options.where === undefined ? null : await entitiesWhere(context, plan, compileWhere(project, context, options.where), call);
  const pages = narrowed(operationPages(context, plan, call), wanted);
  if (options.sample !== undefined) return sampleOf(pages, options.sample);
  const first: PlannedOperation[] = [];
  for await (const page of pages) {
    first.push(...page.slice(0, options.limit - first.length));
    if (first.length >= options.limit) break;
  }
  return first;
}

async function* narrowed(
  pages: AsyncIterable<readonly PlannedOperation[]>,
  wanted: ReadonlySet<number> | null,
): AsyncGenerator<readonly PlannedOperation[]> {
  for await (const page of pages) yield wanted === null ? page : page.filter(({ entity }) => wanted.has(entity));
}
