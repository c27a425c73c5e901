import type { EntityId } from "@accord/core";
import type { JournalEntry } from "@accord/engine/store";
import type { CommitContext } from "./commit-context.ts";
import { chainLink, KINDS, linkLine, payloadDigest, writeEntryLine } from "./journal-lines.ts";
import { ENTRIES_PER_BLOCK } from "./limits.ts";
import { readMeta, writeMeta } from "./meta.ts";
import type { Session } from "./session.ts";

const SALT_BYTES = 16;

/** Where a commit's entries will stand. */
export interface JournalPlan {
  readonly first: number;
  /** Each entity's last entry of this commit. */
  readonly lastByEntity: ReadonlyMap<EntityId, number>;
}

export function planJournal(session: Session, entries: readonly JournalEntry[]): JournalPlan {
  const lastByEntity = new Map<EntityId, number>();
  if (entries.length === 0) return { first: 0, lastByEntity };
  const first = lastEntry(session) + 1;
  entries.forEach(({ entity }, index) => {
    if (entity !== null) lastByEntity.set(entity, first + index);
  });
  return { first, lastByEntity };
}

/** The number of the last entry there is. */
export function lastEntry(session: Session): number {
  return Number(readMeta(session, "journal"));
}

/**
 * Appends entries, some hundred per row. The chain grows by one link per row: sha256 over the link before and, per entry, its header and the digest of salt and payload.
 * So a payload can be erased (its digest takes its place) and the chain still holds, and whoever changes an entry has to change every link after it. [S64]
 */
export function appendJournal(
  { session, random, formers, overlay }: CommitContext,
  entries: readonly JournalEntry[],
  { first, lastByEntity }: JournalPlan,
  lastEntries: ReadonlyMap<EntityId, number | null>,
): void {
  if (entries.length === 0) return;
  const heads = moveHeads(session, { formers, overlay }, lastByEntity, lastEntries);
  const entered = new Map<EntityId, number>();
  const salts = random.hex(SALT_BYTES * entries.length);
  let chain = String(readMeta(session, "chain"));
  for (let at = 0; at < entries.length; at += ENTRIES_PER_BLOCK) {
    const lines: string[] = [];
    let linked = "";
    const end = Math.min(at + ENTRIES_PER_BLOCK, entries.length);
    for (let index = at; index < end; index += 1) {
      const entry = entries[index];
      if (entry === undefined) break;
      const { run, atMs, sync, entity, side, payload, kind } = entry;
      const previous = entity === null ? null : (entered.get(entity) ?? lastEntries.get(entity) ?? heads.get(entity) ?? null);
      if (entity !== null) entered.set(entity, first + index);
      const salt = salts.slice(index * SALT_BYTES * 2, (index + 1) * SALT_BYTES * 2);
      const header = { run, atMs, sync, entity, side, kind: KINDS.indexOf(kind), previous };
      linked += linkLine(first + index, header, payloadDigest(salt, payload));
      lines.push(writeEntryLine(header, salt, payload));
    }
    chain = chainLink(chain, linked);
    session.run("INSERT INTO journal (first, chain, body) VALUES (?, ?, ?)", first + at, chain, lines.join("\n"));
  }
  writeMeta(session, "chain", chain);
  writeMeta(session, "journal", first + entries.length - 1);
  countInRuns(session, first, entries);
}

/** Entities that have entries and were not written by this commit: their last entries move too. Returns those before. */
function moveHeads(
  session: Session,
  { formers, overlay }: Pick<CommitContext, "formers" | "overlay">,
  lastByEntity: ReadonlyMap<EntityId, number>,
  written: ReadonlyMap<EntityId, number | null>,
): ReadonlyMap<EntityId, number | null> {
  const moved = new Map<EntityId, number | null>();
  for (const [entity, entry] of lastByEntity) {
    if (written.has(entity)) continue;
    const held = overlay.of(entity);
    if (held !== undefined) {
      moved.set(entity, held.lastEntry);
      overlay.hold(entity, { ...held, lastEntry: entry });
      formers.drop(entity);
      continue;
    }
    const row = session.first<[number | null]>("SELECT last_entry FROM entity WHERE id = ?", entity);
    const head = row ?? session.first<[number]>("SELECT last_entry FROM journal_head WHERE entity = ?", entity);
    moved.set(entity, head?.[0] ?? null);
    if (row !== undefined) {
      session.run("UPDATE entity SET last_entry = ? WHERE id = ?", entry, entity);
      formers.drop(entity);
    } else
      session.run(
        "INSERT INTO journal_head (entity, last_entry) VALUES (?, ?) ON CONFLICT (entity) DO UPDATE SET last_entry = excluded.last_entry",
        entity,
        entry,
      );
  }
  return moved;
}

/** Runs know where their entries begin and end, so that the journal needs no index by run, and how many writes they made. */
function countInRuns(session: Session, first: number, entries: readonly JournalEntry[]): void {
  const byRun = new Map<number, { first: number; last: number; writes: number }>();
  entries.forEach(({ run, kind }, index) => {
    if (run === null) return;
    const tally = byRun.get(run) ?? { first: first + index, last: 0, writes: 0 };
    byRun.set(run, { first: tally.first, last: first + index, writes: tally.writes + (kind === "write" ? 1 : 0) });
  });
  for (const [run, tally] of byRun) {
    session.run(
      "UPDATE run SET writes = writes + ?, first_seq = coalesce(first_seq, ?), last_seq = ? WHERE id = ?",
      tally.writes,
      tally.first,
      tally.last,
      run,
    );
  }
}
