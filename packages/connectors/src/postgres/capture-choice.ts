import type { CallOptions } from "@accord/engine/connector";
import type { CaptureTable } from "./capture-tables.ts";
import type { Installed } from "./installed.ts";
import type { CaptureAccess } from "./log-slot.ts";
import type { CaptureSetting } from "./settings.ts";

/** What the server and the role allow. Problems are in plain words with the remedy, null where there is none. */
export interface ServerFacts {
  /** As `server_version_num`: 150020 is 15.20. */
  readonly versionNumber: number;
  /** Why no schema can be made, so no proof rows and no triggers either. */
  readonly schemaProblem: string | null;
  /** Why there can be no logical replication. */
  readonly logProblem: string | null;
  /** A server without `max_slot_wal_keep_size` keeps log for a slot until its disk is full, if the daemon is stopped for long. */
  readonly keepsLogWithoutBound: boolean;
}

export async function readServer({ database }: Pick<CaptureAccess, "database">, options: CallOptions): Promise<ServerFacts> {
  const [row = []] = await database.rows(
    `SELECT current_setting('server_version_num'), current_setting('wal_level'), has_database_privilege(current_database(), 'CREATE'),
      EXISTS (SELECT FROM pg_roles r WHERE (r.rolname = current_user AND (r.rolreplication OR r.rolsuper)) OR (r.rolname = 'rds_replication' AND pg_has_role(r.oid, 'MEMBER'))),
      pg_is_in_recovery(), quote_ident(current_user), quote_ident(current_database()), current_setting('max_slot_wal_keep_size', true)`,
    [],
    options,
  );
  const [version, walLevel, mayCreate, mayReplicate, isStandby, role, name, keepSize] = row;
  const schemaProblem =
    isStandby === "t"
      ? "the server is a standby, which cannot be written to: connect to the primary server"
      : mayCreate === "t"
        ? null
        : `the role may not create schemas and publications: GRANT CREATE ON DATABASE ${name ?? ""} TO ${role ?? ""}`;
  const logProblem =
    schemaProblem ??
    (walLevel !== "logical"
      ? `the server's wal_level is ${walLevel ?? "unknown"}: ALTER SYSTEM SET wal_level = logical, then restart the server`
      : mayReplicate !== "t"
        ? `the role may not replicate: ALTER ROLE ${role ?? ""} REPLICATION`
        : null);
  return { versionNumber: Number(version), schemaProblem, logProblem, keepsLogWithoutBound: keepSize === "-1" };
}

/** How changes are to be captured, and what speaks against a better way, for the report of `install`. */
export interface CaptureChoice {
  readonly capture: "log" | "touched" | "none";
  readonly reasons: readonly { readonly what: string; readonly why: string }[];
}

/** Chooses the log where it can carry every object, else whichever carries more; what the configuration asks for comes first. */
export function chooseCapture(
  server: ServerFacts,
  setting: CaptureSetting,
  installed: Installed,
  tables: readonly CaptureTable[],
): CaptureChoice {
  if (setting === "sweep") return { capture: "none", reasons: [] };
  const forLog = tables.map((table) => ({ table, problem: publishProblem(table) }));
  const forTriggers = tables.map((table) => ({ table, problem: triggerProblem(table) }));
  const logCount = server.logProblem === null ? forLog.filter(({ problem }) => problem === null).length : 0;
  const triggerCount = server.schemaProblem === null || installed.schema ? forTriggers.filter(({ problem }) => problem === null).length : 0;
  const chosen =
    setting === "log"
      ? "log"
      : setting === "triggers"
        ? "touched"
        : logCount >= triggerCount && server.logProblem === null
          ? "log"
          : "touched";
  const reasons: { what: string; why: string }[] = [];
  if (setting !== "triggers") {
    if (server.logProblem !== null) reasons.push({ what: "capture by the log", why: server.logProblem });
    for (const { table, problem } of forLog)
      if (problem !== null) reasons.push({ what: `capture of ${table.schema}.${table.table} by the log`, why: problem });
  }
  if (chosen === "log") return { capture: server.logProblem === null ? "log" : "none", reasons };
  for (const { table, problem } of forTriggers)
    if (problem !== null) reasons.push({ what: `triggers on ${table.schema}.${table.table}`, why: problem });
  return { capture: "touched", reasons };
}

function publishProblem(table: CaptureTable): string | null {
  if (table.identityProblem !== null) return table.identityProblem;
  return table.owned ? null : "only its owner may publish it: make the role of this connection a member of the owner's role";
}

function triggerProblem(table: CaptureTable): string | null {
  if (table.key.length === 0) return "it has no primary key: add one";
  return table.mayTrigger ? null : "the role may not create triggers on it: GRANT TRIGGER ON the table to it";
}
