import { readFileSync } from "node:fs";
import type { ConnectionSettings, SettingProblem } from "@accord/engine/connector";
import { limits } from "./limits.ts";

/** How the TLS of a connection is checked: `verify-full` as libpq does it; `require` encrypts without knowing with whom. */
export type TlsMode = "off" | "require" | "verify-ca" | "verify-full";

export type CaptureSetting = "auto" | "log" | "triggers" | "sweep";

/** The settings of one connection, read and completed. */
export interface PostgresSettings {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | null;
  readonly tls: { readonly mode: TlsMode; readonly ca: string | null; readonly cert: string | null; readonly key: string | null };
  readonly capture: CaptureSetting;
  readonly poolSizeMax: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  /** The same two for writes, which have to end before their worker's lease does. [S32] */
  readonly writeTimeoutMs: number;
  readonly writeLockTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly batchSizeMax: number;
  readonly pageSizeMax: number;
  readonly retainLimitBytes: number;
}

const TLS_MODES: readonly TlsMode[] = ["off", "require", "verify-ca", "verify-full"];
const CAPTURES: readonly CaptureSetting[] = ["auto", "log", "triggers", "sweep"];
const KEYS = new Set(["url", "host", "port", "database", "user", "password", "tls", "capture", "limits", "connector"]);
const TLS_KEYS = new Set(["mode", "ca", "cert", "key"]);

/** What one numeric limit may be: its bounds and default stand in `limits.ts`. */
const LIMITS = {
  poolSizeMax: limits.poolSizeMax,
  statementTimeoutMs: limits.statementTimeoutMs,
  lockTimeoutMs: limits.lockTimeoutMs,
  connectTimeoutMs: limits.connectTimeoutMs,
  batchSizeMax: limits.batchSizeMax,
  pageSizeMax: limits.pageSizeMax,
  retainLimitBytes: limits.retainLimitBytes,
} as const;

/** Reads settings; what is wrong with them is told in `problems`, key by key and never with a value that may be secret. */
export function readSettings(settings: ConnectionSettings): {
  readonly value: PostgresSettings;
  readonly problems: readonly SettingProblem[];
} {
  const problems: SettingProblem[] = [];
  const complain = (key: string, problem: string, remedy: string): void => void problems.push({ key, problem, remedy });
  for (const key of Object.keys(settings)) {
    if (!KEYS.has(key)) complain(key, "is not a setting of a PostgreSQL connection", `use one of ${[...KEYS].join(", ")}`);
  }
  const url = readUrl(settings["url"], complain);
  const text = (key: "host" | "database" | "user" | "password", fallback: string | null): string | null => {
    const value = settings[key] ?? url?.[key];
    if (value === undefined || value === null) return fallback;
    if (typeof value === "string" && value !== "") return value;
    complain(key, "must be a text that is not empty", `write \`${key}: …\``);
    return fallback;
  };
  const host = text("host", null);
  if (host === null && problems.length === 0)
    complain("host", "is missing", "give `url: postgres://user:password@host/database`, or `host`, `database` and `user`");
  const user = text("user", null);
  if (user === null && problems.length === 0) complain("user", "is missing", "name the database role that Accord logs in as");
  const limitsGiven = recordOf(settings["limits"] ?? {}, "limits", complain);
  for (const key of Object.keys(limitsGiven)) {
    if (!(key in LIMITS))
      complain(`limits.${key}`, "is not a limit of a PostgreSQL connection", `use one of ${Object.keys(LIMITS).join(", ")}`);
  }
  const limit = (key: keyof typeof LIMITS): number => {
    const { min, max, standard } = LIMITS[key];
    const value = limitsGiven[key] ?? standard;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    complain(`limits.${key}`, `must be a whole number from ${min} to ${max}`, `leave it out for ${standard}`);
    return standard;
  };
  const port = readPort(settings["port"] ?? url?.port ?? 5432, complain);
  const value: PostgresSettings = {
    host: host ?? "",
    port,
    database: text("database", user) ?? "",
    user: user ?? "",
    password: text("password", null),
    tls: readTls(settings["tls"] ?? url?.tls, host ?? "", complain),
    capture: oneOf("capture", settings["capture"] ?? "auto", CAPTURES, "auto", complain),
    poolSizeMax: limit("poolSizeMax"),
    statementTimeoutMs: limit("statementTimeoutMs"),
    lockTimeoutMs: limit("lockTimeoutMs"),
    writeTimeoutMs: limit("statementTimeoutMs"),
    writeLockTimeoutMs: limit("lockTimeoutMs"),
    connectTimeoutMs: limit("connectTimeoutMs"),
    batchSizeMax: limit("batchSizeMax"),
    pageSizeMax: limit("pageSizeMax"),
    retainLimitBytes: limit("retainLimitBytes"),
  };
  return { value, problems };
}

/** The settings with the timeouts of writes cut down so that {@link writeDeadlineMs} is within `requestMsMax`: a quarter of it may go to waiting for locks. [S32] */
export function withinLease(settings: PostgresSettings, requestMsMax: number | undefined): PostgresSettings {
  if (requestMsMax === undefined || writeDeadlineMs(settings) <= requestMsMax) return settings;
  const writeLockTimeoutMs = Math.min(settings.writeLockTimeoutMs, Math.floor(requestMsMax / 4));
  return {
    ...settings,
    writeLockTimeoutMs,
    writeTimeoutMs: Math.min(settings.writeTimeoutMs, Math.floor((requestMsMax - writeLockTimeoutMs) / 2)),
  };
}

/** When a write has ended, whatever the client heard of it: waiting for a lock and the statement itself, once for the write and once for the commit. Milliseconds. [S31] */
export function writeDeadlineMs({ writeTimeoutMs, writeLockTimeoutMs }: PostgresSettings): number {
  return 2 * writeTimeoutMs + writeLockTimeoutMs;
}

type Complain = (key: string, problem: string, remedy: string) => void;

interface UrlParts {
  readonly host: string | undefined;
  readonly port: string | undefined;
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly tls: unknown;
}

function readUrl(given: unknown, complain: Complain): UrlParts | null {
  if (given === undefined) return null;
  const parsed = typeof given === "string" && URL.canParse(given) ? new URL(given) : null;
  if (parsed === null || !["postgres:", "postgresql:"].includes(parsed.protocol)) {
    complain(
      "url",
      "is not a PostgreSQL address",
      "write `postgres://user:password@host:5432/database`, with special characters of the password percent-encoded",
    );
    return null;
  }
  const parameters = parsed.searchParams;
  for (const key of parameters.keys()) {
    if (!["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "application_name"].includes(key)) {
      complain("url", `has the parameter \`${key}\`, which Accord does not know`, "remove it");
    }
  }
  const sslmode = parameters.get("sslmode");
  const files = { ca: parameters.get("sslrootcert"), cert: parameters.get("sslcert"), key: parameters.get("sslkey") };
  const hasTls = sslmode !== null || Object.values(files).some((file) => file !== null);
  return {
    host: part(parsed.hostname.replace(/^\[(.*)\]$/, "$1")) ?? parameters.get("host") ?? undefined,
    port: part(parsed.port),
    database: part(parsed.pathname.slice(1)),
    user: part(parsed.username),
    password: part(parsed.password),
    tls: hasTls ? { ...(sslmode === null ? {} : { mode: sslmode === "disable" ? "off" : sslmode }), ...withoutNulls(files) } : undefined,
  };
}

function part(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function withoutNulls(record: Readonly<Record<string, string | null>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
}

function readPort(given: unknown, complain: Complain): number {
  const port = typeof given === "string" && /^\d+$/.test(given) ? Number(given) : given;
  if (typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536) return port;
  complain("port", "must be a port number from 1 to 65535", "leave it out for 5432");
  return 5432;
}

function readTls(given: unknown, host: string, complain: Complain): PostgresSettings["tls"] {
  const standard: TlsMode = isLocal(host) ? "off" : "verify-full";
  const none = { ca: null, cert: null, key: null };
  if (given === undefined || given === null) return { mode: standard, ...none };
  if (given === false) return { mode: "off", ...none };
  if (given === true) return { mode: "verify-full", ...none };
  if (typeof given === "string") return { mode: oneOf("tls", given, TLS_MODES, standard, complain), ...none };
  const record = recordOf(given, "tls", complain);
  for (const key of Object.keys(record)) {
    if (!TLS_KEYS.has(key)) complain(`tls.${key}`, "is not a setting of TLS", "use mode, ca, cert or key");
  }
  const file = (key: "ca" | "cert" | "key"): string | null => {
    const path = record[key];
    if (path === undefined) return null;
    try {
      if (typeof path === "string") return readFileSync(path, "utf8");
    } catch {
      // Said below, like a path that is no text.
    }
    complain(`tls.${key}`, "names a file that cannot be read", "give the path of a PEM file");
    return null;
  };
  const mode = oneOf(
    "tls.mode",
    record["mode"] ?? (Object.keys(record).length > 0 ? "verify-full" : standard),
    TLS_MODES,
    standard,
    complain,
  );
  return { mode, ca: file("ca"), cert: file("cert"), key: file("key") };
}

/** Off the network nobody listens in: sockets of this machine need no TLS. */
function isLocal(host: string): boolean {
  return host.startsWith("/") || host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}

function oneOf<Choice extends string>(
  key: string,
  given: unknown,
  choices: readonly Choice[],
  fallback: Choice,
  complain: Complain,
): Choice {
  const choice = choices.find((candidate) => candidate === given);
  if (choice !== undefined) return choice;
  complain(key, "is none of its choices", `write one of ${choices.join(", ")}`);
  return fallback;
}

function recordOf(given: unknown, key: string, complain: Complain): Readonly<Record<string, unknown>> {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return { ...given };
  complain(key, "must be a group of settings", `write the settings below \`${key}:\`, each on its own line`);
  return {};
}
