import { AccordError } from "@accord/engine/connector";
import type { SystemClient, Shown } from "./clients.ts";
import { tableLines } from "./table.ts";

/** What the demo needs of the program: speak, wait, and run Accord's own commands as a user types them. */
export interface StageProgram {
  /** A line for the spectator. */
  readonly line: (text?: string) => void;
  readonly paint: {
    readonly bold: (text: string) => string;
    readonly dim: (text: string) => string;
    readonly good: (text: string) => string;
    readonly bad: (text: string) => string;
  };
  /** Runs one command line in this process: the very code that `accord <words>` runs. Lines go to `tell` as they come. Returns the exit code. */
  readonly command: (words: readonly string[], tell: (line: string) => void, signal: AbortSignal) => Promise<number>;
  readonly signal: AbortSignal;
}

/** How long something may take that the demo waits for. Milliseconds. */
const WAIT_MS_MAX = 20_000;
/** How much of the time that reading takes is waited for: the whole has to stay well under two minutes on a slow machine too. */
const PACE = 0.85;
/** Lines of a command that are shown when nothing else is said. */
const LINES_MAX = 40;

/** A command that goes on in the background. */
export interface Running {
  readonly run: number;
  stop(): Promise<void>;
}

/** Where the demo is told: paced for people, or without pauses. */
export class Stage {
  readonly program: StageProgram;
  readonly crm: SystemClient;
  readonly erp: SystemClient;
  readonly #isFast: boolean;
  #chapters = 0;
  #checks = 0;
  #failures = 0;

  constructor(program: StageProgram, crm: SystemClient, erp: SystemClient, isFast: boolean) {
    this.program = program;
    this.crm = crm;
    this.erp = erp;
    this.#isFast = isFast;
  }

  get checks(): { readonly made: number; readonly failed: number } {
    return { made: this.#checks, failed: this.#failures };
  }

  async chapter(title: string): Promise<void> {
    await this.pause(this.#chapters === 0 ? 0 : 1_200);
    this.#chapters += 1;
    this.program.line();
    this.program.line(this.program.paint.bold(`━━ ${this.#chapters}. ${title} ${"━".repeat(Math.max(0, 76 - title.length))}`));
  }

  /** A sentence for the spectator, with the time to read it. */
  async say(text: string): Promise<void> {
    this.program.line(text);
    await this.pause(400 + text.length * 14);
  }

  /** Time to look. Nothing with `--fast`. */
  async pause(durationMs: number): Promise<void> {
    this.#throwIfStopped();
    if (!this.#isFast) await this.wait(durationMs * PACE);
  }

  async wait(durationMs: number): Promise<void> {
    this.#throwIfStopped();
    const { signal } = this.program;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, durationMs);
      signal.addEventListener("abort", done, { once: true });
    });
    this.#throwIfStopped();
  }

  /** Shows a command as a user types it, runs it, shows what it prints. */
  async accord(words: readonly string[], options: { readonly exits?: readonly number[]; readonly lines?: number } = {}): Promise<string> {
    const { line, paint } = this.program;
    line(`${paint.dim("$")} ${paint.bold(`accord ${words.map(quoted).join(" ")}`)}`);
    await this.pause(600);
    const printed: string[] = [];
    const most = options.lines ?? LINES_MAX;
    const code = await this.program.command(
      words,
      (text) => {
        printed.push(text);
        if (printed.length <= most) line(`${paint.dim("│")} ${text}`);
      },
      this.program.signal,
    );
    if (printed.length > most) line(paint.dim(`│ … and ${printed.length - most} more lines`));
    this.#throwIfStopped();
    if (!(options.exits ?? [0]).includes(code)) {
      throw new AccordError(
        "ACCORD_DEMO_FAILED",
        `accord ${words.join(" ")} ended with exit code ${code}, which the demo did not expect.`,
        {
          remedy: "stop",
        },
      );
    }
    await this.pause(Math.min(3_000, 300 + printed.length * 100));
    return printed.join("\n");
  }

  /** What a command prints with `--json`, unshown. */
  async ask<Answer>(words: readonly string[]): Promise<Answer> {
    const printed: string[] = [];
    await this.program.command([...words, "--json"], (text) => printed.push(text), this.program.signal);
    this.#throwIfStopped();
    // The command documents this shape.
    return JSON.parse(printed.join("\n")) as Answer;
  }

  /** Starts `accord run` beside the demo and returns once it follows both systems. */
  async startRun({ isQuiet }: { readonly isQuiet: boolean } = { isQuiet: false }): Promise<Running> {
    const { line, paint, signal } = this.program;
    if (!isQuiet) line(`${paint.dim("$")} ${paint.bold("accord run")}${paint.dim("   (in another terminal)")}`);
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    signal.addEventListener("abort", abort, { once: true });
    let run = 0;
    let isShown = !isQuiet;
    let isOver = false;
    const ended = this.program
      .command(
        ["run"],
        (text) => {
          run ||= Number(/\(run (\d+)\)/.exec(text)?.[1] ?? 0);
          if (isShown) line(`${paint.dim("run│")} ${text}`);
        },
        stop.signal,
      )
      .finally(() => {
        isOver = true;
      });
    await this.until(() => Promise.resolve(run > 0 || isOver));
    isShown = false;
    if (isOver) throw new AccordError("ACCORD_DEMO_FAILED", `accord run ended with exit code ${await ended}.`, { remedy: "stop" });
    return {
      run,
      stop: async () => {
        signal.removeEventListener("abort", abort);
        stop.abort();
        await ended;
      },
    };
  }

  /** A user of one system types a statement: shown, run, its answer shown. */
  async sql(client: SystemClient, statement: string): Promise<readonly Shown[]> {
    const { line, paint } = this.program;
    line(`${paint.dim(`${client.name}>`)} ${statement}`);
    const results = await client.run(statement);
    for (const { columns, rows, tag } of results) {
      if (columns.length > 0) for (const text of tableLines(columns, rows)) line(`     ${text}`);
      else line(paint.dim(`     ${tag}`));
    }
    await this.pause(500 + results.reduce((sum, { rows }) => sum + rows.length, 0) * 150);
    return results;
  }

  /** The first row of a query, unshown. */
  async row(client: SystemClient, query: string): Promise<readonly (string | null)[]> {
    const [first] = await client.run(query);
    return first?.rows[0] ?? [];
  }

  table(columns: readonly string[], rows: readonly (readonly (string | null)[])[]): void {
    for (const text of tableLines(columns, rows)) this.program.line(`  ${text}`);
  }

  /** Something that the demo promised, judged by what the databases say. */
  check(holds: boolean, what: string, isQuiet = false): void {
    const { line, paint } = this.program;
    this.#checks += 1;
    if (!holds) this.#failures += 1;
    if (!holds) line(paint.bad(`✗ ${what}`));
    else if (!isQuiet) line(paint.good(`✓ ${what}`));
  }

  /** Waits until something holds, or long enough. Returns whether it does, and after how many milliseconds. */
  async until(holds: () => Promise<boolean>, waitMsMax = WAIT_MS_MAX): Promise<{ readonly holds: boolean; readonly tookMs: number }> {
    const startedAtMs = performance.now();
    for (;;) {
      if (await holds()) return { holds: true, tookMs: performance.now() - startedAtMs };
      if (performance.now() - startedAtMs > waitMsMax) return { holds: false, tookMs: performance.now() - startedAtMs };
      await this.wait(2);
    }
  }

  #throwIfStopped(): void {
    if (this.program.signal.aborted) throw new AccordError("ACCORD_CANCELLED", "The demo was stopped.", { remedy: "stop" });
  }
}

function quoted(word: string): string {
  return /^[\w./:=-]+$/.test(word) ? word : `"${word}"`;
}
