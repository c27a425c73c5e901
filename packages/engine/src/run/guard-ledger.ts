/** What the guards have let through at one side within the running window. [S43] */
export interface GuardTally {
  readonly sinceMs: number;
  /** The most records that were present at the side within the window, as far as it was looked at. */
  records: number;
  deletes: number;
  readonly rewrites: Map<string, number>;
  readonly emptied: Map<string, number>;
}

/** By `sync/side`. Kept in memory: a process that starts anew begins a new window, as a new hour would. */
export type GuardLedger = Map<string, GuardTally>;
