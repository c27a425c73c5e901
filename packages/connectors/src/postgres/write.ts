import { AccordError } from "@accord/engine/connector";
import type { Position, WriteOperation, WriteOptions, WriteOutcome } from "@accord/engine/connector";
import type { EntityId, RecordId } from "@accord/core";
import { writeImage } from "@accord/core";
import { CLOCK, isStalePlan, runConfirmed, runPipeline, unprepared } from "./client.ts";
import type { Database, Session } from "./client.ts";
import { asAccordError, serverFailure } from "./errors.ts";
import type { ServerFailure } from "./errors.ts";
import type { InstalledNames } from "./names.ts";
import type { Rows, Statement } from "./pipeline.ts";
import { writePosition } from "./positions.ts";
import { ledgerStatement } from "./proof-sql.ts";
import type { ProofTarget } from "./proof-sql.ts";
import { findMovedRecords } from "./proofs.ts";
import { isPossibleId, readRecords, readStatement } from "./read.ts";
import { imageOfRow, itemsOfArray } from "./row-text.ts";
import { heardWithin, statementSilenceMs } from "./silence.ts";
import type { Table } from "./table-sql.ts";
import { findHolder } from "./unique-holder.ts";
import { groupOperations } from "./write-group.ts";
import type { WriteGroup } from "./write-group.ts";
import { createLock, expectedImages, groupStatement, proofTarget, standsAlone } from "./write-sql.ts";
import type { StatementOptions } from "./write-sql.ts";

/** What no timeout can be: a write that came too late is refused with it. */
const TOO_LATE = "too late";

/** What a write needs to know beside its operations. */
export interface WriteTarget {
  readonly database: Database;
  readonly table: Table;
  /** Of the proof tables, or null where there are none. */
  readonly names: InstalledNames | null;
  readonly serverVersion: number;
  /** After this the session is given up and the outcomes are unknown. */
  readonly deadlineMs: number;
  /** The stores whose ledger about this object is known to be there. */
  readonly ledgers: Set<string>;
}

/** What one pass makes of an operation: `held` by an earlier create of its entity, or `again` because others of its group were held. */
type PassOutcome = WriteOutcome | { readonly kind: "held"; readonly record: RecordId } | { readonly kind: "again" };

/** The first finds creates that were made before, the second makes the others; a third would mean that somebody else is at it. */
const PASSES_MAX = 3;

/**
 * Writes a batch: one transaction, one round trip, one statement per shape of operation, compare-and-set and proof rows within it. [S26, S27, S29] Where the write is
 * to be confirmed, the statements are sent first and the commit after it. A transaction that is left open is undone by the server, which waits no longer for its commit
 * than a statement may take. [S31]
 *
 * The position is the log's insert position after the rows were written and before the commit. [S57] Images are what RETURNING gives, BEFORE triggers
 * included. Where AFTER triggers or cascading foreign keys could change a row again, the rows are read once more in the transaction, for a second round trip.
 */
export async function writeRecords(
  target: WriteTarget,
  operations: readonly WriteOperation[],
  options: WriteOptions,
): Promise<readonly WriteOutcome[]> {
  const outcomes: WriteOutcome[] = [];
  const places = operations.map((_, place) => place);
  operations.forEach((operation, place) => {
    if (operation.kind !== "create" && !isPossibleId(target.table, operation.record)) outcomes[place] = { kind: "missing" };
  });
  const gone = new Map<EntityId, RecordId>();
  const confirmation = new Confirmation(options.confirm);
  // Counted from the call: a process that stands still while it waits for a session must not write when it goes on.
  const beginsByMs = performance.now() + target.database.settings.writeTimeoutMs;
  for (let pass = 0; pass < PASSES_MAX; pass += 1) {
    const waiting = places.filter((place) => outcomes[place] === undefined);
    if (waiting.length === 0) return outcomes;
    const batch = waiting.length === operations.length ? operations : waiting.map((place) => pick(operations, place));
    const written = await writeOnce(target, batch, { gone, confirmation, beginsByMs }, options);
    const held: HeldCreate[] = [];
    written.forEach((outcome, index) => {
      const place = pick(waiting, index);
      if (outcome.kind === "held") held.push({ place, entity: pick(batch, index).entity, record: outcome.record });
      // A batch is refused as a whole only where nothing of it was written.
      else if (outcome.kind === "batchRejected" && waiting.length < operations.length) outcomes[place] = notSent(outcome.reason);
      else if (outcome.kind !== "again") outcomes[place] = outcome;
    });
    if (held.length > 0) await settleHeld(target, held, gone, outcomes, options);
  }
  return places.map((place) => outcomes[place] ?? notSent("the record of an earlier create of this entity comes and goes"));
}

/** What is to be asked before the first commit, and not again. [S29] */
class Confirmation {
  readonly #confirm: (() => Promise<void>) | undefined;
  #state: "due" | "given" | "refused";

  constructor(confirm: (() => Promise<void>) | undefined) {
    this.#confirm = confirm;
    this.#state = confirm === undefined ? "given" : "due";
  }

  get isDue(): boolean {
    return this.#state === "due";
  }

  get isRefused(): boolean {
    return this.#state === "refused";
  }

  readonly ask = async (): Promise<void> => {
    if (this.#state === "given") return;
    this.#state = "refused";
    await this.#confirm?.();
    this.#state = "given";
  };
}

interface HeldCreate {
  readonly place: number;
  readonly entity: EntityId;
  readonly record: RecordId;
}

/** Tells creates that are already there from those whose record has vanished since, or has become another entity's: the latter are added to `gone`. */
async function settleHeld(
  { database, table, names }: WriteTarget,
  held: readonly HeldCreate[],
  gone: Map<EntityId, RecordId>,
  outcomes: WriteOutcome[],
  options: WriteOptions,
): Promise<void> {
  try {
    const { images } = await readRecords(
      database,
      table,
      held.map(({ record }) => record),
      { signal: options.signal },
    );
    const there = held.filter((_, index) => images[index] !== null);
    const moved =
      names === null ? new Set() : await findMovedRecords({ database, names, object: table.name }, options.mark, there, options);
    held.forEach(({ place, entity, record }, index) => {
      if (images[index] === null || moved.has(entity)) gone.set(entity, record);
      else outcomes[place] = { kind: "exists", record };
    });
  } catch (error) {
    // What the first pass wrote stays written: these alone are left for later.
    for (const { place } of held) outcomes[place] = notSent(asAccordError(error, database.where).message);
  }
}

async function writeOnce(
  target: WriteTarget,
  operations: readonly WriteOperation[],
  call: Pick<AttemptOptions, "gone" | "confirmation" | "beginsByMs">,
  options: WriteOptions,
): Promise<readonly PassOutcome[]> {
  const { database, table, names, ledgers } = target;
  const { storeId } = options.mark;
  const proof = proofTarget(table, names, options.mark);
  let prepare = true;
  let mayLackLedger = true;
  for (;;) {
    let session: Session;
    try {
      session = await database.borrow({ signal: options.signal });
    } catch (error) {
      return operations.map(() => notSentUnlessFatal(error));
    }
    try {
      if (proof !== null && !ledgers.has(storeId)) await openLedger(database, session, proof);
      ledgers.add(storeId);
      const { serverVersion } = target;
      const outcomes = await attempt(target, session, operations, { ...call, proof, serverVersion, prepare });
      session.release({ broken: false });
      return outcomes;
    } catch (error) {
      const failure = serverFailure(error);
      session.release({ broken: true });
      if (call.confirmation.isRefused) throw error;
      if (failure === null || isConnectionEnd(failure)) return operations.map(() => lost(error, database.where));
      // Each of these is done once, so that the loop ends.
      if (mayLackLedger && proof !== null && lacksLedger(failure, proof)) {
        mayLackLedger = false;
        ledgers.delete(storeId);
      } else if (prepare && isStalePlan(error)) prepare = false;
      else return await interpretFailure(target, operations, failure, options);
    }
  }
}

/** Before the first write of a process, outside its bounds: a connection that stands still is not waited for here either. */
async function openLedger({ settings }: Database, { client }: Session, proof: ProofTarget): Promise<void> {
  await heardWithin(statementSilenceMs(settings), client.connection.stream, () => runPipeline(client, [ledgerStatement(proof)]));
}

interface AttemptOptions extends StatementOptions {
  readonly prepare: boolean;
  readonly confirmation: Confirmation;
  /** When the server has to have begun, by `performance.now()`. */
  readonly beginsByMs: number;
}

/** Sends the batch. Throws what the server or the socket said. */
async function attempt(
  target: WriteTarget,
  session: Session,
  operations: readonly WriteOperation[],
  options: AttemptOptions,
): Promise<readonly PassOutcome[]> {
  const { table, names } = target;
  const { confirmation } = options;
  const groups = groupOperations(operations, standsAlone(table, options.serverVersion));
  const lock = names !== null && groups[0]?.kind === "create" ? [createLock(table, names)] : [];
  const writes = groups.map((group) => groupStatement(table, group, options));
  // The bounds come first: writes end before their worker's lease does, whatever else the session may do for longer. [S32]
  const head = [bounds(target, operations, session.serverClockMs(options.beginsByMs)), ...lock];
  const chosen = (statements: readonly Statement[]): readonly Statement[] => (options.prepare ? statements : unprepared(statements));
  const run = (statements: readonly Statement[]): Promise<readonly Rows[]> => runPipeline(session.client, chosen(statements));
  const timer = setTimeout(
    () => void session.client.connection.stream.destroy(new Error("no answer within the deadline")),
    target.deadlineMs,
  );
  try {
    if (!table.facts.changesAfterwards) {
      const statements = [...head, ...writes, LSN];
      const results = confirmation.isDue
        ? (await runConfirmed(session.client, chosen([BEGIN, ...statements]), confirmation.ask, chosen([COMMIT]))).slice(1)
        : await run(statements);
      return outcomesOf(table, operations, groups, results.slice(head.length), positionOf(results.at(-1)));
    }
    const results = await run([BEGIN, ...head, ...writes]);
    await confirmation.ask();
    const first = outcomesOf(table, operations, groups, results.slice(head.length + 1), null);
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

/**
 * The timeouts of a write, for its transaction alone. Where the client is paused between two round trips, the server ends the transaction by itself. A network may hold the
 * whole back, or a part of it, and deliver it when its outcome has long been settled, and a process may stand still before it sends anything: a write that begins too late by the server's own clock is refused, by a timeout that
 * is none, and from PostgreSQL 17 on one that began in time is ended in time. [S31, S32]
 */
function bounds(
  { database: { settings }, serverVersion }: WriteTarget,
  operations: readonly WriteOperation[],
  beginsByMs: number,
): Statement {
  const { writeTimeoutMs } = settings;
  const isYielding = operations.length > 1 && operations.some(({ kind }) => kind !== "create");
  const writeLockTimeoutMs = isYielding ? Math.min(settings.writeLockTimeoutMs, YIELD_MS) : settings.writeLockTimeoutMs;
  const values = [String(writeTimeoutMs), String(writeLockTimeoutMs), String(beginsByMs)];
  const ends = serverVersion >= TRANSACTION_TIMEOUT;
  if (ends) values.push(String(writeTimeoutMs + settings.writeLockTimeoutMs));
  return { text: ends ? `${BOUNDS}, pg_catalog.set_config('transaction_timeout', $4, true)` : BOUNDS, values, prepare: true };
}

const BOUNDS = `SELECT pg_catalog.set_config('statement_timeout', CASE WHEN ${CLOCK} > $3::float8 THEN '${TOO_LATE}' ELSE $1 END, true), pg_catalog.set_config('lock_timeout', $2, true), pg_catalog.set_config('idle_in_transaction_session_timeout', $1, true)`;

/** The first version with `transaction_timeout`. */
const TRANSACTION_TIMEOUT = 170_000;

/**
 * So long a batch waits for rows that somebody else has locked. It is less than the second after which a server looks for deadlocks, which ends the one who
 * looks first: where a user's transaction waits for rows of the batch and the batch for rows of the user's, the batch gives way. Milliseconds.
 * https://www.postgresql.org/docs/current/runtime-config-locks.html
 */
const YIELD_MS = 400;

const LSN: Statement = { text: "SELECT pg_current_wal_insert_lsn()", values: [], prepare: true };
const BEGIN: Statement = { text: "BEGIN ISOLATION LEVEL READ COMMITTED", values: [], prepare: true };
const COMMIT: Statement = { text: "COMMIT", values: [], prepare: true };

function positionOf(rows: Rows | undefined): Position | null {
  const lsn = rows?.[0]?.[0];
  return lsn === null || lsn === undefined ? null : writePosition(lsn);
}

function outcomesOf(
  table: Table,
  operations: readonly WriteOperation[],
  groups: readonly WriteGroup[],
  results: readonly Rows[],
  position: Position | null,
): PassOutcome[] {
  const outcomes: PassOutcome[] = operations.map(() => MISSING);
  groups.forEach((group, index) => {
    const rows = results[index] ?? [];
    if (group.kind === "create") createdOutcomes(table, group, rows, position, outcomes);
    else changedOutcomes(table, group, rows, position, outcomes);
  });
  return outcomes;
}

const MISSING: WriteOutcome = { kind: "missing" };

/** What the rows of an update's or delete's statement say; see `groupStatement`. */
function changedOutcomes(table: Table, group: WriteGroup, rows: Rows, position: Position | null, outcomes: PassOutcome[]): void {
  for (const [place = null, state = null, record = null, row = null] of rows) {
    const at = pick(group.places, Number(place) - 1);
    if (state === "c") outcomes[at] = { kind: "changed" };
    else {
      const image = row === null ? null : imageOfRow(row, table.columns.length);
      outcomes[at] = { kind: "applied", record: record ?? "", image, position };
    }
  }
}

/** What the rows of a create's statement say; see `groupStatement`. */
function createdOutcomes(table: Table, group: WriteGroup, rows: Rows, position: Position | null, outcomes: PassOutcome[]): void {
  const created = rows.find(([, state]) => state === "r")?.[2] ?? null;
  const records = created === null ? [] : itemsOfArray(created);
  const images = created === null ? [] : expectedImages(table, group, records);
  for (const [place = null, state = null, , row = null] of rows)
    if (state === "a" && row !== null) images[Number(place) - 1] = imageOfRow(row, table.columns.length);
  const held = new Map(
    rows.flatMap(([entity = null, state = null, record = null]) => (state === "h" ? [[Number(entity), record ?? ""] as const] : [])),
  );
  group.places.forEach((at, index) => {
    const record = records[index];
    const earlier = held.get(pick(group.operations, index).entity);
    if (record !== undefined) outcomes[at] = { kind: "applied", record, image: images[index] ?? null, position };
    else outcomes[at] = earlier === undefined ? { kind: "again" } : { kind: "held", record: earlier };
  });
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
  // The server ended it for taking too long: half of it may be in time. A batch that never is would be tried for ever.
  // Nor had all its locks in time: those of half of it may be free.
  if ((failure.code === "57014" || failure.code === "55P03") && operations.length > 1)
    return operations.map(() => ({ kind: "batchRejected", reason: failure.message }));
  // Or the server waited too long for the commit, and ended the session instead. Or it came too late.
  if (/^(40|53|55P03|57014|25P03)/.test(failure.code) || isTooLate(failure))
    return operations.map(() => notSent(`${failure.message} (SQLSTATE ${failure.code})`));
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

/** `statement_timeout` cannot be what {@link bounds} sets it to when the write comes too late: guc.c. */
function isTooLate({ code, inFunction, routine }: ServerFailure): boolean {
  return code === "22023" && !inFunction && routine === "parse_and_validate_value";
}

/** The session ended from the server's side, by a transaction's timeout (25P04) too; a commit that waited for a standby may have happened all the same [syncrep.c]. */
function isConnectionEnd({ code }: ServerFailure): boolean {
  return code.startsWith("08") || /^(57P0[1-5]|25P04)/.test(code);
}

/** The ledger was removed after it was seen: `uninstall` and `install` under an open object. */
function lacksLedger({ code, table, column }: ServerFailure, { names }: ProofTarget): boolean {
  return code === "23502" && column === "ledger" && [names.applied, names.appliedBatch].includes(`${names.schema}.${table ?? ""}`);
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
