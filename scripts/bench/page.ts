import { arch, cpus, platform, release, totalmem } from "node:os";
import { shown, TARGETS } from "./figure.ts";
import type { Figures } from "./figure.ts";
import type { BenchOptions } from "./options.ts";

/** What a figure is worth nothing without. */
export interface Circumstances {
  readonly command: string;
  readonly date: string;
  readonly server: string;
  readonly copyPipe: string;
  readonly load: string;
}

/** The table as text for a terminal. */
export function table(figures: Figures): string {
  const lines = TARGETS.flatMap(({ name, what, must, goal, unit, reaches }) => {
    const value = figures.median(name);
    if (value === null) return [];
    const verdict = reaches(value) ? "ok" : "BELOW";
    return [
      `${name.padEnd(5)} ${what.padEnd(72)} ${`${shown(value)}${unit}`.padStart(10)}  must ${must.padEnd(7)} goal ${goal.padEnd(7)} ${verdict}`,
    ];
  });
  const bytes = figures.median("bytes");
  return [...lines, ...(bytes === null ? [] : [`      store bytes per entity${" ".repeat(55)}${shown(bytes)}`])].join("\n");
}

/** docs/performance.md. `below` names, by measure, why a figure stays below *must* and what would raise it. */
export function page(figures: Figures, options: BenchOptions, at: Circumstances, below: Readonly<Record<string, string>>): string {
  const rows = TARGETS.map(({ name, what, must, goal, unit, reaches }) => {
    const value = figures.median(name);
    if (value === null) return `| ${name} | ${what} | not measured | ${must} | ${goal} | | |`;
    return `| ${name} | ${what} | **${shown(value)}${unit}** | ${must} | ${goal} | ${reaches(value) ? "yes" : "no"} | ${figures.note(name)} |`;
  });
  const missed = TARGETS.filter(({ name, reaches }) => !reaches(figures.median(name) ?? Number.NaN));
  return `# Performance

Written by \`${at.command}\` on ${at.date}. Figures are ratios, the reference measured beside each in the same run; ${options.runs === 1 ? "one run, so nothing tells how much they vary" : `medians of ${options.runs} runs`}. Single times
depend on the machine and on who else uses it; they stand in the last column to be compared with one another only.

- Machine: ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release().split("-")[0]} ${arch()}; ${at.load}
- Node ${process.version}, PostgreSQL ${at.server} (two servers on loopback, fsync on), COPY by ${at.copyPipe}
- Workload: \`contacts\`, 12 columns, about 250 bytes, ${options.rows} rows a side. For P2 99 % match, of which 2.5 % differ, 1 % exist at one side only; the sides have different
  ids in different orders, matched by e-mail address. Accord is the program as it is installed (built), one process a command, with everything on: durable store (on the disk before a system is written to, and before it is told to forget), intents, proof rows, before-images,
  per-field merge; memory and CPU are its own processes'.

| | measure | reached | must | goal | must reached | of the last run |
|---|---|---|---|---|---|---|
${rows.join("\n")}
| | store bytes per entity (journal included) | **${shown(figures.median("bytes") ?? Number.NaN)}** | | | | |

${options.rows < 1_000_000 ? `**Not the full size**: ${options.rows} rows a side instead of 1 M; start-up weighs more and growth with size shows less than the targets ask for.\n` : ""}
P4 is timed from sending the updates, after one round that is not counted; P5 from Accord's word that it runs (process start not counted) and from ENABLE SUBSCRIPTION. P8 is between two SQLite files, in shares of what
is allowed (0.6 x the poll interval + 10 ms); the connector is also woken by the file system, so this is not polling alone. P3s is not in the list of targets: the same bound as P3, for a sweep.

## What stays below *must*, why, and the way up

${missed.length === 0 ? "Nothing.\n" : missed.map(({ name, what }) => `- **${name}** ${what}: ${figures.median(name) === null ? "not measured in this run" : (below[name] ?? "the cause is not known")}`).join("\n")}
`;
}
