import type { IntentId, SyncModel } from "@accord/core";
import type { Connection, OpenObject } from "../connector/connector.ts";
import type { CallOptions, Host } from "../host/host.ts";
import type { Lease, LeaseName, RunId, Shard, StoreIdentity, SyncId, SyncState } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { Matcher } from "../match/matcher.ts";
import type { DoubtfulReadings } from "./doubtful-readings.ts";
import type { Echoes } from "./echoes.ts";
import type { Fights } from "./fights.ts";
import type { GuardLedger } from "./guard-ledger.ts";
import type { Limits } from "./limits.ts";
import type { SyncSettings } from "./settings.ts";
import { pausedFrom } from "./paused-from.ts";

/** A sync as it runs: its compiled model with the open objects of its sides. */
export interface RunningSync {
  readonly id: SyncId;
  readonly model: SyncModel;
  readonly settings: SyncSettings;
  /** By side. Each carries the columns of the side's mapping in the mapping's order. */
  readonly objects: readonly OpenObject[];
}

/** What every phase works with. */
export interface EngineContext extends Host {
  readonly store: Store;
  readonly identity: StoreIdentity;
  /** Parents before children. [S45] */
  readonly syncs: readonly RunningSync[];
  readonly connections: ReadonlyMap<string, Connection>;
  readonly matcher: Matcher;
  readonly limits: Limits;
  /** False for plans: nothing is written to any system. */
  readonly mayWrite: boolean;
  /** Names this process in leases. */
  readonly holder: string;
  /** The run that writes are made in. */
  readonly run: RunId;
  /** How far each sync has come, as last read from the store: see `refreshStates`. */
  readonly states: Map<SyncId, SyncState>;
  /** Syncs that a guard stopped before they were live, as in a pilot: paused, and not live after it either. Kept beside `states`. */
  readonly pilots: Set<SyncId>;
  /** Leases that this process holds: kept between drains, given back by `releaseLeases`. */
  readonly leases: Map<LeaseName, Lease>;
  /** Own writes that may still come back by the feeds. */
  readonly echoes: Echoes;
  /** Readings of systems that may show what was, until they are confirmed. [S10] */
  readonly doubtful: DoubtfulReadings;
  /** By shard: since when this process knows of open intents whose outcome it does not. By its own clock: `Clock.elapsedMs`. [S31] */
  readonly unsettled: Map<Shard, Map<IntentId, number>>;
  /** What the guards have let through lately. */
  readonly ledger: GuardLedger;
  /** What sides told lately of fields: who fights over one is broken off. [S49] */
  readonly fights: Fights;
  /** What people should see as it happens: progress, counts. */
  readonly watch: RunWatcher;
}

/** Hears of what a run does. Calls return at once and never throw. */
export interface RunWatcher {
  listed(sync: string, side: string, records: number): void;
  merged(sync: string, records: number): void;
  written(sync: string, side: string, kind: string, records: number): void;
  parked(sync: string, side: string, reason: string): void;
  /** Two rules fight over a field of an entity: it is frozen, with the reason. [S49] */
  fought(sync: string, entity: number, field: string, reason: string): void;
  /** A system lacks an object or a column that it had when the run began. `where` is as in the error. [S50] */
  lacking(where: string): void;
}

export const SILENT_WATCHER: RunWatcher = {
  listed: () => {},
  merged: () => {},
  written: () => {},
  parked: () => {},
  fought: () => {},
  lacking: () => {},
};

/** Reads how far each sync has come. */
export async function refreshStates(context: EngineContext, options: CallOptions): Promise<void> {
  for (const { id, state } of await context.store.listSyncs(options)) {
    context.states.set(id, state);
    if (state !== "paused") context.pilots.delete(id);
    else if ((await pausedFrom(context.store, id, options)) === "planned") context.pilots.add(id);
  }
}

export function syncById(context: EngineContext, id: SyncId): RunningSync | undefined {
  return context.syncs.find((sync) => sync.id === id);
}

/** The wait before try number `attempts` + 1: doubling, bounded. Milliseconds. */
export function retryDelayMs(limits: Limits, attempts: number): number {
  return Math.min(limits.retryDelayMsMax, limits.retryDelayMsMin * 2 ** Math.min(attempts, 20));
}
