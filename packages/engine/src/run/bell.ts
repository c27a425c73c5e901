import type { CallOptions, Clock } from "../host/host.ts";

/** Wakes whoever waits for work. A ring while nobody waits is kept: the next wait returns at once. */
export class Bell {
  private readonly clock: Clock;
  private hasRung = false;
  private wake: (() => void) | null = null;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  ring(): void {
    this.hasRung = true;
    this.wake?.();
  }

  /** Returns after `durationMs`, or as soon as the bell rings or the signal aborts. */
  async wait(durationMs: number, options: CallOptions): Promise<void> {
    if (this.hasRung || durationMs <= 0 || options.signal.aborted) {
      this.hasRung = false;
      return;
    }
    // The sleeper is left to its end when the bell rings first: to wake it would cost more than it does.
    await new Promise<void>((resolve, reject) => {
      this.wake = resolve;
      this.clock.sleep(durationMs, options).then(resolve, (error: unknown) => {
        if (options.signal.aborted) resolve();
        else reject(error instanceof Error ? error : new Error("the clock failed", { cause: error }));
      });
    });
    this.wake = null;
    this.hasRung = false;
  }
}
