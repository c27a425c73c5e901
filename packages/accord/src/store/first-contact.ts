import type { EntityId, NativeImage, RecordId, SideIndex } from "@accord/core";
import type {
  FirstContact,
  FirstContactChanges,
  JournalEntry,
  Lease,
  LevelStep,
  StagedGroup,
  StagedRecord,
  SyncId,
} from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { writeDue } from "./due.ts";
import { readHeld } from "./entity-members.ts";
import { writeNewEntities } from "./first-entities.ts";
import { appendJournal, lastEntry, planJournal } from "./journal.ts";
import { assertLease } from "./leases.ts";
import { addMarks } from "./marks.ts";
import { takeEntities } from "./meta.ts";
import type { Session } from "./session.ts";
import { endFirstContact } from "./staged-end.ts";
import { insertLevel, insertLone } from "./staged-entities.ts";
import { LevelAhead, type LevelChunk } from "./staged-level.ts";
import { groupsAfter, LONE, MADE, StagedGroups, type PlacedGroup } from "./staged-groups.ts";
import { stagePage } from "./staged-page.ts";
import { firstPlace, noteOthers, readContact, sideOfPlace, stagedSides, type ContactRow, type StagedSide } from "./staged.ts";
import type { StagingThread } from "./staging-thread.ts";
import type { Steps } from "./steps.ts";

export function createFirstContact(
  context: CommitContext,
  steps: Pick<Steps, "read" | "writeSoon" | "fence">,
  thread: StagingThread,
): FirstContact {
  const { session, catalogue } = context;
  const { read, writeSoon } = steps;
  const ahead = new LevelAhead(session, thread);
  return {
    stage: async (page) => stagePage(context, steps, thread, page),
    group: async (sync) => {
      // All is listed: its memory is of more use elsewhere.
      await thread.close();
      return writeSoon(() => ({ isAlone: groupRecords(session, catalogue, sync) }));
    },
    meetLevel: async (lease, sync, entryOf) => {
      const level = await ahead.next(sync);
      if (level === null) await thread.close();
      return writeSoon(() => meetLevel(context, lease, sync, level, entryOf));
    },
    load: async (sync, limit, call) => read(call, () => loadGroups(session, sync, limit)),
    commit: async (lease, changes) => {
      writeSoon(() => {
        commitGroups(context, lease, changes);
      });
    },
    finish: async (sync) => {
      writeSoon(() => {
        endFirstContact(session, sync);
      });
    },
  };
}

/** Whether nobody else has made anything of this sync: remembered, since what first contact makes itself does not count. */
function groupRecords(session: Session, catalogue: Catalogue, sync: SyncId): boolean {
  const known = readContact(session, sync);
  if (known !== null) return known.isAlone;
  const sides = stagedSides(session, sync);
  const isAlone =
    session.first("SELECT 1 FROM entity WHERE sync = ? LIMIT 1", sync) === undefined && !hasMarks(session, catalogue.sync(sync).sides);
  const level = sides[0]?.count ?? 0;
  const all = sides.reduce((total, { count }) => total + count, 0);
  const firstEntity = takeEntities(session, level + all);
  session.run(
    "INSERT INTO first_contact (sync, first_entity, level_chunks, first_other, others, up_to, alone) VALUES (?, ?, 0, ?, 0, ?, ?)",
    sync,
    firstEntity,
    firstEntity + level,
    firstPlace(sync, 0),
    isAlone ? 1 : 0,
  );
  new StagedGroups(session, sides).build();
  return isAlone;
}

function hasMarks(session: Session, sides: readonly { readonly number: number }[]): boolean {
  return sides.some(({ number }) => session.first("SELECT 1 FROM mark WHERE side = ? LIMIT 1", number) !== undefined);
}

/** Makes the level entities of a chunk of the first side: that side has a record in each of them. */
function meetLevel(
  context: CommitContext,
  lease: Lease,
  sync: SyncId,
  level: LevelChunk | null,
  entryOf: (made: readonly EntityId[]) => JournalEntry,
): LevelStep {
  const { session } = context;
  assertLease(session, lease);
  if (level === null) return { entities: 0, isDone: true };
  const { firstEntity, chunk, groups } = level;
  const contact = readContact(session, sync);
  // Somebody else was here since it was read, and it is read again.
  if (contact?.firstEntity !== firstEntity || contact.levelChunks !== chunk) return { entities: 0, isDone: false };
  const staged = new StagedGroups(session, stagedSides(session, sync));
  const [side] = staged.sides;
  if (side === undefined) return { entities: 0, isDone: true };
  const entry = lastEntry(session) + 1;
  const entities = groups.map((group) => ({ ...group, id: firstEntity + group.place - side.low - 1 }));
  insertLevel(session, staged.sides, entities, sync, entry);
  staged.mark(
    side,
    groups.map(({ place }) => [place - side.low, MADE]),
  );
  session.run("UPDATE first_contact SET level_chunks = level_chunks + 1 WHERE sync = ?", sync);
  countMade(context, sync, staged.sides, entities.length);
  if (entities.length > 0) appendJournal(context, [entryOf(entities.map(({ id }) => id))], { first: entry, chains: new Map() });
  return { entities: entities.length, isDone: false };
}

function countMade({ tally }: CommitContext, sync: SyncId, present: readonly StagedSide[], entities: number): void {
  tally.add("entity", sync, entities);
  for (const { number } of present) tally.add("member", number, entities);
}

function loadGroups(session: Session, sync: SyncId, limit: number): StagedGroup[] {
  const contact = readContact(session, sync);
  if (contact === null) return [];
  const placed: PlacedGroup[] = [];
  for (const group of groupsAfter(new StagedGroups(session, stagedSides(session, sync)), contact.upTo)) {
    if (placed.push(group) >= limit) break;
  }
  const records = loadRecords(
    session,
    placed.flatMap(({ places }) => places),
  );
  let next = 0;
  return placed.map(({ places, isTwin }, index) => {
    const own = records.slice(next, next + places.length);
    next += places.length;
    return { place: places[0] ?? 0, id: contact.firstOther + contact.others + index, records: own, isCrowd: isTwin };
  });
}

type RecordRow = [place: number, record: string, body: string, held: string | null, page: number];
type PageFacts = Pick<StagedRecord, "position" | "seenAtMs">;

/** One per place, in their order. */
function loadRecords(session: Session, places: readonly number[]): StagedRecord[] {
  const rows = session.all<RecordRow>(RECORDS, `[${places.join(",")}]`);
  const pages = new Map<number, PageFacts>();
  return rows.map((row) => {
    let page = pages.get(row[4]);
    if (page === undefined) pages.set(row[4], (page = readPage(session, row[4])));
    return new LoadedRecord(row, page);
  });
}

/** A staged record, whose image is put together when it is asked for: of most only what they say is. */
class LoadedRecord implements StagedRecord {
  readonly side: SideIndex;
  readonly record: RecordId;
  readonly said: NativeImage | null;
  readonly position: string;
  readonly seenAtMs: number;
  private readonly body: string;
  private readonly held: string | null;

  constructor([place, record, body, held]: RecordRow, { position, seenAtMs }: PageFacts) {
    this.side = sideOfPlace(place);
    this.record = record;
    this.said = held === null ? null : body;
    this.position = position;
    this.seenAtMs = seenAtMs;
    this.body = body;
    this.held = held;
  }

  get image(): NativeImage {
    return this.held === null ? this.body : (readHeld(this.held, this.body) ?? "");
  }
}

/** Records of one page share it. */
function readPage(session: Session, id: number): PageFacts {
  const [position = "", seenAtMs = 0] = session.first<[string, number]>("SELECT position, at_ms FROM staged_page WHERE id = ?", id) ?? [];
  return { position, seenAtMs };
}

const RECORDS =
  "SELECT r.place, CAST(r.record AS TEXT), r.body, r.held, r.page FROM json_each(?) j CROSS JOIN staged_record r ON r.place = j.value";

/** Everything written here is new: nothing is looked up, and what would be written in no order at all waits for `finish`. */
function commitGroups(context: CommitContext, lease: Lease, changes: FirstContactChanges): void {
  const { session } = context;
  assertLease(session, lease);
  const entries = changes.shared === null ? changes.journal : [changes.shared, ...changes.journal];
  const journal = planJournal(session, entries);
  const shared = changes.shared === null ? null : journal.first;
  const contact = readContact(session, changes.sync);
  if (contact !== null) takeStaged(context, contact, changes, shared ?? 0);
  writeNewEntities(context, changes.entities, journal.chains, shared);
  addMarks(context, changes.marks);
  writeDue(context, { due: changes.due, dueDone: [], arrived: [] });
  appendJournal(context, entries, journal);
}

/** Makes entities of records that met nobody, and notes how far first contact has come. */
function takeStaged(context: CommitContext, contact: ContactRow, { sync, lone, upTo }: FirstContactChanges, entry: number): void {
  const { session } = context;
  const groups = new StagedGroups(session, stagedSides(session, sync));
  const ordinals = new Map<number, number>();
  const partners: number[] = [];
  let next = contact.others;
  for (const { places } of groupsAfter(groups, contact.upTo)) {
    const [first = upTo, ...rest] = places;
    if (first > upTo) break;
    ordinals.set(first, next);
    partners.push(...rest);
    next += 1;
  }
  noteOthers(session, partners);
  for (const side of groups.sides) {
    const places = lone.filter((place) => sideOfPlace(place) === side.place);
    const own = places.map((place) => ordinals.get(place) ?? 0);
    const runs: { place: number; id: EntityId; count: number }[] = [];
    places.forEach((place, index) => {
      const id = contact.firstOther + (own[index] ?? 0);
      const last = runs.at(-1);
      if (last !== undefined && last.place + last.count === place && last.id + last.count === id) last.count += 1;
      else runs.push({ place, id, count: 1 });
    });
    insertLone(session, groups.sides, side, runs, sync, entry);
    groups.mark(
      side,
      places.map((place, index) => [place - side.low, LONE + (own[index] ?? 0)]),
    );
    countMade(context, sync, [side], places.length);
  }
  session.run("UPDATE first_contact SET others = ?, up_to = ? WHERE sync = ?", next, upTo, sync);
}
