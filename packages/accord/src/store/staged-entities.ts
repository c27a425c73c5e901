import { writeImage, type EntityId } from "@accord/core";
import type { SyncId } from "@accord/engine/store";
import { AS_FIRST } from "./entity-members.ts";
import { liveAt } from "./entity-states.ts";
import { ENTITY_ROW } from "./entity-write.ts";
import type { BulkInsert, Cell, Session } from "./session.ts";
import type { StagedSide } from "./staged.ts";
import type { Statement } from "./staging-thread.ts";

/**
 * Of groups with a record at every side, in the order of the first side: asks for those whose records all say the same, in short. Per group: the place of its first record, and what the
 * other records add to the entity's `records` and `members`. Texts are compared where they lie; the other sides' lie in no order, so that this takes longer than all the rest.
 * `positions`: by side, of each group's record.
 */
export function levelGroups(sides: readonly StagedSide[], positions: readonly (readonly number[])[]): Statement {
  const [first, ...others] = sides;
  const own = (positions[0] ?? []).map((position) => (first?.low ?? 0) + position);
  const places = others.flatMap(({ low, place }) => [low, digits(positions[place] ?? [])]);
  return [levelSql(others), `[${own.join(",")}]`, ...places];
}

/** Cells of a group of {@link levelGroups}. */
export const LEVEL_WIDTH = 3;

/** Numbers of one width as bytes, so that SQL finds each where it stands; a JSON array would be gone through from its beginning. */
function digits(numbers: readonly number[]): Buffer {
  return Buffer.from(numbers.map((number) => String(number).padStart(WIDTH, "0")).join(""), "latin1");
}

/** Digits of a position below 2^27. */
const WIDTH = 9;

const ACROSS = "char(9)";
const BELOW = "char(10)";

/** Parameters: 1 the places of the first side's records; then, for each other side, below its places and the records' positions. */
function levelSql(others: readonly StagedSide[]): string {
  const records = others.map(({ place }) => `${ACROSS} || r${place}.record`);
  // Of one text held alike: one image. What is equal to the canonical values is told so.
  const bodies = others.map(
    ({ place }) =>
      `${BELOW} || p${place}.head || iif(r${place}.held = r0.held AND length(r${place}.held) > 1, '${AS_FIRST}', r${place}.held)`,
  );
  const sources = others.map(({ place }, index) => {
    const position = `?${index * 2 + 2} + CAST(substr(?${index * 2 + 3}, j.key * ${WIDTH} + 1, ${WIDTH}) AS INTEGER)`;
    return `CROSS JOIN staged_record r${place} ON r${place}.place = ${position} CROSS JOIN staged_page p${place} ON p${place}.id = r${place}.page`;
  });
  const isLevel = others.map(({ place }) => `AND r${place}.held IS NOT NULL AND r${place}.body = r0.body`);
  return `SELECT r0.place, ${records.join(" || ")}, ${bodies.join(" || ")}
    FROM json_each(?1) j CROSS JOIN staged_record r0 ON r0.place = j.value ${sources.join(" ")} WHERE r0.held IS NOT NULL ${isLevel.join(" ")}`;
}

/** A group that becomes an entity. `records` and `members`: what the entity's row holds behind its first record, empty where no side follows. */
export interface StagedEntity {
  readonly id: EntityId;
  /** Of its first record, which was told in short. */
  readonly place: number;
  readonly records: Cell;
  readonly members: Cell;
}

/** Makes level entities of staged records where they lie: of their texts none is read into this process. */
export function insertLevel(
  session: Session,
  sides: readonly StagedSide[],
  entities: readonly StagedEntity[],
  sync: SyncId,
  entry: number,
): void {
  const cells = entities.flatMap(({ id, place, records, members }): Cell[] => [id, place, records, members, sync, entry]);
  session.insert(levelInsert(sides), cells);
}

/** By its text: one for each number of sides. */
const inserts = new Map<string, BulkInsert>();

function levelInsert(sides: readonly StagedSide[]): BulkInsert {
  const into = `${ENTITY_ROW.into} SELECT v.column1, v.column5, r.body, p.level_header, r.record || v.column3, '${liveAt(sides, sides)}',
    p.head || r.held || v.column4, r.keys, NULL, NULL, v.column6 FROM (`;
  const known = inserts.get(into);
  if (known !== undefined) return known;
  const made = {
    into,
    width: 6,
    conflict: ") v CROSS JOIN staged_record r ON r.place = v.column2 CROSS JOIN staged_page p ON p.id = r.page",
  };
  inserts.set(into, made);
  return made;
}

/** Records one after another that met nobody, and whose entities have ids one after another. */
export interface LoneRun {
  /** Of the first. */
  readonly place: number;
  readonly id: EntityId;
  readonly count: number;
}

/** The same of records of one side that met nobody: by runs, since of a first copy all of them are one. */
export function insertLone(
  session: Session,
  sides: readonly StagedSide[],
  side: StagedSide,
  runs: readonly LoneRun[],
  sync: SyncId,
  entry: number,
): void {
  const after = sides.length - 1 - side.place;
  const none = `'${NONE}'`;
  const records = `${`${none} || ${ACROSS} || `.repeat(side.place)}r.record${` || ${ACROSS} || ${none}`.repeat(after)}`;
  const members = `${`${BELOW} || `.repeat(side.place)}p.head || r.held${` || ${BELOW}`.repeat(after)}`;
  const sql = `INSERT INTO ${ENTITY_ROW.into} SELECT r.place + ?1, ?2, r.body, p.lone_header, ${records}, '${liveAt(sides, [side])}', ${members}, r.keys, NULL, NULL, ?3
    FROM staged_record r CROSS JOIN staged_page p ON p.id = r.page WHERE r.place >= ?4 AND r.place < ?5 ORDER BY r.place`;
  for (const { place, id, count } of runs) session.run(sql, id - place, sync, entry, place, place + count);
}

const NONE = writeImage([null]);
