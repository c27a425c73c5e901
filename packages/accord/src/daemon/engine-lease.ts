import { hostname } from "node:os";
import {
  DEFAULT_LIMITS,
  DoubtfulReadings,
  Echoes,
  Fights,
  releaseEngine,
  releaseLeases,
  renewEngine,
  SILENT_WATCHER,
  takeEngine,
} from "@accord/engine";
import type { EngineContext } from "@accord/engine";
import type { CallOptions, Clock, Host } from "@accord/engine/connector";
import { keyMatcher } from "@accord/engine/match";
import type { LeaseName, Store, StoreIdentity } from "@accord/engine/store";

/** How this process is named in leases: for people, and for finding out whether the holder still lives. */
export function leaseHolderName(): string {
  return `${process.pid}@${hostname()}`;
}

/** The exclusive right to act on a store, kept until it is released. */
export interface HeldEngine {
  /** Aborts when the outer signal does, or when the right was lost. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

/** What taking the right to act needs, for commands that run no sync. */
export function bareContext(host: Host, store: Store, identity: StoreIdentity): EngineContext {
  return {
    ...host,
    store,
    identity,
    syncs: [],
    connections: new Map(),
    matcher: keyMatcher,
    limits: DEFAULT_LIMITS,
    mayWrite: false,
    holder: leaseHolderName(),
    run: 0,
    states: new Map(),
    pilots: new Set(),
    leases: new Map(),
    doubtful: new DoubtfulReadings(),
    echoes: new Echoes(0),
    unsettled: new Map(),
    ledger: new Map(),
    fights: new Fights(),
    watch: SILENT_WATCHER,
  };
}

/**
 * Takes the right to act and renews it while work goes on. A holder of this machine whose process is gone is replaced at once; any other is waited for by the
 * user. [S54] @throws ACCORD_ALREADY_RUNNING
 */
export async function holdEngine(context: EngineContext, options: CallOptions): Promise<HeldEngine> {
  await dismissDeadHolder(context.store, context.clock, context.identity.shards, options);
  const lease = await takeEngine(context, options);
  const stop = new AbortController();
  const abort = (): void => stop.abort(options.signal.reason);
  options.signal.addEventListener("abort", abort, { once: true });
  const renewal = setInterval(
    () => void renewEngine(context, lease, options).catch((error: unknown) => stop.abort(error)),
    context.limits.leaseMs / 3,
  );
  renewal.unref();
  return {
    signal: stop.signal,
    release: async () => {
      clearInterval(renewal);
      options.signal.removeEventListener("abort", abort);
      const unhurried = { signal: new AbortController().signal };
      await releaseLeases(context, unhurried);
      await releaseEngine(context, lease, unhurried);
    },
  };
}

/** After a kill the leases of the dead process would block the next one until they expire; when it is surely dead they need not. */
export async function dismissDeadHolder(store: Store, clock: Clock, shards: number, options: CallOptions): Promise<void> {
  for (const name of ["engine", ...shardLeases(shards)] as const) {
    const held = await store.leaseHolder(name, options);
    if (held === null || !isDead(held.holder)) continue;
    // The dead cannot renew: the lease is taken as of its expiry, which raises its epoch, and given back.
    const lease = await store.takeLease(
      name,
      leaseHolderName(),
      held.expiresAtMs + 1,
      Math.max(clock.nowMs(), held.expiresAtMs + 1),
      options,
    );
    if (lease !== null) await store.releaseLease(lease, options);
  }
}

function shardLeases(shards: number): LeaseName[] {
  return Array.from({ length: shards }, (_, shard): LeaseName => `shard:${shard}`);
}

/** Whether the process of a holder of this very machine is gone. Of other machines nothing is known. */
export function isDead(holder: string): boolean {
  const [, id, host] = /^(\d+)@(.*)$/.exec(holder) ?? [];
  if (id === undefined || host !== hostname() || Number(id) === process.pid) return false;
  try {
    process.kill(Number(id), 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}
