import { keyValues, matchKeysOf } from "@accord/core";
import type { Entity, EntityId, Joined, References } from "@accord/core";
import { AccordError } from "../connector/errors.ts";
import type { CallOptions } from "../host/host.ts";
import { contactEntry, mergeEntry } from "../journal/payload.ts";
import type { ContactPayload } from "../journal/payload.ts";
import type { FirstContactChanges, StagedGroup, StagedRecord } from "../store/first-contact.ts";
import type { JournalEntry, Lease, Mark } from "../store/rows.ts";
import { ChangeSet } from "./changes.ts";
import type { EngineContext, RunningSync } from "./context.ts";
import { takeShard } from "./take-shard.ts";
import { keepEntity } from "./due.ts";
import { loadReferences } from "./hydrate.ts";
import { join, joiningRecord } from "./join.ts";
import type { JoiningRecord } from "./join.ts";
import { LevelReader } from "./level.ts";
import { LoneRecords } from "./lone.ts";

/** Records that nobody is linked to wait in this shard, and joins are decided under its lease. [S36] */
const JOINS = 0;

/**
 * First contact of a new sync: what was listed becomes entities, group by group of equal match keys, in the order of the sides. [S36] Groups of which there is any doubt
 * (twins at one side, values that cannot be understood, references that wait) become marks and are joined record by record like every later newcomer.
 */
export async function meetFirst(context: EngineContext, sync: RunningSync, options: CallOptions): Promise<void> {
  const { firstContact } = context.store;
  const { isAlone } = await firstContact.group(sync.id, options);
  const isPlain = isAlone && context.matcher.isByKeys;
  if (isPlain) await meetLevel(context, sync, options);
  for (;;) {
    options.signal.throwIfAborted();
    const groups = await firstContact.load(sync.id, context.limits.firstContactBatch, options);
    const last = groups.at(-1);
    if (last === undefined) break;
    const lease = await takeJoins(context, options);
    const meeting = new Meeting(context, sync, await referencesOf(context, sync, groups, options));
    for (const group of groups) {
      if (!isPlain || !meeting.meet(group)) meeting.leave(group);
    }
    await firstContact.commit(lease, { ...meeting.outcome(), sync: sync.id, upTo: last.place }, options);
    context.watch.merged(sync.model.name, meeting.records);
  }
  await firstContact.finish(sync.id, options);
}

/** Records that say the same are most of a first contact, and nothing of them is to be decided: the store makes their entities of what was staged. [S13, S28] */
async function meetLevel(context: EngineContext, sync: RunningSync, options: CallOptions): Promise<void> {
  const sides = sync.model.sides.map(({ name }) => name);
  if (LevelReader.of(sync.model, 0) === null) return;
  for (let isDone = false; !isDone;) {
    options.signal.throwIfAborted();
    const lease = await takeJoins(context, options);
    const facts = { run: context.run, sync: sync.id, atMs: context.clock.nowMs() };
    const entryOf = (made: readonly EntityId[]): JournalEntry =>
      contactEntry(
        facts,
        made.map((id) => ({ from: id, to: id, sides })),
      );
    const step = await context.store.firstContact.meetLevel(lease, sync.id, entryOf, options);
    ({ isDone } = step);
    context.watch.merged(sync.model.name, step.entities * sides.length);
  }
}

async function takeJoins(context: EngineContext, options: CallOptions): Promise<Lease> {
  const lease = await takeShard(context, JOINS, options);
  if (lease === null) throw new AccordError("ACCORD_LEASE_LOST", "Another process joins records of this store.", { remedy: "stop" });
  return lease;
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
  private readonly loneRecords: LoneRecords;
  /** By side: its name alone. */
  private readonly sides: readonly (readonly string[])[];
  private readonly lone: number[] = [];
  private readonly changes = new ChangeSet();
  /** Entities that have nothing to tell but that they met, with the sides that took part. */
  private readonly met: ContactPayload["met"][number][] = [];

  constructor(context: EngineContext, sync: RunningSync, references: References) {
    this.context = context;
    this.sync = sync;
    this.references = references;
    this.loneRecords = new LoneRecords(context, sync);
    this.sides = sync.model.sides.map(({ name }) => [name]);
  }

  /** Makes a group an entity; false where that takes a closer look. */
  meet(group: StagedGroup): boolean {
    return this.meetLone(group) || this.joinGroup(group);
  }

  /** A record that met nobody becomes an entity as it was staged, unless a later rule could find it a partner. */
  private meetLone({ id, place, records, isCrowd }: StagedGroup): boolean {
    const [record] = records;
    if (record === undefined || records.length > 1 || isCrowd || record.said === null) return false;
    if (record.side > 0 && this.sync.model.match.length > 1) return false;
    this.loneRecords.keep(record, record.said, id, this.changes);
    this.lone.push(place);
    this.tell(id, this.sides[record.side] ?? [], 1);
    return true;
  }

  private joinGroup(group: StagedGroup): boolean {
    const joining = group.records.map((staged) => this.joining(staged));
    if (!this.isPlain(group, joining)) return false;
    const joins: Joined[] = [];
    let entity: Entity | null = null;
    let keys: readonly (string | null)[] = [];
    for (const record of joining) {
      // Records match what is canonical, and a one-way key may be missing there: step by step then. [S36, S55]
      if (entity !== null && keys[0] !== record.keys[0]) return false;
      const joined: Joined = join(this.context, this.sync, record, entity, this.references, group.id);
      if (joined.problems.length > 0 || joined.waiting.length > 0) return false;
      joins.push(joined);
      entity = joined.entity;
      keys = record.isOutside || this.showsKeys(entity, record) ? record.keys : matchKeysOf(this.sync.model, keyValues(entity));
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
    return { lone: this.lone, entities, marks, due, journal, shared: this.met.length === 0 ? null : contactEntry(facts, this.met) };
  }

  /** Whether the fields that keys are made of are canonical as the record has them. */
  private showsKeys(entity: Entity, { gotten }: JoiningRecord): boolean {
    return this.sync.model.match.every((rule) => rule.every((field) => entity.fields[field]?.value === gotten.values[field]));
  }

  /** No twins, all with the same key, and no later rule that could find them another partner. */
  private isPlain({ isCrowd }: StagedGroup, joining: readonly JoiningRecord[]): boolean {
    const [first] = joining;
    if (isCrowd || first === undefined) return false;
    if (joining.length > 1) return joining.every(({ keys }) => keys[0] === first.keys[0]);
    return first.sight.mark.side === 0 || first.keys.slice(1).every((key) => key === null);
  }

  private joining({ side, record, image, position, seenAtMs }: StagedRecord): JoiningRecord {
    return joiningRecord(this.sync, { mark: { side, record }, position, fromMs: 0, toMs: seenAtMs }, image, this.references);
  }

  private keep(entity: Entity, keys: readonly (string | null)[], joining: readonly JoiningRecord[], joins: readonly Joined[]): void {
    const { context, sync, changes } = this;
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
    const sides = joining.flatMap(({ sight }) => this.sides[sight.mark.side] ?? []);
    if (isTold) this.records += joining.length;
    else this.tell(entity.id, sides, joining.length);
  }

  /** Counts records that met, with nothing more to tell of them. */
  private tell(id: EntityId, sides: readonly string[], records: number): void {
    this.met.push({ from: id, to: id, sides });
    this.records += records;
  }

  private markOf(staged: StagedRecord): Mark {
    const { side, record, image, position, seenAtMs } = staged;
    const { keys } = this.joining(staged);
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
