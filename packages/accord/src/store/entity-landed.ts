import type { SQLInputValue } from "node:sqlite";
import { readImage, writeImage, type EntityId } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type { LandedRecord } from "@accord/engine/store";
import type { Side } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { addAcks } from "./entity-header.ts";
import { addMemberBody, MEMBER_STATES } from "./entity-members.ts";
import type { EntityCells } from "./entity-overlay.ts";
import { countStates, stateAt, withState } from "./entity-states.ts";
import { writeMembers, type EntitiesWritten, type RecordCell } from "./entity-write.ts";
import { SET_SIZE_MAX } from "./limits.ts";

const LIVE = MEMBER_STATES.indexOf("live");

/**
 * Writes records that landed: of each entity's row only what a new member adds, in the order of the rows where they come in it, so that a page of the file is written
 * once. `entries`: each entity's last journal entry of this commit.
 */
export function writeLanded(
  context: CommitContext,
  landed: readonly LandedRecord[],
  entries: ReadonlyMap<EntityId, number>,
): EntitiesWritten {
  const { session, catalogue, overlay, formers, tally } = context;
  const lastEntries = new Map<EntityId, number | null>();
  const relinked: RecordCell[] = [];
  const memberCells: SQLInputValue[] = [];
  const headerOf = landedHeaders();
  for (let at = 0; at < landed.length; at += SET_SIZE_MAX) {
    const page = landed.slice(at, at + SET_SIZE_MAX);
    const rows = readRows(context, page);
    for (const one of page) {
      const { entity, record, image, position, seenAtMs } = one;
      const { sides } = catalogue.sync(one.sync);
      const side = catalogue.side(one.sync, one.side);
      const held = overlay.of(entity);
      const cells = held ?? rows.get(entity);
      assert(cells !== undefined && stateAt(cells.states, side.place) === "-", `entity ${entity} has had a record at this side`);
      const states = withState(cells.states, side.place, LIVE);
      const next: EntityCells = {
        ...cells,
        header: headerOf(cells.header, one),
        records: withRecord(cells.records, side, record),
        states,
        members: addMemberBody(cells.members, sides, cells.fields, side.place, { record, image, position, seenAtMs }),
        lastEntry: entries.get(entity) ?? cells.lastEntry,
      };
      countStates(tally, one.sync, sides, cells.states, states);
      lastEntries.set(entity, cells.lastEntry);
      const cell = side.toCell(record);
      memberCells.push(side.number, cell, entity, LIVE);
      relinked.push({ side, cell });
      formers.drop(entity);
      if (held === undefined) session.run(ROW, next.header, next.records, next.states, next.members, next.lastEntry, entity);
      else overlay.hold(entity, next);
    }
  }
  writeMembers(session, catalogue, context, memberCells);
  return { lastEntries, relinked };
}

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

function readRows({ session }: CommitContext, landed: readonly LandedRecord[]): ReadonlyMap<EntityId, EntityCells> {
  const rows = session.all<LandedRow>(
    "SELECT e.id, e.fields, e.header, e.records, e.states, e.members, e.keys, e.extra, e.last_entry FROM json_each(?) j CROSS JOIN entity e ON e.id = j.value",
    `[${landed.map(({ entity }) => entity).join(",")}]`,
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
      last = { header, ack, side, next: addAcks(header, side, ack) };
    return last.next;
  };
}

function withRecord(records: string, { place }: Side, record: string): string {
  return writeImage(readImage(records).map((old, index) => (index === place ? record : old)));
}
