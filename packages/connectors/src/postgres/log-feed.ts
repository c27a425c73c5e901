import type { AccordError, CallOptions, ChangeBatch, Cursor, Feed, NextOptions } from "@accord/engine/connector";
import { asAccordError, cancelled, throwIfCancelled } from "./errors.ts";
import { IDLE_ADVANCE_BYTES, IDLE_ADVANCE_MS, RECEIPT_MS, RETAINED_CHECK_MS, STANDBY_STATUS_MS } from "./limits.ts";
import { LogBuffer, parseLogCursor } from "./log-buffer.ts";
import type { LogCursor } from "./log-buffer.ts";
import { cursorExpired, dropSlot, notInstalled, readSlot } from "./log-slot.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { openLogStream } from "./log-stream.ts";
import type { LogReceiver, LogStream } from "./log-stream.ts";
import { PgoutputDecoder } from "./pgoutput.ts";
import type { FollowedTable } from "./pgoutput.ts";
import { ServerSilent, streamSilenceMs } from "./silence.ts";

/**
 * Follows tables through logical replication.
 *
 * Only committed transactions arrive, in the order of their commits. A batch holds whole transactions as long as they fit `changesMax`. The socket is not
 * read while more than a batch waits. An empty batch may carry a new cursor: other tables and databases write log too, and the server keeps all of it until
 * a cursor behind it is acknowledged, so empty batches have to be made durable and acknowledged as well; they move the cursor every ten seconds at most
 * (or every 16 MB).
 *
 * @throws {AccordError} ACCORD_NOT_INSTALLED, ACCORD_CURSOR_EXPIRED, ACCORD_UNREACHABLE, ACCORD_AUTH_REJECTED
 */
export async function followLog(
  access: CaptureAccess,
  tables: readonly FollowedTable[],
  cursor: Cursor,
  options: CallOptions,
): Promise<Feed> {
  const { database, names } = access;
  const start = parseLogCursor(cursor);
  if (start === null) throw cursorExpired(database.where, "the cursor is from another kind of change log");
  const state = await readSlot(access, options);
  if (!state.hasPublication) throw notInstalled(database.where, `there is no publication ${names.publication}`);
  for (const { schema, table } of tables) {
    if (!state.published.some(([publishedSchema, publishedTable]) => publishedSchema === schema && publishedTable === table)) {
      throw notInstalled(database.where, `table ${schema}.${table} is not in publication ${names.publication}`);
    }
  }
  if (!state.usable)
    throw cursorExpired(database.where, `replication slot ${names.slot} ${state.exists ? "was given up by the server" : "is gone"}`);
  if (start.endHex < state.confirmedHex) throw cursorExpired(database.where, "the server was told to forget what came before");
  if (start.endHex > state.currentHex)
    throw cursorExpired(database.where, "the server's log ends before it: an older state of the database was restored");
  if (state.retainedBytes !== null && state.retainedBytes > database.settings.retainLimitBytes) {
    await giveUpSlot(access, state.retainedBytes, options);
    throw retainedTooMuch(access);
  }
  const feed = new LogFeed(access, tables, start, state.retainedBytes);
  await feed.open(options);
  return feed;
}

class LogFeed implements Feed {
  retainedBytes: number | null;
  readonly #access: CaptureAccess;
  readonly #start: LogCursor;
  readonly #buffer: LogBuffer;
  readonly #receiver: LogReceiver;
  readonly #closing = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  #stream: LogStream | null = null;
  #failure: AccordError | null = null;
  #wake: () => void = () => {};
  #changesMax = 1;
  #paused = false;
  /** Since the last look at it. */
  #isHeard = false;
  #silentMs = 0;
  #receivedHex: string;
  #durableHex: string;
  #receipt: NodeJS.Timeout | null = null;
  #offeredAtMs = performance.now();
  #offeredHex: string;

  constructor(access: CaptureAccess, tables: readonly FollowedTable[], start: LogCursor, retainedBytes: number | null) {
    this.#access = access;
    this.#start = start;
    this.retainedBytes = retainedBytes;
    this.#receivedHex = start.endHex;
    this.#durableHex = start.endHex;
    this.#offeredHex = start.endHex;
    const buffer = new LogBuffer(start);
    this.#buffer = buffer;
    const decoder = new PgoutputDecoder(tables, {
      begin: (xid) => buffer.begin(xid),
      row: (changes) => buffer.row(changes),
      commit: (endHex) => {
        this.#received(endHex);
        buffer.commit(endHex);
        if (buffer.size > 0) this.#wake();
      },
      missing: ({ schema, table }, column) =>
        access.log.warn("postgres.column_not_in_log", { where: access.database.where, table: `${schema}.${table}`, column }),
    });
    this.#receiver = {
      message: (bytes, offset, lsnHex) => {
        this.#isHeard = true;
        // What arrived together with the end of the stream comes after it all the same.
        if (this.#failure !== null) return;
        decoder.read(bytes, offset, lsnHex);
        if (buffer.size >= this.#changesMax && !this.#paused) this.#pause();
      },
      keepalive: (endHex, answerWanted) => {
        this.#isHeard = true;
        this.#received(endHex);
        if (buffer.isIdle) buffer.advance(endHex);
        if (answerWanted) this.#sendStatus();
      },
      failed: (error) => this.#fail(error),
    };
  }

  async open(options: CallOptions): Promise<void> {
    this.#stream = await openLogStream(this.#access, this.#start.endHex, this.#receiver, options);
    this.#timers.push(
      setInterval(() => this.#showLife(), STANDBY_STATUS_MS),
      setInterval(() => void this.#checkRetained(), RETAINED_CHECK_MS),
    );
    for (const timer of this.#timers) timer.unref();
    if (this.#paused) this.#stream.pause();
  }

  async next({ waitMs, changesMax, signal }: NextOptions): Promise<ChangeBatch> {
    const { where } = this.#access.database;
    throwIfCancelled(signal, where);
    this.#changesMax = changesMax;
    let batch = this.#take();
    if (batch === null) {
      await this.#waitForChanges(waitMs, signal);
      throwIfCancelled(signal, where);
      batch = this.#take();
    }
    if (batch !== null) return batch;
    if (this.#failure !== null) throw this.#failure;
    return { changes: [], cursor: this.#idleCursor() };
  }

  acknowledge(cursor: Cursor): void {
    const acknowledged = parseLogCursor(cursor);
    if (acknowledged === null || acknowledged.endHex <= this.#durableHex) return;
    this.#durableHex = acknowledged.endHex;
    this.#sendStatusSoon();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#stopTimers();
    if (this.#failure === null) {
      this.#failure = cancelled(this.#access.database.where);
      this.#sendStatus();
    }
    this.#wake();
    const stream = this.#stream;
    this.#stream = null;
    await stream?.close();
  }

  #take(): ChangeBatch | null {
    const batch = this.#buffer.take(this.#changesMax);
    if (batch !== null) this.#offered(batch.cursor);
    if (this.#paused && this.#buffer.size < this.#changesMax) {
      this.#paused = false;
      this.#stream?.resume();
    }
    return batch;
  }

  /** Until a transaction is whole, a batch is full, the feed fails, or the time is over. */
  async #waitForChanges(waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#failure !== null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#wake(), waitMs);
      this.#wake = () => {
        this.#wake = () => {};
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => this.#wake();
      signal.addEventListener("abort", onAbort);
    });
  }

  #pause(): void {
    this.#paused = true;
    this.#stream?.pause();
    this.#wake();
  }

  #received(endHex: string): void {
    if (endHex <= this.#receivedHex) return;
    this.#receivedHex = endHex;
    this.#sendStatusSoon();
  }

  #idleCursor(): Cursor {
    const { cursor } = this.#buffer;
    if (cursor === this.#offeredHex) return cursor;
    const far = BigInt(`0x${cursor.slice(0, 16)}`) - BigInt(`0x${this.#offeredHex.slice(0, 16)}`) >= IDLE_ADVANCE_BYTES;
    if (!far && performance.now() - this.#offeredAtMs < IDLE_ADVANCE_MS) return this.#offeredHex;
    this.#offered(cursor);
    return cursor;
  }

  #offered(cursor: Cursor): void {
    this.#offeredHex = cursor;
    this.#offeredAtMs = performance.now();
  }

  #sendStatusSoon(): void {
    this.#receipt ??= setTimeout(() => this.#sendStatus(), RECEIPT_MS).unref();
  }

  #sendStatus(answerWanted = false): void {
    this.#stopReceipt();
    this.#stream?.sendStatus(this.#receivedHex, this.#durableHex, answerWanted);
  }

  /** Tells the server that we are there, and asks it for the same where it has nothing to say. Counted in looks, not by the clock: a process that stood still has not listened. */
  #showLife(): void {
    const { where, settings } = this.#access.database;
    this.#silentMs = this.#isHeard || this.#paused ? 0 : this.#silentMs + STANDBY_STATUS_MS;
    this.#isHeard = false;
    if (this.#silentMs <= streamSilenceMs(settings)) this.#sendStatus(this.#silentMs > 0);
    else this.#fail(asAccordError(new ServerSilent(this.#silentMs), where));
  }

  /** Looks at the log that the server keeps for us, and gives the slot up rather than filling the user's disk. */
  async #checkRetained(): Promise<void> {
    const options = { signal: this.#closing.signal };
    try {
      const { retainedBytes } = await readSlot(this.#access, options);
      this.retainedBytes = retainedBytes;
      if (retainedBytes === null || retainedBytes <= this.#access.database.settings.retainLimitBytes) return;
      this.#fail(retainedTooMuch(this.#access));
      await giveUpSlot(this.#access, retainedBytes, options);
    } catch (error) {
      // The stream itself tells when the server is gone; a look that failed is taken again.
      this.#access.log.debug("postgres.retained_unknown", { reason: asAccordError(error, this.#access.database.where).code });
    }
  }

  #fail(error: AccordError): void {
    this.#failure ??= error;
    this.#stopTimers();
    this.#wake();
  }

  #stopReceipt(): void {
    if (this.#receipt !== null) clearTimeout(this.#receipt);
    this.#receipt = null;
  }

  #stopTimers(): void {
    this.#stopReceipt();
    for (const timer of this.#timers) clearInterval(timer);
  }
}

async function giveUpSlot(access: CaptureAccess, retainedBytes: number, options: CallOptions): Promise<void> {
  access.log.warn("postgres.slot_given_up", {
    slot: access.names.slot,
    retainedBytes,
    limitBytes: access.database.settings.retainLimitBytes,
  });
  await dropSlot(access, options);
}

function retainedTooMuch(access: CaptureAccess): AccordError {
  const limit = Math.round(access.database.settings.retainLimitBytes / 1_048_576);
  return cursorExpired(
    access.database.where,
    `the server kept more than ${limit} MB of log for us, so replication slot ${access.names.slot} was given up`,
  );
}
