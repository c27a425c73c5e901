import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import type { HistoryRow, UserLine } from "./evidence.ts";

/** The users' own log of what they committed: a file of JSON lines outside every database, synced line by line. */
export interface UserLog {
  /** Notes the changes of one committed operation. Returns when they are on the disk. */
  note(side: string, rows: readonly HistoryRow[]): void;
  /** What the file holds, read again. */
  read(): readonly UserLine[];
  close(): void;
}

export function openUserLog(file: string): UserLog {
  const handle = openSync(file, "a");
  return {
    note: (side, rows) => {
      if (rows.length === 0) return;
      writeSync(
        handle,
        rows
          .map(({ sequence, operation, kind, before, after }) => `${JSON.stringify({ operation, side, sequence, kind, before, after })}\n`)
          .join(""),
      );
      fsyncSync(handle);
    },
    read: () =>
      readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as UserLine), // Written above, by the same type.
    close: () => closeSync(handle),
  };
}
