import type { Statement } from "./pipeline.ts";
import type { CaptureTable, KeyColumn } from "./capture-tables.ts";
import { SPELLING_SETTINGS } from "./client.ts";
import { quoteName, quoteText } from "./names.ts";
import type { InstalledNames } from "./names.ts";

/** The kinds of rows in the trigger log, one letter each. */
export const TOUCH_KINDS = { touched: "c", renamed: "m", emptied: "t" } as const;

/** The triggers of one table, by name. */
export function triggerNames(names: InstalledNames, table: CaptureTable): readonly string[] {
  return triggersOf(names, table).map(({ name }) => name);
}

/**
 * What makes the triggers of one table; triggers that exist already are left out.
 *
 * One trigger per statement, not per row: a bulk write costs one more set-based insert. A change of the key needs the old and the new row together, so it has a
 * trigger per row, whose WHEN keeps it from being queued for other updates. A partitioned table has triggers per row, because those alone are passed on to its
 * partitions, where rows may be written directly; there a changed key that moves a row to another partition shows as two touches, not as a rename.
 * The functions belong to the installer (SECURITY DEFINER), so that the application's roles need no right on our tables; every name in them is qualified.
 */
export function triggerSql(names: InstalledNames, table: CaptureTable, existing: readonly string[]): readonly Statement[] {
  const onTable = `${quoteName(table.schema)}.${quoteName(table.table)}`;
  const missing = triggersOf(names, table).filter(({ name }) => !existing.includes(name));
  const texts = [...functionsOf(names, table)];
  for (const { name, definition } of missing) {
    texts.push(`CREATE TRIGGER ${name} ${definition.replace("ON TABLE", `ON ${onTable}`)}`);
    // So that changes that replication or a restore applies are seen as well. Only the owner may say so.
    if (table.owned) texts.push(`ALTER TABLE ${onTable} ENABLE ALWAYS TRIGGER ${name}`);
  }
  return texts.map((text) => ({ text, values: [] }));
}

/** The two numbers of the advisory lock by which a waiting feed asks to be notified. */
export function wakeLock(names: InstalledNames): readonly [number, number] {
  let hash = 0;
  for (const character of names.schema) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return [0x4143_4344, hash]; // "ACCD"
}

interface Trigger {
  readonly name: string;
  readonly definition: string;
}

function triggersOf(names: InstalledNames, table: CaptureTable): readonly Trigger[] {
  const call = (kind: string): string => `EXECUTE FUNCTION ${functionName(names, table, kind)}()`;
  const name = (kind: string): string => `${names.schema}_${kind}`;
  const emptied: Trigger = { name: name("emptied"), definition: `AFTER TRUNCATE ON TABLE FOR EACH STATEMENT ${call("emptied")}` };
  if (table.partitioned) {
    return [{ name: name("row"), definition: `AFTER INSERT OR UPDATE OR DELETE ON TABLE FOR EACH ROW ${call("row")}` }, emptied];
  }
  const changedKey = table.key.map(differsSql).join(" OR ");
  return [
    { name: name("insert"), definition: `AFTER INSERT ON TABLE REFERENCING NEW TABLE AS changed FOR EACH STATEMENT ${call("changed")}` },
    { name: name("update"), definition: `AFTER UPDATE ON TABLE REFERENCING NEW TABLE AS changed FOR EACH STATEMENT ${call("changed")}` },
    { name: name("delete"), definition: `AFTER DELETE ON TABLE REFERENCING OLD TABLE AS changed FOR EACH STATEMENT ${call("changed")}` },
    { name: name("renamed"), definition: `AFTER UPDATE ON TABLE FOR EACH ROW WHEN (${changedKey}) ${call("renamed")}` },
    emptied,
  ];
}

function functionsOf(names: InstalledNames, table: CaptureTable): readonly string[] {
  const insert = (kind: string, record: string, former: string): string =>
    `INSERT INTO ${names.touched} (object, op, records, former) SELECT ${table.oid}, '${kind}', ARRAY[${record}], ${former}`;
  const [newKey, oldKey] = [recordSql("NEW", table.key), recordSql("OLD", table.key)];
  const { touched, renamed, emptied } = TOUCH_KINDS;
  const spelled = table.key.every(({ type }) => type !== null && PLAIN_TYPES.has(type)) ? "" : spellingSql();
  const make = (kind: string, body: string): string => functionSql(names, table, kind, body, spelled);
  if (table.partitioned) {
    const row = `
  IF TG_OP = 'DELETE' THEN ${insert(touched, oldKey, "NULL")};
  ELSE
    IF TG_OP = 'UPDATE' THEN ${insert(renamed, newKey, oldKey)} WHERE ${oldKey} IS DISTINCT FROM ${newKey}; END IF;
    ${insert(touched, newKey, "NULL")};
  END IF;`;
    // The comparisons in it are operators, so it must not look for them where its caller says.
    return [functionSql(names, table, "row", row, spellingSql()), make("emptied", `\n  ${insert(emptied, "''", "NULL")};`)];
  }
  // Fifty ids to a row: a row for each would cost as much as the write itself. In one row they stay below the size at which values are compressed.
  const changed = `
  INSERT INTO ${names.touched} (object, op, records) SELECT ${table.oid}, '${touched}', pg_catalog.array_agg(part.record)
  FROM (SELECT ${recordSql("changed", table.key)} AS record, pg_catalog.row_number() OVER () OPERATOR(pg_catalog./) 50 AS number FROM changed) part
  GROUP BY part.number;`;
  return [
    make("changed", changed),
    make("renamed", `\n  ${insert(renamed, newKey, oldKey)};`),
    make("emptied", `\n  ${insert(emptied, "''", "NULL")};`),
  ];
}

function functionSql(names: InstalledNames, table: CaptureTable, kind: string, body: string, spelled: string): string {
  const [space, key] = wakeLock(names);
  return `CREATE OR REPLACE FUNCTION ${functionName(names, table, kind)}() RETURNS pg_catalog.trigger LANGUAGE plpgsql SECURITY DEFINER${spelled} AS $accord$
BEGIN${body}
  IF NOT pg_catalog.pg_try_advisory_xact_lock_shared(${space}, ${key}) THEN PERFORM pg_catalog.pg_notify(${quoteText(names.channel)}, ''); END IF;
  RETURN NULL;
END $accord$`;
}

function functionName(names: InstalledNames, table: CaptureTable, kind: string): string {
  return `${names.schema}.${kind}_${table.oid}`;
}

/** Settings that decide how the key's cells are spelled, as in every session of ours. They cost a little per statement, so only keys that need them have them. */
function spellingSql(): string {
  return Object.entries(SPELLING_SETTINGS)
    .map(([name, value]) => ` SET ${name} = ${name === "search_path" ? value : quoteText(value)}`)
    .join("");
}

/** Types whose cast to text is what their output function says under any settings, and the texts among them. */
const PLAIN_TYPES = new Set(["int2", "int4", "int8", "uuid", "text", "varchar"]);
const UNESCAPED_TYPES = new Set(["int2", "int4", "int8", "uuid"]);

/** SQL of the text of a key cell, as COPY and the log print it (`bool::text` would be "true", and a cast cuts the padding of `char(n)`). */
function cellSql(row: string, { name, type }: KeyColumn): string {
  const column = `${row}.${quoteName(name)}`;
  return type !== null && PLAIN_TYPES.has(type)
    ? `${column}::pg_catalog.text COLLATE pg_catalog."C"`
    : `pg_catalog.format('%s', ${column}) COLLATE pg_catalog."C"`;
}

/** SQL that tells whether an update changed a key cell; of numbers without making texts, because it runs for every row. */
function differsSql(column: KeyColumn): string {
  const name = quoteName(column.name);
  if (column.type !== null && UNESCAPED_TYPES.has(column.type)) return `OLD.${name} IS DISTINCT FROM NEW.${name}`;
  return `${cellSql("OLD", column)} IS DISTINCT FROM ${cellSql("NEW", column)}`;
}

/** SQL of the record id: the key's cell, or for a composite key the cells as an image. */
function recordSql(row: string, key: readonly KeyColumn[]): string {
  const only = key[0];
  if (key.length === 1 && only !== undefined) return cellSql(row, only);
  return key
    .map((column) => (column.type !== null && UNESCAPED_TYPES.has(column.type) ? cellSql(row, column) : escapedSql(cellSql(row, column))))
    .join(` OPERATOR(pg_catalog.||) E'\\t' OPERATOR(pg_catalog.||) `);
}

/** COPY's escapes, the backslash first. */
function escapedSql(cell: string): string {
  return ["\\\\", "\\b", "\\f", "\\n", "\\r", "\\t", "\\v"].reduce((sql, escape) => {
    const from = escape === "\\v" ? "\\x0b" : escape;
    return `pg_catalog.replace(${sql}, E'${from}', E'\\\\${escape === "\\\\" ? "\\\\" : escape.slice(1)}')`;
  }, cell);
}
