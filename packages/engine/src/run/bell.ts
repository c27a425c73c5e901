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
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    options.signal.addEventListener("abort", abort, { once: true });
    this.wake = abort;
    try {
      await this.clock.sleep(durationMs, { signal: stop.signal });
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      this.wake = null;
      this.hasRung = false;
      options.signal.removeEventListener("abort", abort);
    }
  }
}
