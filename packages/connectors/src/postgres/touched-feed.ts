import type { CallOptions, Change, ChangeBatch, Cursor, Feed, NextOptions } from "@accord/engine/connector";
import pg from "pg";
import { SPELLING_SETTINGS, clientConfig, settingsStatement } from "./client.ts";
import { asAccordError, throwIfCancelled } from "./errors.ts";
import { FORGET_MS, FORGET_ROWS_MAX, IDLE_ADVANCE_MS, TOUCHED_BACKOFF_MS_MAX, TOUCHED_POLL_MS } from "./limits.ts";
import { cursorExpired, notInstalled } from "./log-slot.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { includesSnapshot, parseSnapshot } from "./positions.ts";
import { heardWithin, leave, streamSilenceMs } from "./silence.ts";
import { TOUCH_KINDS, wakeLock } from "./trigger-sql.ts";

/** A table whose touches are wanted. */
export interface TouchedTable {
  /** The object's place in the list given to `follow`. */
  readonly object: number;
  readonly oid: string;
}

/**
 * A place in the trigger log: what a snapshot shows has been handed out. Written `T<snapshot>`, and while the rows between it and a later snapshot are being
 * handed out page by page, `;<later snapshot>;<last sequence handed out>.<how many ids of it>` behind.
 *
 * Neither the sequence nor the transaction id alone would do: both are given out before the commit, so a transaction that commits late has low ones and
 * would be skipped. The difference of two snapshots is exact (S9), holds up nobody while some transaction stays open for hours, and within it the sequence
 * is the order in which a record was changed, because row locks make a later writer wait for the earlier one's commit.
 */
export interface TouchedCursor {
  readonly shown: string;
  readonly partial: { readonly until: string; readonly seq: string; readonly ordinal: string } | null;
}

/** Reads a cursor of the trigger log; null: it is one of another log. */
export function parseTouchedCursor(cursor: Cursor): TouchedCursor | null {
  const match = /^T(\d+:\d+:[\d,]*)(?:;(\d+:\d+:[\d,]*);(\d+)\.(\d+))?$/.exec(cursor);
  if (match === null) return null;
  const [, shown = "", until, seq, ordinal] = match;
  return { shown, partial: until === undefined || seq === undefined || ordinal === undefined ? null : { until, seq, ordinal } };
}

function writeTouchedCursor({ shown, partial }: TouchedCursor): Cursor {
  return partial === null ? `T${shown}` : `T${shown};${partial.until};${partial.seq}.${partial.ordinal}`;
}

/** The cursor of now: whatever a later listing may miss was not visible to this snapshot either. */
export async function currentTouchedCursor({ database }: CaptureAccess, options: CallOptions): Promise<Cursor> {
  const [row] = await database.rows("SELECT pg_current_snapshot()", [], options);
  return writeTouchedCursor({ shown: row?.[0] ?? "", partial: null });
}

/**
 * Follows tables through the trigger log. Changes are touches, renames and emptied objects.
 * @throws {AccordError} ACCORD_NOT_INSTALLED, ACCORD_CURSOR_EXPIRED, ACCORD_UNREACHABLE
 */
export async function followTouched(
  access: CaptureAccess,
  tables: readonly TouchedTable[],
  cursor: Cursor,
  options: CallOptions,
): Promise<Feed> {
  const { database, names } = access;
  const start = parseTouchedCursor(cursor);
  if (start === null) throw cursorExpired(database.where, "the cursor is from another kind of change log");
  const [row = []] = await database.rows(
    "SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL, pg_current_snapshot()",
    [names.touched, names.mark],
    options,
  );
  if (row[0] !== "t") throw notInstalled(database.where, `there is no table ${names.touched}`);
  const [mark] = await database.rows(`SELECT forgotten FROM ${names.mark}`, [], options);
  const shown = parseSnapshot(start.shown);
  if (shown.xmax > parseSnapshot(row[1] ?? "0:0:").xmax)
    throw cursorExpired(database.where, "it is from the future: an older state of the database was restored");
  if (typeof mark?.[0] === "string" && !includesSnapshot(shown, parseSnapshot(mark[0])))
    throw cursorExpired(database.where, "what came before was acknowledged and removed");
  const feed = new TouchedFeed(access, tables, start);
  await feed.open();
  return feed;
}

/** A row of the trigger log. */
interface Touch {
  readonly seq: string;
  /** Which of the ids of its row, from 1. */
  readonly ordinal: string;
  readonly oid: string;
  readonly op: string;
  readonly record: string;
  readonly former: string | null;
}

class TouchedFeed implements Feed {
  readonly retainedBytes = null;
  readonly #access: CaptureAccess;
  readonly #objectsByOid = new Map<string, number[]>();
  readonly #client: pg.Client;
  readonly #lock: string;
  #cursor: TouchedCursor;
  #acknowledged: string | null = null;
  #forgotAtMs = 0;
  #failure: Error | null = null;
  #closed = false;
  /** Whether writers notify us: we hold the lock, and nothing was there after we took it. */
  #armed = false;
  #notified = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #movedAtMs = performance.now();
  #wake: () => void = () => {};

  constructor(access: CaptureAccess, tables: readonly TouchedTable[], start: TouchedCursor) {
    this.#access = access;
    this.#cursor = start;
    this.#lock = wakeLock(access.names).join(", ");
    for (const { oid, object } of tables) this.#objectsByOid.set(oid, [...(this.#objectsByOid.get(oid) ?? []), object]);
    this.#client = new pg.Client(clientConfig(access.database.settings));
    this.#client.on("error", (error) => this.#fail(error));
    this.#client.on("end", () => this.#fail(new Error("Connection terminated")));
    this.#client.on("notification", () => {
      this.#notified = true;
      this.#wake();
    });
  }

  async open(): Promise<void> {
    try {
      await this.#client.connect();
      await this.#ask({ text: settingsStatement({ ...SPELLING_SETTINGS, jit: "off", enable_seqscan: "off" }) });
      await this.#ask({ text: `LISTEN ${this.#access.names.channel}` });
    } catch (error) {
      this.#client.connection.stream.destroy();
      throw asAccordError(error, this.#access.database.where);
    }
  }

  async next({ waitMs, changesMax, signal }: NextOptions): Promise<ChangeBatch> {
    const deadlineMs = performance.now() + waitMs;
    let pauseMs = 1;
    try {
      for (;;) {
        throwIfCancelled(signal, this.#access.database.where);
        if (this.#failure !== null) throw this.#failure;
        await this.#forget();
        const changes = await this.#look(changesMax);
        const leftMs = deadlineMs - performance.now();
        if (changes.length > 0 || leftMs <= 0) return { changes, cursor: writeTouchedCursor(this.#cursor) };
        if (this.#armed) {
          await this.#wait(Math.min(leftMs, TOUCHED_POLL_MS), signal);
        } else if (!(await this.#arm())) {
          // Some transaction is writing: it will not notify, so we look again soon.
          await this.#wait(Math.min(leftMs, pauseMs), signal);
          pauseMs = Math.min(pauseMs * 2, TOUCHED_BACKOFF_MS_MAX);
        }
      }
    } catch (error) {
      throw asAccordError(error, this.#access.database.where);
    }
  }

  acknowledge(cursor: Cursor): void {
    const acknowledged = parseTouchedCursor(cursor);
    if (acknowledged !== null) this.#acknowledged = acknowledged.shown;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#failure === null) {
      await this.#forget(true).catch((error: unknown) => {
        this.#access.log.debug("postgres.touches_kept", { reason: asAccordError(error, this.#access.database.where).code });
      });
    }
    this.#closed = true;
    this.#wake();
    if (this.#failure === null)
      await leave(
        () => this.#client.end(),
        () => [this.#client.connection.stream],
      );
  }

  /** Every look asks the server something, so that a connection that stands still is noticed. */
  #ask(query: { readonly text: string; readonly values?: string[] }): Promise<pg.QueryArrayResult<(string | null)[]>> {
    const silenceMs = streamSilenceMs(this.#access.database.settings);
    return heardWithin(silenceMs, this.#client.connection.stream, () =>
      this.#client.query<(string | null)[]>({ ...query, rowMode: "array" }),
    );
  }

  /** Reads what is new, unless we are sure that there is nothing. */
  async #look(changesMax: number): Promise<readonly Change[]> {
    if (this.#armed && !this.#notified && performance.now() - this.#lookedAtMs < TOUCHED_POLL_MS) return [];
    if (this.#armed && this.#notified) {
      this.#armed = false;
      await this.#ask({ text: `SELECT pg_advisory_unlock(${this.#lock})` });
    }
    this.#notified = false;
    this.#lookedAtMs = performance.now();
    const { touches, snapshot } = await this.#read(changesMax);
    const { shown, partial } = this.#cursor;
    const last = touches.at(-1);
    if (last !== undefined && touches.length >= changesMax)
      this.#move({ shown, partial: { until: partial?.until ?? snapshot, seq: last.seq, ordinal: last.ordinal } });
    else if (last !== undefined || partial !== null) this.#move({ shown: partial?.until ?? snapshot, partial: null });
    // A cursor that changes costs its keeper a write, so it moves seldom while nothing happens.
    else if (performance.now() - this.#movedAtMs > IDLE_ADVANCE_MS) this.#move({ shown: snapshot, partial: null });
    return this.#changesOf(touches);
  }

  #move(cursor: TouchedCursor): void {
    this.#cursor = cursor;
    this.#movedAtMs = performance.now();
  }

  async #read(rowsMax: number): Promise<{ readonly touches: readonly Touch[]; readonly snapshot: string }> {
    const { shown, partial } = this.#cursor;
    const { xmax, running } = parseSnapshot(shown);
    const values = [String(xmax), arrayText(running), String(rowsMax)];
    let conditions = "(xid >= $1::xid8 OR xid = ANY($2::xid8[]))";
    if (partial !== null) {
      const until = parseSnapshot(partial.until);
      conditions +=
        " AND xid < $4::xid8 AND NOT xid = ANY($5::xid8[]) AND (seq, i.ordinal) > ($6::bigint, $7::bigint) AND seq >= $6::bigint";
      values.push(String(until.xmax), arrayText(until.running), partial.seq, partial.ordinal);
    }
    const text = `SELECT pg_current_snapshot()::text, NULL, NULL, NULL, NULL, NULL, NULL UNION ALL
      (SELECT NULL, seq::text, i.ordinal::text, object::text, op::text, i.record, former
      FROM ${this.#access.names.touched} t, unnest(records) WITH ORDINALITY AS i(record, ordinal)
      WHERE ${conditions} ORDER BY t.seq, i.ordinal LIMIT $3::bigint)`;
    const { rows } = await this.#ask({ text, values });
    const touches: Touch[] = [];
    let snapshot = shown;
    for (const [shot, seq, ordinal, oid, op, record, former] of rows) {
      if (typeof shot === "string") snapshot = shot;
      else
        touches.push({
          seq: seq ?? "0",
          ordinal: ordinal ?? "0",
          oid: oid ?? "",
          op: op ?? "",
          record: record ?? "",
          former: former ?? null,
        });
    }
    return { touches, snapshot };
  }

  /** One touch per record and batch is enough, unless its id changed hands in between. */
  #changesOf(touches: readonly Touch[]): readonly Change[] {
    const changes: Change[] = [];
    const seen = new Set<string>();
    for (const { oid, op, record, former } of touches) {
      const objects = this.#objectsByOid.get(oid);
      if (objects === undefined) continue;
      const mark = `${oid} ${record}`;
      if (op === TOUCH_KINDS.touched && seen.has(mark)) continue;
      if (op === TOUCH_KINDS.touched) seen.add(mark);
      else seen.clear();
      for (const object of objects) changes.push({ object, record, change: changeOf(op, former), committedAtMs: null });
    }
    return changes;
  }

  /**
   * Asks writers to notify us, by holding a lock that they try. Notifying makes commits wait for one another, so they do it only while somebody waits.
   * False while a transaction is under way that has tried the lock before: it will not notify.
   */
  async #arm(): Promise<boolean> {
    const { rows } = await this.#ask({ text: `SELECT pg_try_advisory_lock(${this.#lock})::int::text` });
    this.#armed = rows[0]?.[0] === "1";
    // Looked at once more before waiting: what was committed before the lock was ours has not notified.
    this.#lookedAtMs = Number.NEGATIVE_INFINITY;
    return this.#armed;
  }

  async #wait(durationMs: number, signal: AbortSignal): Promise<void> {
    if (this.#notified || this.#failure !== null || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#wake(), durationMs);
      const onAbort = (): void => this.#wake();
      this.#wake = () => {
        this.#wake = () => {};
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      signal.addEventListener("abort", onAbort);
    });
  }

  /** Removes what was acknowledged, a bounded number of rows at a time, and notes down that it is gone. */
  async #forget(atOnce = false): Promise<void> {
    const shown = this.#acknowledged;
    if (shown === null || (!atOnce && performance.now() - this.#forgotAtMs < FORGET_MS)) return;
    this.#forgotAtMs = performance.now();
    const { touched, mark } = this.#access.names;
    const { xmax, running } = parseSnapshot(shown);
    const remove = `DELETE FROM ${touched} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${touched} WHERE xid < $2::xid8 AND NOT xid = ANY($3::xid8[]) LIMIT ${FORGET_ROWS_MAX}))`;
    const text = `WITH noted AS (UPDATE ${mark} SET forgotten = $1) ${remove}`;
    const { rowCount } = await this.#ask({ text, values: [shown, String(xmax), arrayText(running)] });
    if ((rowCount ?? 0) < FORGET_ROWS_MAX && this.#acknowledged === shown) this.#acknowledged = null;
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.#failure ??= error;
    this.#wake();
  }
}

function changeOf(op: string, former: string | null): Change["change"] {
  if (op === TOUCH_KINDS.renamed && former !== null) return { kind: "renamed", from: former };
  return op === TOUCH_KINDS.emptied ? { kind: "emptied" } : { kind: "touched" };
}

function arrayText(xids: ReadonlySet<bigint>): string {
  return `{${[...xids].join(",")}}`;
}
