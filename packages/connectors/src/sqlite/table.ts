import type { ColumnSchema, ObjectSchema, ReferenceSchema } from "@accord/core";
import { affinityOf, type Affinity } from "./affinity.ts";
import { meaningOf } from "./codecs.ts";
import type { BoundValue, Session } from "./database.ts";
import type { CellForm } from "./native-cell.ts";
import { isAccordTable, literal } from "./names.ts";

/** A table with what its schema does not say but reading and writing needs. */
export interface Table {
  readonly schema: ObjectSchema;
  /** By column name. */
  readonly forms: ReadonlyMap<string, CellForm>;
  /** Forms of the key columns, in the key's order. */
  readonly keyForms: readonly CellForm[];
  /** How a listing gets the order of record ids: from the key's index, or by sorting. */
  readonly listing: "integer" | "text" | "sorted";
  /** Whether a part of the key may be NULL: rows that have one cannot be identified. SQLite allows it for historical reasons. */
  readonly keyMayBeNull: boolean;
  /** Unique rules with only stored columns: what `REPLACE` would delete other rows by. */
  readonly replaceable: readonly (readonly string[])[];
}

export interface TableOptions {
  /** Declared types by `table.column`, lower case. */
  readonly types: ReadonlyMap<string, string>;
  readonly readOnly: boolean;
}

/** Every table and view that is neither SQLite's, a virtual table's shadow, nor Accord's own; by name. */
export function readTables(session: Session, options: TableOptions): readonly Table[] {
  const found = session.all(
    "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' ORDER BY name",
  );
  const names = found.map(([name]) => textOf(name));
  const encoding = textOf(session.first("PRAGMA encoding")?.[0]);
  return found
    .filter(([name]) => !textOf(name).startsWith("sqlite_") && !isAccordTable(textOf(name)))
    .map(([name, type, , strict]) =>
      readTable(session, { name: textOf(name), type: textOf(type), strict: strict === 1n, names, utf8: encoding === "UTF-8" }, options),
    );
}

interface FoundTable {
  readonly name: string;
  readonly type: string;
  readonly strict: boolean;
  readonly names: readonly string[];
  readonly utf8: boolean;
}

/** A row of `pragma_table_xinfo`. */
interface FoundColumn {
  readonly name: string;
  readonly declared: string;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** From 1 by the place in the primary key; 0 outside it. */
  readonly keyPlace: number;
  /** 0 ordinary, 1 hidden, 2 and 3 generated. */
  readonly hidden: number;
  readonly affinity: Affinity;
}

/** A row of `pragma_index_list` with its columns; a null column is an expression. */
interface FoundIndex {
  readonly unique: boolean;
  readonly origin: string;
  readonly partial: boolean;
  readonly columns: readonly { readonly name: string | null; readonly collation: string }[];
}

function readTable(session: Session, found: FoundTable, options: TableOptions): Table {
  const columns = readColumns(session, found).filter((column) => column.hidden !== 1);
  const indexes = readIndexes(session, found.name);
  const key = columns.filter((column) => column.keyPlace > 0).toSorted((a, b) => a.keyPlace - b.keyPlace);
  // A rowid alias is the only primary key that needs no index of its own (https://www.sqlite.org/lang_createtable.html#rowid).
  const isRowid = found.type === "table" && key.length === 1 && !indexes.some((index) => index.origin === "pk");
  const keyProblem = keyProblemOf(found, key);
  const meanings = new Map(
    columns.map((column) => [
      column.name,
      meaningOf(options.types.get(`${found.name}.${column.name}`.toLowerCase()) ?? column.declared, column.affinity),
    ]),
  );
  const schemaColumns = columns.map((column): ColumnSchema => {
    const alias = isRowid && column.keyPlace > 0;
    return {
      name: column.name,
      nativeType: column.declared === "" ? "(none)" : column.declared,
      codec: meanings.get(column.name)?.codec ?? null,
      codecProblem: null,
      nullable: !column.notNull && !alias,
      writable: !options.readOnly && column.hidden === 0 && found.type === "table",
      hasDefault: column.hasDefault || alias || column.hidden > 0,
      comment: null,
    };
  });
  const listing = listingOf(found, key, indexes, isRowid);
  const stored = new Set(columns.filter((column) => column.hidden === 0).map((column) => column.name));
  const uniques = uniquesOf(indexes);
  return {
    schema: {
      name: found.name,
      columns: schemaColumns,
      key: keyProblem === null ? key.map((column) => column.name) : [],
      keyProblem,
      keyOrder: listing === "integer" ? "integer" : "bytes",
      uniques: uniques.filter((unique) => !unique.partial).map((unique) => unique.columns),
      references: readReferences(session, found),
      comment: null,
    },
    forms: new Map([...meanings].map(([name, meaning]) => [name, meaning.form])),
    keyForms: key.map((column) => meanings.get(column.name)?.form ?? "text"),
    listing,
    keyMayBeNull: !isRowid && key.some((column) => !column.notNull),
    replaceable: uniques.map((unique) => unique.columns).filter((names) => names.every((name) => stored.has(name))),
  };
}

function keyProblemOf(found: FoundTable, key: readonly FoundColumn[]): string | null {
  if (found.type === "view") return "a view has no primary key: use the table behind it";
  if (found.type === "virtual") return "a virtual table has no primary key that could be followed";
  // The hidden rowid is no way out: VACUUM may renumber it.
  return key.length === 0 ? "the table has no primary key, and its hidden row numbers do not survive VACUUM: declare a PRIMARY KEY" : null;
}

/** Where the order of the key's index is surely the order of record ids; a column that may hold mixed classes, or compares by another rule, is sorted. */
function listingOf(found: FoundTable, key: readonly FoundColumn[], indexes: readonly FoundIndex[], isRowid: boolean): Table["listing"] {
  const [only] = key;
  if (key.length !== 1 || only === undefined) return "sorted";
  if (isRowid || (found.strict && only.affinity === "integer")) return "integer";
  const collation = indexes.find((index) => index.origin === "pk")?.columns[0]?.collation;
  return only.affinity === "text" && collation === "BINARY" && found.utf8 ? "text" : "sorted";
}

function readColumns(session: Session, found: FoundTable): readonly FoundColumn[] {
  const rows = session.all(
    `SELECT name, type, "notnull", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(${literal(found.name)}) ORDER BY cid`,
  );
  return rows.map(([name, declared, notNull, hasDefault, keyPlace, hidden]) => ({
    name: textOf(name),
    // SQLite adds this to the declared type of generated columns.
    declared: textOf(declared).replace(/\s*GENERATED ALWAYS$/i, ""),
    notNull: notNull === 1n,
    hasDefault: hasDefault === 1n,
    keyPlace: Number(keyPlace),
    hidden: Number(hidden),
    affinity: affinityOf(textOf(declared).replace(/\s*GENERATED ALWAYS$/i, ""), found.strict),
  }));
}

function readIndexes(session: Session, table: string): readonly FoundIndex[] {
  const rows = session.all(`SELECT name, "unique", origin, partial FROM pragma_index_list(${literal(table)}) ORDER BY seq`);
  return rows.map(([name, unique, origin, partial]) => ({
    unique: unique === 1n,
    origin: textOf(origin),
    partial: partial === 1n,
    columns: session
      .all(`SELECT name, coll FROM pragma_index_xinfo(${literal(textOf(name))}) WHERE "key" = 1 ORDER BY seqno`)
      .map(([column, collation]) => ({ name: column === null ? null : textOf(column), collation: textOf(collation) })),
  }));
}

function uniquesOf(indexes: readonly FoundIndex[]): readonly { readonly columns: readonly string[]; readonly partial: boolean }[] {
  return indexes
    .filter((index) => index.unique && index.origin !== "pk" && index.columns.every((column) => column.name !== null))
    .map((index) => ({ columns: index.columns.flatMap((column) => column.name ?? []), partial: index.partial }));
}

function readReferences(session: Session, found: FoundTable): readonly ReferenceSchema[] {
  const rows = session.all(`SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(${literal(found.name)}) ORDER BY id, seq`);
  const byId = new Map<string, { readonly columns: string[]; readonly object: string; readonly objectColumns: string[] }>();
  for (const [id, parent, from, to] of rows) {
    const object = found.names.find((name) => name.toLowerCase() === textOf(parent).toLowerCase()) ?? textOf(parent);
    const known = byId.get(String(id));
    const reference = known ?? { columns: [], object, objectColumns: [] };
    if (known === undefined) byId.set(String(id), reference);
    reference.columns.push(textOf(from));
    // Without named columns a foreign key refers to the parent's primary key.
    reference.objectColumns.push(
      to === null || to === undefined ? (parentKey(session, object)[reference.objectColumns.length] ?? "rowid") : textOf(to),
    );
  }
  return [...byId.values()];
}

function parentKey(session: Session, table: string): readonly string[] {
  return session.all(`SELECT name FROM pragma_table_xinfo(${literal(table)}) WHERE pk > 0 ORDER BY pk`).map(([name]) => textOf(name));
}

function textOf(value: BoundValue | undefined): string {
  return typeof value === "string" ? value : "";
}
