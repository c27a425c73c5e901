import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuSecondsOf, pssMiBOf } from "./process-figures.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The program as it is installed: built, so that no compiler runs in the process that is measured. */
const MAIN = join(ROOT, "packages/accord/dist/main.js");
/** How bin/accord.mjs starts it. */
const HEAP = JSON.parse(readFileSync(join(ROOT, "packages/accord/bin/heap.json"), "utf8")) as Readonly<Record<"run" | "others", string[]>>;
/** Between two looks at a process's memory and CPU. Milliseconds. */
const SAMPLE_MS = 100;

/** What a process of Accord's needed. */
export interface Used {
  readonly seconds: number;
  /** User and system. */
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** `accord run` at work. */
export interface LiveAccord {
  readonly processId: number;
  /** CPU seconds so far. */
  cpuSeconds(): number;
  /** MiB now. */
  memory(): number;
  /** Waits until it has done what there is to do: next to no CPU for a while. */
  untilIdle(): Promise<void>;
  stop(): Promise<void>;
}

/** Builds the program from the present sources. What the compiler complains of is said, and does not keep it from building. */
export function buildAccord(): void {
  const built = spawnSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-b", "packages/accord"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (built.status !== 0) process.stderr.write(`${built.stdout}${built.stderr}`);
}

/** A project in a folder of its own, driven as its users do: by the real program, one process a command. */
export class AccordProject {
  readonly folder: string;
  readonly #profile: string | null;

  constructor(folder: string, file: string, profile: string | null) {
    this.folder = folder;
    this.#profile = profile;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "accord.yaml"), file);
  }

  /** Runs a command to its end. @throws {Error} with what it said, where the exit code is not one of `codes` */
  async run(words: readonly string[], codes: readonly number[] = [0]): Promise<Used & { readonly out: string }> {
    const startedAtMs = performance.now();
    const child = this.#spawn(words);
    const watched = watch(child);
    const { code, out } = await ended(child);
    const { cpuSeconds, peakMiB } = watched.stop();
    if (code === null || !codes.includes(code))
      throw new Error(`accord ${words.join(" ")} ended with ${String(code)}: ${out.slice(-2_000)}`);
    return { seconds: (performance.now() - startedAtMs) / 1_000, cpuSeconds, peakMiB, out };
  }

  /** Starts `accord run` and waits until it says that it runs. */
  async live(): Promise<LiveAccord> {
    const child = this.#spawn(["run"]);
    const end = ended(child);
    await new Promise<void>((resolve, reject) => {
      let out = "";
      child.stdout?.on("data", (text: string) => {
        out += text;
        if (out.includes("Running (run")) resolve();
      });
      void end.then(({ code, out: all }) => reject(new Error(`accord run ended with ${String(code)}: ${all.slice(-2_000)}`)));
    });
    const processId = child.pid ?? 0;
    return {
      processId,
      cpuSeconds: () => cpuSecondsOf(processId),
      memory: () => pssMiBOf(processId),
      untilIdle: () => untilIdle(processId),
      stop: async () => {
        child.kill("SIGTERM");
        await end;
      },
    };
  }

  /** The store's size in bytes, its log included. */
  storeBytes(): number {
    const size = (name: string): number => statSync(join(this.folder, ".accord", name), { throwIfNoEntry: false })?.size ?? 0;
    return size("accord.db") + size("accord.db-wal");
  }

  #spawn(words: readonly string[]): ChildProcess {
    const profiling = this.#profile === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${this.#profile}`];
    const heap = words[0] === "run" ? HEAP.run : HEAP.others;
    const child = spawn(process.execPath, [...heap, ...profiling, MAIN, ...words], {
      cwd: this.folder,
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout?.setEncoding("utf8");
    child.stderr?.setEncoding("utf8");
    return child;
  }
}

/** How much of what a process said is kept. Characters. */
const OUTPUT_MAX = 200_000;

function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly out: string }> {
  let out = "";
  const take = (text: string): void => {
    out = (out + text).slice(-OUTPUT_MAX);
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out }));
  });
}

function watch(child: ChildProcess): { stop(): { readonly cpuSeconds: number; readonly peakMiB: number } } {
  let cpuSeconds = 0;
  let peakMiB = 0;
  const look = (): void => {
    cpuSeconds = Math.max(cpuSeconds, cpuSecondsOf(child.pid ?? 0));
    peakMiB = Math.max(peakMiB, pssMiBOf(child.pid ?? 0));
  };
  const timer = setInterval(look, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return { cpuSeconds, peakMiB };
    },
  };
}

/** Less than a tenth of a core over one and a half seconds, twice. */
async function untilIdle(processId: number): Promise<void> {
  for (let quiet = 0; quiet < 2;) {
    const before = cpuSecondsOf(processId);
    await sleep(1_500);
    quiet = cpuSecondsOf(processId) - before < 0.15 ? quiet + 1 : 0;
  }
}
