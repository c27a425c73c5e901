import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { AccordError } from "@accord/engine/connector";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import type { OpenProject } from "./session.ts";

/** What `accord restore --json` prints. */
export interface RestoreJson {
  readonly file: string;
  readonly store: string;
  readonly generation: number;
  /** Systems that could not be asked which generation they have seen. */
  readonly notAsked: readonly string[];
}

export function defineRestore(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("restore")
    .argument("<file>", "a file that accord backup made")
    .description("Put a backup in the place of Accord's store. Nothing is written to any system before a plan is applied.")
    .addHelpText("after", examples("accord restore accord-2026-11-22.db"));
  bind<object>(command, restore);
}

async function restore(context: CommandContext, _options: object, name = ""): Promise<ExitCode> {
  const { output, program, signal } = context;
  const { openProject } = await import("./session.ts");
  const opened = await openProject(program, context.session);
  const { storePath } = opened.project;
  const from = resolve(name);
  if (!existsSync(from))
    throw new AccordError("ACCORD_NO_BACKUP", `There is no file ${from}, and nothing was restored; name a file that accord backup made.`, {
      remedy: "stop",
      where: from,
    });
  await requireIdle(context, opened);
  const { generationSeen, notAsked } = await askSystems(opened, signal);
  mkdirSync(dirname(storePath), { recursive: true, mode: 0o700 });
  const hadStore = existsSync(storePath);
  const { generation } = await program.restoreStore({ from, to: storePath, random: opened.host.random, generationSeen });
  output.json({ file: from, store: storePath, generation, notAsked } satisfies RestoreJson);
  for (const connection of notAsked) output.remark(`${connection} could not be reached, so what it has seen of this store is not known.`);
  output.line(`Restored ${storePath} from ${from}.${hadStore ? ` The store that was there is kept as ${storePath}.before-restore.` : ""}`);
  output.line("It is behind the systems. Nothing is written before you approve what differs: accord plan, then accord apply.");
  return EXIT.done;
}

/** A store that a process works on is not replaced below it. */
async function requireIdle({ program, signal }: CommandContext, { project, host }: OpenProject): Promise<void> {
  const { isDead } = await import("../daemon/engine-lease.ts");
  if (!existsSync(project.storePath)) return;
  let held: Awaited<ReturnType<Awaited<ReturnType<typeof program.openStore>>["leaseHolder"]>> = null;
  try {
    const store = await program.openStore({ path: project.storePath, ...host });
    held = await store.leaseHolder("engine", { signal });
    await store.close();
  } catch (error) {
    // A store that cannot be opened is what one restores a backup for.
    if (error instanceof AccordError && error.code !== "ACCORD_STORE_NEWER") return;
    throw error;
  }
  if (held === null || held.expiresAtMs <= host.clock.nowMs() || isDead(held.holder)) return;
  throw new AccordError(
    "ACCORD_ALREADY_RUNNING",
    `Another Accord (${held.holder}) is working on this store, and nothing was restored; stop it first.`,
    { remedy: "stop" },
  );
}

/** The highest generation that a system carries, so that the restored store is above it. [S58] */
async function askSystems(
  opened: OpenProject,
  signal: AbortSignal,
): Promise<{ readonly generationSeen: number | null; readonly notAsked: readonly string[] }> {
  const { connectAll } = await import("./session.ts");
  const notAsked: string[] = [];
  let generationSeen: number | null = null;
  for (const [name, connection] of connectAll(opened)) {
    try {
      const mark = await connection.readMark({ signal });
      if (mark !== null) generationSeen = Math.max(generationSeen ?? 0, mark.generation);
    } catch (error) {
      if (!(error instanceof AccordError) || error.code === "ACCORD_CANCELLED") throw error;
      notAsked.push(name);
    } finally {
      await connection.close();
    }
  }
  return { generationSeen, notAsked };
}
