import type { CallOptions } from "../host/host.ts";
import type { SyncId, SyncState } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

/** What a guard's journal entry holds. */
export interface TripPayload {
  readonly guard: string;
  readonly reason: string;
  /** What the sync was, and becomes again once a person approves. */
  readonly stateBefore: SyncState;
}

/** What a paused sync was when a guard stopped it; null where none did. */
export async function pausedFrom(store: Store, sync: SyncId, options: CallOptions): Promise<SyncState | null> {
  const [entry] = await store.readJournal({ sync, kinds: ["guard"], limit: 1 }, options);
  // The engine wrote this payload itself.
  return entry === undefined || entry.payloadErased ? null : (JSON.parse(entry.payload) as TripPayload).stateBefore;
}
