import { setImmediate as immediate, setTimeout as timeout } from "node:timers/promises";
import { AccordError } from "@accord/engine/connector";
import type { CallOptions, Clock } from "@accord/engine/connector";

/** 2026-01-01T00:00:00Z: where manual clocks start unless told otherwise. */
export const FAKE_START_MS = 1_767_225_600_000;

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /**
   * Moves time on and wakes the sleepers whose time has come, earliest first, each at its own instant.
   * After each sleeper what it set going is let run until nothing but sleepers and real input is left.
   */
  advance(durationMs: number): Promise<void>;
  /** Moves time on to the next sleeper and wakes it; false where nobody sleeps. */
  advanceToNext(): Promise<boolean>;
  /** Sets the wall clock without waking anybody: a clock jump. */
  jump(nowMs: number): void;
  readonly sleeperCount: number;
}

interface Sleeper {
  readonly dueMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Makes a clock that stands at `startMs` (epoch milliseconds). */
export function manualClock(startMs: number = FAKE_START_MS): ManualClock {
  // Sleepers count elapsed time, so that a clock jump neither wakes nor strands them.
  let elapsedMs = 0;
  let offsetMs = startMs;
  let order = 0;
  const sleepers = new Set<Sleeper>();

  const nextSleeper = (): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) {
      if (first === undefined || sleeper.dueMs < first.dueMs || (sleeper.dueMs === first.dueMs && sleeper.order < first.order))
        first = sleeper;
    }
    return first;
  };

  const wakeNext = async (limitMs: number): Promise<boolean> => {
    const sleeper = nextSleeper();
    if (sleeper === undefined || sleeper.dueMs > limitMs) return false;
    elapsedMs = Math.max(elapsedMs, sleeper.dueMs);
    sleeper.wake();
    await settle();
    return true;
  };

  return {
    nowMs: () => offsetMs + elapsedMs,
    elapsedMs: () => elapsedMs,
    sleep: (durationMs, { signal }) =>
      new Promise<void>((resolve, reject) => {
        if (signal.aborted) {
          reject(cancelled());
          return;
        }
        const sleeper: Sleeper = { dueMs: elapsedMs + Math.max(0, durationMs), order: (order += 1), wake: () => end(resolve) };
        const onAbort = (): void => end(() => reject(cancelled()));
        function end(then: () => void): void {
          sleepers.delete(sleeper);
          signal.removeEventListener("abort", onAbort);
          then();
        }
        sleepers.add(sleeper);
        signal.addEventListener("abort", onAbort, { once: true });
      }),
    async advance(durationMs) {
      await settle();
      const limitMs = elapsedMs + durationMs;
      while (await wakeNext(limitMs));
      elapsedMs = Math.max(elapsedMs, limitMs);
    },
    async advanceToNext() {
      await settle();
      return wakeNext(Infinity);
    },
    jump(nowMs) {
      offsetMs = nowMs - elapsedMs;
    },
    get sleeperCount() {
      return sleepers.size;
    },
  };
}

/** Lets everything run that waits for promises only. One turn of the event loop empties the queue of microtasks. */
export async function settle(): Promise<void> {
  await immediate();
}

/** The machine's clock. */
export function realClock(): Clock {
  return {
    nowMs: () => Date.now(),
    elapsedMs: () => performance.now(),
    async sleep(durationMs, { signal }: CallOptions) {
      try {
        await timeout(durationMs, undefined, { signal });
      } catch (cause) {
        if (signal.aborted) throw cancelled();
        throw cause;
      }
    },
  };
}

/** What every call answers whose signal was aborted. */
export function cancelled(): AccordError {
  return new AccordError("ACCORD_CANCELLED", "The call was cancelled by its caller.", { remedy: "stop" });
}

/** Throws ACCORD_CANCELLED where the signal is aborted already. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled();
}
