// oxlint-disable unicorn/require-post-message-target-origin -- that is the postMessage of windows; this is a thread's.
import type { SQLInputValue } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { AccordError, assert } from "@accord/engine/connector";
import type { Lease, LeaseName } from "@accord/engine/store";
import { leaseLost, storeError } from "./errors.ts";
import { LEASE_IS_HELD } from "./leases.ts";
import { BULK_ROWS, BUSY_TIMEOUT_MS, LOG_PAGES_MAX } from "./limits.ts";

/**
 * Writes pages of first listings to the store while this process takes the next one from its system and reads it: that is half of the work of listing, and SQLite would keep
 * the process from all else meanwhile. It takes texts and hands nothing back.
 */
export interface StagingThread {
  /** Commits a page, whole or not at all. One at a time. @throws {AccordError} as every write of the store, and ACCORD_STORE_UNREACHABLE where the thread ended */
  write(page: StagedRows): Promise<void>;
  /** Resolves when nothing of it runs any more; another page begins it anew. */
  close(): Promise<void>;
}

/** Rows of `staged_record` by their columns: arrays of texts are copied to another thread faster than one text of them would be joined. */
export interface StagedRows {
  /** The place of the first row. */
  readonly first: number;
  readonly records: readonly (bigint | string)[];
  readonly bodies: readonly string[];
  readonly helds: readonly (string | null)[];
  readonly keys: readonly (string | null)[];
  readonly page: number;
  /** What else the commit holds, in order. */
  readonly statements: readonly Statement[];
  /** The lease that it rests on. [S54] */
  readonly fence: Lease | null;
}

export type Statement = readonly [sql: string, ...values: SQLInputValue[]];

interface Waiting {
  readonly resolve: () => void;
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
    const started = new Worker(WORK, {
      eval: true,
      workerData: { file, pragmas, timeout: BUSY_TIMEOUT_MS, rows: BULK_ROWS, isHeld: LEASE_IS_HELD },
    });
    started.on("message", (failure: Failure | null) => {
      settle(({ resolve, reject }) => {
        if (failure === null) resolve();
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
  return {
    write: async (page) => {
      assert(waiting === null, "pages are staged one after another");
      await new Promise<void>((resolve, reject) => {
        worker ??= start();
        worker.ref();
        waiting = { resolve, reject };
        worker.postMessage(page);
      });
      committed(page.records.length);
    },
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

/** The lease that was lost, or what is left of an error of SQLite's on its way from the thread. */
type Failure = { readonly lost: LeaseName } | { readonly message: string; readonly errcode?: number };

function threadEnded(file: string, cause: unknown): AccordError {
  return new AccordError(
    "ACCORD_STORE_UNREACHABLE",
    `The thread that writes listed records to the store ${file} ended; run the command again.`,
    {
      remedy: "stop",
      where: file,
      cause,
    },
  );
}

/** A text, so that it runs alike from the sources and built. */
const WORK = `
const { parentPort, workerData } = require("node:worker_threads");
const { DatabaseSync } = require("node:sqlite");
const database = new DatabaseSync(workerData.file, { timeout: workerData.timeout, enableForeignKeyConstraints: false });
for (const pragma of workerData.pragmas) database.exec(pragma);
const INTO = "INSERT INTO staged_record (place, record, body, held, keys, page) VALUES ";
const ROW = "(?, ?, ?, ?, ?, ?)";
const one = database.prepare(INTO + ROW);
const many = database.prepare(INTO + Array(workerData.rows).fill(ROW).join(", "));
const isHeld = database.prepare(workerData.isHeld);
const insert = ({ first, records, bodies, helds, keys, page }) => {
  for (let index = 0; index < records.length;) {
    const statement = index + workerData.rows <= records.length ? many : one;
    const end = index + (statement === many ? workerData.rows : 1);
    const cells = [];
    for (; index < end; index += 1) cells.push(first + index, records[index], bodies[index], helds[index], keys[index], page);
    statement.run(...cells);
  }
};
const write = (page) => {
  database.exec("BEGIN IMMEDIATE");
  try {
    const { fence } = page;
    if (fence !== null && isHeld.get(fence.name, fence.holder, fence.epoch) === undefined) {
      database.exec("ROLLBACK");
      return { lost: fence.name };
    }
    insert(page);
    for (const [sql, ...values] of page.statements) database.prepare(sql).run(...values);
    database.exec("COMMIT");
    return null;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
};
parentPort.on("message", (page) => {
  if (page === null) {
    database.close();
    parentPort.close();
    return;
  }
  try {
    parentPort.postMessage(write(page));
  } catch (error) {
    parentPort.postMessage({ message: error.message, errcode: error.errcode });
  }
});
`;
