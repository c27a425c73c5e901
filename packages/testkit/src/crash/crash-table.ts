/** The moments of a crash, one per row of the crash table. [S32] */
export const CRASH_ROWS = [
  "before the merge commits",
  "merge committed",
  "intent open, not executed",
  "update executed, answer lost",
  "the same, then a user edited too",
  "create executed, answer lost",
  "delete executed, answer lost",
  "paused past its lease",
] as const;

/** One row of the crash table. */
export type CrashRow = (typeof CRASH_ROWS)[number];

/** How often kills hit each row. */
export type CrashCounts = Readonly<Record<CrashRow, number>>;

/** Counts hits of crash rows. */
export class CrashTally {
  readonly #counts = new Map<CrashRow, number>(CRASH_ROWS.map((row) => [row, 0]));

  hit(row: CrashRow): void {
    this.#counts.set(row, (this.#counts.get(row) ?? 0) + 1);
  }

  counts(): CrashCounts {
    // Every row was set by the constructor.
    return Object.fromEntries(this.#counts) as Record<CrashRow, number>;
  }
}
