import type { UndoFilter, UndoItem, UndoStep } from "@accord/engine";
import type { AccordError, CallOptions } from "@accord/engine/connector";
import type { NewRequest } from "@accord/engine/store";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import type { HandOver } from "./hand-over.ts";
import { count, MASK, showValue } from "./output.ts";
import type { Output } from "./output.ts";
import { usageError } from "./problems.ts";

interface UndoOptions {
  readonly entity?: string;
  readonly field?: string;
  readonly since?: string;
  readonly until?: string;
  readonly yes?: boolean;
  readonly showValues?: boolean;
  readonly limit: number;
}

/** What `accord undo --json` prints. Sensitive values are masked unless `--show-values`. */
export interface UndoJson {
  /** The run of the undo itself; null for a preview. */
  readonly run: number | null;
  readonly applied: boolean;
  /** Parts that are, or would be, put back. */
  readonly back: readonly UndoStep[];
  /** Parts that a user changed since: left alone. */
  readonly left: readonly UndoStep[];
  /** After `--yes`: parts that could not be put back yet, because a system refused or something comes first. */
  readonly open: readonly UndoStep[];
  /** What the run did and no undo takes back: each says why. */
  readonly never: readonly UndoStep[];
}

/** Parts printed without `--limit`. */
const PRINTED = 20;

export function defineUndo(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("undo [run]")
    .description(
      "Put back what a run, or part of the history, did. Without --yes it is only shown; what users changed since is left alone and listed.",
    )
    .option("--entity <entity>", "only this record: customers/236, or customers/crm:17")
    .option("--field <field>", "only this field")
    .option("--since <when>", "only what happened since: 10m, 2h, or an instant such as 2026-03-02T14:00:00Z")
    .option("--until <when>", "only what happened before")
    .option("-y, --yes", "do it")
    .option("--limit <count>", "parts to print", Number, PRINTED)
    .option("--show-values", "show sensitive values too")
    .addHelpText("after", examples("accord undo 12", "accord undo 12 --yes", "accord undo --since 10m --entity customers/crm:17"));
  bind<UndoOptions>(command, undo);
}

async function undo(context: CommandContext, options: UndoOptions, run?: string): Promise<ExitCode> {
  const { openHandOver } = await import("./hand-over.ts");
  const { planUndo, previewUndo } = await import("@accord/engine");
  if (run === undefined && options.entity === undefined && options.since === undefined) {
    throw usageError("Say what to undo: a run (accord history lists them), or --entity, or --since.");
  }
  const hand = await openHandOver(context, { kind: options.yes === true ? "undo" : null, looksFirst: true });
  let outcome: "done" | "failed" = "failed";
  try {
    const call = { signal: hand.session.signal };
    const filter = await filterOf(hand, options, run, call);
    if (filter.run !== undefined && filter.run === hand.run) throw noRun(run);
    const wanted = options.entity === undefined ? null : await entityOf(hand, options.entity, call);
    const all = await planUndo(hand.session.context, filter, call);
    const items = wanted === null ? all : all.filter(({ sync, entity }) => sync === wanted.sync && entity === wanted.entity);
    const steps = await previewUndo(hand.session.context, items, call);
    if (options.yes === true) await carryOut(hand, items);
    const now = options.yes === true ? await previewUndo(hand.session.context, items, call) : [];
    outcome = "done";
    return report(context.output, hand, steps, now, options);
  } finally {
    await hand.close(outcome);
  }
}

async function filterOf({ session }: HandOver, options: UndoOptions, run: string | undefined, call: CallOptions): Promise<UndoFilter> {
  const nowMs = session.context.clock.nowMs();
  const since = options.since === undefined ? undefined : instantOf("--since", options.since, nowMs);
  const until = options.until === undefined ? undefined : instantOf("--until", options.until, nowMs);
  if (options.field !== undefined && !session.context.syncs.some(({ model }) => model.fields.some(({ name }) => name === options.field))) {
    throw usageError(`No sync has a field ${options.field}.`);
  }
  return {
    ...(run === undefined ? {} : { run: await runOf(session.store, run, call) }),
    ...(options.field === undefined ? {} : { field: options.field }),
    ...(since === undefined ? {} : { fromMs: since }),
    ...(until === undefined ? {} : { toMs: until }),
  };
}

/** Runs that can be named. */
const RUNS_MAX = 100_000;

async function runOf(store: HandOver["session"]["store"], word: string, call: CallOptions): Promise<number> {
  const id = Number(word);
  const runs = await store.listRuns(RUNS_MAX, call);
  if (runs.some((run) => run.id === id)) return id;
  throw noRun(word);
}

function noRun(word: string | undefined): AccordError {
  return usageError(`There is no run ${word ?? ""}; accord history lists them.`);
}

async function entityOf(hand: HandOver, word: string, call: CallOptions): Promise<{ readonly sync: string; readonly entity: number }> {
  const { findEntity, namedSyncs, syncNamed } = await import("./naming.ts");
  const [, name, record] = /^([^/]+)\/(.+)$/.exec(word) ?? [];
  if (name === undefined || record === undefined)
    throw usageError("Name a record with its sync: --entity customers/236, or --entity customers/crm:17.");
  const sync = syncNamed(await namedSyncs(hand.session, call), name);
  return { sync: name, entity: (await findEntity(hand.session, sync, record, call)).id };
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `10m` before now, or an instant. Epoch milliseconds. */
function instantOf(option: string, text: string, nowMs: number): number {
  const [, figure, unit] = /^(\d+)\s*([smhd])$/.exec(text) ?? [];
  if (figure !== undefined && unit !== undefined) return nowMs - Number(figure) * (UNITS[unit] ?? 0);
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw usageError(`${option} takes a length of time such as 10m, or an instant such as 2026-03-02T14:00:00Z.`);
  return atMs;
}

/** Children go back before the records they refer to, so that no reference stands in the way. [S45] */
async function carryOut(hand: HandOver, items: readonly UndoItem[]): Promise<void> {
  const { context } = hand.session;
  for (const sync of context.syncs.toReversed()) {
    const atMs = context.clock.nowMs();
    const own = items.filter((item) => item.sync === sync.model.name);
    const requests = own.map(({ entity, fields, restores, creates, revive }): NewRequest => {
      return { sync: sync.id, entity, kind: "undo", body: JSON.stringify({ fields, restores, creates, revive }), run: hand.run, atMs };
    });
    if (requests.length > 0) await hand.carryOut(requests);
  }
}

function report(output: Output, hand: HandOver, steps: readonly UndoStep[], now: readonly UndoStep[], options: UndoOptions): ExitCode {
  const isApplied = options.yes === true;
  const masked = (list: readonly UndoStep[]): readonly UndoStep[] =>
    list.map((step) => (options.showValues === true || !isSensitive(hand, step) ? step : { ...step, ...hidden(step) }));
  const still = new Set(now.filter(({ verdict }) => verdict === "back").map(keyOf));
  const back = masked(steps.filter((step) => step.verdict === "back" && !still.has(keyOf(step))));
  const open = masked(steps.filter((step) => step.verdict === "back" && still.has(keyOf(step))));
  const left = masked(steps.filter(({ verdict }) => verdict === "newer"));
  const never = steps.filter(({ verdict }) => verdict === "never");
  const document: UndoJson = { run: isApplied ? hand.run : null, applied: isApplied, back, left, open, never };
  output.json(document);
  print(output, isApplied ? "put back" : "to put back", back, options.limit);
  print(output, "left alone, because a user changed it since", left, options.limit);
  print(output, "not put back yet, see accord errors", open, options.limit);
  print(output, "that cannot be undone", never, options.limit);
  if (isApplied && back.length + open.length === 0) {
    output.line(`Run ${hand.run} put nothing back: ${left.length === 0 ? "there is nothing to undo" : "all of it was changed since"}.`);
    return EXIT.done;
  }
  if (isApplied) {
    output.line(`Undone in run ${hand.run}: ${count(back.length, "change")} put back, ${left.length} left alone.`);
    return open.length > 0 ? EXIT.todo : EXIT.done;
  }
  output.line(
    back.length === 0
      ? "Nothing has been written, and there is nothing to put back."
      : `Nothing has been written. To put ${back.length === 1 ? "it" : "them"} back: the same command with --yes`,
  );
  return back.length === 0 ? EXIT.done : EXIT.todo;
}

/** Restored cells go by column: a sync with a sensitive field masks them all, for a column does not say whose it is. */
function isSensitive(hand: HandOver, step: UndoStep): boolean {
  const fields = hand.session.context.syncs.find(({ model }) => model.name === step.sync)?.model.fields ?? [];
  return step.kind === "field"
    ? fields.find(({ name }) => name === step.what)?.sensitive === true
    : fields.some(({ sensitive }) => sensitive);
}

function hidden({ before, after }: UndoStep): Pick<UndoStep, "before" | "after"> {
  return { before: typeof before === "string" ? MASK : before, after: typeof after === "string" ? MASK : after };
}

function keyOf(step: UndoStep): string {
  return JSON.stringify([step.sync, step.entity, step.side, step.kind, step.what]);
}

function print(output: Output, heading: string, steps: readonly UndoStep[], limit: number): void {
  if (steps.length === 0) return;
  output.line(`${output.paint.bold(`${count(steps.length, "change")} ${heading}`)}:`);
  for (const step of steps.slice(0, limit)) output.line(`  ${describe(step)}`);
  if (steps.length > limit) output.line(`  … and ${steps.length - limit} more (--limit)`);
}

function describe({ sync, entity, side, kind, what, before, after }: UndoStep): string {
  const where = `${sync} entity ${entity}${side === null ? "" : ` at ${side}`}`;
  if (kind === "final") return `${where}: ${what}`;
  if (kind === "uncreate") return `${where}: ${what}, made by the run, is deleted again`;
  if (kind === "revive") return `${where}: comes back to life`;
  return `${where}: ${what} ${showPart(after)} → ${showPart(before)}`;
}

function showPart(value: UndoStep["before"]): string {
  return value === MASK ? MASK : showValue(value, false);
}
