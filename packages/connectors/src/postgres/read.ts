import { AccordError } from "@accord/engine/connector";
import type { CallOptions, Reading } from "@accord/engine/connector";
import type { NativeImage, RecordId } from "@accord/core";
import { builtinTypes, writeImage } from "@accord/core";
import type { Database } from "./client.ts";
import { serverFailure } from "./errors.ts";
import { quoteName } from "./names.ts";
import { textArray } from "./parameters.ts";
import type { Cell, Rows, Statement } from "./pipeline.ts";
import { readPosition } from "./positions.ts";
import { castSql, cellSql, imageSql, keyCells, recordSql } from "./table-sql.ts";
import type { Table } from "./table-sql.ts";

/**
 * Reads records by id in one round trip. The position is the snapshot of the very transaction that reads [S57], which is why it is one of repeatable reads:
 * all its statements see the same. An id that no key can be is absent, like one that no record has. [S11]
 */
export async function readRecords(database: Database, table: Table, ids: readonly RecordId[], options: CallOptions): Promise<Reading> {
  const places = ids.flatMap((id, place) => (isPossibleId(table, id) ? [place] : []));
  const possible = places.length === ids.length ? ids : places.map((place) => ids[place] ?? "");
  const [, snapshot = [], rows = []] = await readWith(database, readStatement(table, possible), options).catch((error: unknown) => {
    // A text that the key's type refuses to read, where we cannot tell beforehand: compare the texts of all keys instead.
    if (error instanceof AccordError && serverFailure(error.cause)?.code.startsWith("22") === true)
      return readWith(database, slowReadStatement(table, possible), options);
    throw error;
  });
  const images: (NativeImage | null)[] = ids.map(() => null);
  for (const [place = null, ...cells] of rows) images[places[Number(place) - 1] ?? -1] = writeImage(cells);
  return { images, position: readPosition(snapshot[0]?.[0] ?? "") };
}

/** Whether the key's types, as far as Accord knows them, have these values: what they lack no record has. */
export function isPossibleId(table: Table, id: RecordId): boolean {
  return keyCells(table, id).every((cell, index) => {
    const codec = table.keyCodecs[index];
    if (codec === undefined || cell === null) return false;
    const decoded = codec.decode(cell);
    if (decoded.kind === "invalid") return false;
    const parsed = builtinTypes.get(codec.typeName)?.parse(decoded.text) ?? decoded;
    return parsed.kind === "value" && codec.encode(parsed.text).kind === "value";
  });
}

function readWith(database: Database, statement: Statement, options: CallOptions): Promise<readonly Rows[]> {
  return database.run([BEGIN_READ, SNAPSHOT, statement, COMMIT], options);
}

const BEGIN_READ: Statement = { text: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", values: [], prepare: true };
const SNAPSHOT: Statement = { text: "SELECT pg_current_snapshot()", values: [], prepare: true };
const COMMIT: Statement = { text: "COMMIT", values: [], prepare: true };

/**
 * Rows of (place of the id from 1, cells of the image) for the ids that exist. The key's index finds them by value, and then the id must be the same text:
 * "007" is nobody's id, though it is the integer 7.
 */
export function readStatement(table: Table, ids: readonly RecordId[]): Statement {
  const inputs = table.key.map((_, index) => `$${index + 1}::text[]`).join(", ");
  const names = table.key.map((_, index) => `k${index}`).join(", ");
  const join = keyJoinSql(table, "i.", "t.");
  const sameText = table.key.map((column, index) => `${cellSql(column, "t.")} COLLATE "C" = i.k${index}`).join(" AND ");
  return {
    text: `SELECT i.n, ${imageSql(table, "t.")} FROM unnest(${inputs}) WITH ORDINALITY AS i(${names}, n) JOIN ${table.only} t ON ${join} WHERE ${sameText}`,
    values: keyColumns(table, ids).map(textArray),
    prepare: true,
  };
}

function slowReadStatement(table: Table, ids: readonly RecordId[]): Statement {
  const text = `SELECT i.n, ${imageSql(table, "t.")} FROM unnest($1::text[]) WITH ORDINALITY AS i(id, n) JOIN ${table.only} t ON (${recordSql(table, "t.")}) COLLATE "C" = i.id`;
  return { text, values: [textArray(ids)] };
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
