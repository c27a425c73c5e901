import type { EntityId, SideIndex } from "@accord/core";
import { AccordError } from "@accord/engine/connector";
import type {
  Changes,
  Due,
  DueListing,
  DueQuery,
  Intent,
  JournalEntry,
  JournalQuery,
  JournalRow,
  Lease,
  LoadedDue,
  LoadedIntent,
  LoadedMark,
  LoadedRequest,
  Pull,
  Seeker,
  Shard,
  Store,
  StoredEntity,
  SyncConfiguration,
  SyncId,
  SyncRow,
} from "@accord/engine/store";
import { foldMark } from "./fold-mark.ts";
import { dueKey, MemoryState, recordKey } from "./memory-state.ts";

const SHARDS = 4;

/**
 * A store in memory: the port's promises without a disk, for the engine's tests and for the simulator. Each call is one step. What it holds outlives the engine that
 * used it, so that a crash is simply a new engine on the same state.
 */
export function memoryStore(state: MemoryState = new MemoryState()): Store {
  const shardOf = (entity: EntityId): Shard => entity % SHARDS;
  const linkOf = (sync: SyncId, side: number, record: string): StoredEntity | null => {
    const id = state.links.get(recordKey(sync, side, record));
    return id === undefined ? null : (state.entities.get(id) ?? null);
  };
  const markEntity = ({ sync, side, record, renamedFrom }: LoadedMark | Pull["marks"][number]): StoredEntity | null =>
    (renamedFrom === null ? null : linkOf(sync, side, renamedFrom)) ?? linkOf(sync, side, record);
  const entityOf = (id: EntityId): StoredEntity => {
    const entity = state.entities.get(id);
    if (entity === undefined) throw new RangeError(`no entity ${id}`);
    return entity;
  };
  const hasIntent = (entity: StoredEntity | null | undefined, side: SideIndex): boolean => entity?.members[side]?.intent != null;
  const markShard = (mark: Pull["marks"][number]): Shard => {
    const entity = markEntity(mark);
    return entity === null ? 0 : shardOf(entity.id);
  };
  const isReadyDue = (due: Due, nowMs: number): boolean =>
    due.state === "ready" && due.notBeforeMs <= nowMs && !hasIntent(state.entities.get(due.entity), due.side);

  function putMark(mark: Pull["marks"][number]): void {
    if (mark.renamedFrom !== null) moveMark(mark.sync, mark.side, mark.renamedFrom, mark.record);
    const key = recordKey(mark.sync, mark.side, mark.record);
    const older = state.marks.get(key);
    const folded = foldMark(older?.mark, mark);
    const notBeforeMs = older === undefined ? mark.notBeforeMs : Math.max(older.attempts > 0 ? older.mark.notBeforeMs : 0, mark.notBeforeMs);
    state.marks.delete(key);
    state.marks.set(key, { mark: { ...folded, notBeforeMs }, sequence: state.nextSequence++, attempts: older?.attempts ?? 0 });
  }

  function moveMark(sync: SyncId, side: number, from: string, to: string): void {
    const older = state.marks.get(recordKey(sync, side, from));
    if (older === undefined) return;
    state.marks.delete(recordKey(sync, side, from));
    const key = recordKey(sync, side, to);
    state.marks.set(key, { ...older, mark: { ...older.mark, record: to, renamedFrom: older.mark.renamedFrom ?? from } });
  }

  function checkLease(lease: Lease): void {
    const current = state.leases.get(lease.name);
    if (current === undefined || current.holder !== lease.holder || current.epoch !== lease.epoch) {
      throw new AccordError("ACCORD_LEASE_LOST", "Another process has taken over this work.", { remedy: "stop" });
    }
  }

  function putEntity(entity: StoredEntity, keys: readonly (string | null)[] | null): void {
    const old = state.entities.get(entity.id);
    for (const [side, member] of (old?.members ?? []).entries()) {
      if (member?.record != null) state.links.delete(recordKey(entity.sync, side, member.record));
    }
    for (const [side, member] of entity.members.entries()) {
      if (member?.record == null) continue;
      const key = recordKey(entity.sync, side, member.record);
      const holder = state.links.get(key);
      if (holder !== undefined && holder !== entity.id) throw new RangeError(`[S34] record ${key} is linked to ${holder} already`);
      state.links.set(key, entity.id);
    }
    state.entities.set(entity.id, entity);
    if (keys !== null) state.keys.set(entity.id, keys);
  }

  function commit(changes: Changes): void {
    for (const { entity, keys } of changes.entities) putEntity(entity, keys);
    for (const sequence of changes.consumed) {
      for (const [key, mark] of state.marks) if (mark.sequence === sequence) state.marks.delete(key);
    }
    for (const { sequence, notBeforeMs } of changes.deferred) {
      for (const [key, mark] of state.marks) {
        if (mark.sequence === sequence) state.marks.set(key, { ...mark, attempts: mark.attempts + 1, mark: { ...mark.mark, notBeforeMs } });
      }
    }
    for (const mark of changes.marks) putMark(mark);
    for (const id of changes.requestsDone) state.requests.delete(id);
    for (const key of changes.dueDone) state.due.delete(dueKey(key));
    for (const { keepAge, ...due } of changes.due) {
      const old = state.due.get(dueKey(due));
      state.due.set(dueKey(due), keepAge && old !== undefined ? keptAge(old, due) : due);
    }
    for (const id of changes.intentsClosed) state.intents.delete(id);
    for (const intent of changes.intentsOpened) openIntent(intent);
    state.journal.push(...changes.journal);
    for (const problem of changes.problems) state.problems.set(`${recordKey(problem.sync, problem.side, problem.record)}/${problem.kind}`, problem);
    for (const over of changes.problemsOver) {
      for (const key of state.problems.keys()) if (key.startsWith(`${recordKey(over.sync, over.side, over.record)}/`)) state.problems.delete(key);
    }
    for (const { sync, entity } of changes.arrived) wakeChildren(sync, entity);
  }

  function openIntent(intent: Intent): void {
    state.intents.set(intent.id, intent);
    const entity = entityOf(intent.entity);
    const members = entity.members.map((member, side) => (side === intent.side && member !== null ? { ...member, intent: intent.id } : member));
    state.entities.set(entity.id, { ...entity, members });
  }

  function wakeChildren(_sync: SyncId, entity: EntityId): void {
    for (const [key, due] of state.due) {
      if (due.state !== "waiting" || due.waitsFor !== entity) continue;
      state.due.set(key, { ...due, state: isWriting(due.sync) ? "ready" : "held", waitsFor: null, reason: null });
    }
  }

  function isWriting(sync: SyncId): boolean {
    const syncState = state.sync(sync).state;
    return syncState === "live" || syncState === "paused";
  }

  function openSync(name: string, configuration: SyncConfiguration): SyncRow {
    const known = state.syncs.find((sync) => sync.name === name);
    if (known === undefined) {
      const listings = configuration.sides.map((_, side) => ({ side, state: "none", after: null, completedAtMs: null }) as const);
      state.syncs.push({ id: state.syncs.length + 1, name, version: 1, configuration, state: "new", stateReason: null, listings: [...listings] });
    } else if (known.configuration.digest !== configuration.digest) {
      known.version += 1;
      known.configuration = configuration;
    }
    return rowOf(name);
  }

  function rowOf(name: string): SyncRow {
    const sync = state.syncs.find((row) => row.name === name);
    if (sync === undefined) throw new RangeError(`no sync ${name}`);
    return {
      id: sync.id,
      name,
      version: sync.version,
      digest: sync.configuration.digest,
      state: sync.state,
      stateReason: sync.stateReason,
      listings: [...sync.listings],
    };
  }

  const loadDueRows = (rows: Iterable<Due>, limit: number): LoadedDue[] => [...rows].slice(0, limit).map((due) => ({ ...due, stored: entityOf(due.entity) }));

  const journalRow = (entry: JournalEntry, sequence: number): JournalRow => ({ ...entry, sequence, payloadErased: false });

  // Every call is a step of its own: it yields once, then acts without a pause.
  const step = async <T>(act: () => T): Promise<T> => {
    await Promise.resolve();
    return act();
  };

  return {
    identity: () => step(() => ({ storeId: state.storeId, generation: state.generation, shards: SHARDS, restored: state.restored })),
    shardOf,
    acknowledgeRestore: () =>
      step(() => {
        state.restored = false;
      }),
    takeLease: (name, holder, expiresAtMs, nowMs) =>
      step(() => {
        const current = state.leases.get(name);
        if (current !== undefined && current.holder !== holder && current.expiresAtMs > nowMs) return null;
        const epoch = current?.holder === holder ? current.epoch : (state.leaseEpochs.get(name) ?? 0) + 1;
        const lease: Lease = { name, holder, epoch, expiresAtMs };
        state.leaseEpochs.set(name, epoch);
        state.leases.set(name, lease);
        return lease;
      }),
    releaseLease: (lease) =>
      step(() => {
        const current = state.leases.get(lease.name);
        if (current?.holder === lease.holder && current.epoch === lease.epoch) state.leases.delete(lease.name);
      }),
    leaseHolder: (name) =>
      step(() => {
        const lease = state.leases.get(name);
        return lease === undefined ? null : { holder: lease.holder, expiresAtMs: lease.expiresAtMs };
      }),
    openSync: (name, configuration) => step(() => openSync(name, configuration)),
    setSyncState: (sync, syncState, reason) =>
      step(() => {
        const row = state.sync(sync);
        row.state = syncState;
        row.stateReason = reason;
      }),
    listSyncs: () => step(() => state.syncs.map(({ name }) => rowOf(name))),
    readConnection: (connection) => step(() => state.connections.get(connection) ?? null),
    writeConnection: (row) =>
      step(() => {
        state.connections.set(row.connection, row);
      }),
    commitPull: ({ marks, cursor, listing }) =>
      step(() => {
        for (const mark of marks) putMark(mark);
        if (cursor !== null) {
          const row = state.connections.get(cursor.connection);
          state.connections.set(cursor.connection, { connection: cursor.connection, epoch: null, state: "active", reason: null, ...row, cursor: cursor.cursor });
        }
        if (listing !== null) state.sync(listing.sync).listings[listing.row.side] = listing.row;
        return [...new Set(marks.map(markShard))];
      }),
    makeDurable: () => step(() => undefined),
    countMarks: () => step(() => state.marks.size),
    readyShards: (nowMs) =>
      step(() => {
        const shards = new Set<Shard>();
        let nextAtMs: number | null = null;
        const wait = (atMs: number): void => {
          nextAtMs = nextAtMs === null ? atMs : Math.min(nextAtMs, atMs);
        };
        for (const { mark } of state.marks.values()) {
          const entity = markEntity(mark);
          if (hasIntent(entity, mark.side)) continue;
          if (mark.notBeforeMs <= nowMs) shards.add(markShard(mark));
          else wait(mark.notBeforeMs);
        }
        for (const request of state.requests.values()) shards.add(shardOf(request.entity));
        for (const due of state.due.values()) {
          if (isReadyDue(due, nowMs)) shards.add(shardOf(due.entity));
          else if (due.state === "ready" && !hasIntent(state.entities.get(due.entity), due.side)) wait(due.notBeforeMs);
        }
        for (const intent of state.intents.values()) {
          if (intent.deadlineMs <= nowMs) shards.add(shardOf(intent.entity));
          else wait(intent.deadlineMs);
        }
        return { shards: [...shards].toSorted((a, b) => a - b), nextAtMs };
      }),
    loadMarks: (shard, limit, nowMs) =>
      step(() => {
        const loaded: LoadedMark[] = [];
        for (const { mark, sequence, attempts } of state.marks.values()) {
          const entity = markEntity(mark);
          if (markShard(mark) !== shard || mark.notBeforeMs > nowMs || hasIntent(entity, mark.side)) continue;
          loaded.push({ ...mark, sequence, attempts, entity });
        }
        return loaded.toSorted((a, b) => a.sequence - b.sequence).slice(0, limit);
      }),
    loadRequests: (shard, limit) =>
      step(() =>
        [...state.requests]
          .filter(([, request]) => shardOf(request.entity) === shard)
          .slice(0, limit)
          .map(([id, request]): LoadedRequest => ({ ...request, id, stored: state.entities.get(request.entity) ?? null })),
      ),
    addRequests: (requests) =>
      step(() => {
        for (const request of requests) state.requests.set(state.nextSequence++, request);
        state.counter += 1;
      }),
    findMatches: (sync, side, seekers: readonly Seeker[]) =>
      step(() =>
        seekers.map(({ record, keys }) =>
          keys.map((key, rule) => {
            if (key === null) return { entities: [], rivals: 0 };
            const entities: EntityId[] = [];
            for (const [id, theirs] of state.keys) {
              const entity = state.entities.get(id);
              if (theirs[rule] !== key || entity?.sync !== sync || entity.life.kind !== "live") continue;
              const member = entity.members[side];
              const isTaken = member != null && member.state !== "absent" && member.state !== "deleted" && member.state !== "lost";
              if (!isTaken && entities.length < 3) entities.push(id);
            }
            let rivals = 0;
            for (const { mark } of state.marks.values()) {
              if (mark.sync === sync && mark.side === side && mark.record !== record && mark.keys?.[rule] === key && markEntity(mark) === null) rivals += 1;
            }
            return { entities, rivals };
          }),
        ),
      ),
    loadEntities: (ids) => step(() => ids.flatMap((id) => state.entities.get(id) ?? [])),
    findLinks: (sync, side, records) => step(() => records.map((record) => linkOf(sync, side, record)?.id ?? null)),
    findRecords: (_sync, side, ids) =>
      step(() =>
        ids.map((id) => {
          const member = state.entities.get(id)?.members[side];
          return member != null && member.state === "live" ? member.record : null;
        }),
      ),
    loadDue: ({ shard, sync, side, limit, nowMs }: DueQuery) =>
      step(() =>
        loadDueRows(
          [...state.due.values()].filter((due) => due.sync === sync && due.side === side && shardOf(due.entity) === shard && isReadyDue(due, nowMs)),
          limit,
        ),
      ),
    listDue: ({ sync, side, states, after, limit }: DueListing) =>
      step(() =>
        loadDueRows(
          [...state.due.values()]
            .filter((due) => due.sync === sync && due.side === side && states.includes(due.state) && due.entity > (after ?? 0))
            .toSorted((a, b) => a.entity - b.entity),
          limit,
        ),
      ),
    loadOpenIntents: (shard, limit) =>
      step(() =>
        [...state.intents.values()]
          .filter((intent) => shardOf(intent.entity) === shard)
          .slice(0, limit)
          .map((intent): LoadedIntent => ({ ...intent, stored: entityOf(intent.entity) })),
      ),
    openCreates: (sync, side) =>
      step(() => [...state.intents.values()].filter((intent) => intent.sync === sync && intent.side === side && intent.kind === "create").map(({ entity }) => entity)),
    reserveEntities: (count) =>
      step(() => {
        const first = state.nextEntity;
        state.nextEntity += count;
        return first;
      }),
    commit: (lease, changes) =>
      step(() => {
        checkLease(lease);
        commit(changes);
      }),
    listMembers: (sync, side, after, limit) =>
      step(() => {
        const order = state.sync(sync).configuration.sides[side]?.keyOrder ?? "bytes";
        const members = [...state.entities.values()].flatMap((entity) => {
          const member = entity.members[side];
          if (entity.sync !== sync || member?.record == null) return [];
          return [{ record: member.record, entity: entity.id, state: member.state, image: member.image, hasIntent: member.intent !== null }];
        });
        return members
          .toSorted((a, b) => compare(order, a.record, b.record))
          .filter(({ record }) => after === null || compare(order, record, after) > 0)
          .slice(0, limit);
      }),
    listEntities: (sync, after, limit) =>
      step(() =>
        [...state.entities.values()]
          .filter((entity) => entity.sync === sync && entity.id > (after ?? 0))
          .toSorted((a, b) => a.id - b.id)
          .slice(0, limit),
      ),
    startRun: (run) =>
      step(() => {
        state.runs.push({ ...run, id: state.runs.length + 1, finishedAtMs: null, outcome: null });
        return state.runs.length;
      }),
    finishRun: (run, atMs, outcome) =>
      step(() => {
        const row = state.runs[run - 1];
        if (row !== undefined) Object.assign(row, { finishedAtMs: atMs, outcome });
      }),
    listRuns: (limit) =>
      step(() =>
        state.runs
          .map((run) => ({ ...run, writes: state.journal.filter((entry) => entry.run === run.id && entry.kind === "write").length }))
          .toReversed()
          .slice(0, limit),
      ),
    startPlan: (plan) =>
      step(() => {
        state.plans.push({ ...plan, id: state.plans.length + 1, summary: null, operations: [] });
        return state.plans.length;
      }),
    addOperations: (plan, operations) =>
      step(() => {
        state.plans[plan - 1]?.operations.push(...operations);
      }),
    finishPlan: (plan, summary) =>
      step(() => {
        const row = state.plans[plan - 1];
        if (row !== undefined) row.summary = summary;
      }),
    latestPlan: () =>
      step(() => {
        const plan = state.plans.at(-1);
        return plan === undefined ? null : { id: plan.id, run: plan.run, createdAtMs: plan.createdAtMs, summary: plan.summary };
      }),
    listOperations: (plan, after, limit) =>
      step(() => (state.plans[plan - 1]?.operations ?? []).map((operation, index) => ({ ...operation, ordinal: index + 1 })).slice(after, after + limit)),
    releaseDue: (sync, only, nowMs) =>
      step(() => {
        const wanted = only === null ? null : new Set(only.map(dueKey));
        for (const [key, due] of state.due) {
          if (due.sync !== sync || due.state !== "held" || (wanted !== null && !wanted.has(key))) continue;
          state.due.set(key, { ...due, state: "ready", notBeforeMs: nowMs, code: null, reason: null });
        }
      }),
    countDue: () =>
      step(() => {
        const counts = new Map<string, { sync: SyncId; side: SideIndex; state: Due["state"]; count: number; oldestSinceMs: number }>();
        for (const due of state.due.values()) {
          const key = `${due.sync}/${due.side}/${due.state}`;
          const row = counts.get(key) ?? { sync: due.sync, side: due.side, state: due.state, count: 0, oldestSinceMs: due.sinceMs };
          counts.set(key, { ...row, count: row.count + 1, oldestSinceMs: Math.min(row.oldestSinceMs, due.sinceMs) });
        }
        return [...counts.values()];
      }),
    listParked: (limit) =>
      step(() =>
        [...state.due.values()]
          .filter((due) => due.state === "parked" || due.state === "waiting")
          .toSorted((a, b) => a.sinceMs - b.sinceMs)
          .slice(0, limit)
          .map((due) => ({ ...due, record: state.entities.get(due.entity)?.members[due.side]?.record ?? null })),
      ),
    retryParked: (only, nowMs) =>
      step(() => {
        const wanted = only === null ? null : new Set(only.map(dueKey));
        let count = 0;
        for (const [key, due] of state.due) {
          if (due.state !== "parked" || (wanted !== null && !wanted.has(key))) continue;
          const next = isWriting(due.sync) ? "ready" : "held";
          state.due.set(key, { ...due, state: next, notBeforeMs: nowMs, attempts: 0, code: null, reason: null });
          count += 1;
        }
        return count;
      }),
    listProblems: (limit) => step(() => [...state.problems.values()].slice(0, limit)),
    listReviews: (limit) =>
      step(() =>
        [...state.entities.values()]
          .filter((entity) => entity.review !== null || entity.fields.some((field) => field.review !== null))
          .slice(0, limit)
          .map((entity) => ({ sync: entity.sync, entity: entity.id })),
      ),
    readJournal: (query: JournalQuery) =>
      step(() =>
        state.journal
          .map((entry, index) => journalRow(entry, index + 1))
          .filter((row) => matchesQuery(row, query))
          .toReversed()
          .slice(0, query.limit),
      ),
    checkJournal: () => step(() => ({ entries: state.journal.length, brokenAt: null })),
    tripGuard: (trip) =>
      step(() => {
        state.trips.set(trip.id, trip);
      }),
    listTrips: () => step(() => [...state.trips.values()]),
    approveTrip: (id, atMs) =>
      step(() => {
        const trip = state.trips.get(id);
        if (trip === undefined) return false;
        state.trips.set(id, { ...trip, approvedAtMs: atMs });
        return true;
      }),
    countState: () =>
      step(() => ({
        syncs: state.syncs.map((sync) => {
          const entities = [...state.entities.values()].filter((entity) => entity.sync === sync.id);
          return {
            sync: sync.id,
            entities: entities.filter((entity) => entity.life.kind === "live").length,
            members: sync.configuration.sides.map((_, side) => entities.filter((entity) => entity.members[side]?.state === "live").length),
            marks: [...state.marks.values()].filter(({ mark }) => mark.sync === sync.id).length,
            reviews: entities.filter((entity) => entity.review !== null || entity.fields.some((field) => field.review !== null)).length,
            problems: [...state.problems.values()].filter((problem) => problem.sync === sync.id).length,
          };
        }),
        bytes: 0,
        journalEntries: state.journal.length,
      })),
    changeCounter: () => state.counter,
    close: () => Promise.resolve(),
  };
}

function keptAge(old: Due, due: Due): Due {
  const isWaiting = old.state === "ready" && due.state === "ready";
  return { ...due, sinceMs: old.sinceMs, attempts: old.attempts, notBeforeMs: isWaiting ? Math.min(old.notBeforeMs, due.notBeforeMs) : due.notBeforeMs };
}

function matchesQuery(row: JournalRow, query: JournalQuery): boolean {
  return (
    (query.sync === undefined || row.sync === query.sync) &&
    (query.entity === undefined || row.entity === query.entity) &&
    (query.run === undefined || row.run === query.run) &&
    (query.kinds === undefined || query.kinds.includes(row.kind)) &&
    (query.fromMs === undefined || row.atMs >= query.fromMs) &&
    (query.toMs === undefined || row.atMs <= query.toMs) &&
    (query.before === undefined || row.sequence < query.before)
  );
}

function compare(order: "integer" | "bytes", a: string, b: string): number {
  if (order === "integer") return Number(BigInt(a) - BigInt(b));
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
