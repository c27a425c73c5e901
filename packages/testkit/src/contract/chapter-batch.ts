/* oxlint-disable eslint/max-lines-per-function -- a chapter is a list of tests */
import { expect } from "vitest";
import type { Rule } from "./rule.ts";
import { fieldsOf } from "./stage.ts";
import { ODD_TEXTS } from "./values.ts";

/** Batches: one outcome per operation, in order. [S47] */
export function batchRules(rule: Rule): void {
  rule("an empty batch has no outcomes", [], async (stage) => {
    expect(await stage.write(await stage.installed(), [])).toEqual([]);
  });

  rule("[S47] a mixed batch has one outcome per operation, in order", ["compareAndSet"], async (stage) => {
    const object = await stage.installed();
    const ids: string[] = [];
    for (let index = 0; index < 4; index += 1) ids.push(await stage.customer({ note: `n${index}` }));
    const [a = "", b = "", c = "", d = ""] = ids;
    const outcomes = await stage.write(object, [
      stage.update(object, a, { name: "Bea" }, { note: "n0" }),
      stage.create(object, { name: "Cay" }),
      stage.update(object, b, { name: "Bea" }, { note: "old" }),
      stage.delete(object, c, { note: "n2" }),
      stage.update(object, "987654321", { name: "Bea" }),
      stage.delete(object, "987654322"),
      stage.delete(object, d, { note: "old" }),
      stage.create(object, { name: "Dan" }),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      "applied",
      "applied",
      "changed",
      "applied",
      "missing",
      "missing",
      "changed",
      "applied",
    ]);
    const recordOf = (index: number): string => {
      const outcome = outcomes[index];
      return outcome?.kind === "applied" ? outcome.record : "";
    };
    expect([recordOf(0), recordOf(3)]).toEqual([a, c]);
    expect(await stage.fields(object, recordOf(1))).toMatchObject({ name: "Cay" });
    expect(await stage.fields(object, recordOf(7))).toMatchObject({ name: "Dan" });
    expect((await stage.list(object)).ids.toSorted()).toEqual([a, b, d, recordOf(1), recordOf(7)].toSorted());
    expect(await stage.fields(object, b)).toMatchObject({ name: "Ada" });
  });

  rule("[S29] the operations of one batch may set different columns, and none touches another's", [], async (stage) => {
    const object = await stage.installed();
    const ids: string[] = [];
    for (let index = 0; index < 6; index += 1) ids.push(await stage.customer({ note: "n", email: `${index}@example.com`, amount: "1" }));
    const sets = [
      { note: null },
      { email: null },
      { name: "x", note: "y" },
      { amount: "2.5" },
      { active: "true" },
      { note: "", amount: null },
    ];
    const outcomes = await stage.write(
      object,
      ids.map((id, index) => stage.update(object, id, sets[index] ?? {})),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(ids.map(() => "applied"));
    for (const [index, id] of ids.entries()) {
      const base = { name: "Ada", note: "n", email: `${index}@example.com`, amount: "1", active: null };
      expect(await stage.fields(object, id)).toMatchObject({ ...base, ...sets[index] });
    }
  });

  rule("[S26] the operations of one batch may expect different columns", ["compareAndSet"], async (stage) => {
    const object = await stage.installed();
    const ids: string[] = [];
    for (let index = 0; index < 6; index += 1) ids.push(await stage.customer({ note: index % 2 === 0 ? null : "n", amount: "1" }));
    const expects = [{ note: null }, { amount: "1" }, {}, { note: null }, { note: null, amount: "1" }, { note: "n", amount: null }];
    const outcomes = await stage.write(
      object,
      ids.map((id, index) => stage.update(object, id, { name: "Bea" }, expects[index] ?? {})),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["applied", "applied", "applied", "changed", "applied", "changed"]);
  });

  rule("[S47] of many creates at once each outcome names the record with the operation's own cells", [], async (stage) => {
    const object = await stage.installed();
    const count = Math.min(object.capabilities.batchSizeMax, 600);
    // Neither the names nor the notes are in the order of the operations, so that a lucky order does not pass.
    const nameOf = (index: number): string => `name ${(index * 7919) % count}`;
    const outcomes = await stage.write(
      object,
      Array.from({ length: count }, (_, index) => stage.create(object, { name: nameOf(index), note: noteOf(index) })),
    );
    const { images } = await stage.list(object);
    expect(images.size).toBe(count);
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.kind !== "applied") throw new Error(`Create ${index} is ${outcome.kind}.`);
      expect(fieldsOf(object, images.get(outcome.record) ?? "")).toMatchObject({ name: nameOf(index), note: noteOf(index) });
      if (stage.facts.writesReturn !== "nothing") expect(outcome.image).toBe(images.get(outcome.record));
    }
    const updates = outcomes.map((outcome, index) =>
      stage.update(object, outcome.kind === "applied" ? outcome.record : "", { note: `after ${index}` }),
    );
    const updated = await stage.write(object, updates.toReversed());
    for (const [index, outcome] of updated.toReversed().entries()) {
      if (outcome.kind !== "applied") throw new Error(`Update ${index} is ${outcome.kind}.`);
      expect(await stage.fields(object, outcome.record)).toMatchObject({ name: nameOf(index), note: `after ${index}` });
      if (index > 40) break;
    }
  });

  rule("[S35] in a batch, creates whose entities are there already say so and the others are made", ["externalId"], async (stage) => {
    const object = await stage.installed();
    const first = await stage.applied(object, stage.create(object, { name: "first" }, 701));
    const outcomes = await stage.write(object, [
      stage.create(object, { name: "new" }, 702),
      stage.create(object, { name: "again" }, 701),
      stage.create(object, { name: "newer" }, 703),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["applied", "exists", "applied"]);
    expect(outcomes[1]).toEqual({ kind: "exists", record: first.record });
    expect((await stage.list(object)).ids).toHaveLength(3);
    expect(await stage.fields(object, first.record)).toMatchObject({ name: "first" });
  });

  rule("[S47] one poison operation fails alone, and the rest of its batch is written", ["per-item"], async (stage) => {
    const object = await stage.installed();
    const id = await stage.customer();
    const outcomes = await stage.write(object, [
      stage.create(object, { name: "good" }),
      stage.create(object, { name: null }),
      stage.update(object, id, { name: "fine" }),
      stage.create(object, { name: "good too" }),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["applied", "rejected", "applied", "applied"]);
    expect((await stage.list(object)).ids).toHaveLength(3);
  });

  rule(
    "[S47] a batch with one poison operation is rejected as a whole, and nothing of it is written",
    ["all-or-nothing"],
    async (stage) => {
      const object = await stage.installed();
      const id = await stage.customer();
      const operations = [
        stage.create(object, { name: "good" }),
        stage.create(object, { name: null }),
        stage.update(object, id, { name: "fine" }),
        stage.create(object, { name: "good too" }),
      ];
      const outcomes = await stage.write(object, operations);
      expect(outcomes.map(({ kind }) => kind)).toEqual(operations.map(() => "batchRejected"));
      expect((await stage.list(object)).ids).toEqual([id]);
      expect(await stage.fields(object, id)).toMatchObject({ name: "Ada" });
      if (stage.facts.proof)
        expect(
          (
            await object.findProofs(
              operations.map(({ intent }) => intent),
              stage.options,
            )
          ).size,
        ).toBe(0);
      const single: string[] = [];
      for (const operation of operations) single.push((await stage.writeOne(object, operation)).kind);
      expect(single).toEqual(["applied", "rejected", "applied", "applied"]);
    },
  );

  rule("[S37, S47] two creates of one batch that want the same unique value never both happen", [], async (stage) => {
    const object = await stage.installed();
    const outcomes = await stage.write(object, [
      stage.create(object, { name: "one", email: "same@example.com" }),
      stage.create(object, { name: "two", email: "same@example.com" }),
    ]);
    const kinds = outcomes.map(({ kind }) => kind);
    expect(kinds).toEqual(stage.facts.batch === "per-item" ? ["applied", "taken"] : ["batchRejected", "batchRejected"]);
    expect((await stage.list(object)).ids).toHaveLength(stage.facts.batch === "per-item" ? 1 : 0);
  });

  rule("[S47] batches at once on different records all happen", [], async (stage) => {
    const object = await stage.installed();
    const batches = await Promise.all(
      Array.from({ length: 8 }, (_, batch) =>
        stage.write(
          object,
          Array.from({ length: 20 }, (_unused, index) => stage.create(object, { name: `${batch}/${index}` })),
        ),
      ),
    );
    for (const outcome of batches.flat()) expect(["applied", "notSent"]).toContain(outcome.kind);
    const applied = batches.flat().filter(({ kind }) => kind === "applied");
    expect((await stage.list(object)).ids).toHaveLength(applied.length);
  });
}

/** Odd but short texts, and nulls between them. */
function noteOf(index: number): string | null {
  return index % 5 === 0 ? null : (ODD_TEXTS[index % (ODD_TEXTS.length - 2)] ?? null);
}
