import type { SQLInputValue } from "node:sqlite";
import { readImage, writeImage, type EntityId } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type { LandedRecord, StoredEntity, StoredMember } from "@accord/engine/store";
import type { Side } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { layoutOf, withAcks } from "./entity-header.ts";
import { withMemberBody } from "./entity-members.ts";
import type { EntityCells } from "./entity-overlay.ts";
import { countStates, LIVE, stateAt, withState } from "./entity-states.ts";
import { writeEntities, writeMembers, type RecordCell } from "./entity-write.ts";
import { continueChain, type EntityChains } from "./journal.ts";
import { SET_SIZE_MAX } from "./limits.ts";

/**
 * Writes records that landed as they were told: of each entity only what is new of its member there. `relinked` takes the records that are linked by it.
 */
export function writeLanded(context: CommitContext, landed: readonly LandedRecord[], chains: EntityChains, relinked: RecordCell[]): void {
  const { session, catalogue, overlay, formers, tally } = context;
  const memberCells: SQLInputValue[] = [];
  const ofOldLayout: LandedRecord[] = [];
  const headerOf = landedHeaders();
  for (let at = 0; at < landed.length; at += SET_SIZE_MAX) {
    const page = landed.slice(at, at + SET_SIZE_MAX);
    const rows = readRows(context, page);
    for (const one of page) {
      const { entity } = one;
      const { sides, version } = catalogue.sync(one.sync);
      const side = catalogue.side(one.sync, one.side);
      const held = overlay.of(entity);
      const cells = held ?? rows.get(entity);
      assert(cells !== undefined, "what landed is an entity's");
      if (layoutOf(cells.header) !== version) {
        ofOldLayout.push(one);
        continue;
      }
      const header = headerOf(cells.header, one);
      const members = withMemberBody(cells.members, sides, cells.fields, side.place, one);
      const lastEntry = continueChain(chains, entity, cells.lastEntry);
      formers.drop(entity);
      if (holdsLive(cells, side, one.record)) {
        overlay.hold(entity, { ...cells, header, members, lastEntry }, held);
        continue;
      }
      const records = withRecord(cells.records, side, one.record);
      const states = withState(cells.states, side.place, LIVE);
      countStates(tally, one.sync, sides, cells.states, states);
      const cell = side.toCell(one.record);
      memberCells.push(side.number, cell, entity, LIVE);
      relinked.push({ side, cell });
      // Creates come in the order of the rows: a page of the file is written once.
      if (held === undefined) session.run(ROW, header, records, states, members, lastEntry, entity);
      else overlay.hold(entity, { ...cells, header, records, states, members, lastEntry }, held);
    }
  }
  writeMembers(session, catalogue, context, memberCells);
  writeWhole(context, ofOldLayout, chains, relinked);
}

/** Entities last written under another configuration are written anew, since a row has one order of fields. [S51] */
function writeWhole(context: CommitContext, landed: readonly LandedRecord[], chains: EntityChains, relinked: RecordCell[]): void {
  if (landed.length === 0) return;
  const entities = context.reader.loadById(landed.map(({ entity }) => entity));
  for (const one of landed) {
    const entity = entities.get(one.entity);
    assert(entity !== undefined, "what landed is an entity's");
    writeEntities(context, [{ entity: withLanded(entity, one), keys: null }], chains, relinked);
  }
}

function withLanded(entity: StoredEntity, { side, record, image, ack, position, seenAtMs }: LandedRecord): StoredEntity {
  const old = entity.members[side] ?? NO_MEMBER;
  const member: StoredMember = { ...old, state: "live", record, image, ack, position, seenAtMs };
  return { ...entity, members: entity.members.map((one, place) => (place === side ? member : one)) };
}

const NO_MEMBER = { incarnation: 1, intent: null, retired: [] } as const;

const ROW = "UPDATE entity SET header = ?, records = ?, states = ?, members = ?, last_entry = ? WHERE id = ?";

type LandedRow = [
  id: number,
  fields: string,
  header: string,
  records: string,
  states: string,
  members: string,
  keys: string | null,
  extra: string | null,
  lastEntry: number | null,
];

/** Those that have no changes beside them. */
function readRows({ session, overlay }: CommitContext, landed: readonly LandedRecord[]): ReadonlyMap<EntityId, EntityCells> {
  const ids = landed.flatMap(({ entity }) => (overlay.holds(entity) ? [] : [entity]));
  if (ids.length === 0) return new Map();
  const rows = session.all<LandedRow>(
    "SELECT e.id, e.fields, e.header, e.records, e.states, e.members, e.keys, e.extra, e.last_entry FROM json_each(?) j CROSS JOIN entity e ON e.id = j.value",
    `[${ids.join(",")}]`,
  );
  return new Map(
    rows.map(([id, fields, header, records, states, members, keys, extra, lastEntry]) => [
      id,
      { fields, header, records, states, members, keys, extra, lastEntry },
    ]),
  );
}

/** Headers with the new member's acknowledgements: mostly one for all of a commit. */
function landedHeaders(): (header: string, landed: LandedRecord) => string {
  let last: { readonly header: string; readonly ack: readonly number[]; readonly side: number; readonly next: string } | null = null;
  return (header, { ack, side }) => {
    if (last === null || last.header !== header || last.ack !== ack || last.side !== side)
      last = { header, ack, side, next: withAcks(header, side, ack) };
    return last.next;
  };
}

/** Whether the entity has this very record there, alive; if not, it has never had one there. */
function holdsLive({ states, records }: EntityCells, { place }: Side, record: string): boolean {
  const state = stateAt(states, place);
  if (state === "-") return false;
  assert(state === String(LIVE) && readImage(records)[place] === record, "what landed at a side is its own record or the first one there");
  return true;
}

/** The other ids stay as they are written. */
function withRecord(records: string, { place }: Side, record: string): string {
  const texts = records.split("\t");
  texts[place] = writeImage([record]);
  return texts.join("\t");
}
