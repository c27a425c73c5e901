import type { SQLInputValue } from "node:sqlite";
import { writeImage, type EntityId } from "@accord/core";
import type { Changes } from "@accord/engine/store";
import type { CommitContext } from "./commit-context.ts";
import { reviewSince, writeExtra } from "./entity-extra.ts";
import { writeHeader } from "./entity-header.ts";
import { writeMemberBodies } from "./entity-members.ts";
import { countStates, stateAt, writeStates } from "./entity-states.ts";
import { writeKeys } from "./match-keys.ts";
import type { BulkInsert } from "./session.ts";

const ENTITY: BulkInsert = {
  into: "entity (id, sync, fields, header, records, states, members, keys, extra, review_since, last_entry)",
  width: 11,
  conflict: "",
};
const MEMBER: BulkInsert = { into: "member (side, record, entity, state)", width: 4, conflict: "" };
/** A link that came in no order, or a match key, or both. */
const STAGED_LINK: BulkInsert = { into: "staged_link (sync, entity, hash, side, record, state)", width: 6, conflict: "" };

/**
 * Writes entities that nobody has heard of yet, in the order of their ids. Links of their first records come in listing order and are written at once; those of other
 * sides, and match keys, are gathered. `entries`: their own last journal entries; `shared`: the entry of all that have none.
 */
export function writeNewEntities(
  { session, catalogue, hash, tally }: CommitContext,
  written: Changes["entities"],
  entries: ReadonlyMap<EntityId, number>,
  shared: number | null,
): void {
  const entityCells: SQLInputValue[] = [];
  const memberCells: SQLInputValue[] = [];
  const linkCells: SQLInputValue[] = [];
  for (const { entity, keys } of written) {
    const { sides, version } = catalogue.sync(entity.sync);
    const states = writeStates(entity, sides);
    const hashes: bigint[] = [];
    keys?.forEach((key, rule) => {
      if (key !== null) hashes.push(hash.entityKey(entity.sync, rule, key));
    });
    let isFirst = true;
    for (const side of sides) {
      const record = entity.members[side.place]?.record ?? null;
      if (record === null) continue;
      const state = Number(stateAt(states, side.place));
      if (isFirst) memberCells.push(side.number, side.toCell(record), entity.id, state);
      else linkCells.push(entity.sync, entity.id, hashes.pop() ?? null, side.number, side.toCell(record), state);
      isFirst = false;
    }
    for (const left of hashes) linkCells.push(entity.sync, entity.id, left, null, null, null);
    countStates(tally, entity.sync, sides, null, states);
    const fields = writeImage(entity.fields.map(({ value }) => value));
    entityCells.push(
      entity.id,
      entity.sync,
      fields,
      writeHeader(entity, version),
      writeImage(sides.map(({ place }) => entity.members[place]?.record ?? null)),
      states,
      writeMemberBodies(entity.members, sides, fields),
      keys === null ? null : writeKeys(keys),
      writeExtra(entity),
      reviewSince(entity),
      entries.get(entity.id) ?? shared,
    );
  }
  session.insert(ENTITY, entityCells);
  session.insert(MEMBER, memberCells);
  session.insert(STAGED_LINK, linkCells);
}
