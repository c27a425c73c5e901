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
 * Kept in memory too, as the texts of the rows: what lives this long is dear as thousands of small objects. Read again where another process has committed changes, or a
 * transaction was undone.
 */
export interface EntityOverlay {
  /** What holds instead of the entity's row; undefined where the row does. */
  of(entity: EntityId): EntityCells | undefined;
  holds(entity: EntityId): boolean;
  isAny(): boolean;
  /** @param before what `of` said, for who changes a little of it */
  hold(entity: EntityId, cells: EntityCells, before?: EntityCells): void;
  /** The row holds again: it was written whole. */
  drop(entity: EntityId): void;
  /** Appends what was held since, and folds where it is much. At the end of a commit. */
  write(): void;
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

/** Where a change stands. */
interface Line {
  readonly body: string;
  readonly at: number;
  /** Where it has not all texts: the line that has them. */
  readonly whole: Line | null;
}

/** What the table holds. */
interface Kept {
  /** The last one by entity. */
  readonly lines: Map<EntityId, Line>;
  /** How many there are, those of before among them. */
  count: number;
  /** The last row. */
  last: number;
}

/** A change of the commit that is under way; cells null: dropped. */
interface NewLine {
  readonly cells: EntityCells | null;
  readonly before: EntityCells | undefined;
}

/** @param linesMax changes that are gathered before they are folded */
export function createEntityOverlay(session: Session, linesMax: number): EntityOverlay {
  let kept: Kept | null = null;
  let isSure = false;
  const added = new Map<EntityId, NewLine>();

  const held = (): Kept => {
    if (kept !== null && isSure) return kept;
    const last = session.first<[number | null]>("SELECT max(seq) FROM entity_overlay")?.[0] ?? 0;
    if (kept === null || kept.last !== last) kept = readOverlay(session);
    isSure = true;
    return kept;
  };
  const holds: EntityOverlay["holds"] = (entity) => {
    const own = added.get(entity);
    return own === undefined ? held().lines.has(entity) : own.cells !== null;
  };
  const of: EntityOverlay["of"] = (entity) => {
    const own = added.get(entity);
    if (own !== undefined) return own.cells ?? undefined;
    const line = held().lines.get(entity);
    return line === undefined ? undefined : cellsOf(line);
  };
  const fold = (): void => {
    for (const entity of Float64Array.from(new Set([...held().lines.keys(), ...added.keys()])).toSorted()) {
      const cells = of(entity);
      if (cells !== undefined) writeRow(session, entity, cells);
    }
    session.run("DELETE FROM entity_overlay");
    kept = { lines: new Map(), count: 0, last: 0 };
  };
  return {
    of,
    holds,
    isAny: () => added.size > 0 || held().lines.size > 0,
    hold: (entity, cells, before) => {
      added.set(entity, { cells, before: added.has(entity) ? undefined : before });
    },
    drop: (entity) => {
      if (holds(entity)) added.set(entity, { cells: null, before: undefined });
    },
    write: () => {
      if (added.size === 0) return;
      if (held().count + added.size > linesMax) fold();
      else append(session, held(), added);
      added.clear();
    },
    forget: (isUndone) => {
      isSure = false;
      if (!isUndone && added.size === 0) return;
      kept = null;
      added.clear();
    },
  };
}

function append(session: Session, kept: Kept, added: ReadonlyMap<EntityId, NewLine>): void {
  const texts: string[] = [];
  const places: number[] = [];
  let length = 0;
  for (const [entity, { cells, before }] of added) {
    const number = String(entity);
    const from = texts.push(number);
    if (cells === null) for (let place = 1; place < WIDTH; place += 1) texts.push(DROPPED);
    // A line names texts of one that has them all.
    else pushCells(texts, cells, cells.fields === before?.fields && kept.lines.get(entity)?.whole === null ? before : undefined);
    length += number.length + 1;
    places.push(length);
    for (let text = from; text < texts.length; text += 1) length += (texts[text] ?? "").length + 1;
  }
  const body = texts.join(END);
  kept.last = session.first<[number]>("INSERT INTO entity_overlay (body) VALUES (?) RETURNING seq", body)?.[0] ?? 0;
  for (const [index, entity] of [...added.keys()].entries()) keepLine(kept, entity, body, places[index] ?? 0);
}

function pushCells(texts: string[], cells: EntityCells, before: EntityCells | undefined): void {
  const { fields, header, records, states, members, keys, extra, lastEntry } = cells;
  texts.push(
    fields === before?.fields ? SAME : fields,
    header === before?.header ? SAME : header,
    records === before?.records ? SAME : records,
    states === before?.states ? SAME : states,
    members === before?.members ? SAME : members,
    keys === before?.keys ? SAME : (keys ?? NULL),
    extra === before?.extra ? SAME : (extra ?? NULL),
    lastEntry === null ? NULL : String(lastEntry),
  );
}

function readOverlay(session: Session): Kept {
  const kept: Kept = { lines: new Map(), count: 0, last: 0 };
  for (const [seq, body] of session.all<[number, string]>("SELECT seq, body FROM entity_overlay ORDER BY seq")) {
    kept.last = seq;
    for (let next = 0; next < body.length;) {
      const at = endOf(body, next) + 1;
      keepLine(kept, Number(body.slice(next, at - 1)), body, at);
      next = at;
      for (let place = 1; place < WIDTH; place += 1) next = endOf(body, next) + 1;
    }
  }
  return kept;
}

/** Notes where the texts of an entity's last change begin. */
function keepLine(kept: Kept, entity: EntityId, body: string, at: number): void {
  kept.count += 1;
  if (body[at] === DROPPED) kept.lines.delete(entity);
  else kept.lines.set(entity, { body, at, whole: body[at] === SAME ? (kept.lines.get(entity) ?? null) : null });
}

function endOf(body: string, at: number): number {
  const end = body.indexOf(END, at);
  return end === -1 ? body.length : end;
}

function cellsOf({ body, at, whole }: Line): EntityCells {
  const earlier = whole === null ? undefined : cellsOf(whole);
  let next = at;
  const text = (before: string | null | undefined): string | null => {
    const end = endOf(body, next);
    const own = body.slice(next, end);
    next = end + 1;
    if (own !== SAME) return own === NULL ? null : own;
    assert(before !== undefined, "a change of an entity names a text of a change before it, and there is none");
    return before;
  };
  const fields = text(earlier?.fields) ?? "";
  const header = text(earlier?.header) ?? "";
  const records = text(earlier?.records) ?? "";
  const states = text(earlier?.states) ?? "";
  const members = text(earlier?.members) ?? "";
  const keys = text(earlier?.keys);
  const extra = text(earlier?.extra);
  const lastEntry = text(undefined);
  return { fields, header, records, states, members, keys, extra, lastEntry: lastEntry === null ? null : Number(lastEntry) };
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
