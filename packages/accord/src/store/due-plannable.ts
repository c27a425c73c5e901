import type { EntityId } from "@accord/core";
import type { HeldCreate, LoadedDue, PlannableListing } from "@accord/engine/store";
import type { CommitContext } from "./commit-context.ts";
import { COLUMNS, STATES, statesSet, withEntities, type DueRow } from "./due.ts";
import { readHeader } from "./entity-header.ts";
import type { EntityReader } from "./entity-read.ts";
import { livesWithout } from "./entity-states.ts";

type PlannableRow = [entity: number, sinceMs: number, attempts: number, isPlain: number, header: string, states: string, values: string];
const HELD = STATES.indexOf("held");

/** Whether nothing that a row of `due` or of `entity` says keeps the write from being a plain create. */
const IS_PLAIN = `d.state = ${HELD} AND d.extra IS NULL AND e.extra IS NULL AND e.review_since IS NULL AND instr(e.fields, '\\U') = 0`;

/**
 * Due writes of a side in the order of entity ids, plain creates in short. A due row without `extra` is as a merge left it: what was parked or waited once has an empty one. That merge wrote the
 * entity too, in the layout of its configuration.
 */
export function listPlannable(context: CommitContext, reader: EntityReader, listing: PlannableListing): (LoadedDue | HeldCreate)[] {
  const { session, catalogue, intents, overlay } = context;
  const { sync, side } = listing;
  const { number } = catalogue.side(sync, side);
  const rows = session.all<PlannableRow>(
    `SELECT d.entity, d.since_ms, d.attempts, ${IS_PLAIN}, e.header, e.states, ${listing.withValues ? "e.fields" : "''"}
     FROM due d JOIN entity e ON e.id = d.entity WHERE d.side = ? AND d.entity > ? AND d.state IN (SELECT value FROM json_each(?)) ORDER BY d.entity LIMIT ?`,
    number,
    listing.after ?? -1,
    statesSet(listing.states),
    listing.limit,
  );
  const open = intents.atSide(number);
  const factsOf = plainFacts(context, listing);
  const others: EntityId[] = [];
  const creates = rows.map(([entity, sinceMs, attempts, isPlain, header, states, values]): HeldCreate | null => {
    const facts = isPlain === 1 && !open.has(entity) && !overlay.holds(entity) ? factsOf(header, states) : null;
    if (facts !== null)
      return { kind: "create", sync, side, entity, sinceMs, attempts, version: facts.version, values, versions: facts.versions };
    others.push(entity);
    return null;
  });
  if (others.length === 0) return creates.flatMap((create) => create ?? []);
  const dueRows = session.all<DueRow>(
    `SELECT ${COLUMNS} FROM json_each(?) j CROSS JOIN due d ON d.side = ? AND d.entity = j.value`,
    `[${others.join(",")}]`,
    number,
  );
  const loaded = new Map(withEntities(catalogue, reader, dueRows).map((due) => [due.entity, due]));
  return creates.flatMap((create, index): readonly (LoadedDue | HeldCreate)[] => {
    const due = loaded.get(rows[index]?.[0] ?? 0);
    return create === null ? (due === undefined ? [] : [due]) : [create];
  });
}

/** What the header says of an entity of the present layout that lives, wherever it has a record, and has none here; else null. Headers of one page are mostly alike. */
function plainFacts(
  { catalogue }: CommitContext,
  { sync, side }: PlannableListing,
): (header: string, states: string) => Pick<HeldCreate, "version" | "versions"> | null {
  const shape = catalogue.sync(sync);
  let plain = "";
  let last: { readonly header: string; readonly facts: Pick<HeldCreate, "version" | "versions"> | null } = { header: "", facts: null };
  return (header, states) => {
    if (states !== plain && !livesWithout(states, shape.sides, side)) return null;
    plain = states;
    if (header !== last.header) {
      const { layout, version, fieldVersions: versions } = readHeader(header);
      last = { header, facts: layout === shape.version ? { version, versions } : null };
    }
    return last.facts;
  };
}
