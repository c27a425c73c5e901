import { isDeepStrictEqual } from "node:util";
import type { RecordId, SideIndex } from "@accord/core";
import { AccordError, type CallOptions } from "@accord/engine/connector";
import { sidesChanged } from "@accord/engine/store";
import type {
  ColumnTypes,
  DueKey,
  Lease,
  ProblemRow,
  Pull,
  Shard,
  Store,
  StoredEntity,
  SyncConfiguration,
  SyncRow,
  SyncVersionRow,
} from "@accord/engine/store";
import { arrangeFields, commitChanges, putCursor, putMark } from "./memory-commit.ts";
import {
  countDue,
  countState,
  findMatches,
  listBounds,
  listDue,
  listPlannable,
  listEntities,
  listMembers,
  listReviews,
  loadDue,
  loadMarks,
  readJournal,
  readyShards,
  scanEntities,
  listNaming,
} from "./memory-read.ts";
import { beginAnew, firstContactPart } from "./memory-first-contact.ts";
import { checkLease, leaseHolder, releaseLease, takeLease } from "./memory-leases.ts";
import { dueKey, MemoryState, type StoredSync } from "./memory-state.ts";
import { collectTombstones } from "./memory-tombstones.ts";
import { isWithRecord, MemoryView, SHARDS, shardOf } from "./memory-view.ts";

/**
 * A store in memory: the port's promises without a disk, for the engine's tests and for the simulator. Each call is one step. What it holds outlives the engine that
 * used it, so that a crash is simply a new engine on the same state.
 */
export function memoryStore(state: MemoryState = new MemoryState()): Store {
  const view = new MemoryView(state);
  let fence: Lease | null = null;
  const write: Write = (act) =>
    step(() => {
      if (fence !== null) checkLease(state, fence);
      return act();
    });
  return {
    ...identityPart(state, write),
    fenceBy: (lease) => {
      fence = lease;
    },
    ...syncPart(view, write),
    firstContact: firstContactPart(view, write),
    ...markPart(view, write),
    ...entityPart(view, write),
    ...duePart(view, write),
    ...runPart(state, write),
    ...recordsPart(view, write),
  };
}

/** A step that changes something: under this handle's fence, where it has one. [S54] */
type Write = <T>(act: () => T) => Promise<T>;

/** Every call is a step of its own: it yields once, then acts without a pause. */
async function step<T>(act: () => T): Promise<T> {
  await Promise.resolve();
  return act();
}

async function read<T>(call: CallOptions, act: () => T): Promise<T> {
  if (call.signal.aborted) throw new AccordError("ACCORD_CANCELLED", "The call to the store was cancelled.", { remedy: "stop" });
  return step(act);
}

type Part<Name extends keyof Store> = Pick<Store, Name>;

function identityPart(
  state: MemoryState,
  write: Write,
): Part<
  | "identity"
  | "shardOf"
  | "fallBehind"
  | "acknowledgeRestore"
  | "takeLease"
  | "releaseLease"
  | "leaseHolder"
  | "changeCounter"
  | "close"
  | "makeDurable"
  | "reserveEntities"
> {
  return {
    identity: () => step(() => ({ storeId: state.storeId, generation: state.generation, shards: SHARDS, restored: state.restored })),
    shardOf,
    fallBehind: (seen) =>
      write(() => {
        state.generation = Math.max(state.generation, seen) + 1;
        state.restored = true;
        return state.generation;
      }),
    acknowledgeRestore: () =>
      write(() => {
        state.restored = false;
      }),
    takeLease: (name, holder, expiresAtMs, nowMs) => step(() => takeLease(state, name, holder, expiresAtMs, nowMs)),
    releaseLease: (lease) =>
      step(() => {
        releaseLease(state, lease);
      }),
    leaseHolder: (name, call) => read(call, () => leaseHolder(state, name)),
    reserveEntities: (count) =>
      write(() => {
        const first = state.nextEntity;
        state.nextEntity += count;
        return first;
      }),
    makeDurable: () => write(() => undefined),
    changeCounter: () => state.counter,
    close: () => Promise.resolve(),
  };
}

function syncPart(
  view: MemoryView,
  write: Write,
): Part<"openSync" | "setSyncState" | "listSyncs" | "syncVersions" | "readConnection" | "writeConnection"> {
  const { state } = view;
  return {
    openSync: (name, configuration) => write(() => openSync(view, name, configuration)),
    setSyncState: (sync, syncState, reason) =>
      write(() => {
        const row = state.sync(sync);
        row.state = syncState;
        row.stateReason = reason;
      }),
    listSyncs: (call) => read(call, () => state.syncs.map(({ name }) => rowOf(state, name))),
    syncVersions: (sync, call) => read(call, () => state.sync(sync).versions.toReversed()),
    readConnection: (connection, call) => read(call, () => state.connections.get(connection) ?? null),
    writeConnection: (row) =>
      write(() => {
        state.connections.set(row.connection, row);
      }),
  };
}

function openSync(view: MemoryView, name: string, configuration: SyncConfiguration): SyncRow {
  const { state } = view;
  const known = state.syncs.find((sync) => sync.name === name);
  if (known === undefined) {
    const listings = configuration.sides.map((_, side) => ({ side, state: "none", after: null, completedAtMs: null }) as const);
    state.syncs.push({
      id: state.syncs.length + 1,
      name,
      version: 1,
      configuration,
      state: "new",
      stateReason: null,
      listings: [...listings],
      versions: [versionOf(1, configuration)],
    });
  } else if (
    known.configuration.digest !== configuration.digest ||
    !isDeepStrictEqual(typesOf(known.configuration), typesOf(configuration))
  ) {
    const isLinked = [...state.entities.values()].some((entity) => entity.sync === known.id);
    const changed = sidesChanged(name, known.configuration.sides, configuration.sides);
    if (changed !== null && isLinked) throw changed;
    if (changed !== null) forgetSides(state, known, configuration.sides.length);
    for (let side = known.listings.length; side < configuration.sides.length; side += 1)
      known.listings.push({ side, state: "none", after: null, completedAtMs: null });
    beginAnew(view, known.id);
    arrangeFields(state, known.id, known.configuration, configuration);
    known.version += 1;
    known.configuration = configuration;
    known.versions.push(versionOf(known.version, configuration));
  }
  return rowOf(state, name);
}

/** A memory store has no clock: its versions are told apart by their numbers. */
function versionOf(version: number, configuration: SyncConfiguration): SyncVersionRow {
  const { digest, body, source } = configuration;
  return {
    version,
    digest,
    body,
    source: source ?? null,
    types: typesOf(configuration),
    mappings: configuration.sides.map(({ mappings }) => mappings ?? {}),
    atMs: 0,
  };
}

function typesOf({ sides }: SyncConfiguration): readonly ColumnTypes[] {
  return sides.map(({ types }) => types ?? {});
}

/** Others take the places of the sides of before: nothing that was told of those is left. */
function forgetSides(state: MemoryState, sync: StoredSync, sides: number): void {
  for (const [key, { mark }] of state.marks) if (mark.sync === sync.id) state.marks.delete(key);
  for (const [key, problem] of state.problems) if (problem.sync === sync.id) state.problems.delete(key);
  sync.listings.splice(
    0,
    sync.listings.length,
    ...Array.from({ length: sides }, (_, side) => ({ side, state: "none", after: null, completedAtMs: null }) as const),
  );
}

function rowOf(state: MemoryState, name: string): SyncRow {
  const sync = state.syncs.find((row) => row.name === name);
  if (sync === undefined) throw new RangeError(`no sync ${name}`);
  const { id, version, configuration, stateReason, listings } = sync;
  return { id, name, version, digest: configuration.digest, state: sync.state, stateReason, listings: [...listings] };
}

function markPart(
  view: MemoryView,
  write: Write,
): Part<
  | "commitPull"
  | "countMarks"
  | "readyShards"
  | "loadMarks"
  | "loadRequests"
  | "addRequests"
  | "loadOpenIntents"
  | "hasStrangers"
  | "openCreates"
  | "commit"
> {
  const { state } = view;
  return {
    commitPull: (pull) => write(() => commitPull(view, pull)),
    countMarks: (call) => read(call, () => state.marks.size),
    readyShards: (nowMs, call) => read(call, () => readyShards(view, nowMs)),
    loadMarks: (shard, limit, nowMs, call) => read(call, () => loadMarks(view, shard, limit, nowMs)),
    loadRequests: (shard, limit, nowMs, call) =>
      read(call, () =>
        [...state.requests]
          .filter(([, { entity, notBeforeMs }]) => shardOf(entity) === shard && (notBeforeMs ?? 0) <= nowMs)
          .slice(0, limit)
          .map(([id, request]) => ({ ...request, id, stored: view.entity(request.entity) })),
      ),
    addRequests: (requests) =>
      write(() => {
        for (const request of requests) state.requests.set(state.nextSequence++, request);
        state.counter += 1;
      }),
    loadOpenIntents: (shard, limit, call) =>
      read(call, () =>
        [...state.intents.values()]
          .filter((intent) => shardOf(intent.entity) === shard)
          .toSorted((a, b) => a.openedAtMs - b.openedAtMs)
          .slice(0, limit)
          .map((intent) => ({ ...intent, stored: view.known(intent.entity) })),
      ),
    hasStrangers: (sync, side, nowMs, triesMax, call) =>
      read(call, () =>
        [...state.marks.values()].some(
          ({ mark, attempts }) =>
            mark.sync === sync &&
            mark.side === side &&
            (mark.notBeforeMs <= nowMs || (attempts > 0 && attempts <= triesMax)) &&
            view.markEntity(mark) === null,
        ),
      ),
    openCreates: (sync, side, call) =>
      read(call, () =>
        [...state.intents.values()]
          .filter((one) => one.sync === sync && one.side === side && one.kind === "create")
          .map(({ entity }) => entity),
      ),
    commit: (leases, changes) =>
      write(() => {
        commitChanges(view, leases, changes);
      }),
  };
}

function commitPull(view: MemoryView, { marks, cursor, listing }: Pull): readonly Shard[] {
  const { state } = view;
  for (const mark of marks) putMark(state, mark);
  if (cursor !== null) putCursor(state, cursor);
  if (listing !== null) state.sync(listing.sync).listings[listing.row.side] = listing.row;
  return [...new Set(marks.map((mark) => view.markShard(mark)))].toSorted((a, b) => a - b);
}

function entityPart(
  view: MemoryView,
  write: Write,
): Part<
  | "findMatches"
  | "loadEntities"
  | "loadQuiet"
  | "findLinks"
  | "listNaming"
  | "findRecords"
  | "findWinners"
  | "listMembers"
  | "listBounds"
  | "scanEntities"
  | "listEntities"
  | "listReviews"
  | "collectTombstones"
> {
  const recordOf = (entity: number, side: SideIndex): RecordId | null => {
    const member = view.state.entities.get(entity)?.members[side] ?? null;
    return isWithRecord(member) ? (member?.record ?? null) : null;
  };
  return {
    findMatches: (sync, side, seekers, call) => read(call, () => findMatches(view, sync, side, seekers)),
    loadEntities: (ids, call) => read(call, () => ids.flatMap((id) => view.entity(id) ?? [])),
    loadQuiet: (sync, side, records, call) => read(call, () => records.map((record) => quietEntity(view, sync, side, record))),
    findLinks: (sync, side, records, call) => read(call, () => records.map((record) => view.liveLink(sync, side, record))),
    findWinners: (ids, call) => read(call, () => ids.map((id) => view.state.merged.get(id) ?? null)),
    listNaming: (sync, named, after, limit, call) => read(call, () => listNaming(view, sync, named, after).slice(0, limit)),
    findRecords: (_, side, ids, call) => read(call, () => ids.map((id) => recordOf(id, side))),
    listMembers: (sync, side, after, limit, call) => read(call, () => listMembers(view, sync, side, after, limit)),
    listBounds: (sync, side, every, call) => read(call, () => listBounds(view, sync, side, every)),
    scanEntities: (sync, after, limit, call) => read(call, () => scanEntities(view, sync, after, limit)),
    listEntities: (sync, after, limit, call) => read(call, () => listEntities(view, sync, after, limit)),
    listReviews: (limit, call) => read(call, () => listReviews(view, limit)),
    collectTombstones: (query) => write(() => collectTombstones(view, query)),
  };
}

/** The entity of a linked record for which nothing waits. */
function quietEntity(view: MemoryView, sync: number, side: SideIndex, record: RecordId): StoredEntity | null {
  const id = view.liveLink(sync, side, record);
  if (id === null) return null;
  for (const { mark } of view.state.marks.values()) {
    if (mark.sync === sync && mark.side === side && (mark.record === record || mark.renamedFrom === record)) return null;
  }
  if ([...view.state.due.values()].some((due) => due.sync === sync && due.entity === id && due.state === "held")) return null;
  const entity = view.entity(id);
  return entity?.members.some((member) => member !== null && member.intent !== null) === true ? null : entity;
}

function duePart(
  view: MemoryView,
  write: Write,
): Part<"loadDue" | "listDue" | "listPlannable" | "releaseDue" | "hurry" | "countDue" | "listParked" | "retryParked"> {
  const { state } = view;
  return {
    loadDue: (query, call) => read(call, () => loadDue(view, query)),
    listDue: (listing, call) => read(call, () => listDue(view, listing)),
    listPlannable: (listing, call) => read(call, () => listPlannable(view, listing)),
    countDue: (call) => read(call, () => countDue(view)),
    releaseDue: (sync, only, nowMs) =>
      write(() => {
        const wanted = keySet(only);
        for (const [key, due] of state.due) {
          if (due.sync !== sync || due.state !== "held" || wanted?.has(key) === false) continue;
          state.due.set(key, { ...due, state: "ready", notBeforeMs: nowMs, code: null, reason: null });
        }
      }),
    hurry: (sync, side, nowMs) =>
      write(() => {
        for (const [key, due] of state.due) {
          const waits = due.state === "ready" && due.code === "ACCORD_NOT_SENT" && due.notBeforeMs > nowMs;
          if (waits && due.sync === sync && due.side === side) state.due.set(key, { ...due, notBeforeMs: nowMs });
        }
        for (const [key, stored] of state.marks) {
          const { mark, attempts } = stored;
          const waits = attempts > 0 && mark.notBeforeMs > nowMs && mark.sync === sync && mark.side === side;
          if (waits) state.marks.set(key, { ...stored, mark: { ...mark, notBeforeMs: nowMs } });
        }
      }),
    listParked: (limit, call) =>
      read(call, () =>
        [...state.due.values()]
          .filter((due) => due.state === "parked" || due.state === "waiting")
          .toSorted((a, b) => a.sinceMs - b.sinceMs || a.entity - b.entity)
          .slice(0, limit)
          .map((due) => ({ ...due, record: state.entities.get(due.entity)?.members[due.side]?.record ?? null })),
      ),
    retryParked: (only, nowMs) => write(() => retryParked(view, keySet(only), nowMs)),
  };
}

function keySet(only: readonly DueKey[] | null): ReadonlySet<string> | null {
  return only === null ? null : new Set(only.map(dueKey));
}

/** Those named, waiting ones included; else every parked one. */
function retryParked(view: MemoryView, wanted: ReadonlySet<string> | null, nowMs: number): number {
  let count = 0;
  for (const [key, due] of view.state.due) {
    const isMeant = wanted === null ? due.state === "parked" : wanted.has(key) && (due.state === "parked" || due.state === "waiting");
    if (!isMeant) continue;
    const state = view.isWriting(due.sync) ? "ready" : "held";
    view.state.due.set(key, { ...due, state, notBeforeMs: nowMs, attempts: 0, waitsFor: null, code: null, reason: null });
    count += 1;
  }
  return count;
}

function runPart(
  state: MemoryState,
  write: Write,
): Part<"startRun" | "finishRun" | "listRuns" | "startPlan" | "addOperations" | "finishPlan" | "latestPlan" | "listOperations"> {
  return {
    startRun: (run) =>
      write(() => {
        state.runs.push({ ...run, id: state.runs.length + 1, finishedAtMs: null, outcome: null });
        return state.runs.length;
      }),
    finishRun: (run, atMs, outcome) =>
      write(() => {
        const row = state.runs[run - 1];
        if (row !== undefined) Object.assign(row, { finishedAtMs: atMs, outcome });
      }),
    listRuns: (limit, call) =>
      read(call, () =>
        state.runs
          .map((run) => ({ ...run, writes: state.journal.filter((entry) => entry.run === run.id && entry.kind === "write").length }))
          .toReversed()
          .slice(0, limit),
      ),
    startPlan: (plan) =>
      write(() => {
        state.plans.push({ ...plan, id: state.plans.length + 1, summary: null, operations: [] });
        return state.plans.length;
      }),
    addOperations: (plan, operations) =>
      write(() => {
        state.plans[plan - 1]?.operations.push(...operations);
      }),
    finishPlan: (plan, summary) =>
      write(() => {
        const row = state.plans[plan - 1];
        if (row !== undefined) row.summary = summary;
      }),
    latestPlan: (call) =>
      read(call, () => {
        const plan = state.plans.at(-1);
        return plan === undefined ? null : { id: plan.id, run: plan.run, createdAtMs: plan.createdAtMs, summary: plan.summary };
      }),
    listOperations: (plan, after, limit, call) =>
      read(call, () =>
        (state.plans[plan - 1]?.operations ?? [])
          .map((operation, index) => ({ ...operation, ordinal: index + 1 }))
          .slice(after, after + limit),
      ),
  };
}

function recordsPart(
  view: MemoryView,
  write: Write,
): Part<"listProblems" | "readJournal" | "checkJournal" | "tripGuard" | "listTrips" | "approveTrip" | "guardTally" | "countState"> {
  const { state } = view;
  return {
    listProblems: (limit, call) => read(call, () => problemsByAge(state).slice(0, limit)),
    readJournal: (query, call) => read(call, () => readJournal(view, query)),
    checkJournal: (call) => read(call, () => ({ entries: state.journal.length, brokenAt: null })),
    tripGuard: (trip, pausedBecause) =>
      write(() => {
        state.trips.set(trip.id, trip);
        if (pausedBecause === null) return;
        const row = state.sync(trip.sync);
        row.state = "paused";
        row.stateReason = pausedBecause;
      }),
    listTrips: (call) => read(call, () => [...state.trips.values()].toSorted((a, b) => a.trippedAtMs - b.trippedAtMs)),
    approveTrip: (id, atMs) =>
      write(() => {
        const trip = state.trips.get(id);
        if (trip === undefined || trip.approvedAtMs !== null) return false;
        state.trips.set(id, { ...trip, approvedAtMs: atMs });
        for (const [key, request] of state.requests) state.requests.set(key, { ...request, notBeforeMs: 0 });
        return true;
      }),
    guardTally: (sync, side, call) => read(call, () => state.tallies.get(`${sync}/${side}`) ?? null),
    countState: (call) => read(call, () => countState(view)),
  };
}

function problemsByAge(state: MemoryState): readonly ProblemRow[] {
  return [...state.problems.values()].toSorted((a, b) => a.atMs - b.atMs || a.sync - b.sync || a.side - b.side);
}
