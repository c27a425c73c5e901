import type { EntityId } from "@accord/core";
import { assert } from "@accord/engine/connector";
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
import { insertStaged } from "./staged-entities.ts";
import { CHUNK, groupsAfter, LONE, MADE, StagedGroups, type PlacedGroup } from "./staged-groups.ts";
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
  return {
    stage: async (page) => stagePage(context, steps, thread, page),
    group: async (sync) => {
      // All is listed: its memory is of more use elsewhere.
      await thread.close();
      return writeSoon(() => ({ isAlone: groupRecords(session, catalogue, sync) }));
    },
    meetLevel: async (lease, sync, entryOf) => writeSoon(() => meetLevel(context, lease, sync, entryOf)),
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

/** Makes the level entities of the next chunk of the first side: that side has a record in each of them. */
function meetLevel(context: CommitContext, lease: Lease, sync: SyncId, entryOf: (made: readonly EntityId[]) => JournalEntry): LevelStep {
  const { session } = context;
  assertLease(session, lease);
  const contact = readContact(session, sync);
  const groups = new StagedGroups(session, stagedSides(session, sync));
  const [side] = groups.sides;
  if (contact === null || side === undefined || contact.levelChunks * CHUNK >= side.count) return { entities: 0, isDone: true };
  const words = groups.read(side, contact.levelChunks);
  const positions = levelCandidates(groups.sides, words, contact.levelChunks * CHUNK);
  const ids = (positions[0] ?? []).map((position) => contact.firstEntity + position - 1);
  const entry = lastEntry(session) + 1;
  const unlike = insertStaged(session, groups.sides, { present: groups.sides, positions, ids }, sync, entry);
  const made = ids.filter((id) => !unlike.has(id));
  for (const id of made) words[(id - contact.firstEntity) % CHUNK] = MADE;
  groups.write(side, contact.levelChunks, words);
  session.run("UPDATE first_contact SET level_chunks = level_chunks + 1 WHERE sync = ?", sync);
  countMade(context, sync, groups.sides, made.length);
  if (made.length > 0) appendJournal(context, [entryOf(made)], { first: entry, lastByEntity: new Map() }, new Map());
  return { entities: made.length, isDone: false };
}

/** By side: the positions of the records of groups that have one at every side. `before`: the records of the first side before these words. */
function levelCandidates(sides: readonly StagedSide[], words: Uint32Array, before: number): readonly (readonly number[])[] {
  const positions = sides.map((): number[] => []);
  const others = sides.slice(1);
  for (let index = 0; index < CHUNK; index += 1) {
    if (words[index] !== 0 || others.some(({ place }) => words[place * CHUNK + index] === 0)) continue;
    for (const { place } of sides) positions[place]?.push(place === 0 ? before + index + 1 : (words[place * CHUNK + index] ?? 0));
  }
  return positions;
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

type RecordRow = [place: number, record: string, body: string, held: string | null, position: string, atMs: number];

/** One per place, in their order. */
function loadRecords(session: Session, places: readonly number[]): StagedRecord[] {
  const rows = session.all<RecordRow>(RECORDS, `[${places.join(",")}]`);
  return rows.map(([place, record, body, held, position, seenAtMs]) => {
    const image = held === null ? body : (readHeld(held, body) ?? "");
    return { side: sideOfPlace(place), record, image, said: held === null ? null : body, position, seenAtMs };
  });
}

const RECORDS = `SELECT r.place, CAST(r.record AS TEXT), r.body, r.held, p.position, p.at_ms
  FROM json_each(?) j CROSS JOIN staged_record r ON r.place = j.value CROSS JOIN staged_page p ON p.id = r.page`;

/** Everything written here is new: nothing is looked up, and what would be written in no order at all waits for `finish`. */
function commitGroups(context: CommitContext, lease: Lease, changes: FirstContactChanges): void {
  const { session } = context;
  assertLease(session, lease);
  const entries = changes.shared === null ? changes.journal : [changes.shared, ...changes.journal];
  const journal = planJournal(session, entries);
  const shared = changes.shared === null ? null : journal.first;
  const contact = readContact(session, changes.sync);
  if (contact !== null) takeStaged(context, contact, changes, shared ?? 0);
  writeNewEntities(context, changes.entities, journal.lastByEntity, shared);
  addMarks(context, changes.marks);
  writeDue(context, { due: changes.due, dueDone: [], arrived: [] });
  appendJournal(context, entries, journal, new Map(changes.entities.map(({ entity }) => [entity.id, null])));
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
    const ids = own.map((ordinal) => contact.firstOther + ordinal);
    const positions = [places.map((place) => place - side.low)];
    const unlike = insertStaged(session, groups.sides, { present: [side], positions, ids }, sync, entry);
    assert(unlike.size === 0, "what is told in short was staged so");
    groups.mark(
      side,
      places.map((place, index) => [place - side.low, LONE + (own[index] ?? 0)]),
    );
    countMade(context, sync, [side], places.length);
  }
  session.run("UPDATE first_contact SET others = ?, up_to = ? WHERE sync = ?", next, upTo, sync);
}
