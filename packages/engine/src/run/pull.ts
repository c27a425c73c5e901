import { mergedInto, readImage } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { Change, ChangeBatch, Connection, Cursor, Feed } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import type { Mark, Shard } from "../store/rows.ts";
import { retryDelayMs } from "./context.ts";
import type { EngineContext } from "./context.ts";
import { checkEpoch } from "./epoch.ts";
import { touch } from "./due.ts";
import type { FirstWord } from "./first-word.ts";
import type { FollowedSide } from "./followed-side.ts";
import { guardCanaries } from "./guard-sight.ts";
import type { Handover, Pulled } from "./handover.ts";
import { sweep } from "./list.ts";

/** How often the store is made durable and a system told to forget what it holds for us. Milliseconds. */
const ACKNOWLEDGE_MS = 500;
/** The same while batch after batch goes straight through. Milliseconds. */
const ACKNOWLEDGE_MS_MAX = 5_000;
/** The first batch of a feed is waited for so long at most: what has waited there comes at once. Milliseconds. */
const FIRST_WAIT_MS = 100;
/** How often an idle feed's cursor is kept, so that the system may forget what it holds for us. Milliseconds. */
const IDLE_CURSOR_MS = 10_000;

/**
 * Phase one of a run, while it is live: follows a connection's change feed and turns it into durable marks, cursor and marks in one transaction. [S6, S9]
 * Returns when the signal aborts; failures that pass by themselves are waited out. `ring` wakes whoever drains; with a `handover`, batches are offered there first.
 */
export async function followConnection(
  context: EngineContext,
  connection: Connection,
  ring: () => void,
  options: CallOptions,
  handover: Handover | null = null,
  first: FirstWord | null = null,
): Promise<void> {
  const sides = followedSides(context, connection.name);
  if (sides.length === 0) return;
  let wasLost = false;
  for (let attempts = 0; !options.signal.aborted; attempts += 1) {
    try {
      if (wasLost) await checkEpoch(context, connection, options);
      const cursor = await startingCursor(context, connection, sides, ring, options);
      const feed = await connection.follow(
        sides.map(({ object }) => object),
        cursor,
        options,
      );
      try {
        await resume(context, connection.name, options);
        if (wasLost) await hurry(context, sides, ring, options);
        await pump(
          context,
          connection,
          feed,
          sides,
          cursor,
          () => {
            attempts = 0;
            ring();
          },
          handover,
          first,
          options,
        );
      } finally {
        await feed.close();
      }
    } catch (error) {
      if (options.signal.aborted) return;
      wasLost = true;
      first?.heard(connection.name);
      await recoverFeed(context, connection, error, attempts, options).catch((failure: unknown) => {
        if (!options.signal.aborted) throw failure;
      });
    }
  }
}

export function followedSides(context: EngineContext, connection: string): readonly FollowedSide[] {
  return context.syncs.flatMap((sync) =>
    sync.model.sides.flatMap((model, side): FollowedSide[] => {
      const object = sync.objects[side];
      const isFollowed =
        model.connection === connection && sync.settings.live && object !== undefined && object.capabilities.capture !== "sweep";
      return isFollowed ? [{ sync, side, object }] : [];
    }),
  );
}

/** A connection that answers again is no longer paused. */
async function resume(context: EngineContext, connection: string, options: CallOptions): Promise<void> {
  const row = await context.store.readConnection(connection, options);
  if (row !== null && row.state === "paused") await context.store.writeConnection({ ...row, state: "active", reason: null }, options);
}

/** A system that was out of reach answers again: what was put off for it, longer and longer, need not wait out its time. [S30] */
async function hurry(context: EngineContext, sides: readonly FollowedSide[], ring: () => void, options: CallOptions): Promise<void> {
  for (const { sync, side } of sides) await context.store.hurry(sync.id, side, context.clock.nowMs(), options);
  ring();
}

/** Where the feed goes on; a connection that is new, or whose cursor was lost, begins at now and sweeps what it may have missed. [S8] */
async function startingCursor(
  context: EngineContext,
  connection: Connection,
  sides: readonly FollowedSide[],
  ring: () => void,
  options: CallOptions,
): Promise<Cursor> {
  const row = await context.store.readConnection(connection.name, options);
  if (row !== null && row.cursor !== null) return row.cursor;
  const cursor = await connection.currentCursor(options);
  for (const { sync, side } of sides) await sweep(context, sync, side, options);
  await context.store.writeConnection(
    { connection: connection.name, cursor, epoch: row?.epoch ?? (await connection.epoch(options)), state: "active", reason: null },
    options,
  );
  ring();
  return cursor;
}

async function pump(
  context: EngineContext,
  connection: Connection,
  feed: Feed,
  sides: readonly FollowedSide[],
  start: Cursor,
  ring: () => void,
  handover: Handover | null,
  first: FirstWord | null,
  options: CallOptions,
): Promise<void> {
  let keptCursor = start;
  let keptAtMs = context.clock.nowMs();
  let toldCursor = start;
  let toldAtMs = keptAtMs;
  while (!options.signal.aborted) {
    const isFirst = first?.isMissing(connection.name) ?? false;
    const waitMs = isFirst ? FIRST_WAIT_MS : context.limits.feedWaitMs;
    const batch = await feed.next({ ...options, waitMs, changesMax: context.limits.feedBatch });
    const isStale = batch.cursor !== keptCursor && context.clock.nowMs() - keptAtMs >= IDLE_CURSOR_MS;
    if (batch.changes.length > 0 || isStale) {
      const pulled = { connection: connection.name, sides, batch };
      const isMerged = handover !== null && !isFirst && isStraight(context, pulled) && (await handover.offer(pulled, ring, options));
      options.signal.throwIfAborted();
      if (!isMerged) {
        await waitForRoom(context, options);
        await keepBatch(context, connection.name, sides, batch, options);
      }
      keptCursor = batch.cursor;
      keptAtMs = context.clock.nowMs();
      if (batch.changes.length > 0) ring();
      // Writes have just gone out: what is no hurry waits for a quieter moment.
      if (isMerged && context.clock.nowMs() - toldAtMs < ACKNOWLEDGE_MS_MAX) continue;
    }
    if (isFirst) first?.heard(connection.name);
    if (keptCursor === toldCursor || context.clock.nowMs() - toldAtMs < ACKNOWLEDGE_MS) continue;
    await context.store.makeDurable(options);
    feed.acknowledge(keptCursor);
    toldCursor = keptCursor;
    toldAtMs = context.clock.nowMs();
  }
}

/** The inbox is bounded: a feed is left alone while too much waits. */
async function waitForRoom(context: EngineContext, options: CallOptions): Promise<void> {
  while ((await context.store.countMarks(options)) > context.limits.inboxMax)
    await context.clock.sleep(context.limits.retryDelayMsMin, options);
}

/** Makes a batch of changes durable as marks, with the cursor after it. */
export async function keepBatch(
  context: EngineContext,
  connection: string,
  sides: readonly FollowedSide[],
  batch: ChangeBatch,
  options: CallOptions,
): Promise<readonly Shard[]> {
  for (const change of batch.changes) {
    const followed = sides[change.object];
    if (change.change.kind === "emptied" && followed !== undefined) await sweep(context, followed.sync, followed.side, options);
  }
  const marks = [...marksOf(context, sides, batch).values()].flat();
  await guardCanaries(context, marks, options);
  return context.store.commitPull({ marks, cursor: { connection, cursor: batch.cursor }, listing: null }, options);
}

/** What a batch tells that is news, as marks in the order of the feed, by side. Own writes that come back are none. [S57] */
export function marksOf(
  context: EngineContext,
  sides: readonly FollowedSide[],
  batch: ChangeBatch,
): ReadonlyMap<FollowedSide, readonly Mark[]> {
  const nowMs = context.clock.nowMs();
  const marks = new Map<FollowedSide, Mark[]>();
  for (const change of batch.changes) {
    const followed = sides[change.object];
    if (followed === undefined || change.change.kind === "emptied") continue;
    if (context.echoes.includes(followed.sync.id, followed.side, followed.object, change)) continue;
    const own = marks.get(followed) ?? [];
    if (own.length === 0) marks.set(followed, own);
    own.push(markOf(followed, change, nowMs));
  }
  return marks;
}

/** Whether a batch may be merged at once: it has news with images, and nothing that needs a sweep. A store that is older than the world is brought up to date by a plan. [S58] */
function isStraight(context: EngineContext, { sides, batch }: Pulled): boolean {
  if (context.identity.restored || batch.changes.some(({ change }) => change.kind === "emptied")) return false;
  return batch.changes.some((change) => {
    const followed = sides[change.object];
    if (change.change.kind !== "image" || followed === undefined) return false;
    return !context.echoes.includes(followed.sync.id, followed.side, followed.object, change);
  });
}

function markOf({ sync, side }: FollowedSide, change: Change, nowMs: number): Mark {
  const { record } = change;
  const fromMs = change.committedAtMs ?? -1;
  const toMs = change.committedAtMs ?? nowMs;
  const told = change.change;
  if (told.kind === "image") {
    const { image, position } = told;
    const own = { sync: sync.id, side, record, kind: "image", image, position } as const;
    const mark: Mark = { ...own, renamedFrom: null, fromMs, toMs, keys: null, notBeforeMs: 0 };
    const model = sync.model.sides[side];
    const into = model === undefined || model.merged === null ? null : mergedInto(model, readImage(image));
    return into === null ? mark : { ...mark, mergedInto: into };
  }
  const touched: Mark = { ...touch(sync, side, record, nowMs), fromMs, toMs };
  switch (told.kind) {
    case "deleted":
      return { ...touched, kind: told.position === null ? "replaced" : "deleted", position: told.position };
    case "renamed":
      return { ...touched, renamedFrom: told.from };
    case "touched":
      return { ...touched, position: told.position ?? null };
    case "merged":
      return { ...touched, position: told.position ?? null, mergedInto: told.into };
    case "emptied":
      return touched;
  }
}

/** Waits out what passes by itself. Refused credentials pause the connection, which is tried again now and then: somebody may mend them. [S30] */
async function recoverFeed(
  context: EngineContext,
  connection: Connection,
  error: unknown,
  attempts: number,
  options: CallOptions,
): Promise<void> {
  if (!(error instanceof AccordError)) throw error;
  const row = await context.store.readConnection(connection.name, options);
  context.log.warn("feed.interrupted", { connection: connection.name, code: error.code, remedy: error.remedy });
  if (error.remedy === "reread") {
    // A cursor that expires again at once is waited for: each round lists everything.
    if (attempts > 0) await context.clock.sleep(retryDelayMs(context.limits, attempts), options);
    context.echoes.clear();
    await context.store.writeConnection(
      { connection: connection.name, cursor: null, epoch: row?.epoch ?? null, state: "active", reason: null },
      options,
    );
    return;
  }
  if (error.remedy !== "retry") {
    await context.store.writeConnection(
      { connection: connection.name, cursor: row?.cursor ?? null, epoch: row?.epoch ?? null, state: "paused", reason: error.message },
      options,
    );
  }
  if (error.remedy === "stop" || error.remedy === "park") throw error;
  await context.clock.sleep(error.retryAfterMs ?? retryDelayMs(context.limits, attempts), options);
}
