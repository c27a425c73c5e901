import type { CallOptions, Clock, Log, Random } from "@accord/engine/connector";
import type { Shard, Store } from "@accord/engine/store";
import { backupStore } from "./backup.ts";
import { createCatalogue, listSyncs, openSync, setSyncState, writeListing, type Catalogue } from "./catalogue.ts";
import { commitChanges } from "./commit.ts";
import { readConnection, writeConnection, writeCursor } from "./connections.ts";
import { countState } from "./counts.ts";
import { countDue, hasReadyDue, listDue, listParked, loadDue, nextDueAtMs, releaseDue, retryParked } from "./due.ts";
import { createEntityReader } from "./entity-read.ts";
import { hasOverdueIntent, loadOpenIntents, nextDeadlineMs, openCreates } from "./intents.ts";
import { checkJournal, readJournal } from "./journal.ts";
import { leaseHolder, releaseLease, takeLease } from "./leases.ts";
import { findLinks, findRecords, listMembers } from "./links.ts";
import { addMarks, countMarks, hasReadyMark, loadMarks, nextMarkAtMs } from "./marks.ts";
import { createMatchHash } from "./match-hash.ts";
import { findMatches } from "./match-keys.ts";
import { readIdentity, takeEntities, writeMeta } from "./meta.ts";
import { createOpenIntents } from "./open-intents.ts";
import { openStoreFile } from "./open.ts";
import { addOperations, finishPlan, latestPlan, listOperations, startPlan } from "./plans.ts";
import { approveTrip, listProblems, listReviews, listTrips, tripGuard } from "./problems.ts";
import { addRequests, hasRequest, loadRequests } from "./requests.ts";
import { finishRun, listRuns, startRun } from "./runs.ts";
import type { Session } from "./session.ts";
import { createShardOf } from "./shards.ts";
import { createTally, type Tally } from "./tally.ts";

export interface SqliteStoreOptions {
  /** The one file of the store, made where there is none. Its folder must exist. */
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** `full` (default): a commit is on disk before it returns. `normal`: a power cut may take the last commits with it, whole ones. */
  readonly durability?: "full" | "normal";
  /** The file's size limit in pages of 4 KiB; beyond it commits fail with ACCORD_STORE_FULL. */
  readonly maxPages?: number;
}

export interface SqliteStore extends Store {
  /** Copies the store into a new file while it is in use. */
  backup(path: string): Promise<void>;
}

/** Opens the embedded store. @throws ACCORD_STORE_NEWER, ACCORD_STORE_BROKEN, ACCORD_STORE_FULL, ACCORD_STORE_UNREACHABLE */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const hash = await createMatchHash();
  const session = openStoreFile(options.path, options.random, {
    durability: options.durability ?? "full",
    maxPages: options.maxPages ?? null,
  });
  const { shards, generation } = readIdentity(session);
  const catalogue = createCatalogue(session);
  const tally = createTally(session);
  const shardOf = createShardOf(shards);
  const intents = createOpenIntents(session, shardOf);
  const { read, write, writeSoon } = createSteps(session, catalogue, tally);
  const reader = createEntityReader(session, catalogue, intents);
  const context = { session, catalogue, hash, random: options.random, tally, intents, shardOf };
  options.log.debug("store.opened", { generation, shards });

  return {
    // The port is asynchronous; every method here does its work on the spot, in one transaction.
    identity: async () => readIdentity(session),
    shardOf,
    acknowledgeRestore: async () => write(() => writeMeta(session, "restored", 0)),

    takeLease: async (name, holder, expiresAtMs, nowMs) => writeSoon(() => takeLease(session, name, holder, expiresAtMs, nowMs)),
    releaseLease: async (lease) => writeSoon(() => releaseLease(session, lease)),
    leaseHolder: async (name, call) => read(call, () => leaseHolder(session, name)),

    openSync: async (name, configuration) => {
      const row = write(() => openSync(session, options.clock, name, configuration));
      catalogue.forget();
      return row;
    },
    setSyncState: async (sync, state, reason) => write(() => setSyncState(session, sync, state, reason)),
    listSyncs: async (call) => read(call, () => listSyncs(session)),
    readConnection: async (connection, call) => read(call, () => readConnection(session, connection)),
    writeConnection: async (connection) => write(() => writeConnection(session, connection)),

    // Marks and their cursor are lost together, and a lost merge is merged again: only what a system is told rests on the disk. [S6, S29]
    commitPull: async ({ marks, cursor, listing }) =>
      writeSoon(() => {
        const touched = addMarks(context, marks);
        if (cursor !== null) writeCursor(session, cursor.connection, cursor.cursor);
        if (listing !== null) writeListing(session, catalogue.side(listing.sync, listing.row.side), listing.row);
        return touched;
      }),
    countMarks: async (call) => read(call, () => countMarks(session)),
    readyShards: async (nowMs, call) => read(call, () => readyShards(session, shards, nowMs)),
    loadMarks: async (shard, limit, nowMs, call) => read(call, () => loadMarks(session, catalogue, reader, intents, shard, limit, nowMs)),
    loadRequests: async (shard, limit, call) => read(call, () => loadRequests(session, reader, shard, limit)),
    addRequests: async (requests) => write(() => addRequests(session, shardOf, requests)),

    findMatches: async (sync, side, seekers, call) => read(call, () => findMatches(session, catalogue, hash, sync, side, seekers)),
    loadEntities: async (entities, call) => read(call, () => reader.load(entities)),
    findLinks: async (sync, side, records, call) => read(call, () => findLinks(session, catalogue, sync, side, records)),
    findRecords: async (sync, side, entities, call) => read(call, () => findRecords(session, catalogue, sync, side, entities)),

    loadDue: async (query, call) => read(call, () => loadDue(session, catalogue, reader, query)),
    listDue: async (listing, call) => read(call, () => listDue(session, catalogue, reader, listing)),
    openCreates: async (sync, side, call) => read(call, () => openCreates(session, catalogue, sync, side)),
    loadOpenIntents: async (shard, limit, call) => read(call, () => loadOpenIntents(session, catalogue, reader, intents, shard, limit)),

    reserveEntities: async (count) => writeSoon(() => takeEntities(session, generation, count)),
    commit: async (lease, changes) => {
      const { intentsOpened, intentsClosed, requestsDone } = changes;
      // What a system was asked, what became of it and what a person was told are on the disk at once; a merge alone can be merged again.
      const step = intentsOpened.length + intentsClosed.length + requestsDone.length > 0 ? write : writeSoon;
      step(() => commitChanges(context, lease, changes));
    },
    makeDurable: async () => write(() => writeMeta(session, "durable", 1)),

    listMembers: async (sync, side, after, limit, call) =>
      read(call, () => listMembers(session, catalogue, intents, sync, side, after, limit)),
    listEntities: async (sync, after, limit, call) => read(call, () => reader.list(sync, after, limit)),

    startRun: async (run) => write(() => startRun(session, run)),
    finishRun: async (run, atMs, outcome) => write(() => finishRun(session, run, atMs, outcome)),
    listRuns: async (limit, call) => read(call, () => listRuns(session, limit)),

    startPlan: async (plan) => write(() => startPlan(session, plan)),
    addOperations: async (plan, operations) => write(() => addOperations(session, catalogue, plan, operations)),
    finishPlan: async (plan, summary) => write(() => finishPlan(session, plan, summary)),
    latestPlan: async (call) => read(call, () => latestPlan(session)),
    listOperations: async (plan, after, limit, call) => read(call, () => listOperations(session, catalogue, plan, after, limit)),

    releaseDue: async (sync, only, nowMs) => write(() => releaseDue(session, catalogue, sync, only, nowMs)),
    countDue: async (call) => read(call, () => countDue(session, catalogue)),
    listParked: async (limit, call) => read(call, () => listParked(session, catalogue, limit)),
    retryParked: async (only, nowMs) => write(() => retryParked(session, catalogue, only, nowMs)),

    listProblems: async (limit, call) => read(call, () => listProblems(session, catalogue, limit)),
    listReviews: async (limit, call) => read(call, () => listReviews(session, limit)),
    readJournal: async (query, call) => read(call, () => readJournal(session, query)),
    checkJournal: async (call) => read(call, () => checkJournal(session)),
    tripGuard: async (trip) => write(() => tripGuard(session, trip)),
    listTrips: async (call) => read(call, () => listTrips(session)),
    approveTrip: async (id, atMs) => write(() => approveTrip(session, id, atMs)),

    countState: async (call) => read(call, () => countState(session, catalogue)),
    changeCounter: () => session.first<[number]>("PRAGMA data_version")?.[0] ?? 0,
    backup: async (path) => backupStore(session, path),
    close: async () => session.close(),
  };
}

interface Steps {
  readonly read: <Result>(call: CallOptions, work: () => Result) => Result;
  readonly write: <Result>(work: () => Result) => Result;
  /** On disk no later than the next `write`. */
  readonly writeSoon: <Result>(work: () => Result) => Result;
}

/** Transactions that first forget what is kept in memory, where another process has committed since. */
function createSteps(session: Session, catalogue: Catalogue, tally: Tally): Steps {
  let seen: number | undefined;
  const refresh = (): void => {
    const now = session.first<[number]>("PRAGMA data_version")?.[0];
    if (now !== seen) catalogue.forget();
    seen = now;
  };
  const counted = <Result>(work: () => Result): Result => {
    refresh();
    tally.clear();
    const result = work();
    tally.write();
    return result;
  };
  return {
    read: (call, work) =>
      session.read(call, () => {
        refresh();
        return work();
      }),
    write: (work) => session.write(() => counted(work)),
    writeSoon: (work) => session.writeSoon(() => counted(work)),
  };
}

/** Shards with work, and when the next of what waits becomes ready. */
function readyShards(session: Session, shards: number, nowMs: number): { readonly shards: number[]; readonly nextAtMs: number | null } {
  const ready: Shard[] = [];
  for (let shard = 0; shard < shards; shard += 1) {
    const isReady = hasReadyMark(session, shard, nowMs) || hasRequest(session, shard) || hasReadyDue(session, shard, nowMs);
    if (isReady || hasOverdueIntent(session, shard, nowMs)) ready.push(shard);
  }
  const next = [nextMarkAtMs(session, nowMs), nextDueAtMs(session, nowMs), nextDeadlineMs(session, nowMs)].filter((atMs) => atMs !== null);
  return { shards: ready, nextAtMs: next.length === 0 ? null : Math.min(...next) };
}
