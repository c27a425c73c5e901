import type { Connection } from "@accord/engine/connector";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";

interface StatusOptions {
  readonly watch?: boolean;
  readonly offline?: boolean;
}

/** Between two looks of `--watch`. Milliseconds. */
const WATCH_MS = 2_000;

const NONE: ReadonlyMap<string, Connection> = new Map();

export function defineStatus(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("status")
    .description("Show how each sync stands: records, backlog and its age, parked writes, conflicts, feeds, guards. Writes nothing.")
    .option("--watch", "show it again every 2 seconds")
    .option("--offline", "reach no system: how far feeds are behind is left out")
    .addHelpText("after", examples("accord status", "accord status --json --offline"));
  bind<StatusOptions>(command, status);
}

async function status(context: CommandContext, options: StatusOptions): Promise<ExitCode> {
  const { output, program, signal } = context;
  const { closeAll, connectAll, openStoreSession } = await import("./session.ts");
  const { readStatus } = await import("./read-status.ts");
  const { printStatus } = await import("./status-view.ts");
  const session = await openStoreSession(program, context.session);
  const connections = options.offline === true ? NONE : connectAll(session);
  try {
    for (;;) {
      const document = await readStatus(session, connections, { signal });
      output.json(document);
      if (options.watch === true && program.terminal.isOutTty) program.terminal.out("\u001b[2J\u001b[H");
      printStatus(output, document);
      if (options.watch !== true) return EXIT.done;
      await session.host.clock.sleep(WATCH_MS, { signal }).catch(() => undefined);
      if (signal.aborted) return EXIT.done;
    }
  } finally {
    await closeAll(connections);
    await session.close();
  }
}
