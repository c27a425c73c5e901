import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { usageError } from "./problems.ts";

interface DemoCommandOptions {
  readonly fast?: boolean;
  readonly keep?: boolean;
  readonly folder: string;
}
interface SqlOptions {
  readonly folder: string;
}

/** Where a demo is kept unless told otherwise, from the folder that the user is in. */
const FOLDER = "accord-demo";

export function defineDemo(parent: Command, binder: Binder): void {
  const command = parent
    .command("demo")
    .description(
      "Show Accord at work: two real databases in miniature, from what does not match to live edits, a conflict, an undo and the proof. Takes under two minutes.",
    )
    .option("--fast", "the same without pauses")
    .option("--keep", "leave the systems and accord run alive afterwards, and say how to edit them")
    .option("--folder <path>", "where --keep keeps them", FOLDER)
    .addHelpText(
      "after",
      examples("accord demo", "accord demo --fast --keep", "accord demo sql crm \"UPDATE contacts SET stage = 'lead' WHERE id = 1\""),
    );
  binder.bind<DemoCommandOptions>(command, demo);
  const sql = command
    .command("sql <system> [statement]")
    .description("Be a user of one of the demo's systems: run SQL at the crm or the erp of a demo kept running, or type it at a prompt.")
    .option("--folder <path>", "the demo's folder", FOLDER)
    .addHelpText("after", examples("accord demo sql crm", 'accord demo sql erp "SELECT * FROM customer LIMIT 5"'));
  binder.bind<SqlOptions>(sql, runSql);
}

async function demo({ program, output, signal, runCommand }: CommandContext, options: DemoCommandOptions): Promise<ExitCode> {
  if (output.isJson) throw usageError("The demo is for people; leave --json out.");
  const { DEMO_SEED, runDemo } = await import("../demo/demo.ts");
  // Under npm the words before `demo` are npm's: a user in this checkout types the same.
  const isUnderNpm = program.environment["npm_lifecycle_event"] !== undefined;
  const { failed } = await runDemo(
    {
      line: output.line,
      paint: output.paint,
      signal,
      commandIn: (file) => (words, tell, stop) => runCommand(["--file", file, ...words], tell, stop),
    },
    {
      isFast: options.fast === true,
      keepIn: options.keep === true ? options.folder : null,
      accord: isUnderNpm ? "npm run -s accord --" : "accord",
      seed: DEMO_SEED,
    },
  );
  return failed === 0 ? EXIT.done : EXIT.failed;
}

async function runSql({ output, signal }: CommandContext, { folder }: SqlOptions, system = "", statement?: string): Promise<ExitCode> {
  if (system !== "crm" && system !== "erp") throw usageError(`The demo has two systems, crm and erp; ${system} is neither.`);
  const { runningDemo } = await import("../demo/systems.ts");
  const { openCrm, openErp } = await import("../demo/clients.ts");
  const { promptLoop, runStatements } = await import("../demo/prompt.ts");
  const addresses = runningDemo(folder);
  const client = system === "crm" ? openCrm(addresses.crm) : await openErp(addresses.erp);
  try {
    if (statement !== undefined) return (await runStatements(client, statement, output.line)) ? EXIT.done : EXIT.failed;
    await promptLoop(client, process.stdin, process.stdout, output.line, signal);
    return EXIT.done;
  } finally {
    await client.close();
  }
}
