import { existsSync } from "node:fs";
import type { ReportLine } from "@accord/engine/connector";
import type { Command } from "commander";
import type { PlannedSync } from "../config/compile-sync.ts";
import type { CheckJson, ConnectionCheck } from "./check-json.ts";
import type { SyncFindings } from "./check-syncs.ts";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { count } from "./output.ts";
import type { Program } from "./program.ts";
import type { OpenProject } from "./session.ts";

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
  const { pauseWarning } = await import("./compile-project.ts");
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
    const syncs: SyncFindings = isReached
      ? await checkSyncs(project, connections, await plannedBefore(program, opened, signal), { signal })
      : { problems: [], paused: [], notes: [] };
    const document: CheckJson = {
      file: project.file,
      installation: project.installation,
      connections: checked,
      ...syncs,
      paused: syncs.paused.map(({ sync, side, field, problem, patch }) => {
        const { problem: what, remedy } = problem;
        return { sync, side, field, problem: what, remedy, patch };
      }),
    };
    output.json(document);
    const { printCheck } = await import("./check-view.ts");
    printCheck(output, document);
    for (const field of syncs.paused) output.remark(pauseWarning(field));
    if (syncs.problems.length > 0) return EXIT.usage;
    if (checked.some(hasError)) return EXIT.failed;
    return syncs.paused.length > 0 ? EXIT.todo : EXIT.done;
  } finally {
    await Promise.allSettled([...connections.values()].map((connection) => connection.close()));
  }
}

/** What the store knows of syncs that were planned with this file; nothing where there is no store yet. */
async function plannedBefore(
  program: Program,
  { project, host }: OpenProject,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PlannedSync>> {
  if (!existsSync(project.storePath)) return new Map();
  const { plannedSyncs } = await import("./compile-project.ts");
  const store = await program.openStore({ path: project.storePath, ...host });
  try {
    return await plannedSyncs({ project, store }, { signal });
  } finally {
    await store.close();
  }
}

function hasError({ failure, problems, objects }: ConnectionCheck): boolean {
  return failure !== null || problems.some(isError) || objects.some(({ notes }) => notes.some(isError));
}

function isError({ severity }: ReportLine): boolean {
  return severity === "error";
}
