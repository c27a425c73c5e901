import { AccordError } from "@accord/engine/connector";
import type { CallOptions, Connection } from "@accord/engine/connector";
import { showBytes } from "./output.ts";
import type { FeedStatus } from "./status-json.ts";

/** A system that has not answered by then is not waited for: status is asked when something is wrong. Milliseconds. */
const ANSWER_MS_MAX = 3_000;
/** From this share of the limit on a person is warned: there is time left to start `accord run`. */
const WARN_SHARE = 0.5;

/** Asks a system how far our feed is behind. Null where none is followed, or the system is not to be asked. Never fails: what is wrong is part of the answer. */
export async function readFeed(
  connection: Connection | undefined,
  cursor: string | null,
  options: CallOptions,
): Promise<FeedStatus | null> {
  if (connection === undefined || cursor === null) return null;
  const timeout = AbortSignal.timeout(ANSWER_MS_MAX);
  const late = new Promise<FeedStatus>((resolve) =>
    timeout.addEventListener(
      "abort",
      () => resolve({ kind: "unreachable", code: "ACCORD_UNREACHABLE", reason: `it gave no answer within ${ANSWER_MS_MAX / 1_000} s` }),
      { once: true },
    ),
  );
  return Promise.race([late, ask(connection, cursor, { signal: AbortSignal.any([options.signal, timeout]) })]);
}

async function ask(connection: Connection, cursor: string, options: CallOptions): Promise<FeedStatus | null> {
  try {
    const standing = await connection.standing(cursor, options);
    if (standing === null) return null;
    const { behind, retainedBytes, retainedBytesMax, isKept } = standing;
    return { kind: "standing", behind: behind.amount, unit: behind.unit, retainedBytes, retainedBytesMax, isKept };
  } catch (error) {
    if (!(error instanceof AccordError)) throw error;
    return { kind: "unreachable", code: error.code, reason: error.message };
  }
}

/** How far a feed is behind, in words for a table. */
export function showBehind(feed: FeedStatus): string {
  if (feed.kind === "unreachable") return "unknown";
  if (feed.behind === 0) return "nothing";
  return feed.unit === "bytes" ? `${showBytes(feed.behind)} of log` : `${feed.behind} ${feed.behind === 1 ? "change" : "changes"}`;
}

/** What the system keeps for Accord, with its limit where there is one. */
export function showRetained(feed: FeedStatus): string {
  if (feed.kind === "unreachable" || feed.retainedBytes === null) return "-";
  return `${showBytes(feed.retainedBytes)}${feed.retainedBytesMax === null ? "" : ` of ${showBytes(feed.retainedBytesMax)}`}`;
}

/** What a person has to know or do about a feed; null: nothing. */
export function feedWarning(connection: string, feed: FeedStatus): string | null {
  if (feed.kind === "unreachable") return `${connection} could not be asked how far its feed is behind (${feed.reason})`;
  if (!feed.isKept)
    return `${connection} no longer has the changes after our last visit: the next accord run lists everything there again.`;
  const { retainedBytes, retainedBytesMax } = feed;
  if (retainedBytes === null || retainedBytesMax === null || retainedBytes < retainedBytesMax * WARN_SHARE) return null;
  const size = `${connection} keeps ${showBytes(retainedBytes)} of log on its disk for Accord`;
  return retainedBytes >= retainedBytesMax
    ? `${size}, more than the limit of ${showBytes(retainedBytesMax)}: the next accord run gives the feed up and lists everything. If Accord is not to run again: accord uninstall.`
    : `${size}; at ${showBytes(retainedBytesMax)} the feed is given up. Start accord run, or accord uninstall if it is not to run again.`;
}
