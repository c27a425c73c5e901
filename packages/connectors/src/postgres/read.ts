import type { CallOptions, Reading } from "@accord/engine/connector";
import type { NativeImage, RecordId } from "@accord/core";
import { writeImage } from "@accord/core";
import type { Database } from "./client.ts";
import { quoteName } from "./names.ts";
import type { Cell, Statement } from "./pipeline.ts";
import { readPosition } from "./positions.ts";
import { arrayText, castSql, imageSql, keyCells } from "./table-sql.ts";
import type { Table } from "./table-sql.ts";

/**
 * Reads records by id in one round trip. The position is the snapshot of the very transaction that reads [S57], which is why it is one of repeatable reads:
 * all its statements see the same.
 */
export async function readRecords(database: Database, table: Table, ids: readonly RecordId[], options: CallOptions): Promise<Reading> {
  const [, snapshot = [], rows = []] = await database.run(
    [{ text: BEGIN, values: [], prepare: true }, { text: SNAPSHOT, values: [], prepare: true }, readStatement(table, ids), { text: "COMMIT", values: [], prepare: true }],
    options,
  );
  const images: (NativeImage | null)[] = ids.map(() => null);
  for (const [place = null, ...cells] of rows) images[Number(place) - 1] = writeImage(cells);
  return { images, position: readPosition(snapshot[0]?.[0] ?? "") };
}

const BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const SNAPSHOT = "SELECT pg_current_snapshot()";

/** Rows of (place of the id from 1, cells of the image) for the ids that exist. */
export function readStatement(table: Table, ids: readonly RecordId[]): Statement {
  const inputs = table.key.map((_, index) => `$${index + 1}::text[]`).join(", ");
  const names = table.key.map((_, index) => `k${index}`).join(", ");
  const join = keyJoinSql(table, "i.", "t.");
  return {
    text: `SELECT i.n, ${imageSql(table, "t.")} FROM unnest(${inputs}) WITH ORDINALITY AS i(${names}, n) JOIN ${table.only} t ON ${join}`,
    values: keyColumns(table, ids).map(arrayText),
    prepare: true,
  };
}

/** `t."id" = i.k0::integer AND …`: by the native type, so that the key's index serves. */
export function keyJoinSql(table: Table, input: string, record: string): string {
  return table.key.map((column, index) => `${record}${quoteName(column.name)} = ${castSql(`${input}k${index}`, column)}`).join(" AND ");
}

/** Ids taken apart into one list per key column. */
export function keyColumns(table: Table, ids: readonly RecordId[]): readonly (readonly Cell[])[] {
  if (table.key.length === 1) return [ids];
  const rows = ids.map((id) => keyCells(table, id));
  return table.key.map((_, index) => rows.map((row) => row[index] ?? null));
}
