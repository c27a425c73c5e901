import type { SimulatedWorld, Violation } from "../world.ts";
import { checkAgreement, checkCauses, checkUnmapped } from "./agreement.ts";
import { evidenceOf } from "./evidence.ts";
import type { Evidence } from "./evidence.ts";
import { checkCounts, checkLives } from "./lives.ts";
import { checkAdopted, checkPolicies } from "./policies.ts";
import { checkInventions, checkUpdates } from "./updates.ts";

/** Another two sweeps must find nothing to write. Milliseconds. */
const QUIET_MS = 15_000;

const CHECKS: readonly ((evidence: Evidence) => readonly Violation[])[] = [
  checkAgreement,
  checkUpdates,
  checkInventions,
  checkLives,
  checkCounts,
  checkPolicies,
  checkAdopted,
  checkUnmapped,
  checkCauses,
];

/** Every invariant of a world at rest, judged by what people did and what the systems show. */
export async function check(world: SimulatedWorld): Promise<readonly Violation[]> {
  const evidence = evidenceOf(world);
  const violations = CHECKS.flatMap((one) => one(evidence));
  return [...violations, ...(await checkQuiet(world, evidence))];
}

/** [I6] At rest Accord writes nothing, however often it looks. */
async function checkQuiet(world: SimulatedWorld, { told, twins }: Evidence): Promise<readonly Violation[]> {
  const before = world.systems.map(({ history }) => history.last);
  await world.pass(QUIET_MS);
  const violations: Violation[] = [...world.violations];
  world.systems.forEach(({ name, history }, index) => {
    if (history.last !== before[index]) violations.push({ rule: "I6", what: `${name} was written to although nothing had changed` });
  });
  const edits = told.flat().filter(({ isUser }) => isUser).length;
  const writes = told.flat().length - edits;
  const most = edits * (world.systems.length - 1) * 2 + 10;
  if (twins.size === 0 && writes > most) violations.push({ rule: "I6", what: `${writes} writes for ${edits} edits` });
  return violations;
}
