import type { ColumnSchema, ObjectSchema } from "@accord/core";
import type { ColumnFacts, TableFacts } from "./catalog.ts";
import { codecOf } from "./codecs.ts";

/** What an object is to Accord, from what the catalogs say of it. */
export function schemaOf(facts: TableFacts): ObjectSchema {
  const columns = facts.columns.map(columnSchemaOf);
  const found = keyOf(facts);
  const problem = found.problem ?? keyProblemOf(found.key, columns);
  const key = problem === null ? found.key : [];
  const single = key.length === 1 ? facts.columns.find((column) => column.name === key[0]) : undefined;
  return {
    name: `${facts.schema}.${facts.table}`,
    columns,
    key,
    keyProblem: problem,
    keyOrder: single !== undefined && ["int2", "int4", "int8"].includes(single.type.name) ? "integer" : "bytes",
    uniques: facts.uniques.flatMap((unique) => (unique.columns === null || sameColumns(unique.columns, key) ? [] : [unique.columns])),
    references: facts.foreignKeys,
    comment: facts.comment,
  };
}

function columnSchemaOf(column: ColumnFacts): ColumnSchema {
  const found = column.mayRead
    ? codecOf(column.type)
    : { codec: null, problem: `the role of this connection may not read it: GRANT SELECT ("${column.name}") to it` };
  return {
    name: column.name,
    nativeType: column.type.domain === null ? column.type.shown : `${column.type.shown} (${column.type.name})`,
    codec: found.codec,
    codecProblem: found.problem,
    nullable: column.nullable,
    writable: column.generated === "no" && (column.mayInsert || column.mayUpdate),
    hasDefault: column.hasDefault,
    comment: column.comment,
  };
}

/**
 * The primary key, else the index that the table declares as its replica identity. Another unique index does not do: the log would not tell which record
 * was changed, and PostgreSQL refuses updates of a published table that has no identity.
 */
function keyOf(facts: TableFacts): { readonly key: readonly string[]; readonly problem: string | null } {
  if (facts.kind === "v" || facts.kind === "m") return { key: [], problem: "it is a view: a side needs a table with a primary key" };
  if (facts.kind === "f") return { key: [], problem: "it is a foreign table: connect to the server that holds it instead" };
  const unique = facts.uniques.find(({ kind }) => kind === "primary") ?? facts.uniques.find(({ kind }) => kind === "replicaIdentity");
  if (unique?.columns === null || unique === undefined)
    return { key: [], problem: "it has no primary key: add one, so that a record can be told from the others" };
  return { key: unique.columns, problem: null };
}

function keyProblemOf(key: readonly string[], columns: readonly ColumnSchema[]): string | null {
  for (const name of key) {
    const column = columns.find((candidate) => candidate.name === name);
    if (column?.codec === null) return `its key column "${name}" cannot be used: ${column.codecProblem ?? "it cannot be carried"}`;
  }
  return null;
}

function sameColumns(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}
