import type { SQLInputValue } from "node:sqlite";
import { writeImage, type EntityId, type Provenance } from "@accord/core";
import type { FirstContactChanges, LevelEntity, StoredEntity } from "@accord/engine/store";
import type { SyncShape } from "./catalogue.ts";
import type { CommitContext } from "./commit-context.ts";
import { reviewSince, writeExtra } from "./entity-extra.ts";
import { writeHeader } from "./entity-header.ts";
import { writeMemberBodies, type HeldMember } from "./entity-members.ts";
import { allLive, countStates, stateAt, writeStates } from "./entity-states.ts";
import { ENTITY_ROW, MEMBER_ROW } from "./entity-write.ts";
import { writeKeys } from "./match-keys.ts";
import type { BulkInsert } from "./session.ts";

const ENTITY: BulkInsert = { ...ENTITY_ROW, conflict: "" };
const MEMBER: BulkInsert = { ...MEMBER_ROW, conflict: "" };
/** A link that came in no order, or a match key, or both. */
const STAGED_LINK: BulkInsert = { into: "staged_link (sync, entity, hash, side, record, state)", width: 6, conflict: "" };

/** What is written of a new entity, however it was told. */
interface NewEntity extends Pick<LevelEntity, "id" | "sync" | "values"> {
  readonly keys: readonly (string | null)[] | null;
  readonly header: string;
  readonly states: string;
  /** By side. */
  readonly members: readonly (HeldMember | null)[];
  readonly extra: string | null;
  readonly reviewSinceMs: number | null;
  readonly lastEntry: number | null;
}

/**
 * Writes entities that nobody has heard of yet, in the order of their ids. Links of their first records come in listing order and are written at once; those of other
 * sides, and match keys, are gathered. `entries`: their own last journal entries; `shared`: the entry of all that have none.
 */
export function writeNewEntities(
  context: CommitContext,
  { level, entities }: Pick<FirstContactChanges, "level" | "entities">,
  entries: ReadonlyMap<EntityId, number>,
  shared: number | null,
): void {
  const rows = new NewRows(context);
  const headerOf = levelHeaders();
  for (const entity of level) {
    const shape = context.catalogue.sync(entity.sync);
    const { id, sync, values, keys, records } = entity;
    const states = allLive(shape.sides);
    const usual = { extra: null, reviewSinceMs: null, lastEntry: shared };
    rows.add({ id, sync, values, keys, header: headerOf(entity.provenance, shape), states, members: records, ...usual }, shape);
  }
  for (const { entity, keys } of entities) {
    const shape = context.catalogue.sync(entity.sync);
    rows.add(wholeEntity(entity, keys, shape, entries.get(entity.id) ?? shared), shape);
  }
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

  add({ id, sync, values, keys, header, states, members, extra, reviewSinceMs, lastEntry }: NewEntity, { sides }: SyncShape): void {
    const hashes = this.hashesOf(sync, keys);
    const records: (string | null)[] = [];
    let isFirst = true;
    for (const side of sides) {
      const record = members[side.place]?.record ?? null;
      records.push(record);
      if (record === null) continue;
      const state = Number(stateAt(states, side.place));
      if (isFirst) this.members.push(side.number, side.toCell(record), id, state);
      else this.links.push(sync, id, hashes.pop() ?? null, side.number, side.toCell(record), state);
      isFirst = false;
    }
    for (const left of hashes) this.links.push(sync, id, left, null, null, null);
    countStates(this.context.tally, sync, sides, null, states);
    const bodies = writeMemberBodies(members, sides, values);
    const keysText = keys === null ? null : writeKeys(keys);
    this.entities.push(id, sync, values, header, writeImage(records), states, bodies, keysText, extra, reviewSinceMs, lastEntry);
  }

  insert(): void {
    const { session } = this.context;
    session.insert(ENTITY, this.entities);
    session.insert(MEMBER, this.members);
    session.insert(STAGED_LINK, this.links);
  }

  private hashesOf(sync: number, keys: NewEntity["keys"]): bigint[] {
    const hashes: bigint[] = [];
    keys?.forEach((key, rule) => {
      if (key !== null) hashes.push(this.context.hash.entityKey(sync, rule, key));
    });
    return hashes;
  }
}

/** Headers of level entities: one for all that were listed in one go. */
function levelHeaders(): (provenance: Provenance, shape: SyncShape) => string {
  let known: { readonly provenance: Provenance; readonly shape: SyncShape; readonly header: string } | null = null;
  return (provenance, shape) => {
    if (known === null || known.provenance !== provenance || known.shape !== shape) {
      const fields = Array.from({ length: shape.fields }, () => ({ version: 1, provenance }));
      const members = shape.sides.map(() => ({ ack: fields.map(({ version }) => version) }));
      known = { provenance, shape, header: writeHeader({ version: 1, fields, members }, shape.version) };
    }
    return known.header;
  };
}

function wholeEntity(entity: StoredEntity, keys: NewEntity["keys"], { sides, version }: SyncShape, lastEntry: number | null): NewEntity {
  return {
    id: entity.id,
    sync: entity.sync,
    values: writeImage(entity.fields.map(({ value }) => value)),
    keys,
    header: writeHeader(entity, version),
    states: writeStates(entity, sides),
    members: entity.members,
    extra: writeExtra(entity),
    reviewSinceMs: reviewSince(entity),
    lastEntry,
  };
}
