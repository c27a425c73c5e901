import { Command, CommanderError } from "commander";
import { AccordError } from "@accord/engine/connector";
import type { Action, Binder, CommandContext } from "./command.ts";
import { defineCommands } from "./commands.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { createOutput } from "./output.ts";
import type { Output } from "./output.ts";
import { ProjectProblems } from "./problems.ts";
import type { Program, Terminal } from "./program.ts";

/** Options that every command takes, before or after its name. */
interface GlobalOptions {
  readonly file: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly color: boolean;
}

/**
 * Runs one command line and returns its exit code. Failures that users cause end in one line that says what to do; only mistakes of Accord itself show a stack.
 *
 * @param words the command line without the program's name
 * @param signal aborts when the user wants to stop
 */
export async function runCli(program: Program, words: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const root = createRoot(program, {
    bind: (command, action) => {
      command.action(async (...given: unknown[]) => {
        code = await runAction(program, command, action as Action<unknown>, given.slice(0, -2), signal);
      });
    },
  });
  try {
    await root.parseAsync([...words], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    throw error;
  }
}

/** The whole command line as commander knows it: what runs, and what the reference page is made from. */
export function createRoot(program: Program, binder: Binder): Command {
  const root = new Command("accord")
    .description("Keeps business systems in agreement, in both directions.")
    .version(program.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help with an example")
    .helpCommand("help [command]", "show help of a command")
    .option("-f, --file <path>", "the project file", "accord.yaml")
    .option("--json", "print one JSON document instead of text")
    .option("--verbose", "print the log, as JSON lines, to standard error")
    .option("--no-color", "print no colours")
    .configureHelp({ showGlobalOptions: true, helpWidth: Math.min(program.terminal.width, 110) })
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => program.terminal.out(text),
      writeErr: (text) => program.terminal.error(text),
    });
  defineCommands(root, binder);
  for (const command of allBelow(root)) command.copyInheritedSettings(root).helpOption("-h, --help", "show help with an example");
  for (const command of [root, ...allBelow(root)])
    command.configureOutput({ outputError: (text, write) => write(usageLine(text, wordsOf(command))) });
  return root;
}

/** Commander's complaint as one line that says what to do: the word that may have been meant, or where the right ones stand. */
function usageLine(complaint: string, words: string): string {
  const line = complaint.replace(/^error: /, "error ACCORD_USAGE: ");
  const meant = line.replace(/\n\(Did you mean (.*)\?\)/, "; did you mean $1?");
  return meant === line ? line.replace(/\.?\n$/, `; see ${words} --help\n`) : meant;
}

/** What is typed to reach a command. */
function wordsOf(command: Command): string {
  return command.parent === null ? command.name() : `${wordsOf(command.parent)} ${command.name()}`;
}

function allBelow(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => [child, ...allBelow(child)]);
}

async function runAction(
  program: Program,
  command: Command,
  action: Action<unknown>,
  given: readonly unknown[],
  signal: AbortSignal,
): Promise<ExitCode> {
  const globals = command.optsWithGlobals<GlobalOptions>();
  const output = createOutput(program.terminal, {
    isJson: globals.json === true,
    hasColors: globals.color && program.terminal.isOutTty && program.environment["NO_COLOR"] === undefined,
  });
  const printLog = globals.verbose === true ? (line: string) => program.terminal.error(line) : null;
  const runCommand: CommandContext["runCommand"] = async (words, tell, stop) => {
    const { terminal, flush } = lineTerminal(program.terminal, globals.color, tell);
    const code = await runCli({ ...program, terminal }, words, stop);
    flush();
    return code;
  };
  const context: CommandContext = { program, output, signal, session: { file: globals.file, signal, printLog }, runCommand };
  const wordsGiven = given.flatMap((word) => (typeof word === "string" ? [word] : Array.isArray(word) ? word.map(String) : []));
  try {
    return await action(context, command.opts(), ...wordsGiven);
  } catch (error) {
    return tellFailure(output, error, signal);
  }
}

/** A terminal whose output is handed on line by line; nobody sits at its keyboard. */
function lineTerminal(
  outer: Terminal,
  hasColors: boolean,
  tell: (line: string) => void,
): { readonly terminal: Terminal; readonly flush: () => void } {
  let pending = "";
  const take = (text: string): void => {
    const lines = `${pending}${text}`.split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) tell(line);
  };
  return {
    terminal: {
      ...outer,
      out: take,
      error: take,
      ask: () => Promise.resolve(null),
      isErrorTty: false,
      isOutTty: outer.isOutTty && hasColors,
    },
    flush: () => {
      if (pending !== "") tell(pending);
    },
  };
}

/** Failures that mean the command line or the project file is wrong. */
const USAGE_CODES = new Set(["ACCORD_USAGE", "ACCORD_CONFIGURATION"]);
/** Failures that mean a person has something to do first. */
const TODO_CODES = new Set(["ACCORD_GUARD_STOP", "ACCORD_CONFIGURATION_CHANGED", "ACCORD_NOT_APPLIED"]);

function tellFailure(output: Output, error: unknown, signal: AbortSignal): ExitCode {
  if (error instanceof ProjectProblems) {
    for (const line of error.message.split("\n")) output.remark(line);
    output.json({ problems: error.problems });
    return EXIT.usage;
  }
  if (error instanceof AccordError && error.code !== "ACCORD_BUG") {
    if (signal.aborted && error.code === "ACCORD_CANCELLED") return tellStop(output);
    output.failure(error.code, error.message);
    if (USAGE_CODES.has(error.code)) return EXIT.usage;
    return TODO_CODES.has(error.code) ? EXIT.todo : EXIT.failed;
  }
  if (signal.aborted) return tellStop(output);
  output.failure("ACCORD_BUG", "This is a mistake in Accord; please report it with the lines below.");
  output.remark(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT.failed;
}

function tellStop(output: Output): ExitCode {
  output.failure("ACCORD_CANCELLED", "Stopped. Nothing is lost: run the command again to go on.");
  return EXIT.failed;
}
