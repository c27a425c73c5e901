/** How long SQLite waits for another process's transaction before giving up. Milliseconds; ours last milliseconds, a backup's step too. */
export const BUSY_TIMEOUT_MS = 10_000;

/**
 * Memory for pages that SQLite keeps. Kibibytes: enough for the inner pages of tables with millions of rows. More gains nothing that was measured (1 M entities, random updates): what is not
 * here is in the file cache of the operating system.
 */
export const PAGE_CACHE_KIB = 16_384;

/** Commits after which the write-ahead log is moved into the file, or rows changed, where commits are large: some 20 MB of log. A page that changes again meanwhile is moved once. */
export const COMMITS_PER_MOVE = 128;
export const ROWS_PER_MOVE = 32_768;

/** Pages of the log beyond which SQLite moves it within a commit, come what may: 65536 pages of 4 KiB are 256 MiB. */
export const LOG_PAGES_MAX = 65_536;

/** Rows of one multi-row INSERT: beyond this the cost of a call no longer shows. */
export const BULK_ROWS = 32;

/** Sets of ids that go into one query as a JSON array. */
export const SET_SIZE_MAX = 1_000;

/** Shards of a new store: enough to spread over a few machines, few enough to ask each in turn. */
export const SHARDS = 16;

/** Decoded entity headers kept: records of one page share theirs. */
export const HEADERS_KEPT_MAX = 256;

/** Entities whose row as it stands is remembered from loading to writing: a few batches. Some 300 bytes each. */
export const FORMERS_KEPT_MAX = 2_048;

/** Changes of entities that are gathered before they are folded into their rows: an edit and its settling are two. Some 500 bytes each. */
export const OVERLAY_MAX = 16_384;

/** Entities that one match key may answer with: three prove that it is ambiguous. [S36] */
export const MATCHES_MAX = 3;

/** Open intents of one row: enough that opening and closing a batch is a few rows, few enough that closing them one by one rewrites little (64 are some 10 kB). */
export const INTENTS_PER_BLOCK = 64;

/** Operations of a plan in one row: some 100 kB. Reading a few of them reads one row or two. */
export const OPERATIONS_PER_PAGE = 250;

/** Entries of the journal in one row: some 60 kB. Reading one of them reads that row. */
export const ENTRIES_PER_BLOCK = 256;

/** Rows of work looked at in one step beyond members with an open intent, which are passed over. */
export const PASSED_OVER_PAGE = 256;

/** Intents that a commit opens and closes from which on its flush is waited for aside: the disk takes longer for it than the hop to another thread and back, some 50 µs. */
export const FLUSHED_ASIDE_MIN = 64;
