import { resolve } from "node:path";
import type { ConnectionSettings, SettingProblem } from "@accord/engine/connector";
import { BUSY_MS_DEFAULT, REQUEST_MS_DEFAULT } from "./limits.ts";

/** The keys of one SQLite connection in accord.yaml. */
export interface SqliteSettings {
  /** Path of the database file. It is never created. */
  readonly file: string;
  /** How long to wait for other programs' locks. Milliseconds. */
  readonly busyMs: number;
  /** How long a request can take beyond that wait: after a crash its outcome is looked for no sooner than the sum. Milliseconds. [S31] */
  readonly requestMs: number;
  /** Never write to the file, though the account may. */
  readonly readOnly: boolean;
  /** Whether foreign keys are enforced for Accord's writes. SQLite leaves that to each program; the application's own choice is not in the file. */
  readonly foreignKeys: boolean;
  /** Pages that Accord may let the file grow to (its page size is usually 4096 bytes), or null for as many as the disk holds. */
  readonly maxPageCount: number | null;
  /** Declared types by `table.column`, lower case, for columns that were declared without one or with one that says too little: `orders.paid_at: TIMESTAMPTZ`. */
  readonly types: ReadonlyMap<string, string>;
}

const KEYS = ["connector", "file", "busyMs", "requestMs", "readOnly", "foreignKeys", "maxPageCount", "types"];

/** Checks the settings without touching the file. */
export function checkSqliteSettings(settings: ConnectionSettings): readonly SettingProblem[] {
  const problems: SettingProblem[] = [];
  const { file, busyMs, requestMs, readOnly, foreignKeys, maxPageCount, types } = settings;
  if (typeof file !== "string" || file.trim() === "") {
    problems.push({ key: "file", problem: "the path of the SQLite file is missing", remedy: "file: ./shop.db" });
  } else if (file === ":memory:" || file.startsWith("file:")) {
    problems.push({
      key: "file",
      problem: "only the path of a file is taken, no URI and no database in memory",
      remedy: "file: ./shop.db",
    });
  }
  if (busyMs !== undefined && !(typeof busyMs === "number" && Number.isInteger(busyMs) && busyMs >= 0 && busyMs <= 600_000)) {
    problems.push({ key: "busyMs", problem: "must be a whole number of milliseconds up to 600000", remedy: `busyMs: ${BUSY_MS_DEFAULT}` });
  }
  if (
    requestMs !== undefined &&
    !(typeof requestMs === "number" && Number.isInteger(requestMs) && requestMs >= 100 && requestMs <= 600_000)
  ) {
    problems.push({
      key: "requestMs",
      problem: "must be a whole number of milliseconds from 100 to 600000",
      remedy: `requestMs: ${REQUEST_MS_DEFAULT}`,
    });
  }
  if (maxPageCount !== undefined && !(typeof maxPageCount === "number" && Number.isInteger(maxPageCount) && maxPageCount > 0)) {
    problems.push({ key: "maxPageCount", problem: "must be a whole number of pages", remedy: "maxPageCount: 1000000" });
  }
  for (const [key, value] of Object.entries({ readOnly, foreignKeys })) {
    if (value !== undefined && typeof value !== "boolean") problems.push({ key, problem: "must be true or false", remedy: `${key}: true` });
  }
  if (types !== undefined && !isTextMap(types)) {
    problems.push({ key: "types", problem: "must give a declared type by table.column", remedy: "types: { orders.paid_at: TIMESTAMPTZ }" });
  }
  for (const key of Object.keys(settings)) {
    if (!KEYS.includes(key))
      problems.push({ key, problem: "is not a setting of the sqlite connector", remedy: `one of ${KEYS.slice(1).join(", ")}` });
  }
  return problems;
}

/** Reads settings that {@link checkSqliteSettings} found no problem in. */
export function readSqliteSettings(settings: ConnectionSettings): SqliteSettings {
  const { file, busyMs, requestMs, readOnly, foreignKeys, maxPageCount, types } = settings;
  const entries = isTextMap(types) ? Object.entries(types) : [];
  return {
    file: resolve(typeof file === "string" ? file : ""),
    busyMs: typeof busyMs === "number" ? busyMs : BUSY_MS_DEFAULT,
    requestMs: typeof requestMs === "number" ? requestMs : REQUEST_MS_DEFAULT,
    readOnly: readOnly === true,
    foreignKeys: foreignKeys !== false,
    maxPageCount: typeof maxPageCount === "number" ? maxPageCount : null,
    types: new Map(entries.map(([column, type]) => [column.toLowerCase(), type])),
  };
}

/** The settings with waits cut down so that a write has ended within `requestMsMax`: two thirds of it may go to waiting for locks. [S32] */
export function withinLease(settings: SqliteSettings, requestMsMax: number | undefined): SqliteSettings {
  if (requestMsMax === undefined || settings.busyMs + settings.requestMs <= requestMsMax) return settings;
  const busyMs = Math.min(settings.busyMs, Math.floor((requestMsMax * 2) / 3));
  return { ...settings, busyMs, requestMs: Math.min(settings.requestMs, requestMsMax - busyMs) };
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === "object" && value !== null && Object.values(value).every((item) => typeof item === "string");
}
