import type { Violation } from "../world.ts";
import { frozenFields, heldThings, isUnproven, userTold } from "./evidence.ts";
import type { Evidence, Told } from "./evidence.ts";

/** [I5] Nothing dies that nobody deleted, and what was only deleted is dead. */
export function checkLives(evidence: Evidence): Violation[] {
  const { world, now, things } = evidence;
  const held = heldThings(evidence);
  const frozen = frozenFields(evidence);
  const violations: Violation[] = [];
  for (const thing of things) {
    const done = userTold(evidence, thing);
    const lives = now.filter((records) => records.has(thing)).length;
    if (!done.some(({ kind }) => kind === "delete")) {
      if (lives === 0) violations.push({ rule: "I5", what: `${thing} died, and nobody deleted it` });
      continue;
    }
    // A case that waits for a person makes of a delete one against an update: then the policy decides. [S23, S38]
    const isAsked = held.has(thing) || world.setting.fields.some(({ name }) => frozen.has(`${thing} ${name}`));
    if (isSettled(evidence, done) && lives > 0 && !isAsked && !done.some((one) => isUnknowable(evidence, one)))
      violations.push({ rule: "I5", what: `${thing} was deleted and lives at ${lives} of ${world.systems.length}` });
  }
  return violations;
}

/**
 * Whether a person deleted a record that Accord had made and could not know of: the answer was lost, the system tells neither what was written nor for whom, and the record was
 * gone before it was seen. Then nobody can tell it from one that was never made. [S26, S35]
 */
function isUnknowable(evidence: Evidence, { kind, system, record }: Told): boolean {
  if (kind !== "delete") return false;
  const made = evidence.told[system]?.findLast((one) => one.kind === "insert" && one.record === record);
  return made !== undefined && isUnproven(evidence, made);
}

/** Whether nothing was under way that the delete could have met: known and alike everywhere before Accord went live, and never touched since but to delete it. */
function isSettled({ world }: Evidence, done: readonly Told[]): boolean {
  const isBefore = ({ system, sequence }: Told): boolean => sequence <= (world.liveAfter[system] ?? 0);
  if (!done.every((one) => (one.kind === "delete" ? !isBefore(one) : one.kind === "insert" && isBefore(one)))) return false;
  const shown = done.flatMap(({ kind, after }) => (kind === "insert" ? JSON.stringify({ ...after, id: null }) : []));
  return new Set(shown).size === 1;
}

/** [I8] A count is what it was, with all that people added and took. */
export function checkCounts(evidence: Evidence): Violation[] {
  const { world, now, things } = evidence;
  const violations: Violation[] = [];
  for (const { name } of world.setting.fields.filter(({ policy }) => policy.kind === "counter")) {
    for (const thing of things) {
      const done = userTold(evidence, thing);
      const inserts = done.filter(({ kind }) => kind === "insert");
      // Of two that met, the owner's count is taken; of one that was deleted, nothing is certain.
      if (inserts.length !== 1 || done.some(({ kind }) => kind === "delete")) continue;
      const expected = done.reduce((sum, { before, after }) => sum + Number(after?.[name] ?? 0) - Number(before?.[name] ?? 0), 0);
      for (const records of now) {
        const shown = records.get(thing)?.[name] ?? null;
        if (Number(shown) !== expected) {
          violations.push({ rule: "I8", what: `${thing} ${name}: ${String(shown)} instead of ${expected}` });
          break;
        }
      }
    }
  }
  return violations;
}
