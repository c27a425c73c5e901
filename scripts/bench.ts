import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { buildAccord } from "./bench/accord-process.ts";
import { measureCaptureCost } from "./bench/capture-cost.ts";
import { CAUSES } from "./bench/causes.ts";
import { Figures, shown } from "./bench/figure.ts";
import { measureFirstCopy, measureReconcile } from "./bench/first-contact.ts";
import type { Pair } from "./bench/first-contact.ts";
import { measureLatency, measurePolling } from "./bench/latency.ts";
import { measureBacklog, measureSteady } from "./bench/live.ts";
import { readOptions } from "./bench/options.ts";
import { page, table } from "./bench/page.ts";
import { copyPipeKind, nativeReplication } from "./bench/references.ts";
import type { NativeReplication } from "./bench/references.ts";
import { openWorld } from "./bench/world.ts";
import type { World } from "./bench/world.ts";
import { formatted } from "./format-page.ts";

const IDLE_MS = 20_000;

/** Prints the table P1 to P14, and writes docs/performance.md where all of it was measured at full size. */
async function bench(words: readonly string[]): Promise<void> {
  const options = readOptions(words);
  buildAccord();
  const figures = new Figures();
  const world = await openWorld(options);
  const load = `load ${shown(loadavg()[0] ?? 0)} at the start`;
  try {
    const wants = (...names: readonly string[]): boolean => names.some((name) => options.only.has(name));
    const isLive = wants("P4", "P5", "P6", "P7", "P9", "P11", "P12", "P14");
    for (let run = 1; run <= options.runs; run += 1) {
      if (wants("P1")) await measureFirstCopy(world, figures, run);
      if (wants("P8")) await measurePolling(world, figures);
      if (wants("P13")) await measureCaptureCost(world, figures, run);
      if (!isLive && !wants("P2", "P3", "P10")) continue;
      const pair = await measureReconcile(world, figures, run);
      if (isLive && run === options.runs) await measureLive(world, figures, pair, wants);
    }
    process.stdout.write(`${table(figures)}\n`);
    if (!options.writesPage) return;
    const command = `npm run bench${words.length === 0 ? "" : ` -- ${words.join(" ")}`}`;
    const circumstances = {
      command,
      date: new Date().toISOString().slice(0, 10),
      server: await world.serverVersion(),
      copyPipe: copyPipeKind(),
      load,
    };
    writeFileSync("docs/performance.md", await formatted(page(figures, options, circumstances, CAUSES), "docs/performance.md"));
  } finally {
    await world.close();
  }
}

/** Everything that is measured while Accord runs, on the pair of the last reconcile, each as often as was asked. */
async function measureLive(world: World, figures: Figures, pair: Pair, wants: (...names: readonly string[]) => boolean): Promise<void> {
  const { runs, rows } = world.options;
  const native: NativeReplication | null = wants("P5", "P6", "P7")
    ? await nativeReplication(world, "native", { count: Math.min(rows, 100_000), first: 0, order: "people", differs: false })
    : null;
  let live = await pair.project.live();
  try {
    await live.untilIdle();
    // The steady state is not that of a process that has just begun.
    if (wants("P4", "P12")) await measureSteady(world, new Figures(() => {}), pair, live, 0);
    for (let round = 1; round <= runs; round += 1) {
      if (wants("P4", "P9", "P12")) await measureSteady(world, figures, pair, live, round);
      if (wants("P5") && native !== null) live = await measureBacklog(world, figures, pair, native, live, round);
      if (wants("P6", "P7") && native !== null) await measureLatency(figures, pair, native, live);
      if (wants("P11")) figures.add("P11", live.memory(), `${rows} entities`);
      if (wants("P14")) await measureIdle(figures, live);
    }
  } finally {
    await live.stop();
  }
}

/** P14: nothing happens at either side, and both are watched. */
async function measureIdle(figures: Figures, live: { cpuSeconds(): number; untilIdle(): Promise<void> }): Promise<void> {
  await live.untilIdle();
  const before = live.cpuSeconds();
  await sleep(IDLE_MS);
  figures.add("P14", ((live.cpuSeconds() - before) * 100_000) / IDLE_MS, `over ${IDLE_MS / 1_000} s`);
}

await bench(process.argv.slice(2));
