import type { DueListing, HeldCreate, LoadedDue } from "@accord/engine/store";
import type { CommitContext } from "./commit-context.ts";
import { COLUMNS, dueColumns, STATES, statesSet, withEntities, type DueRow } from "./due.ts";
import { readHeader } from "./entity-header.ts";
import type { EntityReader } from "./entity-read.ts";
import { livesWithout } from "./entity-states.ts";

type PlannableRow = [...DueRow, header: string, states: string, isPlain: number, values: string];
const HELD = STATES.indexOf("held");

/**
 * Due writes of a side in the order of entity ids, plain creates in short. A due row without `extra` is as a merge left it: what was parked or waited once has an empty one. That merge wrote the
 * entity too, in the layout of its configuration.
 */
export function listPlannable(context: CommitContext, reader: EntityReader, listing: DueListing): (LoadedDue | HeldCreate)[] {
  const { session, catalogue, intents, overlay } = context;
  const { sync, side } = listing;
  const { number } = catalogue.side(sync, side);
  const rows = session.all<PlannableRow>(
    `SELECT ${COLUMNS}, e.header, e.states, e.extra IS NULL AND e.review_since IS NULL AND instr(e.fields, '\\U') = 0, e.fields
     FROM due d JOIN entity e ON e.id = d.entity WHERE d.side = ? AND d.entity > ? AND d.state IN (SELECT value FROM json_each(?)) ORDER BY d.entity LIMIT ?`,
    number,
    listing.after ?? -1,
    statesSet(listing.states),
    listing.limit,
  );
  const open = intents.atSide(number);
  const factsOf = plainFacts(context, listing);
  const creates = rows.map(([, entity, state, , sinceMs, attempts, , extra, header, states, isPlain, values]): HeldCreate | null => {
    const isSo = state === HELD && extra === null && isPlain === 1 && !open.has(entity) && !overlay.holds(entity);
    const facts = isSo ? factsOf(header, states) : null;
    if (facts === null) return null;
    return { kind: "create", sync, side, entity, sinceMs, attempts, version: facts.version, values, versions: facts.versions };
  });
  const others = rows.filter((_, index) => creates[index] === null).map(dueColumns);
  if (others.length === 0) return creates.flatMap((create) => create ?? []);
  const loaded = new Map(withEntities(catalogue, reader, others).map((due) => [due.entity, due]));
  return creates.flatMap((create, index): readonly (LoadedDue | HeldCreate)[] => {
    const due = loaded.get(rows[index]?.[1] ?? 0);
    return create === null ? (due === undefined ? [] : [due]) : [create];
  });
}

/** What the header says of an entity of the present layout that lives, wherever it has a record, and has none here; else null. Headers of one page are mostly alike. */
function plainFacts(
  { catalogue }: CommitContext,
  { sync, side }: DueListing,
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
