import { DEFAULT_LIMITS, DoubtfulReadings, Echoes, Fights, refreshStates, SILENT_WATCHER } from "@accord/engine";
import type { EngineContext, Limits, RunningSync, SyncSettings } from "@accord/engine";
import type { CallOptions, Connection, Host, OpenObject } from "@accord/engine/connector";
import { keyMatcher } from "@accord/engine/match";
import type { Store } from "@accord/engine/store";
import { benchModel } from "./model.ts";
import type { BenchSync } from "./model.ts";

/** What an engine under test stands on. The store and the connections outlive it: a crash is a new bench on the same ones. */
export interface EngineBenchOptions {
  readonly host: Host;
  readonly store: Store;
  readonly connections: readonly Connection[];
  /** Parents before children. */
  readonly syncs: readonly BenchSync[];
  readonly settings?: Partial<SyncSettings>;
  readonly limits?: Partial<Limits>;
  readonly mayWrite?: boolean;
  readonly holder?: string;
}

const SETTINGS: SyncSettings = {
  live: true,
  quietMs: 0,
  sweepMs: 3_600_000,
  tombstoneMs: 7_776_000_000,
  guards: { deletesMax: null, deletesShareMax: 1, rewritesShareMax: {}, changedShareMax: 1, countShareMax: null, canaries: {} },
};

/** Calls that nobody cancels. */
export const UNCANCELLED: CallOptions = { signal: new AbortController().signal };

/** Makes the context of an engine: syncs registered, objects open, a run begun. */
export async function engineBench(options: EngineBenchOptions): Promise<EngineContext> {
  const { host, store } = options;
  const connections = new Map(options.connections.map((connection) => [connection.name, connection]));
  const syncs: RunningSync[] = [];
  for (const bench of options.syncs) {
    const model = benchModel(bench);
    const objects: OpenObject[] = [];
    for (const side of model.sides) {
      const connection = connections.get(side.connection);
      if (connection === undefined) throw new RangeError(`no connection ${side.connection}`);
      objects.push(await connection.open(side.object, side.mapping.columns, UNCANCELLED));
    }
    const row = await store.openSync(
      model.name,
      {
        digest: JSON.stringify(bench.fields),
        body: "{}",
        sides: model.sides.map((side, index) => ({
          connection: side.connection,
          object: side.object,
          keyOrder: objects[index]?.schema.keyOrder ?? "bytes",
          columns: side.mapping.columns,
        })),
        fields: model.fields.map(({ name }) => name),
        matchRules: model.match.length,
      },
      UNCANCELLED,
    );
    syncs.push({ id: row.id, model, settings: { ...SETTINGS, ...options.settings }, objects });
  }
  const context: EngineContext = {
    ...host,
    store,
    identity: await store.identity(),
    syncs,
    connections,
    matcher: keyMatcher,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    mayWrite: options.mayWrite ?? true,
    holder: options.holder ?? "bench",
    run: await store.startRun({ kind: "live", startedAtMs: host.clock.nowMs() }, UNCANCELLED),
    states: new Map(),
    pilots: new Set(),
    leases: new Map(),
    doubtful: new DoubtfulReadings(),
    echoes: new Echoes(),
    unsettled: new Map(),
    ledger: new Map(),
    fights: new Fights(),
    watch: SILENT_WATCHER,
  };
  await refreshStates(context, UNCANCELLED);
  return context;
}
