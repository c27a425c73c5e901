import type { RetryRequest } from "@accord/engine";
import type { DueKey, NewRequest } from "@accord/engine/store";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import type { ErrorGroup, KeyedGroup } from "./error-groups.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { count } from "./output.ts";
import type { Output } from "./output.ts";

interface RetryOptions {
  readonly all?: boolean;
}

/** What `accord errors --json` and `accord errors show --json` print. `records` are at most 100 per group in a list. */
export interface ErrorsJson {
  readonly records: number;
  readonly groups: readonly ErrorGroup[];
}

/** What `accord errors retry --json` prints. */
export interface RetriedJson {
  readonly retried: number;
  /** Of those: still refused or waiting. */
  readonly left: number;
}

const RECORDS_IN_LIST = 100;
const RECORDS_PRINTED = 5;

export function defineErrors(parent: Command, binder: Binder): void {
  const command = parent
    .command("errors")
    .description(
      "Records that stand aside while the rest proceeds, grouped by cause: refused writes, values that cannot be understood, missing parents.",
    );
  const list = command
    .command("list", { isDefault: true })
    .description("List the causes, the most frequent first.")
    .addHelpText("after", examples("accord errors", "accord errors list --json"));
  binder.bind<object>(list, listErrors);
  const show = command
    .command("show <group>")
    .description("Show every record of one group.")
    .addHelpText("after", examples("accord errors show 3fa29c"));
  binder.bind<object>(show, showErrors);
  const retry = command
    .command("retry [group]")
    .description("Try the refused writes of one group again, or of all: after the cause was mended.")
    .option("--all", "every group")
    .addHelpText("after", examples("accord errors retry 3fa29c", "accord errors retry --all"));
  binder.bind<RetryOptions>(retry, retryErrors);
}

async function listErrors(context: CommandContext): Promise<ExitCode> {
  const { output } = context;
  const groups = await readGroups(context);
  const document: ErrorsJson = {
    records: groups.reduce((sum, group) => sum + group.count, 0),
    groups: groups.map((group) => publicGroup(group, RECORDS_IN_LIST)),
  };
  output.json(document);
  for (const group of groups) printGroup(output, group, RECORDS_PRINTED);
  if (groups.length === 0) output.line("Nothing stands aside.");
  else
    output.line(
      `${count(document.records, "record")} in ${count(groups.length, "group")}. All of one: accord errors show <group>; once the cause is mended: accord errors retry <group>`,
    );
  return groups.length === 0 ? EXIT.done : EXIT.todo;
}

async function showErrors(context: CommandContext, _: object, id = ""): Promise<ExitCode> {
  const { groupOf } = await import("./error-groups.ts");
  const group = groupOf(await readGroups(context), id);
  const document: ErrorsJson = { records: group.count, groups: [publicGroup(group, group.count)] };
  context.output.json(document);
  printGroup(context.output, group, group.count);
  return EXIT.todo;
}

async function retryErrors(context: CommandContext, { all }: RetryOptions, id?: string): Promise<ExitCode> {
  const { output } = context;
  const { errorGroups, groupOf } = await import("./error-groups.ts");
  const { usageError } = await import("./problems.ts");
  if ((id === undefined) === (all !== true)) throw usageError("Say what to try again: one group (accord errors lists them), or --all.");
  const groups = await readGroups(context);
  const meant = id === undefined ? groups : [groupOf(groups, id)];
  const keys = meant.flatMap((group) => group.keys);
  if (id !== undefined && keys.length === 0)
    throw usageError(
      "These records could not be taken in, and there is no write to try again; mend the record or the mapping, and it is read again by itself.",
    );
  const { openHandOver } = await import("./hand-over.ts");
  const hand = await openHandOver(context, { kind: "resolve", looksFirst: false });
  let outcome: "done" | "failed" = "failed";
  try {
    const { store, context: engine, signal } = hand.session;
    const when = { run: hand.run, atMs: engine.clock.nowMs() };
    const unproven = meant.filter(isUnproven).flatMap((group) => group.keys.map((key) => makeAgain(key, group.side, when)));
    const refused = meant.filter((group) => !isUnproven(group)).flatMap((group) => group.keys);
    const released = refused.length === 0 ? 0 : await store.retryParked(refused, when.atMs, { signal });
    const retried = released + unproven.length;
    await hand.carryOut(unproven);
    await hand.drain(keys);
    const wanted = new Set(keys.map(keyText));
    const left = (await errorGroups(hand.session, { signal }))
      .flatMap((group) => group.keys)
      .filter((key) => wanted.has(keyText(key))).length;
    outcome = "done";
    const document: RetriedJson = { retried, left };
    output.json(document);
    output.line(
      `Tried ${count(retried, "write")} again: ${retried - left} made, ${left} still standing aside${left > 0 ? " (accord errors)" : ""}.`,
    );
    return left > 0 ? EXIT.todo : EXIT.done;
  } finally {
    await hand.close(outcome);
  }
}

function isUnproven({ code }: ErrorGroup): boolean {
  return code === "ACCORD_UNPROVEN";
}

/** A person has looked for what a create may have made, and there is none. [S35] */
function makeAgain({ sync, entity }: DueKey, side: string, when: { readonly run: number; readonly atMs: number }): NewRequest {
  const body: RetryRequest = { side, incarnation: null };
  return { sync, entity, kind: "retry", body: JSON.stringify(body), ...when };
}

async function readGroups(context: CommandContext): Promise<readonly KeyedGroup[]> {
  const { openStoreSession } = await import("./session.ts");
  const { errorGroups } = await import("./error-groups.ts");
  const session = await openStoreSession(context.program, context.session);
  try {
    return await errorGroups(session, context);
  } finally {
    await session.close();
  }
}

function publicGroup(group: KeyedGroup, records: number): ErrorGroup {
  const { id, kind, sync, side, code, reason, oldestAt } = group;
  return { id, kind, sync, side, code, reason, count: group.count, oldestAt, records: group.records.slice(0, records) };
}

function keyText({ sync, side, entity }: { readonly sync: number; readonly side: number; readonly entity: number }): string {
  return `${sync}/${side}/${entity}`;
}

const TITLES: Readonly<Record<ErrorGroup["kind"], string>> = {
  parked: "not written",
  waiting: "waits for another record",
  value: "a value cannot be understood",
  duplicate: "found twice",
  reference: "names an unknown record",
  ambiguous: "fits several records (accord conflicts)",
  merged: "left over from a merge",
};

function printGroup(output: Output, group: ErrorGroup, shown: number): void {
  output.line(
    `${output.paint.bold(group.id)}  ${count(group.count, "record")} of ${group.sync} at ${group.side}, ${TITLES[group.kind]}: ${group.reason}`,
  );
  for (const { entity, record, at } of group.records.slice(0, shown)) {
    output.line(
      `    ${[record === null ? "no record yet" : `record ${record}`, ...(entity === null ? [] : [`entity ${entity}`])].join(", ")}, since ${at}`,
    );
  }
  if (group.count > shown) output.line(`    … and ${group.count - shown} more`);
}
