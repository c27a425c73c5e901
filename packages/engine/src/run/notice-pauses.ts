import { withoutColumns } from "../connector/partial.ts";
import type { CallOptions } from "../host/host.ts";
import type { DueKey } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { drainAll, takeShard } from "./drain.ts";
import { sweep } from "./list.ts";
import { FIELD_PAUSED } from "./paused-field.ts";

/** Due rows looked at in one step. */
const PAGE = 500;

/** What the journal keeps of a sync's paused fields whenever they change. */
export interface PausePayload {
  /** By side and field, with the reason. */
  readonly paused: readonly { readonly side: string; readonly field: string; readonly reason: string }[];
}

/**
 * Notices which fields are paused since a run was last begun, and which are no more: that is told in the journal, and their sides are swept at once. The sweep of a pause forgets what the field
 * was seen to hold, so that what comes back in its place later meets like a field that is mapped anew, and is no edit; that of its end sees what has come back. [S50, S51]
 * What waited for fields that can be written again is due again.
 */
export async function noticePauses(context: EngineContext, options: CallOptions): Promise<void> {
  for (const sync of context.syncs) {
    const now = pausedOf(sync);
    const before = await pausedBefore(context, sync, options);
    const changed = sync.model.sides.flatMap(({ name }, side) => (fieldsAt(now, name) === fieldsAt(before, name) ? [] : [side]));
    if (changed.length === 0) continue;
    for (const side of changed) await forgetFirst(context, sync, side, before, options);
    await sweepSoon(context, sync, changed, options);
    await noteInJournal(context, sync, now, options);
    for (const side of changed) await resumeWrites(context, sync, side, options);
    context.log.warn("fields.paused", { sync: sync.model.name, fields: now.map(({ side, field }) => `${field} at ${side}`).join(", ") });
  }
}

/**
 * A pause that was too short for its sweep: that is made up for, with the field still paused, before what came back is looked at. Else a column that was made anew would show its emptiness as
 * an edit of every record. [S50]
 */
async function forgetFirst(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  before: PausePayload["paused"],
  options: CallOptions,
): Promise<void> {
  const model = sync.model.sides[side];
  const object = sync.objects[side];
  const listing = (await context.store.listSyncs(options)).find(({ id }) => id === sync.id)?.listings.find((row) => row.side === side);
  const reasons = new Map(before.flatMap((one) => (one.side === model?.name ? [[one.field, one.reason] as const] : [])));
  if (model === undefined || object === undefined || reasons.size === 0 || listing?.completedAtMs !== null) return;
  const without = new Set<string>();
  const fields = model.mapping.fields.map((field, index) => {
    const reason = reasons.get(sync.model.fields[index]?.name ?? "");
    if (field === null || reason === undefined) return field;
    for (const place of field.reads) without.add(model.mapping.columns[place] ?? "");
    const paused = { kind: "paused", reason } as const;
    return { reads: field.reads, writes: field.writes, reference: null, paused: reason, get: () => paused, put: () => paused };
  });
  const then: RunningSync = {
    ...sync,
    model: {
      ...sync.model,
      sides: sync.model.sides.map((own, place) => (place === side ? { ...own, mapping: { ...own.mapping, fields } } : own)),
    },
    objects: sync.objects.map((own, place) => (place === side ? withoutColumns(own, without) : own)),
  };
  const past: EngineContext = { ...context, syncs: context.syncs.map((own) => (own === sync ? then : own)) };
  await sweep(past, then, side, options);
  await drainAll(past, options);
}

function pausedOf({ model }: RunningSync): PausePayload["paused"] {
  return model.sides.flatMap(({ name: side, mapping }) =>
    mapping.fields.flatMap((field, index) =>
      field?.paused === undefined ? [] : [{ side, field: model.fields[index]?.name ?? String(index), reason: field.paused }],
    ),
  );
}

async function pausedBefore(context: EngineContext, { id }: RunningSync, options: CallOptions): Promise<PausePayload["paused"]> {
  const [entry] = await context.store.readJournal({ sync: id, kinds: ["configuration"], limit: 1 }, options);
  // The engine wrote this payload itself.
  return entry === undefined || entry.payloadErased ? [] : (JSON.parse(entry.payload) as PausePayload).paused;
}

function fieldsAt(paused: PausePayload["paused"], name: string): string {
  return paused
    .flatMap(({ side, field }) => (side === name ? [field] : []))
    .toSorted()
    .join("\n");
}

/** Before the journal tells: a process that dies in between notices once more. */
async function sweepSoon(context: EngineContext, sync: RunningSync, sides: readonly number[], options: CallOptions): Promise<void> {
  const row = (await context.store.listSyncs(options)).find(({ id }) => id === sync.id);
  for (const listing of row?.listings ?? []) {
    if (!sides.includes(listing.side)) continue;
    await context.store.commitPull(
      { marks: [], cursor: null, listing: { sync: sync.id, row: { ...listing, completedAtMs: null } } },
      options,
    );
  }
}

async function noteInJournal(
  context: EngineContext,
  sync: RunningSync,
  paused: PausePayload["paused"],
  options: CallOptions,
): Promise<void> {
  const lease = await takeShard(context, 0, options);
  if (lease === null) return;
  const changes = new ChangeSet();
  const payload: PausePayload = { paused };
  changes.journal.push({
    run: context.run,
    atMs: context.clock.nowMs(),
    sync: sync.id,
    entity: null,
    side: null,
    kind: "configuration",
    payload: JSON.stringify(payload),
  });
  await context.store.commit(lease, changes, options);
}

/** What still waits is parked anew when its turn comes. */
async function resumeWrites(context: EngineContext, sync: RunningSync, side: number, options: CallOptions): Promise<void> {
  let after: number | null = null;
  for (;;) {
    const page = await context.store.listDue({ sync: sync.id, side, states: ["parked"], after, limit: PAGE }, options);
    const waiting = page.flatMap(({ code, entity }): DueKey[] => (code === FIELD_PAUSED ? [{ sync: sync.id, side, entity }] : []));
    if (waiting.length > 0) await context.store.retryParked(waiting, context.clock.nowMs(), options);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.entity;
  }
}
