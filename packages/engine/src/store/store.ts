import type { EntityId, RecordId, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { FirstContact } from "./first-contact.ts";
import type {
  Changes,
  Collected,
  ConnectionRow,
  DueCount,
  DueKey,
  DueListing,
  DueQuery,
  EntityPage,
  GuardTallyRow,
  GuardTrip,
  HeldCreate,
  JournalQuery,
  JournalRow,
  KeyMatch,
  Lease,
  LeaseName,
  ListedMember,
  LoadedDue,
  LoadedIntent,
  LoadedMark,
  LoadedRequest,
  NewPlan,
  NewRequest,
  NewRun,
  ParkedRow,
  PlannableListing,
  PlanId,
  PlanRow,
  PlannedOperation,
  ProblemRow,
  Pull,
  RunId,
  RunOutcome,
  RunRow,
  Seeker,
  Shard,
  StateCounts,
  StoreIdentity,
  StoredEntity,
  SyncConfiguration,
  SyncId,
  SyncRow,
  SyncState,
  SyncVersionRow,
  TombstoneQuery,
} from "./rows.ts";

/**
 * Accord's own durable state, in one transactional place. [S6]
 *
 * The engine loads a bounded piece of work, decides, and commits everything it decided in one {@link Changes}: a merge result, the marks it consumed, the journal
 * and the writes that became due are one transaction. Every commit names the lease it was decided under; a commit of a stale holder is refused as a whole
 * (ACCORD_LEASE_LOST), so two processes can never both act on one shard; what is written beside commits is fenced by the engine's lease (`fenceBy`). [S54]
 *
 * Failures: ACCORD_LEASE_LOST (stop this work), ACCORD_TAKEN_OVER (stop: the fence), ACCORD_STORE_FULL, ACCORD_STORE_BROKEN, ACCORD_STORE_NEWER (stop).
 */
export interface Store {
  /** Which store this is. `generation` is raised each time it is restored from a backup. [S58] */
  identity(): Promise<StoreIdentity>;
  /** The shard that an entity belongs to, for ever. */
  shardOf(entity: EntityId): Shard;

  /** This file was found to be an older copy: it takes a generation above its own and `seen`, so that entity ids never meet again, and counts as restored. [S58] Returns the generation. */
  fallBehind(seen: number, options: CallOptions): Promise<number>;
  /** A plan was approved after a restore: writes may flow again. [S58] */
  acknowledgeRestore(options: CallOptions): Promise<void>;

  /** Takes or renews the exclusive right to a shard or to the engine (`engine`). Null while another holder's has not expired. */
  takeLease(name: LeaseName, holder: string, expiresAtMs: number, nowMs: number, options: CallOptions): Promise<Lease | null>;
  /**
   * From now on every write through this handle but those of leases is refused where this lease is not its holder's any more; null: no longer. The fence is this handle's alone: what people ask for
   * by commands of their own meanwhile (requests, approvals) comes through handles without one. [S54]
   */
  fenceBy(lease: Lease | null): void;
  releaseLease(lease: Lease, options: CallOptions): Promise<void>;
  /** Who holds a lease now, for messages. */
  leaseHolder(name: LeaseName, options: CallOptions): Promise<{ readonly holder: string; readonly expiresAtMs: number } | null>;

  /**
   * Registers a sync by name, or finds it: its number, its configuration's version, and how far it has come. Sides may be added behind those known; others take their places only where nothing is
   * linked yet. @throws ACCORD_SIDES_CHANGED
   */
  openSync(name: string, configuration: SyncConfiguration, options: CallOptions): Promise<SyncRow>;
  setSyncState(sync: SyncId, state: SyncState, reason: string | null, options: CallOptions): Promise<void>;
  listSyncs(options: CallOptions): Promise<readonly SyncRow[]>;
  /** The versions of a sync's configuration, newest first: the first is the present one. [S51] */
  syncVersions(sync: SyncId, options: CallOptions): Promise<readonly SyncVersionRow[]>;

  /** Connections: where their feeds stand, and which epoch of the system was seen last. [S4, S12] */
  readConnection(connection: string, options: CallOptions): Promise<ConnectionRow | null>;
  writeConnection(connection: ConnectionRow, options: CallOptions): Promise<void>;

  /**
   * Takes over what a feed or a listing told: marks, and with them in one transaction the cursor or listing progress that they came from. [S6, S9, S52]
   * Marks of one record are folded into one: see {@link Mark}. Returns the shards that have work now.
   */
  commitPull(pull: Pull, options: CallOptions): Promise<readonly Shard[]>;
  /**
   * Everything committed before survives a power cut once this returns. `commitPull` and commits that neither open nor close intents nor answer requests may leave that to the next
   * commit that does: what is lost then is lost from its end on, in the order of commits, as if the engine had stopped earlier. Asked for before a system is told to forget what it holds for us. [S6]
   */
  makeDurable(options: CallOptions): Promise<void>;
  /** How many marks wait: the bound of the inbox is the feed's backpressure. */
  countMarks(options: CallOptions): Promise<number>;
  /**
   * Shards with marks, requests or due writes that are ready at `nowMs`, and when the next becomes ready otherwise (null: nothing waits). Marks and due writes of
   * members with an open intent do not count; an open intent counts as ready from its deadline on.
   */
  readyShards(nowMs: number, options: CallOptions): Promise<{ readonly shards: readonly Shard[]; readonly nextAtMs: number | null }>;

  /** Marks of a shard that are ready, oldest first, each with its entity where the record (or, after a rename, `renamedFrom`) is linked. Marks of members with an open intent are not given. [S33] */
  loadMarks(shard: Shard, limit: number, nowMs: number, options: CallOptions): Promise<readonly LoadedMark[]>;
  /** Requests for entities of a shard that are ready, oldest first. */
  loadRequests(shard: Shard, limit: number, nowMs: number, options: CallOptions): Promise<readonly LoadedRequest[]>;
  addRequests(requests: readonly NewRequest[], options: CallOptions): Promise<void>;

  /** First contact of a new sync, in bulk. */
  readonly firstContact: FirstContact;
  /**
   * For each record to be joined: the entities with each of its match keys that have no live member at its side (at most 3 per key), and how many other unlinked
   * records of the same side wait with that key. [S36] Keys come by match rule, null where the record has none.
   */
  findMatches(sync: SyncId, side: SideIndex, seekers: readonly Seeker[], options: CallOptions): Promise<readonly (readonly KeyMatch[])[]>;
  loadEntities(entities: readonly EntityId[], options: CallOptions): Promise<readonly StoredEntity[]>;
  /** The entities of linked live records; null where not linked. */
  findLinks(sync: SyncId, side: SideIndex, records: readonly RecordId[], options: CallOptions): Promise<readonly (EntityId | null)[]>;
  /**
   * For each record that a feed tells of: its entity, where it is linked to a live member, no mark of the record waits, no intent of the entity is open and no write of it is held. Else null: such
   * news takes its turn as a mark. [S33]
   */
  loadQuiet(sync: SyncId, side: SideIndex, records: readonly RecordId[], options: CallOptions): Promise<readonly (StoredEntity | null)[]>;
  /** What entities were merged into; null where they were not. One step: a winner was never merged itself. [S41] */
  findWinners(entities: readonly EntityId[], options: CallOptions): Promise<readonly (EntityId | null)[]>;
  /** Entities of a sync that name this one in their canonical record or in a record of theirs, as last kept, in the order of their ids: `after` excluded. [S45] */
  listNaming(sync: SyncId, named: EntityId, after: EntityId | null, limit: number, options: CallOptions): Promise<readonly EntityId[]>;
  /** The live records of entities at a side; null where there is none. */
  findRecords(sync: SyncId, side: SideIndex, entities: readonly EntityId[], options: CallOptions): Promise<readonly (RecordId | null)[]>;

  /** Writes that are due at one side, ready at `nowMs`, oldest first, each with its entity. Members with an open intent are not given. */
  loadDue(query: DueQuery, options: CallOptions): Promise<readonly LoadedDue[]>;
  /** Due writes of a side in any of these states in the order of entity ids, `after` excluded. Each with its entity. */
  listDue(query: DueListing, options: CallOptions): Promise<readonly LoadedDue[]>;
  /** The same for plans, where most are creates and need not be loaded to be named. */
  listPlannable(query: PlannableListing, options: CallOptions): Promise<readonly (LoadedDue | HeldCreate)[]>;
  /** Intents still open: after a crash, those of a dead holder. Oldest first. [S31] */
  loadOpenIntents(shard: Shard, limit: number, options: CallOptions): Promise<readonly LoadedIntent[]>;

  /**
   * Whether a record of this side that is linked to nothing is ready to be looked at, or was put off no more often than `triesMax`: it may be what an entity without a record there
   * stands for. [S36]
   */
  hasStrangers(sync: SyncId, side: SideIndex, nowMs: number, triesMax: number, options: CallOptions): Promise<boolean>;
  /** Entities with an open create at this side: a record that appears there may be theirs. [S33, S35] */
  openCreates(sync: SyncId, side: SideIndex, options: CallOptions): Promise<readonly EntityId[]>;
  /** A range of entity ids never given before. [S58] */
  reserveEntities(count: number, options: CallOptions): Promise<EntityId>;
  /** Commits what was decided under a lease, or under those of several shards, whole or not at all; it is over when what others rely on is durable. @throws ACCORD_LEASE_LOST */
  commit(leases: Lease | readonly Lease[], changes: Changes, options: CallOptions): Promise<void>;

  /** The members of one side in the order of record ids, for sweeps: `after` excluded. */
  listMembers(sync: SyncId, side: SideIndex, after: RecordId | null, limit: number, options: CallOptions): Promise<readonly ListedMember[]>;
  /** Every `every`-th record of a side in the order of record ids: they cut its members into ranges of that many. */
  listBounds(sync: SyncId, side: SideIndex, every: number, options: CallOptions): Promise<readonly RecordId[]>;
  /** Entities by id with what their members hold, for sweeps and verification: `after` excluded. Lets others have their turn between pages. */
  scanEntities(sync: SyncId, after: EntityId | null, limit: number, options: CallOptions): Promise<EntityPage>;
  /** Entities by id, for verification and plans: `after` excluded. */
  listEntities(sync: SyncId, after: EntityId | null, limit: number, options: CallOptions): Promise<readonly StoredEntity[]>;

  /**
   * Forgets, of a bounded range of entities, those that were deleted before a moment, have a record nowhere, and that no mark, due write, intent, request or merge names: with them go their links, keys and
   * retired ids. What the journal has of them stays. [S39]
   */
  collectTombstones(query: TombstoneQuery, options: CallOptions): Promise<Collected>;

  /** Runs: one execution of a sync or of several. */
  startRun(run: NewRun, options: CallOptions): Promise<RunId>;
  finishRun(run: RunId, atMs: number, outcome: RunOutcome, options: CallOptions): Promise<void>;
  listRuns(limit: number, options: CallOptions): Promise<readonly RunRow[]>;

  /** Plans. [S60] Operations are those due writes that a plan names, with the versions they were computed from. */
  startPlan(plan: NewPlan, options: CallOptions): Promise<PlanId>;
  addOperations(plan: PlanId, operations: readonly PlannedOperation[], options: CallOptions): Promise<void>;
  finishPlan(plan: PlanId, summary: string, options: CallOptions): Promise<void>;
  latestPlan(options: CallOptions): Promise<PlanRow | null>;
  /** Operations of a plan in their order, `after` (an ordinal) excluded. */
  listOperations(
    plan: PlanId,
    after: number,
    limit: number,
    options: CallOptions,
  ): Promise<readonly (PlannedOperation & { readonly ordinal: number })[]>;
  /** Makes held due writes ready: all of a sync, or those named. Elsewhere, too, what stops waiting becomes ready where its sync is live or paused, else held. */
  releaseDue(sync: SyncId, only: readonly DueKey[] | null, nowMs: number, options: CallOptions): Promise<void>;
  /** What waits to be tried again at a side because the system could not be asked (writes put off with the code ACCORD_NOT_SENT, marks put off) is ready at once: it answers again. [S30] */
  hurry(sync: SyncId, side: SideIndex, nowMs: number, options: CallOptions): Promise<void>;
  /** How many writes are due, by sync, side and state. */
  countDue(options: CallOptions): Promise<readonly DueCount[]>;
  /** Parked and waiting writes, `after` excluded, oldest first. */
  listParked(limit: number, options: CallOptions): Promise<readonly ParkedRow[]>;
  retryParked(only: readonly DueKey[] | null, nowMs: number, options: CallOptions): Promise<number>;

  /** Records that could not be taken in: ambiguous matches, values that cannot be understood. One per (sync, side, record, kind). */
  listProblems(limit: number, options: CallOptions): Promise<readonly ProblemRow[]>;
  /** Open reviews, oldest first: entities with a frozen field or a delete that met an update. */
  listReviews(limit: number, options: CallOptions): Promise<readonly { readonly sync: SyncId; readonly entity: EntityId }[]>;

  /** Journal entries by what they touch, newest first. */
  readJournal(query: JournalQuery, options: CallOptions): Promise<readonly JournalRow[]>;
  /** Recomputes the journal's chain. [S64] */
  checkJournal(options: CallOptions): Promise<{ readonly entries: number; readonly brokenAt: number | null }>;

  /**
   * Guards that tripped and wait for approval. [S43] With the same step the sync is paused, `pausedBecause` in plain words; null: it is left as it is. Whoever approves finds both or neither.
   */
  tripGuard(trip: GuardTrip, pausedBecause: string | null, options: CallOptions): Promise<void>;
  listTrips(options: CallOptions): Promise<readonly GuardTrip[]>;
  /** What was put off until then may be looked at again: requests that were are ready at once. */
  approveTrip(id: string, atMs: number, options: CallOptions): Promise<boolean>;
  /** What was last committed of it; null where nothing was. */
  guardTally(sync: SyncId, side: SideIndex, options: CallOptions): Promise<GuardTallyRow | null>;

  /** Figures for `status`. */
  countState(options: CallOptions): Promise<StateCounts>;
  /** A number that changes whenever another process commits: for noticing requests without polling tables. */
  changeCounter(): number;
  close(): Promise<void>;
}
