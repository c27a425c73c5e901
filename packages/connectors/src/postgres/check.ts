import type { CallOptions, ConnectionReport, ObjectReport, ReportLine } from "@accord/engine/connector";
import { chooseCapture, readServer } from "./capture-choice.ts";
import { readCaptureTables } from "./capture-tables.ts";
import { readCatalog } from "./catalog.ts";
import type { TableFacts } from "./catalog.ts";
import { schemaOf } from "./discover.ts";
import { readInstalled } from "./installed.ts";
import type { Installed } from "./installed.ts";
import type { CaptureAccess } from "./log-slot.ts";
import { capabilitiesOf } from "./open-object.ts";

/** Says in plain words what the connection can do and why not more. Writes nothing. */
export async function checkConnection(access: CaptureAccess, objects: readonly string[], options: CallOptions): Promise<ConnectionReport> {
  const { database, names } = access;
  const [[version = "", name = "", user = "", encoding = "", readOnly = ""] = []] = await database.rows(
    "SELECT current_setting('server_version'), current_database(), current_user, current_setting('server_encoding'), current_setting('transaction_read_only')",
    [],
    options,
  );
  const server = await readServer(access, options);
  const installed = await readInstalled(access, options);
  const problems: ReportLine[] = [];
  if (encoding !== "UTF8")
    problems.push({
      severity: "warning",
      text: `the database is encoded in ${encoding ?? ""}, which cannot hold every character`,
      remedy: "use a database in UTF8",
    });
  if (readOnly === "on")
    problems.push({
      severity: "error",
      text: "the session is read-only, so nothing can be written",
      remedy: "connect to the primary server, or ALTER ROLE … SET default_transaction_read_only = off",
    });
  if (server.versionNumber < OLDEST_VERSION)
    problems.push({ severity: "error", text: "PostgreSQL before 13 is not supported", remedy: "upgrade the server" });
  if (database.settings.capture !== "sweep" && database.settings.capture !== "triggers") {
    if (server.logProblem !== null) problems.push(line("note", "changes cannot be read from the log", server.logProblem));
    else if (server.keepsLogWithoutBound) {
      problems.push({
        severity: "note",
        text: "the server keeps its log for Accord without a bound while Accord is stopped",
        remedy: "ALTER SYSTEM SET max_slot_wal_keep_size = '10GB' protects its disk; Accord then reads everything again",
      });
    }
  }
  const reports: ObjectReport[] = [];
  for (const object of objects) {
    const [facts] = await readCatalog(database, names.schema, object, options);
    reports.push(facts === undefined ? absent(access, object, installed) : await reportOf(access, facts, server, installed, options));
  }
  return { system: `PostgreSQL ${version ?? ""}, database ${name ?? ""}, user ${user ?? ""}`, objects: reports, problems };
}

/** pg_current_snapshot and xid8, by which changes are told apart, are of 13. */
const OLDEST_VERSION = 130_000;

async function reportOf(
  access: CaptureAccess,
  facts: TableFacts,
  server: Awaited<ReturnType<typeof readServer>>,
  installed: Installed,
  options: CallOptions,
): Promise<ObjectReport> {
  const { database } = access;
  const schema = schemaOf(facts);
  const capabilities = capabilitiesOf(database.settings, schema.name, installed);
  const notes: ReportLine[] = [];
  if (schema.keyProblem !== null) notes.push(line("error", `${schema.name} cannot be a side`, schema.keyProblem));
  const table = `"${facts.schema}"."${facts.table}"`;
  const rights = {
    SELECT: facts.columns.some(({ mayRead }) => mayRead),
    INSERT: facts.columns.some(({ mayInsert }) => mayInsert),
    UPDATE: facts.columns.some(({ mayUpdate }) => mayUpdate),
    DELETE: facts.mayDelete,
  };
  for (const [right, has] of Object.entries(rights)) {
    if (!has)
      notes.push({
        severity: right === "SELECT" ? "error" : "warning",
        text: `the role may not ${right} in ${schema.name}`,
        remedy: `GRANT ${right} ON ${table} TO the role`,
      });
  }
  if (facts.rowSecurity)
    notes.push({
      severity: "warning",
      text: `row security hides records of ${schema.name} from the role: they count as missing`,
      remedy: "ALTER ROLE … BYPASSRLS, or leave it out",
    });
  if (!installed.applied) {
    const why = server.schemaProblem ?? "not installed";
    notes.push({
      severity: "warning",
      text: "the outcome of a lost answer cannot be proven, and creates are looked up by match keys (level G1)",
      remedy: why === "not installed" ? "run `accord install`" : remedyOf(why),
    });
  }
  if (capabilities.capture !== "log" && database.settings.capture !== "sweep") {
    const captureTables = (await readCaptureTables(database, [schema.name], options)).flatMap((found) => found ?? []);
    const choice = chooseCapture(server, database.settings.capture, installed, captureTables);
    for (const { what, why } of choice.reasons) notes.push(line("note", `no ${what}`, why));
    if (capabilities.capture === "sweep") {
      notes.push({
        severity: "note",
        text: "changes are learnt from listings alone",
        remedy: choice.capture === "none" ? null : "run `accord install`",
      });
    }
  }
  return { object: schema.name, capabilities, notes };
}

function absent({ database }: CaptureAccess, object: string, installed: Installed): ObjectReport {
  return {
    object,
    capabilities: capabilitiesOf(database.settings, object, installed),
    notes: [
      {
        severity: "error",
        text: `there is no object ${object} that the role may see`,
        remedy: "check the name, or GRANT USAGE ON SCHEMA and SELECT to the role",
      },
    ],
  };
}

/** Splits "what is wrong: what to do". */
function line(severity: ReportLine["severity"], text: string, why: string): ReportLine {
  const colon = why.indexOf(": ");
  return colon < 0
    ? { severity, text: `${text}: ${why}`, remedy: null }
    : { severity, text: `${text}: ${why.slice(0, colon)}`, remedy: why.slice(colon + 2) };
}

function remedyOf(why: string): string {
  return why.slice(why.indexOf(": ") + 2);
}
