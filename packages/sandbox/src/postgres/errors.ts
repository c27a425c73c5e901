/**
 * What can go wrong when a server is launched. The message of each error is one line and ends with what to do.
 *
 * - `ACCORD_POSTGRES_MISSING`: the npm package with the binaries is not installed, or there is none for this platform.
 * - `ACCORD_POSTGRES_USER`: no operating-system user may run the server here (root without an unprivileged user, foreign data directory).
 * - `ACCORD_POSTGRES_DIRECTORY`: the data directory cannot be used: unreachable, of another version, or not a data directory.
 * - `ACCORD_POSTGRES_INITDB`: initdb failed; the message quotes its last lines.
 * - `ACCORD_POSTGRES_START`: the server stopped or stayed silent while starting; the message quotes its log.
 * - `ACCORD_POSTGRES_STATEMENT`: the server refused a statement of the launcher (`createDatabase`).
 * - `ACCORD_PORT_TAKEN`: another program listens on the port asked for.
 * - `ACCORD_DISK_FULL`: no space is left where the data directory or the temporary folder lies.
 * - `ACCORD_CANCELLED`: the caller's signal was aborted; nothing is left behind.
 */
export type PostgresErrorCode =
  | "ACCORD_POSTGRES_MISSING"
  | "ACCORD_POSTGRES_USER"
  | "ACCORD_POSTGRES_DIRECTORY"
  | "ACCORD_POSTGRES_INITDB"
  | "ACCORD_POSTGRES_START"
  | "ACCORD_POSTGRES_STATEMENT"
  | "ACCORD_PORT_TAKEN"
  | "ACCORD_DISK_FULL"
  | "ACCORD_CANCELLED";

/** A failure of the launcher. Shaped like Accord's own errors, but declared here: the sandbox imports no other package. */
export class PostgresError extends Error {
  override readonly name = "PostgresError";
  readonly code: PostgresErrorCode;
  /** Nothing here heals by itself: a person changes something first. */
  readonly remedy = "stop";

  constructor(code: PostgresErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The system's error code (`ENOENT`, `EACCES` …) of a caught value, or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** True for a failure that a full disk explains, whoever reported it: Node, cp, initdb or the server. */
export function saysDiskFull(error: unknown): boolean {
  const text = error instanceof Error ? `${systemCode(error) ?? ""} ${error.message}` : String(error);
  return /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/.test(text);
}

/** The error for a full disk at `folder`. */
export function diskFull(folder: string, cause: unknown): PostgresError {
  const message = `no space is left on the disk of ${folder}: PostgreSQL needs about 150 MB there; free some, or point TMPDIR elsewhere`;
  return new PostgresError("ACCORD_DISK_FULL", message, cause);
}

/** The last `count` lines of a program's output that say something, joined to one line. */
export function lastLines(text: string, count: number): string {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.slice(-count).join(" | ");
}
