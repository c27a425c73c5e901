import type { Connection } from "../connector/connector.ts";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import type { EngineContext } from "./context.ts";

/**
 * Refuses to run where a system is not the one it was: restored from a backup, or another behind the same address. Nothing is written or deleted until a person
 * has seen a plan and applied it. [S12] @throws ACCORD_EPOCH_CHANGED
 */
export async function checkEpochs(context: EngineContext, options: CallOptions): Promise<void> {
  for (const connection of context.connections.values()) await checkEpoch(context, connection, options);
}

/** The same of one system, asked again whenever it was out of sight: what took its place meanwhile may lack its last hours. @throws ACCORD_EPOCH_CHANGED */
export async function checkEpoch(context: EngineContext, connection: Connection, options: CallOptions): Promise<void> {
  const { name } = connection;
  const known = (await context.store.readConnection(name, options))?.epoch ?? null;
  if (known === null || known === (await connection.epoch(options))) return;
  throw new AccordError(
    "ACCORD_EPOCH_CHANGED",
    `${name} was restored from a backup, or is another system than before, and nothing was written; see what differs with accord plan, then accord apply.`,
    { remedy: "stop", where: name },
  );
}

/** Takes the systems as they are now: a person applied a plan made of them. The feed begins anew, since an old cursor means nothing there. [S12] */
export async function acceptEpochs(context: EngineContext, options: CallOptions): Promise<void> {
  for (const [name, connection] of context.connections) {
    const row = await context.store.readConnection(name, options);
    const epoch = await connection.epoch(options);
    if (row?.epoch === epoch) continue;
    // A system that no feed follows has no row yet.
    const known = row ?? { connection: name, cursor: null, epoch: null, state: "active", reason: null };
    await context.store.writeConnection({ ...known, epoch, cursor: known.epoch === null ? known.cursor : null }, options);
  }
}
