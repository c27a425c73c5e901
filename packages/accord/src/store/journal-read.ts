import type { EntityId } from "@accord/core";
import type { JournalQuery, JournalRow } from "@accord/engine/store";
import { lastEntry } from "./journal.ts";
import { chainLink, KINDS, linkLine, rareBit, readEntryLine, rowOf, type EntryLine } from "./journal-lines.ts";
import { readMeta } from "./meta.ts";
import type { EntityOverlay } from "./entity-overlay.ts";
import type { Session } from "./session.ts";

/** Some entries of one commit, one after another. */
interface Block {
  readonly first: number;
  readonly latestMs: number;
  readonly lines: readonly string[];
}

type BlockRow = [first: number, latestMs: number, body: string];

/** Entries that fit a query, newest first. */
export function readJournal(session: Session, overlay: EntityOverlay, query: JournalQuery): JournalRow[] {
  const bounds = boundsOf(session, query);
  const entries =
    query.entity === undefined
      ? entriesBetween(session, bounds, rareOf(query), query.fromMs ?? 0)
      : entriesOfEntity(session, overlay, query.entity);
  const found: JournalRow[] = [];
  for (const [sequence, entry] of entries) {
    if (found.length >= query.limit) break;
    if (sequence >= bounds.first && sequence <= bounds.last && fits(entry, query)) found.push(rowOf(sequence, entry));
  }
  return found;
}

interface Bounds {
  readonly first: number;
  readonly last: number;
}

function boundsOf(session: Session, { before, run }: JournalQuery): Bounds {
  const last = before === undefined ? Number.MAX_SAFE_INTEGER : before - 1;
  if (run === undefined) return { first: 1, last };
  const known = session.first<[number | null, number | null]>("SELECT first_seq, last_seq FROM run WHERE id = ?", run);
  return { first: known?.[0] ?? 1, last: Math.min(last, known?.[1] ?? 0) };
}

function fits({ header }: EntryLine, { run, sync, kinds, fromMs, toMs }: JournalQuery): boolean {
  const kind = KINDS[header.kind];
  return (
    (run === undefined || header.run === run) &&
    (sync === undefined || header.sync === sync) &&
    (kinds === undefined || (kind !== undefined && kinds.includes(kind))) &&
    (fromMs === undefined || header.atMs >= fromMs) &&
    (toMs === undefined || header.atMs <= toMs)
  );
}

/** The bits of the kinds that are asked for, where there are few of each; else 0. */
function rareOf({ kinds }: JournalQuery): number {
  if (kinds === undefined) return 0;
  const bits = kinds.map(rareBit);
  return bits.includes(0) ? 0 : bits.reduce((all, bit) => all | bit, 0);
}

/** Newest first, a block in memory at a time. What no block further back can hold is not looked for there. */
function* entriesBetween(session: Session, { first, last }: Bounds, rare: number, fromMs: number): Generator<readonly [number, EntryLine]> {
  for (let upTo = last; upTo >= first;) {
    const block = rare === 0 ? blockUpTo(session, upTo) : rareBlockUpTo(session, upTo, rare);
    if (block === null || block.latestMs < fromMs) return;
    for (let at = Math.min(upTo - block.first, block.lines.length - 1); at >= 0; at -= 1)
      yield [block.first + at, readEntryLine(block.lines[at] ?? "")];
    upTo = block.first - 1;
  }
}

/** From its last entry to its first: each names the one before. */
function* entriesOfEntity(session: Session, overlay: EntityOverlay, entity: EntityId): Generator<readonly [number, EntryLine]> {
  const head =
    overlay.of(entity)?.lastEntry ??
    session.first<[number | null]>("SELECT last_entry FROM entity WHERE id = ?", entity)?.[0] ??
    session.first<[number]>("SELECT last_entry FROM journal_head WHERE entity = ?", entity)?.[0];
  for (let sequence = head ?? null; sequence !== null;) {
    const block = blockUpTo(session, sequence);
    const line = block?.lines[sequence - block.first];
    if (line === undefined) return;
    const entry = readEntryLine(line);
    yield [sequence, entry];
    sequence = entry.header.previous;
  }
}

/** The block that holds an entry, or the last before it. */
function blockUpTo(session: Session, sequence: number): Block | null {
  return blockOf(
    session.first<BlockRow>("SELECT first, latest_ms, body FROM journal WHERE first <= ? ORDER BY first DESC LIMIT 1", sequence),
  );
}

/** The last block up to the one that holds an entry in which one of some rare kinds is. */
function rareBlockUpTo(session: Session, sequence: number, rare: number): Block | null {
  const sql =
    "SELECT first, latest_ms, body FROM journal INDEXED BY journal_rare WHERE rare > 0 AND rare & ? AND first <= ? ORDER BY first DESC LIMIT 1";
  return blockOf(session.first<BlockRow>(sql, rare, sequence));
}

function blockOf(row: BlockRow | undefined): Block | null {
  return row === undefined ? null : { first: row[0], latestMs: row[1], lines: row[2].split("\n") };
}

/** Recomputes the whole chain in bounded memory. `brokenAt` is the first entry of the first block that does not fit. [S64] */
export function checkJournal(session: Session): { readonly entries: number; readonly brokenAt: number | null } {
  let chain = "";
  let next = 1;
  for (;;) {
    const row = session.first<[first: number, body: string, chain: string]>(
      "SELECT first, body, chain FROM journal WHERE first >= ? ORDER BY first LIMIT 1",
      next,
    );
    if (row === undefined) break;
    const [first, body, kept] = row;
    const lines = body.split("\n").map((line, index) => {
      const { headerText, digest } = readEntryLine(line);
      return linkLine(first + index, headerText, digest);
    });
    if (first !== next || chainLink(chain, lines) !== kept) return { entries: next - 1, brokenAt: next };
    chain = kept;
    next = first + lines.length;
  }
  const isWhole = chain === readMeta(session, "chain") && next === lastEntry(session) + 1;
  return { entries: next - 1, brokenAt: isWhole ? null : next };
}
