import { checkGuards, fingerprint, owe } from "@accord/core";
import type { Entity, EntityId, Owed, References } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { DueListing, DueState, HeldCreate, LoadedDue, PlanId, PlannedOperation, StoredEntity } from "../store/rows.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { refreshStates } from "./context.ts";
import { drainAll } from "./drain.ts";
import { CONTESTED, contestedEntities } from "./contested.ts";
import { guardLimits, isRewritten } from "./guard.ts";
import { namedReason } from "./hold.ts";
import { hydrate, loadReferences } from "./hydrate.ts";
import { heldBy, referringTo } from "./kin.ts";
import { noticeConfiguration } from "./notice-configuration.ts";
import { meetFirst } from "./first-contact.ts";
import { listFirst } from "./first-listing.ts";
import { sweepSides } from "./list.ts";
import { rebuildLinks } from "./rebuild.ts";
import { guardId } from "./trip.ts";

/** What a plan comes to: counts for people and programs. Kept as JSON with the plan. */
export interface PlanSummary {
  readonly createdAtMs: number;
  readonly syncs: readonly SyncPlan[];
  /** Guards that this plan would trip: it is applied only after approval. [S43] */
  readonly stops: readonly { readonly id: string; readonly reason: string }[];
}

export interface SyncPlan {
  readonly sync: string;
  readonly entities: number;
  /** Records that take part, by side name. */
  readonly records: Readonly<Record<string, number>>;
  /** Entities with an open review: conflicts that wait for a person. */
  readonly reviews: number;
  /** Records that stand aside: ambiguous keys, values that cannot be understood, left over from merges. */
  readonly problems: number;
  readonly sides: readonly SidePlan[];
}

export interface SidePlan {
  readonly side: string;
  readonly operations: Readonly<Record<PlannedOperation["kind"], number>>;
  /** How often each field would be written. */
  readonly fields: Readonly<Record<string, number>>;
}

/** A field's part of a planned operation, as kept in its detail. */
export interface PlannedField {
  readonly field: string;
  readonly before?: string | null;
  readonly after?: string | null;
}
export interface PlannedDetail {
  readonly fields: readonly PlannedField[];
  readonly reason: string | null;
}

/** Due writes looked at in one step. */
const PLAN_PAGE = 1_000;
const ALL_STATES: readonly DueState[] = ["ready", "held", "waiting", "parked"];

/**
 * Brings Accord's own view up to date (first listings where a sync is new, sweeps otherwise), merges what was seen, and writes down what each side is owed. [S52, S60]
 * No system is written to. Resumable: what was listed stays listed.
 */
export async function makePlan(
  context: EngineContext,
  options: CallOptions,
): Promise<{ readonly plan: PlanId; readonly summary: PlanSummary }> {
  await look(context, options);
  const createdAtMs = context.clock.nowMs();
  const plan = await context.store.startPlan({ run: context.run, createdAtMs }, options);
  const drafts = new Map<string, SideDraft>();
  for (const sync of context.syncs) {
    for (let side = 0; side < sync.model.sides.length; side += 1)
      drafts.set(`${sync.id}/${side}`, await planSide(context, sync, side, plan, options));
  }
  const summary = await summarize(context, drafts, createdAtMs, options);
  await context.store.finishPlan(plan, JSON.stringify(summary), options);
  return { plan, summary };
}

/** Lists or sweeps every side, parents first, and merges. Needs a context that may not write. */
export async function look(context: EngineContext, options: CallOptions): Promise<void> {
  if (context.identity.restored) await rebuildLinks(context, options);
  await noticeConfiguration(context, options);
  const rows = await context.store.listSyncs(options);
  for (const sync of context.syncs) {
    const row = rows.find(({ id }) => id === sync.id);
    for (const [side, model] of sync.model.sides.entries()) {
      const listing = row?.listings.find((candidate) => candidate.side === side);
      if (row?.state === "new") {
        await rememberCursor(context, model.connection, options);
        if (listing?.state !== "done") await listFirst(context, sync, side, listing?.after ?? null, options);
      }
    }
    if (row?.state !== "new") await sweepSides(context, sync, [...sync.objects.keys()], options);
    if (row?.state === "new") {
      await meetFirst(context, sync, options);
      // One that was held up here may find that another has made the sync live since. [S54]
      const isNew = (await context.store.listSyncs(options)).some(({ id, state }) => id === sync.id && state === "new");
      if (isNew) await context.store.setSyncState(sync.id, "planned", null, options);
    }
    await refreshStates(context, options);
    await drainAll(context, options);
  }
  await lookAgain(context, options);
}

/** What named records that had not been looked at yet is looked at once more: in circles, and within one sync, nothing comes first. [S44] */
async function lookAgain(context: EngineContext, options: CallOptions): Promise<void> {
  const early = context.syncs.filter(({ model }) =>
    model.fields.some(({ reference }) => reference !== null && (reference.later || reference.sync === model.name)),
  );
  if (early.length === 0 || (await context.store.countMarks(options)) === 0) return;
  for (const { id, objects } of early) {
    for (const side of objects.keys()) await context.store.hurry(id, side, context.clock.nowMs(), options);
  }
  await drainAll(context, options);
}

/** The feed must begin before the listing does, so that nothing between them is missed. [S57] */
async function rememberCursor(context: EngineContext, name: string, options: CallOptions): Promise<void> {
  const row = await context.store.readConnection(name, options);
  const connection = context.connections.get(name);
  const isFollowed = context.syncs.some(({ model, objects }) =>
    model.sides.some((side, index) => side.connection === name && objects[index]?.capabilities.capture !== "sweep"),
  );
  if ((row?.cursor ?? null) !== null || connection === undefined || !isFollowed) return;
  const cursor = await connection.currentCursor(options);
  await context.store.writeConnection(
    { connection: name, cursor, epoch: await connection.epoch(options), state: "active", reason: null },
    options,
  );
}

interface SideDraft {
  readonly operations: Record<PlannedOperation["kind"], number>;
  readonly fields: Record<string, number>;
  readonly emptied: Record<string, number>;
  readonly rewrites: Record<string, number>;
  changed: number;
}

async function planSide(context: EngineContext, sync: RunningSync, side: number, plan: PlanId, options: CallOptions): Promise<SideDraft> {
  const draft: SideDraft = {
    operations: { create: 0, update: 0, restore: 0, archive: 0, merge: 0, delete: 0, withheld: 0, refused: 0, waits: 0 },
    fields: {},
    emptied: {},
    rewrites: {},
    changed: 0,
  };
  let after: number | null = null;
  const contested = await contestedEntities(context, sync, side, options);
  const creates = fieldsOfCreates(sync, side);
  let plain = 0;
  for (;;) {
    const page: readonly (LoadedDue | HeldCreate)[] = await listPage(
      context,
      sync,
      { sync: sync.id, side, states: ALL_STATES, after, limit: PLAN_PAGE },
      options,
    );
    const stored = page.flatMap((due) => ("stored" in due ? [due.stored] : []));
    const references = await loadReferences(context, sync, stored, [], options);
    const held = await heldDeletes(context, sync, side, stored, options);
    const operations = page.flatMap((due) => {
      const planned = "stored" in due ? operationOf(sync, due, references, contested, held) : createOf(due, creates, contested);
      if (planned === null) return [];
      if (planned.fields === creates) plain += 1;
      else countOperation(draft, planned.operation.kind, planned.fields);
      if (planned.isRewrite) draft.changed += 1;
      return [planned.operation];
    });
    if (operations.length > 0) await context.store.addOperations(plan, operations, options);
    after = page.at(-1)?.entity ?? after;
    if (page.length < PLAN_PAGE) break;
  }
  countOperation(draft, "create", creates, plain);
  return draft;
}

/** Whether an entity that names records can be created may change with them: those are looked at one by one. [S44] */
function listPage(
  { store }: EngineContext,
  { model }: RunningSync,
  listing: DueListing,
  options: CallOptions,
): Promise<readonly (LoadedDue | HeldCreate)[]> {
  return model.fields.every(({ reference }) => reference === null)
    ? store.listPlannable({ ...listing, withValues: false }, options)
    : store.listDue(listing, options);
}

/** What a create of an entity all of whose fields are known writes at a side. */
function fieldsOfCreates({ model }: RunningSync, side: number): readonly PlannedField[] {
  return model.fields.flatMap(({ name }, field) =>
    (model.sides[side]?.mapping.fields[field]?.writes.length ?? 0) > 0 ? [{ field: name }] : [],
  );
}

/** What was found to be a create when it became due, and has not changed since. */
function createOf({ sync, side, entity, version }: HeldCreate, fields: readonly PlannedField[], contested: ReadonlySet<EntityId>): Planned {
  const isContested = contested.has(entity);
  const operation: PlannedOperation = {
    sync,
    side,
    entity,
    kind: isContested ? "withheld" : "create",
    record: null,
    entityVersion: version,
    imageDigest: "",
    detail: isContested ? JSON.stringify({ fields: [], reason: CONTESTED }) : "",
  };
  return { operation, fields: isContested ? [] : fields, isRewrite: false };
}

interface Planned {
  readonly operation: PlannedOperation;
  readonly fields: readonly PlannedField[];
  /** Whether it replaces a value because somebody changed it elsewhere. [S43] */
  readonly isRewrite: boolean;
}

/** Deleted entities whose records at a side have to wait for those that name them, with the reason. [S45] */
async function heldDeletes(
  context: EngineContext,
  sync: RunningSync,
  side: number,
  stored: readonly StoredEntity[],
  options: CallOptions,
): Promise<ReadonlyMap<EntityId, string>> {
  const held = new Map<EntityId, string>();
  if (referringTo(context, sync).length === 0) return held;
  for (const { id, life } of stored) {
    const hold = life.kind === "deleted" ? await heldBy(context, sync, side, id, options) : null;
    if (hold !== null) held.set(id, namedReason(hold.referring));
  }
  return held;
}

function operationOf(
  sync: RunningSync,
  due: LoadedDue,
  references: References,
  contested: ReadonlySet<EntityId>,
  held: ReadonlyMap<EntityId, string>,
): Planned | null {
  const entity = hydrate(sync.model, due.stored, references);
  const computed = owe(sync.model, entity, due.side, references);
  const isContested =
    (computed.kind === "create" || computed.kind === "waits") &&
    (entity.members[due.side]?.record ?? null) === null &&
    contested.has(entity.id);
  const owed: Owed = isContested ? { kind: "withheld", reason: CONTESTED } : computed;
  if (owed.kind === "nothing" || owed.kind === "reread") return null;
  const member = entity.members[due.side];
  const hold = owed.kind === "delete" ? (held.get(entity.id) ?? null) : null;
  const detail = hold === null ? detailOf(sync, owed, due) : { fields: [], reason: hold };
  const operation = {
    sync: due.sync,
    side: due.side,
    entity: due.entity,
    kind: hold === null ? plannedAs(owed.kind) : "waits",
    record: member?.record ?? null,
    entityVersion: entity.version,
    imageDigest: digestOf(entity, due.side),
    // A create brings what the entity holds: that need not be kept twice.
    detail: owed.kind === "create" && detail.reason === null ? "" : JSON.stringify(detail),
  };
  return { operation, fields: detail.fields, isRewrite: owed.kind === "update" && isRewritten(sync, entity, owed.fields) };
}

/** What is not written counts as withheld or refused. */
function plannedAs(kind: Exclude<Owed["kind"], "nothing" | "reread">): PlannedOperation["kind"] {
  if (kind === "unproven") return "withheld";
  return kind === "paused" ? "refused" : kind;
}

/** What each operation of a plan would write, or why not. Those of creates are told from their entities as they are now. One per operation, in order. */
export async function detailsOf(
  context: EngineContext,
  operations: readonly PlannedOperation[],
  options: CallOptions,
): Promise<readonly PlannedDetail[]> {
  const stored = await context.store.loadEntities(
    [...new Set(operations.flatMap(({ entity, detail }) => (detail === "" ? [entity] : [])))],
    options,
  );
  const byId = new Map(stored.map((entity) => [entity.id, entity]));
  const references = new Map<number, References>();
  for (const sync of context.syncs) {
    const own = stored.filter((entity) => entity.sync === sync.id);
    references.set(sync.id, await loadReferences(context, sync, own, [], options));
  }
  return operations.map(({ sync: id, side, entity: entityId, detail }): PlannedDetail => {
    if (detail !== "") return JSON.parse(detail) as PlannedDetail;
    const sync = context.syncs.find((candidate) => candidate.id === id);
    const entity = byId.get(entityId);
    const known = references.get(id);
    if (sync === undefined || entity === undefined || known === undefined) return { fields: [], reason: null };
    return { fields: fieldsOf(sync, owe(sync.model, hydrate(sync.model, entity, known), side, known)), reason: null };
  });
}

/** What must not have changed between plan and apply. [S60] */
export function digestOf(
  entity: Pick<Entity, "members"> | { readonly members: readonly ({ readonly image: string | null } | null)[] },
  side: number,
): string {
  const image = entity.members[side]?.image ?? null;
  return image === null ? "" : fingerprint(image);
}

function detailOf(sync: RunningSync, owed: Owed, due: LoadedDue): PlannedDetail {
  const name = (field: number): string => sync.model.fields[field]?.name ?? String(field);
  const fields = fieldsOf(sync, owed);
  const parked = due.state === "parked" ? due.reason : null;
  if (owed.kind === "refused") return { fields, reason: `${name(owed.field)}: ${owed.problem}` };
  if (owed.kind === "paused") return { fields, reason: `${name(owed.field)}: ${owed.reason}` };
  if (owed.kind === "withheld") return { fields, reason: owed.reason };
  if (owed.kind === "waits") return { fields, reason: `${name(owed.field)} names a record of ${owed.sync} that comes first` };
  return { fields, reason: parked };
}

function fieldsOf(sync: RunningSync, owed: Owed): readonly PlannedField[] {
  if (!("fields" in owed)) return [];
  return owed.fields.map(({ field, before, after }) => {
    const planned: { field: string; before?: string | null; after?: string | null } = {
      field: sync.model.fields[field]?.name ?? String(field),
    };
    if (before !== undefined) planned.before = before;
    if (after !== undefined) planned.after = after;
    return planned;
  });
}

/** @param count of operations that are alike */
function countOperation(draft: SideDraft, kind: PlannedOperation["kind"], fields: readonly PlannedField[], count = 1): void {
  draft.operations[kind] += count;
  if (count === 0) return;
  for (const { field, before, after } of fields) {
    draft.fields[field] = (draft.fields[field] ?? 0) + count;
    if (kind !== "update" || before === null || before === undefined) continue;
    draft.rewrites[field] = (draft.rewrites[field] ?? 0) + 1;
    if (after === null) draft.emptied[field] = (draft.emptied[field] ?? 0) + 1;
  }
}

async function summarize(
  context: EngineContext,
  drafts: ReadonlyMap<string, SideDraft>,
  createdAtMs: number,
  options: CallOptions,
): Promise<PlanSummary> {
  const counts = await context.store.countState(options);
  // What was seen and is not to be believed stops the plan made of it, until a person has looked. [S43]
  const stops = (await context.store.listTrips(options)).flatMap(({ id, sync, guard, reason, approvedAtMs }) => {
    const isSight = (guard === "count" || guard === "canary") && approvedAtMs === null;
    return isSight && context.syncs.some((own) => own.id === sync) ? [{ id, reason }] : [];
  });
  const syncs = context.syncs.map((sync): SyncPlan => {
    const state = counts.syncs.find((row) => row.sync === sync.id);
    const sides = sync.model.sides.map((model, side): SidePlan => {
      const draft = drafts.get(`${sync.id}/${side}`);
      if (draft === undefined) throw new RangeError("every side has been planned");
      const stop = checkGuards(
        {
          side: model.name,
          records: state?.members[side] ?? 0,
          deletes: draft.operations.delete + draft.operations.archive + draft.operations.merge,
          rewrites: draft.rewrites,
          emptied: draft.emptied,
          changed: draft.changed,
        },
        guardLimits(sync),
      );
      if (stop !== null) stops.push({ id: guardId(sync.model.name, model.name, stop), reason: stop.reason });
      return { side: model.name, operations: draft.operations, fields: draft.fields };
    });
    return {
      sync: sync.model.name,
      entities: state?.entities ?? 0,
      records: Object.fromEntries(sync.model.sides.map((model, side) => [model.name, state?.members[side] ?? 0])),
      reviews: state?.reviews ?? 0,
      problems: state?.problems ?? 0,
      sides,
    };
  });
  return { createdAtMs, syncs, stops };
}
