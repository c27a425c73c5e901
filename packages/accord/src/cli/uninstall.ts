import { existsSync } from "node:fs";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { printSteps } from "./install-view.ts";
import type { StepsJson } from "./install-view.ts";

interface UninstallOptions {
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

/** What `accord uninstall --json` prints. */
export interface UninstallJson {
  readonly dryRun: boolean;
  readonly connections: readonly StepsJson[];
}

export function defineUninstall(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("uninstall")
    .description("Remove all that install made at each system. Records are not touched, and Accord's store is kept.")
    .option("--dry-run", "show what would be removed, with its SQL, and remove nothing")
    .option("--force", "remove what another Accord store installed, too")
    .addHelpText("after", examples("accord uninstall --dry-run", "accord uninstall"));
  bind<UninstallOptions>(command, uninstall);
}

async function uninstall(context: CommandContext, options: UninstallOptions): Promise<ExitCode> {
  const { output, program, signal } = context;
  const { connectAll, openProject, openStoreSession } = await import("./session.ts");
  const { bareContext, holdEngine } = await import("../daemon/engine-lease.ts");
  const isDry = options.dryRun === true;
  const opened = await openProject(program, context.session);
  const store = existsSync(opened.project.storePath) ? await openStoreSession(program, context.session) : null;
  const connections = connectAll(opened);
  const held =
    store === null || isDry
      ? null
      : await holdEngine(bareContext(store.host, store.store, store.identity), { signal }).catch(closeAndThrow);
  try {
    if (options.force !== true) {
      const { requireOwnSystems } = await import("./session.ts");
      await requireOwnSystems(store?.identity ?? null, connections, "run this where that store is, or accord uninstall --force", {
        signal,
      });
    }
    const done: StepsJson[] = [];
    for (const [name, connection] of connections) {
      const steps = await connection.uninstall(isDry ? "describe" : "do", { signal });
      const row = isDry ? null : ((await store?.store.readConnection(name, { signal })) ?? null);
      // The feed that this cursor belongs to is gone.
      if (row !== null) await store?.store.writeConnection({ ...row, cursor: null }, { signal });
      done.push({ connection: name, steps });
      printSteps(output, { connection: name, steps }, isDry);
    }
    output.json({ dryRun: isDry, connections: done } satisfies UninstallJson);
    if (done.every(({ steps }) => steps.length === 0)) output.line("Nothing was installed.");
    else output.line(isDry ? "Nothing has been removed." : "Uninstalled. The store is kept; accord install makes it work again.");
    return EXIT.done;
  } finally {
    await held?.release();
    await Promise.allSettled([...connections.values()].map((connection) => connection.close()));
    await store?.close();
  }

  async function closeAndThrow(error: unknown): Promise<never> {
    await Promise.allSettled([...connections.values()].map((connection) => connection.close()));
    await store?.close();
    throw error;
  }
}
