import type { EntityId } from "@accord/core";
import { assert } from "@accord/engine/connector";
import type { Session } from "./session.ts";

/** The parts of an entity's row that a commit may change. */
export interface EntityCells {
  readonly fields: string;
  readonly header: string;
  readonly records: string;
  readonly states: string;
  readonly members: string;
  readonly keys: string | null;
  readonly extra: string | null;
  readonly lastEntry: number | null;
}

/**
 * Entities as they were written last, before that stands in their rows: a commit appends what it changed as one row of `entity_overlay` instead of touching a page for each
 * entity, and once many have gathered they are folded into the table in the order of their ids. An entity that is merged and then settled is so written to its page once
 * for many commits. Whoever reads `entity` asks here first.
 *
 * Kept in memory too; read again where another process has committed changes, or a transaction was undone.
 */
export interface EntityOverlay {
  /** What holds instead of the entity's row; undefined where the row does. */
  of(entity: EntityId): EntityCells | undefined;
  isAny(): boolean;
  hold(entity: EntityId, cells: EntityCells): void;
  /** The row holds again: it was written whole. */
  drop(entity: EntityId): void;
  /** Appends what was held since, and folds where it is much: then what it returns is in the rows. At the end of a commit. */
  write(): ReadonlyMap<EntityId, EntityCells> | null;
  /** @param isUndone what was held in an undone transaction is none; else what is kept is looked at again */
  forget(isUndone: boolean): void;
}

/** In place of a text that is as the entity's line before has it: settling a write changes two of them. */
const SAME = 0;
type Same = typeof SAME;

/** A change as the table holds it: an entity alone where its row holds again. */
type Line =
  | readonly [entity: EntityId]
  | readonly [
      entity: EntityId,
      fields: string | Same,
      header: string | Same,
      records: string | Same,
      states: string | Same,
      members: string | Same,
      keys: string | null | Same,
      extra: string | null | Same,
      lastEntry: number | null,
    ];

export function createEntityOverlay(session: Session, heldMax: number): EntityOverlay {
  let kept: Map<EntityId, EntityCells> | null = null;
  let isSure = false;
  /** The last row of the table that `kept` takes in. */
  let last = 0;
  let added: Line[] = [];

  const held = (): Map<EntityId, EntityCells> => {
    if (kept !== null && isSure) return kept;
    const now = session.first<[number | null]>("SELECT max(seq) FROM entity_overlay")?.[0] ?? 0;
    if (kept === null || now !== last) kept = readOverlay(session);
    last = now;
    isSure = true;
    return kept;
  };
  const fold = (cellsById: ReadonlyMap<EntityId, EntityCells>): void => {
    for (const [entity, cells] of [...cellsById].toSorted(([a], [b]) => a - b)) writeRow(session, entity, cells);
    session.run("DELETE FROM entity_overlay");
    kept = new Map();
    last = 0;
  };
  return {
    of: (entity) => held().get(entity),
    isAny: () => held().size > 0,
    hold: (entity, cells) => {
      const cellsById = held();
      added.push(lineOf(entity, cells, cellsById.get(entity)));
      cellsById.set(entity, cells);
    },
    drop: (entity) => {
      if (held().delete(entity)) added.push([entity]);
    },
    write: () => {
      if (added.length === 0) return null;
      const lines = added;
      added = [];
      const cellsById = held();
      if (cellsById.size > heldMax) {
        fold(cellsById);
        return cellsById;
      }
      const body = JSON.stringify(lines);
      last = session.first<[number]>("INSERT INTO entity_overlay (body) VALUES (?) RETURNING seq", body)?.[0] ?? 0;
      return null;
    },
    forget: (isUndone) => {
      isSure = false;
      if (!isUndone && added.length === 0) return;
      kept = null;
      added = [];
    },
  };
}

function lineOf(entity: EntityId, cells: EntityCells, before: EntityCells | undefined): Line {
  const { fields, header, records, states, members, keys, extra, lastEntry } = cells;
  if (before === undefined) return [entity, fields, header, records, states, members, keys, extra, lastEntry];
  return [
    entity,
    fields === before.fields ? SAME : fields,
    header === before.header ? SAME : header,
    records === before.records ? SAME : records,
    states === before.states ? SAME : states,
    members === before.members ? SAME : members,
    keys === before.keys ? SAME : keys,
    extra === before.extra ? SAME : extra,
    lastEntry,
  ];
}

function cellsOf(line: Exclude<Line, readonly [EntityId]>, before: EntityCells | undefined): EntityCells {
  const [entity, fields, header, records, states, members, keys, extra, lastEntry] = line;
  const earlier = (): EntityCells => {
    assert(before !== undefined, `a change of entity ${entity} names texts of a change before it, and there is none`);
    return before;
  };
  return {
    fields: fields === SAME ? earlier().fields : fields,
    header: header === SAME ? earlier().header : header,
    records: records === SAME ? earlier().records : records,
    states: states === SAME ? earlier().states : states,
    members: members === SAME ? earlier().members : members,
    keys: keys === SAME ? earlier().keys : keys,
    extra: extra === SAME ? earlier().extra : extra,
    lastEntry,
  };
}

function readOverlay(session: Session): Map<EntityId, EntityCells> {
  const cellsById = new Map<EntityId, EntityCells>();
  for (const [body] of session.all<[string]>("SELECT body FROM entity_overlay ORDER BY seq")) {
    // Only `write` makes this text.
    for (const line of JSON.parse(body) as readonly Line[]) {
      if (line.length === 1) cellsById.delete(line[0]);
      else cellsById.set(line[0], cellsOf(line, cellsById.get(line[0])));
    }
  }
  return cellsById;
}

const ROW =
  "UPDATE entity SET fields = ?, header = ?, records = ?, states = ?, members = ?, keys = ?, extra = ?, last_entry = ? WHERE id = ?";

function writeRow(
  session: Session,
  entity: EntityId,
  { fields, header, records, states, members, keys, extra, lastEntry }: EntityCells,
): void {
  session.run(ROW, fields, header, records, states, members, keys, extra, lastEntry, entity);
}
