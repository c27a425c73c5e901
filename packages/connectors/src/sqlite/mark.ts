import type { StoreMark } from "@accord/engine/connector";
import type { Session } from "./database.ts";
import { quoted, type InstalledNames } from "./names.ts";
import { hasTable } from "./touched-log.ts";

/** The store that writes to this file; null where nothing is installed or no store has signed yet. [S58] */
export function readMark(session: Session, names: InstalledNames): StoreMark | null {
  if (!hasTable(session, names.mark)) return null;
  const [store, generation, revision] = session.first(`SELECT store, generation, revision FROM main.${quoted(names.mark)}`) ?? [];
  if (typeof store !== "string") return null;
  const mark = { storeId: store, generation: Number(generation) };
  return typeof revision === "bigint" ? { ...mark, revision: Number(revision) } : mark;
}

/** Returns false where nothing is installed. */
export function writeMark(session: Session, names: InstalledNames, mark: StoreMark): boolean {
  if (!hasTable(session, names.mark)) return false;
  session.run(`UPDATE main.${quoted(names.mark)} SET store = ?, generation = ?, revision = ?`, [
    mark.storeId,
    BigInt(mark.generation),
    mark.revision === undefined ? null : BigInt(mark.revision),
  ]);
  return true;
}

/** The epoch of a file in which nothing is installed, or was just installed: installing must not look like another source. */
export const FIRST_EPOCH = "0";

/** What turns when the file is found to be another one than before. Null where nothing is installed. [S12] */
export function readEpoch(session: Session, names: InstalledNames): string | null {
  if (!hasTable(session, names.mark)) return null;
  const epoch = session.first(`SELECT epoch FROM main.${quoted(names.mark)}`)?.[0];
  return typeof epoch === "string" ? epoch : null;
}

export function turnEpoch(session: Session, names: InstalledNames, epoch: string): void {
  session.run(`UPDATE main.${quoted(names.mark)} SET epoch = ?`, [epoch]);
}

/**
 * The beat is a random text that the file gets anew as the engine acknowledges the log, and every cursor carries the one of its moment. A file whose present and
 * previous beat are both strange to the engine's last cursor is an older copy (a restored backup) or another file altogether. [S12]
 *
 * It turns only when a cursor that carries the present beat is acknowledged. So the engine's last durable cursor always carries the present or the previous one.
 */
export interface Beats {
  readonly beat: string;
  readonly before: string;
  /** The last sequence that was deleted from the log: a cursor below it would miss changes. */
  readonly forgotten: bigint;
}

export function readBeat(session: Session, names: InstalledNames): Beats | null {
  if (!hasTable(session, names.mark)) return null;
  const [beat, before, forgotten] = session.first(`SELECT beat, beat_before, forgotten FROM main.${quoted(names.mark)}`) ?? [];
  return typeof beat === "string" && typeof before === "string" && typeof forgotten === "bigint" ? { beat, before, forgotten } : null;
}

/** Notes that the log was deleted up to a sequence, and turns the beat if the acknowledged cursor carried the present one. */
export function turnBeat(session: Session, names: InstalledNames, forgotten: bigint, acknowledged: string, next: string): void {
  const mark = `main.${quoted(names.mark)}`;
  session.run(`UPDATE ${mark} SET forgotten = ?`, [forgotten]);
  session.run(`UPDATE ${mark} SET beat_before = beat, beat = ? WHERE beat = ?`, [next, acknowledged]);
}
