import type { LoadedRequest, NewRequest, Shard } from "@accord/engine/store";
import type { EntityReader } from "./entity-read.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import type { Session } from "./session.ts";
import type { ShardOf } from "./shards.ts";

type RequestRow = [id: number, sync: number, entity: number, kind: NewRequest["kind"], body: string, run: number | null, atMs: number];

export function addRequests(session: Session, shardOf: ShardOf, requests: readonly NewRequest[]): void {
  for (const { sync, entity, kind, body, run, atMs, notBeforeMs } of requests) {
    session.run(
      "INSERT INTO request (shard, sync, entity, kind, body, run, at_ms, not_before_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      shardOf(entity),
      sync,
      entity,
      kind,
      body,
      run,
      atMs,
      notBeforeMs ?? 0,
    );
  }
}

export function loadRequests(session: Session, reader: EntityReader, shard: Shard, limit: number, nowMs: number): LoadedRequest[] {
  const rows = session.all<RequestRow>(
    "SELECT id, sync, entity, kind, body, run, at_ms FROM request WHERE shard = ? AND not_before_ms <= ? ORDER BY id LIMIT ?",
    shard,
    nowMs,
    limit,
  );
  const entities = reader.loadById(rows.map((row) => row[2]));
  return rows.map(([id, sync, entity, kind, body, run, atMs]) => ({
    id,
    sync,
    entity,
    kind,
    body,
    run,
    atMs,
    stored: entities.get(entity) ?? null,
  }));
}

export function finishRequests(session: Session, done: readonly number[]): void {
  for (let at = 0; at < done.length; at += SET_SIZE_MAX) {
    session.run("DELETE FROM request WHERE id IN (SELECT value FROM json_each(?))", `[${done.slice(at, at + SET_SIZE_MAX).join(",")}]`);
  }
}

/** Adds the shards in which somebody asks for something, and says when somebody will; null: nobody later. */
export function addShardsWithRequests(session: Session, nowMs: number, ready: Set<Shard>): number | null {
  if (session.first("SELECT 1 FROM request LIMIT 1") === undefined) return null;
  for (const [shard] of session.all<[Shard]>("SELECT DISTINCT shard FROM request WHERE not_before_ms <= ?", nowMs)) ready.add(shard);
  return session.first<[number | null]>("SELECT min(not_before_ms) FROM request WHERE not_before_ms > ?", nowMs)?.[0] ?? null;
}
