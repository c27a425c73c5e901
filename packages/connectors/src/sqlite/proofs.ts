import type { EntityId, IntentId, RecordId } from "@accord/core";
import type { BoundValue, Session } from "./database.ts";
import { readMark } from "./mark.ts";
import { quoted, type InstalledNames } from "./names.ts";

/** Who wrote what: the parts of one proof row. [S27] */
export interface Proof {
  readonly storeId: string;
  readonly object: string;
  readonly entity: EntityId;
  readonly record: RecordId;
  readonly intent: IntentId;
  readonly atMs: number;
}

/**
 * Keeps the latest intent of an entity and of a record. A record that belonged to another entity before (its key was used again) belongs to this one now.
 * Record ids are kept as bytes, because SQLite's own text functions end at a NUL.
 */
export function writeProof(session: Session, names: InstalledNames, proof: Proof): void {
  session.run(
    `INSERT OR REPLACE INTO main.${quoted(names.applied)} (store, object, entity, record, intent, at) VALUES (?, ?, ?, ?, ?, ?)`,
    [proof.storeId, proof.object, BigInt(proof.entity), bytesOf(proof.record), proof.intent, BigInt(proof.atMs)],
  );
}

/** The record that a store's entity was last written as, live or not. */
export function recordOfEntity(
  session: Session,
  names: InstalledNames,
  object: string,
  entity: EntityId,
  storeId: string,
): RecordId | null {
  const sql = `SELECT record FROM main.${quoted(names.applied)} WHERE store = ? AND object = ? AND entity = ?`;
  return recordOf(session.first(sql, [storeId, object, BigInt(entity)])?.[0]);
}

export function findProofs(
  session: Session,
  names: InstalledNames,
  object: string,
  intents: readonly IntentId[],
): ReadonlyMap<IntentId, RecordId> {
  const sql = `SELECT record FROM main.${quoted(names.applied)} WHERE intent = ? AND object = ?`;
  const found = new Map<IntentId, RecordId>();
  for (const intent of intents) {
    const record = recordOf(session.first(sql, [intent, object])?.[0]);
    if (record !== null) found.set(intent, record);
  }
  return found;
}

export function findByEntity(
  session: Session,
  names: InstalledNames,
  object: string,
  entities: readonly EntityId[],
): ReadonlyMap<EntityId, RecordId> {
  const store = signedStore(session, names);
  const sql = `SELECT record FROM main.${quoted(names.applied)} WHERE entity = ? AND object = ?${store.sql} ORDER BY at DESC LIMIT 1`;
  const found = new Map<EntityId, RecordId>();
  for (const entity of entities) {
    const record = recordOf(session.first(sql, [BigInt(entity), object, ...store.values])?.[0]);
    if (record !== null) found.set(entity, record);
  }
  return found;
}

/** Pairs after `after`, by entity, at most `limit`. */
export function linksAfter(
  session: Session,
  names: InstalledNames,
  object: string,
  after: EntityId | null,
  limit: number,
): readonly (readonly [EntityId, RecordId])[] {
  const store = signedStore(session, names);
  const sql = `SELECT entity, record FROM main.${quoted(names.applied)} WHERE object = ? AND entity > ?${store.sql} ORDER BY entity LIMIT ${limit}`;
  const rows = session.all(sql, [object, BigInt(after ?? 0), ...store.values]);
  return rows.map(([entity, record]) => [Number(entity), recordOf(record) ?? ""]);
}

/** Entity ids are unique within a store only: the one that signed the file is meant, or the only one there is. */
function signedStore(session: Session, names: InstalledNames): { readonly sql: string; readonly values: readonly string[] } {
  const mark = readMark(session, names);
  return mark === null ? { sql: "", values: [] } : { sql: " AND store = ?", values: [mark.storeId] };
}

function bytesOf(record: RecordId): Uint8Array {
  return Buffer.from(record, "utf8");
}

function recordOf(value: BoundValue | undefined): RecordId | null {
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : null;
}
