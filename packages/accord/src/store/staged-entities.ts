import { writeImage, type EntityId } from "@accord/core";
import type { SyncId } from "@accord/engine/store";
import { AS_FIRST } from "./entity-members.ts";
import { liveAt } from "./entity-states.ts";
import { ENTITY_ROW } from "./entity-write.ts";
import type { Session } from "./session.ts";
import type { StagedSide } from "./staged.ts";

/** Groups that may become entities as they were staged. */
export interface StagedGroupSet {
  /** The sides that they have records at. */
  readonly present: readonly StagedSide[];
  /** By side that is present, in their order: the position of each group's record there. */
  readonly positions: readonly (readonly number[])[];
  /** Per group. */
  readonly ids: readonly EntityId[];
}

/**
 * Makes entities of groups as they were staged, in one statement: no text of theirs is read into this process. Passes over groups whose records do not say the same, or not in short.
 * Returns the ids of those that were passed over.
 */
export function insertStaged(
  session: Session,
  sides: readonly StagedSide[],
  { present, positions, ids }: StagedGroupSet,
  sync: SyncId,
  entry: number,
): ReadonlySet<EntityId> {
  if (ids.length === 0) return new Set();
  const list = `[${ids.join(",")}]`;
  const places = present.flatMap(({ low }, index) => [low, digits(positions[index] ?? [])]);
  const made = session.run(stagedSql(sides, present), list, sync, entry, ...places);
  if (made === ids.length) return new Set();
  return new Set(session.all<[number]>(NOT_MADE, list).map(([id]) => id));
}

const NOT_MADE = "SELECT j.value FROM json_each(?1) j WHERE NOT EXISTS (SELECT 1 FROM entity e WHERE e.id = j.value)";

/** Numbers of one width as bytes, so that SQL finds each where it stands; a JSON array would be gone through from its beginning. */
function digits(numbers: readonly number[]): Buffer {
  return Buffer.from(numbers.map((number) => String(number).padStart(WIDTH, "0")).join(""), "latin1");
}

/** Digits of a position below 2^27. */
const WIDTH = 9;

const ACROSS = "char(9)";
const BELOW = "char(10)";

/** Parameters: 1 the ids, 2 the sync, 3 the journal entry; then, for each side that is present, below its places and the records' positions. */
function stagedSql(sides: readonly StagedSide[], present: readonly StagedSide[]): string {
  const [first = sides[0], ...others] = present;
  const own = first?.place ?? 0;
  const records = sides.map((side) => (present.includes(side) ? `r${side.place}.record` : `'${writeImage([null])}'`));
  const bodies = sides.map((side) => {
    if (!present.includes(side)) return "''";
    const held = `r${side.place}.held`;
    // Of one text held alike: one image. What is equal to the canonical values is told so.
    return `p${side.place}.head || ${side === first ? held : `iif(${held} = r${own}.held AND length(${held}) > 1, '${AS_FIRST}', ${held})`}`;
  });
  const header = present.length === sides.length ? "level_header" : "lone_header";
  const sources = present.map(({ place }, index) => {
    const low = index * 2 + 4;
    const position = `?${low} + CAST(substr(?${low + 1}, j.key * ${WIDTH} + 1, ${WIDTH}) AS INTEGER)`;
    return `CROSS JOIN staged_record r${place} ON r${place}.place = ${position} CROSS JOIN staged_page p${place} ON p${place}.id = r${place}.page`;
  });
  const isLevel = others.map(({ place }) => `AND r${place}.held IS NOT NULL AND r${place}.body = r${own}.body`).join(" ");
  return `INSERT INTO ${ENTITY_ROW.into} SELECT j.value, ?2, r${own}.body, p${own}.${header}, ${records.join(` || ${ACROSS} || `)},
    '${liveAt(sides, present)}', ${bodies.join(` || ${BELOW} || `)}, r${own}.keys, NULL, NULL, ?3
    FROM json_each(?1) j ${sources.join(" ")} WHERE r${own}.held IS NOT NULL ${isLevel}`;
}
