import { patchesOf } from "@accord/engine/connector";
import type { CallOptions, WriteOperation } from "@accord/engine/connector";
import type { RecordId } from "@accord/core";
import type { Database } from "./client.ts";
import { quoteName } from "./names.ts";
import type { Cell } from "./pipeline.ts";
import { keyCells } from "./table-sql.ts";
import { castSql, recordSql } from "./table-sql.ts";
import type { Table } from "./table-sql.ts";

/**
 * The record that holds what `operation` wanted under a unique rule [S37]; null where it cannot be told: a rule of expressions, a value that a default or
 * trigger made, or a holder that went away meanwhile. Columns that an update leaves alone are taken from its own record.
 */
export async function findHolder(
  database: Database,
  table: Table,
  columns: readonly string[],
  operation: WriteOperation,
  options: CallOptions,
): Promise<RecordId | null> {
  if (columns.length === 0 || operation.kind === "delete") return null;
  const set = patchesOf(operation.set);
  const values: Cell[] = [];
  const conditions: string[] = [];
  const own = operation.kind === "update" ? keyCells(table, operation.record) : null;
  const parameter = (value: Cell): string => `$${values.push(value)}::text`;
  const ownKey =
    own === null
      ? null
      : (of: string): string =>
          table.key
            .map((column, index) => `${of}${quoteName(column.name)} = ${castSql(parameter(own[index] ?? null), column)}`)
            .join(" AND ");
  for (const name of columns) {
    const column = table.facts.columns.find((candidate) => candidate.name === name);
    const index = table.columns.findIndex((candidate) => candidate.name === name);
    const patch = set.find((candidate) => candidate.column === index);
    if (column === undefined) return null;
    if (patch !== undefined && index >= 0) conditions.push(`t.${quoteName(name)} = ${castSql(parameter(patch.cell ?? null), column)}`);
    else if (ownKey === null) return null;
    else conditions.push(`t.${quoteName(name)} = (SELECT o.${quoteName(name)} FROM ${table.only} o WHERE ${ownKey("o.")})`);
  }
  if (ownKey !== null) conditions.push(`NOT (${ownKey("t.")})`);
  try {
    const rows = await database.rows(
      `SELECT ${recordSql(table, "t.")} FROM ${table.only} t WHERE ${conditions.join(" AND ")} LIMIT 1`,
      values,
      options,
    );
    return rows[0]?.[0] ?? null;
  } catch {
    // The outcome is known without it.
    return null;
  }
}
