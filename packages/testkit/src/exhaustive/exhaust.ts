import { endingText } from "./ending.ts";
import type { Ending } from "./ending.ts";
import { play } from "./player.ts";
import type { Played } from "./player.ts";
import type { Scenario, Shown } from "./scenario.ts";

/** What dying everywhere came to. */
export interface Exhausted {
  /** Turns of Accord in the play without a death: it died after each of them. */
  readonly steps: number;
  /** Pairs of a death and a second one, after each turn of the successor. */
  readonly pairs: number;
  /** Plays: deaths that leave the same behind have the same future and are played once. */
  readonly plays: number;
  /** Where it ended otherwise: the turns of the deaths, and how. */
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly deaths: readonly number[];
  readonly what: string;
}

export interface ExhaustOptions {
  /** Of second deaths that leave something else behind every so many is played; 1: all, 0: none. */
  readonly stride: number;
  readonly failuresMax?: number;
}

/** Plays a scenario without a death, with one after every step, and with a second one after every step of recovery. [I7] */
export async function exhaust(scenario: Scenario, { stride, failuresMax = 5 }: ExhaustOptions): Promise<Exhausted> {
  const failures: Failure[] = [];
  let plays = 0;
  let pairs = 0;
  const whole = await play(scenario, [], true);
  const playWith = async (deaths: readonly number[], isNoted = false): Promise<Played> => {
    plays += 1;
    const played = await play(scenario, deaths, isNoted);
    const what = whatIsWrong(scenario, played, whole);
    if (what !== null) failures.push({ deaths, what });
    return played;
  };
  const wrong = whatIsWrong(scenario, whole, whole);
  if (wrong !== null) return { steps: whole.isNews.length, pairs, plays: 1, failures: [{ deaths: [], what: wrong }] };
  let place = 0;
  for (const first of newsOf(whole)) {
    const recovery = await playWith([first], stride > 0);
    pairs += recovery.isNews.length;
    for (const second of newsOf(recovery)) {
      place += 1;
      if (stride > 0 && place % stride === 0) await playWith([first, second]);
      if (failures.length >= failuresMax) return { steps: whole.isNews.length, pairs, plays, failures };
    }
    if (failures.length >= failuresMax) break;
  }
  return { steps: whole.isNews.length, pairs, plays, failures };
}

function newsOf({ isNews }: Played): readonly number[] {
  return [...isNews.entries()].flatMap(([turn, is]) => (is ? [turn] : []));
}

function whatIsWrong(scenario: Scenario, played: Played, whole: Played): string | null {
  if (played.violations.length > 0) return played.violations.join("; ");
  const allowed = [{ ends: scenario.ends, asks: scenario.asks ?? [] }, ...(played === whole ? [] : (scenario.allows ?? []))];
  const text = endingText(played.ending);
  const texts = allowed.map(({ ends, asks }) => endingText({ shows: showsOf(ends, played.ending), asks: (asks ?? []).toSorted() }));
  if (!texts.includes(text)) return `it ends with ${text} instead of ${texts.join(", or ")}`;
  const [found, expected] = [played.differences.join(", "), whole.differences.join(", ")];
  return found === expected || text !== texts[0] ? null : `verify finds ${found} instead of ${expected}`;
}

function showsOf(ends: Shown, { shows }: Ending): Ending["shows"] {
  return Object.fromEntries(Object.keys(shows).map((name) => [name, (isAlike(ends) ? ends : (ends[name] ?? [])).toSorted()]));
}

function isAlike(ends: Shown): ends is readonly string[] {
  return Array.isArray(ends);
}
