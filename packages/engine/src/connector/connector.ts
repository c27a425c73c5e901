import type { EntityId, IntentId, NativeCell, NativeImage, ObjectSchema, RecordId } from "@accord/core";
import type { CallOptions, Host } from "../host/host.ts";

/** Code that speaks to one kind of system. Stateless: everything with a lifetime is a {@link Connection}. */
export interface Connector {
  /** As in accord.yaml: `connector: postgres`. */
  readonly name: string;
  /** Checks the settings of one connection without reaching the system: problems in plain words, each naming its key. */
  checkSettings(settings: ConnectionSettings): readonly SettingProblem[];
  /** Makes a connection. Nothing is reached before its first call. */
  connect(settings: ConnectionSettings, context: ConnectContext): Connection;
}

/** The keys below `connections.<name>` of accord.yaml, `${NAME}` already filled in. */
export type ConnectionSettings = Readonly<Record<string, unknown>>;

export interface SettingProblem {
  readonly key: string;
  readonly problem: string;
  readonly remedy: string;
}

export interface ConnectContext extends Host {
  /** The connection's name in accord.yaml, for messages. */
  readonly name: string;
  /** Marks what Accord makes at the system (slot, publication, triggers, tables), so that two projects on one database stay apart: `[a-z0-9_]{1,24}`. */
  readonly installation: string;
  /** No write may outlast this, so that it has ended before its worker's lease does: the connector cuts its own timeouts down to it. Left out: they stand as they are. Milliseconds. [S31, S32] */
  readonly requestMsMax?: number;
}

/**
 * One authorised account or database reached through a connector.
 * Calls may be made concurrently; each honours its signal. Failures are `AccordError`s:
 * ACCORD_UNREACHABLE (retry), ACCORD_RATE_LIMITED (retry), ACCORD_AUTH_REJECTED (reauthorize), ACCORD_FORBIDDEN (stop), ACCORD_CURSOR_EXPIRED (reread),
 * ACCORD_OBJECT_MISSING (stop), ACCORD_NOT_INSTALLED (stop), ACCORD_CANCELLED (stop).
 */
export interface Connection {
  readonly name: string;
  /** Reaches the system and says in plain words what this connection can do and why not more. Writes nothing. */
  check(objects: readonly string[], options: CallOptions): Promise<ConnectionReport>;
  /** Every object that the account can see. */
  discover(options: CallOptions): Promise<readonly ObjectSchema[]>;
  /** Opens one object with the columns a sync reads, in the order in which its images carry them. Fails where key or columns are missing. */
  open(object: string, columns: readonly string[], options: CallOptions): Promise<OpenObject>;
  /** Makes what live capture and outcome proof need (slot, publication, triggers, tables), or says what it would make. Repeatable. [S60] */
  install(objects: readonly string[], mode: InstallMode, options: CallOptions): Promise<readonly InstallStep[]>;
  /** Removes all that `install` made. Repeatable. */
  uninstall(mode: InstallMode, options: CallOptions): Promise<readonly InstallStep[]>;
  /** A fingerprint of the system as a source: it changes when a backup is restored or the address leads elsewhere. [S12] */
  epoch(options: CallOptions): Promise<string>;
  /** Follows changes of the given objects from a cursor on. One feed at a time. @throws ACCORD_NOT_INSTALLED, ACCORD_CURSOR_EXPIRED */
  follow(objects: readonly OpenObject[], cursor: Cursor, options: CallOptions): Promise<Feed>;
  /** The cursor of now: a feed from it shows every change whose commit a listing begun afterwards may have missed. */
  currentCursor(options: CallOptions): Promise<Cursor>;
  /** How far a feed that stands at `cursor` is behind now, and what the system keeps for it; null where it keeps none. Writes nothing, and needs no feed that is open. */
  standing(cursor: Cursor, options: CallOptions): Promise<FeedStanding | null>;
  /** Writes the store's identity next to the proof rows, or reads what is there. [S58] Null where nothing is installed. */
  readMark(options: CallOptions): Promise<StoreMark | null>;
  writeMark(mark: StoreMark, options: CallOptions): Promise<void>;
  close(): Promise<void>;
}

export type InstallMode = "do" | "describe";

/** One thing made, removed or (in mode `describe`) to be made: `replication slot accord_shop`. `sql` is what was or would be run, where it is SQL. */
export interface InstallStep {
  readonly what: string;
  readonly sql: string | null;
  readonly state: "done" | "already" | "would" | "impossible";
  readonly reason: string | null;
}

/** Which store last wrote to a system. [S58] */
export interface StoreMark {
  readonly storeId: string;
  readonly generation: number;
  /** How far the store's journal had come when it signed: a store of the same generation that has not come so far is an older copy of it. Left out: it was not said. */
  readonly revision?: number;
}

/** Opaque position in one change feed; only the connector that issued it reads it. */
export type Cursor = string & { readonly brand?: "Cursor" };

/**
 * Opaque position of one image of a record in the system's log, or of a reading or a write among its changes. [S57]
 * Compared only by `OpenObject.covers`.
 */
export type Position = string & { readonly brand?: "Position" };

export type GuaranteeLevel = "G1" | "G2" | "G2+" | "G3";

/** What a connection can do for one object. [S26] */
export interface Capabilities {
  /** How changes are learnt: a log with images, a log of touched record ids, or listings alone. */
  readonly capture: "log" | "touched" | "sweep";
  /** Whether a write may be made conditional on the cells it replaces. */
  readonly compareAndSet: boolean;
  /** Whether the outcome of a write can be proven later by its intent id. */
  readonly proof: boolean;
  /** Whether a create carries the entity id, unique, and can be looked up by it. [S35] */
  readonly externalId: boolean;
  readonly changeHistory: boolean;
  /** Whether the system itself tells that a record is gone because it was merged into another: by changes and by readings. [S41] Left out: only columns may tell. */
  readonly merges?: boolean;
  /** Whether the id of a deleted record may be given to another, as SQLite does with its highest row id. [S34] */
  readonly reusesIds: boolean;
  /** Operations per write call, at most. */
  readonly batchSizeMax: number;
  /** Records per page and ids per read, at most. */
  readonly pageSizeMax: number;
  /** The staleness bound `L`: how old a reading may be. 0 where readings are current. [S4, S10] */
  readonly staleReadMsMax: number;
  /** The request deadline `D`: a request that has not ended by then never will, or has. [S31] */
  readonly requestDeadlineMs: number;
}

/** What `check` prints of a connection. */
export interface ConnectionReport {
  /** For instance `PostgreSQL 18.1, database shop, user accord`. */
  readonly system: string;
  readonly objects: readonly ObjectReport[];
  /** Rights or settings that are missing, each with what to do about it. */
  readonly problems: readonly ReportLine[];
}

export interface ObjectReport {
  readonly object: string;
  readonly capabilities: Capabilities;
  /** Why a capability is missing, in plain words with the remedy; empty at G3. */
  readonly notes: readonly ReportLine[];
}

export interface ReportLine {
  readonly severity: "error" | "warning" | "note";
  readonly text: string;
  readonly remedy: string | null;
}

/** One object of a connection with the columns that a sync reads. Images carry these columns in this order. */
export interface OpenObject {
  readonly schema: ObjectSchema;
  readonly columns: readonly string[];
  readonly capabilities: Capabilities;
  /**
   * Lists every record after `after` in the order of record ids (`schema.keyOrder`), from the first where `after` is null. Resuming after any page is safe.
   * The caller pulls page by page; nothing is read ahead beyond one page. The last page has `complete: true`: only then is a missing record absent. [S11]
   */
  list(after: RecordId | null, options: ListOptions): AsyncIterable<RecordPage>;
  /** Reads records by id, strongly consistent where the system can. One result per id, in order. At most `capabilities.pageSizeMax` ids. */
  read(ids: readonly RecordId[], options: CallOptions): Promise<Reading>;
  /**
   * Writes a batch in one call: one outcome per operation, in order. [S47] The operations touch distinct records. Never throws for an outcome: a lost answer makes
   * outcomes `unknown`, a request that surely never left makes them `notSent`, a refusal that cannot be laid on one operation of several makes all `batchRejected`
   * (the engine bisects). Throws only ACCORD_AUTH_REJECTED, ACCORD_RATE_LIMITED, ACCORD_FORBIDDEN, ACCORD_CANCELLED, and only when nothing was written.
   */
  write(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]>;
  /** The intents of these that landed, with the record each touched. [S31] Only where `capabilities.proof`. */
  findProofs(intents: readonly IntentId[], options: CallOptions): Promise<ReadonlyMap<IntentId, RecordId>>;
  /** The live or former record that a create for each entity made. [S35] Only where `capabilities.externalId`. */
  findByEntity(entities: readonly EntityId[], options: CallOptions): Promise<ReadonlyMap<EntityId, RecordId>>;
  /** Every (entity, record) pair that proof rows know, for rebuilding links of a lost store. [S58] Only where `capabilities.externalId`. */
  listLinks(after: EntityId | null, options: CallOptions): AsyncIterable<readonly (readonly [EntityId, RecordId])[]>;
  /** Whether a reading or write at `known` already includes the change at `change`: then its image is old news. Pure. [S57] */
  covers(known: Position, change: Position): boolean;
}

export interface ListOptions extends CallOptions {
  readonly pageSize: number;
}

/** Records as two arrays of equal length, because a million small objects cost more than what is in them. */
export interface RecordPage {
  readonly ids: readonly RecordId[];
  readonly images: readonly NativeImage[];
  /** Covers every change that these images include, and none that they lack. */
  readonly position: Position;
  readonly complete: boolean;
}

export interface Reading {
  /** Null where no record has the id: absent by a positive answer, not by an error. [S11] */
  readonly images: readonly (NativeImage | null)[];
  readonly position: Position;
  /** Where `capabilities.merges`: of each id that no record has, the record that it was merged into; null where it was not. [S41] */
  readonly merged?: readonly (RecordId | null)[];
}

/** Cells to set or to expect, by the column's place in `OpenObject.columns`; other columns are not touched. [S29] */
export interface CellPatch {
  readonly column: number;
  readonly cell: NativeCell;
}

/** One intended write. */
export type WriteOperation =
  | {
      readonly kind: "create";
      readonly intent: IntentId;
      readonly entity: EntityId;
      /** What the record is to hold, as one image, since creates come in millions. Cells that are unknown are left to the system. */
      readonly set: NativeImage;
      /** Ids that records of the entity had and that are gone: what stands under one of them is not its record, whatever was proven once. [S34] Default none. */
      readonly former?: readonly RecordId[];
    }
  | {
      readonly kind: "update";
      readonly intent: IntentId;
      readonly entity: EntityId;
      readonly record: RecordId;
      readonly set: readonly CellPatch[];
      /** Compare-and-set: the write happens only where each of these cells is as given (null-safe). [S26, S16] */
      readonly expect: readonly CellPatch[];
    }
  | {
      readonly kind: "delete";
      readonly intent: IntentId;
      readonly entity: EntityId;
      readonly record: RecordId;
      readonly expect: readonly CellPatch[];
    };

export interface WriteOptions extends CallOptions {
  /** Which store writes: proof rows carry it. */
  readonly mark: StoreMark;
  /**
   * Makes durable that this write was meant. [S29] Called once, and awaited, before anything that can last: what a rollback undoes may have been sent by then, the commit may not.
   * Where nothing is written it need not be called. Where it fails nothing of the write lasts, and `write` fails as it did. Left out: it is durable already.
   */
  readonly confirm?: () => Promise<void>;
}

/** What became of one operation. */
export type WriteOutcome =
  /** It happened. `image` is the record's full image as the same transaction left it, null after a delete or where the system returns none. [S57] */
  | { readonly kind: "applied"; readonly record: RecordId; readonly image: NativeImage | null; readonly position: Position | null }
  /** The expected cells were not there any more; nothing was written. [S30] */
  | { readonly kind: "changed" }
  /** No such record; nothing was written. For a delete this means done. [S32] */
  | { readonly kind: "missing" }
  /** A unique rule is held by another record; nothing was written. `holder` where the system tells. [S37] */
  | { readonly kind: "taken"; readonly reason: string; readonly columns: readonly string[]; readonly holder: RecordId | null }
  /** The create of this entity is already there. [S35] */
  | { readonly kind: "exists"; readonly record: RecordId }
  /** The system refuses this operation for good, in its own words without field values where possible. [S30] */
  | { readonly kind: "rejected"; readonly code: string; readonly reason: string }
  /** The system refused the whole batch and nothing was written; some operation in it is at fault. [S47] */
  | { readonly kind: "batchRejected"; readonly reason: string }
  /** It may or may not have happened. [S31] */
  | { readonly kind: "unknown"; readonly reason: string }
  /** It surely did not happen, and may be tried again. */
  | { readonly kind: "notSent"; readonly reason: string; readonly retryAfterMs: number | null };

/** A change feed. Pulled by the engine at its own pace; the connector buffers at most one batch. */
export interface Feed {
  /** The next changes, oldest first, or an empty batch after `waitMs`. @throws ACCORD_CURSOR_EXPIRED, ACCORD_UNREACHABLE (follow again from the last cursor) */
  next(options: NextOptions): Promise<ChangeBatch>;
  /** Everything up to this cursor is durable here: the system may forget it. Cheap; sent on with the next contact. */
  acknowledge(cursor: Cursor): void;
  /** Bytes of log that the system keeps for us, where it tells: for `status`, and the limit at which the feed is given up. */
  readonly retainedBytes: number | null;
  close(): Promise<void>;
}

/** How a feed stands beside its system, whether or not anybody follows it now. */
export interface FeedStanding {
  /** What was written at the system since the cursor: bytes of its whole log, other databases' included, or changes in a log of Accord's own. */
  readonly behind: { readonly amount: number; readonly unit: "bytes" | "changes" };
  /** Bytes that the system keeps because the feed has not acknowledged them; null where it does not tell. */
  readonly retainedBytes: number | null;
  /** From so many retained bytes on the feed is given up and a sweep takes its place; null: never. */
  readonly retainedBytesMax: number | null;
  /** False: the system no longer has what came after the cursor, and everything will be listed again. */
  readonly isKept: boolean;
}

export interface NextOptions extends CallOptions {
  readonly waitMs: number;
  readonly changesMax: number;
}

export interface ChangeBatch {
  readonly changes: readonly Change[];
  /** Resuming from here misses nothing after these changes. */
  readonly cursor: Cursor;
}

/** Word of one changed record. */
export interface Change {
  /** The object's place in the list given to `follow`. */
  readonly object: number;
  readonly record: RecordId;
  readonly change:
    /** Something happened to it; read it. [S7] Where the log numbers its hints, a reading or write that covers `position` already includes it: no need to read. [S57] */
    | { readonly kind: "touched"; readonly position?: Position }
    /** Its image, from a log with a per-record monotone position. Cells may be unknown (`\U`, an unchanged TOAST value). [S7, S57] */
    | { readonly kind: "image"; readonly image: NativeImage; readonly position: Position }
    | { readonly kind: "deleted"; readonly position: Position | null }
    /** Its key changed: `record` is the new id. An image or a touch of the new id follows. [S63] `position` from a log: old news where it is covered for the new id. */
    | { readonly kind: "renamed"; readonly from: RecordId; readonly position?: Position }
    /**
     * It was merged into another record of the object, and is gone or no more than a shell: never a delete. [S41] Only where `capabilities.merges`. Where a column of the record tells, its image does, and
     * this is not needed.
     */
    | { readonly kind: "merged"; readonly into: RecordId; readonly position?: Position }
    /** The object was emptied at once (TRUNCATE); `record` is empty. A sweep must follow, under the guard for deletes. [S43] */
    | { readonly kind: "emptied" };
  /** When the change was committed by the system's clock, or null. Epoch milliseconds. */
  readonly committedAtMs: number | null;
}
