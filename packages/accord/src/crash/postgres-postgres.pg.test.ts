import { expect, test } from "vitest";
import { crashReportText, runCrashCampaign } from "@accord/testkit";

test(
  "[S32, I1, I2, I3, I4, I5, I6, I7, I8, I12] PostgreSQL and PostgreSQL: kill -9 of apply and run loses nothing that users wrote",
  { timeout: 300_000 },
  async () => {
    // A create executed with its answer lost, then a delete.
    const report = await runCrashCampaign({ rounds: 2, seed: 2, topologies: ["postgres-postgres"], roundsPerWorld: 2, firstRow: 5 });
    expect(report.violations, crashReportText(report)).toEqual([]);
    expect(report.rows["create executed, answer lost"]).toBeGreaterThan(0);
    expect(report.rows["delete executed, answer lost"]).toBeGreaterThan(0);
  },
);
