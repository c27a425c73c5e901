import { AccordError } from "@accord/engine/connector";

/** SQLite's primary result codes that mean something of their own here (https://www.sqlite.org/rescode.html). */
export const SQLITE = {
  error: 1,
  perm: 3,
  busy: 5,
  locked: 6,
  nomem: 7,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  constraint: 19,
  notadb: 26,
} as const;

/** An error of `node:sqlite` with its extended result code. */
export interface SqliteFailure {
  readonly code: number;
  readonly extendedCode: number;
  readonly message: string;
}

/** Reads the result code of an error that SQLite raised; null for any other error. */
export function failureOf(error: unknown): SqliteFailure | null {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return null;
  return { code: error.errcode & 0xff, extendedCode: error.errcode, message: error.message };
}

export function isBusy(error: unknown): boolean {
  const failure = failureOf(error);
  return failure !== null && (failure.code === SQLITE.busy || failure.code === SQLITE.locked);
}

/** Whether a call failed because another program held the file for too long. */
export function isBusyError(error: unknown): boolean {
  return error instanceof AccordError && isBusy(error.cause);
}

/** Where an error happened: the connection's name and its file. */
export interface Place {
  readonly name: string;
  readonly file: string;
}

/**
 * An error of SQLite as the engine and a person need it: ACCORD_UNREACHABLE (locked, cannot be opened, input/output error; retry), ACCORD_FORBIDDEN (read-only; stop),
 * ACCORD_DISK_FULL (stop), ACCORD_FILE_DAMAGED (stop), ACCORD_OBJECT_MISSING (stop), ACCORD_SQLITE_REFUSED (anything else; stop). Errors that are no
 * SQLite errors come back as they are.
 */
export function asAccordError(error: unknown, place: Place): unknown {
  const failure = failureOf(error);
  if (failure === null) return error;
  const at = `${place.name} (${place.file})`;
  switch (failure.code) {
    case SQLITE.busy:
    case SQLITE.locked:
      return unreachable(
        `The SQLite file of ${at} is locked by another program; Accord tries again, so look for a program that keeps a transaction open.`,
        place,
        error,
      );
    case SQLITE.ioerr:
    case SQLITE.nomem:
      return unreachable(`Reading or writing the SQLite file of ${at} failed: ${failure.message}; check the disk.`, place, error);
    case SQLITE.cantopen:
      return unreachable(
        `The SQLite file of ${at} cannot be opened: check that the file and its folder exist and may be read and written.`,
        place,
        error,
      );
    case SQLITE.perm:
    case SQLITE.readonly:
      return forbidden(`The SQLite file of ${at} may only be read: allow this user to write the file and its folder.`, place, error);
    case SQLITE.full:
      return stop(
        "ACCORD_DISK_FULL",
        `There is no room left for the SQLite file of ${at}, nothing was written: free disk space or raise its max_page_count.`,
        place,
        error,
      );
    case SQLITE.corrupt:
    case SQLITE.notadb:
      return stop(
        "ACCORD_FILE_DAMAGED",
        `The file of ${at} is damaged or no SQLite database: run PRAGMA integrity_check on it, or restore a backup.`,
        place,
        error,
      );
    case SQLITE.error:
      if (/^no such (table|column)|has no column named/.test(failure.message)) {
        return stop("ACCORD_OBJECT_MISSING", `The SQLite file of ${at} has changed: ${failure.message}; run accord check.`, place, error);
      }
      return stop("ACCORD_SQLITE_REFUSED", `SQLite refused a statement at ${at}: ${failure.message}.`, place, error);
    default:
      return stop("ACCORD_SQLITE_REFUSED", `SQLite refused a statement at ${at}: ${failure.message}.`, place, error);
  }
}

export function unreachable(message: string, place: Place, cause?: unknown): AccordError {
  return new AccordError("ACCORD_UNREACHABLE", message, { remedy: "retry", where: place.name, cause });
}

function forbidden(message: string, place: Place, cause?: unknown): AccordError {
  return stop("ACCORD_FORBIDDEN", message, place, cause);
}

export function notInstalled(message: string, place: Place): AccordError {
  return stop("ACCORD_NOT_INSTALLED", message, place);
}

export function cursorExpired(message: string, place: Place): AccordError {
  return new AccordError("ACCORD_CURSOR_EXPIRED", message, { remedy: "reread", where: place.name });
}

/** A failure that a person has to remove. */
export function stop(code: string, message: string, place: Place, cause?: unknown): AccordError {
  return new AccordError(code, message, { remedy: "stop", where: place.name, cause });
}

/** @throws {AccordError} ACCORD_CANCELLED where the signal has aborted */
export function assertNotCancelled(signal: AbortSignal, place: Place): void {
  if (signal.aborted) throw stop("ACCORD_CANCELLED", `The call to ${place.name} was cancelled.`, place);
}
