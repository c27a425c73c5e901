import { heldBy } from "../setting.ts";
import type { Violation } from "../world.ts";
import { changedFields, frozenFields, heldThings, recordsOf } from "./evidence.ts";
import type { Evidence, Told } from "./evidence.ts";

/** [I1] Every system shows the same things with the same values, but for what waits for a person. [I4] And each of them once. */
export function checkAgreement(evidence: Evidence): Violation[] {
  const { world, now, things } = evidence;
  const violations: Violation[] = [];
  const frozen = frozenFields(evidence);
  const held = heldThings(evidence);
  for (const thing of things) {
    if (held.has(thing)) continue;
    const shown = now.map((records) => records.get(thing));
    const names = world.systems.map(({ name }) => name);
    const lives = shown.map((cells) => cells !== undefined);
    if (new Set(lives).size > 1) {
      violations.push({ rule: "I1", what: `${thing} is there at ${names.filter((_, index) => lives[index]).join(", ")} only` });
      continue;
    }
    for (const { name, from } of world.setting.fields) {
      if (frozen.has(`${thing} ${name}`)) continue;
      const values = shown.map((cells) => cells?.[name] ?? null);
      // What no writer has filled is nobody's to push. [S55]
      if (from !== null && from.every((writer) => values[writer] === null)) continue;
      const whole = values.findIndex((_, system) => world.setting.systems[system]?.shouts !== true);
      const told = values[Math.max(0, whole)] ?? null;
      const isAlike = values.every((value, system) => {
        const facts = world.setting.systems[system];
        return facts !== undefined && value === heldBy(facts, name, told);
      });
      if (!isAlike) violations.push({ rule: "I1", what: `${thing} ${name}: ${values.map(String).join(" / ")}` });
    }
  }
  for (const thing of things) {
    for (const system of world.systems) {
      if (recordsOf(system, thing) > 1) violations.push({ rule: "I4", what: `${system.name} shows ${thing} twice` });
    }
  }
  return violations;
}

/** [I12] A column that nobody maps is as people left it. */
export function checkUnmapped({ told }: Evidence): Violation[] {
  return told
    .flat()
    .flatMap((change) =>
      !change.isUser && change.kind === "update" && changedFields(change).includes("note")
        ? [{ rule: "I12", what: `${change.thing}: note was written` }]
        : [],
    );
}

/** [I14] Every write of Accord's has its cause in the journal; where an answer was lost, that it may have been made. */
export function checkCauses({ world, told }: Evidence): Violation[] {
  const journal = world.state.journal.map(({ payload }) => payload).join("\n");
  const isTold = ({ intent, kind, record }: Told): boolean =>
    intent === null ||
    journal.includes(intent) ||
    // A create that landed unseen is adopted by the next try, under that one's name. [S35]
    (kind === "insert" && journal.includes(`"kind":"create","record":"${record}"`));
  return told
    .flat()
    .filter((change) => !isTold(change))
    .map(({ kind, thing, system }) => ({
      rule: "I14",
      what: `${kind} of ${thing} at ${world.systems[system]?.name ?? ""} has no cause in the journal`,
    }));
}
