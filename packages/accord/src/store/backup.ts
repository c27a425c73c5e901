import { chmodSync, closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { backup, DatabaseSync } from "node:sqlite";
import { AccordError, type Random } from "@accord/engine/connector";
import { storeBroken, storeError } from "./errors.ts";
import { BUSY_TIMEOUT_MS } from "./limits.ts";
import { readIdentity, writeMeta } from "./meta.ts";
import { checkFile, openStoreFile } from "./open.ts";
import type { Session } from "./session.ts";

/**
 * Copies a running store into a new file of mode 0600: one consistent state, as of the beginning of the copying. Refuses to write over a file.
 * A connection of its own copies all pages in one step, off the main thread: it reads one snapshot, and neither waits for commits nor starts again because of them.
 */
export async function backupStore(session: Session, path: string): Promise<void> {
  if (existsSync(path))
    throw new AccordError("ACCORD_BACKUP_EXISTS", `The file ${path} is already there; name another one for the backup.`, {
      remedy: "stop",
      where: path,
    });
  const partial = `${path}.partial`;
  removeStore(partial);
  try {
    closeSync(openSync(partial, "ax", 0o600));
    const source = new DatabaseSync(session.file, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    try {
      await backup(source, partial, { rate: ALL_PAGES });
    } finally {
      source.close();
    }
    settleFile(partial);
    renameSync(partial, path);
  } catch (error) {
    removeStore(partial);
    throw storeError(error, path);
  }
}

/** More pages than a store can have: node:sqlite takes no other word for all of them. */
const ALL_PAGES = 2_147_483_647;

export interface RestoreOptions {
  readonly from: string;
  readonly to: string;
  readonly random: Random;
  /** The highest generation that any system's mark of this store carries, where known: the restored one is higher. [S58] */
  readonly generationSeen: number | null;
}

/**
 * Puts a backup in the place of a store. The restored store is behind the world: its generation is higher than that of the backup, of the file it replaces and of
 * `generationSeen`, so that entity ids never meet again; nobody holds a lease; and `identity().restored` says that nothing may be written before a plan is
 * approved. [S58] The file that was there is kept beside it as `<to>.before-restore`. No process may have `to` open.
 * @throws ACCORD_STORE_BROKEN, ACCORD_STORE_NEWER: then nothing was changed
 */
export function restoreStore({ from, to, random, generationSeen }: RestoreOptions): { readonly generation: number } {
  if (!existsSync(from)) throw storeBroken(from, "is not there");
  checkFile(from);
  const partial = `${to}.partial`;
  removeStore(partial);
  try {
    copyFileSync(from, partial);
    chmodSync(partial, 0o600);
    const session = openStoreFile(partial, random, { durability: "full", maxPages: null });
    let generation: number;
    try {
      checkIntegrity(session, from);
      generation = Math.max(readIdentity(session).generation, generationOf(to, random), generationSeen ?? 0) + 1;
      session.write(() => {
        markRestored(session, generation);
      });
      session.run("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      session.close();
    }
    settleFile(partial);
    if (existsSync(to)) setAside(to);
    renameSync(partial, to);
    return { generation };
  } catch (error) {
    removeStore(partial);
    throw storeError(error, from);
  }
}

function checkIntegrity(session: Session, from: string): void {
  const verdict = session.first<[string]>("PRAGMA quick_check(1)")?.[0];
  if (verdict !== "ok") throw storeBroken(from, "is damaged");
}

function markRestored(session: Session, generation: number): void {
  writeMeta(session, "generation", generation);
  writeMeta(session, "restored", 1);
  session.run("UPDATE lease SET holder = NULL, epoch = epoch + 1");
}

/** The generation of the store to be replaced, where it can still be read. */
function generationOf(file: string, random: Random): number {
  if (!existsSync(file)) return 0;
  try {
    const session = openStoreFile(file, random, { durability: "full", maxPages: null });
    try {
      return readIdentity(session).generation;
    } finally {
      session.close();
    }
  } catch (error) {
    // A damaged store is what one restores from a backup for; a newer one is not ours to replace.
    if (error instanceof AccordError && error.code === "ACCORD_STORE_NEWER") throw error;
    return 0;
  }
}

function setAside(file: string): void {
  const aside = `${file}.before-restore`;
  removeStore(aside);
  for (const end of ["", "-wal", "-shm"]) if (existsSync(`${file}${end}`)) renameSync(`${file}${end}`, `${aside}${end}`);
}

function removeStore(file: string): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
}

/** On disk before its name counts. */
function settleFile(file: string): void {
  const handle = openSync(file, "r+");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
