import type { EntityId, NativeImage, Provenance, RecordId, SideIndex } from "@accord/core";
import type { Position } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { Changes, JournalEntry, Lease, ListingRow, SyncId } from "./rows.ts";

/**
 * First contact of a new sync in bulk. [S36, S52] Listed records are kept in listing order; once every side is listed they are grouped by the keys of the first match
 * rule, and groups become entities in the order of their first records: each record is read once and each entity written once. What is not plain is left to marks.
 * Every step is resumable: what was staged stays staged, and `commit` says how far it has come.
 */
export interface FirstContact {
  /** Keeps a page of a first listing together with the listing's progress. */
  stage(page: StagedPage, options: CallOptions): Promise<void>;
  /**
   * Groups what was staged. Repeatable. `isAlone`: nothing but first contact has made entities or marks of this sync, so that records meet nobody but one another.
   * Takes some seconds per million records, at once.
   */
  group(sync: SyncId, sides: number, options: CallOptions): Promise<{ readonly isAlone: boolean }>;
  /** The next groups in the order of their first records: side by side as declared, each side as listed. Empty at the end. */
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
  /** Of the first match rule, per record; null where the record has none. */
  readonly keys: readonly (string | null)[];
  readonly position: Position;
  /** When the listing began. Epoch milliseconds. */
  readonly atMs: number;
  readonly listing: ListingRow;
}

export interface StagedRecord {
  readonly side: SideIndex;
  readonly record: RecordId;
  readonly image: NativeImage;
  readonly position: Position;
  /** When its listing began. Epoch milliseconds. */
  readonly seenAtMs: number;
}

/** Records whose keys of the first rule have the same hash: whether the keys are the same is for the reader to see. */
export interface StagedGroup {
  /** Grows from group to group. */
  readonly place: number;
  /** As they were listed; more of one side are possible. */
  readonly records: readonly StagedRecord[];
  /** More records share the key than there are sides: each comes as a group of its own. */
  readonly isCrowd: boolean;
}

/** What became of groups: new entities and what is due for them, or marks of records that go the ordinary way. */
export interface FirstContactChanges extends Pick<Changes, "entities" | "marks" | "due" | "journal"> {
  readonly sync: SyncId;
  /** The `place` of the last group that this takes in. */
  readonly upTo: number;
  /** New entities whose ids come before those of `entities`. */
  readonly level: readonly LevelEntity[];
  /** Tells of all entities that have no journal entry of their own here. */
  readonly shared: JournalEntry | null;
}

/**
 * A new entity with a live record at every side, all of which hold its canonical values: most of a first contact, and so told in short. It lives; every field is known, of
 * version 1 and of one provenance, and acknowledged by every member; nothing waits for a person.
 */
export interface LevelEntity {
  readonly id: EntityId;
  readonly sync: SyncId;
  /** The canonical values as one text: cells in the order of the sync's fields, as in an image. */
  readonly values: NativeImage;
  readonly keys: readonly (string | null)[];
  readonly provenance: Provenance;
  /** One per side, in their order. */
  readonly records: readonly StagedRecord[];
}
