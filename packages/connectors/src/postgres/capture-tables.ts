import type { CallOptions } from "@accord/engine/connector";
import type { Database } from "./client.ts";

/** What decides how the changes of a table can be captured. */
export interface CaptureTable {
  readonly oid: string;
  readonly schema: string;
  readonly table: string;
  readonly partitioned: boolean;
  /** Whether the role of this connection owns it or belongs to its owner. */
  readonly owned: boolean;
  readonly mayTrigger: boolean;
  readonly key: readonly KeyColumn[];
  readonly generated: readonly string[];
  /** Why the log would not tell records of this table apart, or would make the server refuse changes of it; null where all is well. */
  readonly identityProblem: string | null;
}

export interface KeyColumn {
  readonly name: string;
  /** Base type in pg_catalog, or null for any other. */
  readonly type: string | null;
}

/**
 * Reads what capture needs to know of tables named `schema.table`, or `table` for those in public. One result per name, null where there is no such table.
 * The key is the primary key, else the index that is the replica identity, as in discovery.
 */
export async function readCaptureTables(
  database: Database,
  objects: readonly string[],
  options: CallOptions,
): Promise<readonly (CaptureTable | null)[]> {
  const rows = await database.rows(TABLES, [JSON.stringify(objects)], options);
  return objects.map((_, index) => {
    const row = rows.find(([number]) => Number(number) === index + 1);
    if (row === undefined) return null;
    const [, oid, schema, table, kind, identity, owned, mayTrigger, key, keyIsIdentity, generated] = row;
    const columns = keyColumns(key ?? null);
    return {
      oid: oid ?? "",
      schema: schema ?? "",
      table: table ?? "",
      partitioned: kind === "p",
      owned: owned === "t",
      mayTrigger: mayTrigger === "t",
      key: columns,
      generated: JSON.parse(generated ?? "[]") as string[], // the server's own JSON of names
      identityProblem: identityProblem(columns.length > 0, identity ?? "", keyIsIdentity === "t"),
    };
  });
}

function keyColumns(json: string | null): readonly KeyColumn[] {
  // The server's own JSON of the shape built below.
  const pairs = json === null ? [] : (JSON.parse(json) as [string, string | null][]);
  return pairs.map(([name, type]) => ({ name, type }));
}

function identityProblem(hasKey: boolean, identity: string, keyIsIdentity: boolean): string | null {
  if (!hasKey) return "it has no primary key, so PostgreSQL would refuse updates of it once it is published: add a primary key";
  if (identity === "f" || keyIsIdentity) return null;
  return "its replica identity is not its primary key, so deletes would not say which record they hit: ALTER TABLE … REPLICA IDENTITY DEFAULT";
}

const TABLES = `
  SELECT o.n, c.oid, n.nspname, c.relname, c.relkind, c.relreplident, pg_has_role(c.relowner, 'USAGE'), has_table_privilege(c.oid, 'TRIGGER'),
    (SELECT json_agg(json_build_array(a.attname, CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname END) ORDER BY u.n)
      FROM unnest(k.indkey::int2[]) WITH ORDINALITY AS u(attnum, n)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum JOIN pg_type t ON t.oid = a.atttypid WHERE u.n <= k.indnkeyatts),
    (c.relreplident = 'd' AND k.indisprimary) OR (c.relreplident = 'i' AND k.indisreplident),
    (SELECT json_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated <> '' AND NOT a.attisdropped)
  FROM json_array_elements_text($1::json) WITH ORDINALITY AS o(name, n)
  JOIN pg_namespace n ON true
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND (n.nspname || '.' || c.relname = o.name OR (n.nspname = 'public' AND c.relname = o.name))
  LEFT JOIN LATERAL (
    SELECT x.* FROM pg_index x
    WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL AND (x.indisprimary OR x.indisreplident)
    ORDER BY x.indisprimary DESC LIMIT 1) k ON true
  ORDER BY o.n`;
