import { startPostgres } from "@accord/sandbox/postgres";
import type { PostgresServer } from "@accord/sandbox/postgres";
import { seededRandom } from "../fake/random.ts";
import type { SeededRandom } from "../fake/random.ts";
import { CRASH_ROWS, Tally } from "./crash-table.ts";
import type { Counts, CrashRow } from "./crash-table.ts";
import { createCrashWorld, gatherEvidence } from "./crash-world.ts";
import type { CrashTopology } from "./crash-world.ts";
import type { Violation } from "./evidence.ts";
import { TROUBLES } from "./trouble.ts";
import type { Trouble } from "./trouble.ts";
import { WorldLife } from "./world-life.ts";
import type { CampaignCounts, RoundEnd } from "./world-life.ts";

export interface CrashOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Worlds are made in turn of these. */
  readonly topologies: readonly CrashTopology[];
  /** Rounds in one world before a new one is made, whose first apply is killed too. */
  readonly roundsPerWorld: number;
  /** Rounds at most that the last world has beyond that, each aimed at a row that none has hit yet: on a busy machine a moment is missed now and then. Default 0. */
  readonly roundsMore?: number;
  /** The row of the crash table and the trouble that the first round aims for; the next ones follow in their order. */
  readonly firstRow?: number;
  readonly firstTrouble?: number;
  /** Hears of each round when it has ended. */
  readonly onRound?: (round: CrashRound) => void;
}

/** What one round found. */
export interface CrashRound extends RoundEnd {
  readonly number: number;
  readonly topology: CrashTopology;
  readonly steered: CrashRow;
  readonly trouble: Trouble;
  /** The folder that holds the store, log and users' log; kept only where something was violated. */
  readonly folder: string;
}

/** The figures of a campaign. */
export interface CrashReport {
  readonly rounds: readonly CrashRound[];
  readonly kills: { readonly apply: number; readonly run: number };
  readonly rows: Counts<CrashRow>;
  readonly troubles: Counts<Trouble>;
  readonly userWrites: number;
  readonly accordWrites: number;
  readonly conflicts: number;
  readonly violations: readonly Violation[];
}

/**
 * Kills the real program at chosen and random moments while users write at both sides, kills the database servers, and cuts, delays and truncates the connections to
 * them; lets all come to rest, and checks the invariants from what users did and what the databases show. A world in which something was violated is not used again.
 */
export async function runCrashCampaign(options: CrashOptions): Promise<CrashReport> {
  const servers = await Promise.all([startServer(), startServer()]);
  try {
    return await new Campaign(options, servers).run();
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** One world after another lives on it, each with a slot and some twenty sessions. */
function startServer(): Promise<PostgresServer> {
  return startPostgres({ settings: { max_replication_slots: "60", max_wal_senders: "60", max_connections: "200" } });
}

class Campaign {
  readonly #options: CrashOptions;
  readonly #servers: readonly [PostgresServer, PostgresServer];
  readonly #random: SeededRandom;
  readonly #counts: CampaignCounts = { rows: new Tally(CRASH_ROWS), troubles: new Tally(TROUBLES), kills: { apply: 0, run: 0 } };
  readonly #rounds: CrashRound[] = [];
  #userWrites = 0;
  #accordWrites = 0;
  #conflicts = 0;

  constructor(options: CrashOptions, servers: readonly [PostgresServer, PostgresServer]) {
    this.#options = options;
    this.#servers = servers;
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
      kills: this.#counts.kills,
      rows: this.#counts.rows.counts(),
      troubles: this.#counts.troubles.counts(),
      userWrites: this.#userWrites,
      accordWrites: this.#accordWrites,
      conflicts: this.#conflicts,
      violations: this.#rounds.flatMap(({ violations }) => violations),
    };
  }

  /** A row that the campaign has not hit, once its rounds are over and while there are more to be had. */
  #missedRow(): CrashRow | null {
    const { rounds, roundsMore = 0 } = this.#options;
    const more = this.#rounds.length - rounds;
    if (more < 0 || more >= roundsMore) return null;
    const hits = this.#counts.rows.counts();
    return CRASH_ROWS.find((row) => hits[row] === 0) ?? null;
  }

  async #world(topology: CrashTopology, rounds: number): Promise<void> {
    const world = await createCrashWorld(topology, this.#servers, this.#random.integer(2 ** 31));
    let isSound = true;
    try {
      const life = new WorldLife(world, this.#random, this.#counts);
      for (let round = 0; isSound; round += 1) {
        const number = this.#rounds.length;
        const missed = round < rounds ? null : this.#missedRow();
        if (round >= rounds && missed === null) break;
        const row = missed ?? inTurn(CRASH_ROWS, number + (this.#options.firstRow ?? 0));
        const trouble = inTurn(TROUBLES, number + (this.#options.firstTrouble ?? 0));
        const end = await life.round({ row, trouble });
        const done = { number, topology, steered: row, trouble, ...end, folder: world.line.folder };
        isSound = done.violations.length === 0;
        this.#rounds.push(done);
        this.#options.onRound?.(done);
      }
      const { sides, conflicts } = await gatherEvidence(world, [0, 0], [0, 0]);
      const all = sides.flatMap(({ history }) => history);
      this.#userWrites += all.filter(({ operation }) => operation !== null).length;
      this.#accordWrites += all.filter(({ operation }) => operation === null).length;
      this.#conflicts += conflicts.length;
    } finally {
      await world.end(isSound ? "removed" : "kept");
    }
  }
}

function inTurn<Item>(items: readonly [Item, ...Item[]], turn: number): Item {
  return items[turn % items.length] ?? items[0];
}
