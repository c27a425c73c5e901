import type { StoreMark } from "@accord/engine/connector";
import type { EntityId, NativeCell, NativeImage, RecordId } from "@accord/core";
import { readImage, writeImage } from "@accord/core";
import type { ColumnFacts } from "./catalog.ts";
import { SHARED_PROOF_MIN } from "./limits.ts";
import { quoteName } from "./names.ts";
import type { InstalledNames } from "./names.ts";
import { int8Array, textArray } from "./parameters.ts";
import type { Cell, Parameter, Statement } from "./pipeline.ts";
import { blocksOf, heldSql, ownProofsSql, sharedProofSql, turnSql } from "./proof-sql.ts";
import type { ProofTarget } from "./proof-sql.ts";
import { keyColumns, keyJoinSql } from "./read.ts";
import { castSql, cellSql, keyCells, recordOf, recordSql, sameCellSql } from "./table-sql.ts";
import type { Table } from "./table-sql.ts";
import { cellOf } from "./write-group.ts";
import type { WriteGroup } from "./write-group.ts";

export interface StatementOptions {
  /** Null where there are no proof tables. */
  readonly proof: ProofTarget | null;
  /** For creates: the records, known to be gone, that earlier creates of the same entities made. */
  readonly gone: ReadonlyMap<EntityId, RecordId>;
  readonly serverVersion: number;
}

/** MERGE … RETURNING tells which row came of which operation; INSERT … RETURNING promises no order. Since PostgreSQL 17. */
const MERGE_RETURNING = 170_000;

/** Types whose cell is stored exactly as it was written, so that a row is recognised by the key that was given. */
const FAITHFUL_KEY_TYPES = new Set(["int2", "int4", "int8", "uuid", "text", "varchar", "date", "timestamp", "timestamptz"]);

/**
 * The statement of one group. Its rows are four cells: place in the group from 1, state, record id, and the image as a row text (`imageOfRow`).
 *
 * States of updates and deletes: `a` applied (deletes without image), `c` changed. An operation without a row met no record.
 * States of creates: `r` one row, whose record is the array of all records in the order of the operations, or null where nothing was created because of `h`;
 * `a` the image of a record that differs from {@link expectedImages}; `h` an entity, in the place's stead, that is held by an earlier create.
 */
export function groupStatement(table: Table, group: WriteGroup, options: StatementOptions): Statement {
  switch (group.kind) {
    case "create":
      return createStatement(table, group, options);
    case "update":
      return changeStatement(table, group, options, updateSql(table, group));
    case "delete":
      return changeStatement(table, group, options, `DELETE FROM ${table.only} t USING`);
  }
}

/** Serialises creates of one object by one installation, so that no entity is created twice by two sessions at once. [S35] Freed by the commit. */
export function createLock(table: Table, { applied }: InstalledNames): Statement {
  return { text: "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", values: [`${applied} ${table.name}`], prepare: true };
}

/** Whether a create of these columns must stand alone, because no one could tell its row from another's. */
export function standsAlone(table: Table, serverVersion: number): (set: readonly number[]) => boolean {
  return (set) => serverVersion < MERGE_RETURNING && !keyTells(table, set) && drawnKey(table, set) === null;
}

/** Where proof of `store` about the table's records goes. */
export function proofTarget(table: Table, names: InstalledNames | null, mark: StoreMark): ProofTarget | null {
  return names === null ? null : { names, mark, object: table.name };
}

/** The images of created records, in the order of the operations, as the statement compares them: what was set, the key, and nulls. */
export function expectedImages(table: Table, group: WriteGroup, records: readonly RecordId[]): NativeImage[] {
  const keys = table.columns.flatMap((column, index) => {
    const key = keyPlace(table, column);
    return key < 0 ? [] : [{ index, key }];
  });
  const isAsSet = keys.length === 0 && group.set.length === table.columns.length;
  return group.operations.map((operation, place) => {
    const set = operation.kind === "create" ? operation.set : "";
    if (isAsSet) return set;
    const known = readImage(set);
    const cells = table.columns.map((_, index) => known[index] ?? null);
    for (const { index, key } of keys) cells[index] = keyCells(table, records[place] ?? "")[key] ?? null;
    return writeImage(cells);
  });
}

/** Parameters, numbered as they are added. */
class Inputs {
  readonly values: Parameter[] = [];
  readonly #arrays: string[] = [];
  readonly #names: string[] = [];

  readonly add = (value: Parameter): string => {
    this.values.push(value);
    return `$${this.values.length}`;
  };

  texts(name: string, cells: readonly Cell[]): void {
    this.#arrays.push(`${this.add(textArray(cells))}::text[]`);
    this.#names.push(name);
  }

  /** Returns the parameter itself. */
  integers(name: string, numbers: readonly number[]): string {
    const array = `${this.add(int8Array(numbers))}::int8[]`;
    this.#arrays.push(array);
    this.#names.push(name);
    return array;
  }

  /** One row per operation, with `n` from 1, of all columns or of those alone that are asked for: every column more costs the server a pass. */
  sql(isWanted: (name: string) => boolean = () => true): string {
    const places = this.#names.flatMap((name, place) => (isWanted(name) ? [place] : []));
    const arrays = places.map((place) => this.#arrays[place]).join(", ");
    return `unnest(${arrays}) WITH ORDINALITY AS i(${places.map((place) => this.#names[place]).join(", ")}, n)`;
  }
}

/** Of every kind: entities, intents, and the cells to set and to expect. */
function startInputs(group: WriteGroup): {
  readonly inputs: Inputs;
  readonly entities: { readonly sql: string; readonly ids: EntityId[] };
} {
  const inputs = new Inputs();
  const ids = group.operations.map(({ entity }) => entity);
  const sql = inputs.integers("entity", ids);
  inputs.texts(
    "intent",
    group.operations.map(({ intent }) => intent),
  );
  cellsToSet(group).forEach((cells, index) => inputs.texts(`s${index}`, cells));
  group.expect.forEach((column, index) => {
    inputs.texts(
      `e${index}`,
      group.operations.map((operation) => (operation.kind === "create" ? null : cellOf(operation.expect, column, index))),
    );
  });
  return { inputs, entities: { sql, ids } };
}

/** By place in `group.set`: the cell of each operation. */
function cellsToSet({ set, operations }: WriteGroup): readonly (readonly Cell[])[] {
  const columns = set.map((): Cell[] => []);
  for (const operation of operations) {
    const image = operation.kind === "create" ? readImage(operation.set) : null;
    for (let index = 0; index < set.length; index += 1) {
      const column = set[index] ?? -1;
      const cell = image === null ? (operation.kind === "update" ? cellOf(operation.set, column, index) : null) : image[column];
      columns[index]?.push(cell ?? null);
    }
  }
  return columns;
}

function columnAt(table: Table, index: number): ColumnFacts {
  const column = table.columns[index];
  if (column === undefined) throw new RangeError(`${table.name} was opened without a column ${index}`);
  return column;
}

function updateSql(table: Table, group: WriteGroup): string {
  const changes = group.set.map(
    (index, input) => `${quoteName(columnAt(table, index).name)} = ${castSql(`i.s${input}`, columnAt(table, index))}`,
  );
  // An update that sets nothing still takes part in compare-and-set, and leaves proof.
  const [key] = table.key;
  if (changes.length === 0 && key !== undefined) changes.push(`${quoteName(key.name)} = t.${quoteName(key.name)}`);
  return `UPDATE ${table.only} t SET ${changes.join(", ")} FROM`;
}

/** An update or delete under compare-and-set. [S26] What did not happen is told apart: the record is there (changed) or not (missing). */
function changeStatement(table: Table, group: WriteGroup, { proof }: StatementOptions, verb: string): Statement {
  const { inputs } = startInputs(group);
  const records = group.operations.map((operation) => (operation.kind === "create" ? "" : operation.record));
  keyColumns(table, records).forEach((cells, index) => inputs.texts(`k${index}`, cells));
  const key = keyJoinSql(table, "i.", "t.");
  const expected = group.expect.map((index, input) => ` AND ${sameCellSql(columnAt(table, index), "t.", `i.e${input}`)}`).join("");
  const image = group.kind === "update" ? rowSql(table) : "NULL";
  const turn = proof === null ? "" : `${turnSql(proof, inputs.add)},\n`;
  const text = `WITH ${turn}w AS (${verb} ${inputs.sql()} WHERE ${key}${expected}
RETURNING i.n, i.entity, i.intent, ${recordSql(table, "t.")} AS record, ${image} AS image)${proof === null ? "" : `,\n${ownProofsSql(proof)}`}
SELECT n, 'a', record, image FROM w
UNION ALL SELECT i.n, 'c', NULL, NULL FROM ${inputs.sql((name) => name.startsWith("k"))}
WHERE i.n NOT IN (SELECT n FROM w) AND EXISTS (SELECT FROM ${table.only} t WHERE ${key})`;
  return { text, values: inputs.values, prepare: true };
}

/**
 * Creates. [S35] Where an entity of these was created before, nothing is created, unless the record is known to be gone. Which row came of which operation is
 * told by MERGE, before PostgreSQL 17 by the key that was given or that is drawn beforehand, and otherwise by creating one row a statement. Images are compared
 * where they are, and only those come back that are not as foreseen: what triggers, defaults and generated columns made, or another spelling.
 */
function createStatement(table: Table, group: WriteGroup, { proof, gone, serverVersion }: StatementOptions): Statement {
  const { inputs, entities } = startInputs(group);
  const isMerge = serverVersion >= MERGE_RETURNING;
  const byKey = !isMerge && keyTells(table, group.set);
  if (byKey)
    inputs.texts(
      "record",
      group.operations.map((operation) => (operation.kind === "create" ? givenKey(table, readImage(operation.set)) : null)),
    );
  const drawn = isMerge || byKey ? null : drawnKey(table, group.set);
  const source = `SELECT *${drawn === null ? "" : `, ${drawn.drawnBy} AS drawn`} FROM ${inputs.sql()}`;
  const parts: string[] = [];
  if (proof !== null) {
    const known = group.operations.flatMap(({ entity }) => {
      const record = gone.get(entity);
      return record === undefined ? [] : [[entity, record] as const];
    });
    parts.push(turnSql(proof, inputs.add), heldSql(proof, entities, known, inputs.add));
  }
  parts.push(`f AS MATERIALIZED (${source}${proof === null ? "" : " WHERE NOT EXISTS (SELECT FROM h)"})`);
  parts.push(
    isMerge ? mergeSql(table, group) : insertSql(table, group, byKey ? "f.record" : drawn === null ? null : "f.drawn::text", drawn),
  );
  if (proof !== null) parts.push(sharesProof(entities.ids) ? sharedProofSql(proof) : ownProofsSql(proof));
  const text = `WITH ${parts.join(",\n")}
SELECT 0, 'r', array_agg(record ORDER BY n)::text, NULL FROM w
UNION ALL SELECT n, 'a', record, image FROM w WHERE image IS NOT NULL${
    proof === null ? "" : "\nUNION ALL SELECT entity, 'h', record, NULL FROM h"
  }`;
  return { text, values: inputs.values, prepare: true };
}

/** Whether one proof row does for many: their entities lie close together, and none comes twice. */
function sharesProof(entities: readonly EntityId[]): boolean {
  return entities.length >= SHARED_PROOF_MIN * blocksOf(entities).length && areDistinct(entities);
}

function areDistinct(entities: readonly EntityId[]): boolean {
  const isAscending = entities.every((entity, index) => index === 0 || entity > (entities[index - 1] ?? entity));
  return isAscending || new Set(entities).size === entities.length;
}

function valuesSql(table: Table, group: WriteGroup): { readonly names: string; readonly values: string } {
  return {
    names: group.set.map((index) => quoteName(columnAt(table, index).name)).join(", "),
    values: group.set.map((index, input) => castSql(`f.s${input}`, columnAt(table, index))).join(", "),
  };
}

function mergeSql(table: Table, group: WriteGroup): string {
  const { names, values } = valuesSql(table, group);
  const what = names === "" ? "DEFAULT VALUES" : `(${names}) VALUES (${values})`;
  const image = imageUnlessExpected(
    table,
    group,
    (column) => cellSql(column, "t."),
    () => rowSql(table),
  );
  return `w AS (MERGE INTO ${table.into} t USING f ON false WHEN NOT MATCHED THEN INSERT ${what}
RETURNING f.n, f.entity, f.intent, ${recordSql(table, "t.")} AS record, ${image} AS image)`;
}

/**
 * A full join, because that is never done by nested loops: the planner, who foresees ten rows, would compare every row with every other.
 *
 * @param record SQL of the record id as it is known beforehand, or null for the one row of a create that stands alone
 */
function insertSql(table: Table, group: WriteGroup, record: string | null, drawn: ColumnFacts | null): string {
  const { names, values } = valuesSql(table, group);
  const [allNames, allValues] = drawn === null ? [names, values] : [joinSql(names, quoteName(drawn.name)), joinSql(values, "f.drawn")];
  const overriding = drawn?.generated === "identityAlways" ? " OVERRIDING SYSTEM VALUE" : "";
  const cells = table.columns.map((column, index) => `, ${cellSql(column, "t.")} AS c${index}`).join("");
  const image = imageUnlessExpected(
    table,
    group,
    (_, index) => `r.c${index}`,
    () => `ROW(${table.columns.map((_, index) => `r.c${index}`).join(", ")})::text`,
  );
  return `r AS (INSERT INTO ${table.into} AS t ${allNames === "" ? "" : `(${allNames})`}${overriding} SELECT ${allValues} FROM f
RETURNING ${recordSql(table, "t.")} AS record${cells}),
w AS (SELECT f.n, f.entity, f.intent, r.record, ${image} AS image FROM r ${record === null ? "CROSS JOIN f" : `FULL JOIN f ON ${record} = r.record COLLATE "C"`})`;
}

function joinSql(list: string, item: string): string {
  return list === "" ? item : `${list}, ${item}`;
}

/** The image, or null where it is as {@link expectedImages} has it. */
function imageUnlessExpected(
  table: Table,
  group: WriteGroup,
  cell: (column: ColumnFacts, index: number) => string,
  row: () => string,
): string {
  const same = table.columns.flatMap((column, index) => {
    if (keyPlace(table, column) >= 0) return [];
    const input = group.set.indexOf(index);
    const text = cell(column, index);
    return [input < 0 ? `${text} IS NULL` : `${text} COLLATE "C" IS NOT DISTINCT FROM f.s${input}`];
  });
  return same.length === 0 ? "NULL" : `CASE WHEN NOT (${same.join(" AND ")}) THEN ${row()} END`;
}

/** The image's cells as one text. */
function rowSql(table: Table): string {
  return `ROW(${table.columns.map(({ name }) => `t.${quoteName(name)}`).join(", ")})::text`;
}

function keyPlace(table: Table, { name }: ColumnFacts): number {
  return table.key.findIndex((column) => column.name === name);
}

/** Whether a created row is recognised by its key: given in full, in types that store what they are given, and left alone by triggers. */
function keyTells(table: Table, set: readonly number[]): boolean {
  const given = new Set(set.map((index) => columnAt(table, index).name));
  return !table.facts.changesBeforeInsert && table.key.every(({ name, type }) => given.has(name) && FAITHFUL_KEY_TYPES.has(type.name));
}

/** The key that the server would make by itself, where it can be drawn beforehand and nothing else changes it. */
function drawnKey(table: Table, set: readonly number[]): (ColumnFacts & { readonly drawnBy: string }) | null {
  const [key, ...others] = table.key;
  if (key === undefined || others.length > 0 || table.facts.changesBeforeInsert || !FAITHFUL_KEY_TYPES.has(key.type.name)) return null;
  const { drawnBy } = key;
  return drawnBy === null || set.some((index) => columnAt(table, index).name === key.name) ? null : { ...key, drawnBy };
}

/** The record id of a create that gives its key in full; null where the database makes it. */
function givenKey(table: Table, set: readonly NativeCell[]): RecordId | null {
  const cells = table.key.map((column) => {
    const index = table.columns.findIndex(({ name }) => name === column.name);
    return set[index] ?? null;
  });
  return cells.includes(null) ? null : recordOf(cells);
}
