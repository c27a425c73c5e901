import { writeFileSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { AccordError } from "@accord/engine/connector";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import type { SideDraft } from "./init-file.ts";
import { usageError } from "./problems.ts";

interface InitOptions {
  readonly left?: string;
  readonly right?: string;
  readonly leftName: string;
  readonly rightName: string;
  readonly leftObject?: string;
  readonly rightObject?: string;
  readonly sync: string;
}

/** What `accord init --json` prints. */
export interface InitJson {
  readonly file: string;
  /** Fields proposed from columns of one name; empty where nothing was discovered. */
  readonly fields: readonly string[];
  /** Variables of the environment that the file needs. */
  readonly variables: readonly string[];
}

export function defineInit(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("init")
    .description("Write a commented project file to begin with. Asks nothing, and never writes over a file.")
    .option("--left <address>", "one system: postgres://… or the path of a SQLite file")
    .option("--right <address>", "the other system")
    .option("--left-name <name>", "what the one is called", "crm")
    .option("--right-name <name>", "what the other is called", "erp")
    .option("--left-object <object>", "its object; with both objects named, columns of one name are mapped")
    .option("--right-object <object>", "the other's object")
    .option("--sync <name>", "what is kept in agreement", "customers")
    .addHelpText(
      "after",
      examples(
        "accord init",
        "accord init --left crm.db --left-object contacts --right postgres://localhost/erp --right-object public.customer",
      ),
    );
  bind<InitOptions>(command, init);
}

async function init(context: CommandContext, options: InitOptions): Promise<ExitCode> {
  const { output, session } = context;
  const { projectFile } = await import("./init-file.ts");
  if (options.leftName === options.rightName) throw usageError("The two systems need two names; give --left-name and --right-name.");
  const left = await draftSide(context, options.leftName, options.left, options.leftObject);
  const right = await draftSide(context, options.rightName, options.right, options.rightObject);
  const { text, fields } = projectFile(options.sync, left, right);
  writeNew(session.file, text);
  const variables = [left, right].flatMap(({ variable }) => (variable === null ? [] : [variable]));
  output.json({ file: session.file, fields, variables } satisfies InitJson);
  output.line(`Wrote ${session.file}.`);
  for (const variable of variables) output.line(`It reads the address of a system from the environment: export ${variable}=postgres://…`);
  output.line(
    fields.length === 0
      ? "Next: fill in what it leaves open, then accord check."
      : `Mapped ${fields.join(", ")}. Next: look it over, then accord check.`,
  );
  return EXIT.done;
}

async function draftSide(
  { program, session, signal }: CommandContext,
  name: string,
  address: string | undefined,
  object: string | undefined,
): Promise<SideDraft> {
  const isPostgres = address === undefined ? false : /^postgres(ql)?:/.test(address);
  const variable = isPostgres || address === undefined ? `${name.toUpperCase()}_URL` : null;
  const draft = {
    name,
    variable,
    file: variable === null && address !== undefined ? besideFile(session.file, address) : null,
    object: object ?? null,
  };
  if (address === undefined || object === undefined) return { ...draft, schema: null };
  const connector = (await program.loadConnectors()).find((candidate) => candidate.name === (isPostgres ? "postgres" : "sqlite"));
  if (connector === undefined) throw usageError(`There is no connector for ${name}.`);
  const { createLog, systemClock, systemRandom } = await import("../daemon/host.ts");
  const settings = isPostgres ? { url: address } : { file: address };
  const [problem] = connector.checkSettings(settings);
  if (problem !== undefined)
    throw usageError(`The address of ${name} cannot be used: ${problem.key} ${problem.problem}; ${problem.remedy}.`);
  const connection = connector.connect(settings, {
    name,
    installation: "accord",
    clock: systemClock,
    random: systemRandom,
    log: createLog({ file: null, print: null }),
  });
  try {
    const schemas = await connection.discover({ signal });
    const schema = schemas.find((candidate) => candidate.name === object || candidate.name === `public.${object}`);
    if (schema === undefined)
      throw usageError(`There is no object ${object} at ${name}; it has ${schemas.map((candidate) => candidate.name).join(", ")}.`);
    return { ...draft, object: schema.name, schema };
  } finally {
    await connection.close();
  }
}

/** A path that means the same from the project file's folder as it does here. */
function besideFile(projectFile: string, path: string): string {
  return isAbsolute(path) ? path : relative(dirname(resolve(projectFile)), resolve(path));
}

/** @throws ACCORD_FILE_EXISTS */
function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: "wx" });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "EEXIST") {
      throw new AccordError("ACCORD_FILE_EXISTS", `${file} is already there and was left as it is; name another file with --file.`, {
        remedy: "stop",
        where: file,
      });
    }
    throw new AccordError("ACCORD_FILE_UNWRITABLE", `${file} cannot be written (${code}); check its path and rights.`, {
      remedy: "stop",
      where: file,
      cause: error,
    });
  }
}
