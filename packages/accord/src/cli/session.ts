import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DoubtfulReadings, Echoes, Fights, refreshStates, requestMsMax, SILENT_WATCHER } from "@accord/engine";
import { keyMatcher } from "@accord/engine/match";
import type { EngineContext, RunningSync, RunWatcher } from "@accord/engine";
import { AccordError, assert } from "@accord/engine/connector";
import type { CallOptions, Connection, Connector, Host, OpenObject } from "@accord/engine/connector";
import type { ColumnTypes, NewRun, RunOutcome, StoreIdentity, SyncConfiguration, SyncRow } from "@accord/engine/store";
import type { SyncModel } from "@accord/core";
import { columnsOf } from "../config/columns-of.ts";
import { configurationOf } from "../config/digest.ts";
import { loadProject } from "../config/load-project.ts";
import type { ConfigurationNote } from "../config/problem.ts";
import type { Project, ProjectSync } from "../config/project.ts";
import { retypedColumns } from "../config/retyped.ts";
import type { PausedField } from "../config/side-context.ts";
import { holdEngine, leaseHolderName } from "../daemon/engine-lease.ts";
import type { HeldEngine } from "../daemon/engine-lease.ts";
import { laterMark, readMarks, signPatiently } from "../daemon/sign.ts";
import { createLog, systemClock, systemRandom } from "../daemon/host.ts";
import { compileAll, goWithout, NONE_PLANNED, pauseWarning, plannedSyncs, withoutTypes } from "./compile-project.ts";
import type { Compiled, CompiledProject, SchemaFinder } from "./compile-project.ts";
import { ProjectProblems, todoError } from "./problems.ts";
import type { FileStore, Program } from "./program.ts";

/** What a command has in hand once its project file was read and checked. */
export interface OpenProject {
  readonly project: Project;
  readonly host: Host;
  readonly connectors: readonly Connector[];
}

/** A project with its store. */
export interface StoreSession extends OpenProject {
  readonly store: FileStore;
  readonly identity: StoreIdentity;
  close(): Promise<void>;
}

/** A project with its store and its systems, ready to act. */
export interface SystemsSession extends StoreSession {
  readonly context: EngineContext;
  /** What compiling the syncs remarked: lossy and unmapped fields. */
  readonly notes: readonly ConfigurationNote[];
  /** What a person should know before anything happens, one sentence each: a restored store, a changed configuration. */
  readonly warnings: readonly string[];
  /** Syncs whose configuration is not the one that was planned last. [S51] */
  readonly changed: readonly string[];
  /** Fields that a system shows no more. [S50] */
  readonly paused: readonly PausedField[];
  /** Aborts with the command's signal, or when another process took over. Pass this one on. */
  readonly signal: AbortSignal;
  /** Ends the run, releases the engine, closes connections and store. Safe to call twice. */
  close(outcome?: RunOutcome): Promise<void>;
}

export interface SessionOptions {
  readonly file: string;
  readonly signal: AbortSignal;
  /** Takes each log line as well: `--verbose`. */
  readonly printLog: ((line: string) => void) | null;
}

export interface SystemsOptions extends SessionOptions {
  /** False: whatever happens, no system is written to. */
  readonly mayWrite: boolean;
  /** The run that the command is, under the exclusive right to act on the store; null for commands that only look. */
  readonly runKind: NewRun["kind"] | null;
  /** Whether the exclusive right to act is held meanwhile. Left out: in runs it is, but in live ones, which take and keep it by themselves. */
  readonly holdsEngine?: boolean;
  readonly watch?: RunWatcher;
  /** Whether columns of another type than was planned are taken as they are now, as a new version of their sync. Left out: their fields are paused. [S50] */
  readonly acceptsTypes?: boolean;
  /** May refuse before anything is written, to the store included. */
  readonly beforeRun?: (opened: StoreSession, options: CallOptions) => Promise<void>;
  /** What a mark of another store at a system means: `refuse` (default), or nothing (`install --adopt` and `uninstall`). [S58] */
  readonly foreignMark?: "refuse" | "ignore";
}

/** Reads and checks the project file. @throws ProjectProblems */
export async function openProject(program: Program, options: SessionOptions): Promise<OpenProject> {
  const connectors = await program.loadConnectors();
  const loaded = await loadProject(options.file, program.environment, connectors);
  if (loaded.kind === "problems") throw new ProjectProblems(loaded.problems);
  const log = createLog({ file: join(dirname(loaded.project.storePath), "accord.log"), print: options.printLog });
  return { project: loaded.project, connectors, host: { clock: systemClock, random: systemRandom, log } };
}

/** Opens the project and its store, which must be there already. @throws ProjectProblems, ACCORD_NO_STORE and those of opening a store */
export async function openStoreSession(program: Program, options: SessionOptions): Promise<StoreSession> {
  const opened = await openProject(program, options);
  const { storePath } = opened.project;
  if (!existsSync(storePath)) {
    throw new AccordError("ACCORD_NO_STORE", `There is no store at ${storePath} yet; begin with accord plan, or restore a backup.`, {
      remedy: "stop",
      where: storePath,
    });
  }
  return withStore(program, opened);
}

/**
 * Opens everything: project, store and systems; compiles the syncs and registers them with the store; checks that each system is kept by this very store; takes the
 * engine and starts a run where the command is one.
 *
 * @throws ProjectProblems what is wrong with the file, line by line
 * @throws {AccordError} ACCORD_FOREIGN_STORE, ACCORD_ALREADY_RUNNING, those of connections and of the store. Nothing has been written to any system then.
 */
export async function openSession(program: Program, options: SystemsOptions): Promise<SystemsSession> {
  const opened = await openProject(program, options);
  const connections = connectAll(opened);
  const acceptsTypes = options.acceptsTypes === true;
  const call = { signal: options.signal };
  let store: StoreSession | null = null;
  try {
    const schemas = await readSchemas(opened.project, connections, call);
    const strict = compileAll(opened.project, schemas, NONE_PLANNED);
    // A project that was never right begins with nothing, not even a store.
    if (strict.problems.length > 0 && !existsSync(opened.project.storePath)) throw new ProjectProblems(strict.problems);
    store = await withStore(program, opened);
    const planned = await plannedSyncs(store, call);
    const compiled = planned.size === 0 ? strict : compileAll(opened.project, schemas, acceptsTypes ? withoutTypes(planned) : planned);
    if (compiled.problems.length > 0) throw new ProjectProblems(compiled.problems);
    goWithout(connections, opened.project, compiled.paused);
    if (options.foreignMark !== "ignore") await requireOwnSystems(store.identity, connections, FOREIGN_REMEDY, call);
    return await startSession(store, connections, schemas, compiled, options);
  } catch (error) {
    await store?.close();
    await closeAll(connections);
    throw error;
  }
}

async function withStore(program: Program, opened: OpenProject): Promise<StoreSession> {
  const path = opened.project.storePath;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AccordError(
      "ACCORD_STORE_UNREACHABLE",
      `The folder of the store ${path} cannot be made; let this user write there, or set store: in the project file.`,
      {
        remedy: "stop",
        where: path,
        cause: error,
      },
    );
  }
  const store = await program.openStore({ path, ...opened.host });
  return { ...opened, store, identity: await store.identity(), close: () => store.close() };
}

/** One connection per entry of `connections:` that a sync uses. */
export function connectAll({ project, connectors, host }: OpenProject, only?: readonly string[]): Map<string, Connection> {
  const wanted = new Set(only ?? project.syncs.flatMap(({ sides }) => sides.map(({ connection }) => connection)));
  const connections = new Map<string, Connection>();
  for (const { name, connector: kind, settings } of project.connections) {
    const connector = connectors.find((candidate) => candidate.name === kind);
    if (connector === undefined || !wanted.has(name)) continue;
    connections.set(
      name,
      connector.connect(settings, { ...host, name, installation: project.installation, requestMsMax: requestMsMax(project.limits) }),
    );
  }
  return connections;
}

/** Closes connections; one that fails to does not keep the others open. */
export async function closeAll(connections: ReadonlyMap<string, Connection>): Promise<void> {
  await Promise.allSettled([...connections.values()].map((connection) => connection.close()));
}

/** Discovers every connection. A table of PostgreSQL's `public` may be written without its schema. */
export async function readSchemas(
  project: Project,
  connections: ReadonlyMap<string, Connection>,
  options: CallOptions,
): Promise<SchemaFinder> {
  const found = new Map(
    await Promise.all([...connections].map(async ([name, connection]) => [name, await connection.discover(options)] as const)),
  );
  return (connection, object) => {
    const schemas = found.get(connection) ?? [];
    return schemas.find(({ name }) => name === object) ?? schemas.find(({ name }) => name === `public.${object}`);
  };
}

/**
 * A system that another store keeps is not touched: two engines would fight over it. [S58] `identity` null: there is no store here at all.
 * @throws ACCORD_FOREIGN_STORE
 */
export async function requireOwnSystems(
  identity: StoreIdentity | null,
  connections: ReadonlyMap<string, Connection>,
  remedy: string,
  options: CallOptions,
): Promise<void> {
  for (const [name, mark] of await readMarks(connections, options)) {
    if (mark === null || mark.storeId === identity?.storeId) continue;
    const own = identity === null ? "" : `, this one is ${identity.storeId.slice(0, 8)}`;
    throw new AccordError(
      "ACCORD_FOREIGN_STORE",
      `${name} is kept by another Accord store (${mark.storeId.slice(0, 8)}${own}), and nothing was written; ${remedy}.`,
      {
        remedy: "stop",
        where: name,
      },
    );
  }
}

/** What to do where another store's mark stands. */
const FOREIGN_REMEDY =
  "set store: to that one, restore its backup with accord restore, or, if it is lost, begin anew with accord install --adopt";

async function startSession(
  opened: StoreSession,
  connections: Map<string, Connection>,
  schemas: SchemaFinder,
  compiled: CompiledProject,
  options: SystemsOptions,
): Promise<SystemsSession> {
  const { project, host, store } = opened;
  const call = { signal: options.signal };
  const later = await laterMark(store, opened.identity, connections, call);
  let identity = { ...opened.identity, restored: opened.identity.restored || later !== null };
  const base = {
    ...host,
    store,
    identity,
    connections,
    matcher: keyMatcher,
    limits: project.limits,
    mayWrite: options.mayWrite,
    holder: leaseHolderName(),
    states: new Map(),
    pilots: new Set(),
    leases: new Map(),
    // Only a live run follows feeds, by which own writes come back.
    doubtful: new DoubtfulReadings(),
    echoes: options.runKind === "live" ? new Echoes() : new Echoes(0),
    unsettled: new Map(),
    ledger: new Map(),
    fights: new Fights(),
    watch: options.watch ?? SILENT_WATCHER,
  } satisfies Omit<EngineContext, "syncs" | "run">;
  const isHeld = options.holdsEngine ?? (options.runKind !== null && options.runKind !== "live");
  const held = isHeld ? await holdEngine({ ...base, syncs: [], run: 0 }, call) : null;
  try {
    // An older copy takes a generation of its own before it hands out an entity's id: those of the file it replaced stand in the systems. [S58]
    if (later !== null && (options.runKind === "plan" || options.runKind === "apply"))
      identity = { ...identity, generation: await store.fallBehind(later.generation, call) };
    await options.beforeRun?.(opened, call);
    const rows = await registerSyncs({ ...opened, identity }, schemas, options);
    const syncs: RunningSync[] = [];
    for (const sync of project.syncs) syncs.push(await startSync(opened, sync, connections, compiled.syncs, rows.byName, call));
    const run = options.runKind === null ? 0 : await store.startRun({ kind: options.runKind, startedAtMs: host.clock.nowMs() }, call);
    const context: EngineContext = { ...base, identity, syncs, run };
    await refreshStates(context, call);
    if (options.mayWrite && run !== 0) await signPatiently(context, call);
    return {
      ...opened,
      identity,
      context,
      signal: held?.signal ?? options.signal,
      changed: rows.changed,
      warnings: [...warningsOf(identity, rows, options), ...compiled.paused.map(pauseWarning)],
      paused: compiled.paused,
      notes: [...compiled.syncs.values()].flatMap(({ notes }) => notes),
      close: closer(opened, context, connections, held),
    };
  } catch (error) {
    await held?.release();
    throw error;
  }
}

/** The end of a run does not wait longer than this for systems to take its signature. Milliseconds. */
const SIGN_MS_MAX = 5_000;

function closer(
  opened: StoreSession,
  context: EngineContext,
  connections: ReadonlyMap<string, Connection>,
  held: HeldEngine | null,
): SystemsSession["close"] {
  const { run } = context;
  let isClosed = false;
  return async (outcome = "done") => {
    if (isClosed) return;
    isClosed = true;
    try {
      // A stop by the user has aborted the command's signal; ending the run has one of its own.
      const unhurried = { signal: new AbortController().signal };
      if (run !== 0 && context.mayWrite) await signPatiently(context, { signal: AbortSignal.timeout(SIGN_MS_MAX) });
      if (run !== 0) await opened.store.finishRun(run, opened.host.clock.nowMs(), outcome, unhurried);
      await held?.release();
    } finally {
      await closeAll(connections);
      await opened.store.close();
    }
  };
}

function warningsOf(identity: StoreIdentity, { changed, retyped }: RegisteredSyncs, options: SystemsOptions): string[] {
  const warnings: string[] = [];
  if (identity.restored)
    warnings.push(
      "This store was restored from a backup, or is an older copy, and is behind the systems: nothing is written to them before a plan is applied.",
    );
  for (const name of retyped)
    warnings.push(
      `Columns of ${name} are taken as they are now: it is a new version, and nothing is written before a plan of it is applied.`,
    );
  for (const name of changed.filter((one) => !retyped.includes(one))) {
    warnings.push(
      options.runKind === null
        ? `The project file says something else of ${name} than when it was last planned; run accord plan to see what that means.`
        : `The project file says something else of ${name} than before: it is a new version, and nothing is written before a plan of it is applied.`,
    );
  }
  return warnings;
}

/** `changed` names syncs whose configuration is not the one that was planned last, `retyped` those of them of which only columns are of another type. */
interface RegisteredSyncs {
  readonly byName: ReadonlyMap<string, SyncRow>;
  readonly changed: readonly string[];
  readonly retyped: readonly string[];
}

/** What the store knows of each sync. A changed configuration becomes a new version in plans, whose writes wait for `apply`; other runs refuse to begin on it. [S51] */
async function registerSyncs(
  { project, store, identity }: StoreSession,
  schemas: SchemaFinder,
  options: SystemsOptions,
): Promise<RegisteredSyncs> {
  const call = { signal: options.signal };
  const plans = options.runKind === "plan" || options.runKind === "apply";
  if (identity.restored && options.runKind !== null && !plans) {
    throw todoError(
      "ACCORD_NOT_APPLIED",
      "This store was restored from a backup, or is an older copy, and is behind the systems, and nothing was written; see what differs with accord plan, then accord apply.",
    );
  }
  const known = new Map((await store.listSyncs(call)).map((row) => [row.name, row]));
  const byName = new Map<string, SyncRow>();
  const changed: string[] = [];
  const retyped: string[] = [];
  for (const { name } of project.syncs) {
    const live = configurationOf(project, name, schemas);
    const row = known.get(name);
    const types = row === undefined || row.digest !== live.digest ? [] : ((await store.syncVersions(row.id, call))[0]?.types ?? []);
    // What a column is now is taken over with a new version alone; else nobody would notice that it changed. [S50]
    const configuration = options.acceptsTypes === true ? live : withTypes(live, types);
    const isRetyped =
      options.acceptsTypes === true && live.sides.some((side, place) => retypedColumns(types[place] ?? {}, side.types ?? {}).size > 0);
    const isChanged = row !== undefined && (row.digest !== configuration.digest || isRetyped);
    if (isChanged && row.state !== "new") changed.push(name);
    if (isRetyped) retyped.push(name);
    if (isChanged && options.runKind === null) {
      byName.set(name, row);
      continue;
    }
    if (isChanged && row.state !== "new" && !plans) {
      throw todoError(
        "ACCORD_CONFIGURATION_CHANGED",
        `The project file says something else of ${name} than before, and nothing was written; see what that means with accord plan, then accord apply.`,
      );
    }
    const registered = await store.openSync(name, configuration, call);
    const reason = isRetyped
      ? "columns are of another type"
      : isChanged
        ? "the configuration changed"
        : identity.restored
          ? "the store was restored from a backup"
          : null;
    if (reason !== null && plans && registered.state !== "new") await store.setSyncState(registered.id, "planned", reason, call);
    byName.set(name, registered);
  }
  return { byName, changed, retyped };
}

/** The types that the sides' columns were known to have, where they were known. */
function withTypes(configuration: SyncConfiguration, types: readonly ColumnTypes[]): SyncConfiguration {
  const sides = configuration.sides.map((side, place) => ({ ...side, types: { ...side.types, ...types[place] } }));
  return { ...configuration, sides };
}

async function startSync(
  { project }: StoreSession,
  sync: ProjectSync,
  connections: ReadonlyMap<string, Connection>,
  compiled: ReadonlyMap<string, Compiled>,
  rows: ReadonlyMap<string, SyncRow>,
  options: CallOptions,
): Promise<RunningSync> {
  const row = rows.get(sync.name);
  const ready = compiled.get(sync.name);
  assert(row !== undefined && ready !== undefined, `sync ${sync.name} was registered and compiled`);
  const objects: OpenObject[] = [];
  for (const side of sync.sides) {
    const connection = connections.get(side.connection);
    const columns = columnsOf(project, sync.name, side.name);
    assert(connection !== undefined && columns.kind === "columns", `side ${side.name} was compiled`);
    objects.push(await connection.open(side.object, columns.columns, options));
  }
  return { id: row.id, model: withVersion(ready.model, row.version), settings: ready.settings, objects };
}

/** The store counts versions; the model was compiled before it was asked. */
function withVersion(model: SyncModel, version: number): SyncModel {
  return { ...model, version, sides: model.sides.map((side) => ({ ...side, mapping: { ...side.mapping, version } })) };
}
