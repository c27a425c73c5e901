import type { RecordId } from "@accord/core";
import {
  AccordError,
  type CallOptions,
  type Change,
  type ChangeBatch,
  type Clock,
  type Cursor,
  type Feed,
  type FeedStanding,
  type NextOptions,
  type OpenObject,
  type Random,
} from "@accord/engine/connector";
import type { Row, Session, SqliteFile } from "./database.ts";
import { cursorExpired, isBusyError, notInstalled, stop, unreachable } from "./errors.ts";
import {
  BUSY_AFTER_CHANGE_MS,
  FORGET_AFTER_MS,
  FORGET_DUE_ROWS,
  FORGET_ROWS_MAX,
  POLL_MS,
  QUIET_POLL_MS,
  TOUCHED_ROW_BYTES,
  WAKE_PAUSES_MS,
} from "./limits.ts";
import { readBeat, turnBeat, turnEpoch } from "./mark.ts";
import { recordIdOf } from "./native-cell.ts";
import { quoted, type InstalledNames } from "./names.ts";
import type { Table } from "./table.ts";
import { followedObject, isCaptured, lastSequence } from "./touched-log.ts";
import { createWaker, type Waker } from "./wake.ts";

export interface FeedSource {
  readonly file: SqliteFile;
  readonly names: InstalledNames;
  readonly clock: Clock;
  readonly random: Random;
  readonly objects: readonly { readonly object: OpenObject; readonly table: Table }[];
}

/** A cursor is `<sequence>.<beat>`: the beat tells whether the file is the one that the cursor was made at. See mark.ts. */
interface Place {
  readonly sequence: bigint;
  readonly beat: string;
}

/** The cursor of the moment that a session reads. */
export function cursorOfNow(session: Session, names: InstalledNames): Cursor {
  return writeCursor({ sequence: lastSequence(session, names), beat: readBeat(session, names)?.beat ?? "" });
}

/** How far a feed at `cursor` is behind. Numbers are given one after another, so that their difference is the number of changes. */
export function standingOf(session: Session, names: InstalledNames, cursor: Cursor): FeedStanding | null {
  const place = readCursor(cursor);
  const beats = readBeat(session, names);
  if (place === null || beats === null) return null;
  const last = lastSequence(session, names);
  return {
    behind: { amount: Number(last > place.sequence ? last - place.sequence : 0n), unit: "changes" },
    retainedBytes: Number(last > beats.forgotten ? last - beats.forgotten : 0n) * TOUCHED_ROW_BYTES,
    retainedBytesMax: null,
    isKept: place.sequence >= beats.forgotten && place.sequence <= last && (place.beat === beats.beat || place.beat === beats.before),
  };
}

/**
 * Follows the log of touched records. SQLite has one writer at a time, so the order of sequences is the order of commits. [S9]
 * @throws {AccordError} ACCORD_NOT_INSTALLED, ACCORD_CURSOR_EXPIRED (capture began later than the cursor, or the file is an older copy: then its epoch turns, S12)
 */
export async function followTouched(source: FeedSource, cursor: Cursor, options: CallOptions): Promise<Feed> {
  const { file, names } = source;
  const place = readCursor(cursor);
  if (place === null)
    throw stop("ACCORD_CURSOR_EXPIRED", `The cursor for ${file.place.name} was not made by the sqlite connector.`, file.place);
  const found = await file.read((session) => judgeCursor(session, source, place), options);
  if (found.kind === "restored") {
    await file.write((session) => turnEpoch(session, names, source.random.hex(8)), options);
    throw cursorExpired(
      `The SQLite file of ${file.place.name} (${file.place.file}) is an older copy than the one Accord knew, or another file.`,
      file.place,
    );
  }
  return new TouchedFeed(source, place, found.objects);
}

type Judged = { readonly kind: "good"; readonly objects: ReadonlyMap<bigint, number> } | { readonly kind: "restored" };

function judgeCursor(session: Session, source: FeedSource, place: Place): Judged {
  const { names, file } = source;
  const beats = readBeat(session, names);
  if (beats === null) throw notInstalled(`Nothing is installed in the SQLite file of ${file.place.name}: run accord install.`, file.place);
  if (place.sequence < beats.forgotten)
    throw cursorExpired(`The log of changes at ${file.place.name} was acknowledged beyond the cursor.`, file.place);
  if (place.sequence > lastSequence(session, names) || (place.beat !== beats.beat && place.beat !== beats.before))
    return { kind: "restored" };
  const objects = new Map<bigint, number>();
  for (const [index, { table }] of source.objects.entries()) {
    const name = table.schema.name;
    const followed = followedObject(session, names, name);
    if (followed === null || !isCaptured(session, names, table)) throw triggersGone(file, name);
    if (place.sequence < followed.since)
      throw cursorExpired(`Changes of ${name} at ${file.place.name} before its triggers were made are not in the log.`, file.place);
    objects.set(followed.number, index);
  }
  return { kind: "good", objects };
}

class TouchedFeed implements Feed {
  readonly #source: FeedSource;
  readonly #objects: ReadonlyMap<bigint, number>;
  readonly #waker: Waker;
  readonly #sql: string;
  readonly #opening: number;
  #place: Place;
  #acknowledged: Place | null = null;
  #forgotten: bigint;
  #forgottenAtMs: number;
  #seen: { readonly version: bigint; readonly commits: number } | null = null;
  #schemaVersion: bigint | null = null;
  #retainedBytes = 0;
  #changedAtMs: number;

  constructor(source: FeedSource, place: Place, objects: ReadonlyMap<bigint, number>) {
    this.#source = source;
    this.#objects = objects;
    this.#place = place;
    this.#opening = source.file.openings;
    this.#forgotten = 0n;
    this.#forgottenAtMs = source.clock.nowMs();
    this.#changedAtMs = this.#forgottenAtMs;
    this.#waker = createWaker(source.file.place.file, source.clock);
    const width = Math.max(1, ...source.objects.map(({ table }) => table.keyForms.length));
    const parts = ["k", "f"].flatMap((letter) => Array.from({ length: width }, (_, index) => `${letter}${index}`));
    this.#sql = `SELECT seq, object, op, ${parts.join(", ")} FROM main.${quoted(source.names.touched)} WHERE seq > ? ORDER BY seq LIMIT ?`;
  }

  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  acknowledge(cursor: Cursor): void {
    const place = readCursor(cursor);
    if (place !== null && place.sequence > (this.#acknowledged?.sequence ?? -1n)) this.#acknowledged = place;
  }

  async next(options: NextOptions): Promise<ChangeBatch> {
    const { clock } = this.#source;
    const endAtMs = clock.nowMs() + options.waitMs;
    await this.#forget(options);
    for (let pause = WAKE_PAUSES_MS.length; ; pause += 1) {
      const batch = this.#isUnchanged() ? null : await this.#read(options);
      if (batch !== null && batch.changes.length > 0) return batch;
      // A whole batch of other objects' rows: go on behind it.
      if (batch !== null && this.#seen === null) continue;
      const leftMs = endAtMs - clock.nowMs();
      if (leftMs <= 0) return { changes: [], cursor: writeCursor(this.#place) };
      const woken = await this.#waker.wait(Math.min(leftMs, WAKE_PAUSES_MS[pause] ?? this.#pollMs()), options);
      // What wakes us is the write, and the commit follows it: look at once and soon again.
      if (woken) pause = -1;
    }
  }

  async close(): Promise<void> {
    this.#waker.close();
    try {
      await this.#forget({ signal: new AbortController().signal }, true);
    } catch (error) {
      // What is not forgotten now, the next feed forgets.
      if (!(error instanceof AccordError)) throw error;
    }
  }

  #pollMs(): number {
    const isQuiet = this.#source.clock.nowMs() - this.#changedAtMs > BUSY_AFTER_CHANGE_MS;
    return isQuiet && this.#waker.isWatching ? QUIET_POLL_MS : POLL_MS;
  }

  /** Whether surely nothing was committed since the last look that found nothing. */
  #isUnchanged(): boolean {
    const { file } = this.#source;
    const version = file.dataVersion();
    if (version === null) return true;
    if (file.openings !== this.#opening) {
      throw unreachable(
        `The SQLite file of ${file.place.name} (${file.place.file}) was replaced while it was followed: follow again.`,
        file.place,
      );
    }
    const seen = this.#seen;
    const commits = file.commits;
    this.#seen = { version, commits };
    return seen !== null && seen.version === version && seen.commits === commits;
  }

  async #read(options: NextOptions): Promise<ChangeBatch | null> {
    const { file, names } = this.#source;
    const found = await file.read((session) => {
      this.#assertCaptured(session);
      const rows = session.all(this.#sql, [this.#place.sequence, BigInt(options.changesMax)]);
      this.#retainedBytes = Number(lastSequence(session, names) - this.#forgotten) * TOUCHED_ROW_BYTES;
      return { rows, beat: readBeat(session, names)?.beat ?? "" };
    }, options);
    const { changes, last } = changesOf(found.rows, this.#objects, this.#source, options.changesMax);
    if (last === null) return null;
    // A full batch may have left rows behind: look again whatever the version says.
    if (found.rows.length >= options.changesMax) this.#seen = null;
    this.#changedAtMs = this.#source.clock.nowMs();
    this.#place = { sequence: last, beat: found.beat };
    return { changes, cursor: writeCursor(this.#place) };
  }

  /** A migration may drop or rebuild a table, and its triggers with it. */
  #assertCaptured(session: Session): void {
    const { file, names, objects } = this.#source;
    const version = session.first("PRAGMA schema_version")?.[0];
    if (typeof version !== "bigint" || version === this.#schemaVersion) return;
    for (const { table } of objects) if (!isCaptured(session, names, table)) throw triggersGone(file, table.schema.name);
    this.#schemaVersion = version;
  }

  /** Deletes acknowledged rows, a batch at a time and not for every few of them. A locked file is no matter: there is a next time. */
  async #forget(options: CallOptions, all = false): Promise<void> {
    const { file, names, clock, random } = this.#source;
    const acknowledged = this.#acknowledged;
    if (acknowledged === null || acknowledged.sequence <= this.#forgotten) return;
    const due = all || acknowledged.sequence - this.#forgotten >= FORGET_DUE_ROWS || clock.nowMs() - this.#forgottenAtMs >= FORGET_AFTER_MS;
    if (!due) return;
    const touched = quoted(names.touched);
    try {
      this.#forgotten = await file.write(
        (session) => {
          const first = session.first(`SELECT min(seq) FROM ${touched}`)?.[0];
          if (typeof first !== "bigint") return acknowledged.sequence;
          const end = acknowledged.sequence - first >= FORGET_ROWS_MAX ? first + BigInt(FORGET_ROWS_MAX) : acknowledged.sequence;
          session.run(`DELETE FROM ${touched} WHERE seq <= ?`, [end]);
          turnBeat(session, names, end, acknowledged.beat, random.hex(8));
          return end;
        },
        { ...options, busyMs: 0 },
      );
      this.#forgottenAtMs = clock.nowMs();
    } catch (error) {
      if (!isBusyError(error)) throw error;
    }
  }
}

/**
 * Hints in the order of commits: of several of one record the last, but a rename stays in its place among them. Stops before `changesMax` is passed; `last` is
 * the last sequence that the changes include, null where there was no row.
 */
function changesOf(
  rows: readonly Row[],
  objects: ReadonlyMap<bigint, number>,
  source: FeedSource,
  changesMax: number,
): { readonly changes: readonly Change[]; readonly last: bigint | null } {
  const changes: (Change | null)[] = [];
  const placesById = new Map<string, number>();
  let last: bigint | null = null;
  for (const row of rows) {
    const hint = hintOf(row, objects, source);
    const isRename = hint !== null && hint.record !== null && hint.from !== null && hint.from !== hint.record;
    // A rename is two changes, and one too many where a single one is asked for.
    if (isRename && changes.length > 0 && changes.length + 2 > changesMax) break;
    last = typeof row[0] === "bigint" ? row[0] : last;
    if (hint === null) continue;
    const { object, record, from, sequence } = hint;
    if (isRename && record !== null && from !== null) {
      placesById.delete(`${object} ${from}`);
      placesById.delete(`${object} ${record}`);
      changes.push({ object, record, change: { kind: "renamed", from, position: sequence }, committedAtMs: null });
    }
    const present = record ?? from;
    if (present === null) continue;
    const id = `${object} ${present}`;
    const earlier = placesById.get(id);
    if (earlier !== undefined) changes[earlier] = null;
    // Behind a delete the same id may be another thing: SQLite gives row numbers again. So a delete is never folded into what follows.
    if (hint.isDelete) placesById.delete(id);
    else placesById.set(id, changes.length);
    changes.push({
      object,
      record: present,
      change: { kind: hint.isDelete ? "deleted" : "touched", position: sequence },
      committedAtMs: null,
    });
  }
  return { changes: changes.filter((change) => change !== null), last };
}

interface Hint {
  readonly object: number;
  readonly sequence: string;
  /** The record's id after the change; null where its key became NULL. */
  readonly record: RecordId | null;
  /** Its id before an update, else the same. */
  readonly from: RecordId | null;
  readonly isDelete: boolean;
}

function hintOf([sequence, number, op, ...parts]: Row, objects: ReadonlyMap<bigint, number>, source: FeedSource): Hint | null {
  const object = typeof number === "bigint" ? objects.get(number) : undefined;
  const table = object === undefined ? undefined : source.objects[object]?.table;
  if (object === undefined || table === undefined) return null;
  const width = table.keyForms.length;
  const half = parts.length / 2;
  const record = recordIdOf(parts.slice(0, width), table.keyForms);
  const from = op === "u" ? recordIdOf(parts.slice(half, half + width), table.keyForms) : record;
  return { object, sequence: String(sequence), record, from, isDelete: op === "d" };
}

function writeCursor(place: Place): Cursor {
  return `${place.sequence}.${place.beat}`;
}

function readCursor(cursor: Cursor): Place | null {
  const parts = /^(\d+)\.([0-9a-f]*)$/.exec(cursor);
  return parts === null ? null : { sequence: BigInt(parts[1] ?? "0"), beat: parts[2] ?? "" };
}

function triggersGone(file: SqliteFile, object: string): Error {
  return notInstalled(
    `The triggers on ${object} at ${file.place.name} (${file.place.file}) are missing or out of date; a migration may have rebuilt the table: run accord install.`,
    file.place,
  );
}
