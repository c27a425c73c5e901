import type { EntityId, NativeImage, Provenance, RecordId, SideIndex } from "@accord/core";
import type { Position } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { Changes, JournalEntry, Lease, ListingRow, SyncId } from "./rows.ts";

/**
 * First contact of a new sync in bulk. [S36, S52] Listed records are kept in listing order; once every side is listed they are grouped by the keys of the first match
 * rule, and groups become entities: each record is read once and each entity written once. What is not plain is left to marks.
 * Every step is resumable: what was staged stays staged, and each commit says how far it has come.
 */
export interface FirstContact {
  /** Keeps a page of a first listing together with the listing's progress. */
  stage(page: StagedPage, options: CallOptions): Promise<void>;
  /**
   * Groups what was staged. Repeatable. `isAlone`: nothing but first contact has made entities or marks of this sync, so that records meet nobody but one another.
   * Takes a second or two per million records, at once.
   */
  group(sync: SyncId, options: CallOptions): Promise<{ readonly isAlone: boolean }>;
  /**
   * Makes entities of the next groups that are level: a record at every side, all staged with the same `said`. Called until `isDone`, before anything is loaded.
   * `entryOf` gives the journal entry of those that were made, by their ids; it is called within the commit. @throws ACCORD_LEASE_LOST
   */
  meetLevel(lease: Lease, sync: SyncId, entryOf: (made: readonly EntityId[]) => JournalEntry, options: CallOptions): Promise<LevelStep>;
  /** The next groups of which nothing was made yet, in the order of their first records: side by side as declared, each side as listed. Empty at the end. */
  load(sync: SyncId, limit: number, options: CallOptions): Promise<readonly StagedGroup[]>;
  /** Commits what became of groups, whole or not at all. @throws ACCORD_LEASE_LOST */
  commit(lease: Lease, changes: FirstContactChanges, options: CallOptions): Promise<void>;
  /** Everyone has met: links and match keys can be looked up from then on, and what was staged is forgotten. Repeatable. */
  finish(sync: SyncId, options: CallOptions): Promise<void>;
}

export interface StagedPage {
  readonly sync: SyncId;
  readonly side: SideIndex;
  readonly ids: readonly RecordId[];
  readonly images: readonly NativeImage[];
  /** Per record: its keys by match rule, null where it has none. Where nothing is `said` the first one is enough. */
  readonly keys: readonly Keys[];
  /** Per record: what can be told of it in short. */
  readonly said: readonly (NativeImage | null)[];
  /** Where the values of an entity come from that a record of this page says first. */
  readonly provenance: Provenance;
  readonly position: Position;
  /** When the listing began. Epoch milliseconds. */
  readonly atMs: number;
  readonly listing: ListingRow;
}

type Keys = readonly (string | null)[];

export interface StagedRecord {
  readonly side: SideIndex;
  readonly record: RecordId;
  readonly image: NativeImage;
  /**
   * The canonical values as one text, cells in the order of the sync's fields as in an image: of a record all of whose fields are known, that takes part, and whose side may tell every field.
   * Null for all others. The store may forget it where it could not keep the record in short.
   */
  readonly said: NativeImage | null;
  readonly position: Position;
  /** When its listing began. Epoch milliseconds. */
  readonly seenAtMs: number;
}

export interface LevelStep {
  readonly entities: number;
  readonly isDone: boolean;
}

/** Records whose keys of the first rule are alike by their hashes: whether the keys are the same is for the reader to see. */
export interface StagedGroup {
  /** Grows from group to group. */
  readonly place: number;
  /** The id of the entity that the group may become: nobody else's, whatever becomes of it. */
  readonly id: EntityId;
  /** One of a side at most, in the order of the sides. */
  readonly records: readonly StagedRecord[];
  /** One of several records of a side with the key, or a partner of such: each comes as a group of its own. */
  readonly isCrowd: boolean;
}

/** What became of groups: new entities and what is due for them, or marks of records that go the ordinary way. */
export interface FirstContactChanges extends Pick<Changes, "entities" | "marks" | "due" | "journal"> {
  readonly sync: SyncId;
  /** The `place` of the last group that this takes in. */
  readonly upTo: number;
  /**
   * The places of groups of one record that became entities as they were staged. Such an entity lives and has one live member; its values are what the record `said`, of version 1, acknowledged,
   * and of one provenance; nothing waits for a person. Level entities are the same with a member at every side.
   */
  readonly lone: readonly number[];
  /** Tells of all entities that have no journal entry of their own here. */
  readonly shared: JournalEntry | null;
}
