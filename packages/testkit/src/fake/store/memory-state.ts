import type { EntityId, Provenance, RecordId } from "@accord/core";
import type {
  ConnectionRow,
  Due,
  GuardTallyRow,
  GuardTrip,
  Intent,
  JournalEntry,
  Lease,
  ListingRow,
  Mark,
  NewPlan,
  NewRequest,
  NewRun,
  PlanId,
  PlannedOperation,
  Problem,
  RunId,
  RunOutcome,
  StagedRecord,
  StoredEntity,
  SyncConfiguration,
  SyncId,
  SyncState,
  SyncVersionRow,
} from "@accord/engine/store";

export interface StoredSync {
  readonly id: SyncId;
  readonly name: string;
  version: number;
  configuration: SyncConfiguration;
  state: SyncState;
  stateReason: string | null;
  readonly listings: ListingRow[];
  /** Oldest first. */
  readonly versions: SyncVersionRow[];
}

/** A staged record with its place, counted per sync, its keys, and the id of the entity it may become. */
export interface StagedRow extends StagedRecord {
  readonly sync: SyncId;
  readonly place: number;
  readonly id: EntityId;
  readonly keys: readonly (string | null)[];
  readonly provenance: Provenance;
}

/** How far the first contact of a sync has come. */
export interface FirstContactState {
  upTo: number;
  readonly isAlone: boolean;
  /** Ids of entities that were made as their records were staged, level ones. */
  readonly level: Set<EntityId>;
}

export interface StoredMark {
  readonly mark: Mark;
  readonly sequence: number;
  readonly attempts: number;
}

/** Everything a memory store holds. Keys are texts joined by `/`; records come last, since they may hold any character. */
export class MemoryState {
  storeId = "memory";
  generation = 1;
  restored = false;
  counter = 0;
  nextEntity = 1;
  nextSequence = 1;
  readonly syncs: StoredSync[] = [];
  readonly connections = new Map<string, ConnectionRow>();
  readonly leases = new Map<string, Lease>();
  readonly leaseEpochs = new Map<string, number>();
  readonly entities = new Map<EntityId, StoredEntity>();
  readonly keys = new Map<EntityId, readonly (string | null)[]>();
  /** `sync/side/record` of live and former members to their entity. */
  readonly links = new Map<string, EntityId>();
  readonly marks = new Map<string, StoredMark>();
  /** Match keys of records that waited to be joined, by `sync/side/record`: they outlive the mark of a record that was set aside. [S36] */
  readonly staged = new Map<string, readonly (string | null)[]>();
  /** What first listings read, until everyone has met. */
  readonly stagedRecords: StagedRow[] = [];
  readonly firstContacts = new Map<SyncId, FirstContactState>();
  /** By entity: the index of the journal entry of its first contact, where it shares that with others. */
  readonly sharedEntries = new Map<EntityId, number>();
  readonly requests = new Map<number, NewRequest>();
  /** What merged entities have become, in one step. [S41] */
  readonly merged = new Map<EntityId, EntityId>();
  readonly due = new Map<string, Due>();
  /** Due rows that are held as a merge left them: the version of the sync's configuration at that merge. */
  readonly heldAt = new Map<string, number>();
  readonly intents = new Map<string, Intent>();
  readonly journal: JournalEntry[] = [];
  readonly problems = new Map<string, Problem>();
  readonly trips = new Map<string, GuardTrip>();
  /** By `sync/side`. */
  readonly tallies = new Map<string, GuardTallyRow>();
  readonly runs: (NewRun & { id: RunId; finishedAtMs: number | null; outcome: RunOutcome | null })[] = [];
  readonly plans: (NewPlan & { id: PlanId; summary: string | null; operations: PlannedOperation[] })[] = [];

  /** What a backup holds: everything as it is now, untouched by what follows. */
  copy(): MemoryState {
    return Object.assign(new MemoryState(), structuredClone(Object.fromEntries(Object.entries(this))));
  }

  sync(id: SyncId): StoredSync {
    const sync = this.syncs.find((row) => row.id === id);
    if (sync === undefined) throw new RangeError(`no sync ${id}`);
    return sync;
  }
}

export function recordKey(sync: SyncId, side: number, record: RecordId): string {
  return `${sync}/${side}/${record}`;
}

export function dueKey(key: { readonly sync: SyncId; readonly side: number; readonly entity: EntityId }): string {
  return `${key.sync}/${key.side}/${key.entity}`;
}
