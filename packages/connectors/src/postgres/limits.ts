/** One bound that a user may move: its least, greatest and standard value. */
interface Limit {
  readonly min: number;
  readonly max: number;
  readonly standard: number;
}

/** Bounds of a PostgreSQL connection that the user may set below `limits`. */
export const limits = {
  /** Connections at once: a listing, a write, a read and one to spare. The feed has its own beside them. */
  poolSizeMax: { min: 1, max: 100, standard: 4 },
  /** The server ends a statement after this. Listings are exempt: they take as long as their reader. */
  statementTimeoutMs: { min: 1000, max: 3_600_000, standard: 30_000 },
  /** How long a write waits for a row that a user's transaction holds. */
  lockTimeoutMs: { min: 100, max: 3_600_000, standard: 10_000 },
  connectTimeoutMs: { min: 100, max: 600_000, standard: 10_000 },
  /** Rows per write: above some thousand nothing is gained, and a lock is held longer. */
  batchSizeMax: { min: 1, max: 20_000, standard: 5000 },
  pageSizeMax: { min: 1, max: 100_000, standard: 10_000 },
  /** Bytes of log that the server may keep for us before the slot is given up and a sweep takes over. */
  retainLimitBytes: { min: 1_048_576, max: 1_099_511_627_776, standard: 2_147_483_648 },
} satisfies Readonly<Record<string, Limit>>;

/**
 * Creates that share one proof row, at least: those of one block of entities in one batch. [S27] Fewer have a proof row each, which costs three times as much to
 * write and is found faster.
 */
export const SHARED_PROOF_MIN = 32;

/** Statements that one connection keeps prepared. Each shape of a write is one; the server holds some 50 kB for each. */
export const PREPARED_STATEMENTS_MAX = 100;

/** Rows of one bounded listing query: enough that its start costs nothing, few enough that no snapshot is held for long while the engine works. */
export const LIST_QUERY_ROWS = 100_000;

/** A connection that was idle for so long is closed. */
export const IDLE_CONNECTION_MS = 60_000;

/** Between looks at something that ends by itself in a moment: a closing session, a committing transaction. */
export const SETTLE_POLL_MS = 5;

/** Looks of that kind, at most: about a second. */
export const SETTLE_POLLS_MAX = 200;

/** A statement's answer may come so much later than the server's own bound of it. */
export const SILENCE_MARGIN_MS = 2_000;

/** A stream may be silent for so long at least. */
export const SILENCE_MS_MIN = 4_000;

/** A listing that the server has to sort first may say nothing for so long: ten million rows take some minutes. */
export const SORT_SILENCE_MS = 1_800_000;

/** So long a session's good-bye is waited for. */
export const CLOSING_MS = 2_000;

/** How often the server hears from a feed that has nothing to say: far below wal_sender_timeout, 60 s as a rule. */
export const STANDBY_STATUS_MS = 1000;

/**
 * How soon the server hears that something arrived. A walsender of PostgreSQL 16 and later that goes to sleep at the moment of a commit can miss it, and sends
 * it only at its next wake; our answer wakes it (seen with 18: about one in a hundred bursts stood still until then). Bounds the answers to a hundred a second.
 */
export const RECEIPT_MS = 10;

/** How often an idle feed offers a new cursor, which its keeper has to store. */
export const IDLE_ADVANCE_MS = 10_000;

/** How often the size of the log that the server keeps for us is looked at. */
export const RETAINED_CHECK_MS = 15_000;

/** After so many bytes of other tables' and databases' log an idle feed offers a new cursor at once. */
export const IDLE_ADVANCE_BYTES = 16_777_216;

/** A feed of the trigger log that waits to be notified looks by itself this often. */
export const TOUCHED_POLL_MS = 1000;

/** While a transaction is under way that will not notify, a feed looks at growing intervals up to this. */
export const TOUCHED_BACKOFF_MS_MAX = 50;

/** Acknowledged rows that are removed from the trigger log at a time. */
export const FORGET_ROWS_MAX = 10_000;

/** Between removals of acknowledged rows from the trigger log. */
export const FORGET_MS = 1000;
