import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import type { ConflictsJson, OpenConflict, ResolvedJson } from "./conflicts-json.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { count, MASK, showValue } from "./output.ts";
import type { Output } from "./output.ts";
import type { ResolveOptions } from "./resolve-conflict.ts";

interface ListOptions {
  readonly showValues?: boolean;
  readonly limit: number;
}
interface ShowOptions {
  readonly showValues?: boolean;
}
const LIST_LIMIT = 20;

export function defineConflicts(parent: Command, binder: Binder): void {
  const command = parent
    .command("conflicts")
    .description("What waits for a person: fields that two sides changed, deletes that met an edit, records that fit several others.");
  const list = command
    .command("list", { isDefault: true })
    .description("List what is open, oldest first.")
    .option("--limit <count>", "conflicts to print", Number, LIST_LIMIT)
    .option("--show-values", "show sensitive values too")
    .addHelpText("after", examples("accord conflicts", "accord conflicts list --json"));
  binder.bind<ListOptions>(list, listConflicts);
  const show = command
    .command("show <conflict>")
    .description("Show one: what each side holds, since when, and how to decide it.")
    .option("--show-values", "show sensitive values too")
    .addHelpText("after", examples("accord conflicts show customers/236/phone"));
  binder.bind<ShowOptions>(show, showConflict);
  const resolve = command
    .command("resolve <conflict>")
    .description("Decide one. The decision is journalled, written to every side, and can be undone.")
    .option("--take <side>", "the value of this side is right")
    .option("--value <value>", "this value is right")
    .option("--empty", "no value is right")
    .option("--keep", "a delete that met an edit: the record stays, and comes back where it was deleted")
    .option("--delete", "a delete that met an edit: the record is deleted everywhere")
    .option("--link <entity>", "a record that fits several: it belongs to this entity", Number)
    .option("--new", "a record that fits several: it belongs to none of them, and is a thing of its own")
    .addHelpText(
      "after",
      examples(
        "accord conflicts resolve customers/236/phone --take erp",
        "accord conflicts resolve customers/erp/10038 --link 143",
        "accord conflicts resolve customers/erp/10039 --new",
      ),
    );
  binder.bind<ResolveOptions>(resolve, resolveConflict);
}

async function listConflicts(context: CommandContext, { limit, showValues }: ListOptions): Promise<ExitCode> {
  const { output } = context;
  const { openStoreSession } = await import("./session.ts");
  const { openConflicts } = await import("./conflict-list.ts");
  const session = await openStoreSession(context.program, context.session);
  try {
    const conflicts = (await openConflicts(session, context)).map((conflict) => masked(conflict, showValues === true));
    const document: ConflictsJson = { open: conflicts.length, conflicts };
    output.json(document);
    for (const conflict of conflicts.slice(0, limit)) printConflict(output, conflict);
    if (conflicts.length > limit) output.line(`… and ${conflicts.length - limit} more (--limit)`);
    if (conflicts.length === 0) output.line("No conflict waits for a person.");
    else
      output.line(
        `${count(conflicts.length, "conflict")} open. To decide one: accord conflicts show <conflict>, then accord conflicts resolve <conflict> …`,
      );
    return conflicts.length === 0 ? EXIT.done : EXIT.todo;
  } finally {
    await session.close();
  }
}

async function showConflict(context: CommandContext, { showValues }: ShowOptions, id = ""): Promise<ExitCode> {
  const { output } = context;
  const { openStoreSession } = await import("./session.ts");
  const { conflictOf } = await import("./conflict-list.ts");
  const session = await openStoreSession(context.program, context.session);
  try {
    const conflict = masked(await conflictOf(session, id, context), showValues === true);
    const document: ConflictsJson = { open: 1, conflicts: [conflict] };
    output.json(document);
    printConflict(output, conflict);
    output.line("To decide it:");
    for (const line of waysOut(conflict)) output.line(`  ${line}`);
    return EXIT.todo;
  } finally {
    await session.close();
  }
}

async function resolveConflict(context: CommandContext, options: ResolveOptions, id = ""): Promise<ExitCode> {
  const { output } = context;
  const { resolve } = await import("./resolve-conflict.ts");
  const resolved = await resolve(context, id, options);
  const document: ResolvedJson = resolved;
  output.json(document);
  output.line(
    resolved.resolved
      ? `Decided ${id} in run ${resolved.run}.${options.link === undefined && options.new !== true ? ` To take it back: accord undo ${resolved.run}` : ""}`
      : `${id} is still open: ${resolved.reason ?? "the sides changed meanwhile"}`,
  );
  return resolved.resolved ? EXIT.done : EXIT.todo;
}

function masked(conflict: OpenConflict, showsValues: boolean): OpenConflict {
  if (conflict.kind !== "field" || showsValues || !conflict.isSensitive) return conflict;
  return { ...conflict, values: conflict.values.map((row) => ({ ...row, value: typeof row.value === "string" ? MASK : row.value })) };
}

function printConflict(output: Output, conflict: OpenConflict): void {
  output.line(`${output.paint.bold(conflict.id)}  ${conflict.reason}`);
  switch (conflict.kind) {
    case "field":
      for (const { side, record, value } of conflict.values)
        output.line(`    ${side}${record === null ? "" : ` (record ${record})`}: ${value === MASK ? MASK : showValue(value, false)}`);
      return;
    case "delete":
      for (const { side, record, state } of conflict.records)
        output.line(`    ${side}: ${record === null ? "no record" : `record ${record}`}, ${state}`);
      return;
    case "match":
      for (const { entity, records } of conflict.candidates)
        output.line(`    may be entity ${entity}: ${records.join(", ") || "no record left"}`);
      return;
  }
}

function waysOut(conflict: OpenConflict): string[] {
  const resolve = `accord conflicts resolve ${conflict.id}`;
  switch (conflict.kind) {
    case "field":
      return [...conflict.values.map(({ side }) => `${resolve} --take ${side}`), `${resolve} --value <value>`];
    case "delete":
      return [`${resolve} --keep`, `${resolve} --delete`];
    case "match":
      return [...conflict.candidates.map(({ entity }) => `${resolve} --link ${entity}`), `${resolve} --new`];
  }
}
