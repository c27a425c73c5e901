/** Operations per write call. One batch is one synchronous transaction: at some 15 µs an operation it holds the process for about 15 ms. */
export const BATCH_SIZE_MAX = 1_000;

/** Records per page and ids per read. A page is one synchronous call: at 500,000 records a second, about 10 ms. */
export const PAGE_SIZE_MAX = 5_000;

/** Keys sorted per step when a listing needs its own order; each step is one synchronous call. */
export const SORT_STEP_ROWS = 5_000;

/** Calls run synchronously; after so long without a turn of the event loop the next one lets timers and sockets have theirs. */
export const YIELD_AFTER_MS = 8;

/** How long a call waits for other programs' locks before it gives up, unless `busyMs` says otherwise. Waited asynchronously, the process stays free. */
export const BUSY_MS_DEFAULT = 10_000;

/** The pauses between two attempts to get a lock; the last one repeats. Milliseconds. */
export const BUSY_PAUSES_MS: readonly number[] = [1, 2, 4, 8, 16, 25];

/** How much longer than the wait for locks a request can take, its own work on a slow disk, unless `requestMs` says otherwise. */
export const REQUEST_MS_DEFAULT = 20_000;

/** Prepared statements kept per connection; batches with very many different column sets would otherwise keep them all. */
export const STATEMENTS_KEPT_MAX = 400;

/** How often a waiting feed looks for commits when nothing wakes it. A look costs some 5 µs, the timer before it up to a hundred times that. */
export const POLL_MS = 25;

/** The same where the file system wakes us and nothing happened for {@link BUSY_AFTER_CHANGE_MS}: a quiet file should cost next to nothing. */
export const QUIET_POLL_MS = 250;

/** How long after a change a feed keeps looking often. */
export const BUSY_AFTER_CHANGE_MS = 1_000;

/** After a wake-up by the file system the commit may still be under way: looks at these pauses before falling back to {@link POLL_MS}. */
export const WAKE_PAUSES_MS: readonly number[] = [0, 1, 1, 2, 4, 8];

/** Acknowledged log rows deleted at once: a write transaction of about 10 ms, and as many as two large batches of the feed bring. */
export const FORGET_ROWS_MAX = 10_000;

/** From this many acknowledged rows on they are deleted at once: one commit for a few rows would cost more than the rows. */
export const FORGET_DUE_ROWS = 2_000;

/** Fewer acknowledged rows than that are deleted after this time, so that the log does not linger. */
export const FORGET_AFTER_MS = 1_000;

/** Pairs per page of `listLinks`. */
export const LINKS_PER_PAGE = 5_000;

/** About the bytes that one row of the touched log takes in the file, for `retainedBytes`. */
export const TOUCHED_ROW_BYTES = 40;
