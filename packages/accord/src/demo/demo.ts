import { resolve } from "node:path";
import { openCrm, openErp } from "./clients.ts";
import { play } from "./play.ts";
import { Stage } from "./stage.ts";
import type { StageProgram } from "./stage.ts";
import { startSystems } from "./systems.ts";

export interface DemoOptions {
  /** No pauses. */
  readonly isFast: boolean;
  /** Where the systems are kept afterwards, with `accord run` at work until the signal aborts; null: everything goes away. */
  readonly keepIn: string | null;
  /** How a user types `accord` here. */
  readonly accord: string;
  readonly seed: number;
}

/** Where `--keep` keeps the systems unless told otherwise, from the folder that the user is in. */
const DEMO_FOLDER = "accord-demo";

/** The seed of the demo's world. Any other works too. */
export const DEMO_SEED = 20_261_122;

/** A stage's program whose commands are told the project file, once there is one. */
export interface DemoProgram extends Omit<StageProgram, "command"> {
  readonly commandIn: (file: string) => StageProgram["command"];
}

/** Plays the demo. Returns how many of its promises were checked, and how many did not hold. */
export async function runDemo(program: DemoProgram, options: DemoOptions): Promise<{ readonly made: number; readonly failed: number }> {
  program.line(program.paint.dim("Starting a CRM (SQLite) and an ERP (PostgreSQL) …"));
  const startedAtMs = performance.now();
  const systems = await startSystems({ folder: options.keepIn, seed: options.seed, signal: program.signal });
  try {
    const crm = openCrm(systems.addresses.crm);
    const erp = await openErp(systems.addresses.erp);
    try {
      const stage = new Stage({ ...program, command: program.commandIn(systems.projectFile) }, crm, erp, options.isFast);
      await play(stage);
      const { made, failed } = stage.checks;
      const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
      program.line();
      program.line(
        failed === 0
          ? program.paint.good(`All ${made} checks held, in ${seconds} s.`)
          : program.paint.bad(`${failed} of ${made} checks did not hold.`),
      );
      if (options.keepIn !== null && failed === 0) await linger(stage, options.keepIn, systems.dataDirectory, options.accord);
      return { made, failed };
    } finally {
      await crm.close();
      await erp.close();
    }
  } finally {
    await systems.stop();
  }
}

/** Leaves everything running until the user stops it. */
async function linger(stage: Stage, folder: string, dataDirectory: string, accord: string): Promise<void> {
  const { line, paint, signal } = stage.program;
  await stage.chapter("Now you");
  const live = await stage.startRun({ isQuiet: true });
  const where = folder === DEMO_FOLDER ? "" : ` --folder ${folder}`;
  line("Both systems are running, and accord run keeps them in agreement. In another terminal, from the same folder:");
  line(`  ${paint.bold(`${accord} demo sql${where} crm "UPDATE contacts SET stage = 'lead' WHERE id = 1"`)}`);
  line(`  ${paint.bold(`${accord} demo sql${where} erp "SELECT * FROM customer WHERE customer_no = 10001"`)}`);
  line(`  ${paint.bold(`${accord} demo sql${where} erp`)}   a prompt; likewise crm`);
  line(`  ${paint.bold(`${accord} --file ${folder}/accord.yaml status`)}   and every other command`);
  const places = dataDirectory.startsWith(resolve(folder)) ? folder : `${folder} (the ERP's data: ${dataDirectory})`;
  line(`Ctrl-C stops them. What they hold stays in ${places}; remove it when you are done.`);
  try {
    await new Promise<void>((done) => {
      if (signal.aborted) done();
      else signal.addEventListener("abort", () => done(), { once: true });
    });
  } finally {
    await live.stop();
  }
}
