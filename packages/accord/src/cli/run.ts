import type { RunWatcher } from "@accord/engine";
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
  const { openSession } = await import("./session.ts");
  const { requireApplied, requireProof } = await import("./readiness.ts");
  const { runDaemon } = await import("../daemon/live.ts");
  const session = await openSession(program, {
    ...context.session,
    mayWrite: true,
    runKind: "live",
    watch: telling(context),
    beforeRun: requireApplied,
  });
  let hasFailed = true;
  try {
    for (const warning of session.warnings) output.remark(warning);
    requireProof(session.context);
    await announce(context, session);
    const end = await runDaemon(session.context, signal);
    if (end.kind === "failed") throw end.error;
    hasFailed = false;
    say(output, program.terminal.out, { event: "stopped", at: now() }, "Stopped. Nothing is lost: accord run goes on where this ended.");
    return EXIT.done;
  } finally {
    await session.close(hasFailed ? "failed" : "stopped");
  }
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
function telling({ output, program }: CommandContext): RunWatcher {
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
