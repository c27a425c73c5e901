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

/** How often each row was hit. */
export type Counts<Row extends string> = Readonly<Record<Row, number>>;

/** Counts hits of the rows of a table. */
export class Tally<Row extends string> {
  readonly #counts: Map<Row, number>;

  constructor(rows: readonly Row[]) {
    this.#counts = new Map(rows.map((row) => [row, 0]));
  }

  hit(row: Row): void {
    this.#counts.set(row, (this.#counts.get(row) ?? 0) + 1);
  }

  counts(): Counts<Row> {
    // Every row was set by the constructor.
    return Object.fromEntries(this.#counts) as Record<Row, number>;
  }
}
