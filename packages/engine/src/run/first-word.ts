import type { CallOptions, Clock } from "../host/host.ts";

/** A system that does not answer holds up nobody for longer. Milliseconds. [S47] */
const PATIENCE_MS = 1_000;

/**
 * What the logs have told while nobody listened is heard before anything old is acted on: the record that a mark or a due write is about may have a new key by now [S63], and the one that is to
 * be created may have been entered by a person [S36].
 */
export class FirstWord {
  private readonly missing: Set<string>;
  private readonly clock: Clock;
  private wake: () => void = () => {};

  /** @param connections that are followed */
  constructor(connections: Iterable<string>, clock: Clock) {
    this.missing = new Set(connections);
    this.clock = clock;
  }

  isMissing(connection: string): boolean {
    return this.missing.has(connection);
  }

  /** The connection's first batch is kept, was empty, or cannot be had now. */
  heard(connection: string): void {
    this.missing.delete(connection);
    if (this.missing.size === 0) this.wake();
  }

  /** Returns once every connection was heard, or after a while. Never fails. */
  async wait(options: CallOptions): Promise<void> {
    if (this.missing.size === 0) return;
    const woken = new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    const late = this.clock.sleep(PATIENCE_MS, options).catch(() => {});
    await Promise.race([woken, late]);
    this.missing.clear();
  }
}
