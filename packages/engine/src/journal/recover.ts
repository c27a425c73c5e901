import { readImage } from "@accord/core";
import type { NativeCell, NativeImage, RecordId } from "@accord/core";
import { patchesOf } from "../connector/cell-patches.ts";
import { AccordError } from "../connector/errors.ts";
import type { OpenObject, WriteOutcome } from "../connector/connector.ts";
import type { CallOptions } from "../host/host.ts";
import { ChangeSet } from "../run/changes.ts";
import { retryDelayMs } from "../run/context.ts";
import type { EngineContext, RunningSync } from "../run/context.ts";
import { UNPROVEN } from "../run/due.ts";
import { hydrate, loadReferences } from "../run/hydrate.ts";
import { PUT_OFF_MS_MAX } from "../run/join.ts";
import { endFormerHolders } from "../run/key-reuse.ts";
import { settleOutcome } from "../run/settle.ts";
import { parkUnproven } from "../run/unproven.ts";
import type { Intent, JournalEntry, Lease, LoadedIntent, Shard } from "../store/rows.ts";
import { freezeCounts } from "./freeze-counts.ts";
import type { RefusedPayload } from "./payload.ts";
import { waitsOf } from "./unsettled.ts";

/**
 * Closes intents whose outcome is unknown: after a crash, a lost answer, a paused worker. ⚗ Not before `deadline + L`: until then the request may still land. [S31] The
 * time is counted from when this process came to know of the intent, by a clock that nobody sets: a wall clock that jumps ahead brings no recovery forward.
 * Returns how many were closed, and when the next may be.
 */
export async function recoverShard(
  context: EngineContext,
  lease: Lease,
  shard: Shard,
  options: CallOptions,
): Promise<{ readonly closed: number; readonly nextAtMs: number | null }> {
  const intents = await context.store.loadOpenIntents(shard, context.limits.pushBatch, options);
  const ripeInMs = waitsOf(context, shard, intents);
  let closed = 0;
  let nextAtMs: number | null = null;
  for (const sync of context.syncs) {
    for (const [side, object] of sync.objects.entries()) {
      const own = intents.filter((intent) => intent.sync === sync.id && intent.side === side);
      const waitMs = ({ id }: LoadedIntent): number => (ripeInMs.get(id) ?? 0) + object.capabilities.staleReadMsMax;
      const due = own.filter((intent) => waitMs(intent) <= 0);
      for (const intent of own) {
        const atMs = context.clock.nowMs() + waitMs(intent);
        if (waitMs(intent) > 0 && (nextAtMs === null || atMs < nextAtMs)) nextAtMs = atMs;
      }
      if (due.length === 0) continue;
      const retryAtMs = await recoverPatiently(context, lease, sync, object, due, options);
      if (retryAtMs === null) closed += due.length;
      else nextAtMs = Math.min(nextAtMs ?? retryAtMs, retryAtMs);
    }
  }
  return { closed, nextAtMs };
}

/** A system that does not answer now keeps its own intents open and holds up nobody else's work. [S47] Returns when to try again, or null: they are closed. */
async function recoverPatiently(
  context: EngineContext,
  lease: Lease,
  sync: RunningSync,
  object: OpenObject,
  intents: readonly LoadedIntent[],
  options: CallOptions,
): Promise<number | null> {
  let outcomes: readonly SeenOutcome[];
  try {
    outcomes = object.capabilities.proof ? await provenOutcomes(object, intents, options) : await seenOutcomes(object, intents, options);
  } catch (error) {
    if (!(error instanceof AccordError) || (error.remedy !== "retry" && error.remedy !== "reauthorize")) throw error;
    context.log.warn("recovery.deferred", { sync: sync.model.name, intents: intents.length, code: error.code });
    return context.clock.nowMs() + (error.retryAfterMs ?? retryDelayMs(context.limits, intents[0]?.attempt ?? 0));
  }
  await closeIntents(context, lease, sync, intents, outcomes, options);
  return null;
}

async function closeIntents(
  context: EngineContext,
  lease: Lease,
  sync: RunningSync,
  intents: readonly LoadedIntent[],
  outcomes: readonly SeenOutcome[],
  options: CallOptions,
): Promise<void> {
  // An entity may have open intents at several sides: closing one must not bring back the other.
  const entities = new Map(
    (await context.store.loadEntities([...new Set(intents.map(({ entity }) => entity))], options)).map((entity) => [entity.id, entity]),
  );
  const references = await loadReferences(context, sync, [...entities.values()], [], options);
  const changes = new ChangeSet();
  const landings = intents.map((intent, index) => ({ intent, outcome: outcomes[index]?.outcome ?? undefined }));
  const ended = await endFormerHolders(context, sync, intents[0]?.side ?? 0, landings, changes, options);
  for (const [index, intent] of intents.entries()) {
    const { outcome, cells } = outcomes[index] ?? { outcome: NOT_LANDED, cells: null };
    const entity = ended.get(intent.entity) ?? hydrate(sync.model, entities.get(intent.entity) ?? intent.stored, references);
    const known = cells === null ? entity : freezeCounts(context, sync, entity, intent, cells, changes);
    if (outcome === null) parkUnproven(context, sync, { entity: known, intent }, references, changes);
    else settleOutcome(context, sync, { entity: known, intent, due: null }, outcome, references, changes);
    const isTold = outcome?.kind === "applied" || outcome?.kind === "exists";
    if (!isTold) changes.journal.push(unansweredEntry(context, intent, outcome === null ? UNPROVEN : UNANSWERED));
    const told = outcome?.kind ?? "unproven";
    context.log.info("intent.recovered", { intent: intent.id, sync: sync.model.name, kind: intent.kind, outcome: told });
  }
  await context.store.commit(lease, changes, options);
}

const UNANSWERED = "nothing shows that it was made";

/** A process that is held up for longer than its lease lasts may send a write whose intent was closed: the journal names it all the same. [S32, I14] */
function unansweredEntry(context: EngineContext, intent: Intent, reason: string): JournalEntry {
  const { id, run, sync, entity, side, kind, record } = intent;
  const payload: RefusedPayload = { kind, intent: id, record, code: "ACCORD_UNANSWERED", reason };
  return { run, atMs: context.clock.nowMs(), sync, entity, side, kind: "refused", payload: JSON.stringify(payload) };
}

/** What became of an intent; `cells` where the record shows something between before and after, so that a count in it tells nothing. */
interface SeenOutcome {
  /** Null: nobody can tell. */
  readonly outcome: WriteOutcome | null;
  readonly cells: readonly NativeCell[] | null;
}

const NOT_LANDED: WriteOutcome = { kind: "notSent", reason: "it did not land", retryAfterMs: 0 };
/** A create waits for the records that were put off because they might have been its own: one of them may be the same thing, entered by a person. [S35, S36, I4] */
const NOT_CREATED: WriteOutcome = { ...NOT_LANDED, retryAfterMs: PUT_OFF_MS_MAX + 500 };

function certain(outcome: WriteOutcome): SeenOutcome {
  return { outcome, cells: null };
}

/** With proof the system itself says which landed. [S27] */
async function provenOutcomes(object: OpenObject, intents: readonly LoadedIntent[], options: CallOptions): Promise<SeenOutcome[]> {
  const proofs = await object.findProofs(
    intents.map(({ id }) => id),
    options,
  );
  return intents.map((intent) => {
    const record = proofs.get(intent.id);
    if (record !== undefined) return certain({ kind: "applied", record, image: null, position: null });
    return certain(intent.kind === "create" ? NOT_CREATED : NOT_LANDED);
  });
}

/** Without proof the record itself must tell: all as written, all as before, or field by field; of counts a person decides. [S31] */
async function seenOutcomes(object: OpenObject, intents: readonly LoadedIntent[], options: CallOptions): Promise<SeenOutcome[]> {
  const images = await readRecords(
    object,
    intents.flatMap(({ record }) => record ?? []),
    options,
  );
  const created = object.capabilities.externalId
    ? await object.findByEntity(
        intents.filter(({ kind }) => kind === "create").map(({ entity }) => entity),
        options,
      )
    : new Map<number, string>();
  return intents.map((intent) => {
    if (intent.kind !== "create") return seenOutcome(intent, images.get(intent.record ?? "") ?? null);
    const record = created.get(intent.entity);
    const former = intent.stored.members[intent.side]?.retired ?? [];
    // What stands under an id that was retired is another thing, or nobody's. [S34]
    if (record !== undefined && !former.includes(record)) return certain({ kind: "exists", record });
    if (object.capabilities.externalId) return certain(NOT_CREATED);
    return { outcome: null, cells: null };
  });
}

async function readRecords(
  object: OpenObject,
  records: readonly RecordId[],
  options: CallOptions,
): Promise<Map<RecordId, NativeImage | null>> {
  const images = new Map<RecordId, NativeImage | null>();
  const size = object.capabilities.pageSizeMax;
  for (let start = 0; start < records.length; start += size) {
    const page = records.slice(start, start + size);
    const reading = await object.read(page, options);
    page.forEach((record, index) => images.set(record, reading.images[index] ?? null));
  }
  return images;
}

function seenOutcome(intent: Intent, image: NativeImage | null): SeenOutcome {
  if (image === null) return certain({ kind: "missing" });
  const cells = readImage(image);
  const isAsBefore = intent.expect.every(({ column, cell }) => cells[column] === cell);
  // A delete sets nothing: while the record is there, it has not landed.
  const set = patchesOf(intent.set);
  if (set.length === 0) return certain(isAsBefore ? NOT_LANDED : { kind: "changed" });
  const isAsWritten = set.every(({ column, cell }) => cells[column] === cell);
  if (isAsWritten && intent.record !== null) return certain({ kind: "applied", record: intent.record, image: null, position: null });
  return isAsBefore ? certain(NOT_LANDED) : { outcome: { kind: "changed" }, cells };
}
