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

  /** Returns after `durationMs`, or as soon as the bell rings or the signal aborts. Whether it has rung, be it at the last moment: the ring is used up. */
  async wait(durationMs: number, options: CallOptions): Promise<boolean> {
    if (this.hasRung || durationMs <= 0 || options.signal.aborted) return this.take();
    // The sleeper is left to its end when the bell rings first: to wake it would cost more than it does.
    await new Promise<void>((resolve, reject) => {
      this.wake = resolve;
      this.clock.sleep(durationMs, options).then(resolve, (error: unknown) => {
        if (options.signal.aborted) resolve();
        else reject(error instanceof Error ? error : new Error("the clock failed", { cause: error }));
      });
    });
    this.wake = null;
    return this.take();
  }

  private take(): boolean {
    const { hasRung } = this;
    this.hasRung = false;
    return hasRung;
  }
}
