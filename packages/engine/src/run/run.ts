import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import { noteOpenIntents } from "../journal/unsettled.ts";
import { engineLost } from "../store/engine-lost.ts";
import type { Lease } from "../store/rows.ts";
import { Bell } from "./bell.ts";
import { Collector } from "./collect.ts";
import { retryDelayMs } from "./context.ts";
import type { EngineContext } from "./context.ts";
import { drainAll, releaseLeases } from "./drain.ts";
import { FirstWord } from "./first-word.ts";
import { Handover } from "./handover.ts";
import { sweep } from "./list.ts";
import { checkEpoch, checkEpochs } from "./epoch.ts";
import { checkTypes } from "./check-types.ts";
import { noticeConfiguration } from "./notice-configuration.ts";
import { followConnection, followedSides } from "./pull.ts";
import { carryOffers } from "./straight.ts";
import { isListingAwaited } from "./unproven.ts";

/** How often an idle engine looks whether another process left it something to do. Milliseconds. */
const LOOK_MS = 250;
/** How often the sweeper looks whether a sweep is due. Milliseconds. */
const SWEEP_LOOK_MS = 1_000;
/** How often the sweeper looks whether columns are what they were: beside each sweep, since images and readings come in between. Milliseconds. [S50] */
const TYPES_LOOK_MS = 60_000;

/**
 * A live run: pull, merge, push and settle until the signal aborts. Feeds are followed side by side (pull); one loop drains the shards (merge, push, settle).
 * One process at a time may run: the engine's lease. @throws ACCORD_ALREADY_RUNNING, ACCORD_EPOCH_CHANGED
 */
export async function runLive(context: EngineContext, options: CallOptions): Promise<void> {
  await untilReached(context, () => checkEpochs(context, options), options);
  const lease = await takeEngine(context, options);
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  options.signal.addEventListener("abort", abort, { once: true });
  if (options.signal.aborted) abort();
  const bell = new Bell(context.clock);
  const handover = new Handover(context.clock);
  const followed = [...context.connections.keys()].filter((name) => followedSides(context, name).length > 0);
  const first = new FirstWord(followed, context.clock);
  const inner = { signal: stop.signal };
  const guarded = async (task: Promise<void>): Promise<void> => {
    try {
      await task;
    } finally {
      stop.abort();
      bell.ring();
    }
  };
  let isOver = true;
  try {
    await noteOpenIntents(context, options);
    await noticeConfiguration(context, options);
    const feeds = [...context.connections.values()].map((connection) =>
      untilAborted(
        followConnection(context, connection, () => bell.ring(), inner, handover, first),
        stop,
      ),
    );
    const { failure, isComplete } = await allEnded(
      context,
      [
        guarded(keepEngine(context, lease, inner)),
        guarded(drainLoop(context, bell, handover, first, inner)),
        guarded(sweepLoop(context, bell, inner)),
        ...feeds,
      ],
      stop.signal,
    );
    isOver = isComplete;
    if (failure !== null) throw failure.error;
  } finally {
    options.signal.removeEventListener("abort", abort);
    const closing = { signal: new AbortController().signal };
    // Somebody may still work under them: they end by themselves.
    if (isOver) await releaseLeases(context, closing);
    if (isOver) await releaseEngine(context, lease, closing);
  }
}

/** Tries again while a system does not answer: whoever started the run has been told that it runs, and it waits for systems from its first moment on. [S30] */
async function untilReached(context: EngineContext, work: () => Promise<void>, options: CallOptions): Promise<void> {
  for (let attempts = 0; ; attempts += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (options.signal.aborted || !(error instanceof AccordError) || error.remedy !== "retry") throw error;
      context.log.warn("run.waiting", { code: error.code, where: error.where });
      await context.clock.sleep(error.retryAfterMs ?? retryDelayMs(context.limits, attempts), options);
    }
  }
}

/**
 * Waits for every task, and fails as the first that failed did: leases are given back only when nobody works under them any more. One that does not come to its end though everything is to stop
 * (a call to a system that never returns) is waited for no longer than a lease lasts: what it still meant to commit is refused. [S54]
 */
async function allEnded(
  context: EngineContext,
  tasks: readonly Promise<void>[],
  stopped: AbortSignal,
): Promise<{ readonly failure: { readonly error: unknown } | null; readonly isComplete: boolean }> {
  const failures: { readonly error: unknown }[] = [];
  const ended = new AbortController();
  const all = Promise.all(tasks.map((task) => task.catch((error: unknown) => failures.push({ error })))).then(() => ended.abort());
  const patience = new Promise<void>((resolve) => {
    const wait = (): void => void context.clock.sleep(context.limits.leaseMs, { signal: ended.signal }).then(resolve, resolve);
    if (stopped.aborted) wait();
    else stopped.addEventListener("abort", wait, { once: true });
  });
  await Promise.race([all, patience]);
  const isComplete = ended.signal.aborted;
  return { failure: failures[0] ?? (isComplete ? null : { error: neverEnded() }), isComplete };
}

function neverEnded(): AccordError {
  return new AccordError(
    "ACCORD_STUCK",
    "A call to a system does not come back; the run ended without it, and nothing is lost: run the command again.",
    {
      remedy: "stop",
    },
  );
}

/** A feed that has nothing to follow ends; one that fails for good ends the run. */
async function untilAborted(feed: Promise<void>, stop: AbortController): Promise<void> {
  try {
    await feed;
  } catch (error) {
    stop.abort();
    throw error;
  }
}

/** Takes the exclusive right to act on this store: what this process writes to it from then on rests on it. [S54] @throws ACCORD_ALREADY_RUNNING */
export async function takeEngine(context: EngineContext, options: CallOptions): Promise<Lease> {
  const lease = await claimEngine(context, options);
  context.store.fenceBy(lease);
  return lease;
}

/** Gives the right back. */
export async function releaseEngine(context: EngineContext, lease: Lease, options: CallOptions): Promise<void> {
  context.store.fenceBy(null);
  await context.store.releaseLease(lease, options);
}

async function claimEngine(context: EngineContext, options: CallOptions): Promise<Lease> {
  const nowMs = context.clock.nowMs();
  const lease = await context.store.takeLease("engine", context.holder, nowMs + context.limits.leaseMs, nowMs, options);
  if (lease !== null) return lease;
  const other = await context.store.leaseHolder("engine", options);
  throw new AccordError(
    "ACCORD_ALREADY_RUNNING",
    `Another Accord (${other?.holder ?? "unknown"}) is working on this store; stop it first, or wait ${Math.ceil(context.limits.leaseMs / 1000)} s if it was killed.`,
    { remedy: "stop" },
  );
}

async function keepEngine(context: EngineContext, lease: Lease, options: CallOptions): Promise<void> {
  while (!options.signal.aborted) {
    await sleep(context, context.limits.leaseMs / 3, options);
    if (options.signal.aborted) return;
    await renewEngine(context, lease, options);
  }
}

/** Keeps the right to act. Where it was another's meanwhile (this process was held up for longer than it lasts), it is lost, free though it may be again. [S54] @throws ACCORD_TAKEN_OVER */
export async function renewEngine(context: EngineContext, lease: Lease, options: CallOptions): Promise<void> {
  const renewed = await claimEngine(context, options);
  if (renewed.epoch !== lease.epoch) throw engineLost();
}

async function drainLoop(context: EngineContext, bell: Bell, handover: Handover, first: FirstWord, options: CallOptions): Promise<void> {
  await first.wait(options);
  while (!options.signal.aborted) {
    try {
      await carryOffers(context, handover, options);
      const { nextAtMs } = await drainAll(context, options, () => handover.isOffered);
      if (handover.isOffered) continue;
      const counter = context.store.changeCounter();
      await waitForWork(context, bell, nextAtMs, counter, options);
    } catch (error) {
      if (options.signal.aborted) return;
      if (!(error instanceof AccordError) || error.remedy !== "retry") throw error;
      context.log.warn("drain.interrupted", { code: error.code });
      await sleep(context, error.retryAfterMs ?? context.limits.retryDelayMsMin, options);
    }
  }
}

/** Until something is due, the bell rings, or another process has committed to the store. */
async function waitForWork(
  context: EngineContext,
  bell: Bell,
  nextAtMs: number | null,
  counter: number,
  options: CallOptions,
): Promise<void> {
  let isRung = false;
  while (!isRung && !options.signal.aborted && context.store.changeCounter() === counter) {
    const nowMs = context.clock.nowMs();
    if (nextAtMs !== null && nextAtMs <= nowMs) return;
    const waitMs = Math.min(LOOK_MS, nextAtMs === null ? LOOK_MS : nextAtMs - nowMs);
    isRung = await bell.wait(waitMs, options);
  }
}

async function sweepLoop(context: EngineContext, bell: Bell, options: CallOptions): Promise<void> {
  // By elapsed time: a wall clock that is set back puts no sweep off.
  const collector = new Collector();
  const waits = new Map<string, { readonly attempts: number; readonly untilMs: number }>();
  let typesSeenAtMs = context.clock.elapsedMs();
  while (!options.signal.aborted) {
    await sleep(context, SWEEP_LOOK_MS, options);
    if (options.signal.aborted) return;
    if (context.clock.elapsedMs() - typesSeenAtMs >= TYPES_LOOK_MS) {
      await checkAllTypes(context, options);
      typesSeenAtMs = context.clock.elapsedMs();
    }
    const rows = await context.store.listSyncs(options);
    await collector.pass(context, rows, options);
    for (const row of rows) {
      const sync = context.syncs.find(({ id }) => id === row.id);
      if (sync === undefined || row.state === "new") continue;
      for (const listing of row.listings) {
        // A clock that was set back says nothing of how long ago it was.
        const sinceMs = listing.completedAtMs === null ? Infinity : Math.abs(context.clock.nowMs() - listing.completedAtMs);
        const isDue = sinceMs >= sync.settings.sweepMs || (await isListingAwaited(context, sync, listing, options));
        if (!isDue || options.signal.aborted) continue;
        const key = `${sync.id}/${listing.side}`;
        const wait = waits.get(key);
        if (wait !== undefined && wait.untilMs > context.clock.elapsedMs()) continue;
        const isComplete = await sweepPatiently(context, sync, listing.side, options);
        const attempts = (wait?.attempts ?? 0) + 1;
        if (isComplete) waits.delete(key);
        else waits.set(key, { attempts, untilMs: context.clock.elapsedMs() + retryDelayMs(context.limits, attempts) });
        bell.ring();
      }
    }
  }
}

/** A system that cannot be asked now is asked again the next time. */
async function checkAllTypes(context: EngineContext, options: CallOptions): Promise<void> {
  for (const sync of context.syncs) {
    for (const side of sync.objects.keys()) {
      try {
        await checkTypes(context, sync, side, options);
      } catch (error) {
        if (options.signal.aborted) return;
        if (!(error instanceof AccordError) || error.remedy === "stop") throw error;
      }
    }
  }
}

/** Whether the side was listed to its end. */
async function sweepPatiently(
  context: EngineContext,
  sync: EngineContext["syncs"][number],
  side: number,
  options: CallOptions,
): Promise<boolean> {
  try {
    const connection = context.connections.get(sync.model.sides[side]?.connection ?? "");
    if (connection !== undefined) await checkEpoch(context, connection, options);
    await checkTypes(context, sync, side, options);
    return (await sweep(context, sync, side, options)).isComplete;
  } catch (error) {
    if (options.signal.aborted) return false;
    if (!(error instanceof AccordError) || (error.remedy !== "retry" && error.remedy !== "reauthorize")) throw error;
    context.log.warn("sweep.interrupted", { sync: sync.model.name, side: sync.model.sides[side]?.name, code: error.code });
    return false;
  }
}

async function sleep(context: EngineContext, durationMs: number, options: CallOptions): Promise<void> {
  try {
    await context.clock.sleep(durationMs, options);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
}
