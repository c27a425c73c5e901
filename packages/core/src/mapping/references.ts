import type { EntityId, RecordId, SideIndex } from "../record/identifiers.ts";

/**
 * What is known of the records that references name: canonical references hold entity ids, native ones hold record ids. [S44]
 * Loaded for a batch beforehand, so that mappings stay synchronous and pure.
 */
export interface References {
  /** The entity that a record of the parent sync's side belongs to; undefined while it is not known. */
  entityOf(sync: string, side: SideIndex, record: RecordId): EntityId | undefined;
  /** The live record of an entity of the parent sync at its side; undefined while there is none. */
  recordOf(sync: string, side: SideIndex, entity: EntityId): RecordId | undefined;
  /** The entity that this one was merged into; undefined where it was not. Never one that was merged itself. [S41] */
  winnerOf(entity: EntityId): EntityId | undefined;
}

/** For syncs without references. */
export const NO_REFERENCES: References = { entityOf: () => undefined, recordOf: () => undefined, winnerOf: () => undefined };
