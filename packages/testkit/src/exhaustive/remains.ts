import type { Scene } from "./scene.ts";

/**
 * All that is left when Accord's process dies, as one text: its store, the systems, what is about to go wrong, and the time. A process knows nothing but this when it begins, so that
 * two deaths that leave the same behind have the same future.
 */
export function remainsOf({ state, systems, scheduler, struck }: Scene, facts: readonly unknown[]): string {
  const clock = scheduler.clockOf();
  const shown = systems.map((system) => {
    const installation = system.installation("accord");
    return [
      [...system.tables.values()].map(({ rows }) => rows),
      system.history.last,
      installation.snapshot(),
      installation.forgottenThrough,
    ];
  });
  return JSON.stringify([facts, clock.nowMs(), clock.elapsedMs(), struck, shown, state], plain);
}

function plain(_name: string, value: unknown): unknown {
  return value instanceof Map || value instanceof Set ? [...value] : value;
}
