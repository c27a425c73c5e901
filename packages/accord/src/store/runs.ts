import type { NewRun, RunId, RunOutcome, RunRow } from "@accord/engine/store";
import type { Session } from "./session.ts";

export function startRun(session: Session, run: NewRun): RunId {
  return session.first<[number]>("INSERT INTO run (kind, started_at_ms) VALUES (?, ?) RETURNING id", run.kind, run.startedAtMs)?.[0] ?? 0;
}

export function finishRun(session: Session, run: RunId, atMs: number, outcome: RunOutcome): void {
  session.run("UPDATE run SET finished_at_ms = ?, outcome = ? WHERE id = ?", atMs, outcome, run);
}

/** Newest first. */
export function listRuns(session: Session, limit: number): RunRow[] {
  return session
    .all<[number, NewRun["kind"], number, number | null, RunOutcome | null, number]>(
      "SELECT id, kind, started_at_ms, finished_at_ms, outcome, writes FROM run ORDER BY id DESC LIMIT ?",
      limit,
    )
    .map(([id, kind, startedAtMs, finishedAtMs, outcome, writes]) => ({ id, kind, startedAtMs, finishedAtMs, outcome, writes }));
}
