import type { Duplex } from "node:stream";
import type { CallOptions } from "@accord/engine/connector";
import pg from "pg";
import { asAccordError, cancelled, serverFailure, throwIfCancelled } from "./errors.ts";
import { IDLE_CONNECTION_MS } from "./limits.ts";
import { Pipeline } from "./pipeline.ts";
import type { Parameter, Rows, Statement } from "./pipeline.ts";
import type { PostgresSettings } from "./settings.ts";
import { heardWithin, leave, ServerSilent, statementSilenceMs } from "./silence.ts";

/**
 * What decides how the server spells values, pinned in every session (the replication connection's too), so that the text of a cell is the same
 * whichever way it was read: see the section "client connection defaults" of the PostgreSQL manual.
 *
 * The search path of the pool's sessions is left as the role and the database have it: the user's triggers run in them, and may name tables as they would in
 * the application's sessions. So every name of ours is qualified, and types whose text depends on the path (regclass and its kin) are refused.
 */
export const SPELLING_SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: "ISO, YMD",
  IntervalStyle: "iso_8601",
  TimeZone: "UTC",
  extra_float_digits: "1",
  bytea_output: "hex",
  standard_conforming_strings: "on",
  search_path: "pg_catalog",
};

/**
 * Sessions that read and write by key. A plan prepared while a table was small must not scan it when it has grown, hence no sequential scans where an index
 * serves; compilation costs more than it saves in short statements, and so does planning them anew for each number of rows.
 */
const WORK_SETTINGS: Readonly<Record<string, string>> = {
  enable_seqscan: "off",
  random_page_cost: "1.1",
  jit: "off",
  plan_cache_mode: "force_generic_plan",
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  idle_in_transaction_session_timeout: "60000",
};

/** The server's own clock, in milliseconds since 1970. */
export const CLOCK = "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000";

/** A pool of sessions of one database. */
export interface Database {
  /** The connection's name and place, for messages: never a password. */
  readonly where: string;
  readonly settings: PostgresSettings;
  /**
   * Runs statements in one implicit transaction and one round trip; each result as rows of texts. Aborting the signal drops the session.
   * @throws {AccordError} see `asAccordError`
   */
  run(statements: readonly Statement[], options: CallOptions): Promise<readonly Rows[]>;
  /** One statement's rows. */
  rows(text: string, values: readonly Parameter[], options: CallOptions): Promise<Rows>;
  /** Lends a session. It is closed instead of kept where `work` fails, the server falls silent or the signal aborts. Failures are thrown as they are. */
  lend<Result>(work: (client: pg.PoolClient) => Promise<Result>, options: CallOptions): Promise<Result>;
  /** Lends a session until it is released; one that is released as broken is closed. @throws {AccordError} see `asAccordError` */
  borrow(options: CallOptions): Promise<Session>;
  close(): Promise<void>;
}

/** A borrowed session. */
export interface Session {
  readonly client: pg.PoolClient;
  /** What the server's clock shows at the least when `performance.now()` is this. Milliseconds since 1970. */
  serverClockMs(atMs: number): number;
  release(state: { readonly broken: boolean }): void;
}

/** Settings of `pg` for one session, for other kinds of sessions as well (replication, LISTEN). */
export function clientConfig(settings: PostgresSettings): pg.ClientConfig {
  const { mode, ca, cert, key } = settings.tls;
  const files = { ...(ca === null ? {} : { ca }), ...(cert === null ? {} : { cert }), ...(key === null ? {} : { key }) };
  const checks =
    mode === "require"
      ? { rejectUnauthorized: false }
      : mode === "verify-ca"
        ? { rejectUnauthorized: true, checkServerIdentity: () => undefined }
        : { rejectUnauthorized: true };
  return {
    host: settings.host,
    port: settings.port,
    database: settings.database,
    user: settings.user,
    // An empty text keeps `pg` from asking the environment or a password file for one that the configuration does not name.
    password: () => settings.password ?? "",
    ssl: mode === "off" ? false : { ...checks, ...files },
    application_name: "accord",
    connectionTimeoutMillis: settings.connectTimeoutMs,
    keepAlive: true,
  };
}

/** Makes the pool. Nothing is reached before the first call. */
export function createDatabase(name: string, settings: PostgresSettings): Database {
  const where = `connection "${name}" (PostgreSQL at ${settings.host}:${settings.port}, database ${settings.database})`;
  const pool = createPool(settings, where);

  async function lend<Result>(work: (client: pg.PoolClient) => Promise<Result>, { signal }: CallOptions): Promise<Result> {
    const client = await pool.acquire(signal);
    const working = heardWithin(statementSilenceMs(settings), client.connection.stream, () => work(client));
    try {
      const result = await untilAborted(working, signal, where);
      client.release();
      return result;
    } catch (error) {
      client.release(true);
      // Where the signal won, the work ends later, with the session's end.
      working.catch(() => {});
      throw error;
    }
  }

  async function run(statements: readonly Statement[], options: CallOptions): Promise<readonly Rows[]> {
    const attempt = (chosen: readonly Statement[]): Promise<readonly Rows[]> => lend((client) => runPipeline(client, chosen), options);
    try {
      return await attempt(statements).catch((error: unknown) => {
        if (!isStalePlan(error)) throw error;
        return attempt(unprepared(statements));
      });
    } catch (error) {
      throw asAccordError(error, where);
    }
  }

  return {
    where,
    settings,
    run,
    rows: async (text, values, options) => (await run([{ text, values }], options))[0] ?? [],
    lend,
    borrow: async ({ signal }) => {
      const client = await pool.acquire(signal);
      const aheadMs = pool.clockAheadMs(client);
      return { client, serverClockMs: (atMs) => atMs + aheadMs, release: ({ broken }) => client.release(broken) };
    },
    close: () => pool.close(),
  };
}

interface Pool {
  acquire(signal: AbortSignal): Promise<pg.PoolClient>;
  /** The server's clock less `performance.now()`, at the least: what it showed when the session began, and when we came to know. */
  clockAheadMs(client: pg.PoolClient): number;
  close(): Promise<void>;
}

/** Sessions with their settings pinned. */
function createPool(settings: PostgresSettings, where: string): Pool {
  const pool = new pg.Pool({
    ...clientConfig(settings),
    max: settings.poolSizeMax,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    allowExitOnIdle: true,
  });
  // A session that dies while nobody uses it is replaced at the next call; that call says so if there is anything to say.
  pool.on("error", () => {});
  const clocksAheadMs = new WeakMap<pg.PoolClient, number>();
  const open = new Set<pg.PoolClient>();
  /** Where one session has fallen silent, those of its time have too: none is asked again. */
  const suspect = new WeakSet<pg.PoolClient>();
  pool.on("connect", (client) => open.add(client));
  pool.on("remove", (client) => open.delete(client));
  const { search_path: _, ...spelling } = SPELLING_SETTINGS;
  const timeouts = { statement_timeout: String(settings.statementTimeoutMs), lock_timeout: String(settings.lockTimeoutMs) };
  const pinning = `${settingsStatement({ ...spelling, ...WORK_SETTINGS, ...timeouts })}, ${CLOCK} AS clock`;

  async function acquire(signal: AbortSignal): Promise<pg.PoolClient> {
    throwIfCancelled(signal, where);
    let client: pg.PoolClient | null = null;
    let connecting = pool.connect();
    // An idle session comes at once: there is no wait that the signal could cut short.
    const arrived = (): Promise<pg.PoolClient> =>
      pool.idleCount >= pool.waitingCount ? connecting : untilAborted(connecting, signal, where);
    try {
      client = await arrived();
      while (suspect.has(client)) {
        client.release(true);
        client = null;
        connecting = pool.connect();
        client = await arrived();
      }
      if (!clocksAheadMs.has(client)) {
        // Without a listener an error of the socket would end the process; whoever uses the session learns of it from its own call.
        client.on("error", (error) => {
          if (error instanceof ServerSilent) for (const other of open) suspect.add(other);
        });
        const fresh = client;
        const { rows } = await heardWithin(statementSilenceMs(settings), fresh.connection.stream, () =>
          fresh.query<{ readonly clock: number }>(pinning),
        );
        clocksAheadMs.set(client, Number(rows[0]?.clock) - performance.now());
      }
    } catch (error) {
      if (client !== null) client.release(true);
      // One that comes too late goes back to the pool.
      else connecting.then((late) => late.release()).catch(() => {});
      throw asAccordError(error, where);
    }
    if (!signal.aborted) return client;
    client.release();
    throw cancelled(where);
  }

  let closing: Promise<void> | null = null;
  const streams = (): Duplex[] => [...open].map(({ connection }) => connection.stream);
  return {
    acquire,
    clockAheadMs: (client) => clocksAheadMs.get(client) ?? 0,
    close: () => (closing ??= leave(() => pool.end(), streams)),
  };
}

/** The promise's result, or ACCORD_CANCELLED as soon as the signal aborts. */
function untilAborted<Result>(promise: Promise<Result>, signal: AbortSignal, where: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(where));
    signal.addEventListener("abort", onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Runs statements in one implicit transaction on a borrowed session; failures as the server sent them. */
export function runPipeline(client: pg.PoolClient, statements: readonly Statement[]): Promise<readonly Rows[]> {
  return client.query(new Pipeline(statements)).result;
}

/**
 * Runs statements, and `last` as soon as `confirm` has come back, which is called once the statements are on their way. Where it fails, so does this, and `last` is not
 * sent: the session is to be closed, which undoes what it had begun.
 */
export async function runConfirmed(
  client: pg.PoolClient,
  statements: readonly Statement[],
  confirm: () => Promise<void>,
  last: readonly Statement[],
): Promise<readonly Rows[]> {
  const running = runPipeline(client, statements);
  // Where the confirmation fails nobody waits for these.
  running.catch(() => {});
  await confirm();
  const ending = new Pipeline(last);
  const ended = client.query(ending).result;
  ending.send(client.connection);
  const [results] = await Promise.all([running, ended]);
  return results;
}

/** A table was altered under a prepared statement, or a pooler lost the statement. Nothing was done; without preparing it can be. */
export function isStalePlan(error: unknown): boolean {
  const failure = serverFailure(error);
  return failure !== null && ((failure.code === "0A000" && failure.routine === "RevalidateCachedQuery") || failure.code === "26000");
}

export function unprepared(statements: readonly Statement[]): readonly Statement[] {
  return statements.map(({ text, values }) => ({ text, values }));
}

/** One statement that pins settings for the session. */
export function settingsStatement(settings: Readonly<Record<string, string>>): string {
  const calls = Object.entries(settings).map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`);
  return `SELECT ${calls.join(", ")}`;
}
