import { existsSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";

interface SchemaOptions {
  readonly generic?: boolean;
}

/** What `accord schema` prints, with `--json` or without: a JSON Schema (draft 2020-12). */
export type SchemaJson = Readonly<Record<string, unknown>>;

export function defineSchema(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("schema")
    .description("Print the JSON Schema of the project file, for editors: made for this very file's side names where there is one.")
    .option("--generic", "for any project file")
    .addHelpText("after", examples("accord schema > accord.schema.json"));
  bind<SchemaOptions>(command, schema);
}

async function schema({ program, session }: CommandContext, options: SchemaOptions): Promise<ExitCode> {
  const { jsonSchemaOf } = await import("../config/schema/json-schema.ts");
  const { namesOf } = await import("../config/check-names.ts");
  const { readYaml } = await import("../config/yaml/source.ts");
  const yaml = options.generic === true || !existsSync(session.file) ? null : readYaml(session.file, readFileSync(session.file, "utf8"));
  const names = yaml?.kind === "read" ? namesOf(yaml.source.value) : null;
  const document: SchemaJson = jsonSchemaOf(names);
  program.terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  return EXIT.done;
}
