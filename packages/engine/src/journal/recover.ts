import { readImage } from "@accord/core";
import type { NativeImage } from "@accord/core";
import type { OpenObject, WriteOutcome } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import { ChangeSet } from "../run/changes.ts";
import type { EngineContext, RunningSync } from "../run/context.ts";
import { hydrate, loadReferences } from "../run/hydrate.ts";
import { settleOutcome } from "../run/settle.ts";
import type { Lease, LoadedIntent, Shard } from "../store/store.ts";

/**
 * Closes intents whose outcome is unknown: after a crash, a lost answer, a paused worker. ⚗ Not before `deadline + L`: until then the request may still land. [S31]
 * Returns how many were closed, and when the next may be.
 */
export async function recoverShard(
  context: EngineContext,
  lease: Lease,
  shard: Shard,
  options: CallOptions,
): Promise<{ readonly closed: number; readonly nextAtMs: number | null }> {
  const intents = await context.store.loadOpenIntents(shard, context.limits.pushBatch, options);
  let closed = 0;
  let nextAtMs: number | null = null;
  for (const sync of context.syncs) {
    for (const [side, object] of sync.objects.entries()) {
      const own = intents.filter((intent) => intent.sync === sync.id && intent.side === side);
      const due = own.filter((intent) => intent.deadlineMs + object.capabilities.staleReadMsMax <= context.clock.nowMs());
      for (const intent of own) {
        const atMs = intent.deadlineMs + object.capabilities.staleReadMsMax;
        if (!due.includes(intent) && (nextAtMs === null || atMs < nextAtMs)) nextAtMs = atMs;
      }
      if (due.length === 0) continue;
      await recoverSide(context, lease, sync, object, due, options);
      closed += due.length;
    }
  }
  return { closed, nextAtMs };
}

async function recoverSide(
  context: EngineContext,
  lease: Lease,
  sync: RunningSync,
  object: OpenObject,
  intents: readonly LoadedIntent[],
  options: CallOptions,
): Promise<void> {
  // An entity may have open intents at several sides: closing one must not bring back the other.
  const entities = new Map((await context.store.loadEntities([...new Set(intents.map(({ entity }) => entity))], options)).map((entity) => [entity.id, entity]));
  const outcomes = object.capabilities.proof ? await provenOutcomes(object, intents, options) : await seenOutcomes(object, intents, options);
  const references = await loadReferences(
    context,
    sync,
    [...entities.values()],
    [],
    options,
  );
  const changes = new ChangeSet();
  for (const [index, intent] of intents.entries()) {
    const entity = hydrate(sync.model, entities.get(intent.entity) ?? intent.stored, references);
    const outcome = outcomes[index] ?? { kind: "notSent", reason: "it did not land", retryAfterMs: 0 };
    settleOutcome(context, sync, { entity, intent, due: null }, outcome, references, changes);
    context.log.info("intent.recovered", { intent: intent.id, sync: sync.model.name, kind: intent.kind, outcome: outcome.kind });
  }
  await context.store.commit(lease, changes, options);
}

/** With proof the system itself says which landed. [S27] */
async function provenOutcomes(object: OpenObject, intents: readonly LoadedIntent[], options: CallOptions): Promise<WriteOutcome[]> {
  const proofs = await object.findProofs(
    intents.map(({ id }) => id),
    options,
  );
  return intents.map((intent): WriteOutcome => {
    const record = proofs.get(intent.id);
    if (record === undefined) return { kind: "notSent", reason: "it did not land", retryAfterMs: 0 };
    return { kind: "applied", record, image: null, position: null };
  });
}

/** Without proof the record itself must tell: all as written, all as before, or a person decides. [S31] */
async function seenOutcomes(object: OpenObject, intents: readonly LoadedIntent[], options: CallOptions): Promise<WriteOutcome[]> {
  const known = intents.filter(({ record }) => record !== null);
  const reading = await object.read(
    known.map(({ record }) => record ?? ""),
    options,
  );
  const images = new Map(known.map((intent, index) => [intent.id, reading.images[index] ?? null]));
  const created = object.capabilities.externalId
    ? await object.findByEntity(
        intents.filter(({ kind }) => kind === "create").map(({ entity }) => entity),
        options,
      )
    : new Map<number, string>();
  return intents.map((intent) => {
    if (intent.kind !== "create") return seenOutcome(intent, images.get(intent.id) ?? null);
    const record = created.get(intent.entity);
    if (record !== undefined) return { kind: "exists", record };
    if (object.capabilities.externalId) return { kind: "notSent", reason: "it did not land", retryAfterMs: 0 };
    return { kind: "rejected", code: "ACCORD_UNPROVEN", reason: "the answer to a create was lost and this system cannot tell whether it happened: look for the record, then retry" };
  });
}

function seenOutcome(intent: LoadedIntent, image: NativeImage | null): WriteOutcome {
  if (image === null) return { kind: "missing" };
  const cells = readImage(image);
  const landed = intent.set.every(({ column, cell }) => cells[column] === cell);
  if (landed && intent.record !== null) return { kind: "applied", record: intent.record, image: null, position: null };
  return { kind: "changed" };
}
