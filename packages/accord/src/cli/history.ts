import type { CallOptions } from "@accord/engine/connector";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import type { NamedSync } from "./naming.ts";
import { showDuration } from "./output.ts";
import type { StoreSession } from "./session.ts";
import type { StoryLine } from "./story.ts";
import { positiveInteger } from "./options.ts";

interface HistoryOptions {
  readonly limit: number;
  readonly showValues?: boolean;
}

/** What `accord history --json` prints: runs, newest first; or, for a record, its story, oldest first. */
export type HistoryJson =
  | {
      readonly runs: readonly {
        readonly run: number;
        readonly kind: string;
        readonly startedAt: string;
        readonly finishedAt: string | null;
        readonly outcome: string | null;
        readonly writes: number;
      }[];
    }
  | { readonly sync: string; readonly entity: number; readonly story: readonly StoryLine[] };

export function defineHistory(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("history [sync] [record]")
    .description(
      "List the runs, newest first; or all that happened to one record, field by field. <record> is crm:17, or an entity's number.",
    )
    .option("--limit <count>", "runs to list, or the last lines of a record's story", positiveInteger, 30)
    .option("--show-values", "show sensitive values too")
    .addHelpText("after", examples("accord history", "accord history customers crm:17"));
  bind<HistoryOptions>(command, history);
}

async function history(context: CommandContext, options: HistoryOptions, name?: string, word?: string): Promise<ExitCode> {
  const { openStoreSession } = await import("./session.ts");
  const { usageError } = await import("./problems.ts");
  if (name !== undefined && word === undefined) throw usageError("Name the record too: accord history customers crm:17.");
  const session = await openStoreSession(context.program, context.session);
  try {
    if (name === undefined || word === undefined) await listRuns(context, session, options);
    else await tellRecord(context, session, options, name, word);
    return EXIT.done;
  } finally {
    await session.close();
  }
}

async function listRuns({ output, signal }: CommandContext, { store, host }: StoreSession, { limit }: HistoryOptions): Promise<void> {
  const { showInstant } = await import("./naming.ts");
  const rows = await store.listRuns(limit, { signal });
  const document: HistoryJson = {
    runs: rows.map(({ id, kind, startedAtMs, finishedAtMs, outcome, writes }) => ({
      run: id,
      kind,
      startedAt: new Date(startedAtMs).toISOString(),
      finishedAt: finishedAtMs === null ? null : new Date(finishedAtMs).toISOString(),
      outcome,
      writes,
    })),
  };
  output.json(document);
  if (rows.length === 0) output.line("Nothing was run yet.");
  else {
    output.table(
      ["run", "kind", "started", "took", "outcome", "writes"],
      rows.map((row) => [
        String(row.id),
        row.kind,
        showInstant(row.startedAtMs),
        showDuration((row.finishedAtMs ?? host.clock.nowMs()) - row.startedAtMs),
        row.outcome ?? "running, or killed",
        String(row.writes),
      ]),
    );
  }
}

/** The number of an entity that was deleted so long ago that nothing but its history is left. [S39] */
async function forgottenEntity({ store }: StoreSession, sync: NamedSync, word: string, call: CallOptions): Promise<number | null> {
  const id = /^#?\d+$/.test(word) ? Number(word.replace("#", "")) : null;
  if (id === null || (await store.loadEntities([id], call)).length > 0) return null;
  for (const side of word.startsWith("#") ? [] : sync.sides.keys())
    if ((await store.findLinks(sync.row.id, side, [word], call))[0] !== null) return null;
  const [entry] = await store.readJournal({ sync: sync.row.id, entity: id, limit: 1 }, call);
  return entry === undefined ? null : id;
}

async function tellRecord(
  { output, signal }: CommandContext,
  session: StoreSession,
  options: HistoryOptions,
  name: string,
  word: string,
): Promise<void> {
  const { findEntity, namedSyncs, showInstant, syncNamed } = await import("./naming.ts");
  const { storyOf } = await import("./story.ts");
  const call = { signal };
  const sync = syncNamed(await namedSyncs(session, call), name);
  const view = { sync, showsValues: options.showValues === true };
  const forgotten = await forgottenEntity(session, sync, word, call);
  const entity = forgotten ?? (await findEntity(session, sync, word, call)).id;
  const story = await storyOf(session, view, entity, null, call);
  const document: HistoryJson = { sync: name, entity, story };
  output.json(document);
  if (story.length > options.limit) output.line(`  … ${story.length - options.limit} earlier (--limit)`);
  for (const { at, text, run } of story.slice(-options.limit))
    output.line(`${showInstant(Date.parse(at))}  ${text}${run === null ? "" : output.paint.dim(`  (run ${run})`)}`);
}
