import { createHash, hash } from "node:crypto";
import type { SQLInputValue } from "node:sqlite";
import type { EntityId } from "@accord/core";
import type { Random } from "@accord/engine/connector";
import type { JournalEntry, JournalKind, JournalQuery, JournalRow } from "@accord/engine/store";
import { readMeta, writeMeta } from "./meta.ts";
import type { BulkInsert, Session } from "./session.ts";

const KINDS: readonly JournalKind[] = ["merge", "write", "refused", "decision", "undo", "guard", "configuration", "recovery"];
const SALT_BYTES = 16;
const CHECK_ROWS = 1_000;

const ENTRY: BulkInsert = { into: "journal (seq, run, at_ms, sync, entity, side, kind, salt, body, previous)", width: 10, conflict: "" };

type JournalCells = [
  seq: number,
  run: number | null,
  atMs: number,
  sync: number,
  entity: number | null,
  side: number | null,
  kind: number,
  salt: string | null,
  body: string | null,
  digest: string | null,
  previous: number | null,
];
const COLUMNS = "j.seq, j.run, j.at_ms, j.sync, j.entity, j.side, j.kind, j.salt, j.body, j.digest, j.previous";

/** Where a commit's entries will stand. */
export interface JournalPlan {
  readonly first: number;
  /** Each entity's last entry of this commit. */
  readonly lastByEntity: ReadonlyMap<EntityId, number>;
}

export function planJournal(session: Session, entries: readonly JournalEntry[]): JournalPlan {
  const lastByEntity = new Map<EntityId, number>();
  if (entries.length === 0) return { first: 0, lastByEntity };
  const first = (session.first<[number | null]>("SELECT max(seq) FROM journal")?.[0] ?? 0) + 1;
  entries.forEach(({ entity }, index) => {
    if (entity !== null) lastByEntity.set(entity, first + index);
  });
  return { first, lastByEntity };
}

/**
 * Appends entries. The chain grows by one link per commit: sha256 over the link before and, per entry, its header and the digest of salt and payload. So a payload
 * can be erased (its digest takes its place) and the chain still holds, and whoever changes an entry has to change every link after it. [S64]
 */
export function appendJournal(
  session: Session,
  random: Random,
  entries: readonly JournalEntry[],
  { first, lastByEntity }: JournalPlan,
  lastEntries: ReadonlyMap<EntityId, number | null>,
): void {
  if (entries.length === 0) return;
  const previous = new Map([...lastEntries, ...moveHeads(session, lastByEntity, lastEntries)]);
  const salts = random.hex(SALT_BYTES * entries.length);
  const cells: SQLInputValue[] = [];
  let link = `${String(readMeta(session, "chain"))}\n`;
  entries.forEach(({ run, atMs, sync, entity, side, payload, kind }, index) => {
    const salt = salts.slice(index * SALT_BYTES * 2, (index + 1) * SALT_BYTES * 2);
    const number = KINDS.indexOf(kind);
    const before = entity === null ? null : (previous.get(entity) ?? null);
    if (entity !== null) previous.set(entity, first + index);
    link += linkLine([first + index, run, atMs, sync, entity, side, number, salt, payload, null, before]);
    cells.push(first + index, run, atMs, sync, entity, side, number, salt, payload, before);
  });
  session.insert(ENTRY, cells);
  const chain = hash("sha256", link, "hex");
  session.run("INSERT INTO journal_block (last_seq, chain) VALUES (?, ?)", first + entries.length - 1, chain);
  writeMeta(session, "chain", chain);
  countInRuns(session, first, entries);
}

/** Entities that have entries and were not written by this commit: their last entries move too. Returns those before. */
function moveHeads(
  session: Session,
  lastByEntity: ReadonlyMap<EntityId, number>,
  written: ReadonlyMap<EntityId, number | null>,
): ReadonlyMap<EntityId, number | null> {
  const moved = new Map<EntityId, number | null>();
  for (const [entity, entry] of lastByEntity) {
    if (written.has(entity)) continue;
    const row = session.first<[number | null]>("SELECT last_entry FROM entity WHERE id = ?", entity);
    const head = row ?? session.first<[number]>("SELECT last_entry FROM journal_head WHERE entity = ?", entity);
    moved.set(entity, head?.[0] ?? null);
    if (row !== undefined) session.run("UPDATE entity SET last_entry = ? WHERE id = ?", entry, entity);
    else
      session.run(
        "INSERT INTO journal_head (entity, last_entry) VALUES (?, ?) ON CONFLICT (entity) DO UPDATE SET last_entry = excluded.last_entry",
        entity,
        entry,
      );
  }
  return moved;
}

/** What one entry adds to its commit's link. */
function linkLine([seq, run, atMs, sync, entity, side, kind, salt, body, digest, previous]: JournalCells): string {
  return `${seq} ${run ?? ""} ${atMs} ${sync} ${entity ?? ""} ${side ?? ""} ${kind} ${previous ?? ""} ${digest ?? hash("sha256", `${salt ?? ""}${body ?? ""}`, "hex")}\n`;
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

export function readJournal(session: Session, query: JournalQuery): JournalRow[] {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const where = (condition: string, ...added: readonly SQLInputValue[]): void => {
    conditions.push(condition);
    values.push(...added);
  };
  if (query.before !== undefined) where("j.seq < ?", query.before);
  if (query.run !== undefined) {
    const bounds = session.first<[number | null, number | null]>("SELECT first_seq, last_seq FROM run WHERE id = ?", query.run);
    if (bounds === undefined || bounds[0] === null || bounds[1] === null) return [];
    where("j.run = ? AND j.seq BETWEEN ? AND ?", query.run, bounds[0], bounds[1]);
  }
  if (query.sync !== undefined) where("j.sync = ?", query.sync);
  if (query.kinds !== undefined)
    where("j.kind IN (SELECT value FROM json_each(?))", `[${query.kinds.map((kind) => KINDS.indexOf(kind)).join(",")}]`);
  if (query.fromMs !== undefined) where("j.at_ms >= ?", query.fromMs);
  if (query.toMs !== undefined) where("j.at_ms <= ?", query.toMs);
  const filter = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const history = query.entity === undefined ? "" : ENTITY_HISTORY;
  const from = query.entity === undefined ? "journal j" : "history h CROSS JOIN journal j ON j.seq = h.entry";
  const all = query.entity === undefined ? values : [query.entity, query.entity, ...values];
  return session
    .all<JournalCells>(`${history} SELECT ${COLUMNS} FROM ${from} ${filter} ORDER BY j.seq DESC LIMIT ?`, ...all, query.limit)
    .map(rowOf);
}

/** The entries of one entity, from its last to its first. */
const ENTITY_HISTORY = `WITH RECURSIVE history (entry) AS (
  SELECT coalesce((SELECT last_entry FROM entity WHERE id = ?), (SELECT last_entry FROM journal_head WHERE entity = ?))
  UNION ALL SELECT j.previous FROM history h CROSS JOIN journal j ON j.seq = h.entry WHERE j.previous IS NOT NULL)`;

function rowOf([sequence, run, atMs, sync, entity, side, kind, , body]: JournalCells): JournalRow {
  return { sequence, run, atMs, sync, entity, side, kind: KINDS[kind] ?? "merge", payload: body ?? "", payloadErased: body === null };
}

/** Recomputes the whole chain in bounded memory. `brokenAt` is the first entry of the first commit that does not fit. */
export function checkJournal(session: Session): { readonly entries: number; readonly brokenAt: number | null } {
  let chain = "";
  let last = 0;
  let entries = 0;
  for (;;) {
    const block = session.first<[number, string]>(
      "SELECT last_seq, chain FROM journal_block WHERE last_seq > ? ORDER BY last_seq LIMIT 1",
      last,
    );
    if (block === undefined) break;
    const link = createHash("sha256").update(`${chain}\n`);
    const first = last + 1;
    for (let after = last; after < block[0];) {
      const rows = session.all<JournalCells>(
        `SELECT ${COLUMNS} FROM journal j WHERE j.seq > ? AND j.seq <= ? ORDER BY j.seq LIMIT ${CHECK_ROWS}`,
        after,
        block[0],
      );
      for (const row of rows) link.update(linkLine(row));
      entries += rows.length;
      after = rows.at(-1)?.[0] ?? block[0];
    }
    [last, chain] = block;
    if (link.digest("hex") !== chain) return { entries, brokenAt: first };
  }
  const beyond = session.first<[number | null]>("SELECT min(seq) FROM journal WHERE seq > ?", last)?.[0] ?? null;
  return { entries, brokenAt: beyond ?? (chain === readMeta(session, "chain") ? null : last + 1) };
}
