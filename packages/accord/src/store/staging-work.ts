// oxlint-disable unicorn/require-post-message-target-origin -- that is the postMessage of windows; this is a thread's.
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { heldImage } from "./held-image.ts";
import type { StagingOrder, StagedRows, StagingAnswer, StagingSettings, Statement } from "./staging-thread.ts";

/** What runs in the thread of staging-thread.ts. It imports as little as it can: each thread reads its files anew. */

// Whoever starts the thread hands it these.
const { file, pragmas, timeoutMs, rowsAtOnce, leaseIsHeld } = workerData as StagingSettings;
const database = new DatabaseSync(file, { timeout: timeoutMs, enableForeignKeyConstraints: false });
for (const pragma of pragmas) database.exec(pragma);
const INTO = "INSERT INTO staged_record (place, record, body, held, keys, page) VALUES ";
const ROW = "(?, ?, ?, ?, ?, ?)";
const one = database.prepare(INTO + ROW);
const many = database.prepare(INTO + Array.from({ length: rowsAtOnce }, () => ROW).join(", "));
const isHeld = database.prepare(leaseIsHeld);

function insertRows({ first, records, images, said, keys, page }: StagedRows): void {
  for (let index = 0; index < records.length;) {
    const statement = index + rowsAtOnce <= records.length ? many : one;
    const end = index + (statement === many ? rowsAtOnce : 1);
    const cells: SQLInputValue[] = [];
    for (; index < end; index += 1) {
      const image = images[index] ?? "";
      const short = said[index] ?? null;
      const held = short === null ? null : heldImage(image, short);
      cells.push(first + index, records[index] ?? null, short ?? image, held, keys[index] ?? null, page);
    }
    statement.run(...cells);
  }
}

function write(page: StagedRows): StagingAnswer["failure"] {
  const { fence, statements } = page;
  database.exec("BEGIN IMMEDIATE");
  try {
    if (fence !== null && isHeld.get(fence.name, fence.holder, fence.epoch) === undefined) {
      database.exec("ROLLBACK");
      return { lost: fence.name };
    }
    insertRows(page);
    for (const [sql, ...values] of statements) database.prepare(sql).run(...values);
    database.exec("COMMIT");
    return null;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Cells row by row: fewer objects are copied to another thread than rows would be. */
function read([sql, ...values]: Statement): StagingAnswer["cells"] {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  const cells: StagingAnswer["cells"][number][] = [];
  // With setReturnArrays rows are arrays; the types of node:sqlite know only the object form.
  for (const row of statement.iterate(...values) as unknown as Iterable<StagingAnswer["cells"]>) cells.push(...row);
  return cells;
}

function answer(order: StagingOrder): StagingAnswer {
  try {
    if (order.kind === "read") return { cells: read(order.statement), failure: null };
    return { cells: [], failure: write(order.page) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // An error of SQLite's loses its number on the way.
    return { cells: [], failure: { message: error.message, errcode: "errcode" in error ? Number(error.errcode) : null } };
  }
}

parentPort?.on("message", (order: StagingOrder | null) => {
  if (order !== null) {
    parentPort?.postMessage(answer(order));
    return;
  }
  database.close();
  parentPort?.close();
});
