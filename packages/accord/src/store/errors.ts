import { AccordError } from "@accord/engine/connector";
import { engineLost } from "@accord/engine/store";

/** SQLite's primary result codes that mean something of their own here (https://www.sqlite.org/rescode.html). */
const SQLITE = { busy: 5, locked: 6, readonly: 8, ioerr: 10, corrupt: 11, full: 13, cantopen: 14, notadb: 26 } as const;
/** Extended codes of a write that the file system refused: ENOSPC comes as SQLITE_FULL, EFBIG (a file-size limit) as these. */
const WRITE_REFUSED: readonly number[] = [778, 1546, 4874];

/**
 * An error of SQLite as the engine and a person need it:
 * ACCORD_STORE_FULL (disk, `max_page_count` or a file-size limit; nothing of the commit was written; stop), ACCORD_STORE_BROKEN (damaged or no store; stop),
 * ACCORD_STORE_UNREACHABLE (cannot be opened or written; stop), ACCORD_STORE_BUSY (another process holds it too long; retry). Anything else comes back as it is.
 */
export function storeError(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return error;
  if (WRITE_REFUSED.includes(error.errcode)) return storeFull(file, error);
  switch (error.errcode & 0xff) {
    case SQLITE.full:
      return storeFull(file, error);
    case SQLITE.corrupt:
    case SQLITE.notadb:
      return storeBroken(file, "is damaged or is no Accord store", error);
    case SQLITE.ioerr:
      return storeBroken(file, `cannot be read or written (${error.message})`, error);
    case SQLITE.busy:
    case SQLITE.locked:
      return new AccordError(
        "ACCORD_STORE_BUSY",
        `The store ${file} is held by another process for too long; Accord tries again, so look for a program that keeps it open.`,
        {
          remedy: "retry",
          where: file,
          cause: error,
        },
      );
    case SQLITE.readonly:
    case SQLITE.cantopen:
      return new AccordError(
        "ACCORD_STORE_UNREACHABLE",
        `The store ${file} cannot be opened for writing; let this user write the file and its folder.`,
        {
          remedy: "stop",
          where: file,
          cause: error,
        },
      );
    default:
      return error;
  }
}

export function storeBroken(file: string, what: string, cause?: unknown): AccordError {
  return new AccordError(
    "ACCORD_STORE_BROKEN",
    `The store ${file} ${what}; restore a backup with "accord restore", or name another file.`,
    { remedy: "stop", where: file, cause },
  );
}

export function storeNewer(file: string, format: number, known: number): AccordError {
  return new AccordError(
    "ACCORD_STORE_NEWER",
    `The store ${file} has format ${format} and this version of Accord knows ${known}; run the version of Accord that wrote it, or a newer one.`,
    {
      remedy: "stop",
      where: file,
    },
  );
}

export function leaseLost(name: string): AccordError {
  if (name === "engine") return engineLost();
  return new AccordError("ACCORD_LEASE_LOST", `The lease "${name}" went to another process; nothing was committed.`, { remedy: "stop" });
}

function storeFull(file: string, cause: unknown): AccordError {
  return new AccordError(
    "ACCORD_STORE_FULL",
    `There is no room left for the store ${file}, and nothing of this step was written; free disk space or raise the limit, then start again.`,
    {
      remedy: "stop",
      where: file,
      cause,
    },
  );
}
