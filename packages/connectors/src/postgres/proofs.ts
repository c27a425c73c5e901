import type { CallOptions, StoreMark } from "@accord/engine/connector";
import type { EntityId, IntentId, RecordId } from "@accord/core";
import type { Database } from "./client.ts";
import type { InstalledNames } from "./names.ts";
import { int8Array, textArray } from "./parameters.ts";
import type { Rows, Statement } from "./pipeline.ts";
import { blockOf, blocksOf, isAmongSql, lastOfBlockSql, sharedProofsSql } from "./proof-sql.ts";

/** Where the proof rows of one object are. */
export interface ProofAccess {
  readonly database: Database;
  readonly names: InstalledNames;
  readonly object: string;
}

/** Proof rows per page of {@link listLinks}, and blocks of shared ones, each of some thousand entities. */
const ROWS_PER_PAGE = 10_000;
const BLOCKS_PER_PAGE = 10;

/** The intents of these that landed, with the record each touched. [S31] An update's or delete's intent is no longer told once its entity is written again. */
export async function findProofs(
  { database, names, object }: ProofAccess,
  intents: readonly IntentId[],
  options: CallOptions,
): Promise<ReadonlyMap<IntentId, RecordId>> {
  const ledgers = `IN (SELECT l.ledger FROM ${names.ledgers} l WHERE l.object = $2)`;
  const text = `SELECT a.intent, a.record FROM ${names.applied} a WHERE ${isAmongSql("a.intent", "$1::text[]")} AND a.ledger ${ledgers}
UNION ALL SELECT s.intent, s.record FROM (${sharedProofsSql(names)} WHERE b.ledger ${ledgers}) s WHERE ${isAmongSql("s.intent", "$1::text[]")}`;
  const rows = await patientRows(database, { text, values: [textArray(intents), object] }, options);
  return new Map(rows.map(([intent, record]) => [intent ?? "", record ?? ""]));
}

/** The live or former record of each entity, by the proof rows of the store that last marked this database. [S35, S58] */
export async function findByEntity(
  { database, names, object }: ProofAccess,
  entities: readonly EntityId[],
  options: CallOptions,
): Promise<ReadonlyMap<EntityId, RecordId>> {
  const ledgers = `IN (${markedLedgersSql(names, "$1")})`;
  const text = `SELECT entity, record FROM (
SELECT a.entity, a.record, a.turn FROM ${names.applied} a WHERE a.ledger ${ledgers} AND a.entity = ANY ($2::int8[])
UNION ALL SELECT s.entity, s.record, s.turn FROM (${sharedProofsSql(names)} WHERE b.ledger ${ledgers} AND b.block = ANY ($3::int8[])) s
WHERE ${isAmongSql("s.entity", "$2::int8[]")}) known ORDER BY turn`;
  const rows = await database.rows(text, [object, int8Array(entities), int8Array(blocksOf(entities))], options);
  return new Map(rows.map(([entity, record]) => [Number(entity), record ?? ""]));
}

/**
 * Every pair that the proof rows know, in the order of entities. [S58] Of several records of an entity, and of several entities of a record, the latest counts:
 * an id was used again, or a link moved.
 */
export async function* listLinks(
  access: ProofAccess,
  after: EntityId | null,
  options: CallOptions,
): AsyncIterable<readonly (readonly [EntityId, RecordId])[]> {
  const shared = await findSharedRecords(access, options);
  for (let last: EntityId | null = after ?? 0; last !== null;) {
    const page = await readPage(access, last, options);
    const pairs = page.links
      .map(([entity, record]) => [Number(entity), record ?? ""] as const)
      .filter(([entity, record]) => (shared.get(record) ?? entity) === entity);
    if (pairs.length > 0) yield pairs;
    last = page.last;
  }
}

/** The entities of these whose record has become another entity's since. */
export async function findMovedRecords(
  { database, names, object }: ProofAccess,
  mark: StoreMark,
  links: readonly { readonly entity: EntityId; readonly record: RecordId }[],
  options: CallOptions,
): Promise<ReadonlySet<EntityId>> {
  if (links.length === 0) return new Set();
  const every = everyProofSql(names, `= (SELECT l.ledger FROM ${names.ledgers} l WHERE l.store = $1 AND l.object = $2)`);
  const text = `SELECT entity, record FROM (SELECT DISTINCT ON (record) entity, record FROM (${every}) every
WHERE ${isAmongSql("record", "$3::text[]")} ORDER BY record, turn DESC) latest`;
  const values = [mark.storeId, object, textArray(links.map(({ record }) => record))];
  const rows = await patientRows(database, { text, values }, options);
  const entitiesByRecord = new Map(rows.map(([entity, record]) => [record ?? "", Number(entity)]));
  return new Set(links.flatMap(({ entity, record }) => (entitiesByRecord.get(record) === entity ? [] : [entity])));
}

/** What reads all proof rows takes as long as they are many, and is rare: a lost answer, a lost store. */
async function patientRows(database: Database, statement: Statement, options: CallOptions): Promise<Rows> {
  const untimed = { text: "SELECT pg_catalog.set_config('statement_timeout', '0', true)", values: [] };
  const [, rows = []] = await database.run([untimed, statement], options);
  return rows;
}

/** Records that several entities have proof of, which are few, with the entity of the latest. */
async function findSharedRecords({ database, names, object }: ProofAccess, options: CallOptions): Promise<ReadonlyMap<RecordId, EntityId>> {
  const every = everyProofSql(names, `IN (${markedLedgersSql(names, "$1")})`);
  const text = `WITH several AS MATERIALIZED (SELECT record FROM (${every}) every GROUP BY record HAVING min(entity) <> max(entity))
SELECT DISTINCT ON (record) record, entity FROM (${every}) every WHERE (record IN (SELECT record FROM several)) IS TRUE ORDER BY record, turn DESC`;
  const rows = await patientRows(database, { text, values: [object] }, options);
  return new Map(rows.map(([record, entity]) => [record ?? "", Number(entity)]));
}

interface LinkPage {
  /** In the order of entities. */
  readonly links: Rows;
  /** The page tells of every entity up to this one; null where there are no more. */
  readonly last: EntityId | null;
}

async function readPage({ database, names, object }: ProofAccess, after: EntityId, options: CallOptions): Promise<LinkPage> {
  const ledgers = `IN (${markedLedgersSql(names, "$1")})`;
  const bounds = `SELECT least(
(SELECT max(entity) FROM (SELECT a.entity FROM ${names.applied} a WHERE a.ledger ${ledgers} AND a.entity > $2::int8 ORDER BY a.entity LIMIT ${ROWS_PER_PAGE}) q HAVING count(*) = ${ROWS_PER_PAGE}),
(SELECT ${lastOfBlockSql("max(block)")} FROM (SELECT DISTINCT b.block FROM ${names.appliedBatch} b WHERE b.ledger ${ledgers} AND b.block >= $3::int8 ORDER BY b.block LIMIT ${BLOCKS_PER_PAGE}) q HAVING count(*) = ${BLOCKS_PER_PAGE}))`;
  const [bound] = await database.rows(bounds, [object, String(after), String(blockOf(after))], options);
  const last = bound?.[0] ?? null;
  const range = "BETWEEN $2::int8 + 1 AND $3::int8";
  const upTo = last ?? String(Number.MAX_SAFE_INTEGER);
  const links = await database.rows(
    `SELECT DISTINCT ON (entity) entity, record FROM (
SELECT a.entity, a.record, a.turn FROM ${names.applied} a WHERE a.ledger ${ledgers} AND a.entity ${range}
UNION ALL SELECT s.entity, s.record, s.turn FROM (${sharedProofsSql(names)} WHERE b.ledger ${ledgers} AND b.block BETWEEN $4::int8 AND $5::int8) s WHERE s.entity ${range}) every
ORDER BY entity, turn DESC`,
    [object, String(after), upTo, String(blockOf(after)), String(blockOf(Number(upTo)))],
    options,
  );
  return { links, last: last === null ? null : Number(last) };
}

function everyProofSql(names: InstalledNames, ledgers: string): string {
  return `SELECT a.entity, a.record, a.turn FROM ${names.applied} a WHERE a.ledger ${ledgers}
UNION ALL SELECT s.entity, s.record, s.turn FROM (${sharedProofsSql(names)} WHERE b.ledger ${ledgers}) s`;
}

/** Entities are numbered by store: rows of an earlier store must not answer for those of this one. Without a mark there is only one. */
function markedLedgersSql({ ledgers, mark }: InstalledNames, object: string): string {
  return `SELECT l.ledger FROM ${ledgers} l WHERE l.object = ${object} AND l.store = COALESCE((SELECT m.store FROM ${mark} m WHERE m.store IS NOT NULL LIMIT 1), l.store)`;
}
