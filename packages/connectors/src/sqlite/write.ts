import type { NativeCell, NativeImage, RecordId } from "@accord/core";
import {
  AccordError,
  assert,
  patchesOf,
  type CellPatch,
  type WriteOperation,
  type WriteOptions,
  type WriteOutcome,
} from "@accord/engine/connector";
import type { BoundValue, Row, Session, SqliteFile } from "./database.ts";
import { failureOf, SQLITE } from "./errors.ts";
import { cellOfValue, valueOfCell } from "./native-cell.ts";
import { quoted, type InstalledNames } from "./names.ts";
import { recordOfEntity, writeProof } from "./proofs.ts";
import { nameOf, refusalOf } from "./refusals.ts";
import { asBound, placeholderOf, type RowReader } from "./row-reader.ts";
import type { Table } from "./table.ts";

/** What a batch is written to. */
export interface WriteTarget {
  readonly file: SqliteFile;
  readonly table: Table;
  readonly reader: RowReader;
  readonly columns: readonly string[];
  readonly names: InstalledNames;
  /** Whether proof rows can be written. */
  readonly proof: boolean;
  /** A write that has not come to its commit after so long is taken back: its outcome may be judged from then on. Milliseconds. [S31] */
  readonly deadlineMs: number;
  nowMs(): number;
  positionOf(session: Session): string;
}

/**
 * Writes a batch in one transaction that holds the write lock from its start, each operation in a savepoint: one that is refused leaves no trace and the others
 * proceed. Compare-and-set reads the row under that lock and compares cell texts, so it is exact whatever the columns' affinities and collations;
 * SQL's `=` is not. Images are read at the end of the same transaction, after every trigger. [S26, S57]
 */
export async function writeBatch(
  target: WriteTarget,
  operations: readonly WriteOperation[],
  options: WriteOptions,
): Promise<readonly WriteOutcome[]> {
  if (operations.length === 0) return [];
  const all = (outcome: WriteOutcome): readonly WriteOutcome[] => operations.map(() => outcome);
  const endAtMs = target.nowMs() + target.deadlineMs;
  // Before the transaction: it would hold the whole file, and nothing of it is on its way meanwhile.
  await options.confirm?.();
  try {
    return await target.file.write((session) => {
      const outcomes = writeAll(session, target, operations, options);
      if (target.nowMs() > endAtMs) throw new RolledBack(LATE, LATE.reason);
      return outcomes;
    }, options);
  } catch (error) {
    if (error instanceof RolledBack) return all(operations.length === 1 ? error.outcome : { kind: "batchRejected", reason: error.reason });
    if (!(error instanceof AccordError)) throw error;
    const failure = failureOf(error.cause);
    // A deferred foreign key is judged at the commit, and no operation is named.
    if (failure !== null && failure.code === SQLITE.constraint) {
      const { message } = failure;
      return all(
        operations.length === 1 ? { kind: "rejected", code: nameOf(failure), reason: message } : { kind: "batchRejected", reason: message },
      );
    }
    if (error.code === "ACCORD_OUTCOME_UNKNOWN") return all({ kind: "unknown", reason: error.message });
    if (error.code === "ACCORD_UNREACHABLE") return all({ kind: "notSent", reason: error.message, retryAfterMs: error.retryAfterMs });
    throw error;
  }
}

/** A batch that is too much for its time is cut in halves; a single operation is tried again later. */
const LATE = { kind: "notSent", reason: "it took longer than a write may, and was taken back", retryAfterMs: null } as const;

/** The whole transaction was rolled back: for one operation (`RAISE(ROLLBACK)` in a trigger), or because it took too long. */
class RolledBack extends Error {
  readonly outcome: WriteOutcome;
  readonly reason: string;

  constructor(outcome: WriteOutcome, reason: string) {
    super(reason);
    this.outcome = outcome;
    this.reason = reason;
  }
}

/** An operation that got through, before its image is read; or the outcome of one that did not. */
type Step =
  | { readonly kind: "written"; readonly record: RecordId; readonly deleted: boolean }
  | { readonly kind: "ended"; readonly outcome: WriteOutcome };

function writeAll(
  session: Session,
  target: WriteTarget,
  operations: readonly WriteOperation[],
  options: WriteOptions,
): readonly WriteOutcome[] {
  const atMs = target.nowMs();
  const steps = operations.map((operation) => writeOne(session, target, operation, options.mark.storeId, atMs));
  const position = target.positionOf(session);
  return steps.map((step): WriteOutcome => {
    if (step.kind === "ended") return step.outcome;
    return { kind: "applied", record: step.record, image: step.deleted ? null : imageOfRecord(session, target, step.record), position };
  });
}

function imageOfRecord(session: Session, { reader }: WriteTarget, record: RecordId): NativeImage | null {
  const row = reader.find(session, record);
  return row === undefined ? null : reader.imageOf(session, row);
}

function writeOne(session: Session, target: WriteTarget, operation: WriteOperation, storeId: string, atMs: number): Step {
  session.run("SAVEPOINT accord_operation");
  let step: Step;
  try {
    step = applyOperation(session, target, operation, storeId);
    if (step.kind === "written" && target.proof) {
      const { entity, intent } = operation;
      writeProof(session, target.names, { storeId, object: target.table.schema.name, entity, record: step.record, intent, atMs });
    }
  } catch (error) {
    step = { kind: "ended", outcome: refuse(session, target, operation, error) };
  }
  if (step.kind === "ended") session.run("ROLLBACK TO accord_operation");
  session.run("RELEASE accord_operation");
  return step;
}

function refuse(session: Session, target: WriteTarget, operation: WriteOperation, error: unknown): WriteOutcome {
  const failure = failureOf(error);
  if (failure === null) throw error;
  const { table, reader, columns } = target;
  if (!session.inTransaction) {
    if (failure.code !== SQLITE.constraint) throw error;
    throw new RolledBack({ kind: "rejected", code: nameOf(failure), reason: failure.message }, failure.message);
  }
  // A column or table that is gone is nobody's fault in the batch: looking at them says so.
  if (failure.code === SQLITE.error) session.all(`SELECT ${reader.columnsSql} FROM ${reader.fromSql} LIMIT 0`);
  const set = operation.kind === "delete" ? [] : patchesOf(operation.set);
  const values = new Map(set.map((patch) => [columns[patch.column] ?? "", asBound(nativeOf(target, patch))]));
  const outcome = refusalOf(session, error, { table, reader, values, record: operation.kind === "create" ? null : operation.record });
  if (outcome === null) throw error;
  return outcome;
}

function applyOperation(session: Session, target: WriteTarget, operation: WriteOperation, storeId: string): Step {
  switch (operation.kind) {
    case "create":
      return applyCreate(session, target, operation, storeId);
    case "update":
      return applyUpdate(session, target, operation);
    case "delete":
      return applyDelete(session, target, operation);
  }
}

function applyCreate(
  session: Session,
  target: WriteTarget,
  operation: WriteOperation & { readonly kind: "create" },
  storeId: string,
): Step {
  const { table, reader, names } = target;
  if (target.proof) {
    const record = recordOfEntity(session, names, table.schema.name, operation.entity, storeId);
    const isFormer = record !== null && operation.former?.includes(record) === true;
    if (record !== null && !isFormer && reader.find(session, record) !== undefined)
      return { kind: "ended", outcome: { kind: "exists", record } };
  }
  const { sql, values } = assignments(target, patchesOf(operation.set));
  const columns = sql.map(([column]) => column).join(", ");
  const placeholders = sql.map(([, placeholder]) => placeholder).join(", ");
  // OR ABORT overrides a rule declared ON CONFLICT REPLACE, which would delete the holder. [S37]
  const what = sql.length === 0 ? "DEFAULT VALUES" : `(${columns}) VALUES (${placeholders})`;
  const returned = session.first(`INSERT OR ABORT INTO ${reader.fromSql} ${what} RETURNING ${keySql(table)}`, values);
  return written(reader, returned, false);
}

function applyUpdate(session: Session, target: WriteTarget, operation: WriteOperation & { readonly kind: "update" }): Step {
  const { table, reader } = target;
  const met = expectationOf(session, target, operation.record, operation.expect);
  if (met !== null) return met;
  if (operation.set.length === 0) return { kind: "written", record: operation.record, deleted: false };
  const { sql, values } = assignments(target, operation.set);
  const set = sql.map(([column, placeholder]) => `${column} = ${placeholder}`).join(", ");
  const statement = `UPDATE OR ABORT ${reader.fromSql} SET ${set} WHERE ${reader.keyIsSql} RETURNING ${keySql(table)}`;
  return written(reader, session.first(statement, [...values, ...(reader.keyValues(operation.record) ?? [])]), false);
}

function applyDelete(session: Session, target: WriteTarget, operation: WriteOperation & { readonly kind: "delete" }): Step {
  const { table, reader } = target;
  const met = expectationOf(session, target, operation.record, operation.expect);
  if (met !== null) return met;
  const statement = `DELETE FROM ${reader.fromSql} WHERE ${reader.keyIsSql} RETURNING ${keySql(table)}`;
  return written(reader, session.first(statement, reader.keyValues(operation.record) ?? []), true);
}

/** Null where the record is there and each expected cell is as given; unknown cells expect nothing. */
function expectationOf(session: Session, { reader }: WriteTarget, record: RecordId, expect: readonly CellPatch[]): Step | null {
  const row = reader.find(session, record);
  if (row === undefined) return { kind: "ended", outcome: { kind: "missing" } };
  const changed = expect.some(({ column, cell }) => cell !== undefined && cellAt(session, reader, row, column) !== cell);
  return changed ? { kind: "ended", outcome: { kind: "changed" } } : null;
}

function cellAt(session: Session, reader: RowReader, row: Row, column: number): NativeCell {
  const form = reader.forms[column];
  assert(form !== undefined, "a cell was expected of a column that is not open");
  return cellOfValue(reader.valueOf(session, row, column), form);
}

/** No row came back: a trigger with RAISE(IGNORE) let the statement pass without doing it. */
function written(reader: RowReader, returned: Row | undefined, deleted: boolean): Step {
  if (returned === undefined) return ignored("a trigger of the table ignored the change");
  const record = reader.idOf(returned);
  return record === null ? ignored("the record would have no key") : { kind: "written", record, deleted };
}

function ignored(reason: string): Step {
  return { kind: "ended", outcome: { kind: "rejected", code: "SQLITE_IGNORED", reason } };
}

interface Assignments {
  readonly sql: readonly (readonly [column: string, placeholder: string])[];
  readonly values: readonly BoundValue[];
}

function assignments(target: WriteTarget, set: readonly CellPatch[]): Assignments {
  const natives = set.map((patch) => nativeOf(target, patch));
  return {
    sql: set.map((patch, index) => [quoted(target.columns[patch.column] ?? ""), placeholderOf(natives[index] ?? null)]),
    values: natives.map((value) => asBound(value)),
  };
}

function nativeOf(target: WriteTarget, patch: CellPatch): ReturnType<typeof valueOfCell> {
  const form = target.reader.forms[patch.column];
  assert(form !== undefined, "a cell was set of a column that is not open");
  assert(patch.cell !== undefined, "an unknown cell was set");
  return valueOfCell(patch.cell, form);
}

function keySql(table: Table): string {
  return table.schema.key.map(quoted).join(", ");
}
