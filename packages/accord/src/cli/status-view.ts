import { feedWarning, showBehind, showRetained } from "./feed-status.ts";
import { showBytes, showDuration } from "./output.ts";
import type { Output } from "./output.ts";
import type { StatusJson, SyncStatus } from "./status-json.ts";

const STATES: Readonly<Record<SyncStatus["state"], string>> = {
  unknown: "never planned: accord plan",
  new: "never planned: accord plan",
  planned: "planned, nothing flows: accord apply",
  live: "live",
  paused: "paused",
};

/** Says how everything stands, worst last, so that it is what the eye meets. */
export function printStatus(output: Output, { store, runningAs, syncs, connections, guards }: StatusJson): void {
  output.line(runningAs === null ? "Nobody acts on this store now (accord run does)." : `Running: ${runningAs}`);
  output.line(
    `Store ${store.path}: ${showBytes(store.bytes)}, ${store.journalEntries} journal entries${store.generation === 0 ? "" : `, generation ${store.generation}`}`,
  );
  if (store.restored) output.line(output.paint.warn("Restored from a backup: nothing is written before a plan is applied."));
  output.line();
  output.table(
    ["sync", "state", "entities", "records", "to merge", "to write", "oldest", "held", "waiting", "parked", "conflicts", "problems"],
    syncs.map((sync) => [
      sync.sync,
      sync.state,
      String(sync.entities),
      Object.entries(sync.records)
        .map(([side, figure]) => `${side} ${figure}`)
        .join(", "),
      String(sync.toMerge),
      String(sync.due.ready),
      sync.oldestMs === null ? "-" : showDuration(sync.oldestMs),
      String(sync.due.held),
      String(sync.due.waiting),
      String(sync.due.parked),
      String(sync.reviews),
      String(sync.problems),
    ]),
  );
  for (const { sync, state, reason } of syncs)
    if (state !== "live") output.line(`${sync}: ${STATES[state]}${reason === null ? "" : ` (${reason})`}`);
  for (const { sync, paused } of syncs)
    for (const { side, field, reason } of paused)
      output.line(output.paint.warn(`${sync}.${field} is paused at ${side}: ${reason}. What to do: accord check`));
  const feeds = connections.flatMap(({ connection, feed }) => (feed === null ? [] : [{ connection, feed }]));
  if (feeds.length > 0) {
    output.line();
    output.table(
      ["feed", "behind", "kept for us"],
      feeds.map(({ connection, feed }) => [connection, showBehind(feed), showRetained(feed)]),
    );
  }
  for (const { connection, feed } of feeds) {
    const warning = feedWarning(connection, feed);
    if (warning !== null) output.line(output.paint.warn(warning));
  }
  for (const { connection, state, reason } of connections)
    if (state === "paused") output.line(output.paint.bad(`${connection} is paused: ${reason ?? "by a person"}`));
  for (const { id, reason } of guards) output.line(output.paint.warn(`A guard waits: ${reason}. If that is right: accord approve ${id}`));
}
