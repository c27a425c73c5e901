// oxlint-disable unicorn/require-post-message-target-origin -- that is the postMessage of windows; this is a thread's.
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { exhaust, SCENARIOS } from "@accord/testkit";
import type { Exhausted } from "@accord/testkit";

/**
 * `npm run exhaust -- [--scenario text] [--jobs 2] [--stride 1]`: every scenario whose name has the text, with a death of Accord after every step and a second one after every step of
 * its recovery. Prints a line a scenario, and ends with 1 where one does not end as it should.
 */
interface Share {
  readonly places: readonly number[];
  readonly stride: number;
}

interface Told extends Exhausted {
  readonly place: number;
}

if (isMainThread) await run();
else await work(workerData as Share);

async function work({ places, stride }: Share): Promise<void> {
  for (const place of places) {
    const scenario = SCENARIOS[place];
    if (scenario === undefined) continue;
    parentPort?.postMessage({ place, ...(await exhaust(scenario, { stride })) } satisfies Told);
  }
  parentPort?.postMessage(null);
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      scenario: { type: "string", default: "" },
      jobs: { type: "string", default: "2" },
      stride: { type: "string", default: "1" },
    },
  });
  const startMs = performance.now();
  const jobs = Number(values.jobs);
  const chosen = [...SCENARIOS.keys()].filter((place) => SCENARIOS[place]?.name.includes(values.scenario));
  const sum = { steps: 0, pairs: 0, plays: 0, failed: 0 };
  const shares = Array.from({ length: jobs }, (_, job): Share => ({
    places: chosen.filter((_place, index) => index % jobs === job),
    stride: Number(values.stride),
  }));
  const tell = ({ place, steps, pairs, plays, failures }: Told): void => {
    sum.steps += steps;
    sum.pairs += pairs;
    sum.plays += plays;
    sum.failed += failures.length > 0 ? 1 : 0;
    process.stdout.write(
      `${failures.length > 0 ? "FAILS" : "     "} ${SCENARIOS[place]?.name ?? ""}: ${steps} steps, ${pairs} pairs, ${plays} plays\n`,
    );
    for (const { deaths, what } of failures) process.stdout.write(`        deaths after ${deaths.join(", then ")} turns: ${what}\n`);
  };
  await Promise.all(shares.map((share) => inThread(share, tell)));
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(0);
  process.stdout.write(
    `\n${chosen.length} scenarios, ${sum.steps} steps to die after, ${sum.pairs} pairs of deaths, in ${sum.plays} plays that differ; ${seconds} s\n`,
  );
  if (sum.failed === 0) {
    process.stdout.write("every one ends as it should\n");
    return;
  }
  process.exitCode = 1;
  process.stdout.write(`${sum.failed} do not end as they should\n`);
}

function inThread(share: Share, tell: (told: Told) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: share, execArgv: process.execArgv });
    worker.on("message", (told: Told | null) => {
      if (told !== null) {
        tell(told);
        return;
      }
      resolve();
      void worker.terminate();
    });
    worker.on("error", reject);
  });
}
