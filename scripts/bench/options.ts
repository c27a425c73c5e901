import { parseArgs } from "node:util";

/** What `npm run bench` was asked to do. */
export interface BenchOptions {
  /** Rows a side. */
  readonly rows: number;
  /** Times each measure is taken; the median counts. */
  readonly runs: number;
  /** Measures to print, `P1` to `P14`. */
  readonly only: ReadonlySet<string>;
  /** Whether the table is written to docs/performance.md. */
  readonly writesPage: boolean;
  /** Keeps the folder with the project, its store and the servers' data. */
  readonly keeps: boolean;
  /** A folder for CPU profiles of Accord's processes, or null. */
  readonly profile: string | null;
}

const MEASURES: readonly string[] = Array.from({ length: 14 }, (_, index) => `P${index + 1}`);

const USAGE = `npm run bench -- [--only P1,P3] [--rows 1000000] [--runs 3] [--write | --no-write] [--keep] [--profile folder]`;

/** Reads the words after `npm run bench --`. The page is written by whole runs at full size, unless told otherwise. */
export function readOptions(words: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...words],
    allowNegative: true,
    options: {
      only: { type: "string" },
      rows: { type: "string", default: "1000000" },
      runs: { type: "string", default: "3" },
      write: { type: "boolean" },
      keep: { type: "boolean", default: false },
      profile: { type: "string" },
    },
  });
  const rows = wholeNumber("--rows", values.rows, 1_000);
  const only = new Set(values.only === undefined ? MEASURES : values.only.toUpperCase().split(","));
  for (const name of only) if (!MEASURES.includes(name)) throw new RangeError(`${name} is no measure; ${USAGE}`);
  return {
    rows,
    runs: wholeNumber("--runs", values.runs, 1),
    only,
    writesPage: values.write ?? (only.size === MEASURES.length && rows >= 1_000_000),
    keeps: values.keep,
    profile: values.profile ?? null,
  };
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) throw new RangeError(`${name} must be a whole number from ${least} on; ${USAGE}`);
  return value;
}
