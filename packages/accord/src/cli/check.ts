import type { ReportLine } from "@accord/engine/connector";
import type { Command } from "commander";
import type { CheckJson, ConnectionCheck } from "./check-json.ts";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { count } from "./output.ts";

export function defineCheck(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("check")
    .description("Check the project file, the credentials and rights, and say what each connection can guarantee. Writes nothing.")
    .addHelpText("after", examples("accord check", "accord check --file shop/accord.yaml --json"));
  bind<object>(command, check);
}

async function check(context: CommandContext): Promise<ExitCode> {
  const { output, program, signal } = context;
  const { connectAll, openProject } = await import("./session.ts");
  const opened = await openProject(program, context.session);
  const { project } = opened;
  output.line(
    `${project.file}: ${count(project.connections.length, "connection")}, ${count(project.syncs.length, "sync")}, installation ${project.installation}`,
  );
  const connections = connectAll(opened);
  try {
    const { checkConnection } = await import("./check-connection.ts");
    const checked = [];
    for (const [name, connection] of connections) {
      const objects = project.syncs.flatMap(({ sides }) => sides.filter((side) => side.connection === name).map(({ object }) => object));
      checked.push(await checkConnection(connection, [...new Set(objects)], { signal }));
    }
    const { checkSyncs } = await import("./check-syncs.ts");
    const isReached = checked.every(({ failure }) => failure === null);
    const syncs = isReached ? await checkSyncs(project, connections, { signal }) : { problems: [], notes: [] };
    const document: CheckJson = { file: project.file, installation: project.installation, connections: checked, ...syncs };
    output.json(document);
    const { printCheck } = await import("./check-view.ts");
    printCheck(output, document);
    if (syncs.problems.length > 0) return EXIT.usage;
    return checked.some(hasError) ? EXIT.failed : EXIT.done;
  } finally {
    await Promise.allSettled([...connections.values()].map((connection) => connection.close()));
  }
}

function hasError({ failure, problems, objects }: ConnectionCheck): boolean {
  return failure !== null || problems.some(isError) || objects.some(({ notes }) => notes.some(isError));
}

function isError({ severity }: ReportLine): boolean {
  return severity === "error";
}
