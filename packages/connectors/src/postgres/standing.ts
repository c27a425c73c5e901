import type { CallOptions, Cursor, FeedStanding } from "@accord/engine/connector";
import { readInstalled } from "./installed.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { parseSnapshot } from "./positions.ts";
import { parseTouchedCursor } from "./touched-feed.ts";

/** Touches are counted up to this: beyond it nobody needs the exact figure, and counting costs time. */
const COUNTED_MAX = 1_000_000;

/** How far a feed at `cursor` is behind, and what the server keeps for it. Needs no open feed: the slot holds the log whether or not anybody reads from it. */
export async function readStanding(access: CaptureAccess, cursor: Cursor, options: CallOptions): Promise<FeedStanding | null> {
  const { capture, slot } = await readInstalled(access, options);
  if (capture === "touched") return touchedStanding(access, cursor, options);
  if (capture === "none" || !/^[0-9a-f]{16}$/.test(cursor)) return null;
  const behind = BigInt(`0x${slot.currentHex}`) - BigInt(`0x${cursor}`);
  return {
    behind: { amount: Number(behind > 0n ? behind : 0n), unit: "bytes" },
    retainedBytes: slot.retainedBytes,
    retainedBytesMax: access.database.settings.retainLimitBytes,
    isKept: slot.usable && slot.confirmedHex <= cursor,
  };
}

async function touchedStanding({ database, names }: CaptureAccess, cursor: Cursor, options: CallOptions): Promise<FeedStanding | null> {
  const shown = parseTouchedCursor(cursor)?.shown;
  if (shown === undefined) return null;
  const { xmax, running } = parseSnapshot(shown);
  const [row = []] = await database.rows(
    `SELECT (SELECT count(*) FROM (SELECT 1 FROM ${names.touched} WHERE xid >= $1::xid8 OR xid = ANY($2::xid8[]) LIMIT ${COUNTED_MAX}) one), pg_total_relation_size($3::regclass)`,
    [String(xmax), `{${[...running].join(",")}}`, names.touched],
    options,
  );
  return {
    behind: { amount: Number(row[0] ?? 0), unit: "changes" },
    retainedBytes: Number(row[1] ?? 0),
    retainedBytesMax: null,
    isKept: true,
  };
}
