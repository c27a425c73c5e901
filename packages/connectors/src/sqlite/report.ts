import type { Capabilities, ConnectionReport, ObjectReport, ReportLine } from "@accord/engine/connector";
import type { Session, SqliteFile } from "./database.ts";
import { quoted } from "./names.ts";
import type { Table } from "./table.ts";

/** One object that a check was asked for. */
export interface CheckedObject {
  readonly object: string;
  readonly table: Table | null;
  readonly capabilities: Capabilities;
}

/** What `check` says of a file. */
export function reportConnection(session: Session, file: SqliteFile, objects: readonly CheckedObject[]): ConnectionReport {
  const version = String(session.first("SELECT sqlite_version()")?.[0]);
  const journal = String(session.first("PRAGMA journal_mode")?.[0]);
  return {
    system: `SQLite ${version}, file ${file.place.file}, journal mode ${journal}`,
    objects: objects.map((checked) => reportObject(session, checked, file.readOnly)),
    problems: problemsOf(file, journal),
  };
}

function problemsOf(file: SqliteFile, journal: string): readonly ReportLine[] {
  const problems: ReportLine[] = [];
  if (file.readOnly) {
    problems.push({
      severity: "warning",
      text: "the file or its folder may only be read: nothing can be written to this side, and changes are found by sweeps",
      remedy: "allow the user that runs Accord to write the file and its folder, or leave it so for a side that is only read",
    });
  }
  if (journal !== "wal") {
    problems.push({
      severity: "warning",
      text: `journal mode ${journal}: readers and writers wait for each other`,
      remedy:
        "run PRAGMA journal_mode=WAL once, if the application and the disk (no network share) allow it; Accord does not change it by itself",
    });
  }
  return problems;
}

function reportObject(session: Session, { object, table, capabilities }: CheckedObject, readOnly: boolean): ObjectReport {
  const notes: ReportLine[] = [];
  if (table === null) notes.push({ severity: "error", text: `there is no table ${object}`, remedy: "accord discover lists the tables" });
  else if (table.schema.keyProblem !== null) notes.push({ severity: "error", text: table.schema.keyProblem, remedy: null });
  else {
    if (!capabilities.proof && !readOnly) {
      notes.push({
        severity: "warning",
        text: "no proof rows: the outcome of an interrupted write cannot be proven",
        remedy: "accord install",
      });
    }
    if (capabilities.capture === "sweep" && !readOnly) {
      notes.push({
        severity: "warning",
        text: "its triggers are missing or out of date: changes are found by sweeps alone",
        remedy: "accord install",
      });
    }
    if (table.keyMayBeNull && hasNullKey(session, table)) {
      notes.push({
        severity: "warning",
        text: "rows whose key is NULL cannot be told apart and are left out",
        remedy: "give them a key, and declare it NOT NULL",
      });
    }
  }
  return { object, capabilities, notes };
}

function hasNullKey(session: Session, table: Table): boolean {
  const isNull = table.schema.key.map((column) => `${quoted(column)} IS NULL`).join(" OR ");
  return session.first(`SELECT 1 FROM main.${quoted(table.schema.name)} WHERE ${isNull} LIMIT 1`) !== undefined;
}
