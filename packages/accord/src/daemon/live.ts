import { runLive } from "@accord/engine";
import type { EngineContext } from "@accord/engine";
import { AccordError } from "@accord/engine/connector";
import { dismissDeadHolder } from "./engine-lease.ts";
import { keepSigning } from "./sign.ts";

/** How a live run ended. */
export type DaemonEnd = { readonly kind: "stopped" } | { readonly kind: "failed"; readonly error: unknown };

/**
 * The life of the daemon: takes over from a process that was killed, runs until the signal aborts, and leaves nothing behind but durable state. What is on its way
 * when the signal comes is not waited for beyond its request: the next start finds its outcome. [S31]
 */
export async function runDaemon(context: EngineContext, signal: AbortSignal): Promise<DaemonEnd> {
  await dismissDeadHolder(context.store, context.clock, context.identity.shards, { signal });
  context.log.info("daemon.started", { run: context.run, syncs: context.syncs.length, connections: context.connections.size });
  const end = new AbortController();
  const signing = keepSigning(context, { signal: AbortSignal.any([signal, end.signal]) });
  try {
    await runLive(context, { signal });
  } catch (error) {
    if (!signal.aborted) {
      context.log.error("daemon.failed", { run: context.run, code: error instanceof AccordError ? error.code : "ACCORD_BUG" });
      return { kind: "failed", error };
    }
  } finally {
    end.abort();
    await signing;
  }
  context.log.info("daemon.stopped", { run: context.run });
  return { kind: "stopped" };
}
