import type { EntityId, IntentId } from "@accord/core";
import { groupBy } from "./group.ts";
import { INTENTS_KNOWN_MAX, SET_SIZE_MAX } from "./limits.ts";
import type { Session } from "./session.ts";
import type { ShardOf } from "./shards.ts";

/** By entity and number of the side. */
export type IntentsOfEntities = ReadonlyMap<EntityId, ReadonlyMap<number, IntentId>>;

/** Which intents are open: the only source of a member's `intent`, so that opening one writes no entity. [S29] */
export interface OpenIntents {
  ofEntities(entities: readonly EntityId[]): IntentsOfEntities;
  /** Entities with an open intent at a side. In flight at once are a few batches at most. */
  atSide(side: number): ReadonlySet<EntityId>;
  isAny(): boolean;
  /** Remembers where an intent stands, so that closing it is one look-up. */
  note(id: IntentId, side: number, entity: EntityId): void;
  close(ids: readonly IntentId[]): void;
}

interface Place {
  readonly side: number;
  readonly entity: EntityId;
}

export function createOpenIntents(session: Session, shardOf: ShardOf): OpenIntents {
  const places = new Map<IntentId, Place>();
  const isAny = (): boolean => session.first("SELECT 1 FROM intent LIMIT 1") !== undefined;
  const note: OpenIntents["note"] = (id, side, entity) => {
    if (places.size >= INTENTS_KNOWN_MAX) places.clear();
    places.set(id, { side, entity });
  };
  return {
    isAny,
    note,
    ofEntities: (entities) => (isAny() ? findIntents(session, shardOf, entities) : NO_INTENTS),
    atSide: (side) => new Set(session.all<[number]>("SELECT entity FROM intent WHERE side = ?", side).map(([entity]) => entity)),
    close: (ids) => {
      const unknown = ids.filter((id) => !places.has(id));
      for (let at = 0; at < unknown.length; at += SET_SIZE_MAX) {
        const sql = "SELECT id, side, entity FROM intent WHERE id IN (SELECT value FROM json_each(?))";
        const rows = session.all<[string, number, number]>(sql, JSON.stringify(unknown.slice(at, at + SET_SIZE_MAX)));
        for (const [id, side, entity] of rows) note(id, side, entity);
      }
      for (const id of ids) {
        const place = places.get(id);
        places.delete(id);
        if (place === undefined) continue;
        const { side, entity } = place;
        session.run("DELETE FROM intent WHERE shard = ? AND side = ? AND entity = ? AND id = ?", shardOf(entity), side, entity, id);
      }
    },
  };
}

const NO_INTENTS: IntentsOfEntities = new Map();

function findIntents(session: Session, shardOf: ShardOf, entities: readonly EntityId[]): IntentsOfEntities {
  const found = new Map<EntityId, Map<number, IntentId>>();
  const byShard = groupBy(entities, shardOf);
  const sides = session.all<[number]>("SELECT DISTINCT side FROM intent").map(([side]) => side);
  for (const [shard, own] of byShard) {
    for (const side of sides) {
      const sql = "SELECT i.entity, i.id FROM json_each(?) j CROSS JOIN intent i ON i.shard = ? AND i.side = ? AND i.entity = j.value";
      for (const [entity, id] of session.all<[number, string]>(sql, `[${own.join(",")}]`, shard, side)) {
        const known = found.get(entity);
        if (known === undefined) found.set(entity, new Map([[side, id]]));
        else known.set(side, id);
      }
    }
  }
  return found;
}
