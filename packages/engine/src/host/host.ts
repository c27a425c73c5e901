/** What the process lends to the engine. Everything that varies comes through here, so that a simulator can own it. */
export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Time. Instants are epoch milliseconds. */
export interface Clock {
  nowMs(): number;
  /** Milliseconds since some moment of this process's own. Only grows: nobody sets it, whatever becomes of the wall clock. */
  elapsedMs(): number;
  /** Resolves after `durationMs`, or rejects with ACCORD_CANCELLED as soon as the signal aborts. */
  sleep(durationMs: number, options: CallOptions): Promise<void>;
}

/** Chance. A seed can replay it. */
export interface Random {
  /** A lower-case hexadecimal text of `byteCount` random bytes. */
  hex(byteCount: number): string;
}

/** Events for operators: no secrets and no field values, ever. */
export interface Log {
  debug(event: string, facts?: LogFacts): void;
  info(event: string, facts?: LogFacts): void;
  warn(event: string, facts?: LogFacts): void;
  error(event: string, facts?: LogFacts): void;
}

export type LogFacts = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Every call that waits takes a signal to stop waiting. */
export interface CallOptions {
  readonly signal: AbortSignal;
}
