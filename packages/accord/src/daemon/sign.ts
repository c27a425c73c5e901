import type { EngineContext } from "@accord/engine";
import { AccordError } from "@accord/engine/connector";
import type { CallOptions, Connection, StoreMark } from "@accord/engine/connector";
import type { Store, StoreIdentity } from "@accord/engine/store";

/** How often a live run signs. What the store did since its last signature can be lost to an older copy without being noticed. Milliseconds. */
const SIGN_MS = 60_000;

/** What a store signs with: who it is, and how far its journal has come. Everything below that is durable first, or a power cut would make it look like an older copy. */
export async function signatureOf(store: Store, { storeId, generation }: StoreIdentity, options: CallOptions): Promise<StoreMark> {
  const revision = await revisionOf(store, options);
  // In this order: what a running engine commits meanwhile is not durable yet.
  await store.makeDurable(options);
  return { storeId, generation, revision };
}

/** How far the journal has come: a number that only grows. */
async function revisionOf(store: Store, options: CallOptions): Promise<number> {
  return (await store.readJournal({ limit: 1 }, options))[0]?.sequence ?? 0;
}

/** The mark that each system carries, by connection, read at once. Null: nothing is installed there, or no store has signed. */
export function readMarks(
  connections: ReadonlyMap<string, Connection>,
  options: CallOptions,
): Promise<readonly (readonly [connection: string, mark: StoreMark | null])[]> {
  return Promise.all([...connections].map(async ([name, connection]) => [name, await connection.readMark(options)] as const));
}

/** Writes the store's signature where systems carry one of it, so that an older copy of the file is told apart later. [S58] */
export async function sign(context: Pick<EngineContext, "store" | "identity" | "connections">, options: CallOptions): Promise<void> {
  const mark = await signatureOf(context.store, context.identity, options);
  for (const connection of context.connections.values()) {
    const known = await connection.readMark(options);
    if (known === null || known.storeId !== mark.storeId) continue;
    if (known.generation !== mark.generation || known.revision !== mark.revision) await connection.writeMark(mark, options);
  }
}

/** Signs where a system answers: what is missed is signed the next time. */
export async function signPatiently(
  context: Pick<EngineContext, "store" | "identity" | "connections" | "log">,
  options: CallOptions,
): Promise<void> {
  if (context.identity.restored) return;
  try {
    await sign(context, options);
  } catch (error) {
    if (!(error instanceof AccordError)) throw error;
    context.log.warn("mark.not_written", { code: error.code, where: error.where });
  }
}

/** Signs now and then, until the signal aborts. */
export async function keepSigning(context: EngineContext, options: CallOptions): Promise<void> {
  while (!options.signal.aborted) {
    await context.clock.sleep(SIGN_MS, options).catch(() => undefined);
    if (!options.signal.aborted) await signPatiently(context, options);
  }
}

/**
 * What a system knows that this store does not: a later generation of it, or a later state of this one. Then this file is an older copy: put back by hand, or from a
 * snapshot of the disk. [S58] Null: nothing.
 */
export async function laterMark(
  store: Store,
  identity: StoreIdentity,
  connections: ReadonlyMap<string, Connection>,
  options: CallOptions,
): Promise<StoreMark | null> {
  const revision = await revisionOf(store, options);
  for (const [, mark] of await readMarks(connections, options)) {
    if (mark === null || mark.storeId !== identity.storeId || mark.generation < identity.generation) continue;
    if (mark.generation > identity.generation || (mark.revision ?? 0) > revision) return mark;
  }
  return null;
}
