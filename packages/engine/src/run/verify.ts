import { compareRecordIds, equalValues, imageOf, isPresent, owe, rankAmong, readImage } from "@accord/core";
import type { Entity, FieldModel, MaybeValue, NativeImage, RecordId, References, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { ListedMember } from "../store/store.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { hydrate, loadReferences } from "./hydrate.ts";
import { incompleteListing } from "./list.ts";

/** One thing that does not agree. */
export interface Difference {
  readonly sync: string;
  readonly side: string;
  readonly record: RecordId | null;
  readonly entity: number | null;
  readonly kind:
    /** A value at the side differs from the canonical one. */
    | "value"
    /** A linked record is not there, or one that should be gone is. */
    | "missing"
    | "surplus"
    /** A record that is linked to nothing. */
    | "unlinked"
    /** The entity has no record at this side, though it should. */
    | "absent"
    /** The record was changed and the change has not been taken in yet. */
    | "unseen";
  readonly field: string | null;
  readonly expected: MaybeValue;
  readonly actual: MaybeValue;
}

export interface Verified {
  readonly records: number;
  readonly entities: number;
  readonly differences: number;
  /** Fields that wait for a person's decision, and one-way fields left as they are by configuration: not counted as differences. */
  readonly exempt: number;
}

/**
 * Compares all records of all sides, in bounded memory: every side is listed in full beside what is stored of it, and every stored member beside the canonical record.
 * Together: what the systems show now is what Accord says they agree on. Each difference is handed to `report`. [I1]
 */
export async function verify(context: EngineContext, report: (difference: Difference) => void, options: CallOptions): Promise<Verified> {
  const totals = { records: 0, entities: 0, differences: 0, exempt: 0 };
  const counted = (difference: Difference): void => {
    totals.differences += 1;
    report(difference);
  };
  for (const sync of context.syncs) {
    for (let side = 0; side < sync.model.sides.length; side += 1) totals.records += await verifySide(context, sync, side, counted, options);
    const entities = await verifyEntities(context, sync, counted, options);
    totals.entities += entities.count;
    totals.exempt += entities.exempt;
  }
  return totals;
}

async function verifySide(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  report: (difference: Difference) => void,
  options: CallOptions,
): Promise<number> {
  const object = sync.objects[side];
  const model = sync.model.sides[side];
  if (object === undefined || model === undefined) return 0;
  const stored = storedMembers(context, sync, side, options);
  let next = await stored.next();
  let count = 0;
  let isComplete = false;
  const different = (record: RecordId, entity: number | null, kind: Difference["kind"]): void =>
    report({ sync: sync.model.name, side: model.name, record, entity, kind, field: null, expected: undefined, actual: undefined });
  for await (const page of object.list(null, { ...options, pageSize: context.limits.listPage })) {
    isComplete = page.complete;
    for (const [index, record] of page.ids.entries()) {
      count += 1;
      while (next.done !== true && compareRecordIds(object.schema.keyOrder, next.value.record, record) < 0) {
        if (next.value.state === "live") different(next.value.record, next.value.entity, "missing");
        next = await stored.next();
      }
      const image = page.images[index] ?? "";
      if (next.done !== true && next.value.record === record) {
        if (isGone(next.value)) different(record, next.value.entity, "surplus");
        else if (next.value.image !== image && (next.value.state !== "outOfScope" || isInScope(sync, side, image)))
          different(record, next.value.entity, "unseen");
        next = await stored.next();
      } else if (isInScope(sync, side, image)) {
        different(record, null, "unlinked");
      }
    }
  }
  if (!isComplete) throw incompleteListing(sync, side);
  for (; next.done !== true; next = await stored.next()) {
    if (next.value.state === "live") different(next.value.record, next.value.entity, "missing");
  }
  return count;
}

function isGone(member: ListedMember): boolean {
  return member.state === "deleted" || member.state === "absent";
}

function isInScope(sync: RunningSync, side: SideIndex, image: NativeImage): boolean {
  const model = sync.model.sides[side];
  if (model === undefined) return false;
  const cells = readImage(image);
  const isArchived = model.archive !== null && cells[model.archive.column] === model.archive.cell;
  return !isArchived && model.filter?.(cells) !== false;
}

async function* storedMembers(
  context: EngineContext,
  sync: RunningSync,
  side: SideIndex,
  options: CallOptions,
): AsyncGenerator<ListedMember, undefined> {
  let after: RecordId | null = null;
  for (;;) {
    const page: readonly ListedMember[] = await context.store.listMembers(sync.id, side, after, context.limits.listPage, options);
    yield* page;
    after = page.at(-1)?.record ?? after;
    if (page.length < context.limits.listPage) return undefined;
  }
}

async function verifyEntities(
  context: EngineContext,
  sync: RunningSync,
  report: (difference: Difference) => void,
  options: CallOptions,
): Promise<{ readonly count: number; readonly exempt: number }> {
  let after: number | null = null;
  let count = 0;
  let exempt = 0;
  for (;;) {
    const page: Awaited<ReturnType<EngineContext["store"]["listEntities"]>> = await context.store.listEntities(
      sync.id,
      after,
      context.limits.mergeBatch,
      options,
    );
    const references = await loadReferences(context, sync, page, [], options);
    for (const stored of page) {
      count += 1;
      exempt += verifyEntity(sync, hydrate(sync.model, stored, references), references, report);
    }
    after = page.at(-1)?.id ?? after;
    if (page.length < context.limits.mergeBatch) return { count, exempt };
  }
}

/** Compares every present member with the canonical record. Returns how many fields are exempt. */
function verifyEntity(sync: RunningSync, entity: Entity, references: References, report: (difference: Difference) => void): number {
  let exempt = 0;
  const hasPresent = entity.members.some(isPresent);
  for (const [side, model] of sync.model.sides.entries()) {
    const member = entity.members[side] ?? null;
    const about = { sync: sync.model.name, side: model.name, record: member?.record ?? null, entity: entity.id };
    if (entity.life.kind === "deleted") {
      if (isPresent(member)) report({ ...about, kind: "surplus", field: null, expected: undefined, actual: undefined });
      continue;
    }
    const state = member?.state ?? "absent";
    if (!isPresent(member)) {
      const isOwed = hasPresent && entity.review === null && (state === "absent" || state === "archived");
      if (!isOwed || !takesRecords(sync, side)) continue;
      // What would not pass the side's own filter is not made there. [S42]
      if (owe(sync.model, entity, side, references).kind === "withheld") exempt += 1;
      else report({ ...about, kind: "absent", field: null, expected: undefined, actual: undefined });
      continue;
    }
    const cells = member.image === null ? null : readImage(member.image);
    for (const [index, field] of entity.fields.entries()) {
      const mapping = model.mapping.fields[index];
      const fieldModel = sync.model.fields[index];
      if (!mapping || fieldModel === undefined || field.value === undefined) continue;
      const expected = imageOf(mapping, field.value, cells, references);
      const actual = member.shadow[index];
      if (equalValues(fieldModel.type, expected, actual)) continue;
      if (field.review !== null || isLeftAlone(fieldModel, side, actual)) exempt += 1;
      else report({ ...about, kind: "value", field: fieldModel.name, expected, actual });
    }
  }
  return exempt;
}

/** Whether configuration leaves a differing value as it is: one-way fields with `keep`, and sides that are only filled where empty. [S17, S55] */
function isLeftAlone({ policy, writers, drift }: FieldModel, side: SideIndex, actual: MaybeValue): boolean {
  if (drift === "keep" && writers[side] !== true) return true;
  const isFillOnly = policy.kind === "owner" && policy.fill && rankAmong(policy.ranks, side, writers) > 0;
  return isFillOnly && actual !== null && actual !== undefined && actual !== "";
}

/** Whether any field flows to this side. */
function takesRecords(sync: RunningSync, side: SideIndex): boolean {
  return sync.model.fields.some((field, index) => {
    const mapping = sync.model.sides[side]?.mapping.fields[index];
    return (
      mapping !== null &&
      mapping !== undefined &&
      mapping.writes.length > 0 &&
      field.writers.some((writes, other) => writes && other !== side)
    );
  });
}
