/** How long SQLite waits for another process's transaction before giving up. Milliseconds; ours last milliseconds, a backup's step too. */
export const BUSY_TIMEOUT_MS = 10_000;

/** Memory for pages that SQLite keeps. Kibibytes: enough for the inner pages of tables with millions of rows. */
export const PAGE_CACHE_KIB = 65_536;

/** Pages of the write-ahead log after which SQLite moves them into the file: a page that changes again meanwhile is moved once. 16384 pages of 4 KiB are 64 MiB. */
export const CHECKPOINT_PAGES = 16_384;

/** Rows of one multi-row INSERT: beyond this the cost of a call no longer shows. */
export const BULK_ROWS = 32;

/** Sets of ids that go into one query as a JSON array. */
export const SET_SIZE_MAX = 1_000;

/** Shards of a new store: enough to spread over a few machines, few enough to ask each in turn. */
export const SHARDS = 16;

/** Decoded entity headers kept: records of one page share theirs. */
export const HEADERS_KEPT_MAX = 4_096;

/** Entities that one match key may answer with: three prove that it is ambiguous. [S36] */
export const MATCHES_MAX = 3;

/** Open intents whose place is remembered between opening and closing: more than are ever in flight. Some 150 bytes each. */
export const INTENTS_KNOWN_MAX = 20_000;
