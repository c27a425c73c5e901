import type { InstallStep } from "@accord/engine/connector";
import type { Command } from "commander";
import { signatureOf } from "../daemon/sign.ts";
import { examples } from "./command.ts";
import type { Binder, CommandContext } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { ExitCode } from "./exit.ts";
import { printSteps } from "./install-view.ts";
import type { StepsJson } from "./install-view.ts";

interface InstallOptions {
  readonly dryRun?: boolean;
  readonly adopt?: boolean;
}

/** What `accord install --json` prints. */
export interface InstallJson {
  readonly dryRun: boolean;
  readonly connections: readonly StepsJson[];
}

export function defineInstall(parent: Command, { bind }: Binder): void {
  const command = parent
    .command("install")
    .description(
      "Make what live capture and proof of writes need at each system: slots, triggers, tables. Repeatable; records are not touched.",
    )
    .option("--dry-run", "show what would be made, with its SQL, and make nothing")
    .option("--adopt", "take over systems that a lost store kept: what it installed is removed first, and links are rebuilt by match keys")
    .addHelpText("after", examples("accord install --dry-run", "accord install"));
  bind<InstallOptions>(command, install);
}

async function install(context: CommandContext, options: InstallOptions): Promise<ExitCode> {
  const { output, program } = context;
  const { openSession } = await import("./session.ts");
  const isDry = options.dryRun === true;
  const session = await openSession(program, {
    ...context.session,
    mayWrite: false,
    runKind: null,
    holdsEngine: !isDry,
    foreignMark: options.adopt === true ? "ignore" : "refuse",
  });
  try {
    const { identity, project } = session;
    const call = { signal: session.signal };
    const connections: StepsJson[] = [];
    for (const [name, connection] of session.context.connections) {
      const objects = [
        ...new Set(project.syncs.flatMap(({ sides }) => sides.filter((side) => side.connection === name).map(({ object }) => object))),
      ];
      const mark = await connection.readMark(call);
      const isForeign = mark !== null && mark.storeId !== identity.storeId;
      const steps: InstallStep[] = isForeign ? [...(await connection.uninstall(isDry ? "describe" : "do", call))] : [];
      steps.push(...(await connection.install(objects, isDry ? "describe" : "do", call)));
      // A store that was restored signs only once a plan of it is applied. [S58]
      if (!isDry && !identity.restored) await connection.writeMark(await signatureOf(session.store, identity, call), call);
      connections.push({ connection: name, steps });
      printSteps(output, { connection: name, steps }, isDry);
    }
    output.json({ dryRun: isDry, connections } satisfies InstallJson);
    const isImpossible = connections.some(({ steps }) => steps.some(({ state }) => state === "impossible"));
    if (isDry) output.line("Nothing has been made.");
    else
      output.line(
        isImpossible
          ? "Installed, but for the steps above that are not possible: accord check says what that costs."
          : "Installed. Next: accord plan",
      );
    return isImpossible ? EXIT.todo : EXIT.done;
  } finally {
    await session.close();
  }
}
