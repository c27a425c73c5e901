import { check } from "./check/check.ts";
import { generateSetting } from "./generate.ts";
import type { Setting } from "./setting.ts";
import { SimulatedWorld } from "./world.ts";
import type { Violation } from "./world.ts";

/** What became of one seed. */
export interface Played {
  readonly violations: readonly Violation[];
  /** A digest of every turn: equal for equal settings. */
  readonly trace: string;
  readonly turns: number;
  readonly world: SimulatedWorld;
}

/** Plays a seed: the real engine on simulated ports, every interleaving and crash chosen by chance. `systems`: 2 to 4; left to the seed where null. */
export function simulate(seed: number, systems: number | null = null): Promise<Played> {
  return playSetting(generateSetting(seed, systems));
}

/** Plays a setting. `keep`: so many of the last turns are told by the scheduler. */
export async function playSetting(setting: Setting, keep = 0): Promise<Played> {
  const world = new SimulatedWorld(setting, keep);
  await world.play();
  const violations = world.violations.length > 0 ? world.violations : await check(world);
  return { violations, trace: world.scheduler.trace, turns: world.scheduler.turns, world };
}

/** What many seeds came to. */
export interface Campaign {
  readonly seeds: number;
  readonly turns: number;
  /** The first seed that failed, or null. */
  readonly failed: { readonly seed: number; readonly violations: readonly Violation[] } | null;
  readonly covered: ReadonlyMap<string, number>;
}

/** Plays seeds `from`, `from + step`, … below `to`, and stops at the first that fails. */
export async function playSeeds(
  { from, to, step, systems }: { readonly from: number; readonly to: number; readonly step: number; readonly systems: number | null },
  onSeeds: (count: number) => void = () => {},
): Promise<Campaign> {
  const covered = new Map<string, number>();
  let turns = 0;
  let seeds = 0;
  for (let seed = from; seed < to; seed += step) {
    const played = await simulate(seed, systems);
    seeds += 1;
    turns += played.turns;
    for (const [what, count] of played.world.covered) covered.set(what, (covered.get(what) ?? 0) + count);
    if (played.violations.length > 0) return { seeds, turns, failed: { seed, violations: played.violations }, covered };
    onSeeds(seeds);
  }
  return { seeds, turns, failed: null, covered };
}
