import { isAppended } from "@accord/core";
import type { FieldMapping } from "@accord/core";
import { withoutColumns } from "../connector/partial.ts";
import type { CallOptions } from "../host/host.ts";
import type { DueKey } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { drainAll } from "./drain.ts";
import { takeShard } from "./take-shard.ts";
import { sweep } from "./list.ts";
import { lastNoticed } from "./noticed.ts";
import type { ConfigurationPayload } from "./noticed.ts";
import { FIELD_PAUSED } from "./paused-field.ts";

/** Due rows looked at in one step. */
const PAGE = 500;

/**
 * Notices what has changed since a run was last begun, tells it in the journal, and lets go of what it makes untrue:
 *
 * - Fields that are paused, or are no more: their sides are swept at once. The sweep of a pause forgets what the field was seen to hold, so that what comes back in its place later meets like a
 *   field that is mapped anew, and is no edit; that of its end sees what has come back, and what waited for it is due again. [S50]
 * - Fields made of columns that are of another type in the present version: what they were seen to hold is forgotten in the same way. [S50]
 * - Fields that are mapped otherwise at a side: likewise. The plan of the new version shows what comes of it, and nothing is written before it is applied. [S51]
 * - Sides whose edits of a field are taken from now on, and were not: what they were seen to hold, and was nobody's business, is forgotten too, and meets by the initial policy. A plan does so, and
 *   shows what comes of it. [S51, S55]
 */
export async function noticeConfiguration(context: EngineContext, options: CallOptions): Promise<void> {
  for (const sync of context.syncs) {
    const before = await lastNoticed(context.store, sync.id, options);
    const [present] = await context.store.syncVersions(sync.id, options);
    const now: ConfigurationPayload = {
      sides: sync.model.sides.map(({ name }) => name),
      paused: pausedOf(sync),
      writers: writersOf(sync),
      types: present?.types ?? [],
      mappings: present?.mappings ?? [],
    };
    if (before !== null && JSON.stringify(before) === JSON.stringify(now)) continue;
    const isNew = (await context.store.listSyncs(options)).some(({ id, state }) => id === sync.id && state === "new");
    for (const [side, { name }] of isNew ? [] : sync.model.sides.entries()) {
      const resumed = fieldsAt(before?.paused ?? [], name).filter((field) => !fieldsAt(now.paused, name).includes(field));
      const isShort = resumed.length > 0 && !(await isSwept(context, sync, side, options));
      const remapped = remappedFields(before, now, side);
      const anew = [...newlyTold(before, now, name), ...retypedFields(sync, before, now, side), ...remapped];
      const forgotten = [...new Set(isShort ? [...anew, ...resumed] : anew)];
      if (forgotten.length > 0) await forget(context, sync, side, forgotten, options);
      if (remapped.length > 0) await lookAs(context, sync, side, asRemapped(sync, side, remapped), options);
      if (fieldsAt(before?.paused ?? [], name).join() === fieldsAt(now.paused, name).join()) continue;
      await sweepSoon(context, sync, side, options);
      await resumeWrites(context, sync, side, options);
      context.log.warn("fields.paused", { sync: sync.model.name, side: name, fields: fieldsAt(now.paused, name).join(", ") });
    }
    // After it was done: a process that dies before does it once more.
    await noteInJournal(context, sync, now, options);
  }
}

/** The fields that a side tells from now on, and did not before. A field or a side that is new altogether has nothing to be forgotten. */
function newlyTold(before: ConfigurationPayload | null, now: ConfigurationPayload, side: string): readonly string[] {
  if (before?.sides.includes(side) !== true) return [];
  return Object.entries(now.writers).flatMap(([field, sides]) => {
    const then = before.writers[field];
    return then !== undefined && sides.includes(side) && !then.includes(side) ? [field] : [];
  });
}

/**
 * The fields that are read or written otherwise at a side. What was read by the former mapping is no more than what is read by the present one: neither is an edit of the other. [S51]
 */
function remappedFields(before: ConfigurationPayload | null, now: ConfigurationPayload, side: number): readonly string[] {
  const then = before?.mappings[side] ?? {};
  return Object.entries(now.mappings[side] ?? {}).flatMap(([field, mapping]) =>
    then[field] === undefined || then[field] === mapping ? [] : [field],
  );
}

/**
 * The fields that are made of columns which are of another type now. What a column of the former type held says nothing of what one of the new type does: values that only the change of the type
 * made are nobody's edits, and meet like those of a field that is mapped anew. [S50]
 */
function retypedFields(
  { model }: RunningSync,
  before: ConfigurationPayload | null,
  now: ConfigurationPayload,
  side: number,
): readonly string[] {
  const [then, present] = [before?.types[side] ?? {}, now.types[side] ?? {}];
  const mapping = model.sides[side]?.mapping;
  return (mapping?.fields ?? []).flatMap((field, index) => {
    const isRetyped = field?.reads.some((place) => {
      const column = mapping?.columns[place] ?? "";
      const known = then[column];
      const type = present[column];
      return known !== undefined && type !== undefined && (known.native !== type.native || known.natural !== type.natural);
    });
    return isRetyped === true ? [model.fields[index]?.name ?? ""] : [];
  });
}

/** Whether the side was listed to its end since its pause began. */
async function isSwept(context: EngineContext, sync: RunningSync, side: number, options: CallOptions): Promise<boolean> {
  const row = (await context.store.listSyncs(options)).find(({ id }) => id === sync.id);
  return (row?.listings.find((listing) => listing.side === side)?.completedAtMs ?? null) !== null;
}

/**
 * Lists a side as if some fields were paused there, so that what their columns held is forgotten. Else a column that was made anew would show its emptiness as an edit of every record, and what
 * was kept apart would never be looked at again. [S50, S51]
 */
async function forget(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  forgotten: readonly string[],
  options: CallOptions,
): Promise<void> {
  const mapping = sync.model.sides[side]?.mapping;
  const paused = { kind: "paused", reason: "it is looked at anew" } as const;
  const without = new Set<string>();
  const fields = (mapping?.fields ?? []).map((field, index) => {
    if (field === null || !forgotten.includes(sync.model.fields[index]?.name ?? "")) return field;
    for (const place of field.reads) without.add(mapping?.columns[place] ?? "");
    return { reads: field.reads, writes: field.writes, reference: null, paused: paused.reason, get: () => paused, put: () => paused };
  });
  const objects = sync.objects.map((own, place) => (place === side ? withoutColumns(own, without) : own));
  await lookAs(context, sync, side, { ...withFields(sync, side, fields), objects }, options);
}

/** The sync as one whose side tells some fields by a mapping that was changed: of what it told itself by the former one, this is the better word. [S51] */
function asRemapped(sync: RunningSync, side: number, remapped: readonly string[]): RunningSync {
  const fields = (sync.model.sides[side]?.mapping.fields ?? []).map((field, index) =>
    field !== null && remapped.includes(sync.model.fields[index]?.name ?? "") ? { ...field, isRemapped: true } : field,
  );
  return withFields(sync, side, fields);
}

function withFields(sync: RunningSync, side: number, fields: readonly (FieldMapping | null)[]): RunningSync {
  const sides = sync.model.sides.map((own, place) => (place === side ? { ...own, mapping: { ...own.mapping, fields } } : own));
  return { ...sync, model: { ...sync.model, sides } };
}

/** Lists a side of a sync as it is told to be, and merges what is seen. Nothing is written. */
async function lookAs(context: EngineContext, sync: RunningSync, side: number, told: RunningSync, options: CallOptions): Promise<void> {
  const past: EngineContext = { ...context, mayWrite: false, syncs: context.syncs.map((own) => (own === sync ? told : own)) };
  await sweep(past, told, side, options);
  await drainAll(past, options);
}

function pausedOf({ model }: RunningSync): ConfigurationPayload["paused"] {
  return model.sides.flatMap(({ name: side, mapping }) =>
    mapping.fields.flatMap((field, index) =>
      field?.paused === undefined ? [] : [{ side, field: model.fields[index]?.name ?? String(index), reason: field.paused }],
    ),
  );
}

/** What is appended is told by nobody any more once it is there. [S61] */
function writersOf({ model }: RunningSync): ConfigurationPayload["writers"] {
  const tells = (writers: readonly boolean[], place: number): boolean => writers[place] === true && !isAppended(model);
  return Object.fromEntries(
    model.fields.map(({ name, writers }) => [name, model.sides.flatMap((side, place) => (tells(writers, place) ? [side.name] : []))]),
  );
}

function fieldsAt(paused: ConfigurationPayload["paused"], name: string): readonly string[] {
  return paused.flatMap(({ side, field }) => (side === name ? [field] : [])).toSorted();
}

async function sweepSoon(context: EngineContext, sync: RunningSync, side: number, options: CallOptions): Promise<void> {
  const row = (await context.store.listSyncs(options)).find(({ id }) => id === sync.id);
  const listing = row?.listings.find((one) => one.side === side);
  if (listing === undefined) return;
  await context.store.commitPull(
    { marks: [], cursor: null, listing: { sync: sync.id, row: { ...listing, completedAtMs: null } } },
    options,
  );
}

async function noteInJournal(
  context: EngineContext,
  sync: RunningSync,
  payload: ConfigurationPayload,
  options: CallOptions,
): Promise<void> {
  const lease = await takeShard(context, 0, options);
  if (lease === null) return;
  const changes = new ChangeSet();
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
