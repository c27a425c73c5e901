import type { Change, ChangeBatch, Cursor } from "@accord/engine/connector";

/**
 * A place in the log between two changes. Written `<end of the last whole transaction>` in 16 hex digits, and where a transaction was handed out in part,
 * `/<its id>/<rows of it that were handed out>` behind: the server streams it again as a whole, and those rows are skipped.
 */
export interface LogCursor {
  readonly endHex: string;
  readonly partial: { readonly xid: number; readonly rows: number } | null;
}

/** Reads a cursor, or null where the text is none. */
export function parseLogCursor(cursor: Cursor): LogCursor | null {
  const match = /^([0-9a-f]{16})(?:\/(\d+)\/(\d+))?$/.exec(cursor);
  const endHex = match?.[1];
  if (match === null || endHex === undefined) return null;
  return { endHex, partial: match[2] === undefined ? null : { xid: Number(match[2]), rows: Number(match[3]) } };
}

function writeLogCursor({ endHex, partial }: LogCursor): Cursor {
  return partial === null ? endHex : `${endHex}/${partial.xid}/${partial.rows}`;
}

/** The changes of one transaction, as they come in. */
interface Transaction {
  readonly xid: number;
  readonly changes: Change[];
  /** For each change, the number of its row within the transaction, from 1. */
  readonly rows: number[];
  /** Set by its commit. */
  endHex: string | null;
  /** Changes at the front of `changes` that were handed out. */
  taken: number;
  /** Whether it waits to be handed out. */
  listed: boolean;
}

/** Holds changes between the socket and the engine, and cuts batches: whole transactions as long as they fit. */
export class LogBuffer {
  readonly #transactions: Transaction[] = [];
  #open: Transaction | null = null;
  #rowsSeen = 0;
  #skip: LogCursor["partial"];
  #cursor: LogCursor;
  #waiting = 0;

  constructor(start: LogCursor) {
    this.#cursor = start;
    this.#skip = start.partial;
  }

  /** Changes that were not handed out yet. */
  get size(): number {
    return this.#waiting;
  }

  /** True between two transactions with nothing left to hand out. */
  get isIdle(): boolean {
    return this.#open === null && this.#transactions.length === 0;
  }

  get cursor(): Cursor {
    return writeLogCursor(this.#cursor);
  }

  begin(xid: number): void {
    this.#open = { xid, changes: [], rows: [], endHex: null, taken: 0, listed: false };
    this.#rowsSeen = 0;
  }

  row(changes: readonly Change[]): void {
    const open = this.#open;
    if (open === null) return;
    this.#rowsSeen += 1;
    if (changes.length === 0) return;
    if (this.#skip !== null && this.#skip.xid === open.xid && this.#rowsSeen <= this.#skip.rows) return;
    if (!open.listed) this.#transactions.push(open);
    open.listed = true;
    for (const change of changes) {
      open.changes.push(change);
      open.rows.push(this.#rowsSeen);
    }
    this.#waiting += changes.length;
  }

  commit(endHex: string): void {
    const open = this.#open;
    if (open === null) return;
    open.endHex = endHex;
    if (this.#skip?.xid === open.xid) this.#skip = null;
    this.#open = null;
    // A transaction without changes for us moves the place on, at once or with the last one that had some.
    const last = this.#transactions.at(-1);
    if (last === undefined) this.#cursor = { endHex, partial: null };
    else last.endHex = endHex;
    if (last === open && open.taken === open.changes.length) this.#finish(open);
  }

  /** Everything below `endHex` has been streamed. Only while idle. */
  advance(endHex: string): void {
    if (this.isIdle && endHex > this.#cursor.endHex) this.#cursor = { endHex, partial: null };
  }

  /** The next batch, or null where there is neither a whole transaction nor a full batch of one. */
  take(changesMax: number): ChangeBatch | null {
    const changes: Change[] = [];
    let done = 0;
    for (const transaction of this.#transactions) {
      const left = transaction.changes.length - transaction.taken;
      if (transaction.endHex === null || changes.length + left > changesMax) break;
      append(changes, transaction.changes, transaction.taken);
      this.#cursor = { endHex: transaction.endHex, partial: null };
      done += 1;
    }
    this.#transactions.splice(0, done);
    const first = this.#transactions[0];
    if (changes.length === 0 && first !== undefined && first.changes.length - first.taken >= changesMax)
      this.#takePart(first, changesMax, changes);
    this.#waiting -= changes.length;
    return changes.length === 0 ? null : { changes, cursor: this.cursor };
  }

  /** A transaction that does not fit. The changes of one row stay together. */
  #takePart(transaction: Transaction, changesMax: number, changes: Change[]): void {
    let end = transaction.taken + changesMax;
    while (end < transaction.rows.length && transaction.rows[end] === transaction.rows[end - 1]) end += 1;
    for (let index = transaction.taken; index < end; index += 1) {
      const change = transaction.changes[index];
      if (change !== undefined) changes.push(change);
    }
    const rows = transaction.rows[end - 1] ?? 0;
    transaction.taken = end;
    this.#cursor = { endHex: this.#cursor.endHex, partial: { xid: transaction.xid, rows } };
    if (end === transaction.changes.length && transaction.endHex !== null) this.#finish(transaction);
    else this.#forget(transaction);
  }

  /** What was handed out of a transaction that is still coming in must not stay in memory. */
  #forget(transaction: Transaction): void {
    transaction.changes.splice(0, transaction.taken);
    transaction.rows.splice(0, transaction.taken);
    transaction.taken = 0;
  }

  #finish(transaction: Transaction): void {
    if (this.#transactions[0] !== transaction || transaction.endHex === null) return;
    this.#transactions.shift();
    this.#cursor = { endHex: transaction.endHex, partial: null };
  }
}

function append(to: Change[], from: readonly Change[], start: number): void {
  for (let index = start; index < from.length; index += 1) {
    const change = from[index];
    if (change !== undefined) to.push(change);
  }
}
