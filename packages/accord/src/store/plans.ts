import type { SQLInputValue } from "node:sqlite";
import type { NewPlan, PlanId, PlannedOperation, PlanRow } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import type { BulkInsert, Session } from "./session.ts";

const OPERATION: BulkInsert = {
  into: "plan_operation (plan, ordinal, side, entity, kind, record, version, digest, detail)",
  width: 9,
  conflict: "",
};

/** Begins a plan. Operations of older plans are dropped: only the latest can be applied. */
export function startPlan(session: Session, plan: NewPlan): PlanId {
  session.run("DELETE FROM plan_operation");
  return session.first<[number]>("INSERT INTO plan (run, created_at_ms) VALUES (?, ?) RETURNING id", plan.run, plan.createdAtMs)?.[0] ?? 0;
}

export function addOperations(session: Session, catalogue: Catalogue, plan: PlanId, operations: readonly PlannedOperation[]): void {
  const last = session.first<[number | null]>("SELECT max(ordinal) FROM plan_operation WHERE plan = ?", plan)?.[0] ?? 0;
  const cells: SQLInputValue[] = [];
  operations.forEach(({ sync, side, entity, kind, record, entityVersion, imageDigest, detail }, index) => {
    cells.push(plan, last + 1 + index, catalogue.side(sync, side).number, entity, kind, record, entityVersion, imageDigest, detail);
  });
  session.insert(OPERATION, cells);
}

export function finishPlan(session: Session, plan: PlanId, summary: string): void {
  session.run("UPDATE plan SET summary = ? WHERE id = ?", summary, plan);
}

export function latestPlan(session: Session): PlanRow | null {
  const row = session.first<[number, number, number, string | null]>(
    "SELECT id, run, created_at_ms, summary FROM plan ORDER BY id DESC LIMIT 1",
  );
  return row === undefined ? null : { id: row[0], run: row[1], createdAtMs: row[2], summary: row[3] };
}

export function listOperations(
  session: Session,
  catalogue: Catalogue,
  plan: PlanId,
  after: number,
  limit: number,
): (PlannedOperation & { readonly ordinal: number })[] {
  return session
    .all<[number, number, number, PlannedOperation["kind"], string | null, number, string, string]>(
      "SELECT ordinal, side, entity, kind, record, version, digest, detail FROM plan_operation WHERE plan = ? AND ordinal > ? ORDER BY ordinal LIMIT ?",
      plan,
      after,
      limit,
    )
    .map(([ordinal, number, entity, kind, record, entityVersion, imageDigest, detail]) => {
      const { sync, place } = catalogue.sideByNumber(number);
      return { ordinal, sync, side: place, entity, kind, record, entityVersion, imageDigest, detail };
    });
}
