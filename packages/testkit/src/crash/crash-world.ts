import { setTimeout as sleep } from "node:timers/promises";
import type { PostgresServer } from "@accord/sandbox/postgres";
import { createCommandLine } from "../program/command-line.ts";
import type { CommandLine, Running } from "../program/command-line.ts";
import type { CrashFields, Evidence, SideEvidence, Violation } from "./evidence.ts";
import { MAPPED } from "./evidence.ts";
import { seededRandom } from "../fake/random.ts";
import { postgresSystem } from "./postgres-system.ts";
import { sqliteSystem } from "./sqlite-system.ts";
import { openStoreView } from "./store-view.ts";
import type { StoreView } from "./store-view.ts";
import { INSTALLATION } from "./system.ts";
import type { CrashSystem } from "./system.ts";
import { openUserLog } from "./user-log.ts";
import type { UserLog } from "./user-log.ts";
import { createUsers } from "./users.ts";
import type { CrashUsers } from "./users.ts";

/** Which databases are kept in agreement. */
export type CrashTopology = "sqlite-postgres" | "postgres-postgres";

/** Two live databases with their users, and a folder in which the real program keeps them in agreement. */
export interface CrashWorld {
  readonly line: CommandLine;
  readonly systems: readonly [CrashSystem, CrashSystem];
  readonly users: CrashUsers;
  readonly log: UserLog;
  openStore(): StoreView | null;
  /** Ends everything; the folder stays where somebody is to look into it. */
  end(folder: "kept" | "removed"): Promise<void>;
}

/** Things that both sides have when Accord first sees them, and that one side alone has. */
const SHARED = 150;
const APART = 60;

/** Both sides may take this long to agree once users have stopped: the deadlines of open writes and a few retries. Milliseconds. */
const AGREE_MS_MAX = 90_000;
/** Quiet is watched for two sweeps. Milliseconds. */
const WATCH_MS = 2_500;
const LOOK_MS = 100;

/** Where both sides are PostgreSQL, one is followed by its log and the other by triggers. */
const CAPTURES = [
  ["triggers", "log"],
  ["log", "triggers"],
] as const;

let worlds = 0;

/** Makes the databases with their first things, writes accord.yaml and installs. Nothing runs yet. */
export async function createCrashWorld(
  topology: CrashTopology,
  servers: readonly [PostgresServer, PostgresServer],
  seed: number,
): Promise<CrashWorld> {
  worlds += 1;
  const line = createCommandLine();
  const captures = topology === "sqlite-postgres" ? CAPTURES[0] : seededRandom(seed).pick(CAPTURES);
  const left =
    topology === "sqlite-postgres"
      ? sqliteSystem("left", line.path("left.db"))
      : await postgresSystem("left", servers[0], `left_${worlds}`, captures[0]);
  const right = await postgresSystem("right", servers[1], `right_${worlds}`, captures[1]);
  const log = openUserLog(line.path("users.jsonl"));
  const users = await createUsers([left, right], log, seed);
  await users.seed(SHARED, APART);
  line.write("accord.yaml", projectFile([left, right]));
  const installed = await line.run(["install"]);
  if (installed.code !== 0) throw new Error(`install failed: ${installed.out}${installed.error}`);
  return {
    line,
    systems: [left, right],
    users,
    log,
    openStore: () => openStoreView(line.path(".accord/accord.db")),
    end: async (folder) => {
      await line.stop();
      await users.close();
      log.close();
      await left.close();
      await right.close();
      if (folder === "removed") await line.remove();
    },
  };
}

/** Short deadlines, so that recovery need not wait long; sweeps all the time; guards that hardly stop anything, since users delete and change at random. */
function projectFile([left, right]: readonly [CrashSystem, CrashSystem]): string {
  return `version: 1
installation: ${INSTALLATION}
limits: { lease: 3s }
connections:
  left: ${left.connection}
  right: ${right.connection}
syncs:
  things:
    sides:
      left: { object: ${left.object} }
      right: { object: ${right.object} }
    match: [[code]]
    policy: newest
    deletes: { do: delete }
    guards: { deletes: 1000000, changes: 100% }
    sweep: 1s
    fields:
      code: { type: text, left: code, right: code }
      name: { type: text, left: name, right: name }
      city: { type: text, left: city, right: city }
      note: { type: text, left: note, right: note, policy: { owner: [right, left] } }
      points: { type: integer, left: points, right: points, policy: counter }
    ignore: { left: [private], right: [private] }
`;
}

/** The last change of each side at some moment. */
export type Moment = readonly [number, number];

export async function momentNow({ systems: [left, right] }: CrashWorld): Promise<Moment> {
  return [await left.lastSequence(), await right.lastSequence()];
}

/**
 * Lets Accord run, users stopped, until both sides agree and nothing waits, and until its feeds have come past what users did last; then watches for two sweeps that it
 * stays so, and stops it. `living` is a process that runs already.
 */
export async function runUntilQuiet(
  world: CrashWorld,
  living: Running | null,
): Promise<{ readonly quietFrom: Moment; readonly tookMs: number; readonly unrest: Violation | null }> {
  const moments = await Promise.all(world.systems.map((system) => system.moment()));
  for (const side of world.systems.keys()) await world.users.add(side);
  const running = living ?? world.line.start(["run"]);
  await running.waitFor("Running");
  const startMs = performance.now();
  let unrest: Violation | null = { rule: "I1", what: "the sides did not come to agree" };
  while (unrest !== null && performance.now() - startMs < AGREE_MS_MAX && running.child.exitCode === null) {
    await sleep(LOOK_MS);
    unrest = await unrestOf(world, moments);
  }
  const tookMs = Math.round(performance.now() - startMs);
  const quietFrom = await momentNow(world);
  if (unrest === null) await sleep(WATCH_MS);
  await stopped(running);
  return { quietFrom, tookMs, unrest };
}

/** A person who lets everything go on that a guard has stopped: users change all records of a small world within the hour, and that is all right. [S43] */
export async function approveAll(world: CrashWorld): Promise<void> {
  const store = world.openStore();
  try {
    const trips = store?.trips() ?? [];
    if (trips.length === 0) return;
    const { code, out, error } = await world.line.run(["approve", ...trips]);
    if (code !== 0) throw new Error(`accord approve ended with ${code}: ${out}${error}`);
  } finally {
    store?.close();
  }
}

/** What is not as it should be yet. */
async function unrestOf(world: CrashWorld, moments: readonly string[]): Promise<Violation | null> {
  await approveAll(world);
  if (!isIdle(world)) return { rule: "I6", what: `Accord did not come to rest within ${AGREE_MS_MAX} ms` };
  if (!(await agree(world))) return { rule: "I1", what: `the sides did not come to agree within ${AGREE_MS_MAX} ms` };
  for (const [side, system] of world.systems.entries())
    if (!(await system.hasFollowed(moments[side] ?? "")))
      return {
        rule: "I10",
        what: `Accord did not follow the changes at ${system.name} within ${AGREE_MS_MAX} ms, though a sweep found them`,
      };
  return isIdle(world) ? null : { rule: "I6", what: `Accord did not come to rest within ${AGREE_MS_MAX} ms` };
}

function isIdle(world: CrashWorld): boolean {
  const store = world.openStore();
  try {
    return store?.isIdle() === true;
  } finally {
    store?.close();
  }
}

async function agree({ systems: [left, right] }: CrashWorld): Promise<boolean> {
  return JSON.stringify(mapped(await left.rows())) === JSON.stringify(mapped(await right.rows()));
}

function mapped(rows: readonly CrashFields[]): unknown {
  const found = rows.map((row) => MAPPED.map((field) => row[field] ?? null));
  return found.toSorted((a, b) => ((a[0] ?? "") < (b[0] ?? "") ? -1 : 1));
}

async function stopped(running: Running): Promise<void> {
  running.child.kill("SIGTERM");
  const { code, out, error } = await running.ended;
  if (code !== 0) throw new Error(`accord run ended with ${code} when it was stopped: ${out}${error}`);
}

/** Takes down what the databases and the users' log say; Accord must have stopped. */
export async function gatherEvidence(world: CrashWorld, metAt: Moment, quietFrom: Moment): Promise<Evidence> {
  const side = async (index: 0 | 1): Promise<SideEvidence> => {
    const system = world.systems[index];
    return {
      name: system.name,
      rows: await system.rows(),
      history: await system.history(),
      metAt: metAt[index],
      quietFrom: quietFrom[index],
    };
  };
  const store = world.openStore();
  try {
    return { sides: [await side(0), await side(1)], log: world.log.read(), conflicts: store?.lostValues() ?? [] };
  } finally {
    store?.close();
  }
}
