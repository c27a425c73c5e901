// oxlint-disable unicorn/require-post-message-target-origin -- that is the postMessage of windows; this is a thread's.
import type { SQLInputValue } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { AccordError, assert } from "@accord/engine/connector";
import type { Lease, LeaseName } from "@accord/engine/store";
import { leaseLost, storeError } from "./errors.ts";
import { LEASE_IS_HELD } from "./leases.ts";
import { BULK_ROWS, BUSY_TIMEOUT_MS, LOG_PAGES_MAX } from "./limits.ts";
import type { Cell } from "./session.ts";

/**
 * Works on what is staged while this process does something else: SQLite would keep it from all else meanwhile. While records are listed it writes their pages, when
 * they meet it reads what lies in no order.
 */
export interface StagingThread {
  /** Commits a page, whole or not at all. @throws {AccordError} as every write of the store, and ACCORD_STORE_UNREACHABLE where the thread ended */
  write(page: StagedRows): Promise<void>;
  /** The cells of a query's rows, one row after another. @throws as `write` */
  read(statement: Statement): Promise<readonly Cell[]>;
  /** Resolves when nothing of it runs any more; the next call begins it anew. */
  close(): Promise<void>;
}

/** Rows of `staged_record` by their columns: arrays of texts are copied to another thread faster than one text of them would be joined. */
export interface StagedRows {
  /** The place of the first row. */
  readonly first: number;
  readonly records: readonly (bigint | string)[];
  readonly images: readonly string[];
  /** What a record says in short, or null: a row's `body`, with the image `held` beside it; or else that is the image. */
  readonly said: readonly (string | null)[];
  readonly keys: readonly (string | null)[];
  readonly page: number;
  /** What else the commit holds, in order. */
  readonly statements: readonly Statement[];
  /** The lease that it rests on. [S54] */
  readonly fence: Lease | null;
}

export type Statement = readonly [sql: string, ...values: SQLInputValue[]];

/** What the thread is asked; null: to end. */
export type StagingOrder = { readonly kind: "write"; readonly page: StagedRows } | { readonly kind: "read"; readonly statement: Statement };

export interface StagingAnswer {
  readonly cells: readonly Cell[];
  /** The lease that was lost, or what is left of an error of SQLite's on its way from the thread. */
  readonly failure: { readonly lost: LeaseName } | { readonly message: string; readonly errcode: number | null } | null;
}

/** With what the thread begins. */
export interface StagingSettings {
  readonly file: string;
  readonly pragmas: readonly string[];
  readonly timeoutMs: number;
  readonly rowsAtOnce: number;
  /** Finds a row where a lease is held. By name, holder and epoch. */
  readonly leaseIsHeld: string;
}

/** What the thread is handed is of no use once it is written: little room for it is enough, and counts. Mebibytes. */
const YOUNG_MIB = 6;

interface Waiting {
  readonly resolve: (cells: readonly Cell[]) => void;
  readonly reject: (error: unknown) => void;
}

/** `committed` hears of every page that was, with its rows. */
export function createStagingThread(file: string, maxPages: number | null, committed: (rows: number) => void): StagingThread {
  let worker: Worker | null = null;
  let waiting: Waiting | null = null;
  const settle = (tell: (one: Waiting) => void): void => {
    const one = waiting;
    waiting = null;
    // Whoever waits keeps the process alive, an idle thread does not.
    worker?.unref();
    if (one !== null) tell(one);
  };
  const ended = (one: Worker, cause: unknown): void => {
    // A thread that failed is heard of twice, perhaps when another has begun.
    if (worker !== one) return;
    worker = null;
    const error = storeError(cause, file);
    settle(({ reject }) => {
      reject(error instanceof AccordError ? error : threadEnded(file, cause));
    });
  };
  const start = (): Worker => {
    const pragmas = [
      "PRAGMA synchronous = NORMAL",
      `PRAGMA wal_autocheckpoint = ${LOG_PAGES_MAX}`,
      ...(maxPages === null ? [] : [`PRAGMA max_page_count = ${Math.trunc(maxPages)}`]),
    ];
    const settings: StagingSettings = {
      file,
      pragmas,
      timeoutMs: BUSY_TIMEOUT_MS,
      rowsAtOnce: BULK_ROWS,
      leaseIsHeld: LEASE_IS_HELD,
    };
    const started = new Worker(WORK, { workerData: settings, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } });
    started.on("message", ({ cells, failure }: StagingAnswer) => {
      settle(({ resolve, reject }) => {
        if (failure === null) resolve(cells);
        else if ("lost" in failure) reject(leaseLost(failure.lost));
        else reject(storeError(Object.assign(new Error(failure.message), failure), file));
      });
    });
    started.on("error", (error) => {
      ended(started, error);
    });
    started.on("exit", () => {
      ended(started, null);
    });
    return started;
  };
  const ask = (order: StagingOrder): Promise<readonly Cell[]> => {
    assert(waiting === null, "the thread does one thing after another");
    return new Promise((resolve, reject) => {
      worker ??= start();
      worker.ref();
      waiting = { resolve, reject };
      worker.postMessage(order);
    });
  };
  return {
    write: async (page) => {
      await ask({ kind: "write", page });
      committed(page.records.length);
    },
    read: async (statement) => ask({ kind: "read", statement }),
    close: async () => {
      const ending = worker;
      if (ending === null) return;
      const exit = new Promise<void>((resolve) => {
        ending.once("exit", () => {
          resolve();
        });
      });
      ending.ref();
      ending.postMessage(null);
      await exit;
    },
  };
}

function threadEnded(file: string, cause: unknown): AccordError {
  return new AccordError(
    "ACCORD_STORE_UNREACHABLE",
    `The thread that works on listed records in the store ${file} ended; run the command again.`,
    {
      remedy: "stop",
      where: file,
      cause,
    },
  );
}

/** The file of the thread's work, beside this one: its source where this is one. */
const WORK = new URL(import.meta.url.endsWith(".ts") ? "./staging-work.ts" : "./staging-work.js", import.meta.url);
