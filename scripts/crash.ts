import process from "node:process";
import { parseArgs } from "node:util";
import { crashReportText, runCrashCampaign } from "@accord/testkit";

/**
 * `npm run crash -- --rounds 100 --seed 1`: kills `accord apply` and `accord run` on real databases while users write, and checks the invariants. Ends with 1 where one
 * is violated. The seed fixes what users and kills aim for; what a real machine makes of it differs from run to run.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    "rounds-per-world": { type: "string", default: "10" },
  },
});
const startMs = performance.now();
const report = await runCrashCampaign({
  rounds: Number(values.rounds),
  seed: Number(values.seed),
  topologies: ["sqlite-postgres", "postgres-postgres"],
  roundsPerWorld: Number(values["rounds-per-world"]),
  onRound: ({ number, topology, steered, kills, agreedMs, violations, folder }) => {
    const end = violations.length === 0 ? "clean" : `${violations.length} VIOLATIONS, see ${folder}`;
    process.stdout.write(`round ${number + 1} ${topology}: ${kills} kills, one for "${steered}"; agreed after ${agreedMs} ms; ${end}\n`);
    for (const { rule, what } of violations.slice(0, 10)) process.stdout.write(`  [${rule}] ${what}\n`);
  },
});
process.stdout.write(`\n${crashReportText(report)}\n\nseed ${values.seed}, ${Math.round((performance.now() - startMs) / 1000)} s\n`);
process.exitCode = report.violations.length > 0 ? 1 : 0;
