import type { ManualClock } from "../fake/clock.ts";

/** So many turns of the event loop without a sleeper or an end mean that the work waits for something that never comes. */
const IDLE_TURNS_MAX = 10_000;

/** Carries work to its end by letting a manual clock's time pass whenever everything waits for it. */
export async function drive<Result>(clock: ManualClock, work: Promise<Result>): Promise<Result> {
  const state = { isDone: false };
  const watched = work.finally(() => {
    state.isDone = true;
  });
  watched.catch(() => {});
  for (let idle = 0; !state.isDone; idle += 1) {
    if (await clock.advanceToNext()) idle = 0;
    if (idle > IDLE_TURNS_MAX) throw new Error("nothing moves any more");
  }
  return watched;
}
