import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "../fake/random.ts";
import type { Running } from "../program/command-line.ts";
import { checkEvidence } from "./check-evidence.ts";
import type { CrashRow, Tally } from "./crash-table.ts";
import { approveAll, gatherEvidence, momentNow, runUntilQuiet } from "./crash-world.ts";
import type { CrashWorld, Moment } from "./crash-world.ts";
import type { Violation } from "./evidence.ts";
import { autopsy, killHard } from "./kill.ts";
import type { KillScene } from "./kill.ts";
import { pausePastLease } from "./pause.ts";
import { killAt } from "./steer.ts";
import { makeTrouble } from "./trouble.ts";
import type { Trouble } from "./trouble.ts";

/** What is counted over all worlds. */
export interface CampaignCounts {
  readonly rows: Tally<CrashRow>;
  readonly troubles: Tally<Trouble>;
  readonly kills: { apply: number; run: number };
}

/** What a round aims for. */
export interface RoundAim {
  readonly row: CrashRow;
  readonly trouble: Trouble;
}

/** What came of a round. */
export interface RoundEnd {
  readonly kills: number;
  /** How long Accord took until both sides agreed once users had stopped. Milliseconds. */
  readonly agreedMs: number;
  readonly violations: readonly Violation[];
  /** What was done to Accord, the servers and the connections, in order, with the time since the round began. */
  readonly story: readonly string[];
}

/** A random kill strikes within this time of the start. Milliseconds. */
const KILL_WITHIN_MS = 1_600;
/** A moment or a trouble that was missed is repeated, up to so many times in all. */
const AIMS_MAX = 4;
/** A process is left to work before it is steered to its moment, and after trouble. Milliseconds. */
const WARM_MS = 200;
/** How often Accord is killed while there is trouble. */
const KILL_IN_TROUBLE = 0.25;

/** One world over its rounds. */
export class WorldLife {
  readonly #world: CrashWorld;
  readonly #random: SeededRandom;
  readonly #scene: KillScene;
  readonly #counts: CampaignCounts;
  /** Whether a whole plan was applied: before that `accord run` refuses to start. */
  #isLive = false;
  #metAt: Moment = [0, 0];
  #story: string[] = [];
  #begunAtMs = 0;

  constructor(world: CrashWorld, random: SeededRandom, counts: CampaignCounts) {
    this.#world = world;
    this.#random = random;
    this.#counts = counts;
    this.#scene = { systems: world.systems, users: world.users, tally: counts.rows, openStore: () => world.openStore() };
  }

  /** What goes wrong with the program itself is found like everything else, and told with the story. */
  async round(aim: RoundAim): Promise<RoundEnd> {
    const { kills } = this.#counts;
    const before = kills.apply + kills.run;
    this.#story = [];
    this.#begunAtMs = performance.now();
    const { agreedMs, violations } = await this.#play(aim).catch((error: unknown) => {
      const what = error instanceof Error ? error.message : String(error);
      return { agreedMs: 0, violations: [{ rule: "program" as const, what }] };
    });
    return { kills: kills.apply + kills.run - before, agreedMs, violations, story: this.#story };
  }

  /** Users write; Accord is killed at a random moment and at the chosen one; then there is trouble, through which it lives or not; then users rest, and all must agree. */
  async #play({ row, trouble }: RoundAim): Promise<Pick<RoundEnd, "agreedMs" | "violations">> {
    this.#world.users.start();
    if (!this.#isLive) await this.#firstApply();
    await this.#randomKill();
    await this.#steeredKill(row);
    const survivor = await this.#trouble(trouble);
    await this.#world.users.stop();
    this.#tell("users rest");
    const { quietFrom, tookMs, unrest } = await runUntilQuiet(this.#world, survivor);
    const found = checkEvidence(await gatherEvidence(this.#world, this.#metAt, quietFrom));
    return { agreedMs: tookMs, violations: unrest === null || found.length > 0 ? found : [unrest] };
  }

  #tell(what: string): void {
    this.#story.push(`${Math.round(performance.now() - this.#begunAtMs)} ms: ${what}`);
  }

  /** The first apply: killed twice, then carried out. */
  async #firstApply(): Promise<void> {
    for (let kill = 0; kill < 2; kill += 1) await this.#killSoon("apply", 250 + this.#random.integer(KILL_WITHIN_MS));
    const { code, out, error } = await this.#world.line.run(["apply", "--yes"]);
    if (!isApplied(code)) throw new Error(`accord apply failed: ${out}${error}`);
    this.#isLive = true;
    this.#metAt = await momentNow(this.#world);
    this.#world.users.hasMet = true;
    this.#tell("the first plan is applied");
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
    const before = this.#counts.rows.counts()[row];
    for (let aim = 0; aim < AIMS_MAX && this.#counts.rows.counts()[row] === before; aim += 1) await this.#killAtRow(row);
  }

  async #killAtRow(row: CrashRow): Promise<void> {
    const running = await this.#warm();
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
    this.#tell("run stood still past its lease");
    if (second === null) return;
    await sleep(this.#random.integer(KILL_WITHIN_MS));
    await this.#strike("run", second, () => killHard(second));
  }

  /** Returns the process that lived through it, or null where it was killed meanwhile. */
  async #trouble(trouble: Trouble): Promise<Running | null> {
    const remotes = this.#world.systems.flatMap(({ name, remote }) => (remote === null ? [] : [{ name, remote }]));
    const running = await this.#warm();
    const isKilled = this.#random.chance(KILL_IN_TROUBLE);
    for (let aim = 0; aim < AIMS_MAX; aim += 1) {
      const { name, remote } = this.#random.pick(remotes);
      this.#tell(`${trouble} at ${name}`);
      const felt = makeTrouble(trouble, remote, this.#random);
      if (isKilled && aim === 0) {
        await sleep(this.#random.integer(KILL_WITHIN_MS));
        await killHard(running);
      }
      const isFelt = await felt;
      this.#tell(isFelt ? "mended" : "mended, and nobody felt it");
      if (isFelt) this.#counts.troubles.hit(trouble);
      if (isFelt || isKilled) break;
    }
    await sleep(WARM_MS);
    if (isKilled) await this.#strike("run", running, () => killHard(running));
    return isKilled ? null : running;
  }

  async #warm(): Promise<Running> {
    await approveAll(this.#world);
    const running = this.#start("run");
    await running.waitFor("Running");
    await sleep(WARM_MS);
    return running;
  }

  #start(command: "apply" | "run"): Running {
    return this.#world.line.start(command === "apply" ? ["apply", "--yes"] : ["run"]);
  }

  /** A process that has ended by itself before it is killed must have been an apply that was done. */
  async #strike(command: "apply" | "run", running: Running, kill: () => Promise<void>): Promise<void> {
    await kill();
    const { code, signal, out, error } = await running.ended;
    if (signal === "SIGKILL") this.#counts.kills[command] += 1;
    else if (command === "apply" && isApplied(code)) this.#isLive = true;
    else throw new Error(`accord ${command} ended with ${code} before it was killed: ${out}${error}`);
    this.#tell(signal === "SIGKILL" ? `killed ${command}` : `${command} was done`);
    await autopsy(this.#scene);
  }
}

/** Done, or done but for what changed since the plan. */
function isApplied(code: number | null): boolean {
  return code === 0 || code === 3;
}
