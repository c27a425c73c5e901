import { drainUntilQuiet, look } from "@accord/engine";
import { AccordError } from "@accord/engine/connector";
import type { CallOptions } from "@accord/engine/connector";
import type { NewRequest, NewRun, RunId } from "@accord/engine/store";
import { isDead } from "../daemon/engine-lease.ts";
import type { CommandContext } from "./command.ts";
import { todoError } from "./problems.ts";
import { openSession, openStoreSession } from "./session.ts";
import type { SystemsSession } from "./session.ts";

/** How long a decision waits for a running `accord run` to carry it out. Milliseconds. */
const WAIT_MS_MAX = 60_000;
/** How often it looks. Milliseconds. */
const LOOK_MS = 25;
/** Requests and due writes looked at once. */
const PAGE = 1_000;

/** A decision of a person on its way: carried out here, or by the `accord run` that holds the engine. */
export interface HandOver {
  readonly session: SystemsSession;
  /** The run that the decision is journalled under. */
  readonly run: RunId;
  /** Whether another process carries it out. */
  readonly isRemote: boolean;
  /** Adds requests and returns when what they made due has been written, or waits for something. @throws ACCORD_TIMED_OUT */
  carryOut(requests: readonly NewRequest[]): Promise<void>;
  /** Returns when writes that were made ready elsewhere (a retry) are written, or wait for something. */
  drain(entities: readonly EntityKey[]): Promise<void>;
  close(outcome?: "done" | "failed" | "stopped"): Promise<void>;
}

export interface EntityKey {
  readonly sync: number;
  readonly entity: number;
}

export interface HandOverOptions {
  /** `null`: nothing is decided yet, only looked at; no run is begun. */
  readonly kind: NewRun["kind"] | null;
  /** Reads the systems first, so that what users changed meanwhile is known. A running `accord run` knows it anyway. */
  readonly looksFirst: boolean;
}

/** Opens the project so that a decision can be carried out, whether or not `accord run` is at work on it. */
export async function openHandOver(context: CommandContext, options: HandOverOptions): Promise<HandOver> {
  const isRemote = await isEngineHeld(context);
  const session = await openSession(context.program, {
    ...context.session,
    mayWrite: !isRemote && options.kind !== null,
    runKind: isRemote ? null : (options.kind ?? "plan"),
  });
  try {
    for (const warning of session.warnings) context.output.remark(warning);
    const call = { signal: session.signal };
    if (options.kind !== null) requireCurrent(session);
    if (options.looksFirst && !isRemote && !hasUnplanned(session)) await look({ ...session.context, mayWrite: false }, call);
    const { store, clock } = session.context;
    const run =
      isRemote && options.kind !== null
        ? await store.startRun({ kind: options.kind, startedAtMs: clock.nowMs() }, call)
        : session.context.run;
    return {
      session,
      run,
      isRemote,
      carryOut: async (requests) => {
        for (let start = 0; start < requests.length; start += PAGE) await store.addRequests(requests.slice(start, start + PAGE), call);
        if (isRemote) await waitForRequests(session, run, requests, call);
        await drain(session, isRemote, requests, call);
      },
      drain: (entities) => drain(session, isRemote, entities, call),
      close: async (outcome = "done") => {
        if (isRemote && options.kind !== null) await store.finishRun(run, clock.nowMs(), outcome, { signal: new AbortController().signal });
        await session.close(outcome);
      },
    };
  } catch (error) {
    await session.close("failed");
    throw error;
  }
}

/** A restored store is behind the systems: what it would put back may be what users have changed since. [S58] @throws ACCORD_NOT_APPLIED */
function requireCurrent({ identity }: SystemsSession): void {
  if (!identity.restored) return;
  throw todoError(
    "ACCORD_NOT_APPLIED",
    "This store was restored from a backup, or is an older copy, and is behind the systems, and nothing was written; bring it up to date with accord plan, then accord apply.",
  );
}

/** Whether a sync was never planned: looking at it would be its first contact. */
function hasUnplanned({ context }: SystemsSession): boolean {
  return [...context.states.values()].includes("new");
}

/** Whether a process that lives holds the right to act on this store. */
async function isEngineHeld(context: CommandContext): Promise<boolean> {
  const opened = await openStoreSession(context.program, context.session);
  try {
    const held = await opened.store.leaseHolder("engine", { signal: context.signal });
    return held !== null && held.expiresAtMs > opened.host.clock.nowMs() && !isDead(held.holder);
  } finally {
    await opened.close();
  }
}

async function drain(session: SystemsSession, isRemote: boolean, entities: readonly EntityKey[], call: CallOptions): Promise<void> {
  if (!isRemote) return drainUntilQuiet(session.context, call);
  await waitUntil(session, call, async () => !(await isReady(session, entities, call)));
}

async function waitForRequests(session: SystemsSession, run: RunId, requests: readonly NewRequest[], call: CallOptions): Promise<void> {
  const { store } = session;
  const shards = [...new Set(requests.map(({ entity }) => store.shardOf(entity)))];
  await waitUntil(session, call, async () => {
    for (const shard of shards) {
      const waiting = await store.loadRequests(shard, PAGE, session.context.clock.nowMs(), call);
      if (waiting.some((request) => request.run === run)) return false;
    }
    return true;
  });
}

/** Whether a write for one of the entities is ready and not made yet. A paused sync writes nothing: it is not waited for. */
async function isReady(session: SystemsSession, entities: readonly EntityKey[], call: CallOptions): Promise<boolean> {
  const { context, store } = session;
  const states = new Map((await store.listSyncs(call)).map((row) => [row.id, row.state]));
  for (const sync of context.syncs) {
    const own = new Set(entities.filter((key) => key.sync === sync.id).map(({ entity }) => entity));
    if (own.size === 0 || states.get(sync.id) === "paused") continue;
    const first = Math.min(...own) - 1;
    for (let side = 0; side < sync.model.sides.length; side += 1) {
      const due = await store.listDue({ sync: sync.id, side, states: ["ready"], after: first, limit: PAGE }, call);
      if (due.some(({ entity }) => own.has(entity))) return true;
    }
  }
  return false;
}

async function waitUntil({ context }: SystemsSession, call: CallOptions, isDone: () => Promise<boolean>): Promise<void> {
  const startedAtMs = context.clock.nowMs();
  while (!(await isDone())) {
    if (context.clock.nowMs() - startedAtMs > WAIT_MS_MAX) {
      throw new AccordError(
        "ACCORD_TIMED_OUT",
        "The decision is kept, and the running accord run has not carried it out within a minute; see accord status for what it is at.",
        { remedy: "retry" },
      );
    }
    await context.clock.sleep(LOOK_MS, call);
  }
}
