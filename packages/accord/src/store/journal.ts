import type { EntityId } from "@accord/core";
import type { JournalEntry } from "@accord/engine/store";
import type { CommitContext } from "./commit-context.ts";
import { chainLink, headerText, linkLine, payloadDigest, rareBit, writeEntryLine } from "./journal-lines.ts";
import { ENTRIES_PER_BLOCK } from "./limits.ts";
import { readMeta, writeMeta } from "./meta.ts";
import type { Session } from "./session.ts";

const SALT_BYTES = 16;

/** Where a commit's entries will stand. */
export interface JournalPlan {
  readonly first: number;
  readonly chains: EntityChains;
}

/** By entity that has entries in a commit: how they continue its history. */
export type EntityChains = ReadonlyMap<EntityId, EntityChain>;

export interface EntityChain {
  /** Its last entry of this commit. */
  last: number;
  /** The entry before its next one; undefined until who writes the entity's row has said which was its last before this commit. */
  previous: number | null | undefined;
}

export function planJournal(session: Session, entries: readonly JournalEntry[]): JournalPlan {
  const chains = new Map<EntityId, EntityChain>();
  if (entries.length === 0) return { first: 0, chains };
  const first = lastEntry(session) + 1;
  entries.forEach(({ entity }, index) => {
    if (entity === null) return;
    const chain = chains.get(entity);
    if (chain === undefined) chains.set(entity, { last: first + index, previous: undefined });
    else chain.last = first + index;
  });
  return { first, chains };
}

/** The number of an entity's last entry after this commit. `before`: as its row has it so far. */
export function continueChain(chains: EntityChains, entity: EntityId, before: number | null): number | null {
  const chain = chains.get(entity);
  if (chain === undefined) return before;
  if (chain.previous === undefined) chain.previous = before;
  return chain.last;
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
  { first, chains }: JournalPlan,
): void {
  if (entries.length === 0) return;
  moveHeads(session, { formers, overlay }, chains);
  const salts = random.hex(SALT_BYTES * entries.length);
  let chain = String(readMeta(session, "chain"));
  let latestMs = session.first<[number]>("SELECT latest_ms FROM journal ORDER BY first DESC LIMIT 1")?.[0] ?? 0;
  for (let at = 0; at < entries.length; at += ENTRIES_PER_BLOCK) {
    const lines: string[] = [];
    const linked: string[] = [];
    let rare = 0;
    const end = Math.min(at + ENTRIES_PER_BLOCK, entries.length);
    for (let index = at; index < end; index += 1) {
      const entry = entries[index];
      if (entry === undefined) break;
      const header = headerText(entry, previousEntry(chains, entry.entity, first + index));
      const salt = salts.slice(index * SALT_BYTES * 2, (index + 1) * SALT_BYTES * 2);
      linked.push(linkLine(first + index, header, payloadDigest(salt, entry.payload)));
      lines.push(writeEntryLine(header, salt, entry.payload));
      rare |= rareBit(entry.kind);
      latestMs = Math.max(latestMs, entry.atMs);
    }
    chain = chainLink(chain, linked);
    const sql = "INSERT INTO journal (first, rare, latest_ms, chain, body) VALUES (?, ?, ?, ?, ?)";
    session.run(sql, first + at, rare, latestMs, chain, lines.join("\n"));
  }
  writeMeta(session, "chain", chain);
  writeMeta(session, "journal", first + entries.length - 1);
  countInRuns(session, first, entries);
}

/** The entry of the entity before this one. */
function previousEntry(chains: EntityChains, entity: EntityId | null, sequence: number): number | null {
  const chain = entity === null ? undefined : chains.get(entity);
  if (chain === undefined) return null;
  const previous = chain.previous ?? null;
  chain.previous = sequence;
  return previous;
}

/** Entities that have entries and were not written by this commit: their last entries move too. */
function moveHeads(session: Session, { formers, overlay }: Pick<CommitContext, "formers" | "overlay">, chains: EntityChains): void {
  for (const [entity, chain] of chains) {
    if (chain.previous !== undefined) continue;
    const held = overlay.of(entity);
    if (held !== undefined) {
      overlay.hold(entity, { ...held, lastEntry: continueChain(chains, entity, held.lastEntry) }, held);
      formers.drop(entity);
      continue;
    }
    const row = session.first<[number | null]>("SELECT last_entry FROM entity WHERE id = ?", entity);
    const head = row ?? session.first<[number]>("SELECT last_entry FROM journal_head WHERE entity = ?", entity);
    const last = continueChain(chains, entity, head?.[0] ?? null);
    if (row !== undefined) {
      session.run("UPDATE entity SET last_entry = ? WHERE id = ?", last, entity);
      formers.drop(entity);
    } else
      session.run(
        "INSERT INTO journal_head (entity, last_entry) VALUES (?, ?) ON CONFLICT (entity) DO UPDATE SET last_entry = excluded.last_entry",
        entity,
        last,
      );
  }
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
