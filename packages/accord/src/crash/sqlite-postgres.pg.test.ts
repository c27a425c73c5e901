import { expect, test } from "vitest";
import { CRASH_ROWS, crashReportText, runCrashCampaign } from "@accord/testkit";

/** Every row of the crash table is steered for once; kills at random moments stand before and after. */
const ROUNDS = CRASH_ROWS.length;

test(
  "[S32, I1, I2, I3, I4, I5, I6, I7, I8, I12] SQLite and PostgreSQL: kill -9 of apply and run at every row of the crash table loses nothing that users wrote",
  { timeout: 600_000 },
  async () => {
    const report = await runCrashCampaign({ rounds: ROUNDS, seed: 1, topologies: ["sqlite-postgres"], roundsPerWorld: ROUNDS });
    expect(report.violations, crashReportText(report)).toEqual([]);
    expect(
      Object.entries(report.rows).filter(([, hits]) => hits === 0),
      crashReportText(report),
    ).toEqual([]);
    expect(report.userWrites).toBeGreaterThan(500);
  },
);
