import { setTimeout as sleep } from "node:timers/promises";
import { startPostgres } from "@accord/sandbox/postgres";
import type { PostgresServer } from "@accord/sandbox/postgres";
import { seededRandom } from "../fake/random.ts";
import type { SeededRandom } from "../fake/random.ts";
import type { Running } from "../program/command-line.ts";
import { checkEvidence } from "./check-evidence.ts";
import { CRASH_ROWS, CrashTally } from "./crash-table.ts";
import type { CrashCounts, CrashRow } from "./crash-table.ts";
import { createCrashWorld, gatherEvidence, momentNow, runUntilQuiet } from "./crash-world.ts";
import type { CrashTopology, CrashWorld, Moment } from "./crash-world.ts";
import type { Violation } from "./evidence.ts";
import { autopsy, killHard } from "./kill.ts";
import type { KillScene } from "./kill.ts";
import { pausePastLease } from "./pause.ts";
import { killAt } from "./steer.ts";

export interface CrashOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Worlds are made in turn of these. */
  readonly topologies: readonly CrashTopology[];
  /** Rounds in one world before a new one is made, whose first apply is killed too. */
  readonly roundsPerWorld: number;
  /** The crash table's row that the first round steers for; the next ones follow in its order. */
  readonly firstRow?: number;
  /** Hears of each round when it has ended. */
  readonly onRound?: (round: CrashRound) => void;
}

/** What one round found. */
export interface CrashRound {
  readonly number: number;
  readonly topology: CrashTopology;
  readonly steered: CrashRow;
  readonly kills: number;
  /** How long Accord took until both sides agreed once users had stopped. Milliseconds. */
  readonly agreedMs: number;
  readonly violations: readonly Violation[];
  /** The folder that holds the store, log and users' log; kept only where something was violated. */
  readonly folder: string;
}

/** The figures of a campaign. */
export interface CrashReport {
  readonly rounds: readonly CrashRound[];
  readonly kills: { readonly apply: number; readonly run: number };
  readonly rows: CrashCounts;
  readonly userWrites: number;
  readonly accordWrites: number;
  readonly conflicts: number;
  readonly violations: readonly Violation[];
}

/** Random kills of a round beside the steered one. */
const RANDOM_KILLS = 2;
/** A random kill strikes within this time of the start. Milliseconds. */
const KILL_WITHIN_MS = 1_600;
/** A steered kill that missed its moment is repeated, up to so many in all. */
const AIMS_MAX = 4;
/** A process is left to work before it is steered to its moment. Milliseconds. */
const WARM_MS = 200;

/**
 * Kills the real program at chosen and random moments while users write at both sides, lets it come to rest, and checks the invariants from what users did and what
 * the databases show. A world in which something was violated is not used again.
 */
export async function runCrashCampaign(options: CrashOptions): Promise<CrashReport> {
  const server = await startPostgres({ settings: { max_replication_slots: "60", max_wal_senders: "60", max_connections: "200" } });
  try {
    return await new Campaign(options, server).run();
  } finally {
    await server.stop();
  }
}

class Campaign {
  readonly #options: CrashOptions;
  readonly #server: PostgresServer;
  readonly #random: SeededRandom;
  readonly #tally = new CrashTally();
  readonly #kills = { apply: 0, run: 0 };
  readonly #rounds: CrashRound[] = [];
  #userWrites = 0;
  #accordWrites = 0;
  #conflicts = 0;

  constructor(options: CrashOptions, server: PostgresServer) {
    this.#options = options;
    this.#server = server;
    this.#random = seededRandom(options.seed);
  }

  async run(): Promise<CrashReport> {
    const { rounds, topologies, roundsPerWorld } = this.#options;
    for (let world = 0; this.#rounds.length < rounds; world += 1) {
      const topology = topologies[world % topologies.length] ?? "sqlite-postgres";
      await this.#world(topology, Math.min(roundsPerWorld, rounds - this.#rounds.length));
    }
    return {
      rounds: this.#rounds,
      kills: this.#kills,
      rows: this.#tally.counts(),
      userWrites: this.#userWrites,
      accordWrites: this.#accordWrites,
      conflicts: this.#conflicts,
      violations: this.#rounds.flatMap(({ violations }) => violations),
    };
  }

  async #world(topology: CrashTopology, rounds: number): Promise<void> {
    const world = await createCrashWorld(topology, this.#server, this.#random.integer(2 ** 31));
    let isSound = true;
    try {
      const life = new WorldLife(world, this.#random, this.#tally, this.#kills);
      for (let round = 0; round < rounds && isSound; round += 1) {
        const number = this.#rounds.length;
        const steered = CRASH_ROWS[(number + (this.#options.firstRow ?? 0)) % CRASH_ROWS.length] ?? CRASH_ROWS[0];
        const done = { number, topology, steered, ...(await life.round(steered)), folder: world.line.folder };
        isSound = done.violations.length === 0;
        this.#rounds.push(done);
        this.#options.onRound?.(done);
      }
      const { sides, conflicts } = await gatherEvidence(world, [0, 0], [0, 0]);
      const all = sides.flatMap(({ history }) => history);
      this.#userWrites += all.filter(({ operation }) => operation !== null).length;
      this.#accordWrites += all.filter(({ operation }) => operation === null).length;
      this.#conflicts += conflicts.length;
    } catch (error) {
      isSound = false;
      throw error;
    } finally {
      await world.users.stop();
      if (isSound || process.env["ACCORD_CRASH_KEEP"] === undefined) await world.remove();
    }
  }
}

/** One world over its rounds. */
class WorldLife {
  readonly #world: CrashWorld;
  readonly #random: SeededRandom;
  readonly #scene: KillScene;
  readonly #kills: { apply: number; run: number };
  /** Whether a whole plan was applied: before that `accord run` refuses to start. */
  #isLive = false;
  #metAt: Moment = [0, 0];

  constructor(world: CrashWorld, random: SeededRandom, tally: CrashTally, kills: { apply: number; run: number }) {
    this.#world = world;
    this.#random = random;
    this.#kills = kills;
    this.#scene = { systems: world.systems, users: world.users, tally, openStore: () => world.openStore() };
  }

  async round(steered: CrashRow): Promise<Pick<CrashRound, "kills" | "agreedMs" | "violations">> {
    const before = this.#kills.apply + this.#kills.run;
    this.#world.users.start();
    if (!this.#isLive) await this.#firstApply();
    const at = this.#random.integer(RANDOM_KILLS + 1);
    for (let kill = 0; kill <= RANDOM_KILLS; kill += 1) await (kill === at ? this.#steeredKill(steered) : this.#randomKill());
    await this.#world.users.stop();
    const { quietFrom, tookMs, isQuiet } = await runUntilQuiet(this.#world);
    const violations = checkEvidence(await gatherEvidence(this.#world, this.#metAt, quietFrom));
    const unrest: Violation[] =
      isQuiet || violations.length > 0 ? [] : [{ rule: "I6", what: `Accord did not come to rest within ${tookMs} ms` }];
    return { kills: this.#kills.apply + this.#kills.run - before, agreedMs: tookMs, violations: [...violations, ...unrest] };
  }

  /** The first apply: killed twice, then carried out. */
  async #firstApply(): Promise<void> {
    for (let kill = 0; kill < 2; kill += 1) await this.#killSoon("apply", 250 + this.#random.integer(KILL_WITHIN_MS));
    const { code, out, error } = await this.#world.line.run(["apply", "--yes"]);
    if (!isApplied(code)) throw new Error(`accord apply failed: ${out}${error}`);
    this.#isLive = true;
    this.#metAt = await momentNow(this.#world);
    this.#world.users.hasMet = true;
  }

  async #randomKill(): Promise<void> {
    const command = this.#random.chance(0.3) ? "apply" : "run";
    await this.#killSoon(command, 50 + this.#random.integer(KILL_WITHIN_MS));
  }

  async #killSoon(command: "apply" | "run", afterMs: number): Promise<void> {
    const running = this.#start(command);
    await Promise.race([sleep(afterMs), running.ended]);
    await this.#strike(command, running, () => killHard(running));
  }

  /** A moment that was missed is aimed at again. */
  async #steeredKill(row: CrashRow): Promise<void> {
    const before = this.#scene.tally.counts()[row];
    for (let attempt = 0; attempt < AIMS_MAX && this.#scene.tally.counts()[row] === before; attempt += 1) await this.#killAtRow(row);
  }

  async #killAtRow(row: CrashRow): Promise<void> {
    const running = this.#start("run");
    await running.waitFor("Running");
    await sleep(WARM_MS);
    const side = this.#random.integer(2);
    if (row === "paused past its lease") {
      await this.#pause(running, side);
    } else {
      await this.#strike("run", running, () => killAt(row, this.#scene, running, side));
    }
  }

  /** The second process is killed in its turn, while it recovers what the first one left. */
  async #pause(running: Running, side: number): Promise<void> {
    const second = await pausePastLease(this.#scene, this.#world.line, running, side, this.#random.integer(5_000));
    if (second === null) return;
    await sleep(this.#random.integer(KILL_WITHIN_MS));
    await this.#strike("run", second, () => killHard(second));
  }

  #start(command: "apply" | "run"): Running {
    return this.#world.line.start(command === "apply" ? ["apply", "--yes"] : ["run"]);
  }

  /** A process that has ended by itself before it is killed must have been an apply that was done. */
  async #strike(command: "apply" | "run", running: Running, kill: () => Promise<void>): Promise<void> {
    await kill();
    const { code, signal, out, error } = await running.ended;
    if (signal === "SIGKILL") this.#kills[command] += 1;
    else if (command === "apply" && isApplied(code)) this.#isLive = true;
    else throw new Error(`accord ${command} ended with ${code} before it was killed: ${out}${error}`);
    await autopsy(this.#scene);
  }
}

/** Done, or done but for what changed since the plan. */
function isApplied(code: number | null): boolean {
  return code === 0 || code === 3;
}
