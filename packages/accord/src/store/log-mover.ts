// oxlint-disable unicorn/require-post-message-target-origin -- that is the postMessage of windows; this is a thread's.
import { Worker } from "node:worker_threads";
import { COMMITS_PER_MOVE, ROWS_PER_MOVE } from "./limits.ts";

/**
 * Moves the write-ahead log into the file while this process goes on committing. SQLite would do it within a commit, which then takes as long as the disk needs for all the
 * pages that changed: seconds, for a large store. Another connection may do it at the same time as one writes; SQLite calls it a checkpoint. https://www.sqlite.org/wal.html#ckpt
 */
export interface LogMover {
  /** Counts a commit, and rows that were changed by another connection; now and then one sets it going. */
  committed(otherRows?: number): void;
  /** Resolves when nothing of it runs any more. */
  close(): Promise<void>;
}

/** `rowsChanged`: how many rows this process has changed so far. */
export function createLogMover(file: string, rowsChanged: () => number): LogMover {
  let worker: Worker | null = null;
  let isUnderway = false;
  let commits = 0;
  let rows = 0;
  const start = (): Worker => {
    const started = new Worker(WORK, { eval: true, workerData: file });
    started.unref();
    started.on("message", () => {
      isUnderway = false;
    });
    // Without it the store goes on: SQLite moves the log by itself where it grows very large.
    started.on("error", () => {
      worker = null;
    });
    return started;
  };
  return {
    committed: (otherRows = 0) => {
      commits += 1;
      rows -= otherRows;
      if (isUnderway) return;
      const now = rowsChanged();
      if (commits < COMMITS_PER_MOVE && now - rows < ROWS_PER_MOVE) return;
      commits = 0;
      rows = now;
      isUnderway = true;
      worker ??= start();
      worker.postMessage("move");
    },
    close: async () => {
      if (worker === null) return;
      const ending = worker;
      const ended = new Promise<void>((resolve) => {
        ending.once("exit", () => {
          resolve();
        });
      });
      ending.ref();
      ending.postMessage("close");
      await ended;
    },
  };
}

/** A text, so that it runs alike from the sources and built. A log that cannot be moved now is moved the next time. */
const WORK = `
const { parentPort, workerData } = require("node:worker_threads");
const { DatabaseSync } = require("node:sqlite");
const database = new DatabaseSync(workerData, { timeout: 0 });
parentPort.on("message", (word) => {
  if (word === "close") {
    database.close();
    parentPort.close();
    return;
  }
  try {
    database.exec("PRAGMA wal_checkpoint(PASSIVE)");
  } catch {}
  parentPort.postMessage("done");
});
`;
