import { fakeHost } from "./host.ts";
import type { FakeHost } from "./host.ts";
import { createFakeSystem } from "./system.ts";
import type { FakeSystem } from "./system.ts";
import type { FakeSystemOptions } from "./state.ts";

/** Some fake systems on one clock and one seed. */
export interface FakeWorld {
  readonly seed: number;
  readonly host: FakeHost;
  readonly systems: ReadonlyMap<string, FakeSystem>;
  /** Adds a system. Its chance is its own, so that another system more does not change what happens at this one. */
  add(options: Omit<FakeSystemOptions, "clock" | "random">): FakeSystem;
  /** Ends all faults. */
  heal(): void;
}

/** Makes an empty world. The same seed and the same calls give the same world. */
export function createFakeWorld(options: { readonly seed: number; readonly startMs?: number }): FakeWorld {
  const host = fakeHost(options);
  const systems = new Map<string, FakeSystem>();
  return {
    seed: options.seed,
    host,
    systems,
    add(facts) {
      const system = createFakeSystem({ ...facts, clock: host.clock, random: host.random.fork(facts.name) });
      systems.set(facts.name, system);
      return system;
    },
    heal() {
      for (const system of systems.values()) system.faults = null;
    },
  };
}
