import { heldBy } from "../setting.ts";
import type { FieldSetting } from "../setting.ts";
import type { Violation } from "../world.ts";
import { changedFields, userTold } from "./evidence.ts";
import type { Evidence, Told } from "./evidence.ts";
import { namesValue } from "./told-values.ts";

/** [I2] What a person wrote is in some version, in the conflict log or in a review, or a person overwrote or deleted it at the same place. */
export function checkUpdates(evidence: Evidence): Violation[] {
  const { world, told } = evidence;
  const journal = world.state.journal.map(({ payload }) => payload).join("\n");
  const violations: Violation[] = [];
  for (const changes of told) {
    changes.forEach((change, place) => {
      if (!change.isUser || change.after === null) return;
      for (const name of changedFields(change)) {
        const field = world.setting.fields.find((candidate) => candidate.name === name);
        const value = change.after[name] ?? null;
        if (field === undefined || field.type === "integer" || name === "email" || value === null) continue;
        if (field.from !== null && !field.from.includes(change.system)) continue;
        if (isTold(journal, field, value) || isShown(evidence, change, name, value)) continue;
        const later = changes.slice(place + 1).filter(({ record }) => record === change.record);
        if (isOverwritten(evidence, change, later, name)) continue;
        violations.push({
          rule: "I2",
          what: `${change.thing} ${name}: ${value}, written at ${world.systems[change.system]?.name ?? ""}, is lost`,
        });
      }
    });
  }
  return violations;
}

/** Whether the journal names a value: the canonical text of a group is JSON itself, and the cells of a deleted record name its parts. */
function isTold(journal: string, { type }: FieldSetting, value: string): boolean {
  if (type !== "group") return namesValue(journal, value);
  // This is the text of groupShown.
  const parts = JSON.parse(value) as (string | null)[];
  return journal.includes(JSON.stringify(value)) || parts.every((part) => part === null || namesValue(journal, part));
}

/** First contact tells of values that agree everywhere without naming them. [S36] */
function isShown({ now }: Evidence, { thing }: Told, name: string, value: string): boolean {
  return now.some((records) => records.get(thing)?.[name] === value);
}

function isOverwritten({ world }: Evidence, change: Told, later: readonly Told[], name: string): boolean {
  const next = later.find((one) => one.kind === "delete" || changedFields(one).includes(name));
  if (next === undefined) return false;
  if (next.isUser) return true;
  // Without compare-and-set a write between our reading and our writing can be lost, and that is said. [S26]
  return world.setting.systems[change.system]?.compareAndSet === false;
}

/** [I3] Every value is one that a person wrote for that thing, and no place returns to what people have changed since. */
export function checkInventions(evidence: Evidence): Violation[] {
  const { world, told, things } = evidence;
  const violations: Violation[] = [];
  // Where it cannot be proven that a write landed, a record that shows it later may count as a person's edit. [S26, S31]
  const isProven = world.setting.systems.every(({ proof }) => proof);
  const texts = world.setting.fields.filter(({ type, name }) => type !== "integer" && name !== "email");
  for (const thing of things) {
    const done = userTold(evidence, thing);
    // Records that came to be at several systems meet by the initial policy, whenever they do. [S36]
    const hasMet = done.some(({ kind, system, sequence }) => kind === "insert" && sequence > (world.liveAfter[system] ?? 0));
    for (const field of texts) {
      const values = done.flatMap((one) => (changedFields(one).includes(field.name) ? [one.after?.[field.name] ?? null] : []));
      for (const [system, changes] of told.entries()) {
        const own = changes.filter((change) => change.thing === thing);
        const facts = world.setting.systems[system];
        const held = values.map((value) => (facts === undefined ? value : heldBy(facts, field.name, value)));
        // What two people wrote may come again after the first of them has changed it.
        const once = new Set(held.filter((value, index) => held.indexOf(value) === index && held.lastIndexOf(value) === index));
        violations.push(...invented(own, field, new Set(held)));
        if (!hasMet && isProven) violations.push(...reverted(own, field, once, world.liveAfter[system] ?? Infinity));
      }
    }
  }
  return violations;
}

function invented(changes: readonly Told[], { name }: FieldSetting, written: ReadonlySet<string | null>): Violation[] {
  return changes.flatMap(({ isUser, after, thing }) => {
    const value = after?.[name] ?? null;
    return isUser || value === null || written.has(value) ? [] : [{ rule: "I3", what: `${thing} ${name}: nobody wrote ${value}` }];
  });
}

/** An edit at a side that is no writer is pushed back: that is what it was told to do. [S55] `after`: what counts begins after this change. */
function reverted(changes: readonly Told[], { name, from }: FieldSetting, once: ReadonlySet<string | null>, after: number): Violation[] {
  const violations: Violation[] = [];
  const past = new Map<string, Set<string>>();
  for (const change of changes) {
    const key = change.record;
    const seen = past.get(key) ?? new Set<string>();
    past.set(key, seen);
    const value = change.after?.[name] ?? null;
    const isBack =
      change.sequence > after &&
      change.kind === "update" &&
      !change.isUser &&
      once.has(value) &&
      value !== null &&
      value !== change.before?.[name] &&
      seen.has(value);
    if (isBack && (from === null || from.includes(change.system)))
      violations.push({ rule: "I3", what: `${change.thing} ${name}: went back to ${value}` });
    if (value !== null && change.sequence > after) seen.add(value);
  }
  return violations;
}
