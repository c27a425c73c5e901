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

/**
 * A change as the table holds it: this many texts, one behind another, and so the changes of a commit. What parts them, and what stands for a text, are characters that images
 * escape, as JSON does, and headers never hold.
 */
const WIDTH = 9;
const END = "\v";
/** As the entity's line before has it: settling a write changes two texts. */
const SAME = "\b";
const NULL = "\f";
/** In place of all texts, where the row holds again. */
const DROPPED = "\r";

export function createEntityOverlay(session: Session, heldMax: number): EntityOverlay {
  let kept: Map<EntityId, EntityCells> | null = null;
  let isSure = false;
  /** The last row of the table that `kept` takes in. */
  let last = 0;
  let added: (string | number)[] = [];

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
      pushLine(added, entity, cells, cellsById.get(entity));
      cellsById.set(entity, cells);
    },
    drop: (entity) => {
      if (held().delete(entity)) added.push(entity, ...Array.from({ length: WIDTH - 1 }, () => DROPPED));
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
      const body = lines.join(END);
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

function pushLine(lines: (string | number)[], entity: EntityId, cells: EntityCells, before: EntityCells | undefined): void {
  const { fields, header, records, states, members, keys, extra, lastEntry } = cells;
  lines.push(
    entity,
    fields === before?.fields ? SAME : fields,
    header === before?.header ? SAME : header,
    records === before?.records ? SAME : records,
    states === before?.states ? SAME : states,
    members === before?.members ? SAME : members,
    keys === before?.keys ? SAME : (keys ?? NULL),
    extra === before?.extra ? SAME : (extra ?? NULL),
    lastEntry ?? NULL,
  );
}

function readOverlay(session: Session): Map<EntityId, EntityCells> {
  const cellsById = new Map<EntityId, EntityCells>();
  for (const [body] of session.all<[string]>("SELECT body FROM entity_overlay ORDER BY seq")) {
    const texts = body.split(END);
    for (let at = 0; at < texts.length; at += WIDTH) {
      const entity = Number(texts[at]);
      if (texts[at + 1] === DROPPED) cellsById.delete(entity);
      else cellsById.set(entity, cellsAt(texts, at + 1, cellsById.get(entity)));
    }
  }
  return cellsById;
}

function cellsAt(texts: readonly string[], at: number, before: EntityCells | undefined): EntityCells {
  const text = (place: number, earlier: string | null | undefined): string | null => {
    const own = texts[at + place] ?? SAME;
    if (own !== SAME) return own === NULL ? null : own;
    assert(earlier !== undefined, "a change of an entity names a text of a change before it, and there is none");
    return earlier;
  };
  const lastEntry = text(7, undefined);
  return {
    fields: text(0, before?.fields) ?? "",
    header: text(1, before?.header) ?? "",
    records: text(2, before?.records) ?? "",
    states: text(3, before?.states) ?? "",
    members: text(4, before?.members) ?? "",
    keys: text(5, before?.keys),
    extra: text(6, before?.extra),
    lastEntry: lastEntry === null ? null : Number(lastEntry),
  };
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
