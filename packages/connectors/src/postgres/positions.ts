import type { Position } from "@accord/engine/connector";

/*
 * Positions in PostgreSQL [S57]: three spellings, each told by its first letter.
 *
 * L<16 hex digits>            a write: pg_current_wal_insert_lsn(), read in its transaction after the row was written
 * S<xmin>:<xmax>:<xip,...>    a reading or listing: pg_current_snapshot() of its very statement or transaction
 * C<16 hex digits>/<xid>      a change from the log: where its WAL record begins, and its transaction (32 bits)
 *
 * A read must not be compared by LSN: a commit is in the WAL before it becomes visible, so a reading that is younger than the commit record may still lack
 * the change. A snapshot says exactly which transactions it shows. A write may: it holds the row's lock, so every earlier change of the row was committed
 * and lies below the LSN, and every later one waits for our commit and lies above.
 */

/** The position of a write, from the text of a `pg_lsn`: `16/B374D848`. */
export function writePosition(lsn: string): Position {
  return `L${lsnToHex(lsn)}`;
}

/** The position of a reading or a listing, from the text of a `pg_snapshot`: `10:20:10,14`. */
export function readPosition(snapshot: string): Position {
  return `S${snapshot}`;
}

/** The position of a change, from the LSN of its WAL record (16 hex digits) and the 32-bit id of its top-level transaction. */
export function changePosition(lsnHex: string, xid: number): Position {
  return `C${lsnHex}/${xid}`;
}

/**
 * Whether what was known at `known` includes the change at `change`. Pure. Both are of one record of one database. False where it cannot be told:
 * absorbing an old image once more is harmless only if a newer one follows, and in a log it does.
 */
export function covers(known: Position, change: Position): boolean {
  if (!change.startsWith("C")) return false;
  switch (known[0]) {
    // A record that begins exactly at L was written after L was read: strictly below.
    case "L":
      return change.slice(1, 17) < known.slice(1, 17);
    // An image from the log covers itself and, since row locks order the changes of one record, everything before it.
    case "C":
      return change.slice(1, 17) <= known.slice(1, 17);
    case "S":
      return isShortXidVisible(cachedSnapshot(known.slice(1)), Number(change.slice(18)));
    default:
      return false;
  }
}

/** Which transactions a statement sees: all below `xmax` but those in `running`. Ids have 64 bits (`xid8`). */
export interface Snapshot {
  readonly xmax: bigint;
  readonly running: ReadonlySet<bigint>;
}

/** Reads the text of a `pg_snapshot`: `xmin:xmax:xip,xip`. */
export function parseSnapshot(text: string): Snapshot {
  const [, xmax = "0", running = ""] = text.split(":");
  return { xmax: BigInt(xmax), running: new Set(running === "" ? [] : running.split(",").map(BigInt)) };
}

/** Whether every transaction that `earlier` shows is shown by `later` too. */
export function includesSnapshot(later: Snapshot, earlier: Snapshot): boolean {
  for (const xid of later.running) {
    if (xid < earlier.xmax && !earlier.running.has(xid)) return false;
  }
  if (earlier.xmax - later.xmax > BigInt(earlier.running.size)) return false;
  for (let xid = later.xmax; xid < earlier.xmax; xid += 1n) {
    if (!earlier.running.has(xid)) return false;
  }
  return true;
}

const HALF_EPOCH = 2n ** 31n;
const EPOCH = 2n ** 32n;

/**
 * Whether a snapshot shows a transaction of which the log gives the lower 32 bits alone. The full id is the one nearest to the snapshot: transactions of the
 * log and a snapshot that is compared with it are never 2^31 transactions apart, because PostgreSQL itself stops before (wraparound protection).
 */
export function isShortXidVisible(snapshot: Snapshot, shortXid: number): boolean {
  let xid = snapshot.xmax - (snapshot.xmax % EPOCH) + BigInt(shortXid);
  if (xid - snapshot.xmax > HALF_EPOCH) xid -= EPOCH;
  else if (snapshot.xmax - xid > HALF_EPOCH) xid += EPOCH;
  return xid < snapshot.xmax && !snapshot.running.has(xid);
}

/** `16/B374D848` as 16 hex digits in lower case, which compare as texts. */
export function lsnToHex(lsn: string): string {
  const slash = lsn.indexOf("/");
  return (
    lsn.slice(0, slash).toLowerCase().padStart(8, "0") +
    lsn
      .slice(slash + 1)
      .toLowerCase()
      .padStart(8, "0")
  );
}

/** 16 hex digits as a `pg_lsn` text. The inverse of {@link lsnToHex}. */
export function hexToLsn(hex: string): string {
  return `${hex.slice(0, 8)}/${hex.slice(8)}`.toUpperCase();
}

// One listing covers a great many changes in turn: its snapshot is parsed once. A cache of one entry, without effect on any answer.
let lastText = "";
let lastSnapshot: Snapshot = { xmax: 0n, running: new Set() };

function cachedSnapshot(text: string): Snapshot {
  if (text !== lastText) {
    lastSnapshot = parseSnapshot(text);
    lastText = text;
  }
  return lastSnapshot;
}
