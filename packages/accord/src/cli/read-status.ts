import type { CallOptions, Connection } from "@accord/engine/connector";
import type { ConnectionRow, DueCount, DueState, ListingRow, StateCounts } from "@accord/engine/store";
import { readFeed } from "./feed-status.ts";
import type { StoreSession } from "./session.ts";
import type { StatusJson, SyncStatus } from "./status-json.ts";

const STATES: readonly DueState[] = ["ready", "held", "waiting", "parked"];

/** Reads everything that `status` shows: from the store, and of feeds from the systems in `connections`, which may be none. */
export async function readStatus(
  { project, store, host, identity }: StoreSession,
  connections: ReadonlyMap<string, Connection>,
  options: CallOptions,
): Promise<StatusJson> {
  const nowMs = host.clock.nowMs();
  const [counts, due, rows, trips, holder] = [
    await store.countState(options),
    await store.countDue(options),
    await store.listSyncs(options),
    await store.listTrips(options),
    await store.leaseHolder("engine", options),
  ];
  const { lastNoticed } = await import("@accord/engine");
  const paused = new Map<number, SyncStatus["paused"]>();
  for (const { id } of rows) paused.set(id, (await lastNoticed(store, id, options))?.paused ?? []);
  const syncs = project.syncs.map((sync): SyncStatus => {
    const row = rows.find(({ name }) => name === sync.name);
    const sides = sync.sides.map(({ name }) => name);
    if (row === undefined) return neverPlanned(sync.name, sides);
    const own = due.filter((count) => count.sync === row.id);
    return {
      sync: sync.name,
      state: row.state,
      reason: row.stateReason,
      ...figures(counts, row.id, sides),
      due: dueByState(own),
      oldestMs: oldest(own, nowMs),
      paused: paused.get(row.id) ?? [],
      sweptAt: Object.fromEntries(sides.map((side, index) => [side, sweptAt(row.listings, index)])),
    };
  });
  const rowsByConnection = new Map<string, ConnectionRow | null>();
  for (const { name } of project.connections) rowsByConnection.set(name, await store.readConnection(name, options));
  const standing = await Promise.all(
    project.connections.map(async ({ name: connection }): Promise<StatusJson["connections"][number]> => {
      const row = rowsByConnection.get(connection) ?? null;
      const feed = await readFeed(connections.get(connection), row?.cursor ?? null, options);
      return { connection, state: row?.state ?? "active", reason: row?.reason ?? null, cursor: row?.cursor ?? null, feed };
    }),
  );
  return {
    store: {
      path: project.storePath,
      bytes: counts.bytes,
      journalEntries: counts.journalEntries,
      generation: identity.generation,
      restored: identity.restored,
    },
    runningAs: holder !== null && holder.expiresAtMs > nowMs ? holder.holder : null,
    syncs,
    connections: standing,
    guards: trips
      .filter(({ approvedAtMs }) => approvedAtMs === null)
      .map(({ id, reason, trippedAtMs }) => ({ id, reason, trippedAt: new Date(trippedAtMs).toISOString() })),
  };
}

function neverPlanned(sync: string, sides: readonly string[]): SyncStatus {
  const none = { entities: 0, records: {}, toMerge: 0, reviews: 0, problems: 0, oldestMs: null, paused: [] };
  return {
    sync,
    state: "unknown",
    reason: null,
    ...none,
    due: dueByState([]),
    sweptAt: Object.fromEntries(sides.map((side) => [side, null])),
  };
}

function figures(
  counts: StateCounts,
  sync: number,
  sides: readonly string[],
): Pick<SyncStatus, "entities" | "records" | "toMerge" | "reviews" | "problems"> {
  const row = counts.syncs.find((candidate) => candidate.sync === sync);
  return {
    entities: row?.entities ?? 0,
    records: Object.fromEntries(sides.map((side, index) => [side, row?.members[index] ?? 0])),
    toMerge: row?.marks ?? 0,
    reviews: row?.reviews ?? 0,
    problems: row?.problems ?? 0,
  };
}

function dueByState(due: readonly DueCount[]): Readonly<Record<DueState, number>> {
  const sum = (state: DueState): number => due.filter((row) => row.state === state).reduce((total, { count }) => total + count, 0);
  const [ready = 0, held = 0, waiting = 0, parked = 0] = STATES.map(sum);
  return { ready, held, waiting, parked };
}

function oldest(due: readonly DueCount[], nowMs: number): number | null {
  const ready = due.filter(({ state, count }) => state === "ready" && count > 0);
  return ready.length === 0 ? null : Math.max(0, nowMs - Math.min(...ready.map(({ oldestSinceMs }) => oldestSinceMs)));
}

function sweptAt(listings: readonly ListingRow[], side: number): string | null {
  const atMs = listings.find((listing) => listing.side === side)?.completedAtMs ?? null;
  return atMs === null ? null : new Date(atMs).toISOString();
}
