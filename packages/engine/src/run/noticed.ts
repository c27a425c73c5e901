import type { CallOptions } from "../host/host.ts";
import type { ColumnTypes, SyncId } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

/** What the journal keeps of a sync's configuration, whenever it changes in this. */
export interface ConfigurationPayload {
  /** By name, in their order. */
  readonly sides: readonly string[];
  /** By side and field, with the reason. [S50] */
  readonly paused: readonly PausedAt[];
  /** By field: the sides whose edits are taken. [S55] */
  readonly writers: Readonly<Record<string, readonly string[]>>;
  /** By side: the types of its columns, as the present version of the configuration has them. [S50] */
  readonly types: readonly ColumnTypes[];
  /** By side: how its fields are mapped, in the same version. [S51] */
  readonly mappings: readonly Readonly<Record<string, string>>[];
}

/** A field that waits at a side until what it is made of is there again. */
export interface PausedAt {
  readonly side: string;
  readonly field: string;
  readonly reason: string;
}

/** What was noticed of a sync when a run of it was last begun; null where none was. */
export async function lastNoticed(
  store: Pick<Store, "readJournal">,
  sync: SyncId,
  options: CallOptions,
): Promise<ConfigurationPayload | null> {
  const [entry] = await store.readJournal({ sync, kinds: ["configuration"], limit: 1 }, options);
  // The engine wrote this payload itself.
  return entry === undefined || entry.payloadErased ? null : (JSON.parse(entry.payload) as ConfigurationPayload);
}
