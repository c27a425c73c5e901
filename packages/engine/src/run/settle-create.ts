import { NO_REFERENCES } from "@accord/core";
import type { NativeImage, NewRecord, RecordId, SideIndex } from "@accord/core";
import type { WriteOutcome } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import { createPayload, fieldsByColumn, namedShows } from "../journal/payload.ts";
import type { HeldCreate, Intent, Lease } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import type { Sent } from "./dispatch.ts";
import { hydrate } from "./hydrate.ts";
import { endFormerHolders } from "./key-reuse.ts";
import { settleOutcome, tellWrites } from "./settle.ts";

/** What creates have in common whose entities' fields are of the same versions. */
export interface CreateShape {
  /** The fields that the creates carry. */
  readonly carried: Intent["fields"];
  /** Writes their payloads. */
  readonly payloadOf: ReturnType<typeof createPayload>;
  /** By field: the version that the new record reflects, 0 for none. */
  readonly ack: readonly number[];
}

/** Of creates whose every field is known: they carry all that the side can be written. */
export function createShape(
  { model, objects }: Pick<RunningSync, "model" | "objects">,
  side: SideIndex,
  versions: HeldCreate["versions"],
): CreateShape {
  const isCarried = (field: number): boolean => (model.sides[side]?.mapping.fields[field]?.writes.length ?? 0) > 0;
  return {
    carried: versions.flatMap((version, field) => (isCarried(field) ? [{ field, version }] : [])),
    payloadOf: createPayload(objects[side]?.columns ?? [], fieldsByColumn(model, side)),
    ack: versions.map((version, field) => (isCarried(field) ? version : 0)),
  };
}

/** A create of a plan on its way. */
export interface SentCreate extends Sent {
  readonly shape: CreateShape;
  readonly shows: NewRecord["shows"];
}

/**
 * Settles creates of a plan. Where a record is exactly as it was told, that comes to a new member and an entry in the journal: its fields are no news, and what nobody
 * lacked before, nobody lacks now. [S14, S28, S29] Every other outcome is taken in as usual. Returns whether the system took all of them and answered.
 */
export async function settleCreates(
  context: EngineContext,
  leases: readonly Lease[],
  sync: RunningSync,
  side: SideIndex,
  batch: readonly SentCreate[],
  outcomes: readonly WriteOutcome[],
  options: CallOptions,
): Promise<boolean> {
  const changes = new ChangeSet();
  const landings = batch.map(({ intent }, index) => ({ intent, outcome: outcomes[index] }));
  await endFormerHolders(context, sync, side, landings, changes, options);
  const others: { readonly sent: SentCreate; readonly outcome: WriteOutcome }[] = [];
  for (const [index, sent] of batch.entries()) {
    const outcome = outcomes[index] ?? { kind: "unknown", reason: "no outcome" };
    // It holds what was written in every column, and nothing else.
    if (outcome.kind === "applied" && outcome.image !== null && outcome.image === sent.intent.set) {
      land(context, sync, sent, { ...outcome, image: outcome.image }, changes);
    } else others.push({ sent, outcome });
  }
  const ids = others.map(({ sent }) => sent.due.entity);
  const stored = new Map((ids.length === 0 ? [] : await context.store.loadEntities(ids, options)).map((entity) => [entity.id, entity]));
  for (const { sent, outcome } of others) {
    const { intent, due } = sent;
    const now = stored.get(due.entity);
    if (now === undefined) continue;
    settleOutcome(context, sync, { entity: hydrate(sync.model, now, NO_REFERENCES), intent, due }, outcome, NO_REFERENCES, changes);
  }
  await context.store.commit(leases, changes, options);
  tellWrites(context, sync, side, batch, outcomes);
  return outcomes.every(({ kind }) => kind !== "notSent" && kind !== "unknown");
}

interface Landed {
  readonly record: RecordId;
  readonly image: NativeImage;
  readonly position: string | null;
}

function land(context: EngineContext, sync: RunningSync, sent: SentCreate, { record, image, position }: Landed, changes: ChangeSet): void {
  const { intent, shape } = sent;
  const { side, entity } = intent;
  const atMs = context.clock.nowMs();
  changes.intentsClosed.push(intent.id);
  changes.landed.push({ sync: sync.id, side, entity, record, image, ack: shape.ack, position, seenAtMs: atMs });
  changes.arrived.push({ sync: sync.id, entity });
  const payload = shape.payloadOf({ intent: intent.id, set: image, record, shows: namedShows(sync.model, sent.shows), altered: [] });
  changes.journal.push({ run: intent.run, atMs, sync: sync.id, entity, side, kind: "write", payload });
}
