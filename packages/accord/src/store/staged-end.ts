import type { SQLInputValue } from "node:sqlite";
import type { SyncId } from "@accord/engine/store";
import { LIVE } from "./entity-states.ts";
import { KEY } from "./match-keys.ts";
import type { Session } from "./session.ts";
import { CHUNK, groupsAfter, isFirst, LONE, MADE, StagedGroups } from "./staged-groups.ts";
import { KEYS_MAX, sortedKeys } from "./staged-keys.ts";
import { forgetStaged, noteOthers, readContact, stagedSides, type ContactRow, type StagedSide } from "./staged.ts";

/** Puts links and match keys into their tables, sorted, and forgets what was staged. */
export function endFirstContact(session: Session, sync: SyncId): void {
  const contact = readContact(session, sync);
  if (contact?.isAlone === true) {
    const groups = new StagedGroups(session, stagedSides(session, sync));
    noteRest(session, groups, contact);
    const made = new MadeEntities(session, groups, contact);
    for (const side of groups.sides) linkMembers(session, side, made);
    insertKeys(session, groups, contact, made);
  }
  session.run(
    "INSERT INTO member (side, record, entity, state) SELECT side, record, entity, state FROM staged_link WHERE sync = ? AND side IS NOT NULL ORDER BY side, record",
    sync,
  );
  session.run(
    "INSERT INTO match_key (hash, entity) SELECT hash, entity FROM staged_link WHERE sync = ? AND hash IS NOT NULL ORDER BY hash ON CONFLICT DO NOTHING",
    sync,
  );
  forgetStaged(session, sync);
}

/** Where it ends before its time, what nothing was made of is nobody's. */
function noteRest(session: Session, groups: StagedGroups, { upTo }: ContactRow): void {
  let partners: number[] = [];
  for (const { places } of groupsAfter(groups, upTo)) {
    partners.push(...places.slice(1));
    if (partners.length < CHUNK) continue;
    noteOthers(session, partners);
    partners = [];
  }
  noteOthers(session, partners);
}

function linkMembers(session: Session, side: StagedSide, made: MadeEntities): void {
  for (let chunk = 0; chunk * CHUNK < side.count; chunk += 1) {
    const { ids } = made.at(side, chunk);
    session.run(MEMBERS, `[${ids.join(",")}]`, side.number, side.low + chunk * CHUNK + 1);
  }
}

const MEMBERS = `INSERT INTO member (side, record, entity, state) SELECT ?2, r.record, j.value, ${LIVE}
  FROM json_each(?1) j CROSS JOIN staged_record r ON r.place = ?3 + j.key WHERE j.value > 0`;

function insertKeys(session: Session, groups: StagedGroups, { firstEntity }: ContactRow, made: MadeEntities): void {
  const rules = session.first<[number | null]>("SELECT max(rule) FROM staged_hash")?.[0] ?? -1;
  const entityOf = (number: number): number => made.idOfFirst(number) - firstEntity;
  for (let rule = 0; rule <= rules; rule += 1) {
    for (const keys of sortedKeys(session, groups.sides, rule, KEYS_MAX, entityOf)) {
      const cells: SQLInputValue[] = [];
      for (let index = 0; index < keys.length; index += 1) {
        cells.push(keys.hashAt(index), firstEntity + keys.valueAt(index));
        if (cells.length < CHUNK && index + 1 < keys.length) continue;
        session.insert(KEY, cells);
        cells.length = 0;
      }
    }
  }
}

interface MadeChunk {
  readonly side: StagedSide | null;
  readonly chunk: number;
  /** Per record: the entity that was made of it as it was staged, or 0. */
  readonly ids: readonly number[];
  readonly words: Uint32Array;
}

/** Which entities were made as they were staged, looked at chunk by chunk. */
class MadeEntities {
  private readonly session: Session;
  private readonly groups: StagedGroups;
  private readonly contact: ContactRow;
  private last: MadeChunk = { side: null, chunk: 0, ids: [], words: new Uint32Array() };

  constructor(session: Session, groups: StagedGroups, contact: ContactRow) {
    this.session = session;
    this.groups = groups;
    this.contact = contact;
  }

  /** The entity of which the record with this number is the first, or 0. */
  idOfFirst(number: number): number {
    const side = this.groups.sides.find(({ before, count }) => number < before + count);
    if (side === undefined) return 0;
    const position = number - side.before;
    const { ids, words } = this.at(side, Math.floor(position / CHUNK));
    return isFirst(words, side.place, position % CHUNK) ? (ids[position % CHUNK] ?? 0) : 0;
  }

  at(side: StagedSide, chunk: number): MadeChunk {
    if (this.last.side === side && this.last.chunk === chunk) return this.last;
    const words = this.groups.read(side, chunk);
    const first = side.low + chunk * CHUNK + 1;
    const others = this.session.all<[number]>("SELECT place FROM staged_other WHERE place >= ? AND place < ?", first, first + CHUNK);
    const except = new Set(others.map(([place]) => place - first));
    const ids: number[] = [];
    for (let index = 0; index < CHUNK && chunk * CHUNK + index < side.count; index += 1)
      ids.push(except.has(index) ? 0 : this.idOf(words, side, chunk * CHUNK, index));
    this.last = { side, chunk, ids, words };
    return this.last;
  }

  private idOf(words: Uint32Array, side: StagedSide, before: number, index: number): number {
    const { firstEntity, firstOther } = this.contact;
    if (!isFirst(words, side.place, index)) {
      // A level group has a record at the first side.
      const position = words[index] ?? 0;
      return position === 0 ? 0 : firstEntity + position - 1;
    }
    const own = words[side.place * CHUNK + index] ?? 0;
    if (own === MADE) return firstEntity + before + index;
    return own >= LONE ? firstOther + own - LONE : 0;
  }
}

/** Lists a sync that is still new once more: what was staged carries the columns, or the order of keys, of before. [S51] */
export function beginAnew(session: Session, sync: SyncId): void {
  if (session.first("SELECT 1 FROM sync WHERE id = ? AND state = 'new'", sync) === undefined) return;
  endFirstContact(session, sync);
  session.run("UPDATE side SET listing = 'none', listing_after = NULL, listed_at_ms = NULL WHERE sync = ?", sync);
}
