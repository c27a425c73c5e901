/** Bounds of the engine's work. Memory is bounded by these, however large the systems are. */
export interface Limits {
  /** Marks merged in one transaction: large enough to make a commit cheap, small enough to hold their entities in memory (some 2 kB each). */
  readonly mergeBatch: number;
  /** Writes loaded at once for one side; a connector's own batch bound applies below it. */
  readonly pushBatch: number;
  /** Groups of records that meet in one transaction at first contact. */
  readonly firstContactBatch: number;
  /** Records per page of a listing. */
  readonly listPage: number;
  /** Changes taken from a feed at once. */
  readonly feedBatch: number;
  /** Marks that may wait before feeds are left alone: the inbox is on disk, but a backlog without end helps nobody. */
  readonly inboxMax: number;
  /** How long a feed may wait for news before it reports back. Milliseconds. */
  readonly feedWaitMs: number;
  /** A lease lasts this long and is renewed at a third of it; a dead process is replaced after it. Milliseconds. */
  readonly leaseMs: number;
  /** Back-off after failures that pass by themselves: first wait and longest wait. Milliseconds. */
  readonly retryDelayMsMin: number;
  readonly retryDelayMsMax: number;
  /** Tries of a unique value that is taken, or of a write that the record keeps changing under, before a person is asked. */
  readonly attemptsMax: number;
}

/** A call begins within this of the commit that opened its intents, or they are opened anew. A sixth of the lease and 2 s at most. Milliseconds. */
export function startWithinMs({ leaseMs }: Pick<Limits, "leaseMs">): number {
  return Math.min(2_000, Math.floor(leaseMs / 6));
}

/** The longest that a write may take, so that it surely has ended before the lease under which it was begun: what connectors are held to. Milliseconds. [S31, S32] */
export function requestMsMax(limits: Pick<Limits, "leaseMs">): number {
  return Math.floor(limits.leaseMs * 0.9) - startWithinMs(limits);
}

export const DEFAULT_LIMITS: Limits = {
  mergeBatch: 1_000,
  pushBatch: 500,
  firstContactBatch: 1_000,
  listPage: 2_000,
  feedBatch: 500,
  inboxMax: 200_000,
  feedWaitMs: 1_000,
  leaseMs: 15_000,
  retryDelayMsMin: 200,
  retryDelayMsMax: 60_000,
  attemptsMax: 8,
};
