import { AccordError } from "@accord/engine/connector";
import type { Position, WriteOperation, WriteOptions, WriteOutcome } from "@accord/engine/connector";
import type { RecordId } from "@accord/core";
import { writeImage } from "@accord/core";
import { isStalePlan, runPipeline, unprepared } from "./client.ts";
import type { Database, Session } from "./client.ts";
import { asAccordError, serverFailure } from "./errors.ts";
import type { ServerFailure } from "./errors.ts";
import type { Rows, Statement } from "./pipeline.ts";
import { writePosition } from "./positions.ts";
import { isPossibleId, readRecords, readStatement } from "./read.ts";
import type { Table } from "./table-sql.ts";
import { findHolder } from "./unique-holder.ts";
import { createLock, groupOperations, groupStatement } from "./write-sql.ts";
import type { StatementOptions, WriteGroup } from "./write-sql.ts";

/** What a write needs to know beside its operations. */
export interface WriteTarget {
  readonly database: Database;
  readonly table: Table;
  /** SQL of the proof table, or null where there is none. */
  readonly applied: string | null;
  readonly serverVersion: number;
  /** After this the session is given up and the outcomes are unknown. */
  readonly deadlineMs: number;
}

/**
 * Writes a batch: one transaction, one round trip, one statement per shape of operation, compare-and-set and proof rows within it. [S26, S27, S29]
 *
 * The position is the log's insert position after the rows were written and before the commit. [S57] Images are what RETURNING gives, BEFORE triggers
 * included. Where AFTER triggers or cascading foreign keys could change a row again, the rows are read once more in the transaction, for a second round trip.
 */
export async function writeRecords(
  target: WriteTarget,
  operations: readonly WriteOperation[],
  options: WriteOptions,
): Promise<readonly WriteOutcome[]> {
  if (operations.length === 0) return [];
  const outcomes: WriteOutcome[] = [];
  const places = operations.map((_, place) => place);
  operations.forEach((operation, place) => {
    if (operation.kind !== "create" && !isPossibleId(target.table, operation.record)) outcomes[place] = { kind: "missing" };
  });
  let gone: ReadonlyMap<number, RecordId> = new Map();
  // A second pass takes up creates whose entity has an earlier, vanished record; a third would mean that somebody else is at it.
  for (let pass = 0; pass < 3; pass += 1) {
    const waiting = places.filter((place) => outcomes[place] === undefined);
    if (waiting.length === 0) return outcomes;
    const batch = waiting.map((place) => pick(operations, place));
    const goneHere = new Map(waiting.flatMap((place, index) => (gone.has(place) ? [[index, gone.get(place) ?? ""] as const] : [])));
    const written = await writeOnce(target, batch, goneHere, options);
    const held: { readonly place: number; readonly record: RecordId }[] = [];
    written.forEach((outcome, index) => {
      const place = pick(waiting, index);
      if (outcome.kind === "held") held.push({ place, record: outcome.record });
      else outcomes[place] = outcome;
    });
    if (held.length === 0) return outcomes;
    gone = await settleHeld(target, held, outcomes, options);
    if (gone.size === 0) return outcomes;
  }
  return places.map((place) => outcomes[place] ?? notSent("the record of an earlier create of this entity comes and goes"));
}

type Held = { readonly kind: "held"; readonly record: RecordId };

/** Tells creates that are already there from those whose record has vanished since: the latter are returned. */
async function settleHeld(
  target: WriteTarget,
  held: readonly { readonly place: number; readonly record: RecordId }[],
  outcomes: WriteOutcome[],
  options: WriteOptions,
): Promise<ReadonlyMap<number, RecordId>> {
  const gone = new Map<number, RecordId>();
  try {
    const { images } = await readRecords(
      target.database,
      target.table,
      held.map(({ record }) => record),
      { signal: options.signal },
    );
    held.forEach(({ place, record }, index) => {
      if (images[index] === null) gone.set(place, record);
      else outcomes[place] = { kind: "exists", record };
    });
  } catch (error) {
    // What the first pass wrote stays written: these alone are left for later.
    for (const { place } of held) outcomes[place] = notSent(asAccordError(error, target.database.where).message);
  }
  return gone;
}

async function writeOnce(
  target: WriteTarget,
  operations: readonly WriteOperation[],
  gone: ReadonlyMap<number, RecordId>,
  options: WriteOptions,
): Promise<readonly (WriteOutcome | Held)[]> {
  const { database, applied } = target;
  const proof = applied === null ? null : { applied, mark: options.mark };
  // Each turn of the loop returns, or sets one of these two for good.
  let repair = false;
  let prepare = true;
  for (;;) {
    const attemptOptions: AttemptOptions = { proof, repair, gone, serverVersion: target.serverVersion, prepare };
    let session: Session;
    try {
      session = await database.borrow({ signal: options.signal });
    } catch (error) {
      return operations.map(() => notSentUnlessFatal(error));
    }
    try {
      const outcomes = await attempt(target, session, operations, attemptOptions);
      session.release({ broken: false });
      return outcomes;
    } catch (error) {
      const failure = serverFailure(error);
      session.release({ broken: true });
      if (failure === null || isConnectionEnd(failure)) return operations.map(() => lost(error, database.where));
      if (!repair && isProofConflict(failure, target)) repair = true;
      else if (prepare && isStalePlan(error)) prepare = false;
      else return await interpretFailure(target, operations, failure, options);
    }
  }
}

interface AttemptOptions extends StatementOptions {
  readonly prepare: boolean;
}

/** Sends the batch. Throws what the server or the socket said. */
async function attempt(
  target: WriteTarget,
  session: Session,
  operations: readonly WriteOperation[],
  options: AttemptOptions,
): Promise<readonly (WriteOutcome | Held)[]> {
  const { table, applied } = target;
  const groups = groupOperations(table, operations, options.serverVersion);
  const lock = applied !== null && groups[0]?.kind === "create" ? [createLock(table, applied)] : [];
  const writes = groups.map((group) => groupStatement(table, group, options));
  const run = (statements: readonly Statement[]): Promise<readonly Rows[]> =>
    runPipeline(session.client, options.prepare ? statements : unprepared(statements));
  const timer = setTimeout(
    () => void session.client.connection.stream.destroy(new Error("no answer within the deadline")),
    target.deadlineMs,
  );
  try {
    if (!table.facts.changesAfterwards) {
      const results = await run([...lock, ...writes, LSN]);
      return outcomesOf(operations, groups, results.slice(lock.length), positionOf(results.at(-1)));
    }
    const results = await run([BEGIN, ...lock, ...writes]);
    const first = outcomesOf(operations, groups, results.slice(lock.length + 1), null);
    const records = first.flatMap((outcome) => (outcome.kind === "applied" && outcome.image !== null ? [outcome.record] : []));
    const [lsn, rows = []] = await run([LSN, readStatement(table, records), COMMIT]);
    const images = new Map(rows.map(([place = null, ...cells]) => [records[Number(place) - 1], writeImage(cells)] as const));
    const position = positionOf(lsn);
    return first.map((outcome) => {
      if (outcome.kind !== "applied") return outcome;
      return { ...outcome, image: outcome.image === null ? null : (images.get(outcome.record) ?? null), position };
    });
  } finally {
    clearTimeout(timer);
  }
}

const LSN: Statement = { text: "SELECT pg_current_wal_insert_lsn()", values: [], prepare: true };
const BEGIN: Statement = { text: "BEGIN ISOLATION LEVEL READ COMMITTED", values: [], prepare: true };
const COMMIT: Statement = { text: "COMMIT", values: [], prepare: true };

function positionOf(rows: Rows | undefined): Position | null {
  const lsn = rows?.[0]?.[0];
  return lsn === null || lsn === undefined ? null : writePosition(lsn);
}

function outcomesOf(
  operations: readonly WriteOperation[],
  groups: readonly WriteGroup[],
  results: readonly Rows[],
  position: Position | null,
): (WriteOutcome | Held)[] {
  const outcomes: (WriteOutcome | Held)[] = operations.map(() => ({ kind: "missing" }));
  groups.forEach((group, index) => {
    for (const [place = null, state = null, record = null, ...cells] of results[index] ?? []) {
      const at = pick(group.places, Number(place) - 1);
      if (state === "c") outcomes[at] = { kind: "changed" };
      else if (state === "h") outcomes[at] = { kind: "held", record: record ?? "" };
      else outcomes[at] = { kind: "applied", record: record ?? "", image: group.kind === "delete" ? null : writeImage(cells), position };
    }
  });
  return outcomes;
}

/** What a refusal means. The transaction was rolled back: nothing was written. [S30, S47] */
async function interpretFailure(
  target: WriteTarget,
  operations: readonly WriteOperation[],
  failure: ServerFailure,
  options: WriteOptions,
): Promise<readonly WriteOutcome[]> {
  const { database, table } = target;
  // Deadlock, serialization, lock or statement timeout, resources: nothing is wrong with the operations.
  if (/^(40|53|55P03|57014)/.test(failure.code)) return operations.map(() => notSent(`${failure.message} (SQLSTATE ${failure.code})`));
  if (isStop(failure)) {
    const error = Object.assign(new Error(failure.message), { code: failure.code, severity: "ERROR" });
    throw asAccordError(error, `${database.where}, object ${table.name}`);
  }
  const reason = failure.constraint === null ? failure.message : `${failure.message} (constraint ${failure.constraint})`;
  const [operation, ...others] = operations;
  if (operation === undefined || others.length > 0) return operations.map(() => ({ kind: "batchRejected", reason }));
  if (failure.code === "23505" && !failure.inFunction) {
    const unique = table.facts.uniques.find(({ name }) => name === failure.constraint);
    const columns = unique?.columns ?? [];
    const holder = await findHolder(database, table, columns, operation, { signal: options.signal });
    return [{ kind: "taken", reason, columns, holder }];
  }
  return [{ kind: "rejected", code: failure.code, reason }];
}

/** A missing right or a changed table concerns every operation; a policy's refusal (row security) or a trigger's mistake only this one. */
function isStop(failure: ServerFailure): boolean {
  if (failure.inFunction) return false;
  if (failure.code === "42501") return failure.routine !== "ExecWithCheckOptions";
  return failure.code === "25006" || failure.code === "42P01" || failure.code === "42703" || failure.code === "3F000";
}

/** The session ended from the server's side; a commit that waited for a standby may have happened all the same [syncrep.c]. */
function isConnectionEnd({ code }: ServerFailure): boolean {
  return code.startsWith("08") || /^57P0[1-5]/.test(code);
}

/** A record id that another entity's proof row still has: the id was used again, or the link moved. */
function isProofConflict({ code, schema, table }: ServerFailure, { applied }: WriteTarget): boolean {
  return code === "23505" && applied !== null && applied === `${schema ?? ""}.${table ?? ""}`;
}

function lost(error: unknown, where: string): WriteOutcome {
  return { kind: "unknown", reason: asAccordError(error, where).message };
}

function notSent(reason: string): WriteOutcome {
  return { kind: "notSent", reason, retryAfterMs: null };
}

/** No session could be had: nothing was written. */
function notSentUnlessFatal(error: unknown): WriteOutcome {
  if (!(error instanceof AccordError) || error.remedy !== "retry") throw error;
  return notSent(error.message);
}

function pick<Item>(list: readonly Item[], index: number): Item {
  const item = list[index];
  if (item === undefined) throw new RangeError(`no item ${index} of ${list.length}`);
  return item;
}
