import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync, fstatSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnOptions } from "./child.ts";
import { diskFull, lastLines, PostgresError, saysDiskFull } from "./errors.ts";
import { logTailBytes, orphanWaitMsMax, quotedLinesMax, readyPollMs, startMsMax, stopStepMsMax } from "./limits.ts";
import type { ServerUser } from "./server-user.ts";

/** Everything one start of the `postgres` program needs. */
export interface Launch {
  readonly program: string;
  readonly user: ServerUser;
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly port: number;
  /** Configuration parameters by name; they win over postgresql.conf. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A running `postgres` process that accepts connections. */
export interface RunningProcess {
  readonly processId: number;
  /** Resolves when the process has ended, however it ended. */
  readonly ended: Promise<void>;
  /** Sends a signal, if the process has not ended yet, and waits for its end. */
  kill(name: NodeJS.Signals): Promise<void>;
  /** Stops it: with `SIGINT` fast and clean, with `SIGQUIT` at once and without a checkpoint; harsher if it does not obey. */
  stop(first: "SIGINT" | "SIGQUIT"): Promise<void>;
}

/** Processes to stop when this program ends without having stopped them. The watchdog does the same for an end without warning. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGQUIT");
});

/**
 * Starts `postgres` and waits until it accepts connections.
 * The backends of a server that was killed hold its shared memory for a moment; such a start is repeated.
 *
 * @param onSpawn told the process id at once, before the server is ready
 * @throws {PostgresError} ACCORD_PORT_TAKEN, ACCORD_DISK_FULL, ACCORD_POSTGRES_START, ACCORD_CANCELLED
 */
export async function launch(
  options: Launch,
  onSpawn: (processId: number) => void,
  signal: AbortSignal | undefined,
): Promise<RunningProcess> {
  const deadline = Date.now() + orphanWaitMsMax;
  for (;;) {
    const attempt = await launchOnce(options, onSpawn, signal);
    if (attempt.kind === "running") return attempt.process;
    const orphaned = /pre-existing shared memory block|is still in use by/.test(attempt.log);
    if (!orphaned || Date.now() > deadline) throw startError(options, attempt.log);
    await sleep(100);
  }
}

type Attempt = { readonly kind: "running"; readonly process: RunningProcess } | { readonly kind: "failed"; readonly log: string };

async function launchOnce(options: Launch, onSpawn: (processId: number) => void, signal: AbortSignal | undefined): Promise<Attempt> {
  // A link left by the server's user is not followed: as root we would write to its target.
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
  const log = openSync(options.logFile, flags, 0o600);
  try {
    const logStart = fstatSync(log).size;
    const child = spawnServer(options, log);
    const process = watchProcess(child);
    if (process !== undefined) onSpawn(process.processId);
    const outcome = process === undefined ? await spawnFailure(child) : await waitUntilReady(process, options, signal);
    if (outcome === "ready" && process !== undefined) return { kind: "running", process };
    await process?.stop("SIGQUIT");
    if (outcome === "cancelled") throw new PostgresError("ACCORD_CANCELLED", "the start of PostgreSQL was cancelled", signal?.reason);
    return { kind: "failed", log: outcome === "ended" ? readTail(log, logStart) : `${outcome} ${readTail(log, logStart)}` };
  } finally {
    closeSync(log);
  }
}

function spawnServer({ program, user, dataDirectory, port, settings }: Launch, log: number): ChildProcess {
  const fixed = { listen_addresses: "127.0.0.1", port: String(port), unix_socket_directories: "" };
  const parameters = Object.entries({ ...settings, ...fixed }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return spawn(program, ["-D", dataDirectory, ...parameters], {
    ...spawnOptions(user),
    stdio: ["ignore", log, log],
    // Ctrl-C at the terminal reaches our program, which stops the server when its own work is done.
    detached: true,
  });
}

function watchProcess(child: ChildProcess): RunningProcess | undefined {
  const processId = child.pid;
  if (processId === undefined) return undefined;
  running.add(child);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => {
      running.delete(child);
      resolve();
    });
  });
  child.on("error", () => undefined);
  // A forgotten server must not keep the program alive; it is stopped when the program ends.
  child.unref();
  const kill = async (name: NodeJS.Signals): Promise<void> => {
    child.ref();
    child.kill(name);
    await ended;
  };
  const stop = async (first: "SIGINT" | "SIGQUIT"): Promise<void> => {
    for (const name of [first, "SIGQUIT", "SIGKILL"] as const) {
      if (!running.has(child)) return;
      if (await endsWithin(kill(name), stopStepMsMax)) return;
    }
    await ended;
  };
  return { processId, ended, kill, stop };
}

async function endsWithin(ended: Promise<void>, limitMs: number): Promise<boolean> {
  const timer = new AbortController();
  const limit = sleep(limitMs, false, { signal: timer.signal }).catch(() => false);
  try {
    return await Promise.race([ended.then(() => true), limit]);
  } finally {
    timer.abort();
  }
}

/** Why the program could not be started at all, in one word or line. */
function spawnFailure(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      resolve(error.message);
    });
  });
}

/**
 * Waits for the status line of postmaster.pid, as pg_ctl does: line 1 is the process id, line 8 becomes `ready`
 * (src/include/utils/pidfile.h of PostgreSQL). Needs no connection and no password.
 */
async function waitUntilReady(process: RunningProcess, options: Launch, signal: AbortSignal | undefined): Promise<string> {
  let hasEnded = false;
  const ended = process.ended.then(() => {
    hasEnded = true;
  });
  const deadline = Date.now() + startMsMax;
  while (Date.now() < deadline) {
    if (hasEnded) return "ended";
    if (signal?.aborted === true) return "cancelled";
    if (isReady(options.dataDirectory, process.processId)) return "ready";
    await Promise.race([ended, sleep(readyPollMs)]);
  }
  return `not ready after ${String(startMsMax / 1000)} s`;
}

function isReady(dataDirectory: string, processId: number): boolean {
  try {
    const lines = readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n");
    return lines[0]?.trim() === String(processId) && lines[7]?.trim() === "ready";
  } catch {
    return false;
  }
}

/** What the server logged since `start`, at most `logTailBytes` of it. */
function readTail(log: number, start: number): string {
  const end = fstatSync(log).size;
  const from = Math.max(start, end - logTailBytes);
  const buffer = Buffer.alloc(Math.max(end - from, 0));
  const length = readSync(log, buffer, 0, buffer.length, from);
  return buffer.toString("utf8", 0, length);
}

function startError(options: Launch, log: string): PostgresError {
  if (/could not bind .*Address already in use/.test(log)) {
    const message = `port ${String(options.port)} of 127.0.0.1 is taken by another program: stop it, or choose another port`;
    return new PostgresError("ACCORD_PORT_TAKEN", message);
  }
  if (saysDiskFull(log)) return diskFull(options.dataDirectory, new Error(log));
  const owner = /lock file "postmaster.pid" already exists[^]*?PID (\d+)/.exec(log)?.[1];
  if (owner !== undefined) {
    const message = `the data directory ${options.dataDirectory} is in use by process ${owner}: stop it first, or choose another directory`;
    return new PostgresError("ACCORD_POSTGRES_DIRECTORY", message);
  }
  const failures = log.split("\n").filter((line) => /FATAL|PANIC|ERROR|HINT|DETAIL/.test(line));
  const shown = lastLines(failures.length > 0 ? failures.join("\n") : log, quotedLinesMax);
  return new PostgresError("ACCORD_POSTGRES_START", `PostgreSQL did not start: ${shown} (see ${options.logFile})`);
}
