import { expect, test } from "vitest";
import { CRASH_ROWS, crashReportText, runCrashCampaign, TROUBLES } from "@accord/testkit";

test(
  "[S32, I1, I2, I3, I4, I5, I6, I7, I8, I12] two PostgreSQL servers, one followed by its log and one by triggers: kill -9 of Accord and of a server, and connections that stand still, lose nothing that users wrote",
  { timeout: 300_000 },
  async () => {
    // A create executed with its answer lost, then a delete; connections that stand still for good, then a server that is killed.
    const first = { firstRow: CRASH_ROWS.indexOf("create executed, answer lost"), firstTrouble: TROUBLES.indexOf("half-open for good") };
    const report = await runCrashCampaign({ rounds: 2, seed: 2, topologies: ["postgres-postgres"], roundsPerWorld: 2, ...first });
    expect(report.violations, crashReportText(report)).toEqual([]);
    expect(report.rows["create executed, answer lost"]).toBeGreaterThan(0);
    expect(report.rows["delete executed, answer lost"]).toBeGreaterThan(0);
    expect(report.troubles["half-open for good"]).toBeGreaterThan(0);
    expect(report.troubles["server killed"]).toBeGreaterThan(0);
  },
);
