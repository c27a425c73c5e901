import { watch, type FSWatcher } from "node:fs";
import { basename, dirname } from "node:path";
import type { CallOptions, Clock } from "@accord/engine/connector";

/** Tells early that the database or its journal was written. Never relied upon: whoever waits looks again after a while anyway. */
export interface Waker {
  /** Resolves after `durationMs` or when something was written, whichever is first. Rejects with ACCORD_CANCELLED. True where something was written. */
  wait(durationMs: number, options: CallOptions): Promise<boolean>;
  /** Whether the file system tells of writes at all. */
  readonly isWatching: boolean;
  close(): void;
}

/** Watches the folder, because the journal files come and go; where the system offers no watching, it only sleeps. */
export function createWaker(file: string, clock: Clock): Waker {
  const name = basename(file);
  let written = false;
  let wake: (() => void) | null = null;
  const watcher = tryWatch(dirname(file), (changed) => {
    if (changed !== null && !changed.startsWith(name)) return;
    written = true;
    wake?.();
  });
  return {
    wait: async (durationMs, { signal }) => {
      if (!written && durationMs > 0) {
        const stopSleeping = new AbortController();
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const slept = clock.sleep(durationMs, { signal: AbortSignal.any([signal, stopSleeping.signal]) });
        // A sleep that is ended because something was written rejects, and nobody waits for it any more.
        slept.catch(() => undefined);
        try {
          await Promise.race([slept, woken]);
        } finally {
          wake = null;
          stopSleeping.abort();
        }
      }
      const was = written;
      written = false;
      return was;
    },
    isWatching: watcher !== null,
    close: () => watcher?.close(),
  };
}

function tryWatch(folder: string, onChange: (name: string | null) => void): FSWatcher | null {
  try {
    const watcher = watch(folder, { persistent: false }, (_, name) => onChange(name));
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}
