import { setTimeout as sleep } from "node:timers/promises";
import type { PostgresServer } from "@accord/sandbox/postgres";
import { createCommandLine } from "../program/command-line.ts";
import type { CommandLine, Running } from "../program/command-line.ts";
import type { CrashFields, Evidence, SideEvidence } from "./evidence.ts";
import { MAPPED } from "./evidence.ts";
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
  remove(): Promise<void>;
}

/** Things that both sides have when Accord first sees them, and that one side alone has. */
const SHARED = 150;
const APART = 60;

/** Both sides may take this long to agree once users have stopped: the deadlines of open writes and a few retries. Milliseconds. */
const AGREE_MS_MAX = 90_000;
/** Quiet is watched for two sweeps. Milliseconds. */
const WATCH_MS = 2_500;
const LOOK_MS = 100;

let worlds = 0;

/** Makes the databases with their first things, writes accord.yaml and installs. Nothing runs yet. */
export async function createCrashWorld(topology: CrashTopology, server: PostgresServer, seed: number): Promise<CrashWorld> {
  worlds += 1;
  const line = createCommandLine();
  const left =
    topology === "sqlite-postgres" ? sqliteSystem("left", line.path("left.db")) : await postgresSystem("left", server, `left_${worlds}`);
  const right = await postgresSystem("right", server, `right_${worlds}`);
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
    remove: async () => {
      await users.close();
      log.close();
      await left.close();
      await right.close();
      await line.remove();
    },
  };
}

/** Short deadlines, so that recovery need not wait long; sweeps all the time; no guard, since users delete at random. */
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
    guards: { deletes: 1000000 }
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

/** Lets Accord run, users stopped, until both sides agree and nothing waits; then watches for two sweeps that it stays so, and stops it. */
export async function runUntilQuiet(
  world: CrashWorld,
): Promise<{ readonly quietFrom: Moment; readonly tookMs: number; readonly isQuiet: boolean }> {
  const running = world.line.start(["run"]);
  await running.waitFor("Running");
  const startMs = performance.now();
  let isQuiet = false;
  while (!isQuiet && performance.now() - startMs < AGREE_MS_MAX && running.child.exitCode === null) {
    await sleep(LOOK_MS);
    isQuiet = isIdle(world) && (await agree(world)) && isIdle(world);
  }
  const tookMs = Math.round(performance.now() - startMs);
  const quietFrom = await momentNow(world);
  if (isQuiet) await sleep(WATCH_MS);
  await stopped(running);
  return { quietFrom, tookMs, isQuiet };
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
