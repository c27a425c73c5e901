import type { DueState, SyncState } from "@accord/engine/store";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import type { TripJson } from "./approve.ts";

interface StatusOptions {
  readonly watch?: boolean;
}

/** What `accord status --json` prints. */
export interface StatusJson {
  readonly store: { readonly path: string; readonly bytes: number; readonly journalEntries: number; readonly generation: number; readonly restored: boolean };
  /** Who acts on the store now; null: nobody. */
  readonly runningAs: string | null;
  readonly syncs: readonly SyncStatus[];
  readonly connections: readonly {
    readonly connection: string;
    readonly state: "active" | "paused";
    readonly reason: string | null;
    /** Where its feed stands, or null: none is followed yet. Opaque. */
    readonly cursor: string | null;
  }[];
  /** Guards that wait for approval. */
  readonly guards: readonly TripJson[];
}

export interface SyncStatus {
  readonly sync: string;
  /** `unknown`: it is in the file and was never planned. */
  readonly state: SyncState | "unknown";
  readonly reason: string | null;
  readonly entities: number;
  /** Records that take part, by side. */
  readonly records: Readonly<Record<string, number>>;
  /** Word of changes that are not merged yet. */
  readonly toMerge: number;
  /** Due writes by state. */
  readonly due: Readonly<Record<DueState, number>>;
  /** Age of the oldest write that is ready and not made; null: none. Milliseconds. */
  readonly oldestMs: number | null;
  readonly reviews: number;
  readonly problems: number;
  /** When each side was last listed in full, ISO 8601; null: never. */
  readonly sweptAt: Readonly<Record<string, string | null>>;
}

/** Between two looks of `--watch`. Milliseconds. */
const WATCH_MS = 2_000;

export function defineStatus(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("status")
    .description("Show how each sync stands: records, backlog and its age, parked writes, conflicts, feeds, guards. Reaches no system.")
    .option("--watch", "show it again every 2 seconds")
    .addHelpText("after", examples("accord status", "accord status --json"));
  bind<StatusOptions>(command, status);
}

async function status(context: CommandContext, options: StatusOptions): Promise<ExitCode> {
  const { output, program, signal } = context;
  const { openStoreSession } = await import("./session.ts");
  const { readStatus } = await import("./read-status.ts");
  const { printStatus } = await import("./status-view.ts");
  const session = await openStoreSession(program, context.session);
  try {
    for (;;) {
      const document = await readStatus(session, { signal });
      output.json(document);
      if (options.watch === true && program.terminal.isOutTty) program.terminal.out("\u001b[2J\u001b[H");
      printStatus(output, document);
      if (options.watch !== true) return EXIT.done;
      await session.host.clock.sleep(WATCH_MS, { signal }).catch(() => undefined);
      if (signal.aborted) return EXIT.done;
    }
  } finally {
    await session.close();
  }
}
