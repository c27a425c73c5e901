import type { Clock, Host, Log, LogFacts } from "@accord/engine/connector";
import { manualClock, realClock } from "./clock.ts";
import type { ManualClock } from "./clock.ts";
import { seededRandom } from "./random.ts";
import type { SeededRandom } from "./random.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly atMs: number;
  readonly event: string;
  readonly facts: LogFacts;
}

/** A log that keeps its lines for the test to look at. */
export interface RecordedLog extends Log {
  readonly lines: readonly LogLine[];
  /** The lines with this event, oldest first. */
  named(event: string): readonly LogLine[];
}

/** Everything that varies, in a test's hands. */
export interface FakeHost extends Host {
  readonly clock: ManualClock;
  readonly random: SeededRandom;
  readonly log: RecordedLog;
}

export interface FakeHostOptions {
  /** Default 1. */
  readonly seed?: number;
  /** Epoch milliseconds; default {@link FAKE_START_MS}. */
  readonly startMs?: number;
}

/** A host whose clock stands still until `clock.advance(ms)`, whose chance a seed replays, and whose log is kept. */
export function fakeHost(options: FakeHostOptions = {}): FakeHost {
  const clock = manualClock(options.startMs);
  return { clock, random: seededRandom(options.seed ?? 1), log: recordedLog(clock) };
}

/** A host with the machine's clock, for tests that speak to real systems. Chance still comes from a seed. */
export function realHost(options: { readonly seed?: number } = {}): Host & { readonly random: SeededRandom; readonly log: RecordedLog } {
  const clock = realClock();
  return { clock, random: seededRandom(options.seed ?? 1), log: recordedLog(clock) };
}

function recordedLog(clock: Clock): RecordedLog {
  const lines: LogLine[] = [];
  const write =
    (level: LogLine["level"]) =>
    (event: string, facts: LogFacts = {}): void => {
      lines.push({ level, atMs: clock.nowMs(), event, facts });
    };
  return {
    lines,
    named: (event) => lines.filter((line) => line.event === event),
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
}
