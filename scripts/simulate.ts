// oxlint-disable unicorn/require-post-message-target-origin -- that is the postMessage of windows; this is a thread's.
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { generateSetting, playSeeds, playSetting, settingText, shrinkSetting } from "@accord/testkit";
import type { Campaign } from "@accord/testkit";

/**
 * `npm run simulate -- --seeds 100000 --from 1 --jobs 2 [--systems 3]`: the real engine on simulated ports, a seed a world. Prints seeds a second, what was gone through, and
 * the first seed that fails, shrunk to what it needs; then it ends with 1. The same seed gives the same world, turn by turn.
 */
interface Share {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly systems: number | null;
}

/** Seeds after which a thread says how far it is. */
const REPORT_SEEDS = 100;

if (isMainThread) await run();
else await work(workerData as Share);

async function work(share: Share): Promise<void> {
  // A tenth of the time goes into stacks of errors that are meant to happen; a seed that fails is played again with them.
  Error.stackTraceLimit = 0;
  const campaign = await playSeeds(share, (seeds) => {
    if (seeds % REPORT_SEEDS === 0) parentPort?.postMessage({ seeds });
  });
  parentPort?.postMessage({ campaign });
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "10000" },
      from: { type: "string", default: "1" },
      jobs: { type: "string", default: "2" },
      systems: { type: "string" },
    },
  });
  const [from, count, jobs] = [Number(values.from), Number(values.seeds), Number(values.jobs)];
  const systems = values.systems === undefined ? null : Number(values.systems);
  const startMs = performance.now();
  const shares = Array.from({ length: jobs }, (_, job): Share => ({ from: from + job, to: from + count, step: jobs, systems }));
  const done = new Map<number, number>();
  const told = setInterval(() => {
    const seeds = [...done.values()].reduce((sum, one) => sum + one, 0);
    process.stderr.write(`${seeds} seeds, ${rate(seeds, startMs)} a second\n`);
  }, 60_000);
  const campaigns = await Promise.all(shares.map((share, job) => inThread(share, (seeds) => done.set(job, seeds))));
  clearInterval(told);
  const seeds = campaigns.reduce((sum, one) => sum + one.seeds, 0);
  const turns = campaigns.reduce((sum, one) => sum + one.turns, 0);
  process.stdout.write(`${covered(campaigns)}\n\n${seeds} seeds from ${from}, ${turns} turns, ${rate(seeds, startMs)} seeds a second\n`);
  const [failed] = campaigns.flatMap((one) => one.failed ?? []).toSorted((a, b) => a.seed - b.seed);
  if (failed === undefined) {
    process.stdout.write("no invariant was violated\n");
    return;
  }
  process.exitCode = 1;
  process.stdout.write(`\nseed ${failed.seed} FAILS:\n`);
  for (const { rule, what } of failed.violations.slice(0, 10)) process.stdout.write(`  [${rule}] ${what}\n`);
  const rule = failed.violations[0]?.rule;
  const least = await shrinkSetting(generateSetting(failed.seed, systems), async (setting) =>
    (await playSetting(setting)).violations.some((violation) => violation.rule === rule),
  );
  process.stdout.write(`\nwhat it needs:\n${settingText(least)}\n`);
}

function inThread(share: Share, onSeeds: (seeds: number) => void): Promise<Campaign> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: share, execArgv: process.execArgv });
    worker.on("message", (message: { readonly seeds?: number; readonly campaign?: Campaign }) => {
      if (message.seeds !== undefined) onSeeds(message.seeds);
      if (message.campaign !== undefined) {
        resolve(message.campaign);
        void worker.terminate();
      }
    });
    worker.on("error", reject);
  });
}

function rate(seeds: number, startMs: number): string {
  return (seeds / ((performance.now() - startMs) / 1_000)).toFixed(1);
}

/** How often each fault struck, and before which steps processes died. */
function covered(campaigns: readonly Campaign[]): string {
  const counts = new Map<string, number>();
  for (const campaign of campaigns) for (const [what, count] of campaign.covered) counts.set(what, (counts.get(what) ?? 0) + count);
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, count]) => `${what.padEnd(44)} ${count}`)
    .join("\n");
}
