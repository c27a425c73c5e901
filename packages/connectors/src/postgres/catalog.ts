import type { CallOptions } from "@accord/engine/connector";
import type { Database } from "./client.ts";
import type { Cell, Rows } from "./pipeline.ts";

/** What the catalogs say of one type, domains already followed to what they are made of. */
export interface TypeFacts {
  /** As the user reads it: `numeric(12,2)`, `email` for a domain. */
  readonly shown: string;
  /** Name and schema of the base type. */
  readonly name: string;
  readonly schema: string;
  /** `b` base, `c` composite, `e` enumeration, `m` multirange, `p` pseudo, `r` range. */
  readonly kind: string;
  /** The type modifier, of the column or of its domain; -1 for none. */
  readonly modifier: number;
  /** SQL of the base type without modifier, to cast a text to: assignment then applies the modifier with its checks, where a cast would cut. */
  readonly cast: string;
  /** SQL name of the output function: what COPY prints. */
  readonly output: string;
  readonly labels: readonly string[];
  /** The element type's name where the type is an array of base types of pg_catalog or of an enumeration; its labels are `labels`. */
  readonly element: string | null;
  readonly elementKind: string | null;
  readonly delimiter: string;
  /** The domain's name where the column's type is one. */
  readonly domain: string | null;
}

export interface ColumnFacts {
  readonly name: string;
  readonly type: TypeFacts;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  /** Whether the server alone fills it: a generated column, or an identity that is always generated. */
  readonly generated: "no" | "always" | "identityAlways";
  /** Whether its values are ordered by the bytes of their text: a collation such as C. */
  readonly bytewise: boolean;
  /** SQL that draws a new value as an insert without one would, so that the value is known beforehand: of a sequence, or a uuid. Null for other columns. */
  readonly drawnBy: string | null;
  readonly mayRead: boolean;
  readonly mayInsert: boolean;
  readonly mayUpdate: boolean;
  readonly comment: string | null;
}

/** One unique index, the key's included. `columns` is null where it is of expressions or partial: it is known to complain, not to identify. */
export interface UniqueFacts {
  readonly name: string;
  readonly columns: readonly string[] | null;
  readonly kind: "primary" | "replicaIdentity" | "unique";
}

export interface ForeignKeyFacts {
  readonly columns: readonly string[];
  readonly object: string;
  readonly objectColumns: readonly string[];
}

export interface TableFacts {
  readonly oid: string;
  readonly schema: string;
  readonly table: string;
  /** `r` table, `p` partitioned table, `v` view, `m` materialized view, `f` foreign table. */
  readonly kind: string;
  readonly columns: readonly ColumnFacts[];
  readonly uniques: readonly UniqueFacts[];
  readonly foreignKeys: readonly ForeignKeyFacts[];
  readonly comment: string | null;
  /** Whether what a statement returns may be out of date at its end: AFTER triggers of the user's, or foreign keys that cascade. */
  readonly changesAfterwards: boolean;
  /** Whether BEFORE INSERT triggers may give a row another key than the statement did. */
  readonly changesBeforeInsert: boolean;
  readonly rowSecurity: boolean;
  readonly mayDelete: boolean;
}

/** Reads the facts of one object (`schema.table`, or `table` for one in public), or of every object that the role may see. */
export async function readCatalog(
  database: Database,
  ownSchema: string,
  object: string | null,
  options: CallOptions,
): Promise<readonly TableFacts[]> {
  const values = [ownSchema, object];
  const [tables = [], columns = [], uniques = [], foreignKeys = []] = await database.run(
    [TABLES, COLUMNS, UNIQUES, FOREIGN_KEYS].map((query) => ({ text: `WITH chosen AS (${CHOSEN}) ${query}`, values })),
    options,
  );
  const columnsOf = groupByFirst(columns);
  const uniquesOf = groupByFirst(uniques);
  const foreignKeysOf = groupByFirst(foreignKeys);
  return tables.map(
    ([
      oid = null,
      schema = null,
      table = null,
      kind = null,
      comment = null,
      afterwards = null,
      before = null,
      security = null,
      mayDelete = null,
    ]) => ({
      oid: text(oid),
      schema: text(schema),
      table: text(table),
      kind: text(kind),
      columns: (columnsOf.get(text(oid)) ?? []).map(columnOf),
      uniques: (uniquesOf.get(text(oid)) ?? []).map(uniqueOf),
      foreignKeys: (foreignKeysOf.get(text(oid)) ?? []).map(foreignKeyOf),
      comment,
      changesAfterwards: afterwards === "t",
      changesBeforeInsert: before === "t",
      rowSecurity: security === "t",
      mayDelete: mayDelete === "t",
    }),
  );
}

/** Tables and views that are not the server's own, not ours and no partition of another. */
const CHOSEN = `
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', $1) AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'
    AND ($2::text IS NULL OR n.nspname || '.' || c.relname = $2 OR (n.nspname = 'public' AND c.relname = $2))
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND (pg_catalog.has_table_privilege(c.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT') OR $2::text IS NOT NULL)`;

/** Trigger types: 1 row, 2 before, 4 insert, 64 instead (pg_trigger.h). */
const TABLES = `
  SELECT c.oid, c.nspname, c.relname, c.relkind, pg_catalog.obj_description(c.oid, 'pg_class'),
    EXISTS (SELECT FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE (t.tgrelid = c.oid OR t.tgrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)))
          AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & 66 = 0 AND pn.nspname NOT LIKE 'accord\\_%')
      OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid = c.oid
        AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))),
    EXISTS (SELECT FROM pg_catalog.pg_trigger t
        WHERE (t.tgrelid = c.oid OR t.tgrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)))
          AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & 7 = 7),
    c.relrowsecurity AND pg_catalog.row_security_active(c.oid),
    pg_catalog.has_table_privilege(c.oid, 'DELETE')
  FROM chosen c ORDER BY c.nspname, c.relname`;

const COLUMNS = `
  SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), b.typname, bn.nspname, b.typtype, base.modifier,
    pg_catalog.format_type(b.oid, -1), b.typoutput::pg_catalog.regproc,
    (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid IN (b.oid, b.typelem)),
    CASE WHEN b.typcategory = 'A' THEN el.typname END, CASE WHEN b.typcategory = 'A' THEN el.typtype END, el.typdelim,
    CASE WHEN t.typtype = 'd' THEN t.typname END,
    NOT (a.attnotnull OR base.required), a.atthasdef OR a.attidentity <> '' OR base.hasdefault, a.attgenerated, a.attidentity,
    pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT'), pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT'),
    pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'UPDATE'), pg_catalog.col_description(a.attrelid, a.attnum),
    b.typname IN ('text', 'varchar') AND (co.collname IN ('C', 'POSIX', 'ucs_basic', 'pg_c_utf8') OR (co.collprovider = 'd' AND
      (db.datcollate IN ('C', 'POSIX') OR pg_catalog.to_jsonb(db) ->> 'datlocprovider' = 'b'))),
    CASE WHEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) = 'gen_random_uuid()' THEN 'pg_catalog.gen_random_uuid()'
      WHEN (a.attidentity <> '' OR pg_catalog.pg_get_expr(d.adbin, d.adrelid) = pg_catalog.format('nextval(%L::regclass)', own.sequence::pg_catalog.regclass))
        AND pg_catalog.has_sequence_privilege(own.sequence, 'USAGE') THEN pg_catalog.format('pg_catalog.nextval(%L)', own.sequence) END
  FROM chosen c CROSS JOIN (SELECT * FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) db JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  CROSS JOIN LATERAL (
    WITH RECURSIVE layer(oid, typtype, typbasetype, modifier, required, hasdefault) AS (
      SELECT t.oid, t.typtype, t.typbasetype, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, t.typnotnull, t.typdefault IS NOT NULL
      UNION ALL
      SELECT u.oid, u.typtype, u.typbasetype, CASE WHEN layer.modifier <> -1 THEN layer.modifier WHEN u.typtype = 'd' THEN u.typtypmod ELSE -1 END,
        layer.required OR u.typnotnull, layer.hasdefault OR u.typdefault IS NOT NULL
      FROM layer JOIN pg_catalog.pg_type u ON u.oid = layer.typbasetype WHERE layer.typtype = 'd')
    SELECT oid, modifier, required, hasdefault FROM layer WHERE typtype <> 'd') base
  JOIN pg_catalog.pg_type b ON b.oid = base.oid JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace
  LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
  LEFT JOIN pg_catalog.pg_type el ON el.oid = b.typelem AND b.typelem <> 0
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''
  LEFT JOIN LATERAL (SELECT pg_catalog.pg_get_serial_sequence(pg_catalog.format('%I.%I', c.nspname, c.relname), a.attname) AS sequence
    WHERE c.relkind IN ('r', 'p') AND (a.attidentity <> '' OR d.oid IS NOT NULL)) own ON true
  ORDER BY a.attrelid, a.attnum`;

const UNIQUES = `
  SELECT x.indrelid, i.relname,
    CASE WHEN x.indpred IS NULL AND x.indexprs IS NULL THEN (SELECT pg_catalog.json_agg(a.attname ORDER BY k.n)
      FROM pg_catalog.unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, n) JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
      WHERE k.n <= x.indnkeyatts) END,
    x.indisprimary, x.indisreplident AND x.indimmediate
  FROM chosen c JOIN pg_catalog.pg_index x ON x.indrelid = c.oid AND x.indisunique AND x.indisvalid
  JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  ORDER BY x.indrelid, x.indisprimary DESC, i.relname`;

const FOREIGN_KEYS = `
  SELECT k.conrelid,
    (SELECT pg_catalog.json_agg(a.attname ORDER BY u.n) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(attnum, n)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum),
    n.nspname || '.' || f.relname,
    (SELECT pg_catalog.json_agg(a.attname ORDER BY u.n) FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u(attnum, n)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum)
  FROM chosen c JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
  JOIN pg_catalog.pg_class f ON f.oid = k.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace
  ORDER BY k.conrelid, k.conname`;

function columnOf(row: readonly Cell[]): ColumnFacts {
  const at = (index: number): Cell => row[index] ?? null;
  return {
    name: text(at(1)),
    type: {
      shown: text(at(2)),
      name: text(at(3)),
      schema: text(at(4)),
      kind: text(at(5)),
      modifier: Number(at(6)),
      cast: text(at(7)),
      output: text(at(8)),
      labels: names(at(9)),
      element: at(10),
      elementKind: at(11),
      delimiter: at(12) ?? ",",
      domain: at(13),
    },
    nullable: at(14) === "t",
    hasDefault: at(15) === "t" && at(16) === "",
    generated: at(16) !== "" ? "always" : at(17) === "a" ? "identityAlways" : "no",
    mayRead: at(18) === "t",
    mayInsert: at(19) === "t",
    mayUpdate: at(20) === "t",
    comment: at(21),
    bytewise: at(22) === "t",
    drawnBy: at(23),
  };
}

function uniqueOf([, name = null, columns = null, primary = null, identity = null]: readonly Cell[]): UniqueFacts {
  return {
    name: text(name),
    columns: columns === null ? null : names(columns),
    kind: primary === "t" ? "primary" : identity === "t" ? "replicaIdentity" : "unique",
  };
}

function foreignKeyOf([, columns = null, object = null, objectColumns = null]: readonly Cell[]): ForeignKeyFacts {
  return { columns: names(columns), object: text(object), objectColumns: names(objectColumns) };
}

function groupByFirst(rows: Rows): ReadonlyMap<string, Rows> {
  const groups = new Map<string, (readonly Cell[])[]>();
  for (const row of rows) {
    const first = text(row[0] ?? null);
    const group = groups.get(first);
    if (group === undefined) groups.set(first, [row]);
    else group.push(row);
  }
  return groups;
}

function text(cell: Cell): string {
  return cell ?? "";
}

function names(cell: Cell): readonly string[] {
  const parsed: unknown = cell === null ? [] : JSON.parse(cell);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}
