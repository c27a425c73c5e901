import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { positiveInteger } from "./options.ts";
import { count } from "./output.ts";

interface PlanOptions {
  readonly sample?: number;
  readonly where?: string;
  readonly limit: number;
  readonly showValues?: boolean;
  readonly acceptTypes?: boolean;
}

export function definePlan(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("plan")
    .description("Show every write that would be made, field by field. Nothing is written to any system.")
    .option("--sample <count>", "show a pilot of so many operations, as accord apply --sample would take them", positiveInteger)
    .option("--where <expression>", "show only records that fit: CEL over canonical fields")
    .option("--limit <count>", "operations to show", positiveInteger, 10)
    .option("--show-values", "show sensitive values too")
    .option("--accept-types", "take columns whose type has changed as they are now: a new version, written by accord apply")
    .addHelpText("after", examples("accord plan", "accord plan --where \"email.endsWith('@example.org')\" --limit 50"));
  bind<PlanOptions>(command, plan);
}

async function plan(context: CommandContext, options: PlanOptions): Promise<ExitCode> {
  const { output, program } = context;
  const { openSession } = await import("./session.ts");
  const { makePlan } = await import("@accord/engine");
  const { progressWatcher } = await import("./progress.ts");
  const session = await openSession(program, {
    ...context.session,
    mayWrite: false,
    runKind: "plan",
    watch: progressWatcher(output),
    acceptsTypes: options.acceptTypes === true,
  });
  let isDone = false;
  try {
    for (const warning of session.warnings) output.remark(warning);
    const call = { signal: session.signal };
    const made = await makePlan(session.context, call);
    const { showPlan } = await import("./show-plan.ts");
    const changes = await showPlan(context, session, made.plan, made.summary, options, call);
    isDone = true;
    if (changes > 0) output.line(`Nothing has been written. To write ${count(changes, "change")}: accord apply`);
    else if (made.summary.stops.length > 0) output.line("Nothing has been written, and nothing is before that is approved.");
    else if (made.summary.syncs.some(({ reviews }) => reviews > 0))
      output.line("Nothing has been written, and nothing can be before the conflicts are decided.");
    else if (made.summary.syncs.some(({ problems }) => problems > 0))
      output.line("Nothing has been written: all that could be taken in agrees.");
    else output.line("Nothing has been written, and nothing needs to be: the sides agree.");
    const isFlowing = [...session.context.states.values()].every((state) => state === "live");
    if (changes === 0 && made.summary.stops.length === 0 && !isFlowing) output.line("accord apply lets changes flow from now on.");
    return changes > 0 || made.summary.stops.length > 0 ? EXIT.todo : EXIT.done;
  } finally {
    await session.close(isDone ? "done" : context.signal.aborted ? "stopped" : "failed");
  }
}
