import { AccordError } from "@accord/engine/connector";
import type { CallOptions, Capabilities, OpenObject } from "@accord/engine/connector";
import type { ObjectSchema } from "@accord/core";
import { readCatalog } from "./catalog.ts";
import type { ColumnFacts, TableFacts } from "./catalog.ts";
import { schemaOf } from "./discover.ts";
import { readInstalled } from "./installed.ts";
import type { Installed } from "./installed.ts";
import { listRecords } from "./list.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { quoteName } from "./names.ts";
import { covers } from "./positions.ts";
import { findByEntity, findProofs, listLinks } from "./proofs.ts";
import { readRecords } from "./read.ts";
import { writeDeadlineMs } from "./settings.ts";
import type { PostgresSettings } from "./settings.ts";
import type { Table } from "./table-sql.ts";
import { writeRecords } from "./write.ts";

/** @throws {AccordError} ACCORD_OBJECT_MISSING for an object without key, or columns that are missing or cannot be carried; see `asAccordError` */
export async function openObject(
  access: CaptureAccess,
  object: string,
  columns: readonly string[],
  options: CallOptions,
): Promise<OpenObject> {
  const { database, names } = access;
  const facts = await findTable(access, object, options);
  const schema = schemaOf(facts);
  if (schema.keyProblem !== null) throw missing(database.where, `the object ${schema.name} cannot be a side: ${schema.keyProblem}`);
  for (const name of columns) {
    const column = schema.columns.find((candidate) => candidate.name === name);
    if (column === undefined)
      throw missing(database.where, `the object ${schema.name} has no column "${name}": correct the mapping, or add the column`);
    if (column.codec === null)
      throw missing(
        database.where,
        `the column "${name}" of ${schema.name} cannot be carried: ${column.codecProblem ?? "its type is unknown"}`,
      );
  }
  const installed = await readInstalled(access, options);
  const [version] = await database.rows("SELECT current_setting('server_version_num')", [], options);
  const table = tableOf(facts, schema, columns);
  const capabilities = capabilitiesOf(database.settings, schema.name, installed);
  const target = {
    database,
    table,
    names: installed.applied ? names : null,
    serverVersion: Number(version?.[0] ?? 0),
    deadlineMs: capabilities.requestDeadlineMs,
    ledgers: new Set<string>(),
  };
  const proofs = { database, names, object: schema.name };
  return {
    schema,
    columns,
    capabilities,
    list: (after, listOptions) => listRecords(database, table, after, listOptions),
    read: (ids, readOptions) => readRecords(database, table, ids, readOptions),
    write: (operations, writeOptions) => writeRecords(target, operations, writeOptions),
    findProofs: (intents, proofOptions) => findProofs(proofs, intents, proofOptions),
    findByEntity: (entities, proofOptions) => findByEntity(proofs, entities, proofOptions),
    listLinks: (after, proofOptions) => listLinks(proofs, after, proofOptions),
    covers,
  };
}

/** What the connection can do for one object as things are installed now. [S26] */
export function capabilitiesOf(settings: PostgresSettings, object: string, installed: Installed): Capabilities {
  return {
    capture: installed.captured.has(object) && settings.capture !== "sweep" ? (installed.capture === "log" ? "log" : "touched") : "sweep",
    compareAndSet: true,
    proof: installed.applied,
    externalId: installed.applied,
    changeHistory: false,
    reusesIds: false,
    batchSizeMax: settings.batchSizeMax,
    pageSizeMax: settings.pageSizeMax,
    staleReadMsMax: 0,
    requestDeadlineMs: writeDeadlineMs(settings),
  };
}

async function findTable({ database, names }: CaptureAccess, object: string, options: CallOptions): Promise<TableFacts> {
  const found = await readCatalog(database, names.schema, object, options);
  // "a.b" may be read as schema a, table b, or as table "a.b" in public: the former comes first.
  const facts = found.find(({ schema, table }) => `${schema}.${table}` === object) ?? found[0];
  if (facts === undefined)
    throw missing(
      database.where,
      `there is no object ${object} that the role of this connection may see: check the name, or grant it USAGE of the schema and SELECT`,
    );
  return facts;
}

/** What the statements of an opened object are made of. */
export function tableOf(facts: TableFacts, { name, key, keyOrder, columns: known }: ObjectSchema, columns: readonly string[]): Table {
  const into = `${quoteName(facts.schema)}.${quoteName(facts.table)}`;
  const pick = (wanted: readonly string[]): readonly ColumnFacts[] =>
    wanted.flatMap((column) => facts.columns.find((candidate) => candidate.name === column) ?? []);
  const keyCodecs = key.flatMap((column) => known.find((candidate) => candidate.name === column)?.codec ?? []);
  return {
    facts,
    name,
    into,
    only: facts.kind === "r" ? `ONLY ${into}` : into,
    key: pick(key),
    keyCodecs,
    columns: pick(columns),
    keyOrder,
  };
}

function missing(where: string, what: string): AccordError {
  return new AccordError("ACCORD_OBJECT_MISSING", `At ${where}, ${what}.`, { remedy: "stop", where });
}
