import type { CallOptions } from "@accord/engine/connector";
import type { ProblemRow, StoredEntity } from "@accord/engine/store";
import type { OpenConflict } from "./conflicts-json.ts";
import { namedSyncs } from "./naming.ts";
import type { NamedSync } from "./naming.ts";
import { usageError } from "./problems.ts";
import type { StoreSession } from "./session.ts";

/** Conflicts listed at most. */
const LIST_MAX = 1_000;

/** Everything that waits for a person, oldest first. Reads the store alone: it works while the systems are away. */
export async function openConflicts(session: StoreSession, options: CallOptions): Promise<readonly OpenConflict[]> {
  const syncs = await namedSyncs(session, options);
  const reviews = await session.store.listReviews(LIST_MAX, options);
  const entities = await session.store.loadEntities(
    reviews.map(({ entity }) => entity),
    options,
  );
  const problems = (await session.store.listProblems(LIST_MAX, options)).filter(({ kind }) => kind === "ambiguous");
  const rivals = await session.store.loadEntities([...new Set(problems.flatMap((problem) => problem.entities))], options);
  const found = [
    ...entities.flatMap((entity) => reviewsOf(syncs, entity)),
    ...problems.flatMap((problem) => matchOf(syncs, problem, rivals) ?? []),
  ];
  return found.toSorted((a, b) => a.openedAtMs - b.openedAtMs);
}

/** The conflict of this id. @throws ACCORD_USAGE */
export async function conflictOf(session: StoreSession, id: string, options: CallOptions): Promise<OpenConflict> {
  const conflicts = await openConflicts(session, options);
  const conflict = conflicts.find((candidate) => candidate.id === id);
  if (conflict !== undefined) return conflict;
  throw usageError(
    conflicts.length === 0
      ? `There is no open conflict ${id}, nor any other.`
      : `There is no open conflict ${id}; accord conflicts lists those there are.`,
  );
}

function reviewsOf(syncs: readonly NamedSync[], entity: StoredEntity): OpenConflict[] {
  const sync = syncs.find(({ row }) => row.id === entity.sync);
  if (sync === undefined) return [];
  const found: OpenConflict[] = [];
  if (entity.review !== null) {
    const records = sync.sides.map((side, index) => ({
      side,
      record: entity.members[index]?.record ?? null,
      state: entity.members[index]?.state ?? "absent",
    }));
    found.push({
      kind: "delete",
      id: `${sync.name}/${entity.id}`,
      sync: sync.name,
      entity: entity.id,
      openedAtMs: entity.review.openedAtMs,
      reason: entity.review.reason,
      records,
    });
  }
  for (const [index, { review, value }] of entity.fields.entries()) {
    if (review === null) continue;
    const field = sync.fields[index] ?? `field ${index}`;
    const values = sync.sides.map((side, place) => {
      const candidate = review.candidates[place];
      return { side, record: entity.members[place]?.record ?? null, value: candidate === undefined ? value : candidate };
    });
    found.push({
      kind: "field",
      id: `${sync.name}/${entity.id}/${field}`,
      sync: sync.name,
      entity: entity.id,
      field,
      openedAtMs: review.openedAtMs,
      reason: review.reason,
      values,
      isSensitive: sync.isSensitive(field),
    });
  }
  return found;
}

function matchOf(syncs: readonly NamedSync[], problem: ProblemRow, entities: readonly StoredEntity[]): OpenConflict | null {
  const sync = syncs.find(({ row }) => row.id === problem.sync);
  const side = sync?.sides[problem.side];
  if (sync === undefined || side === undefined) return null;
  const candidates = problem.entities.map((id) => {
    const entity = entities.find((candidate) => candidate.id === id);
    const records = sync.sides.flatMap((name, place) => {
      const member = entity?.members[place] ?? null;
      return member === null || member.record === null
        ? []
        : [`${name}:${member.record}${member.state === "live" ? "" : ` (${member.state})`}`];
    });
    return { entity: id, records };
  });
  const { record, atMs: openedAtMs, reason } = problem;
  return { kind: "match", id: `${sync.name}/${side}/${record}`, sync: sync.name, side, record, openedAtMs, reason, candidates };
}
