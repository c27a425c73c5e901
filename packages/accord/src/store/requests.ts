import type { LoadedRequest, NewRequest, Shard } from "@accord/engine/store";
import type { EntityReader } from "./entity-read.ts";
import { SET_SIZE_MAX } from "./limits.ts";
import type { Session } from "./session.ts";
import type { ShardOf } from "./shards.ts";

type RequestRow = [id: number, sync: number, entity: number, kind: NewRequest["kind"], body: string, run: number | null, atMs: number];

export function addRequests(session: Session, shardOf: ShardOf, requests: readonly NewRequest[]): void {
  for (const { sync, entity, kind, body, run, atMs } of requests) {
    session.run(
      "INSERT INTO request (shard, sync, entity, kind, body, run, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
      shardOf(entity),
      sync,
      entity,
      kind,
      body,
      run,
      atMs,
    );
  }
}

export function loadRequests(session: Session, reader: EntityReader, shard: Shard, limit: number): LoadedRequest[] {
  const rows = session.all<RequestRow>(
    "SELECT id, sync, entity, kind, body, run, at_ms FROM request WHERE shard = ? ORDER BY id LIMIT ?",
    shard,
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

/** Adds the shards in which somebody asks for something. */
export function addShardsWithRequests(session: Session, ready: Set<Shard>): void {
  for (const [shard] of session.all<[Shard]>("SELECT DISTINCT shard FROM request")) ready.add(shard);
}
