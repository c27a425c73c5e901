import type { SQLInputValue } from "node:sqlite";
import type { FirstContact, FirstContactChanges, Lease, StagedGroup, StagedPage, StagedRecord, SyncId } from "@accord/engine/store";
import { writeListing, type Catalogue, type Side } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { writeDue } from "./due.ts";
import { writeNewEntities } from "./first-entities.ts";
import { appendJournal, planJournal } from "./journal.ts";
import { assertLease } from "./leases.ts";
import { addMarks } from "./marks.ts";
import type { BulkInsert, Session } from "./session.ts";
import { endFirstContact, firstPlace, SIDE_SIZE, SYNC_SIZE } from "./staged.ts";
import type { Steps } from "./steps.ts";

const RECORD: BulkInsert = { into: "staged_record (place, record, image, hash, page)", width: 5, conflict: "" };

/** A pair comes as one row, the second image null where it is the first one. `members`: the places of a larger group, separated by commas. */
type GroupRow = [
  place: number,
  record: string,
  image: string,
  page: number,
  isCrowd: number,
  members: string | null,
  otherPlace: number | null,
  otherRecord: string | null,
  otherImage: string | null,
  otherPage: number | null,
];
type RecordRow = [place: number, record: string, image: string, page: number];
type PageRow = [id: number, position: string, atMs: number];

export function createFirstContact(context: CommitContext, { read, writeSoon }: Pick<Steps, "read" | "writeSoon">): FirstContact {
  const { session, catalogue } = context;
  return {
    stage: async (page) => {
      writeSoon(() => {
        stagePage(context, page);
      });
    },
    group: async (sync, sides) => sorting(session, () => writeSoon(() => ({ isAlone: groupRecords(session, catalogue, sync, sides) }))),
    load: async (sync, limit, call) => read(call, () => loadGroups(session, sync, limit)),
    commit: async (lease, changes) => {
      writeSoon(() => {
        commitGroups(context, lease, changes);
      });
    },
    finish: async (sync) => {
      sorting(session, () => {
        writeSoon(() => {
          endFirstContact(session, sync);
        });
      });
    },
  };
}

/** What is sorted meanwhile spills to disk rather than filling memory. */
function sorting<Result>(session: Session, work: () => Result): Result {
  session.database.exec("PRAGMA temp_store = FILE");
  try {
    return work();
  } finally {
    session.database.exec("PRAGMA temp_store = MEMORY");
  }
}

function stagePage({ session, catalogue, hash }: CommitContext, page: StagedPage): void {
  const { sync, ids, images, keys } = page;
  const side = catalogue.side(sync, page.side);
  if (ids.length > 0) {
    const low = firstPlace(sync, page.side);
    const last = session.first<[number | null]>(
      "SELECT max(place) FROM staged_record WHERE place >= ? AND place < ?",
      low,
      low + SIDE_SIZE,
    );
    const first = (last?.[0] ?? low) + 1;
    const [id = 0] =
      session.first<[number]>(LAST_PAGE, page.position, page.atMs) ?? session.first<[number]>(NEW_PAGE, page.position, page.atMs) ?? [];
    const cells: SQLInputValue[] = [];
    ids.forEach((record, index) => {
      const key = keys[index] ?? null;
      cells.push(first + index, side.toCell(record), images[index] ?? "", key === null ? null : hash.entityKey(sync, 0, key), id);
    });
    session.insert(RECORD, cells);
  }
  writeListing(session, side, page.listing);
}

/** Pages of one listing mostly share position and time: those are kept once. */
const LAST_PAGE = "SELECT id FROM staged_page WHERE id = (SELECT max(id) FROM staged_page) AND position = ? AND at_ms = ?";
const NEW_PAGE = "INSERT INTO staged_page (position, at_ms) VALUES (?, ?) RETURNING id";

/** Whether nobody else has made anything of this sync: remembered, since what first contact makes itself does not count. */
function groupRecords(session: Session, catalogue: Catalogue, sync: SyncId, sides: number): boolean {
  const known = session.first<[number]>("SELECT alone FROM first_contact WHERE sync = ?", sync);
  if (known !== undefined) return known[0] === 1;
  const low = firstPlace(sync, 0);
  const isAlone =
    session.first("SELECT 1 FROM entity WHERE sync = ? LIMIT 1", sync) === undefined && !hasMarks(session, catalogue.sync(sync).sides);
  session.run("INSERT INTO first_contact (sync, up_to, alone) VALUES (?, ?, ?)", sync, low, isAlone ? 1 : 0);
  const high = low + SYNC_SIZE;
  session.run(GROUPS, sides, sides, low, high);
  if (session.first("SELECT 1 FROM staged_group WHERE crowd IS NOT NULL AND first > ? AND first < ? LIMIT 1", low, high) !== undefined)
    session.run(CROWDS, low, high, low, high);
  return isAlone;
}

/** A row per key, in the order of the first records, and one per record without a key. Of a crowd only the hash is known yet. */
const GROUPS = `INSERT INTO staged_group (first, second, members, crowd)
  SELECT min(place) AS first, CASE WHEN count(*) = 2 THEN max(place) END, CASE WHEN count(*) BETWEEN 3 AND ? THEN group_concat(place) END,
    CASE WHEN count(*) > ? THEN hash END
  FROM staged_record WHERE place > ? AND place < ? GROUP BY hash, CASE WHEN hash IS NULL THEN place END ORDER BY first`;

/** Each record of a crowd is a group of its own. */
const CROWDS = `INSERT INTO staged_group (first, crowd) SELECT r.place, r.hash FROM staged_record r
  WHERE r.place > ? AND r.place < ? AND r.hash IN (SELECT crowd FROM staged_group WHERE crowd IS NOT NULL AND first > ? AND first < ?)
  ON CONFLICT (first) DO UPDATE SET second = NULL`;

function hasMarks(session: Session, sides: readonly Side[]): boolean {
  return sides.some(({ number }) => session.first("SELECT 1 FROM mark WHERE side = ? LIMIT 1", number) !== undefined);
}

function loadGroups(session: Session, sync: SyncId, limit: number): StagedGroup[] {
  const upTo = session.first<[number]>("SELECT up_to FROM first_contact WHERE sync = ?", sync)?.[0];
  if (upTo === undefined) return [];
  const rows = session.all<GroupRow>(NEXT_GROUPS, upTo, (Math.floor(upTo / SYNC_SIZE) + 1) * SYNC_SIZE, limit);
  const partners = loadPartners(session, rows);
  const pages = loadPages(session, rows, partners);
  return rows.map(([place, record, image, page, isCrowd, members, otherPlace, otherRecord, otherImage, otherPage]): StagedGroup => {
    const records = [stagedRecord(place, record, image, pages.get(page))];
    if (otherPlace !== null) records.push(stagedRecord(otherPlace, otherRecord ?? "", otherImage ?? image, pages.get(otherPage ?? 0)));
    for (const other of partnersOf(place, members)) {
      const partner = partners.get(other);
      if (partner !== undefined) records.push(stagedRecord(other, partner[1], partner[2], pages.get(partner[3])));
    }
    return { place, records, isCrowd: isCrowd === 1 };
  });
}

const NEXT_GROUPS = `SELECT g.first, CAST(r.record AS TEXT), r.image, r.page, g.crowd IS NOT NULL, g.members, g.second, CAST(o.record AS TEXT), nullif(o.image, r.image), o.page
  FROM staged_group g JOIN staged_record r ON r.place = g.first LEFT JOIN staged_record o ON o.place = g.second WHERE g.first > ? AND g.first < ? ORDER BY g.first LIMIT ?`;

/** The other members, in the order of their places. */
function partnersOf(place: number, members: string | null): number[] {
  if (members === null) return [];
  const places = members.split(",").map(Number);
  return places.filter((other) => other !== place).toSorted((a, b) => a - b);
}

function loadPartners(session: Session, rows: readonly GroupRow[]): ReadonlyMap<number, RecordRow> {
  const places: number[] = [];
  for (const row of rows) if (row[5] !== null) places.push(...partnersOf(row[0], row[5]));
  if (places.length === 0) return new Map();
  const sql = "SELECT r.place, CAST(r.record AS TEXT), r.image, r.page FROM json_each(?) j CROSS JOIN staged_record r ON r.place = j.value";
  return new Map(session.all<RecordRow>(sql, `[${places.join(",")}]`).map((row) => [row[0], row]));
}

function loadPages(session: Session, rows: readonly GroupRow[], partners: ReadonlyMap<number, RecordRow>): ReadonlyMap<number, PageRow> {
  const ids = new Set<number>();
  for (const row of rows) ids.add(row[3]).add(row[9] ?? row[3]);
  for (const row of partners.values()) ids.add(row[3]);
  const sql = "SELECT p.id, p.position, p.at_ms FROM json_each(?) j CROSS JOIN staged_page p ON p.id = j.value";
  return new Map(session.all<PageRow>(sql, `[${[...ids].join(",")}]`).map((row) => [row[0], row]));
}

function stagedRecord(place: number, record: string, image: string, page: PageRow | undefined): StagedRecord {
  const side = Math.floor((place % SYNC_SIZE) / SIDE_SIZE);
  return { side, record, image, position: page?.[1] ?? "", seenAtMs: page?.[2] ?? 0 };
}

/** Everything written here is new: nothing is looked up, and what would be written in no order at all waits for `finish`. */
function commitGroups(context: CommitContext, lease: Lease, changes: FirstContactChanges): void {
  const { session } = context;
  assertLease(session, lease);
  const entries = changes.shared === null ? changes.journal : [changes.shared, ...changes.journal];
  const journal = planJournal(session, entries);
  writeNewEntities(context, changes, journal.lastByEntity, changes.shared === null ? null : journal.first);
  addMarks(context, changes.marks);
  writeDue(context, { due: changes.due, dueDone: [], arrived: [] });
  appendJournal(context, entries, journal, new Map(changes.entities.map(({ entity }) => [entity.id, null])));
  session.run("UPDATE first_contact SET up_to = ? WHERE sync = ?", changes.upTo, changes.sync);
}
