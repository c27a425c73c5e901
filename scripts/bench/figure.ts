/** One row of the table: what must be reached, and how a figure reads. */
export interface Target {
  readonly name: string;
  readonly what: string;
  readonly must: string;
  readonly goal: string;
  readonly unit: string;
  /** Whether a figure reaches the *must* column. */
  readonly reaches: (value: number) => boolean;
}

const least = (bound: number) => (value: number) => value >= bound;
const most = (bound: number) => (value: number) => value <= bound;

export const TARGETS: readonly Target[] = [
  { name: "P1", what: "first copy A to empty B, rows/s against COPY", must: "0.15", goal: "0.50", unit: "", reaches: least(0.15) },
  { name: "P2", what: "first two-way reconcile, pairs/s against COPY", must: "0.15", goal: "0.50", unit: "", reaches: least(0.15) },
  { name: "P3", what: "verify when nothing changed, against COPY", must: "0.40", goal: "1.0", unit: "", reaches: least(0.4) },
  {
    name: "P3s",
    what: "sweep of both sides (accord plan) when nothing changed, against COPY",
    must: "0.40",
    goal: "1.0",
    unit: "",
    reaches: least(0.4),
  },
  {
    name: "P4",
    what: "steady two-way, 10 k updates a side at once, changes/s against COPY",
    must: "0.02",
    goal: "0.08",
    unit: "",
    reaches: least(0.02),
  },
  {
    name: "P5",
    what: "one-way backlog of 50 k rows, against native logical replication",
    must: "0.25",
    goal: "0.6",
    unit: "",
    reaches: least(0.25),
  },
  {
    name: "P6",
    what: "latency p50 at 10 commits/s, against native logical replication",
    must: "8x",
    goal: "2x",
    unit: "x",
    reaches: most(8),
  },
  { name: "P7", what: "latency p99, likewise", must: "5x", goal: "1.5x", unit: "x", reaches: most(5) },
  {
    name: "P8",
    what: "the same with polling capture: p50 over (0.6 x poll interval + 10 ms)",
    must: "1x",
    goal: "1x",
    unit: "x",
    reaches: most(1),
  },
  { name: "P9", what: "avoidable lost edits, sides that differ at the end", must: "0", goal: "0", unit: "", reaches: most(0) },
  { name: "P10", what: "peak memory of P2", must: "256 MB", goal: "160 MB", unit: " MB", reaches: most(256) },
  { name: "P10r", what: "the same against a tenth of the rows", must: "2.2x", goal: "1.5x", unit: "x", reaches: most(2.2) },
  { name: "P11", what: "memory in steady state", must: "200 MB", goal: "120 MB", unit: " MB", reaches: most(200) },
  { name: "P12", what: "CPU seconds per 20 k two-way changes", must: "2.0", goal: "1.0", unit: " s", reaches: most(2) },
  {
    name: "P13a",
    what: "slowdown of the application's own writes, log capture",
    must: "1.1x",
    goal: "1.0x",
    unit: "x",
    reaches: most(1.1),
  },
  { name: "P13b", what: "the same, trigger capture", must: "2x", goal: "1.5x", unit: "x", reaches: most(2) },
  { name: "P14", what: "idle, both sides watched, CPU of a core", must: "1 %", goal: "0.3 %", unit: " %", reaches: most(1) },
];

/** Takes figures as they are measured and tells their medians. */
export class Figures {
  readonly #values = new Map<string, number[]>();
  readonly #notes = new Map<string, string>();
  readonly #say: (line: string) => void;

  /** @param say hears of each figure as it is taken */
  constructor(say: (line: string) => void = (line) => void process.stderr.write(line)) {
    this.#say = say;
  }

  add(name: string, value: number, note: string): void {
    const values = this.#values.get(name) ?? [];
    values.push(value);
    this.#values.set(name, values);
    this.#notes.set(name, note);
    this.#say(`${name}: ${shown(value)} (${note})\n`);
  }

  /** The median, or null where nothing was measured. */
  median(name: string): number | null {
    const values = this.#values.get(name);
    return values === undefined ? null : middle(values);
  }

  count(name: string): number {
    return this.#values.get(name)?.length ?? 0;
  }

  /** What the last measure said beside its figure. */
  note(name: string): string {
    return this.#notes.get(name) ?? "";
  }
}

export function middle(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of all lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function shown(value: number): string {
  if (value === 0 || Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : Math.abs(value) >= 0.1 ? value.toFixed(2) : value.toFixed(4);
}
