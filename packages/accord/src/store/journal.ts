import { createHash, hash } from "node:crypto";
import type { SQLInputValue } from "node:sqlite";
import type { Random } from "@accord/engine/connector";
import type { JournalEntry, JournalKind, JournalQuery, JournalRow } from "@accord/engine/store";
import { readMeta, writeMeta } from "./meta.ts";
import type { BulkInsert, Session } from "./session.ts";

const KINDS: readonly JournalKind[] = ["merge", "write", "refused", "decision", "undo", "guard", "configuration", "recovery"];
const SALT_BYTES = 16;
const CHECK_ROWS = 1_000;

const ENTRY: BulkInsert = { into: "journal (seq, run, at_ms, sync, entity, side, kind, salt, body)", width: 9, conflict: "" };

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
];
const COLUMNS = "seq, run, at_ms, sync, entity, side, kind, salt, body, digest";

/**
 * Appends entries. The chain grows by one link per commit: sha256 over the link before and, per entry, its header and the digest of salt and payload. So a payload
 * can be erased (its digest takes its place) and the chain still holds, and whoever changes an entry has to change every link after it. [S64]
 */
export function appendJournal(session: Session, random: Random, entries: readonly JournalEntry[]): void {
  if (entries.length === 0) return;
  const first = (session.first<[number | null]>("SELECT max(seq) FROM journal")?.[0] ?? 0) + 1;
  const salts = random.hex(SALT_BYTES * entries.length);
  const cells: SQLInputValue[] = [];
  let link = `${String(readMeta(session, "chain"))}\n`;
  entries.forEach((entry, index) => {
    const { run, atMs, sync, entity, side, payload } = entry;
    const salt = salts.slice(index * SALT_BYTES * 2, (index + 1) * SALT_BYTES * 2);
    const row: JournalCells = [first + index, run, atMs, sync, entity, side, KINDS.indexOf(entry.kind), salt, payload, null];
    link += linkLine(row);
    cells.push(...row.slice(0, 9));
  });
  session.insert(ENTRY, cells);
  const chain = hash("sha256", link, "hex");
  session.run("INSERT INTO journal_block (last_seq, chain) VALUES (?, ?)", first + entries.length - 1, chain);
  writeMeta(session, "chain", chain);
  countInRuns(session, first, entries);
}

/** What one entry adds to its commit's link. */
function linkLine([seq, run, atMs, sync, entity, side, kind, salt, body, digest]: JournalCells): string {
  return `${seq} ${run ?? ""} ${atMs} ${sync} ${entity ?? ""} ${side ?? ""} ${kind} ${digest ?? hash("sha256", `${salt ?? ""}${body ?? ""}`, "hex")}\n`;
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
  if (query.before !== undefined) where("seq < ?", query.before);
  if (query.entity !== undefined) where("entity = ?", query.entity);
  if (query.run !== undefined) {
    const bounds = session.first<[number | null, number | null]>("SELECT first_seq, last_seq FROM run WHERE id = ?", query.run);
    if (bounds === undefined || bounds[0] === null || bounds[1] === null) return [];
    where("run = ? AND seq BETWEEN ? AND ?", query.run, bounds[0], bounds[1]);
  }
  if (query.sync !== undefined) where("sync = ?", query.sync);
  if (query.kinds !== undefined)
    where("kind IN (SELECT value FROM json_each(?))", `[${query.kinds.map((kind) => KINDS.indexOf(kind)).join(",")}]`);
  if (query.fromMs !== undefined) where("at_ms >= ?", query.fromMs);
  if (query.toMs !== undefined) where("at_ms <= ?", query.toMs);
  const filter = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  return session.all<JournalCells>(`SELECT ${COLUMNS} FROM journal ${filter} ORDER BY seq DESC LIMIT ?`, ...values, query.limit).map(rowOf);
}

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
        `SELECT ${COLUMNS} FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ${CHECK_ROWS}`,
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
