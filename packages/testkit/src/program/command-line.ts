import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** How a program ended and what it said. */
export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly error: string;
}

/** A program that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once its standard output holds the text. Rejects when it ends before that. */
  waitFor(text: string): Promise<void>;
}

export interface RunOptions {
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The largest file it may write, in KiB: a full disk. */
  readonly fileSizeKiBMax?: number;
}

/** The real program in a folder of its own, as a user runs it: a child process each time. */
export interface CommandLine {
  readonly folder: string;
  path(name: string): string;
  write(name: string, text: string): void;
  run(words: readonly string[], options?: RunOptions): Promise<Ended>;
  start(words: readonly string[], options?: RunOptions): Running;
  /** Ends what still runs, the hard way. The folder stays. */
  stop(): Promise<void>;
  /** Ends what still runs and removes the folder. */
  remove(): Promise<void>;
}

const MAIN = fileURLToPath(new URL("../../../accord/src/main.ts", import.meta.url));

/** Makes an empty folder to run the program in. */
export function createCommandLine(): CommandLine {
  const folder = mkdtempSync(join(tmpdir(), "accord-cli-"));
  const started: Running[] = [];
  const start: CommandLine["start"] = (words, options = {}) => {
    const running = launch(folder, words, options);
    started.push(running);
    return running;
  };
  const stop = async (): Promise<void> => {
    for (const { child } of started) if (child.exitCode === null) child.kill("SIGKILL");
    await Promise.all(started.map(({ ended }) => ended));
  };
  return {
    folder,
    path: (name) => join(folder, name),
    write: (name, text) => writeFileSync(join(folder, name), text),
    run: (words, options) => start(words, options).ended,
    start,
    stop,
    remove: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function launch(folder: string, words: readonly string[], { environment, fileSizeKiBMax }: RunOptions): Running {
  const command = [process.execPath, "--conditions=@accord/source", MAIN, ...words];
  // Blocks of `ulimit -f` are 512 bytes in a POSIX shell.
  const limited = ["/bin/sh", "-c", `ulimit -f ${(fileSizeKiBMax ?? 0) * 2}; exec "$@"`, "sh", ...command];
  const [file = "", ...rest] = fileSizeKiBMax === undefined ? command : limited;
  const child = spawn(file, rest, {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let error = "";
  const watchers = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    for (const watch of watchers) watch();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    error += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, out, error }));
  });
  const waitFor = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        if (!out.includes(text)) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      watch();
      void ended.then(() => reject(new Error(`it ended before it said "${text}": ${out}${error}`)));
    });
  return { child, ended, waitFor };
}
