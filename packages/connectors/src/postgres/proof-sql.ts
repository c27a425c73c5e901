import type { StoreMark } from "@accord/engine/connector";
import type { EntityId, RecordId } from "@accord/core";
import type { InstalledNames } from "./names.ts";
import { int8Array, textArray } from "./parameters.ts";
import type { Parameter, Statement } from "./pipeline.ts";

/** Where proof rows go [S27], and whose they are. */
export interface ProofTarget {
  readonly names: InstalledNames;
  readonly mark: StoreMark;
  /** The object's name. */
  readonly object: string;
}

/** Gives a value its number as a parameter. */
export type AddParameter = (value: Parameter) => string;

/**
 * Entities are numbered: those that share one proof row lie in one block of so many, so that a block's rows are found by its number and tell entities by
 * their place in it.
 */
const BLOCK = 1024;

export function blockOf(entity: EntityId): number {
  return Math.floor(entity / BLOCK);
}

/** The blocks of these entities, each once. */
export function blocksOf(entities: readonly EntityId[]): number[] {
  const blocks = new Set<number>();
  // Neighbours mostly share a block.
  let last = -1;
  for (const entity of entities) {
    const block = blockOf(entity);
    if (block !== last) blocks.add(block);
    last = block;
  }
  return [...blocks];
}

/** The last entity of a block. */
export function lastOfBlockSql(block: string): string {
  return `${block} * ${BLOCK} + ${BLOCK - 1}`;
}

/** Makes the ledger of a store and an object, where there is none. Repeatable. */
export function ledgerStatement({ names, mark, object }: ProofTarget): Statement {
  const known = `SELECT FROM ${names.ledgers} l WHERE l.store = $1 AND l.object = $2`;
  return {
    text: `INSERT INTO ${names.ledgers} (store, object) SELECT $1, $2 WHERE NOT EXISTS (${known}) ON CONFLICT DO NOTHING`,
    values: [mark.storeId, object],
  };
}

/** `o(ledger, turn)`: one row for the statement. */
export function turnSql({ names, mark, object }: ProofTarget, add: AddParameter): string {
  const ledger = `SELECT l.ledger FROM ${names.ledgers} l WHERE l.store = ${add(mark.storeId)} AND l.object = ${add(object)}`;
  return `o AS MATERIALIZED (SELECT (${ledger}) AS ledger, pg_catalog.nextval('${names.turns}') AS turn)`;
}

/**
 * `h(entity, record)`: the entities of these that were created before [S35], with their latest records, but for records that are known to be gone.
 *
 * @param entities the parameter that holds them, as `$1::int8[]`
 */
export function heldSql(
  { names }: ProofTarget,
  entities: { readonly sql: string; readonly ids: readonly EntityId[] },
  gone: readonly (readonly [EntityId, RecordId])[],
  add: AddParameter,
): string {
  const blocks = `${add(int8Array(blocksOf(entities.ids)))}::int8[]`;
  const known = `SELECT DISTINCT ON (entity) entity, record FROM (
SELECT a.entity, a.record, a.turn FROM ${names.applied} a WHERE a.ledger = (SELECT ledger FROM o) AND a.entity = ANY (${entities.sql})
UNION ALL SELECT s.entity, s.record, s.turn FROM (${sharedProofsSql(names)} WHERE b.ledger = (SELECT ledger FROM o) AND b.block = ANY (${blocks})) s
WHERE ${isAmongSql("s.entity", entities.sql)}) every ORDER BY entity, turn DESC`;
  if (gone.length === 0) return `h AS MATERIALIZED (${known})`;
  const [goneEntities, goneRecords] = [add(int8Array(gone.map(([entity]) => entity))), add(textArray(gone.map(([, record]) => record)))];
  const isGone = `SELECT FROM unnest(${goneEntities}::int8[], ${goneRecords}::text[]) g(entity, record) WHERE g.entity = known.entity AND g.record = known.record`;
  return `h AS MATERIALIZED (SELECT known.entity, known.record FROM (${known}) known WHERE NOT EXISTS (${isGone}))`;
}

/** Whether a value is one of an array's, by a hash table: `IS TRUE` keeps the planner, who foresees few rows, from comparing each with each. */
export function isAmongSql(value: string, array: string): string {
  return `(${value} IN (SELECT pg_catalog.unnest(${array}))) IS TRUE`;
}

/** The shared proof rows taken apart: `(ledger, entity, record, intent, turn)`; a condition on `b` may follow. */
export function sharedProofsSql({ appliedBatch }: InstalledNames): string {
  return `SELECT b.ledger, b.block * ${BLOCK} + u.place AS entity, u.record, u.intent, b.turn
FROM ${appliedBatch} b CROSS JOIN LATERAL unnest(b.places, b.records, b.intents) u(place, record, intent)`;
}

/** Proof of what `w(n, entity, intent, record, …)` wrote: the latest intent of each entity. */
export function ownProofsSql({ names }: ProofTarget): string {
  return `p AS (INSERT INTO ${names.applied} AS a (ledger, entity, record, intent, turn) SELECT o.ledger, w.entity, w.record, w.intent, o.turn FROM w CROSS JOIN o
ON CONFLICT (ledger, entity) DO UPDATE SET record = excluded.record, intent = excluded.intent, turn = excluded.turn)`;
}

/** The same for creates of entities that lie close together: one row a block. */
export function sharedProofSql({ names }: ProofTarget): string {
  return `p AS (INSERT INTO ${names.appliedBatch} (ledger, block, places, records, intents, turn)
SELECT o.ledger, w.entity / ${BLOCK}, array_agg((w.entity % ${BLOCK})::int2 ORDER BY w.n), array_agg(w.record ORDER BY w.n), array_agg(w.intent ORDER BY w.n), o.turn
FROM w CROSS JOIN o GROUP BY 1, 2, 6)`;
}
