import { expect, test } from "vitest";
import { CRASH_ROWS, crashReportText, runCrashCampaign, TROUBLES } from "@accord/testkit";

/** Every row of the crash table is steered for once, and again where it was missed, after a kill at a random moment and before trouble with the server or the connections to it. */
const ROUNDS = CRASH_ROWS.length;

test(
  "[S32, I1, I2, I3, I4, I5, I6, I7, I8, I12] SQLite and PostgreSQL: kill -9 of apply and run at every row of the crash table, of the server, and of connections to it loses nothing that users wrote",
  { timeout: 900_000 },
  async () => {
    const report = await runCrashCampaign({
      rounds: ROUNDS,
      roundsMore: 4,
      seed: 1,
      topologies: ["sqlite-postgres"],
      roundsPerWorld: ROUNDS,
    });
    expect(report.violations, crashReportText(report)).toEqual([]);
    expect(
      Object.entries(report.rows).filter(([, hits]) => hits === 0),
      crashReportText(report),
    ).toEqual([]);
    expect(TROUBLES.filter((trouble) => report.troubles[trouble] === 0)).toEqual(["half-open for good"]);
    expect(report.userWrites).toBeGreaterThan(500);
  },
);
