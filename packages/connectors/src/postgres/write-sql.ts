import type { CellPatch, StoreMark, WriteOperation } from "@accord/engine/connector";
import type { RecordId } from "@accord/core";
import type { ColumnFacts } from "./catalog.ts";
import { quoteName } from "./names.ts";
import type { Cell, Statement } from "./pipeline.ts";
import { keyColumns, keyJoinSql } from "./read.ts";
import { arrayText, castSql, recordOf, recordSql, sameCellSql } from "./table-sql.ts";
import type { Table } from "./table-sql.ts";

/** Where proof rows go [S27], and whose they are. */
export interface ProofTarget {
  /** SQL of the table. */
  readonly applied: string;
  readonly mark: StoreMark;
}

/** Operations that one statement carries out: of one kind, setting and expecting the same columns. */
export interface WriteGroup {
  readonly kind: WriteOperation["kind"];
  readonly set: readonly number[];
  readonly expect: readonly number[];
  readonly operations: readonly WriteOperation[];
  /** The place of each operation in the batch. */
  readonly places: readonly number[];
}

export interface StatementOptions {
  /** Null where there is no proof table. */
  readonly proof: ProofTarget | null;
  /** First removes the proof rows of other entities that once had the same record ids: the ids were used again. Costs a look-up a row, so only on demand. */
  readonly repair: boolean;
  /** For creates: the records, known to be gone, that earlier creates of the same entities made. By place in the batch. */
  readonly gone: ReadonlyMap<number, RecordId>;
  readonly serverVersion: number;
}

/** MERGE … RETURNING tells which row came of which operation; INSERT … RETURNING promises no order. Since PostgreSQL 17. */
const MERGE_RETURNING = 170_000;

/** Types whose cell is stored exactly as it was written, so that a row is recognised by the key that was given. */
const FAITHFUL_KEY_TYPES = new Set(["int2", "int4", "int8", "uuid", "text", "varchar", "date", "timestamp", "timestamptz"]);

/**
 * Groups a batch by shape: updates of the same columns are one statement, and no statement names a column that its operations leave alone, so that neither
 * `UPDATE OF` triggers nor column rights meet more than was meant. Creates come first, then updates, then deletes.
 */
export function groupOperations(table: Table, operations: readonly WriteOperation[], serverVersion: number): readonly WriteGroup[] {
  const groups = new Map<string, { group: WriteGroup; operations: WriteOperation[]; places: number[] }>();
  operations.forEach((operation, place) => {
    const set = operation.kind === "delete" ? [] : columnsOf(operation.set);
    const expect = operation.kind === "create" ? [] : columnsOf(operation.expect);
    const alone = operation.kind === "create" && serverVersion < MERGE_RETURNING && !keyTells(table, set) ? `/${place}` : "";
    const shape = `${ORDER[operation.kind]}/${set.join()}/${expect.join()}${alone}`;
    let found = groups.get(shape);
    if (found === undefined) {
      const lists = { operations: [], places: [] };
      found = { group: { kind: operation.kind, set, expect, ...lists }, ...lists };
      groups.set(shape, found);
    }
    found.operations.push(operation);
    found.places.push(place);
  });
  return [...groups.values()].map(({ group }) => group).toSorted((a, b) => ORDER[a.kind] - ORDER[b.kind]);
}

/**
 * The statement of one group. Its rows: place in the group from 1, state (`a` applied, `c` changed, `h` held by an earlier create), record id, cells of the
 * image (none for deletes). An operation without a row met no record.
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
export function createLock(table: Table, applied: string): Statement {
  return { text: "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", values: [`${applied} ${table.name}`], prepare: true };
}

const ORDER = { create: 0, update: 1, delete: 2 } as const;

function columnsOf(patches: readonly CellPatch[]): readonly number[] {
  return patches.map(({ column }) => column).toSorted((a, b) => a - b);
}

/** `index` is where the patch is, if patches are in the order of columns as they mostly are. */
function cellOf(patches: readonly CellPatch[], column: number, index: number): Cell {
  const likely = patches[index];
  if (likely?.column === column) return likely.cell ?? null;
  return patches.find((patch) => patch.column === column)?.cell ?? null;
}

/** Parameters, numbered as they are added. */
class Inputs {
  readonly values: Cell[] = [];
  readonly #arrays: string[] = [];
  readonly #names: string[] = [];

  one(value: string): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  column(name: string, type: string, cells: readonly Cell[]): void {
    this.#arrays.push(`${this.one(arrayText(cells))}::${type}[]`);
    this.#names.push(name);
  }

  /** One row per operation, with `n` from 1, of all columns or of those alone that are asked for: every column more costs the server a pass. */
  sql(isWanted: (name: string) => boolean = () => true): string {
    const places = this.#names.flatMap((name, place) => (isWanted(name) ? [place] : []));
    const arrays = places.map((place) => this.#arrays[place]).join(", ");
    return `unnest(${arrays}) WITH ORDINALITY AS i(${places.map((place) => this.#names[place]).join(", ")}, n)`;
  }
}

function startInputs(group: WriteGroup): Inputs {
  const inputs = new Inputs();
  inputs.column(
    "entity",
    "int8",
    group.operations.map(({ entity }) => String(entity)),
  );
  inputs.column(
    "intent",
    "text",
    group.operations.map(({ intent }) => intent),
  );
  group.set.forEach((column, index) => {
    inputs.column(
      `s${index}`,
      "text",
      group.operations.map((operation) => (operation.kind === "delete" ? null : cellOf(operation.set, column, index))),
    );
  });
  group.expect.forEach((column, index) => {
    inputs.column(
      `e${index}`,
      "text",
      group.operations.map((operation) => (operation.kind === "create" ? null : cellOf(operation.expect, column, index))),
    );
  });
  return inputs;
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
function changeStatement(table: Table, group: WriteGroup, options: StatementOptions, verb: string): Statement {
  const inputs = startInputs(group);
  const records = group.operations.map((operation) => (operation.kind === "create" ? "" : operation.record));
  keyColumns(table, records).forEach((cells, index) => inputs.column(`k${index}`, "text", cells));
  const key = keyJoinSql(table, "i.", "t.");
  const expected = group.expect.map((index, input) => ` AND ${sameCellSql(columnAt(table, index), "t.", `i.e${input}`)}`).join("");
  const hasImage = group.kind === "update";
  const text = `WITH w AS (${verb} ${inputs.sql()} WHERE ${key}${expected}
RETURNING i.n, i.entity, i.intent, ${recordSql(table, "t.")} AS record${hasImage ? aliasedImage(table, "t.") : ""}),
${proofSql(table, options, inputs, "w")}
SELECT n, 'a', record${hasImage ? imageNames(table) : ""} FROM w
UNION ALL SELECT i.n, 'c', NULL${hasImage ? nulls(table) : ""} FROM ${inputs.sql((name) => name.startsWith("k"))}
WHERE i.n NOT IN (SELECT n FROM w) AND EXISTS (SELECT FROM ${table.only} t WHERE ${key})`;
  return { text, values: inputs.values, prepare: true };
}

/**
 * Creates. [S35] An entity that has a proof row was created before: it is not created again, unless that record is known to be gone. Which row came of which
 * operation is told by MERGE, before PostgreSQL 17 by the key that was given, and otherwise by creating one row a statement.
 */
function createStatement(table: Table, group: WriteGroup, options: StatementOptions): Statement {
  const inputs = startInputs(group);
  const { proof } = options;
  inputs.column(
    "gone",
    "text",
    group.places.map((place) => options.gone.get(place) ?? null),
  );
  const isMerge = options.serverVersion >= MERGE_RETURNING;
  const byKey = !isMerge && keyTells(table, group.set);
  if (byKey)
    inputs.column(
      "record",
      "text",
      group.operations.map((operation) => givenKey(table, operation)),
    );
  const held = proof === null ? "NULL::text" : "a.record";
  const join =
    proof === null
      ? ""
      : ` LEFT JOIN ${proof.applied} a ON a.store = ${inputs.one(proof.mark.storeId)} AND a.object = ${inputs.one(table.name)} AND a.entity = i.entity`;
  const names = group.set.map((index) => quoteName(columnAt(table, index).name)).join(", ");
  const values = group.set.map((index, input) => castSql(`f.s${input}`, columnAt(table, index))).join(", ");
  const text = `WITH f AS (SELECT i.* FROM ${inputs.sql()}${join} WHERE ${held} IS NOT DISTINCT FROM i.gone),
${isMerge ? mergeSql(table, names, values) : insertSql(table, names, values, byKey)},
${proofSql(table, options, inputs, "w")}
SELECT n, 'a', record${imageNames(table)} FROM w
UNION ALL SELECT i.n, 'h', ${held}${nulls(table)} FROM ${inputs.sql((name) => name === "entity" || name === "gone")}${join} WHERE ${held} IS DISTINCT FROM i.gone`;
  return { text, values: inputs.values, prepare: true };
}

function mergeSql(table: Table, names: string, values: string): string {
  const what = names === "" ? "DEFAULT VALUES" : `(${names}) VALUES (${values})`;
  return `w AS (MERGE INTO ${table.into} t USING f ON false WHEN NOT MATCHED THEN INSERT ${what}
RETURNING f.n, f.entity, f.intent, ${recordSql(table, "t.")} AS record${aliasedImage(table, "t.")})`;
}

/** A full join, because that is never done by nested loops: the planner, who foresees ten rows, would compare every row with every other. */
function insertSql(table: Table, names: string, values: string, byKey: boolean): string {
  return `r AS (INSERT INTO ${table.into} AS t ${names === "" ? "" : `(${names})`} SELECT ${values} FROM f
RETURNING ${recordSql(table, "t.")} AS record${aliasedImage(table, "t.")}),
w AS (SELECT f.n, f.entity, f.intent, r.* FROM r ${byKey ? 'FULL JOIN f ON f.record = r.record COLLATE "C"' : "CROSS JOIN f"})`;
}

/** Whether a created row is recognised by its key: given in full, in types that store what they are given, and left alone by triggers. */
function keyTells(table: Table, set: readonly number[]): boolean {
  const given = new Set(set.map((index) => columnAt(table, index).name));
  return !table.facts.changesBeforeInsert && table.key.every(({ name, type }) => given.has(name) && FAITHFUL_KEY_TYPES.has(type.name));
}

/** The record id of a create that gives its key in full; null where the database makes it. */
function givenKey(table: Table, operation: WriteOperation): RecordId | null {
  if (operation.kind === "delete") return null;
  const cells = table.key.map((column) => {
    const index = table.columns.findIndex(({ name }) => name === column.name);
    return index < 0 ? null : cellOf(operation.set, index, index);
  });
  return cells.includes(null) ? null : recordOf(cells);
}

/** Proof rows of what `from` wrote: the latest intent of each entity. [S27] */
function proofSql(table: Table, { proof, repair }: StatementOptions, inputs: Inputs, from: string): string {
  if (proof === null) return "p AS (SELECT)";
  const store = inputs.one(proof.mark.storeId);
  const object = inputs.one(table.name);
  // Counting what was removed makes the insertion wait for it.
  const [removal, removed] = repair
    ? [
        `x AS (DELETE FROM ${proof.applied} a USING ${from} WHERE a.store = ${store} AND a.object = ${object} AND a.record = ${from}.record AND a.entity <> ${from}.entity RETURNING 1),\n`,
        " WHERE (SELECT count(*) FROM x) >= 0",
      ]
    : ["", ""];
  return `${removal}p AS (INSERT INTO ${proof.applied} AS a (store, object, entity, record, intent, at)
SELECT ${store}, ${object}, entity, record, intent, now() FROM ${from}${removed}
ON CONFLICT (store, object, entity) DO UPDATE SET record = excluded.record, intent = excluded.intent, at = excluded.at)`;
}

function aliasedImage(table: Table, of: string): string {
  return table.columns.map((column, index) => `, ${of}${quoteName(column.name)} AS c${index}`).join("");
}

function imageNames(table: Table): string {
  return table.columns.map((_, index) => `, c${index}`).join("");
}

function nulls(table: Table): string {
  return ", NULL".repeat(table.columns.length);
}
