import { checkAgreement, checkCounters, checkDeletes, checkLog, checkPrivate, checkQuiet, checkTwins } from "./check-records.ts";
import { checkInventions, checkUpdates } from "./check-updates.ts";
import type { Evidence, Violation } from "./evidence.ts";

/** Writes beyond one per edit that are no sign of unrest: a conflict's loser is written too, and a write may be tried again after a crash. A share of all changes, and a few. */
const EXTRA_SHARE = 0.25;
const EXTRA = 50;

/** Checks I1 to I6, I8 and I12 on what users did and the databases show. I7, crash equivalence, is that all of them hold after the crashes. [I1, I2, I3, I4, I5, I6, I8, I12] */
export function checkEvidence(evidence: Evidence): readonly Violation[] {
  const changes = evidence.sides.reduce((sum, { history }) => sum + history.length, 0);
  return [
    ...checkLog(evidence),
    ...checkAgreement(evidence),
    ...checkUpdates(evidence),
    ...checkInventions(evidence),
    ...checkTwins(evidence),
    ...checkDeletes(evidence),
    ...checkQuiet(evidence, EXTRA + Math.round(changes * EXTRA_SHARE)),
    ...checkCounters(evidence),
    ...checkPrivate(evidence),
  ];
}
