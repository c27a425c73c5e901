import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { MUTANTS } from "./list.ts";
import type { Mutant } from "./mutant.ts";
import type { MutantPlayed } from "./worker.ts";

/** Plays a mutant in a thread of its own, since it changes the engine as it is loaded. */
function play(mutant: Mutant): Promise<MutantPlayed> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(new URL("worker.ts", import.meta.url)), {
      workerData: mutant,
      execArgv: ["--conditions=@accord/source"],
    });
    worker.on("message", resolve);
    worker.on("error", reject);
  });
}

describe("the checkers are alive: each rule is broken in the source of the engine, and they see it", () => {
  for (const mutant of MUTANTS) {
    test(`[${mutant.rule}] broken: ${mutant.what} (within ${mutant.seeds} seeds)`, { timeout: 120_000 }, async () => {
      const { seed, rules } = await play(mutant);
      expect(seed).not.toBeNull();
      expect(rules.length).toBeGreaterThan(0);
    });
  }
});
