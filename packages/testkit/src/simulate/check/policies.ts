import { SHOUTED } from "../setting.ts";
import type { FieldSetting } from "../setting.ts";
import type { Violation } from "../world.ts";
import { changedFields, frozenFields, heldThings, isUnproven, userTold } from "./evidence.ts";
import type { Evidence, Told } from "./evidence.ts";

/**
 * [S17, S23] A conflict is decided by its field's policy. Looked at where nothing else can have decided: two people wrote different values into one field of a thing that
 * all systems showed alike, each before the other's had come to their system, and nobody has touched the field or deleted the thing since.
 */
export function checkPolicies(evidence: Evidence): Violation[] {
  const { world, things } = evidence;
  const held = heldThings(evidence);
  const frozen = frozenFields(evidence);
  const violations: Violation[] = [];
  for (const thing of things) {
    if (held.has(thing)) continue;
    for (const field of world.setting.fields) {
      const isFrozen = frozen.has(`${thing} ${field.name}`);
      const shown = new Set(evidence.now.map((records) => records.get(thing)?.[field.name] ?? null));
      const isAlive = evidence.now.some((records) => records.has(thing));
      if (isFrozen && isAlive && shown.size === 1)
        violations.push({ rule: "policy", what: `${thing} ${field.name}: a person is asked although all agree` });
      const rivals = rivalsOf(evidence, thing, field);
      if (rivals === null) continue;
      const what = wrongEnd(evidence, thing, field, rivals, isFrozen);
      if (what !== null) violations.push({ rule: "policy", what: `${thing} ${field.name}: ${what}` });
    }
  }
  return violations;
}

function rivalsOf(evidence: Evidence, thing: string, { name, type, from }: FieldSetting): readonly [Told, Told] | null {
  const { world } = evidence;
  // A system that cannot hold it all has its edits reviewed, or agrees with what differs elsewhere. [S15]
  if (name === SHOUTED && world.setting.systems.some(({ shouts }) => shouts)) return null;
  if (type !== "text" || name === "email" || from !== null) return null;
  // Without compare-and-set and proof one of the two may have been written over unseen. [S26]
  if (!world.setting.systems.every(({ compareAndSet, proof }) => compareAndSet && proof)) return null;
  const done = userTold(evidence, thing);
  if (done.some(({ kind }) => kind === "delete")) return null;
  const isLate = ({ system, sequence }: Told): boolean => sequence > (world.liveAfter[system] ?? Infinity);
  if (done.some((one) => one.kind === "insert" && isLate(one))) return null;
  const edits = done.filter((one) => one.kind !== "insert" && changedFields(one).includes(name));
  const [one, other] = edits;
  if (edits.length !== 2 || one === undefined || other === undefined || one.system === other.system || !edits.every(isLate)) return null;
  const inserted = new Set(done.filter(({ kind }) => kind === "insert").map(({ after }) => after?.[name] ?? null));
  const isOfOneBase = inserted.size === 1 && inserted.has(one.before?.[name] ?? null) && one.before?.[name] === other.before?.[name];
  return isOfOneBase && one.after?.[name] !== other.after?.[name] ? [one, other] : null;
}

/**
 * [I2, S35] The only edit of a field since its thing was entered, made in a record that Accord had asked for and did not know of yet, is an edit: no rule for records that
 * meet decides against it.
 */
export function checkAdopted(evidence: Evidence): Violation[] {
  const { world, told, now, things } = evidence;
  const held = heldThings(evidence);
  const frozen = frozenFields(evidence);
  const violations: Violation[] = [];
  for (const thing of things) {
    const done = userTold(evidence, thing);
    const [inserted, ...others] = done.filter(({ kind }) => kind !== "update");
    // A person's own record beside it may be the one that was found.
    if (held.has(thing) || inserted?.kind !== "insert" || others.length > 0) continue;
    for (const { name, from, type } of world.setting.fields) {
      if (name === SHOUTED && world.setting.systems.some(({ shouts }) => shouts)) continue;
      if (type !== "text" || from !== null || frozen.has(`${thing} ${name}`)) continue;
      const [edit, ...more] = done.filter((one) => one.kind === "update" && changedFields(one).includes(name));
      if (edit === undefined || more.length > 0 || world.setting.systems[edit.system]?.compareAndSet !== true) continue;
      const made = told[edit.system]?.find((one) => one.kind === "insert" && one.record === edit.record);
      if (made === undefined || made.isUser || !isUnproven(evidence, made)) continue;
      const expected = edit.after?.[name] ?? null;
      if (now.some((records) => (records.get(thing)?.[name] ?? null) !== expected))
        violations.push({
          rule: "I2",
          what: `${thing} ${name}: ${String(expected)}, an edit of a record that was asked for, was set back`,
        });
    }
  }
  return violations;
}

/** What is wrong with how it ended, or null. */
function wrongEnd(
  { now }: Evidence,
  thing: string,
  { name, policy }: FieldSetting,
  [one, other]: readonly [Told, Told],
  isFrozen: boolean,
): string | null {
  const shown = now[one.system]?.get(thing)?.[name] ?? null;
  if (policy.kind === "review") return isFrozen ? null : `two people disagreed, and nobody was asked: it shows ${String(shown)}`;
  if (policy.kind !== "owner") return null;
  const ranked = [one, other].toSorted((a, b) => policy.ranks.indexOf(a.system) - policy.ranks.indexOf(b.system));
  const expected = ranked[0]?.after?.[name] ?? null;
  return shown === expected ? null : `the owner wrote ${String(expected)}, and it shows ${String(shown)}`;
}
