import type { CrashReport } from "./campaign.ts";
import { CRASH_ROWS } from "./crash-table.ts";
import { TROUBLES } from "./trouble.ts";

/** Violations named one by one. */
const VIOLATIONS_SHOWN_MAX = 40;

/** A campaign's figures as text: the rows of the crash table with how often each was hit, and what was violated. */
export function crashReportText(report: CrashReport): string {
  const { rounds, kills, rows, troubles, userWrites, accordWrites, conflicts, violations } = report;
  const agreed = rounds.map(({ agreedMs }) => agreedMs).toSorted((a, b) => a - b);
  const width = Math.max(...[...CRASH_ROWS, ...TROUBLES].map((row) => row.length));
  const line = (name: string, hits: number): string => `${name.padEnd(width)}  ${String(hits).padStart(4)}`;
  return [
    `rounds ${rounds.length}, kills ${kills.apply + kills.run} (apply ${kills.apply}, run ${kills.run})`,
    `user writes ${userWrites}, Accord's writes ${accordWrites}, values that lost to conflicts ${conflicts}`,
    `both sides agreed after ${agreed[Math.floor(agreed.length / 2)] ?? 0} ms (median), ${agreed.at(-1) ?? 0} ms at most`,
    "",
    `${"crash table [S32]".padEnd(width)}  hits`,
    ...CRASH_ROWS.map((row) => line(row, rows[row])),
    "",
    `${"servers and connections".padEnd(width)}  hits`,
    ...TROUBLES.map((trouble) => line(trouble, troubles[trouble])),
    "",
    `violations ${violations.length}`,
    ...violations.slice(0, VIOLATIONS_SHOWN_MAX).map(({ rule, what }) => `  [${rule}] ${what}`),
  ].join("\n");
}

/** The rows of the crash table and the troubles that no round has hit. */
export function neverHit({ rows, troubles }: CrashReport): readonly string[] {
  return [...CRASH_ROWS.filter((row) => rows[row] === 0), ...TROUBLES.filter((trouble) => troubles[trouble] === 0)];
}
