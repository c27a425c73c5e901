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
import type { CellPatch, Cursor, Position } from "../connector/connector.ts";

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
/** A slice of the entities: see `Store.shardOf`. Records that are not linked yet wait in shard 0, where joins are decided one after another. [S36, S54] */
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
  /** What the project file says of the sync, as text that can stand there again. [S51] Left out: it is not kept. */
  readonly source?: string;
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
  /** By column, those of the key included: what a later look is compared with. Another type is another version, as another digest is. [S50] Left out: not known. */
  readonly types?: ColumnTypes;
  /** By field that the side has: a text that changes whenever its values may be read or written otherwise there. [S51] Left out: not known. */
  readonly mappings?: Readonly<Record<string, string>>;
}

/** The type of a column: as its system names it (`numeric(12,2)`), and the canonical type that its values are of (`decimal`). */
export interface ColumnType {
  readonly native: string;
  readonly natural: string;
}
export type ColumnTypes = Readonly<Record<string, ColumnType>>;

/** One version of a sync's configuration. [S51] */
export interface SyncVersionRow {
  readonly version: number;
  readonly digest: string;
  /** As in {@link SyncConfiguration}; `source` null where it was not kept. */
  readonly body: string;
  readonly source: string | null;
  /** By side. Empty where they were not known. */
  readonly types: readonly ColumnTypes[];
  /** By side, as in {@link SideConfiguration}. Empty where they were not known. */
  readonly mappings: readonly Readonly<Record<string, string>>[];
  /** When it was planned first. Epoch milliseconds. */
  readonly atMs: number;
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
 * a newer image lies over the older (its unknown cells keep the older image's), `touched` makes it touched (it will be read), and a delete with anything but another
 * delete beside it makes it replaced. A mark to be read without a position stays without one: whoever asked for a reading gets it.
 * A rename moves the older mark to the new id and keeps the first `renamedFrom`. Word of a merge outlasts a newer delete or hint, and ends with a newer image that does not repeat it. [S41]
 */
export interface Mark {
  readonly sync: SyncId;
  readonly side: SideIndex;
  readonly record: RecordId;
  /** `replaced`: to be read, and a delete of it was told: what stands there now, if anything, may be another thing under the same id. [S34] */
  readonly kind: "touched" | "image" | "deleted" | "replaced";
  readonly image: NativeImage | null;
  readonly position: Position | null;
  readonly renamedFrom: RecordId | null;
  /** The record that it was merged into. [S41] Left out: nobody says so. */
  readonly mergedInto?: RecordId;
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
export type StoredMember = Omit<Member, "shadow" | "cut">;

export interface LoadedMark extends Mark {
  /** Identifies this state of the mark: consuming it does not touch a newer one. */
  readonly sequence: number;
  readonly attempts: number;
  readonly entity: StoredEntity | null;
}

/** What a person or a decision of the engine's asked for, carried out under the shard's lease. `body` is JSON that the engine reads. */
export interface NewRequest {
  readonly sync: SyncId;
  readonly entity: EntityId;
  /**
   * `retry`: a create whose answer was lost made nothing; also asked by the engine itself, where a complete listing shows it. [S35] All others are asked by the engine. `repoint`: what names a merged
   * entity is to follow it. [S41] `children`: the entity was deleted, and what names it is to be told; `follow`: one that names a deleted entity is to be detached from it, or deleted with it. [S45]
   */
  readonly kind: "decide" | "undo" | "link" | "delete" | "revive" | "retry" | "repoint" | "children" | "follow";
  readonly body: string;
  readonly run: RunId | null;
  readonly atMs: number;
  /** Not before this. Epoch milliseconds; left out: at once. */
  readonly notBeforeMs?: number;
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

/**
 * A native write: what a run wrote at this side is put back. [S59] `point`: a reference that stands there as `expect` and names a record that is gone is to say what is canonical; `set` is worked out
 * when it is written. [S45]
 */
export interface UndoWrite {
  readonly kind: "update" | "delete" | "point";
  readonly set: readonly CellPatch[];
  readonly expect: readonly CellPatch[];
}

export interface LoadedDue extends Due {
  readonly stored: StoredEntity;
}

/**
 * A held write told in short: a create, of an entity of this version whose records at other sides all live and every field of which is known, at a side where it never had a record. Only
 * what the merge that kept the entity last found so, under the present configuration, is told in short.
 */
export interface HeldCreate extends DueKey, Pick<Due, "sinceMs" | "attempts"> {
  readonly kind: "create";
  readonly version: number;
  /** The canonical values as one text: cells in the order of the sync's fields, as in an image. Empty where they were not asked for. */
  readonly values: NativeImage;
  /** Their versions, by field. Shared among many. */
  readonly versions: readonly number[];
}

/**
 * A record that is exactly as a write told it, of an entity whose record there it is, alive, or which never had one there: then it is that from now on. The entity changes in nothing
 * but what its member there shows.
 */
export interface LandedRecord extends DueKey {
  readonly record: RecordId;
  readonly image: NativeImage;
  /** By field: the version that the record reflects, 0 for none. Shared among many. */
  readonly ack: readonly number[];
  readonly position: string | null;
  readonly seenAtMs: number;
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

export interface PlannableListing extends DueListing {
  /** Whether the values of creates told in short are wanted; else they are empty. */
  readonly withValues: boolean;
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
  readonly kind: "create" | "update" | "restore" | "archive" | "merge" | "delete" | "undo-update" | "undo-delete";
  readonly record: RecordId | null;
  readonly fields: readonly { readonly field: FieldIndex; readonly version: number }[];
  /** Of a create one image: cells that are unknown are not set. */
  readonly set: NativeImage | readonly CellPatch[];
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
   * Entities as they are now, new ones included. Their members are written with them. `keys`: match keys by rule, null where the record has none for a rule, and behind them those of
   * the entities that it names (`nameKey`); `keys` itself null: unchanged.
   */
  readonly entities: readonly { readonly entity: StoredEntity; readonly keys: readonly (string | null)[] | null }[];
  /** After `entities`. */
  readonly landed?: readonly LandedRecord[];
  /** Marks done with, by sequence: a newer mark of the same record stays. */
  readonly consumed: readonly number[];
  /** The cursor of a feed whose batch was decided on at once, after it. [S6] */
  readonly cursor?: Pull["cursor"];
  readonly marks: readonly Mark[];
  /** Marks put off: not before a time, one attempt more. */
  readonly deferred: readonly { readonly sequence: number; readonly notBeforeMs: number }[];
  readonly requestsDone: readonly number[];
  /** What the engine asks of itself for later, because it is too much for one commit. */
  readonly requests?: readonly NewRequest[];
  /** Entities that were merged into others (`into`), or no longer are (null). Those that were merged into one of them before are merged into its winner from then on: chains flatten. [S41] */
  readonly merged?: readonly { readonly entity: EntityId; readonly into: EntityId | null }[];
  /**
   * Due writes added or changed. Where `keepAge`, an existing row keeps its `sinceMs` and `attempts`, and one that is ready keeps the earlier `notBeforeMs`: the quiet
   * period begins with the first change, so that its wait is bounded however long edits keep coming. [S56] One that is held with the code ACCORD_UNDONE stays so where a ready one comes over it. [S59]
   */
  readonly due: readonly (Due & { readonly keepAge: boolean })[];
  readonly dueDone: readonly DueKey[];
  /**
   * Undos that were carried out, or never can be. A due write that carries an undo is replaced by these alone, or by another undo: what else is found out of the entity meanwhile
   * (what its other sides are owed, or that this one lacks nothing) does not lose what a person asked for. [S59] Before `dueDone`.
   */
  readonly undosDone?: readonly DueKey[];
  /** Children that waited for these entities' records are ready. */
  readonly arrived: readonly { readonly sync: SyncId; readonly entity: EntityId }[];
  /** Their members are blocked from then on, whether or not the entity is among `entities`: `intent` of a loaded member is the open one. [S33] */
  readonly intentsOpened: readonly Intent[];
  readonly intentsClosed: readonly IntentId[];
  readonly journal: readonly JournalEntry[];
  /** What the guards count from now on, by side: with the intents that they let through. */
  readonly guarded?: readonly GuardTallyRow[];
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
  /** `merged`: it is left over from a merge elsewhere. [S41] */
  readonly kind: "ambiguous" | "value" | "duplicate" | "reference" | "merged";
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
  readonly kind: "create" | "update" | "restore" | "archive" | "merge" | "delete" | "withheld" | "refused" | "waits";
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

/** Which tombstones may go. [S39] */
export interface TombstoneQuery {
  readonly sync: SyncId;
  /** Deleted before this. Epoch milliseconds. */
  readonly beforeMs: number;
  /** Excluded. */
  readonly after: EntityId | null;
  /** Entities looked at, tombstones or not. */
  readonly limit: number;
}

export interface Collected {
  readonly collected: number;
  /** Where to go on; null: all were looked at. */
  readonly last: EntityId | null;
}

export interface ListedMember {
  readonly record: RecordId;
  readonly entity: EntityId;
  readonly state: StoredMember["state"];
  readonly image: NativeImage | null;
  readonly hasIntent: boolean;
}

/** What a scan shows of entities, as columns of equal length, because a million small objects cost more than what is in them. */
export interface EntityPage {
  readonly ids: readonly EntityId[];
  /** The canonical values of each as one text: cells in the order of the sync's fields, as in an image. */
  readonly values: readonly NativeImage[];
  /** Whether it is live and nothing beside its values and members is to be known: no review, no former lives, nothing pending. */
  readonly isPlain: readonly boolean[];
  /** By side. */
  readonly members: readonly MemberColumns[];
}

/** The members of one side, by entity. */
export interface MemberColumns {
  /** Null where there is no record: then the others say nothing. */
  readonly records: readonly (RecordId | null)[];
  readonly states: readonly StoredMember["state"][];
  readonly images: readonly (NativeImage | null)[];
}

/**
 * What the guards have let through at one side within the hour that began at `sinceMs`. It outlives its process: one that is started again and again is held to the same bounds. [S43, I13]
 */
export interface GuardTallyRow {
  readonly sync: SyncId;
  readonly side: SideIndex;
  /** Epoch milliseconds. */
  readonly sinceMs: number;
  /** The most records that were present at the side, as far as it was looked at. */
  readonly records: number;
  readonly deletes: number;
  /** Records rewritten because somebody changed them elsewhere, and when the first of them was. Epoch milliseconds; null while there are none. */
  readonly changed: number;
  readonly changedSinceMs: number | null;
  /** By field name: records in which its value was replaced (of fields that have a bound), and those in which it was emptied; and when the first of each was. Epoch milliseconds; null while there are none. */
  readonly rewrites: Readonly<Record<string, number>>;
  readonly rewritesSinceMs: number | null;
  readonly emptied: Readonly<Record<string, number>>;
  readonly emptiedSinceMs: number | null;
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
