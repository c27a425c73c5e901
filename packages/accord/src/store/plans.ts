import { readImage, writeImage } from "@accord/core";
import type { NewPlan, PlanId, PlannedOperation, PlanRow } from "@accord/engine/store";
import type { Catalogue } from "./catalogue.ts";
import { OPERATIONS_PER_PAGE } from "./limits.ts";
import type { Session } from "./session.ts";

/** Begins a plan. Operations of older plans are dropped: only the latest can be applied. */
export function startPlan(session: Session, plan: NewPlan): PlanId {
  session.run("DELETE FROM plan_page");
  return session.first<[number]>("INSERT INTO plan (run, created_at_ms) VALUES (?, ?) RETURNING id", plan.run, plan.createdAtMs)?.[0] ?? 0;
}

/** A few rows per call, whatever the number of operations: each holds a page of them, a line per operation. */
export function addOperations(session: Session, catalogue: Catalogue, plan: PlanId, operations: readonly PlannedOperation[]): void {
  let last = session.first<[number | null]>("SELECT max(last) FROM plan_page WHERE plan = ?", plan)?.[0] ?? 0;
  for (let at = 0; at < operations.length; at += OPERATIONS_PER_PAGE) {
    const page = operations.slice(at, at + OPERATIONS_PER_PAGE);
    const body = page.map((operation) => writeOperation(catalogue, operation)).join("\n");
    session.run("INSERT INTO plan_page (plan, last, first, body) VALUES (?, ?, ?, ?)", plan, last + page.length, last + 1, body);
    last += page.length;
  }
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

type NumberedOperation = PlannedOperation & { readonly ordinal: number };

export function listOperations(session: Session, catalogue: Catalogue, plan: PlanId, after: number, limit: number): NumberedOperation[] {
  const found: NumberedOperation[] = [];
  for (let ordinal = after; found.length < limit;) {
    const page = session.first<[first: number, body: string]>(
      "SELECT first, body FROM plan_page WHERE plan = ? AND last > ? ORDER BY last LIMIT 1",
      plan,
      ordinal,
    );
    if (page === undefined) return found;
    const [first, body] = page;
    const lines = body.split("\n");
    for (let at = Math.max(ordinal + 1 - first, 0); at < lines.length && found.length < limit; at += 1) {
      ordinal = first + at;
      found.push({ ordinal, ...readOperation(catalogue, lines[at] ?? "") });
    }
  }
  return found;
}

/** An operation as one image, which holds no line ends. */
function writeOperation(catalogue: Catalogue, operation: PlannedOperation): string {
  const { sync, side, entity, kind, record, entityVersion, imageDigest, detail } = operation;
  const { number } = catalogue.side(sync, side);
  return writeImage([String(number), String(entity), kind, record, String(entityVersion), imageDigest, detail]);
}

function readOperation(catalogue: Catalogue, line: string): PlannedOperation {
  const [number, entity, kind, record, version, imageDigest, detail] = readImage(line);
  const { sync, place } = catalogue.sideByNumber(Number(number));
  return {
    sync,
    side: place,
    entity: Number(entity),
    // Only writeOperation makes this text.
    kind: kind as PlannedOperation["kind"],
    record: record ?? null,
    entityVersion: Number(version),
    imageDigest: imageDigest ?? "",
    detail: detail ?? "",
  };
}
