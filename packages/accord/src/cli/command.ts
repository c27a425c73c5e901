import type { Command } from "commander";
import type { ExitCode } from "./exit.ts";
import type { Output } from "./output.ts";
import type { Program } from "./program.ts";
import type { SessionOptions } from "./session.ts";

/** What every command gets. */
export interface CommandContext {
  readonly program: Program;
  readonly output: Output;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** The options that sessions take: file, signal, log. */
  readonly session: SessionOptions;
  /** Runs another command line in this process, as if typed: each printed line goes to `tell`. Returns its exit code. */
  readonly runCommand: (words: readonly string[], tell: (line: string) => void, signal: AbortSignal) => Promise<ExitCode>;
}

/** Carries out a command: heavy modules are imported inside, so that `accord --help` stays quick. Returns the exit code; failures are thrown. */
export type Action<Options> = (context: CommandContext, options: Options, ...words: readonly string[]) => Promise<ExitCode>;

/** What binds the definition of a command to the running program. */
export interface Binder {
  /** Options of the command arrive as commander parsed them; `Options` is the shape its definition promises. */
  readonly bind: <Options>(command: Command, action: Action<Options>) => void;
}

/** Adds a command below the program: name, arguments, options, help with an example, action. One exported per file of a command. */
export type DefineCommand = (parent: Command, binder: Binder) => void;

/** Help text that every command ends with: how it is typed. */
export function examples(...lines: readonly string[]): string {
  return `\nExample${lines.length === 1 ? "" : "s"}:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`;
}
