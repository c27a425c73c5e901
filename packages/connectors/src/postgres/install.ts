import type { CallOptions, InstallMode, InstallStep } from "@accord/engine/connector";
import { chooseCapture, readServer } from "./capture-choice.ts";
import { readCaptureTables } from "./capture-tables.ts";
import type { CaptureTable } from "./capture-tables.ts";
import { asAccordError } from "./errors.ts";
import { readInstalled } from "./installed.ts";
import type { Installed } from "./installed.ts";
import { createSlot, createSlotSql, dropSlot } from "./log-slot.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { quoteName, quoteText } from "./names.ts";
import type { InstalledNames } from "./names.ts";
import type { Statement } from "./pipeline.ts";
import { triggerNames, triggerSql } from "./trigger-sql.ts";

/** One thing to make or remove. */
interface Task {
  readonly what: string;
  readonly sql: readonly Statement[];
  readonly already?: boolean;
  /** Why it cannot be, in plain words with the remedy. */
  readonly impossible?: string | null;
  /** Something else than running `sql`. */
  readonly run?: () => Promise<void>;
}

/**
 * Makes what capture and proofs need, or says what it would make. Repeatable: what is there is left alone, new objects are added. [S60]
 *
 * The log is chosen where the server and the rights allow it for every object, else the trigger log; whichever captures more objects. What was made for the
 * other one is removed, because a slot that nobody reads fills the user's disk. A step that fails says why and does not keep the others from being tried.
 *
 * @param objects tables as `schema.table`
 */
export async function install(
  access: CaptureAccess,
  objects: readonly string[],
  mode: InstallMode,
  options: CallOptions,
): Promise<readonly InstallStep[]> {
  const server = await readServer(access, options);
  const installed = await readInstalled(access, options);
  const found = await readCaptureTables(access.database, objects, options);
  // Tables of an earlier install keep being captured, the way that is chosen now.
  const earlier = await readCaptureTables(access.database, [...installed.captured], options);
  const tables = distinct([...found, ...earlier]);
  const { capture, reasons } = chooseCapture(server, access.database.settings.capture, installed, tables);
  const tasks: Task[] = objects.flatMap((object, index) =>
    found[index] === null
      ? [{ what: `table ${object}`, sql: [], impossible: "there is no such table, or it is a view: check its name" }]
      : [],
  );
  tasks.push(...baseTasks(access, installed, server.schemaProblem));
  for (const reason of reasons) tasks.push({ what: reason.what, sql: [], impossible: reason.why });
  if (capture === "log")
    tasks.push(...triggerRemoval(access, installed), ...logTasks(access, installed, tables, server.versionNumber, options));
  if (capture === "touched")
    tasks.push(...logRemoval(access, installed, options), ...triggerTasks(access, installed, tables, server.schemaProblem));
  return perform(access, tasks, mode, options);
}

/** Removes all that {@link install} made, or says what it would remove. Repeatable. Ends a session that reads from the slot. */
export async function uninstall(access: CaptureAccess, mode: InstallMode, options: CallOptions): Promise<readonly InstallStep[]> {
  const { names } = access;
  const installed = await readInstalled(access, options);
  const tasks = [...logRemoval(access, installed, options)];
  for (const [table, triggers] of installed.triggers) {
    const [first = ""] = triggers;
    if (first !== "") tasks.push({ what: `triggers on ${table}`, sql: await triggerDrops(access, table, options) });
  }
  if (installed.schema) tasks.push({ what: `schema ${names.schema}`, sql: sql(`DROP SCHEMA ${names.schema} CASCADE`) });
  return perform(access, tasks, mode, options);
}

function baseTasks({ names }: CaptureAccess, installed: Installed, schemaProblem: string | null): readonly Task[] {
  const impossible = installed.schema ? null : schemaProblem;
  return [
    { what: `schema ${names.schema}`, sql: sql(`CREATE SCHEMA IF NOT EXISTS ${names.schema}`), already: installed.schema, impossible },
    { what: `tables ${names.applied}, ${names.appliedBatch}`, sql: sql(...proofTablesSql(names)), already: installed.applied, impossible },
    { what: `table ${names.mark}`, sql: sql(...markSql(names.mark)), already: installed.mark, impossible },
  ];
}

/**
 * A proof row is updated with every write of its record: half of each page is left free, and neither intent nor record has an index, so that such an update
 * touches no index at all (a heap-only update, three times as cheap). Looking intents up after a lost answer is rare and reads the table. Texts are compared
 * by bytes; digests do not compress.
 */
function proofTablesSql({ ledgers, applied, appliedBatch, turns }: InstalledNames): readonly string[] {
  const text = `text COLLATE "C" NOT NULL`;
  return [
    `CREATE SEQUENCE IF NOT EXISTS ${turns}`,
    `CREATE TABLE IF NOT EXISTS ${ledgers} (ledger integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, store ${text}, object ${text}, UNIQUE (store, object))`,
    `CREATE TABLE IF NOT EXISTS ${applied} (ledger integer NOT NULL, entity bigint NOT NULL, record ${text}, intent ${text}, turn bigint NOT NULL, PRIMARY KEY (ledger, entity)) WITH (fillfactor = 50)`,
    `CREATE TABLE IF NOT EXISTS ${appliedBatch} (ledger integer NOT NULL, block bigint NOT NULL, places smallint[] NOT NULL, records text[] COLLATE "C" NOT NULL, intents text[] COLLATE "C" NOT NULL, turn bigint NOT NULL)`,
    `ALTER TABLE ${appliedBatch} ALTER places SET STORAGE EXTERNAL, ALTER records SET STORAGE EXTERNAL, ALTER intents SET STORAGE EXTERNAL`,
    `CREATE INDEX IF NOT EXISTS applied_batch_block ON ${appliedBatch} (ledger, block)`,
  ];
}

function markSql(table: string): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${table} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), store text, generation bigint, revision bigint, forgotten text, origin text NOT NULL DEFAULT pg_catalog.gen_random_uuid()::pg_catalog.text)`,
    `INSERT INTO ${table} DEFAULT VALUES ON CONFLICT DO NOTHING`,
  ];
}

function logTasks(
  access: CaptureAccess,
  installed: Installed,
  tables: readonly CaptureTable[],
  versionNumber: number,
  options: CallOptions,
): readonly Task[] {
  const { names } = access;
  const { slot } = installed;
  const publishable = tables.filter((table) => table.owned && table.identityProblem === null);
  const missing = publishable.filter(({ schema, table }) => !slot.published.some(([space, name]) => space === schema && name === table));
  const list = missing.map(({ schema, table }) => `${quoteName(schema)}.${quoteName(table)}`).join(", ");
  const partOf = `publish_via_partition_root = true${versionNumber >= 180_000 ? ", publish_generated_columns = stored" : ""}`;
  const tasks: Task[] = [];
  if (!slot.hasPublication) {
    // Decoding asks for the publication as it was at each change: a slot that is older than its publication cannot be read.
    if (slot.exists) tasks.push(slotRemoval(access, options));
    tasks.push({
      what: `publication ${names.publication}${describe(missing)}`,
      sql: sql(`CREATE PUBLICATION ${names.publication}${list === "" ? "" : ` FOR TABLE ${list}`} WITH (${partOf})`),
    });
  } else if (missing.length > 0) {
    tasks.push({
      what: `publication ${names.publication}${describe(missing)}`,
      sql: sql(`ALTER PUBLICATION ${names.publication} ADD TABLE ${list}`),
    });
  } else {
    tasks.push({ what: `publication ${names.publication}`, sql: [], already: true });
  }
  const exists = slot.usable && slot.hasPublication;
  if (slot.exists && slot.hasPublication && !slot.usable) tasks.push(slotRemoval(access, options));
  tasks.push({
    what: `replication slot ${names.slot}`,
    sql: sql(createSlotSql(names)),
    already: exists,
    run: () => createSlot(access, options),
  });
  return tasks;
}

function describe(tables: readonly CaptureTable[]): string {
  return tables.length === 0 ? "" : ` for ${tables.map(({ schema, table }) => `${schema}.${table}`).join(", ")}`;
}

function triggerTasks(
  access: CaptureAccess,
  installed: Installed,
  tables: readonly CaptureTable[],
  schemaProblem: string | null,
): readonly Task[] {
  const { names } = access;
  const impossible = installed.schema ? null : schemaProblem;
  const tasks: Task[] = [
    { what: `table ${names.touched}`, sql: sql(...touchedSql(names.touched)), already: installed.touched, impossible },
  ];
  for (const table of tables.filter(({ mayTrigger, key }) => mayTrigger && key.length > 0)) {
    const name = `${table.schema}.${table.table}`;
    const existing = installed.triggers.get(name) ?? [];
    const already = triggerNames(names, table).every((trigger) => existing.includes(trigger));
    tasks.push({ what: `triggers on ${name}`, sql: already ? [] : triggerSql(names, table, existing), already, impossible });
  }
  return tasks;
}

/** Indexes that grow at their ends only. `xid` finds what is new since a snapshot, `seq` pages through it. */
function touchedSql(table: string): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${table} (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(), object oid NOT NULL, op "char" NOT NULL, records text[] NOT NULL, former text) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)`,
    `CREATE INDEX IF NOT EXISTS touched_xid ON ${table} (xid)`,
  ];
}

function slotRemoval(access: CaptureAccess, options: CallOptions): Task {
  const { slot } = access.names;
  return {
    what: `replication slot ${slot}, removal`,
    sql: sql(`SELECT pg_catalog.pg_drop_replication_slot(${quoteText(slot)})`),
    run: () => dropSlot(access, options),
  };
}

function logRemoval(access: CaptureAccess, { slot }: Installed, options: CallOptions): readonly Task[] {
  const { publication } = access.names;
  return [
    ...(slot.exists ? [slotRemoval(access, options)] : []),
    ...(slot.hasPublication
      ? [{ what: `publication ${publication}, removal`, sql: sql(`DROP PUBLICATION IF EXISTS ${publication}`) }]
      : []),
  ];
}

function triggerRemoval({ names }: CaptureAccess, installed: Installed): readonly Task[] {
  if (!installed.touched) return [];
  const drop = `DO $accord$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_catalog.pg_proc WHERE pronamespace = ${quoteText(names.schema)}::regnamespace LOOP EXECUTE 'DROP FUNCTION ' || f || ' CASCADE'; END LOOP; END $accord$`;
  return [{ what: `triggers and table ${names.touched}, removal`, sql: sql(drop, `DROP TABLE IF EXISTS ${names.touched}`) }];
}

/** Dropping the functions takes the triggers along, and unlike DROP TRIGGER it needs no right on the user's table. */
async function triggerDrops({ database, names }: CaptureAccess, table: string, options: CallOptions): Promise<readonly Statement[]> {
  const rows = await database.rows(
    `SELECT DISTINCT f.oid::regprocedure FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE f.pronamespace = to_regnamespace($1) AND n.nspname || '.' || c.relname = $2 AND NOT t.tgisinternal`,
    [names.schema, table],
    options,
  );
  return rows.map(([signature]) => ({ text: `DROP FUNCTION IF EXISTS ${signature ?? ""} CASCADE`, values: [] }));
}

function distinct(tables: readonly (CaptureTable | null)[]): readonly CaptureTable[] {
  const byOid = new Map<string, CaptureTable>();
  for (const table of tables) if (table !== null) byOid.set(table.oid, table);
  return [...byOid.values()];
}

function sql(...texts: readonly string[]): readonly Statement[] {
  return texts.map((text) => ({ text, values: [] }));
}

async function perform(
  { database }: CaptureAccess,
  tasks: readonly Task[],
  mode: InstallMode,
  options: CallOptions,
): Promise<readonly InstallStep[]> {
  const steps: InstallStep[] = [];
  for (const task of tasks) {
    const text = task.sql.length === 0 ? null : task.sql.map((statement) => statement.text).join(";\n");
    const step = { what: task.what, sql: text, reason: null } as const;
    if (task.already === true) steps.push({ ...step, sql: null, state: "already" });
    else if (task.impossible !== undefined && task.impossible !== null)
      steps.push({ ...step, state: "impossible", reason: task.impossible });
    else if (mode === "describe") steps.push({ ...step, state: "would" });
    else {
      try {
        await (task.run === undefined ? database.run(task.sql, options) : task.run());
        steps.push({ ...step, state: "done" });
      } catch (error) {
        const failure = asAccordError(error, database.where);
        if (failure.remedy === "reauthorize" || failure.code === "ACCORD_CANCELLED") throw failure;
        steps.push({ ...step, state: "impossible", reason: failure.message });
      }
    }
  }
  return steps;
}
