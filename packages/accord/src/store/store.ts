import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock, Log, Random } from "@accord/engine/connector";
import type { Store } from "@accord/engine/store";
import { backupStore } from "./backup.ts";
import { createCatalogue, listSyncs, openSync, setSyncState, syncVersions, writeListing, type Catalogue } from "./catalogue.ts";
import { createLogMover } from "./log-mover.ts";
import { commitChanges } from "./commit.ts";
import type { CommitContext } from "./commit-context.ts";
import { readConnection, writeConnection, writeCursor } from "./connections.ts";
import { countState } from "./counts.ts";
import { countDue, hurryDue, listDue, listParked, loadDue, releaseDue, retryParked } from "./due.ts";
import { listPlannable } from "./due-plannable.ts";
import { createEntityOverlay } from "./entity-overlay.ts";
import { createFormers } from "./entity-former.ts";
import { createEntityReader, type EntityReader } from "./entity-read.ts";
import { listBounds, scanEntities } from "./entity-scan.ts";
import { createFirstContact } from "./first-contact.ts";
import { readGuardTally } from "./guard-tallies.ts";
import { loadOpenIntents, openCreates } from "./intents.ts";
import { checkJournal, readJournal } from "./journal-read.ts";
import { leaseHolder, releaseLease, takeLease } from "./leases.ts";
import { findLinks, findRecords, listMembers } from "./links.ts";
import { FLUSHED_ASIDE_MIN, OVERLAY_MAX } from "./limits.ts";
import { addMarks, countMarks, hasStrangers, hurryMarks, loadMarks } from "./marks.ts";
import { createMatchHash, type MatchHash } from "./match-hash.ts";
import { findMatches } from "./match-keys.ts";
import { findWinners } from "./merged.ts";
import { listNaming } from "./naming.ts";
import { fallBehind, readIdentity, takeEntities, writeFlush, writeMeta } from "./meta.ts";
import { createOpenIntents, type OpenIntents } from "./open-intents.ts";
import { openStoreFile } from "./open.ts";
import { addOperations, finishPlan, latestPlan, listOperations, startPlan } from "./plans.ts";
import { collectTombstones } from "./tombstones.ts";
import { approveTrip, listProblems, listReviews, listTrips, tripGuard } from "./problems.ts";
import { addRequests, loadRequests } from "./requests.ts";
import { loadQuiet } from "./quiet.ts";
import { readyShards } from "./ready-shards.ts";
import { finishRun, listRuns, startRun } from "./runs.ts";
import type { Session } from "./session.ts";
import { createShardOf, type ShardOf } from "./shards.ts";
import { beginAnew } from "./staged-end.ts";
import { createStagingThread, type StagingThread } from "./staging-thread.ts";
import { createSteps, type Steps } from "./steps.ts";
import { createTally } from "./tally.ts";

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
  /** Entities whose changes are gathered before they are folded into their rows. */
  readonly overlayMax?: number;
}

export interface SqliteStore extends Store {
  /** Copies the store into a new file while it is in use. */
  backup(path: string): Promise<void>;
}

/** Opens the embedded store. @throws ACCORD_STORE_NEWER, ACCORD_STORE_BROKEN, ACCORD_STORE_FULL, ACCORD_STORE_UNREACHABLE */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const hash = createMatchHash();
  const session = openStoreFile(options.path, options.random, {
    durability: options.durability ?? "full",
    maxPages: options.maxPages ?? null,
  });
  const { shards, generation } = readIdentity(session);
  const catalogue = createCatalogue(session);
  const tally = createTally(session);
  const shardOf = createShardOf(shards);
  const intents = createOpenIntents(session, shardOf);
  const overlay = createEntityOverlay(session, options.overlayMax ?? OVERLAY_MAX);
  const formers = createFormers(session, overlay);
  const logMover = createLogMover(options.path, () => session.first<[number]>("SELECT total_changes()")?.[0] ?? 0);
  const staging = createStagingThread(options.path, options.maxPages ?? null, (rows) => logMover.committed(rows));
  const steps = createSteps(session, [catalogue, intents, overlay, formers], tally, () => logMover.committed());
  const reader = createEntityReader(session, catalogue, intents, formers, overlay);
  const context = { session, catalogue, hash, random: options.random, tally, intents, formers, overlay, reader, shardOf };
  const parts: Parts = { ...steps, session, catalogue, hash, intents, reader, context, shardOf, clock: options.clock, staging };
  options.log.debug("store.opened", { generation, shards });
  return {
    ...standingMethods(parts),
    ...workMethods(parts),
    ...entityMethods(parts),
    ...planMethods(parts),
    ...reportMethods(parts),
    backup: async (path) => backupStore(session, path),
    close: async () => {
      await staging.close();
      await logMover.close();
      session.close();
    },
  };
}

/** What the methods work with. The port is asynchronous; every method does its work on the spot, in one transaction. */
interface Parts extends Steps {
  readonly session: Session;
  readonly catalogue: Catalogue;
  readonly hash: MatchHash;
  readonly intents: OpenIntents;
  readonly reader: EntityReader;
  readonly context: CommitContext;
  readonly shardOf: ShardOf;
  readonly clock: Clock;
  readonly staging: StagingThread;
}

/** Who the store is, who may write to it, what is kept in agreement, and how far it has come. */
function standingMethods({ session, catalogue, shardOf, read, write, writeLease, fence, clock }: Parts) {
  return {
    identity: async () => readIdentity(session),
    shardOf,
    fallBehind: async (seen) => write(() => fallBehind(session, seen)),
    acknowledgeRestore: async () => write(() => writeMeta(session, "restored", 0)),
    takeLease: async (name, holder, expiresAtMs, nowMs) => writeLease(() => takeLease(session, name, holder, expiresAtMs, nowMs)),
    releaseLease: async (lease) => writeLease(() => releaseLease(session, lease)),
    fenceBy: (lease) => {
      fence.lease = lease;
    },
    leaseHolder: async (name, call) => read(call, () => leaseHolder(session, name)),
    openSync: async (name, configuration) => {
      const row = write(() => openSync(session, clock, name, configuration, (sync) => beginAnew(session, sync)));
      catalogue.forget();
      return row;
    },
    setSyncState: async (sync, state, reason) => write(() => setSyncState(session, sync, state, reason)),
    listSyncs: async (call) => read(call, () => listSyncs(session)),
    syncVersions: async (sync, call) => read(call, () => syncVersions(session, sync)),
    readConnection: async (connection, call) => read(call, () => readConnection(session, connection)),
    writeConnection: async (connection) => write(() => writeConnection(session, connection)),
    makeDurable: async () => write(() => writeFlush(session)),
  } satisfies Partial<Store>;
}

/** What waits, and what becomes of it. */
function workMethods({ session, catalogue, intents, reader, context, shardOf, read, write, writeSoon, writeAside, fence, staging }: Parts) {
  return {
    // Marks and their cursor are lost together, and a lost merge is merged again: only what a system is told rests on the disk. [S6, S29]
    commitPull: async ({ marks, cursor, listing }) =>
      writeSoon(() => {
        const touched = addMarks(context, marks);
        if (cursor !== null) writeCursor(session, cursor.connection, cursor.cursor);
        if (listing !== null) writeListing(session, catalogue.side(listing.sync, listing.row.side), listing.row);
        return touched;
      }),
    countMarks: async (call) => read(call, () => countMarks(session)),
    readyShards: async (nowMs, call) => read(call, () => readyShards(session, intents, shardOf, nowMs)),
    loadMarks: async (shard, limit, nowMs, call) => read(call, () => loadMarks(session, catalogue, reader, intents, shard, limit, nowMs)),
    loadRequests: async (shard, limit, nowMs, call) => read(call, () => loadRequests(session, reader, shard, limit, nowMs)),
    addRequests: async (requests) => write(() => addRequests(session, shardOf, requests)),
    firstContact: createFirstContact(context, { read, writeSoon, fence }, staging),
    loadDue: async (query, call) => read(call, () => loadDue(session, catalogue, reader, intents, query)),
    listDue: async (listing, call) => read(call, () => listDue(session, catalogue, reader, listing)),
    listPlannable: async (listing, call) => read(call, () => listPlannable(context, reader, listing)),
    hasStrangers: async (sync, side, nowMs, triesMax, call) =>
      read(call, () => hasStrangers(session, catalogue.side(sync, side), nowMs, triesMax)),
    openCreates: async (sync, side, call) => read(call, () => openCreates(catalogue, intents, sync, side)),
    loadOpenIntents: async (shard, limit, call) => read(call, () => loadOpenIntents(catalogue, reader, intents, shard, limit)),
    reserveEntities: async (count) => writeSoon(() => takeEntities(session, count)),
    commit: async (leases, changes) => {
      const { intentsOpened, intentsClosed, requestsDone } = changes;
      // What a system is asked and what a person was told are on the disk at once, and what became of creates and deletes. A merge can be merged again, and an update that landed be found out again. [S6, S29, S31]
      const isUrgent = intentsOpened.length + requestsDone.length > 0 || intentsClosed.some((id) => intents.kindOf(id) !== "update");
      const work = (): void => commitChanges(context, leases, changes);
      if (!isUrgent) writeSoon(work);
      else if (intentsOpened.length + intentsClosed.length < FLUSHED_ASIDE_MIN) write(work);
      else await writeAside(work);
    },
  } satisfies Partial<Store>;
}

/** Entities, and the records that are linked to them. */
function entityMethods({ session, catalogue, hash, intents, reader, context, read, writeSoon }: Parts) {
  return {
    listNaming: async (sync, named, after, limit, call) =>
      read(call, () => listNaming(session, context.overlay, hash, sync, named, after, limit)),
    findMatches: async (sync, side, seekers, call) =>
      read(call, () => findMatches(session, catalogue, context.overlay, hash, sync, side, seekers)),
    loadEntities: async (entities, call) => read(call, () => reader.load(entities)),
    loadQuiet: async (sync, side, records, call) => read(call, () => loadQuiet(session, catalogue, reader, intents, sync, side, records)),
    findLinks: async (sync, side, records, call) => read(call, () => findLinks(session, catalogue, sync, side, records)),
    findWinners: async (entities, call) => read(call, () => findWinners(session, entities)),
    findRecords: async (sync, side, entities, call) =>
      read(call, () => findRecords(session, catalogue, context.overlay, sync, side, entities)),
    listMembers: async (sync, side, after, limit, call) =>
      read(call, () => listMembers(session, catalogue, context.overlay, intents, sync, side, after, limit)),
    listBounds: async (sync, side, every, call) => read(call, () => listBounds(session, catalogue, sync, side, every)),
    scanEntities: async (sync, after, limit, call) => {
      // Everything here happens on the spot: without this a scan of millions would keep the process from all else.
      await nextTurn();
      return read(call, () => scanEntities(session, catalogue, context.overlay, sync, after, limit));
    },
    listEntities: async (sync, after, limit, call) => read(call, () => reader.list(sync, after, limit)),
    collectTombstones: async (query) =>
      writeSoon(() => {
        const collected = collectTombstones(context, query);
        context.overlay.write();
        return collected;
      }),
  } satisfies Partial<Store>;
}

/** Runs, plans, and the writes that are due by them. */
function planMethods({ session, catalogue, context, read, write, writeSoon }: Parts) {
  return {
    startRun: async (run) => write(() => startRun(session, run)),
    finishRun: async (run, atMs, outcome) => write(() => finishRun(session, run, atMs, outcome)),
    listRuns: async (limit, call) => read(call, () => listRuns(session, limit)),
    startPlan: async (plan) => write(() => startPlan(session, plan)),
    // An unfinished plan is nobody's yet, and what is released is asked of a system only after a flush: `finishPlan`, or the intents' own. [S29, S60]
    addOperations: async (plan, operations) => writeSoon(() => addOperations(session, catalogue, plan, operations)),
    finishPlan: async (plan, summary) => write(() => finishPlan(session, plan, summary)),
    latestPlan: async (call) => read(call, () => latestPlan(session)),
    listOperations: async (plan, after, limit, call) => read(call, () => listOperations(session, catalogue, plan, after, limit)),
    releaseDue: async (sync, only, nowMs) => writeSoon(() => releaseDue(session, catalogue, sync, only, nowMs)),
    hurry: async (sync, side, nowMs) =>
      writeSoon(() => {
        hurryDue(session, catalogue.side(sync, side), nowMs);
        hurryMarks(session, catalogue.side(sync, side), nowMs);
      }),
    countDue: async (call) => read(call, () => countDue(session, catalogue)),
    listParked: async (limit, call) => read(call, () => listParked(session, catalogue, context.overlay, limit)),
    retryParked: async (only, nowMs) => write(() => retryParked(session, catalogue, only, nowMs)),
  } satisfies Partial<Store>;
}

/** What a person asks about, and answers. */
function reportMethods({ session, catalogue, context, read, write }: Parts) {
  return {
    listProblems: async (limit, call) => read(call, () => listProblems(session, catalogue, limit)),
    listReviews: async (limit, call) => read(call, () => listReviews(session, limit)),
    readJournal: async (query, call) => read(call, () => readJournal(session, context.overlay, query)),
    checkJournal: async (call) => read(call, () => checkJournal(session)),
    tripGuard: async (trip, pausedBecause) =>
      write(() => {
        tripGuard(session, trip);
        if (pausedBecause !== null) setSyncState(session, trip.sync, "paused", pausedBecause);
      }),
    listTrips: async (call) => read(call, () => listTrips(session)),
    guardTally: async (sync, side, call) => read(call, () => readGuardTally(session, catalogue, sync, side)),
    approveTrip: async (id, atMs) => write(() => approveTrip(session, id, atMs)),
    countState: async (call) => read(call, () => countState(session, catalogue)),
    changeCounter: () => session.first<[number]>("PRAGMA data_version")?.[0] ?? 0,
  } satisfies Partial<Store>;
}
