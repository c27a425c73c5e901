import type { RunWatcher } from "@accord/engine";
import { AccordError } from "@accord/engine/connector";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import type { Output } from "./output.ts";
import type { SystemsSession } from "./session.ts";

/** One line of `accord run --json`: first `started`, then events as they happen, one JSON document per line. */
export type RunJson =
  | {
      readonly event: "started";
      readonly run: number;
      readonly sides: readonly { readonly sync: string; readonly side: string; readonly guarantee: string; readonly capture: string }[];
    }
  | {
      readonly event: "written";
      readonly at: string;
      readonly sync: string;
      readonly side: string;
      readonly kind: string;
      readonly count: number;
    }
  | { readonly event: "parked"; readonly at: string; readonly sync: string; readonly side: string; readonly reason: string }
  /** A field is frozen because two rules fight over it: `accord conflicts`. */
  | {
      readonly event: "fought";
      readonly at: string;
      readonly sync: string;
      readonly entity: number;
      readonly field: string;
      readonly reason: string;
    }
  | { readonly event: "stopped"; readonly at: string };

export function defineRun(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("run")
    .description("Keep the sides in agreement until stopped: follow changes, merge, write. One process at a time per store.")
    .addHelpText("after", examples("accord run", "accord run --json >> accord.ndjson"));
  bind<object>(command, run);
}

async function run(context: CommandContext): Promise<ExitCode> {
  const { output, program, signal } = context;
  let shape: string | null = null;
  for (;;) {
    const ended = await runOnce(context, shape);
    if (ended.kind === "stopped" || signal.aborted) break;
    shape = ended.shape;
    output.remark(
      `${ended.where} lacks an object or a column that it had, or has another in its place; what is there now is looked at, and the run goes on with that.`,
    );
  }
  say(output, program.terminal.out, { event: "stopped", at: now() }, "Stopped. Nothing is lost: accord run goes on where this ended.");
  return EXIT.done;
}

/** How a run ended: by a signal, or because a system has changed under it. `shape` tells what it read, and which fields it went without. */
type RunEnd = { readonly kind: "stopped" } | { readonly kind: "lacking"; readonly where: string; readonly shape: string };

/**
 * Runs until the signal, or until a system lacks what it had: then everything is opened anew, with those fields paused that it shows no more. [S50]
 *
 * @param before what the run before this one, which ended so, went without, and what it read (`shapeOf`): where they are the same now, opening anew does not help
 */
async function runOnce(context: CommandContext, before: string | null): Promise<RunEnd> {
  const { output, program, signal } = context;
  const { openSession } = await import("./session.ts");
  const { requireApplied, requireProof } = await import("./readiness.ts");
  const { runDaemon } = await import("../daemon/live.ts");
  const changed = new AbortController();
  let where = "A system";
  const lacking = (at: string): void => {
    where = at;
    changed.abort();
  };
  const session = await openSession(program, {
    ...context.session,
    mayWrite: true,
    runKind: "live",
    watch: telling(context, lacking),
    beforeRun: requireApplied,
  });
  let hasFailed = true;
  try {
    for (const warning of session.warnings) output.remark(warning);
    requireProof(session.context);
    await announce(context, session);
    const shape = shapeOf(session);
    const end = await runDaemon(session.context, AbortSignal.any([signal, changed.signal]));
    if (end.kind === "failed" && isLacking(end.error)) lacking(end.error.where ?? where);
    const hasChanged = changed.signal.aborted && !signal.aborted;
    if (hasChanged && shape === before) throw end.kind === "failed" ? end.error : stillLacking(where);
    if (end.kind === "failed" && !hasChanged) throw end.error;
    hasFailed = false;
    return hasChanged ? { kind: "lacking", where, shape } : { kind: "stopped" };
  } finally {
    await session.close(hasFailed ? "failed" : "stopped");
  }
}

/** Which fields a run goes without, and what the columns that it reads are: where both are as before, opening anew has changed nothing. */
function shapeOf({ context, paused }: SystemsSession): string {
  const types = context.syncs.map(({ objects }) =>
    objects.map(({ columns, schema }) => columns.map((name) => schema.columns.find((column) => column.name === name)?.nativeType)),
  );
  return JSON.stringify([paused.map(({ sync, side, field }) => [sync, side, field]), types]);
}

function isLacking(error: unknown): error is AccordError {
  return error instanceof AccordError && error.code === "ACCORD_OBJECT_MISSING";
}

function stillLacking(where: string): AccordError {
  return new AccordError(
    "ACCORD_OBJECT_MISSING",
    `${where} lacks an object or a column that Accord needs beside those of the mapping; accord check tells what, and accord install makes what is Accord's own.`,
    { remedy: "stop", where },
  );
}

async function announce({ output, program }: CommandContext, { context, store, signal }: SystemsSession): Promise<void> {
  const { CAPTURES, guaranteeOf } = await import("./readiness.ts");
  const sides = context.syncs.flatMap((sync) =>
    sync.model.sides.flatMap(({ name: side, object }, index) => {
      const capabilities = sync.objects[index]?.capabilities;
      if (capabilities === undefined) return [];
      const capture = sync.settings.live ? capabilities.capture : "sweep";
      return [{ sync: sync.model.name, side, object, guarantee: guaranteeOf(capabilities), capture }];
    }),
  );
  const started = {
    event: "started",
    run: context.run,
    sides: sides.map(({ sync, side, guarantee, capture }) => ({ sync, side, guarantee, capture })),
  } as const;
  say(
    output,
    program.terminal.out,
    started,
    sides.map(({ sync, side, object, guarantee, capture }) => `${sync} ${side} (${object}): ${guarantee}; ${CAPTURES[capture]}`).join("\n"),
  );
  for (const row of await store.listSyncs({ signal })) {
    if (row.state === "paused") output.remark(`${row.name} is paused: ${row.stateReason ?? "by a person"}`);
  }
  output.line(`Running (run ${context.run}). Ctrl-C stops it; nothing is lost.`);
}

/** Tells what happens, as it happens. */
function telling({ output, program }: CommandContext, lacking: RunWatcher["lacking"]): RunWatcher {
  const out = (text: string): void => program.terminal.out(text);
  return {
    listed: () => {},
    merged: () => {},
    written: (sync, side, kind, count) =>
      say(output, out, { event: "written", at: now(), sync, side, kind, count }, `${now()} ${sync}: ${kind} at ${side}, ${count}`),
    parked: (sync, side, reason) =>
      say(
        output,
        out,
        { event: "parked", at: now(), sync, side, reason },
        `${now()} ${sync}: parked at ${side}: ${reason} (accord errors)`,
      ),
    fought: (sync, entity, field, reason) =>
      say(
        output,
        out,
        { event: "fought", at: now(), sync, entity, field, reason },
        `${now()} ${sync} entity ${entity}: ${field} is frozen: ${reason} (accord conflicts)`,
      ),
    lacking,
  };
}

function say(output: Output, out: (text: string) => void, event: RunJson, text: string): void {
  if (output.isJson) out(`${JSON.stringify(event)}\n`);
  else output.line(text);
}

/** ISO 8601. */
function now(): string {
  return new Date().toISOString();
}
