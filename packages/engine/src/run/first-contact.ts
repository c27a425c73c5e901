import { canonicalValues, matchKeysOf } from "@accord/core";
import type { Entity, EntityId, Joined, References } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import { contactEntry, mergeEntry } from "../journal/payload.ts";
import type { ContactPayload } from "../journal/payload.ts";
import type { FirstContactChanges, LevelEntity, StagedGroup, StagedRecord } from "../store/first-contact.ts";
import type { Mark } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { takeShard } from "./drain.ts";
import { keepEntity } from "./due.ts";
import { loadReferences } from "./hydrate.ts";
import { join, joiningRecord } from "./join.ts";
import type { JoiningRecord } from "./join.ts";
import { LevelRecords } from "./level.ts";

/** Records that nobody is linked to wait in this shard, and joins are decided under its lease. [S36] */
const JOINS = 0;

/**
 * First contact of a new sync: what was listed becomes entities, group by group of equal match keys, in the order of the sides. [S36] Groups of which there is any doubt
 * (twins at one side, values that cannot be understood, references that wait) become marks and are joined record by record like every later newcomer.
 */
export async function meetFirst(context: EngineContext, sync: RunningSync, options: CallOptions): Promise<void> {
  const { firstContact } = context.store;
  const { isAlone } = await firstContact.group(sync.id, sync.model.sides.length, options);
  const isPlain = isAlone && context.matcher.isByKeys;
  const levelRecords = LevelRecords.of(sync.model);
  for (;;) {
    options.signal.throwIfAborted();
    const groups = await firstContact.load(sync.id, context.limits.firstContactBatch, options);
    const last = groups.at(-1);
    if (last === undefined) break;
    const lease = await takeShard(context, JOINS, options);
    if (lease === null) throw new AccordError("ACCORD_LEASE_LOST", "Another process joins records of this store.", { remedy: "stop" });
    const meeting = new Meeting(context, sync, await referencesOf(context, sync, groups, options), levelRecords);
    let nextId = isPlain ? await context.store.reserveEntities(groups.length, options) : 0;
    // Level entities come first in each batch: the journal tells of them as one run, and the store writes them in one go.
    const others: StagedGroup[] = [];
    for (const group of groups) {
      if (isPlain && meeting.meetLevel(group, nextId)) nextId += 1;
      else others.push(group);
    }
    for (const group of others) {
      if (isPlain && meeting.meet(group, nextId)) nextId += 1;
      else meeting.leave(group);
    }
    await firstContact.commit(lease, { ...meeting.outcome(), sync: sync.id, upTo: last.place }, options);
    context.watch.merged(sync.model.name, meeting.records);
  }
  await firstContact.finish(sync.id, options);
}

function referencesOf(
  context: EngineContext,
  sync: RunningSync,
  groups: readonly StagedGroup[],
  options: CallOptions,
): Promise<References> {
  const seen = groups.flatMap(({ records }) => records.map(({ side, image }) => ({ side, image })));
  return loadReferences(context, sync, [], seen, options);
}

/** One batch of groups on its way to become entities or marks. */
class Meeting {
  records = 0;
  private readonly context: EngineContext;
  private readonly sync: RunningSync;
  private readonly references: References;
  private readonly levelRecords: LevelRecords | null;
  private readonly level: LevelEntity[] = [];
  private readonly changes = new ChangeSet();
  /** Entities of `changes` that have nothing to tell but that they met, with the sides that took part. */
  private readonly met: ContactPayload["met"][number][] = [];

  constructor(context: EngineContext, sync: RunningSync, references: References, levelRecords: LevelRecords | null) {
    this.context = context;
    this.sync = sync;
    this.references = references;
    this.levelRecords = levelRecords;
  }

  /** Makes a group whose records say the same the entity with this id: most of them, and soon done. False where they differ in anything. */
  meetLevel({ records, isCrowd }: StagedGroup, id: EntityId): boolean {
    const reading = isCrowd || this.levelRecords === null ? null : this.levelRecords.read(records);
    if (reading === null) return false;
    this.records += records.length;
    const { values, keys, provenance } = reading;
    this.level.push({ id, sync: this.sync.id, values, keys, provenance, records });
    return true;
  }

  /** Makes a group the entity with this id; false where that takes a closer look. */
  meet(group: StagedGroup, id: EntityId): boolean {
    const joining = group.records.map((staged) => this.joining(staged));
    if (!this.isPlain(group, joining)) return false;
    const joins: Joined[] = [];
    let entity: Entity | null = null;
    let keys: readonly (string | null)[] = [];
    for (const record of joining) {
      // Records match what is canonical, and a one-way key may be missing there: step by step then. [S36, S55]
      if (entity !== null && keys[0] !== record.keys[0]) return false;
      const joined: Joined = join(this.context, this.sync, record, entity, this.references, id);
      if (joined.problems.length > 0 || joined.waiting.length > 0) return false;
      joins.push(joined);
      entity = joined.entity;
      keys = record.isOutside || this.showsKeys(entity, record) ? record.keys : matchKeysOf(this.sync.model, canonicalValues(entity));
    }
    if (entity === null) return false;
    this.keep(entity, keys, joining, joins);
    return true;
  }

  /** Leaves the records of a group to the ordinary way. */
  leave({ records }: StagedGroup): void {
    for (const staged of records) this.changes.marks.push(this.markOf(staged));
    this.records += records.length;
  }

  outcome(): Omit<FirstContactChanges, "sync" | "upTo"> {
    const { entities, marks, due, journal } = this.changes;
    const facts = { run: this.context.run, sync: this.sync.id, atMs: this.context.clock.nowMs() };
    const met = [...this.levelMet(), ...this.met];
    return { level: this.level, entities, marks, due, journal, shared: met.length === 0 ? null : contactEntry(facts, met) };
  }

  /** The level entities of a batch are the first of it, one after another. */
  private levelMet(): ContactPayload["met"] {
    const [first, last] = [this.level[0], this.level.at(-1)];
    if (first === undefined || last === undefined) return [];
    return [{ from: first.id, to: last.id, sides: this.sync.model.sides.map(({ name }) => name) }];
  }

  /** Whether the fields that keys are made of are canonical as the record has them. */
  private showsKeys(entity: Entity, { gotten }: JoiningRecord): boolean {
    return this.sync.model.match.every((rule) => rule.every((field) => entity.fields[field]?.value === gotten.values[field]));
  }

  /** One record a side at most, all with the same key, and no later rule that could find them another partner. */
  private isPlain({ records, isCrowd }: StagedGroup, joining: readonly JoiningRecord[]): boolean {
    const [first] = joining;
    if (isCrowd || first === undefined || new Set(records.map(({ side }) => side)).size < records.length) return false;
    if (joining.length > 1) return joining.every(({ keys }) => keys[0] === first.keys[0]);
    return first.sight.mark.side === 0 || first.keys.slice(1).every((key) => key === null);
  }

  private joining({ side, record, image, position, seenAtMs }: StagedRecord): JoiningRecord {
    return joiningRecord(this.sync, { mark: { side, record }, position, fromMs: 0, toMs: seenAtMs }, image, this.references);
  }

  private keep(entity: Entity, keys: readonly (string | null)[], joining: readonly JoiningRecord[], joins: readonly Joined[]): void {
    const { context, sync, changes } = this;
    this.records += joining.length;
    keepEntity(context, sync, entity, this.references, changes, keys);
    let isTold = false;
    for (const [index, { events }] of joins.entries()) {
      const sight = joining[index]?.sight;
      if (sight === undefined || events.every(({ kind }) => kind === "joined")) continue;
      isTold = true;
      const { mark, fromMs, toMs } = sight;
      const facts = { run: context.run, sync: sync.id, entity: entity.id, side: mark.side, atMs: context.clock.nowMs() };
      changes.journal.push(mergeEntry(sync.model, facts, { record: mark.record, fromMs, toMs, version: entity.version, events }));
    }
    if (isTold) return;
    const sides = joining.map(({ sight }) => sync.model.sides[sight.mark.side]?.name ?? "");
    this.met.push({ from: entity.id, to: entity.id, sides });
  }

  private markOf({ side, record, image, position, seenAtMs }: StagedRecord): Mark {
    const { keys } = this.joining({ side, record, image, position, seenAtMs });
    return {
      sync: this.sync.id,
      side,
      record,
      kind: "image",
      image,
      position,
      renamedFrom: null,
      fromMs: 0,
      toMs: seenAtMs,
      keys,
      notBeforeMs: 0,
    };
  }
}
