import type { EntityId } from "@accord/core";
import type { Changes, GuardTrip, Problem, ProblemRow, SyncId } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import type { Session } from "./session.ts";

export function writeProblems(session: Session, catalogue: Catalogue, changes: Pick<Changes, "problems" | "problemsOver">): void {
  const isAny = changes.problemsOver.length > 0 && session.first("SELECT 1 FROM problem LIMIT 1") !== undefined;
  for (const { sync, side, record } of isAny ? changes.problemsOver : []) {
    const known = catalogue.side(sync, side);
    session.run("DELETE FROM problem WHERE side = ? AND record = ?", known.number, known.toCell(record));
  }
  for (const { sync, side, record, kind, reason, entities, atMs } of changes.problems) {
    const known = catalogue.side(sync, side);
    session.run(
      "INSERT INTO problem (side, record, kind, reason, entities, at_ms) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (side, record, kind) DO UPDATE SET reason = excluded.reason, entities = excluded.entities, at_ms = excluded.at_ms",
      known.number,
      known.toCell(record),
      kind,
      reason,
      `[${entities.join(",")}]`,
      atMs,
    );
  }
}

/** Oldest first. */
export function listProblems(session: Session, catalogue: Catalogue, limit: number): ProblemRow[] {
  return session
    .all<[number, string, Problem["kind"], string, string, number]>(
      "SELECT side, CAST(record AS TEXT), kind, reason, entities, at_ms FROM problem ORDER BY at_ms, side, record LIMIT ?",
      limit,
    )
    .map(([number, record, kind, reason, entities, atMs]) => {
      const { sync, place } = catalogue.sideByNumber(number);
      // writeProblems made this text from entity ids.
      return { sync, side: place, record, kind, reason, entities: JSON.parse(entities) as EntityId[], atMs };
    });
}

/** Entities with an open review, oldest first. */
export function listReviews(session: Session, limit: number): { readonly sync: SyncId; readonly entity: EntityId }[] {
  return session
    .all<[number, number]>("SELECT sync, id FROM entity WHERE review_since IS NOT NULL ORDER BY review_since, id LIMIT ?", limit)
    .map(([sync, entity]) => ({ sync, entity }));
}

/** A guard that trips again replaces what it said, and waits for a new approval. */
export function tripGuard(session: Session, { id, sync, guard, reason, trippedAtMs, approvedAtMs }: GuardTrip): void {
  session.run(
    `INSERT INTO trip (id, sync, guard, reason, tripped_at_ms, approved_at_ms) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
      sync = excluded.sync, guard = excluded.guard, reason = excluded.reason, tripped_at_ms = excluded.tripped_at_ms, approved_at_ms = excluded.approved_at_ms`,
    id,
    sync,
    guard,
    reason,
    trippedAtMs,
    approvedAtMs,
  );
}

/** Oldest first, approved ones included. */
export function listTrips(session: Session): GuardTrip[] {
  return session
    .all<[string, number, string, string, number, number | null]>(
      "SELECT id, sync, guard, reason, tripped_at_ms, approved_at_ms FROM trip ORDER BY tripped_at_ms, id",
    )
    .map(([id, sync, guard, reason, trippedAtMs, approvedAtMs]) => ({ id, sync, guard, reason, trippedAtMs, approvedAtMs }));
}

/** False where no trip of this id waits. */
export function approveTrip(session: Session, id: string, atMs: number): boolean {
  const isMeant = session.run("UPDATE trip SET approved_at_ms = ? WHERE id = ? AND approved_at_ms IS NULL", atMs, id) > 0;
  if (isMeant) session.run("UPDATE request SET not_before_ms = 0 WHERE not_before_ms > 0");
  return isMeant;
}
