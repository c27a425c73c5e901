// oxlint-disable unicorn/require-post-message-target-origin -- that is the postMessage of windows; this is a thread's.
import { registerHooks } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import type { Mutant } from "./mutant.ts";

/** What a thread that plays a mutant says at its end. */
export interface MutantPlayed {
  /** The seed in which the checker went red, or null. */
  readonly seed: number | null;
  readonly rules: readonly string[];
}

const mutant = workerData as Mutant | null;
if (mutant !== null) {
  let isPatched = false;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(`/packages/${mutant.file}`)) return loaded;
      const source = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
      if (source.split(mutant.find).length !== 2)
        throw new Error(`${mutant.file} does not hold the text of the mutant of ${mutant.rule} once: ${mutant.find}`);
      isPatched = true;
      return { ...loaded, source: source.replace(mutant.find, () => mutant.replace) };
    },
  });
  const { simulate } = await import("../simulate.ts");
  if (!isPatched) throw new Error(`${mutant.file} was not loaded`);
  let played: MutantPlayed = { seed: null, rules: [] };
  const first = mutant.first ?? 1;
  for (let seed = first; seed < first + mutant.seeds && played.seed === null; seed += 1) {
    const { violations } = await simulate(seed);
    if (violations.length > 0) played = { seed, rules: [...new Set(violations.map(({ rule }) => rule))] };
  }
  parentPort?.postMessage(played);
}
