import type { EntityId } from "@accord/core";
import type { Changes } from "@accord/engine/store";
import { reviewSinceOf } from "./entity-extra.ts";
import type { EntityCells, EntityOverlay } from "./entity-overlay.ts";
import { FORMERS_KEPT_MAX, SET_SIZE_MAX } from "./limits.ts";
import type { Session } from "./session.ts";

export type WrittenEntity = Changes["entities"][number];

/** What the store holds of an entity, so far as the next write of it must know: texts as they stand in its row. */
export interface Former {
  readonly records: string;
  readonly states: string;
  readonly keys: string | null;
  readonly extra: string | null;
  readonly reviewSince: number | null;
  readonly lastEntry: number | null;
}

/**
 * The rows of entities that were read or written last: a batch is loaded, decided and written, and its rows need not be looked up again for that. Only rows that are there
 * are kept, never that one is not; where an entity has changes beside its row, those say what is held. Read again where another process has committed, or a transaction was
 * undone.
 */
export interface Formers {
  /** Those of entities about to be written, in their order; none for an entity that is new. */
  of(written: readonly WrittenEntity[]): readonly (Former | undefined)[];
  /** What the entity's row says now. */
  keep(entity: EntityId, former: Former): void;
  /** This entity's row says something else, or the overlay does now in its place. */
  drop(entity: EntityId): void;
  forget(): void;
}

export function createFormers(session: Session, overlay: EntityOverlay): Formers {
  let young = new Map<EntityId, Former>();
  let old = new Map<EntityId, Former>();
  const keep: Formers["keep"] = (entity, former) => {
    if (young.size >= FORMERS_KEPT_MAX / 2) {
      old = young;
      young = new Map();
    }
    young.set(entity, former);
  };
  return {
    keep,
    of: (written) => {
      const unknown: EntityId[] = [];
      const formers = written.map(({ entity: { id } }): Former | undefined => {
        const held = overlay.of(id);
        const kept = held === undefined ? (young.get(id) ?? old.get(id)) : formerOf(held);
        if (kept === undefined) unknown.push(id);
        return kept;
      });
      if (unknown.length === 0) return formers;
      const found = new Map<EntityId, Former>();
      for (let at = 0; at < unknown.length; at += SET_SIZE_MAX) readFormers(session, unknown.slice(at, at + SET_SIZE_MAX), found);
      return formers.map((former, index) => former ?? found.get(written[index]?.entity.id ?? -1));
    },
    drop: (entity) => {
      young.delete(entity);
      old.delete(entity);
    },
    forget: () => {
      young = new Map();
      old = new Map();
    },
  };
}

function formerOf({ records, states, keys, extra, lastEntry }: EntityCells): Former {
  return { records, states, keys, extra, reviewSince: reviewSinceOf(extra), lastEntry };
}

function readFormers(session: Session, ids: readonly EntityId[], found: Map<EntityId, Former>): void {
  type FormerRow = readonly [
    id: number,
    records: string,
    states: string,
    keys: string | null,
    extra: string | null,
    reviewSince: number | null,
    lastEntry: number | null,
  ];
  const sql =
    "SELECT e.id, e.records, e.states, e.keys, e.extra, e.review_since, e.last_entry FROM json_each(?) j CROSS JOIN entity e ON e.id = j.value";
  for (const [id, records, states, keys, extra, reviewSince, lastEntry] of session.all<FormerRow>(sql, `[${ids.join(",")}]`))
    found.set(id, { records, states, keys, extra, reviewSince, lastEntry });
}
