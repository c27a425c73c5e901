import type { Mutant } from "./mutant.ts";

/**
 * Rules marked ⚗, and the branches of the table S13. Not here: that the same edit on both sides is no conflict, and that a side which shows the canonical value already is up to
 * date. What is made of them ends alike, since sides that agree close their case at once; core's own tests see the difference in the journal. Nor the order of S27's
 * checks: no simulated system has keys of idempotency. S28 has none: a value that was queued and is refused is tried for ever, and its world does not end.
 */
export const MUTANTS: readonly Mutant[] = [
  {
    rule: "S13",
    what: "an edit of an up-to-date side is not taken",
    file: "core/src/merge/absorb-field.ts",
    find: `  return wasCurrent ? takeEdit(sight, state, canonical, events) : contest(sight, state, canonical, events);`,
    replace: `  return wasCurrent ? state : contest(sight, state, canonical, events);`,
    seeds: 50,
  },
  {
    rule: "S13",
    what: "a conflict is taken like an edit: the last to be seen wins, and nothing is logged",
    file: "core/src/merge/absorb-field.ts",
    find: `  return wasCurrent ? takeEdit(sight, state, canonical, events) : contest(sight, state, canonical, events);`,
    replace: `  return takeEdit(sight, state, canonical, events);`,
    seeds: 1_000,
  },
  {
    rule: "S13",
    what: "what is unchanged while the side is owed a write counts as an edit",
    file: "core/src/merge/absorb-field.ts",
    find: `  if (isUnchanged) return state;`,
    replace: ``,
    seeds: 300,
  },
  {
    rule: "S14",
    what: "our own write that comes back is an edit",
    file: "core/src/merge/absorb-field.ts",
    find: `  const isUnchanged = equalValues(fieldModel.type, observed, base);`,
    replace: `  const isUnchanged = observed === base && observed === null;`,
    seeds: 300,
  },
  {
    rule: "S15",
    what: "where nothing was returned the shadow is the canonical value itself",
    file: "core/src/merge/settle.ts",
    find: `  const predicted = predictCells(cellsOf(member) ?? mapping.columns.map(() => undefined), write);`,
    replace: `  const rawOf = (cell, column) =>
    entity.fields.find(({ value }, index) => mapping.fields[index]?.writes.includes(column) && value?.toUpperCase() === cell)?.value ?? cell;
  const predicted = predictCells(cellsOf(member) ?? mapping.columns.map(() => undefined), write).map(rawOf);`,
    first: 600,
    seeds: 200,
  },
  {
    rule: "S33",
    what: "what is seen of a record while a write of it is under way is absorbed",
    file: "testkit/src/fake/store/memory-read.ts",
    find: `    if (view.intent(id, mark.side) !== null) continue;`,
    replace: ``,
    seeds: 600,
  },
  {
    rule: "S29",
    what: "the shadow moves although the answer was lost",
    file: "engine/src/run/settle.ts",
    find: `      noteUnsettled(context, intent);`,
    replace: `      if (intent.record !== null) {
        applied(context, sync, landing, intent.record, null, null, references, changes);
        return;
      }`,
    seeds: 250,
  },
  {
    rule: "S29",
    what: "the whole returned image becomes the shadow, a user's concurrent edit with it",
    file: "core/src/merge/settle.ts",
    find: `  return shown.map((value, field) => (own.has(field) ? value : member.shadow[field]));`,
    replace: `  return [...shown];`,
    seeds: 1_500,
  },
  {
    rule: "S10",
    what: "one reading counts, however old it may be",
    file: "engine/src/run/sight.ts",
    find: `const waitMs = staleReadMsMax === 0 ? 0 : context`,
    replace: `const waitMs = staleReadMsMax >= 0 ? 0 : context`,
    seeds: 250,
  },
  {
    rule: "S57",
    what: "log images that our own write already covers are absorbed",
    file: "engine/src/run/sight.ts",
    find: `  return sync.objects[mark.side]?.covers(known, mark.position) ?? false;`,
    replace: `  return false;`,
    seeds: 400,
  },
  {
    rule: "S31",
    what: "recovery does not wait for the deadline",
    file: "engine/src/journal/recover.ts",
    find: `const due = own.filter((intent) => waitMs(intent) <= 0);`,
    replace: `const due = own;`,
    seeds: 1_000,
  },
  {
    rule: "S31",
    what: "every unknown outcome counts as not landed",
    file: "engine/src/journal/recover.ts",
    find: `    if (record !== undefined) return certain({ kind: "applied", record, image: null, position: null });`,
    replace: ``,
    seeds: 400,
  },
  {
    rule: "S35",
    what: "creates carry no id that can be looked up",
    file: "testkit/src/fake/installation.ts",
    find: `    return this.#rowsByEntity.get(entityKey({ object, entity }));`,
    replace: `    return object === "" ? this.#rowsByEntity.get(entityKey({ object, entity })) : undefined;`,
    seeds: 1_000,
  },
  {
    rule: "S35",
    what: "a record that an unproven create made meets like any stranger, and a user's edit of it loses by the initial policy",
    file: "core/src/merge/join.ts",
    find: `  if (isUnproven(entity.members[side]))`,
    replace: `  if (isUnproven(entity.members[side]) && by === "person")`,
    first: 2_200,
    seeds: 200,
  },
  {
    rule: "S35",
    what: "while nobody can tell whether a create happened, another is made",
    file: "core/src/plan/owe.ts",
    find: `  if (isUnproven(member)) return UNPROVEN;`,
    replace: `  if (isUnproven(member)) return oweCreate(model, entity, side, references);`,
    seeds: 1_000,
  },
  {
    rule: "S35",
    what: "an unproven create is given up without a listing that lacks its record",
    file: "engine/src/run/unproven.ts",
    find: `const missing = this.#sought.filter(({ asked }) => !this.#seen.has(asked));`,
    replace: `const missing = this.#sought;`,
    first: 4_550,
    seeds: 200,
  },
  {
    rule: "S26",
    what: "writes are made whatever stands there",
    file: "testkit/src/fake/writer.ts",
    find: `if (this.#facts.capabilities.compareAndSet && !this.#holds(row, operation.expect)) return { kind: "changed" };`,
    replace: ``,
    seeds: 400,
  },
  {
    rule: "S7",
    what: "a hint's image is kept although the record was only touched",
    file: "engine/src/run/sight.ts",
    find: `    } else if (mark.kind === "touched" || mark.kind === "replaced") {`,
    replace: `    } else if (mark.kind !== "image" && mark.kind !== "deleted" && mark.entity === null) {`,
    seeds: 100,
  },
  {
    rule: "S34",
    what: "a record under the id of one that is gone counts as that one",
    file: "engine/src/run/new-life.ts",
    find: `  return compared.length > 0 && !compared.includes(true);`,
    replace: `  return compared.length < 0;`,
    seeds: 400,
  },
  {
    rule: "S38",
    what: "a delete is taken for nothing",
    file: "engine/src/run/absorb-sight.ts",
    find: `  if (image === null) return plain(`,
    replace: `  if (image === null) return untouched(entity);
  if (image === "") return plain(`,
    seeds: 200,
  },
];
