import type { SQLInputValue } from "node:sqlite";
import { writeImage } from "@accord/core";
import type { StoredEntity } from "@accord/engine/store";
import type { SyncShape } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { reviewSince, writeExtra } from "./entity-extra.ts";
import { writeHeader } from "./entity-header.ts";
import type { WrittenEntity } from "./entity-former.ts";
import { writeMemberBodies } from "./entity-members.ts";
import { countStates, stateAt, writeStates } from "./entity-states.ts";
import { ENTITY_ROW, MEMBER_ROW } from "./entity-write.ts";
import { continueChain, type EntityChains } from "./journal.ts";
import { writeKeys } from "./match-keys.ts";
import type { BulkInsert } from "./session.ts";

const ENTITY: BulkInsert = { ...ENTITY_ROW, conflict: "" };
const MEMBER: BulkInsert = { ...MEMBER_ROW, conflict: "" };
/** A link that came in no order, or a match key, or both. */
const STAGED_LINK: BulkInsert = { into: "staged_link (sync, entity, hash, side, record, state)", width: 6, conflict: "" };

/**
 * Writes entities that nobody has heard of yet, in the order of their ids. Links of their first records come in listing order and are written at once; those of other
 * sides, and match keys, are gathered. `chains`: their own journal entries; `shared`: the entry of all that have none.
 */
export function writeNewEntities(
  context: CommitContext,
  written: readonly WrittenEntity[],
  chains: EntityChains,
  shared: number | null,
): void {
  const rows = new NewRows(context);
  for (const { entity, keys } of written)
    rows.add(entity, keys, context.catalogue.sync(entity.sync), continueChain(chains, entity.id, null) ?? shared);
  rows.insert();
}

/** The rows of new entities, gathered to be inserted together. */
class NewRows {
  private readonly context: CommitContext;
  private readonly entities: SQLInputValue[] = [];
  private readonly members: SQLInputValue[] = [];
  private readonly links: SQLInputValue[] = [];

  constructor(context: CommitContext) {
    this.context = context;
  }

  add(entity: StoredEntity, keys: WrittenEntity["keys"], { sides, version }: SyncShape, lastEntry: number | null): void {
    const { id, sync } = entity;
    const hashes = this.hashesOf(sync, keys);
    const states = writeStates(entity, sides);
    const records: (string | null)[] = [];
    let isFirst = true;
    for (const side of sides) {
      const record = entity.members[side.place]?.record ?? null;
      records.push(record);
      if (record === null) continue;
      const state = Number(stateAt(states, side.place));
      if (isFirst) this.members.push(side.number, side.toCell(record), id, state);
      else this.links.push(sync, id, hashes.pop() ?? null, side.number, side.toCell(record), state);
      isFirst = false;
    }
    for (const left of hashes) this.links.push(sync, id, left, null, null, null);
    countStates(this.context.tally, sync, sides, null, states);
    const values = writeImage(entity.fields.map(({ value }) => value));
    const header = writeHeader(entity, version);
    const bodies = writeMemberBodies(entity.members, sides, values);
    const keysText = keys === null ? null : writeKeys(keys);
    const extra = writeExtra(entity);
    this.entities.push(id, sync, values, header, writeImage(records), states, bodies, keysText, extra, reviewSince(entity), lastEntry);
  }

  insert(): void {
    const { session } = this.context;
    session.insert(ENTITY, this.entities);
    session.insert(MEMBER, this.members);
    session.insert(STAGED_LINK, this.links);
  }

  private hashesOf(sync: number, keys: WrittenEntity["keys"]): bigint[] {
    const hashes: bigint[] = [];
    keys?.forEach((key, rule) => {
      if (key !== null) hashes.push(this.context.hash.entityKey(sync, rule, key));
    });
    return hashes;
  }
}
