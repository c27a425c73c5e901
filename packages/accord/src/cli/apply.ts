import type { Applied, PlanSummary, RunWatcher } from "@accord/engine";
import type { CallOptions } from "@accord/engine/connector";
import type { PlanId } from "@accord/engine/store";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { sign } from "../daemon/sign.ts";
import { positiveInteger } from "./options.ts";
import { count } from "./output.ts";
import type { OperationJson } from "./plan-view.ts";
import { usageError } from "./problems.ts";
import type { SystemsSession } from "./session.ts";

interface ApplyOptions {
  readonly sample?: number;
  readonly where?: string;
  readonly yes?: boolean;
  readonly showValues?: boolean;
}

/** What `accord apply --json` prints. */
export interface ApplyJson {
  readonly plan: number;
  /** The run, for `accord undo` and `accord history`. */
  readonly run: number;
  /** Operations of the plan that still held and were carried out. */
  readonly released: number;
  /** Writes made, by sync, side and kind. */
  readonly written: readonly { readonly sync: string; readonly side: string; readonly kind: string; readonly count: number }[];
  /** Writes that a system refused or that wait for something, now. */
  readonly parked: number;
  readonly waiting: number;
  /** Writes that a system did not take now: they stay due, and the next apply or run tries them again. */
  readonly notWritten: number;
  /** Operations that no longer hold, at most 1000: plan again. */
  readonly changed: readonly OperationJson[];
  readonly warnings: readonly string[];
}

/** Operations named as changed since the plan. */
const CHANGED_SHOWN_MAX = 20;

export function defineApply(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("apply")
    .description("Carry out the newest plan: what still holds is written, the rest is listed. A whole plan makes the syncs live.")
    .option("--sample <count>", "a pilot: only so many operations, of every kind", positiveInteger)
    .option("--where <expression>", "a pilot: only records that fit: CEL over canonical fields")
    .option("-y, --yes", "where no plan waits, make one and apply it without asking")
    .option("--show-values", "show sensitive values too")
    .addHelpText("after", examples("accord apply --sample 10", "accord apply --where \"stage == 'lead'\"", "accord apply"));
  bind<ApplyOptions>(command, apply);
}

async function apply(context: CommandContext, options: ApplyOptions): Promise<ExitCode> {
  const { output, program } = context;
  const { openSession } = await import("./session.ts");
  const { progressWatcher } = await import("./progress.ts");
  const tally = new Map<string, ApplyJson["written"][number]>();
  const watch = counting(progressWatcher(output), tally);
  const session = await openSession(program, { ...context.session, mayWrite: true, runKind: "apply", watch });
  let outcome: "done" | "failed" | "stopped" = "failed";
  try {
    for (const warning of session.warnings) output.remark(warning);
    const { notInstalled, requireProof } = await import("./readiness.ts");
    requireProof(session.context);
    const call = { signal: session.signal };
    const chosen = await choosePlan(context, session, options, call);
    if (chosen === null) return EXIT.todo;
    for (const connection of notInstalled(session.context)) {
      output.remark(
        `${connection} is not installed: the outcome of writes there cannot be proven (level G1). accord install makes it safe.`,
      );
    }
    const applied = await carryOut(session, chosen, options, call);
    outcome = "done";
    return await report(context, session, chosen.plan, applied, [...tally.values()], options, call);
  } finally {
    await session.close(outcome === "failed" && context.signal.aborted ? "stopped" : outcome);
  }
}

interface ChosenPlan {
  readonly plan: PlanId;
  readonly summary: PlanSummary;
}

/** The newest plan that no run has applied; else a new one, shown and asked about. Null: the user said no. */
async function choosePlan(
  context: CommandContext,
  session: SystemsSession,
  options: ApplyOptions,
  call: CallOptions,
): Promise<ChosenPlan | null> {
  const waiting = session.changed.length > 0 ? null : await waitingPlan(session, call);
  if (waiting !== null) return waiting;
  const { terminal } = context.program;
  if (options.yes !== true && (!terminal.isOutTty || context.output.isJson)) {
    throw usageError(
      "No plan waits to be applied, and nothing was written; run accord plan first, or accord apply --yes to make one and apply it without asking.",
    );
  }
  const { makePlan } = await import("@accord/engine");
  const made = await makePlan({ ...session.context, mayWrite: false }, call);
  if (options.yes === true) return made;
  const { showPlan } = await import("./show-plan.ts");
  await showPlan(context, session, made.plan, made.summary, { ...options, limit: 10 }, call);
  const answer = await terminal.ask("Nothing has been written. Write this now? [y/N] ", context.signal);
  if (answer !== null && /^y(es)?$/i.test(answer.trim())) return made;
  context.output.line("Nothing has been written. The plan is kept: accord apply");
  return null;
}

/** A plan counts as applied once an apply run that did not fail began after it; after a pilot the rest is planned anew. */
async function waitingPlan({ context }: SystemsSession, call: CallOptions): Promise<ChosenPlan | null> {
  const plan = await context.store.latestPlan(call);
  if (plan === null || plan.summary === null) return null;
  const runs = await context.store.listRuns(RUNS_LOOKED_AT, call);
  const isUsed = runs.some(({ id, kind, outcome }) => id >= plan.run && id !== context.run && kind === "apply" && outcome !== "failed");
  const isKnown = runs.some(({ id }) => id === plan.run);
  // The engine wrote this summary itself.
  return isUsed || !isKnown ? null : { plan: plan.id, summary: JSON.parse(plan.summary) as PlanSummary };
}

/** A plan older than this many runs is too old to apply. */
const RUNS_LOOKED_AT = 1_000;

async function carryOut(
  session: SystemsSession,
  { plan, summary }: ChosenPlan,
  options: ApplyOptions,
  call: CallOptions,
): Promise<Applied> {
  const { applyPlan } = await import("@accord/engine");
  const { compileWhere, entitiesWhere } = await import("./where.ts");
  const { context, identity, project } = session;
  const isPilot = options.sample !== undefined || options.where !== undefined;
  if (isPilot && identity.restored) {
    throw usageError("A restored store is brought up to date by a whole plan; run accord apply without --sample and --where.");
  }
  if (isPilot) refuseLivePilot(session, summary);
  const wanted =
    options.where === undefined ? null : await entitiesWhere(context, plan, compileWhere(project, context, options.where), call);
  // A restored store takes its place in the systems again; what the plan says is all that it needs to know of them. [S58]
  if (!isPilot) await sign(context, call);
  const entities = wanted === null ? null : ({ entity }: { readonly entity: number }): boolean => wanted.has(entity);
  return applyPlan(context, plan, summary, { sample: options.sample ?? null, entities }, call);
}

/** A sync that is live writes all that is due as soon as anything acts on it: what would be called a pilot would be everything. */
function refuseLivePilot({ context }: SystemsSession, summary: PlanSummary): void {
  const live = context.syncs.find(({ id, model }) => {
    const state = context.states.get(id);
    const sides = summary.syncs.find(({ sync }) => sync === model.name)?.sides ?? [];
    const writes = sides.flatMap(({ operations }) =>
      Object.entries(operations).filter(([kind, figure]) => kind !== "withheld" && kind !== "refused" && figure > 0),
    );
    return (state === "live" || (state === "paused" && !context.pilots.has(id))) && writes.length > 0;
  });
  if (live === undefined) return;
  throw usageError(
    `${live.model.name} is live, and nothing was written: all that is due there is written at once, not a part of it. accord apply writes everything that the plan shows; to try out a new sync alone, apply ${live.model.name} first.`,
  );
}

async function report(
  { output }: CommandContext,
  session: SystemsSession,
  plan: PlanId,
  applied: Applied,
  written: ApplyJson["written"],
  options: ApplyOptions,
  call: CallOptions,
): Promise<ExitCode> {
  const { operationsJson, printOperation } = await import("./plan-view.ts");
  const { context } = session;
  const due = await context.store.countDue(call);
  const inState = (state: string): number => due.filter((row) => row.state === state).reduce((sum, row) => sum + row.count, 0);
  const changed = await operationsJson(context, applied.changed, options.showValues === true, call);
  const document: ApplyJson = {
    plan,
    run: context.run,
    released: applied.released,
    written,
    parked: inState("parked"),
    waiting: inState("waiting"),
    notWritten: inState("ready"),
    changed,
    warnings: session.warnings,
  };
  output.json(document);
  const total = written.reduce((sum, row) => sum + row.count, 0);
  output.line(`Applied plan ${plan} in run ${context.run}: ${count(total, "write")}.`);
  if (written.length > 0) {
    output.table(
      ["sync", "side", "kind", "writes"],
      written.map((row) => [row.sync, row.side, row.kind, String(row.count)]),
    );
  }
  if (document.parked > 0) output.line(`${count(document.parked, "write")} parked, each with the reason: accord errors`);
  if (document.waiting > 0) output.line(`${count(document.waiting, "write")} waiting for a record that comes first: accord errors`);
  if (changed.length > 0) {
    output.line(`${count(changed.length, "operation")} changed since plan and not written; plan again:`);
    for (const operation of changed.slice(0, CHANGED_SHOWN_MAX)) printOperation(output, operation);
    if (changed.length > CHANGED_SHOWN_MAX) output.line(`  … and ${changed.length - CHANGED_SHOWN_MAX} more (--json)`);
  }
  const isPilot = options.sample !== undefined || options.where !== undefined;
  if (document.notWritten > 0) {
    const reason = await firstReason(session, call);
    const message = `${count(document.notWritten, "write")} could not be made now${reason === null ? "" : ` (${reason})`}; nothing of them is lost: the next accord apply or accord run tries again.`;
    if (output.isJson) output.remark(message);
    else output.failure("ACCORD_NOT_WRITTEN", message);
    return EXIT.failed;
  }
  if (total > 0) output.line(`To take it back: accord undo ${context.run}`);
  output.line(isPilot ? "That was a pilot; for the rest: accord plan" : "To keep the sides in agreement from now on: accord run");
  return changed.length > 0 ? EXIT.todo : EXIT.done;
}

/** Why the first write that is still due was not made, where a system said so. */
async function firstReason({ context }: SystemsSession, call: CallOptions): Promise<string | null> {
  for (const sync of context.syncs) {
    for (let side = 0; side < sync.model.sides.length; side += 1) {
      const [due] = await context.store.listDue({ sync: sync.id, side, states: ["ready"], after: null, limit: 1 }, call);
      if (due !== undefined && due.reason !== null) return due.reason;
    }
  }
  return null;
}

/** Adds up what is written, by sync, side and kind. */
function counting(watch: RunWatcher, tally: Map<string, ApplyJson["written"][number]>): RunWatcher {
  return {
    ...watch,
    written: (sync, side, kind, records) => {
      const key = `${sync}/${side}/${kind}`;
      tally.set(key, { sync, side, kind, count: (tally.get(key)?.count ?? 0) + records });
      watch.written(sync, side, kind, records);
    },
  };
}
