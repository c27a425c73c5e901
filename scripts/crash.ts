import process from "node:process";
import { parseArgs } from "node:util";
import { CRASH_ROWS, crashReportText, neverHit, runCrashCampaign, TROUBLES } from "@accord/testkit";

/**
 * `npm run crash -- --rounds 100 --seed 1`: kills `accord apply` and `accord run` on real databases while users write, kills the database servers, disturbs the
 * connections to them, and checks the invariants. Ends with 1 where one is violated, or where something was never hit in a campaign long enough to hit everything. The seed fixes what users and kills aim for; what a real machine makes of it differs from run to run.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    "rounds-per-world": { type: "string", default: "10" },
  },
});
/** Rounds in which each row of the crash table and each trouble has its turn. */
const EACH_HIT_WITHIN = Math.max(CRASH_ROWS.length, TROUBLES.length);
const startMs = performance.now();
const report = await runCrashCampaign({
  rounds: Number(values.rounds),
  seed: Number(values.seed),
  topologies: ["sqlite-postgres", "postgres-postgres"],
  roundsPerWorld: Number(values["rounds-per-world"]),
  onRound: ({ number, topology, steered, trouble, kills, agreedMs, violations, story, folder }) => {
    const end = violations.length === 0 ? "clean" : `${violations.length} VIOLATIONS, see ${folder}`;
    const aims = `${kills} kills, one for "${steered}", and ${trouble}`;
    process.stdout.write(`round ${number + 1} ${topology}: ${aims}; agreed after ${agreedMs} ms; ${end}\n`);
    if (violations.length === 0) return;
    for (const { rule, what } of violations.slice(0, 10)) process.stdout.write(`  [${rule}] ${what}\n`);
    for (const event of story) process.stdout.write(`  ${event}\n`);
  },
});
const missed = neverHit(report);
process.stdout.write(`\n${crashReportText(report)}\n\nseed ${values.seed}, ${Math.round((performance.now() - startMs) / 1000)} s\n`);
if (missed.length > 0) process.stdout.write(`never hit: ${missed.join("; ")}\n`);
process.exitCode = report.violations.length > 0 || (missed.length > 0 && report.rounds.length >= EACH_HIT_WITHIN) ? 1 : 0;
