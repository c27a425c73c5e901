import type { CallOptions } from "@accord/engine/connector";
import type { EntityId, IntentId, RecordId } from "@accord/core";
import type { Database } from "./client.ts";
import type { InstalledNames } from "./names.ts";
import { arrayText } from "./table-sql.ts";

/** Where the proof rows of one object are. */
export interface ProofAccess {
  readonly database: Database;
  readonly names: InstalledNames;
  readonly object: string;
}

/** Pairs per page of {@link listLinks}. */
const LINKS_PER_PAGE = 10_000;

/** The intents of these that landed, with the record each touched. [S31] An intent whose entity was written again since is no longer told. */
export async function findProofs(
  { database, names, object }: ProofAccess,
  intents: readonly IntentId[],
  options: CallOptions,
): Promise<ReadonlyMap<IntentId, RecordId>> {
  const text = `SELECT a.intent, a.record FROM ${names.applied} a WHERE a.intent = ANY ($1::text[]) AND a.object = $2`;
  const rows = await database.rows(text, [arrayText(intents), object], options);
  return new Map(rows.map(([intent, record]) => [intent ?? "", record ?? ""]));
}

/** The live or former record of each entity, by the proof rows of the store that last marked this database. [S35, S58] */
export async function findByEntity(
  { database, names, object }: ProofAccess,
  entities: readonly EntityId[],
  options: CallOptions,
): Promise<ReadonlyMap<EntityId, RecordId>> {
  const text = `SELECT a.entity, a.record FROM ${names.applied} a WHERE ${ofMarkedStore(names)} AND a.object = $1 AND a.entity = ANY ($2::int8[]) ORDER BY a.at`;
  const rows = await database.rows(text, [object, arrayText(entities.map(String))], options);
  return new Map(rows.map(([entity, record]) => [Number(entity), record ?? ""]));
}

/** Every pair that the proof rows know, in the order of entities. [S58] */
export async function* listLinks(
  { database, names, object }: ProofAccess,
  after: EntityId | null,
  options: CallOptions,
): AsyncIterable<readonly (readonly [EntityId, RecordId])[]> {
  const text = `SELECT a.entity, a.record FROM ${names.applied} a WHERE ${ofMarkedStore(names)} AND a.object = $1 AND a.entity > $2 ORDER BY a.entity LIMIT ${LINKS_PER_PAGE}`;
  for (let last = after ?? 0; ;) {
    const rows = await database.rows(text, [object, String(last)], options);
    const pairs = rows.map(([entity, record]) => [Number(entity), record ?? ""] as const);
    if (pairs.length > 0) yield pairs;
    if (pairs.length < LINKS_PER_PAGE) return;
    last = pairs.at(-1)?.[0] ?? last;
  }
}

/** Entities are numbered by store: rows of an earlier store must not answer for those of this one. Without a mark there is only one. */
function ofMarkedStore(names: InstalledNames): string {
  return `a.store = COALESCE((SELECT store FROM ${names.mark} WHERE store IS NOT NULL LIMIT 1), a.store)`;
}
