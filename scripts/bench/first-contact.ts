import type { AccordProject, Used } from "./accord-process.ts";
import type { Figures } from "./figure.ts";
import { shown } from "./figure.ts";
import { copyPipe } from "./references.ts";
import type { Place, World } from "./world.ts";
import { dropPlace, fill, pairFile, row } from "./world.ts";
import { DIGEST } from "./workload.ts";

/** Two sides that Accord has brought into agreement. */
export interface Pair {
  readonly left: Place;
  readonly right: Place;
  readonly project: AccordProject;
  /** Rows a second of the COPY pipe, in the same run. */
  readonly copyRate: number;
}

/** P1: all rows of one side into an empty other. */
export async function measureFirstCopy(world: World, figures: Figures, run: number): Promise<void> {
  const { rows } = world.options;
  const [leftName, rightName] = [`copy_a_${run}`, `copy_b_${run}`];
  const left = await world.place(world.left, leftName);
  const right = await world.place(world.right, rightName);
  await fill(left, { count: rows, first: 0, order: "people", differs: false });
  const copySeconds = await copyPipe(left, right);
  const project = world.project(leftName, pairFile(left, right));
  await project.run(["install"]);
  const cpuBefore = world.serverCpuSeconds();
  const used = await project.run(["apply", "--yes"]);
  await requireEqual(left, right, "the first copy");
  figures.add(
    "P1",
    copySeconds / used.seconds,
    `COPY ${shown(copySeconds)} s, ${usedText(used)}, servers ${shown(world.serverCpuSeconds() - cpuBefore)} CPU s`,
  );
  await dropPlace(world.left, left, leftName);
  await dropPlace(world.right, right, rightName);
}

/** P2, P10: two sides filled alike but for one person in forty, 1 % at one side only; each in its own id order. P3: nothing changed since. */
export async function measureReconcile(world: World, figures: Figures, run: number): Promise<Pair> {
  const { rows, only } = world.options;
  const small = only.has("P10") ? await reconcile(world, Math.floor(rows / 10), `small_${run}`) : null;
  if (small !== null) await small.drop();
  const full = await reconcile(world, rows, `full_${run}`);
  const { copySeconds, used, pair } = full;
  await requireEqual(pair.left, pair.right, "the reconcile");
  figures.add(
    "P2",
    copySeconds / used.seconds,
    `COPY ${shown(copySeconds)} s, ${usedText(used)}, servers ${shown(full.serverSeconds)} CPU s`,
  );
  figures.add("P10", used.peakMiB, `plan and apply of ${rows} x ${rows} rows`);
  if (small !== null)
    figures.add("P10r", used.peakMiB / small.used.peakMiB, `${shown(small.used.peakMiB)} MB at ${Math.floor(rows / 10)} rows`);
  figures.add("bytes", pair.project.storeBytes() / (rows * 1.01), "store bytes per entity, journal and log included");
  if (only.has("P3")) {
    const again = await copyPipe(pair.left, pair.right);
    const verified = await pair.project.run(["verify"]);
    figures.add("P3", again / verified.seconds, `COPY ${shown(again)} s, ${usedText(verified)}`);
    const swept = await pair.project.run(["plan"]);
    figures.add("P3s", again / swept.seconds, `COPY ${shown(again)} s, ${usedText(swept)}`);
  }
  return pair;
}

interface Reconciled {
  readonly copySeconds: number;
  readonly used: Used;
  readonly serverSeconds: number;
  readonly pair: Pair;
  drop(): Promise<void>;
}

async function reconcile(world: World, rows: number, name: string): Promise<Reconciled> {
  const left = await world.place(world.left, name);
  const right = await world.place(world.right, name);
  await fill(left, { count: rows, first: 0, order: "people", differs: false });
  await fill(right, { count: rows, first: Math.floor(rows / 100), order: "own", differs: true });
  const copySeconds = await copyPipe(left, right);
  const project = world.project(name, pairFile(left, right));
  await project.run(["install"]);
  const cpuBefore = world.serverCpuSeconds();
  const used = await project.run(["apply", "--yes"]);
  return {
    copySeconds,
    used,
    serverSeconds: world.serverCpuSeconds() - cpuBefore,
    pair: { left, right, project, copyRate: rows / copySeconds },
    drop: async () => {
      await dropPlace(world.left, left, name);
      await dropPlace(world.right, right, name);
    },
  };
}

/** A fast engine that is wrong has no figure. */
async function requireEqual(left: Place, right: Place, what: string): Promise<void> {
  const [one, other] = await Promise.all([row(left.client, DIGEST), row(right.client, DIGEST)]);
  if (one !== other) throw new Error(`after ${what} the sides differ: ${one} and ${other}`);
}

function usedText({ seconds, cpuSeconds, peakMiB }: Used): string {
  return `Accord ${shown(seconds)} s, ${shown(cpuSeconds)} CPU s, ${shown(peakMiB)} MB`;
}
