import { resolve } from "node:path";
import { statSync } from "node:fs";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { showBytes } from "./output.ts";

/** What `accord backup --json` prints. */
export interface BackupJson {
  readonly file: string;
  readonly bytes: number;
  readonly storeId: string;
  readonly generation: number;
}

export function defineBackup(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("backup")
    .argument("<file>", "a file that is not there yet")
    .description("Copy Accord's store, one consistent state, while it may be in use.")
    .addHelpText("after", examples("accord backup accord-2026-11-22.db"));
  bind<object>(command, backup);
}

async function backup(context: CommandContext, _options: object, name = ""): Promise<ExitCode> {
  const { output, program } = context;
  const { openStoreSession } = await import("./session.ts");
  const session = await openStoreSession(program, context.session);
  try {
    const file = resolve(name);
    await session.store.backup(file);
    const { storeId, generation } = session.identity;
    const bytes = statSync(file).size;
    output.json({ file, bytes, storeId, generation } satisfies BackupJson);
    output.line(`Backed up to ${file} (${showBytes(bytes)}). It holds personal data: keep it as you keep the systems' own backups.`);
    return EXIT.done;
  } finally {
    await session.close();
  }
}
