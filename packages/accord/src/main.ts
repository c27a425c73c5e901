import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { runCli } from "./cli/cli.ts";
import { EXIT } from "./cli/exit.ts";
import type { Program, Terminal } from "./cli/program.ts";

keepCompiled();

/** What a pipe is taken to be wide. Columns. */
const WIDTH_WITHOUT_TERMINAL = 100;

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  ask,
  isErrorTty: process.stderr.isTTY,
  isOutTty: process.stdout.isTTY,
  width: process.stdout.isTTY ? process.stdout.columns : WIDTH_WITHOUT_TERMINAL,
};

/** The one place that names concrete classes. They load when a command needs them. */
const program: Program = {
  version: "0.0.0",
  loadConnectors: async () => {
    const [{ postgresConnector }, { sqliteConnector }] = await Promise.all([
      import("@accord/connectors/postgres"),
      import("@accord/connectors/sqlite"),
    ]);
    return [postgresConnector, sqliteConnector];
  },
  openStore: async (options) => (await import("./store/store.ts")).openSqliteStore(options),
  restoreStore: async (options) => (await import("./store/backup.ts")).restoreStore(options),
  environment: process.env,
  terminal,
};

async function ask(question: string, signal: AbortSignal): Promise<string | null> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return null;
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new Promise<null>((resolve) => lines.once("close", () => resolve(null)));
  // While a question is open the terminal gives Ctrl-C to us as a key.
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    return await Promise.race([lines.question(question, { signal }), closed]);
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  } finally {
    lines.close();
  }
}

/** What a command loads is compiled once and not at every start: a fifth of the time that takes. Kept in a folder of the user's, where nobody else can put code. */
function keepCompiled(): void {
  try {
    const given = process.env["XDG_CACHE_HOME"] ?? "";
    enableCompileCache(join(given === "" ? join(homedir(), ".cache") : given, "accord", "compiled"));
  } catch {
    // A user without a home: everything is compiled at every start.
  }
}

/** The first request to stop ends work cleanly; the second ends the process, which is safe too: it only takes longer to resume. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(EXIT.failed);
      stop.abort();
    });
  }
  // A reader that has seen enough (`accord plan | head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.done);
  });
  return stop.signal;
}

process.exitCode = await runCli(program, process.argv.slice(2), stopOnSignals());
