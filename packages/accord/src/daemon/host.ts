import { randomBytes } from "node:crypto";
import { appendFileSync, chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AccordError } from "@accord/engine/connector";
import type { Clock, Log, LogFacts, Random } from "@accord/engine/connector";

/** The machine's own time. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  sleep: (durationMs, { signal }) =>
    new Promise((resolve, reject) => {
      const cancelled = (): void => {
        clearTimeout(timer);
        reject(new AccordError("ACCORD_CANCELLED", "Stopped while waiting.", { remedy: "stop" }));
      };
      const timer = setTimeout(
        () => {
          signal.removeEventListener("abort", cancelled);
          resolve();
        },
        Math.max(0, Math.min(durationMs, TIMER_MS_MAX)),
      );
      signal.addEventListener("abort", cancelled, { once: true });
      if (signal.aborted) cancelled();
    }),
};

/** Node fires longer timers at once. Milliseconds. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Random bytes are drawn from the system so many at a time: a call costs more than a thousand bytes. */
const POOL_BYTES = 8_192;

let pool = randomBytes(POOL_BYTES);
let poolAt = 0;

export const systemRandom: Random = {
  hex: (byteCount) => {
    if (byteCount > POOL_BYTES) return randomBytes(byteCount).toString("hex");
    if (poolAt + byteCount > POOL_BYTES) {
      pool = randomBytes(POOL_BYTES);
      poolAt = 0;
    }
    poolAt += byteCount;
    return pool.toString("hex", poolAt - byteCount, poolAt);
  },
};

/** Events as JSON lines. They carry no secrets and no field values. */
export interface LogTargets {
  /** A file that lines are appended to, or null. */
  readonly file: string | null;
  /** Takes each line as well, `debug` included: `--verbose`. */
  readonly print: ((line: string) => void) | null;
}

/** A log that never fails its caller: a full disk loses lines, not work. */
export function createLog({ file, print }: LogTargets): Log {
  let isReady = false;
  const append = (line: string): void => {
    if (file === null) return;
    try {
      if (!isReady) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      appendFileSync(file, line, { mode: 0o600 });
      if (!isReady) chmodSync(file, 0o600);
      isReady = true;
    } catch {
      // Nothing depends on the log, and there is no other place to say so.
    }
  };
  const write = (level: string, event: string, facts: LogFacts | undefined): void => {
    if (print === null && (file === null || level === "debug")) return;
    const line = `${JSON.stringify({ at: new Date().toISOString(), level, event, ...facts })}\n`;
    print?.(line);
    if (level !== "debug") append(line);
  };
  return {
    debug: (event, facts) => write("debug", event, facts),
    info: (event, facts) => write("info", event, facts),
    warn: (event, facts) => write("warn", event, facts),
    error: (event, facts) => write("error", event, facts),
  };
}
