import type {
  CanonicalField,
  EntityId,
  FieldIndex,
  IntentId,
  Life,
  Member,
  NativeImage,
  RecordId,
  ReviewCase,
  SideIndex,
} from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { CellPatch, Cursor, Position } from "../connector/connector.ts";
import type { FirstContact } from "./first-contact.ts";

/**
 * Accord's own durable state, in one transactional place. [S6]
 *
 * The engine loads a bounded piece of work, decides, and commits everything it decided in one {@link Changes}: a merge result, the marks it consumed, the journal
 * and the writes that became due are one transaction. Every commit names the lease it was decided under; a commit of a stale holder is refused as a whole
 * (ACCORD_LEASE_LOST), so two processes can never both act on one shard. [S54]
 *
 * Failures: ACCORD_LEASE_LOST (stop this work), ACCORD_STORE_FULL, ACCORD_STORE_BROKEN, ACCORD_STORE_NEWER (stop).
 */
export interface Store {
  /** Which store this is. `generation` is raised each time it is restored from a backup. [S58] */
  identity(): Promise<StoreIdentity>;
  /** The shard that an entity belongs to, for ever. */
  shardOf(entity: EntityId): Shard;

  /** A plan was approved after a restore: writes may flow again. [S58] */
  acknowledgeRestore(options: CallOptions): Promise<void>;

  /** Takes or renews the exclusive right to a shard or to the engine (`engine`). Null while another holder's has not expired. */
  takeLease(name: LeaseName, holder: string, expiresAtMs: number, nowMs: number, options: CallOptions): Promise<Lease | null>;
  releaseLease(lease: Lease, options: CallOptions): Promise<void>;
  /** Who holds a lease now, for messages. */
  leaseHolder(name: LeaseName, options: CallOptions): Promise<{ readonly holder: string; readonly expiresAtMs: number } | null>;

  /** Registers a sync by name, or finds it: its number, its configuration's version, and how far it has come. */
  openSync(name: string, configuration: SyncConfiguration, options: CallOptions): Promise<SyncRow>;
  setSyncState(sync: SyncId, state: SyncState, reason: string | null, options: CallOptions): Promise<void>;
  listSyncs(options: CallOptions): Promise<readonly SyncRow[]>;

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
  /** Requests of people for entities of a shard, oldest first. */
  loadRequests(shard: Shard, limit: number, options: CallOptions): Promise<readonly LoadedRequest[]>;
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
   * For each record that a feed tells of: its entity, where it is linked to a live member, no mark of the record waits and no intent of the entity is open. Else null: such
   * news takes its turn as a mark. [S33]
   */
  loadQuiet(sync: SyncId, side: SideIndex, records: readonly RecordId[], options: CallOptions): Promise<readonly (StoredEntity | null)[]>;
  /** The live records of entities at a side; null where there is none. */
  findRecords(sync: SyncId, side: SideIndex, entities: readonly EntityId[], options: CallOptions): Promise<readonly (RecordId | null)[]>;

  /** Writes that are due at one side, ready at `nowMs`, oldest first, each with its entity. Members with an open intent are not given. */
  loadDue(query: DueQuery, options: CallOptions): Promise<readonly LoadedDue[]>;
  /** Due writes of a side in any of these states in the order of entity ids, `after` excluded: for plans. Each with its entity. */
  listDue(query: DueListing, options: CallOptions): Promise<readonly LoadedDue[]>;
  /** Intents still open: after a crash, those of a dead holder. Oldest first. [S31] */
  loadOpenIntents(shard: Shard, limit: number, options: CallOptions): Promise<readonly LoadedIntent[]>;

  /** Entities with an open create at this side: a record that appears there may be theirs. [S33, S35] */
  openCreates(sync: SyncId, side: SideIndex, options: CallOptions): Promise<readonly EntityId[]>;
  /** A range of entity ids never given before. [S58] */
  reserveEntities(count: number, options: CallOptions): Promise<EntityId>;
  /** Commits what was decided under a lease, or under those of several shards, whole or not at all. @throws ACCORD_LEASE_LOST */
  commit(leases: Lease | readonly Lease[], changes: Changes, options: CallOptions): Promise<void>;

  /** The members of one side in the order of record ids, for sweeps: `after` excluded. */
  listMembers(sync: SyncId, side: SideIndex, after: RecordId | null, limit: number, options: CallOptions): Promise<readonly ListedMember[]>;
  /** Entities by id, for verification and plans: `after` excluded. */
  listEntities(sync: SyncId, after: EntityId | null, limit: number, options: CallOptions): Promise<readonly StoredEntity[]>;

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

  /** Guards that tripped and wait for approval. [S43] */
  tripGuard(trip: GuardTrip, options: CallOptions): Promise<void>;
  listTrips(options: CallOptions): Promise<readonly GuardTrip[]>;
  approveTrip(id: string, atMs: number, options: CallOptions): Promise<boolean>;

  /** Figures for `status`. */
  countState(options: CallOptions): Promise<StateCounts>;
  /** A number that changes whenever another process commits: for noticing requests without polling tables. */
  changeCounter(): number;
  close(): Promise<void>;
}

export interface StoreIdentity {
  readonly storeId: string;
  readonly generation: number;
  readonly shards: number;
  /** Restored from a backup and not yet brought up to date with the world: nothing is written until a plan is approved. [S58] */
  readonly restored: boolean;
}

/** Numbers of syncs, runs and plans in this store, from 1. */
export type SyncId = number;
export type RunId = number;
export type PlanId = number;
/** A slice of the entities: see {@link Store.shardOf}. Records that are not linked yet wait in shard 0, where joins are decided one after another. [S36, S54] */
export type Shard = number;

export type LeaseName = "engine" | `shard:${number}` | `feed:${string}`;

export interface Lease {
  readonly name: LeaseName;
  readonly holder: string;
  /** Raised each time the lease changes hands: what a stale holder is told apart by. */
  readonly epoch: number;
  readonly expiresAtMs: number;
}

export interface SyncConfiguration {
  /** Changes when mapping, filter, policy or fields change. [S51] */
  readonly digest: string;
  /** Canonical JSON of the configuration, kept per version. */
  readonly body: string;
  readonly sides: readonly SideConfiguration[];
  readonly fields: readonly string[];
  readonly matchRules: number;
}

export interface SideConfiguration {
  readonly connection: string;
  readonly object: string;
  readonly keyOrder: "integer" | "bytes";
  /**
   * The columns that images carry, in order. Images kept under another list are given with their cells in the places of this one, cells of new columns unknown:
   * a changed mapping never reads one column's value as another's. [S51]
   */
  readonly columns: readonly string[];
}

/** `new`: not listed to its end, or not all that was listed has met. `planned`: listed, merged, and nothing is written but by an approved plan. `live`: writes flow. `paused`: a guard or a person stopped it. */
export type SyncState = "new" | "planned" | "live" | "paused";

export interface SyncRow {
  readonly id: SyncId;
  readonly name: string;
  readonly version: number;
  readonly digest: string;
  readonly state: SyncState;
  readonly stateReason: string | null;
  /** By side: how far its first listing has come. */
  readonly listings: readonly ListingRow[];
}

export interface ListingRow {
  readonly side: SideIndex;
  readonly state: "none" | "running" | "done";
  readonly after: RecordId | null;
  /** When the last complete listing ended; null: never. Epoch milliseconds. */
  readonly completedAtMs: number | null;
  /** Records of the last complete listing that were no members: new ones, and those that take no part. Left out where they were not counted. */
  readonly strangers?: number;
}

export interface ConnectionRow {
  readonly connection: string;
  readonly cursor: Cursor | null;
  readonly epoch: string | null;
  readonly state: "active" | "paused";
  readonly reason: string | null;
}

/**
 * Word that a record may have changed, kept until it is merged. One per (sync, side, record); folding a newer one over an older one:
 * a newer image lies over the older (its unknown cells keep the older image's), `touched` makes it touched (it will be read), an image after a delete is an image.
 * A touched mark without a position stays without one: whoever asked for a reading gets it.
 * A rename moves the older mark to the new id and keeps the first `renamedFrom`.
 */
export interface Mark {
  readonly sync: SyncId;
  readonly side: SideIndex;
  readonly record: RecordId;
  readonly kind: "touched" | "image" | "deleted";
  readonly image: NativeImage | null;
  readonly position: Position | null;
  readonly renamedFrom: RecordId | null;
  /** The interval in which the write happened. Epoch milliseconds; `fromMs` −1: since the record was last seen. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Match keys by rule, for records of a first listing that did not meet in bulk. [S36] */
  readonly keys: readonly (string | null)[] | null;
  /** Not merged before this. Epoch milliseconds. */
  readonly notBeforeMs: number;
}

export interface Pull {
  readonly marks: readonly Mark[];
  /** The feed's cursor after these marks. */
  readonly cursor: { readonly connection: string; readonly cursor: Cursor } | null;
  /** A listing's progress after these marks. */
  readonly listing: { readonly sync: SyncId; readonly row: ListingRow } | null;
}

/** An entity as stored: the shadows of its members are derived from their images by the engine. */
export type StoredEntity = {
  readonly id: EntityId;
  readonly sync: SyncId;
  readonly life: Life;
  readonly version: number;
  readonly fields: readonly CanonicalField[];
  readonly review: ReviewCase | null;
  readonly members: readonly (StoredMember | null)[];
};
/** `intent` is the open one of the table of intents, whatever was committed with the entity; a side without a member shows an open create as one that is `creating`. [S33] */
export type StoredMember = Omit<Member, "shadow">;

export interface LoadedMark extends Mark {
  /** Identifies this state of the mark: consuming it does not touch a newer one. */
  readonly sequence: number;
  readonly attempts: number;
  readonly entity: StoredEntity | null;
}

/** What a person asked for, carried out under the shard's lease. `body` is JSON that the engine reads. */
export interface NewRequest {
  readonly sync: SyncId;
  readonly entity: EntityId;
  readonly kind: "decide" | "undo" | "link" | "delete" | "revive";
  readonly body: string;
  readonly run: RunId | null;
  readonly atMs: number;
}
export interface LoadedRequest extends NewRequest {
  readonly id: number;
  readonly stored: StoredEntity | null;
}

export interface Seeker {
  readonly record: RecordId;
  readonly keys: readonly (string | null)[];
}
export interface KeyMatch {
  readonly entities: readonly EntityId[];
  readonly rivals: number;
}

export interface DueKey {
  readonly sync: SyncId;
  readonly side: SideIndex;
  readonly entity: EntityId;
}

/** `held`: until a plan is applied. `waiting`: until a parent's record exists at the side. `parked`: refused, until something changes or a person retries. */
export type DueState = "ready" | "held" | "waiting" | "parked";

/** That a side may lack something: the write itself is computed at dispatch. [S28] An `undo` names the cells to restore instead. */
export interface Due extends DueKey {
  readonly state: DueState;
  /** Not before this (quiet period, back-off). Epoch milliseconds. [S56, S30] */
  readonly notBeforeMs: number;
  /** Since when something is due: bounds the quiet period and is the age of a backlog. */
  readonly sinceMs: number;
  readonly attempts: number;
  readonly code: string | null;
  readonly reason: string | null;
  readonly waitsFor: EntityId | null;
  readonly undo: UndoWrite | null;
}

/** A native restoration: what a run wrote at this side is put back. [S59] */
export interface UndoWrite {
  readonly kind: "update" | "delete";
  readonly set: readonly CellPatch[];
  readonly expect: readonly CellPatch[];
}

export interface LoadedDue extends Due {
  readonly stored: StoredEntity;
}

export interface DueQuery {
  readonly shard: Shard;
  readonly sync: SyncId;
  readonly side: SideIndex;
  readonly limit: number;
  readonly nowMs: number;
}

export interface DueListing {
  readonly sync: SyncId;
  readonly side: SideIndex;
  readonly states: readonly DueState[];
  readonly after: EntityId | null;
  readonly limit: number;
}

export interface DueCount {
  readonly sync: SyncId;
  readonly side: SideIndex;
  readonly state: DueState;
  readonly count: number;
  readonly oldestSinceMs: number;
}

/** A write about to be made, durable before the call. [S29] */
export interface Intent {
  readonly id: IntentId;
  readonly sync: SyncId;
  readonly side: SideIndex;
  readonly entity: EntityId;
  readonly kind: "create" | "update" | "restore" | "archive" | "delete" | "undo-update" | "undo-delete";
  readonly record: RecordId | null;
  readonly fields: readonly { readonly field: FieldIndex; readonly version: number }[];
  readonly set: readonly CellPatch[];
  readonly expect: readonly CellPatch[];
  readonly attempt: number;
  readonly run: RunId;
  readonly openedAtMs: number;
  /** After this the request has ended, or never will. Recovery waits for it. [S31] */
  readonly deadlineMs: number;
}
export interface LoadedIntent extends Intent {
  readonly stored: StoredEntity;
}

/**
 * Everything one decision changes. All or nothing. Within it, later entries win over earlier ones of the same key; `consumed`, `dueDone` and `intentsClosed`
 * are carried out before `marks`, `due` and `intentsOpened`, and `arrived` last.
 */
export interface Changes {
  /**
   * Entities as they are now, new ones included. Their members are written with them. `keys`: match keys by rule, null where the record has none for a rule;
   * `keys` itself null: unchanged.
   */
  readonly entities: readonly { readonly entity: StoredEntity; readonly keys: readonly (string | null)[] | null }[];
  /** Marks done with, by sequence: a newer mark of the same record stays. */
  readonly consumed: readonly number[];
  /** The cursor of a feed whose batch was decided on at once, after it. [S6] */
  readonly cursor?: Pull["cursor"];
  readonly marks: readonly Mark[];
  /** Marks put off: not before a time, one attempt more. */
  readonly deferred: readonly { readonly sequence: number; readonly notBeforeMs: number }[];
  readonly requestsDone: readonly number[];
  /**
   * Due writes added or changed. Where `keepAge`, an existing row keeps its `sinceMs` and `attempts`, and one that is ready keeps the earlier `notBeforeMs`: the quiet
   * period begins with the first change, so that its wait is bounded however long edits keep coming. [S56]
   */
  readonly due: readonly (Due & { readonly keepAge: boolean })[];
  readonly dueDone: readonly DueKey[];
  /** Children that waited for these entities' records are ready. */
  readonly arrived: readonly { readonly sync: SyncId; readonly entity: EntityId }[];
  /** Their members are blocked from then on, whether or not the entity is among `entities`: `intent` of a loaded member is the open one. [S33] */
  readonly intentsOpened: readonly Intent[];
  readonly intentsClosed: readonly IntentId[];
  readonly journal: readonly JournalEntry[];
  readonly problems: readonly Problem[];
  /** Records whose problems are over. */
  readonly problemsOver: readonly { readonly sync: SyncId; readonly side: SideIndex; readonly record: RecordId }[];
}

/** One thing that happened, with its cause. [I14] The payload may hold personal values: it stands apart from the chain, under a salted digest. [S64] */
export interface JournalEntry {
  readonly run: RunId | null;
  readonly atMs: number;
  readonly sync: SyncId;
  readonly entity: EntityId | null;
  readonly side: SideIndex | null;
  readonly kind: JournalKind;
  /** JSON; its shape belongs to the kind. */
  readonly payload: string;
}
export type JournalKind = "merge" | "write" | "refused" | "decision" | "undo" | "guard" | "configuration" | "recovery" | "contact";

export interface JournalRow extends JournalEntry {
  readonly sequence: number;
  /** Null where the payload was erased. */
  readonly payloadErased: boolean;
}

export interface JournalQuery {
  readonly sync?: SyncId;
  readonly entity?: EntityId;
  readonly run?: RunId;
  readonly kinds?: readonly JournalKind[];
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Entries with a smaller sequence only. */
  readonly before?: number;
  readonly limit: number;
}

export interface Problem {
  readonly sync: SyncId;
  readonly side: SideIndex;
  readonly record: RecordId;
  readonly kind: "ambiguous" | "value" | "duplicate" | "reference";
  /** In plain words, without values. */
  readonly reason: string;
  /** Entities concerned, for ambiguous matches. */
  readonly entities: readonly EntityId[];
  readonly atMs: number;
}
export type ProblemRow = Problem;

export interface NewRun {
  readonly kind: "plan" | "apply" | "live" | "undo" | "resolve";
  readonly startedAtMs: number;
}
export type RunOutcome = "done" | "failed" | "stopped";
export interface RunRow extends NewRun {
  readonly id: RunId;
  readonly finishedAtMs: number | null;
  readonly outcome: RunOutcome | null;
  /** Writes made, by kind. */
  readonly writes: number;
}

export interface NewPlan {
  readonly run: RunId;
  readonly createdAtMs: number;
}
export interface PlanRow extends NewPlan {
  readonly id: PlanId;
  /** JSON, null while it is being made. */
  readonly summary: string | null;
}

/** One intended write as planned, with what must still hold when it is applied. [S60] */
export interface PlannedOperation extends DueKey {
  readonly kind: "create" | "update" | "restore" | "archive" | "delete" | "withheld" | "refused" | "waits";
  readonly record: RecordId | null;
  readonly entityVersion: number;
  /** Of the native image it was computed from; empty for a create. */
  readonly imageDigest: string;
  /** JSON: per field, before and after; or the reason. Empty for a create, which brings what its entity holds. */
  readonly detail: string;
}

export interface ParkedRow extends Due {
  readonly record: RecordId | null;
}

export interface GuardTrip {
  readonly id: string;
  readonly sync: SyncId;
  readonly guard: string;
  /** In plain words with counts. */
  readonly reason: string;
  readonly trippedAtMs: number;
  readonly approvedAtMs: number | null;
}

export interface ListedMember {
  readonly record: RecordId;
  readonly entity: EntityId;
  readonly state: StoredMember["state"];
  readonly image: NativeImage | null;
  readonly hasIntent: boolean;
}

export interface StateCounts {
  readonly syncs: readonly {
    readonly sync: SyncId;
    readonly entities: number;
    readonly members: readonly number[];
    readonly marks: number;
    readonly reviews: number;
    readonly problems: number;
  }[];
  readonly bytes: number;
  readonly journalEntries: number;
}
