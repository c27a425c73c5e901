import { equalValues, imageOf, isAppended, isMeantFor, isPresent, isUnproven, owe, rankAmong, readImage, takesPart } from "@accord/core";
import type { Entity, FieldModel, MaybeValue, NativeImage, RecordId, References, SideIndex } from "@accord/core";
import type { CallOptions } from "../host/host.ts";
import type { EntityPage, ListedMember, StoredMember } from "../store/rows.ts";
import { Agreement, takesRecords } from "./agreement.ts";
import { compareBeside } from "./beside.ts";
import type { BesideResult, BesideVisitor } from "./beside.ts";
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
    const sides = sync.objects.map((_, side) => [side, new SideVerifier(context, sync, side, counted, options)] as const);
    const members = new MemberVerifier(context, sync, counted, options);
    await compareBeside(context, sync, new Map(sides), (page) => members.verify(page), options);
    for (const [, { records }] of sides) totals.records += records;
    totals.entities += members.count;
    totals.exempt += members.exempt;
  }
  return totals;
}

/** What the listing of a side shows beside what is stored of it. What differs is looked at once more before it is told: a change that was taken in meanwhile is no difference. */
class SideVerifier implements BesideVisitor {
  records = 0;
  private readonly context: EngineContext;
  private readonly sync: RunningSync;
  private readonly side: SideIndex;
  private readonly report: (difference: Difference) => void;
  private readonly options: CallOptions;
  private suspects: Suspect[] = [];

  constructor(context: EngineContext, sync: RunningSync, side: SideIndex, report: (difference: Difference) => void, options: CallOptions) {
    this.context = context;
    this.sync = sync;
    this.side = side;
    this.report = report;
    this.options = options;
  }

  met({ record, entity, state, image: stored }: ListedMember, image: NativeImage): void {
    if (state === "deleted" || state === "absent") this.suspects.push({ record, entity, kind: "surplus" });
    else if (stored !== image && (state !== "outOfScope" || isInScope(this.sync, this.side, image)))
      this.suspects.push({ record, entity, kind: "unseen" });
  }

  missed({ record, entity, state }: ListedMember): void {
    if (state === "live") this.suspects.push({ record, entity, kind: "missing" });
  }

  found(record: RecordId, image: NativeImage): void {
    if (isInScope(this.sync, this.side, image)) this.suspects.push({ record, entity: null, kind: "unlinked" });
  }

  async settle(): Promise<void> {
    const { suspects, context } = this;
    this.suspects = [];
    const batch = Math.min(context.limits.mergeBatch, this.sync.objects[this.side]?.capabilities.pageSizeMax ?? context.limits.mergeBatch);
    for (let at = 0; at < suspects.length; at += batch) await this.lookAgain(suspects.slice(at, at + batch));
  }

  /** @throws ACCORD_LISTING_INCOMPLETE */
  end({ records, isComplete }: BesideResult): Promise<void> {
    this.records = records;
    return isComplete ? Promise.resolve() : Promise.reject(incompleteListing(this.sync, this.side));
  }

  private async lookAgain(suspects: readonly Suspect[]): Promise<void> {
    const { context, sync, side, options } = this;
    const records = suspects.map(({ record }) => record);
    const reading = await sync.objects[side]?.read(records, options);
    const links = await context.store.findLinks(sync.id, side, records, options);
    const linked = links.filter((entity) => entity !== null);
    const entities = new Map((await context.store.loadEntities(linked, options)).map((entity) => [entity.id, entity]));
    const name = sync.model.sides[side]?.name ?? "";
    for (const [at, suspect] of suspects.entries()) {
      const member = entities.get(links[at] ?? 0)?.members[side] ?? null;
      if (this.isLevel(reading?.images[at] ?? null, member)) continue;
      this.report({ sync: sync.model.name, side: name, ...suspect, field: null, expected: undefined, actual: undefined });
    }
  }

  /** Whether a record as it is now is as its member says; null: there is none. */
  private isLevel(image: NativeImage | null, member: StoredMember | null): boolean {
    if (image === null) return member?.state !== "live";
    if (member !== null && member.image === image) return true;
    return (member === null || member.state === "outOfScope") && !isInScope(this.sync, this.side, image);
  }
}

type Suspect = Pick<Difference, "entity" | "kind"> & { readonly record: RecordId };

function isInScope(sync: RunningSync, side: SideIndex, image: NativeImage): boolean {
  const model = sync.model.sides[side];
  return model !== undefined && takesPart(model, readImage(image));
}

/** What is stored of the members of entities beside their canonical records. */
class MemberVerifier {
  count = 0;
  exempt = 0;
  private readonly context: EngineContext;
  private readonly sync: RunningSync;
  private readonly report: (difference: Difference) => void;
  private readonly options: CallOptions;
  private readonly agreement: Agreement | null;

  constructor(context: EngineContext, sync: RunningSync, report: (difference: Difference) => void, options: CallOptions) {
    this.context = context;
    this.sync = sync;
    this.report = report;
    this.options = options;
    this.agreement = Agreement.of(sync);
  }

  /** Entities that do not plainly agree are looked at whole. */
  async verify(page: EntityPage): Promise<void> {
    const { context, sync, agreement, options } = this;
    this.count += page.ids.length;
    const ids = agreement === null ? page.ids : page.ids.filter((_, at) => !agreement.holds(page, at));
    for (let at = 0; at < ids.length; at += context.limits.mergeBatch) {
      const entities = await context.store.loadEntities(ids.slice(at, at + context.limits.mergeBatch), options);
      const references = await loadReferences(context, sync, entities, [], options);
      for (const stored of entities) this.exempt += verifyEntity(sync, hydrate(sync.model, stored, references), references, this.report);
    }
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
    // What a merge left over is listed, and nobody's to be level with. [S41]
    if (entity.life.kind === "merged") {
      if (isPresent(member)) exempt += 1;
      continue;
    }
    const state = member?.state ?? "absent";
    if (!isPresent(member)) {
      const isLacking = state === "absent" || state === "archived" || isUnproven(member);
      // What no writer has told anything of is made nowhere. [S55]
      const isTold = entity.fields.some(({ value }) => value !== undefined);
      const isOwed = hasPresent && entity.review === null && isLacking && isTold;
      if (!isOwed || !takesRecords(sync, side)) continue;
      const values = entity.fields.map(({ value }) => value);
      if (!isMeantFor(model, values)) continue;
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
      if (field.review !== null || isAppended(sync.model) || isLeftAlone(fieldModel, side, actual)) exempt += 1;
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
