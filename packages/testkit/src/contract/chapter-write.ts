/* oxlint-disable eslint/max-lines-per-function -- a chapter is a list of tests */
import { expect } from "vitest";
import type { Rule } from "./rule.ts";
import { fieldsOf, idOf } from "./stage.ts";
import type { Stage } from "./stage.ts";
import { ODD_CUSTOMERS } from "./values.ts";

/** Single writes: what each outcome means. */
export function writeRules(rule: Rule): void {
  rule("a create makes the record with the cells given and leaves the rest to the system", [], async (stage) => {
    const object = await stage.installed();
    const { record } = await stage.applied(object, stage.create(object, { name: "Bea", amount: "12.5", active: "true" }));
    expect(await stage.user.look("customers", [record])).toMatchObject({
      name: "Bea",
      amount: "12.5",
      active: "true",
      email: null,
      note: null,
      internal: null,
    });
    expect((await stage.list(object)).ids).toEqual([record]);
  });

  rule("[S57] a write returns the record's image exactly as a reading shows it", ["returned image"], async (stage) => {
    const object = await stage.installed();
    for (const fields of ODD_CUSTOMERS) {
      const created = await stage.applied(object, stage.create(object, fields));
      expect(created.image).toBe(await stage.image(object, created.record));
      expect(fieldsOf(object, created.image ?? "")).toMatchObject(fields);
    }
    const { ids, images } = await stage.list(object);
    for (const [index, id] of ids.entries()) {
      const other = ODD_CUSTOMERS[(index + 7) % ODD_CUSTOMERS.length] ?? {};
      const set = { ...other, email: `${index}@example.com` };
      const outcome = await stage.applied(
        object,
        stage.update(object, id, set, stage.facts.compareAndSet ? fieldsOf(object, images.get(id) ?? "") : {}),
      );
      expect(outcome.image).toBe(await stage.image(object, id));
      expect(fieldsOf(object, outcome.image ?? "")).toMatchObject(set);
    }
  });

  rule("a delete is applied without an image, and is missing the second time", [], async (stage) => {
    const object = await stage.installed();
    const id = await stage.customer();
    expect(await stage.applied(object, stage.delete(object, id))).toMatchObject({ kind: "applied", record: id, image: null });
    expect(await stage.image(object, id)).toBeNull();
    expect(await stage.writeOne(object, stage.delete(object, id))).toEqual({ kind: "missing" });
  });

  rule("an update of a record that is not there is missing, and writes nothing", [], async (stage) => {
    const object = await stage.installed();
    expect(await stage.writeOne(object, stage.update(object, "987654321", { name: "Bea" }))).toEqual({ kind: "missing" });
    expect(await stage.writeOne(object, stage.update(object, "987654321", { name: "Bea" }, { name: "Ada" }))).toEqual({ kind: "missing" });
    expect((await stage.list(object)).ids).toEqual([]);
  });

  rule(
    "[S29, I12] an update leaves alone every column that it does not set, open or not, also one a user changed just now",
    [],
    async (stage) => {
      const object = await stage.installed("customers", ["id", "name", "note"]);
      const id = await stage.customer({ note: "kept", email: "kept@example.com", internal: "secret plan", amount: "3.25" });
      await stage.updateCustomer(id, { internal: "newer plan", note: "newer note" });
      await stage.applied(object, stage.update(object, id, { name: "Bea" }));
      expect(await stage.user.look("customers", [id])).toMatchObject({
        name: "Bea",
        note: "newer note",
        email: "kept@example.com",
        internal: "newer plan",
        amount: "3.25",
      });
    },
  );

  rule("an update sets nulls and empties what it is told to", [], async (stage) => {
    const object = await stage.installed();
    const id = await stage.customer({ note: "x", amount: "1", active: "false", email: "a@example.com", updated: "2026-01-01T00:00:00Z" });
    const set = { note: "", amount: null, active: null, email: null, updated: null };
    await stage.applied(object, stage.update(object, id, set));
    expect(await stage.fields(object, id)).toMatchObject(set);
  });

  rule(
    "[S26, S30] an update whose expected cells are not there any more is changed, and writes nothing",
    ["compareAndSet"],
    async (stage) => {
      const object = await stage.installed();
      const id = await stage.customer({ note: "old" });
      await stage.updateCustomer(id, { note: "new" });
      expect(await stage.writeOne(object, stage.update(object, id, { name: "Bea" }, { note: "old" }))).toEqual({ kind: "changed" });
      expect(await stage.writeOne(object, stage.update(object, id, { name: "Bea" }, { name: "Ada", note: "old" }))).toEqual({
        kind: "changed",
      });
      expect(await stage.writeOne(object, stage.delete(object, id, { note: "old" }))).toEqual({ kind: "changed" });
      expect(await stage.fields(object, id)).toMatchObject({ name: "Ada", note: "new" });
      await stage.applied(object, stage.update(object, id, { name: "Bea" }, { note: "new" }));
      await stage.applied(object, stage.delete(object, id, { note: "new", name: "Bea" }));
    },
  );

  rule(
    "[S16, S26] expected cells compare exactly: null only with null, empty with empty, upper case apart from lower",
    ["compareAndSet"],
    async (stage) => {
      const object = await stage.installed();
      const notes = [null, "", " ", "a", "A", "a ", "ä", "a\u0308", "\\N"];
      for (const actual of notes) {
        const id = await stage.customer({ note: actual });
        for (const expected of notes) {
          const outcome = await stage.writeOne(object, stage.update(object, id, { name: "Bea" }, { note: expected }));
          expect(outcome.kind, `expected ${JSON.stringify(expected)} where ${JSON.stringify(actual)} is`).toBe(
            actual === expected ? "applied" : "changed",
          );
        }
      }
    },
  );

  rule(
    "[S26] every cell that was read can be expected again: numbers, truths, instants, long and odd texts",
    ["compareAndSet"],
    async (stage) => {
      const object = await stage.installed();
      for (const fields of ODD_CUSTOMERS) {
        const id = await stage.customer(fields);
        const before = (await stage.fields(object, id)) ?? {};
        const outcome = await stage.writeOne(object, stage.update(object, id, { name: "seen" }, before));
        expect(outcome.kind, JSON.stringify(fields).slice(0, 100)).toBe("applied");
      }
    },
  );

  rule("[S26] of two writes at once that expect the same cells one is applied, the other changed", ["compareAndSet"], async (stage) => {
    const object = await stage.installed();
    const second = await stage.world.connect().open(object.schema.name, object.columns, stage.options);
    const id = await stage.customer({ note: "0" });
    for (let round = 0; round < 15; round += 1) {
      const expected = { note: String(round) };
      const outcomes = await Promise.all(
        [object, second, object].map((door) => stage.writeOne(door, stage.update(door, id, { note: String(round + 1) }, expected))),
      );
      expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(["applied", "changed", "changed"]);
    }
  });

  rule("[S37] a value that is unique and held by another record is taken; nothing is written", [], async (stage) => {
    const object = await stage.installed();
    const holder = await stage.customer({ email: "taken@example.com" });
    const other = await stage.customer({ email: "mine@example.com" });
    for (const operation of [
      stage.create(object, { name: "Bea", email: "taken@example.com" }),
      stage.update(object, other, { email: "taken@example.com" }),
    ]) {
      const outcome = await stage.writeOne(object, operation);
      expect(outcome).toMatchObject({ kind: "taken", columns: ["email"] });
      if (outcome.kind === "taken") {
        expect([holder, null]).toContain(outcome.holder);
        expect(outcome.reason).not.toContain("taken@example.com");
      }
    }
    expect((await stage.list(object)).ids).toEqual([holder, other]);
    expect(await stage.fields(object, other)).toMatchObject({ email: "mine@example.com" });
  });

  rule("[S37] a key that a user has taken is taken", [], async (stage) => {
    const object = await stage.installed("regions");
    await stage.user.insert("regions", { code: "north", title: "North" });
    const outcome = await stage.writeOne(object, stage.create(object, { code: "north", title: "Other" }));
    expect(outcome).toMatchObject({ kind: "taken", columns: ["code"] });
    expect(await stage.fields(object, "north")).toEqual({ code: "north", title: "North" });
    await stage.applied(object, stage.create(object, { code: "south", title: "South" }));
  });

  rule("[S3] records with composite keys are created, updated and deleted", [], async (stage) => {
    const object = await stage.installed("lines");
    const { record } = await stage.applied(object, stage.create(object, { order_no: "7", line: "2", title: "Bolt" }));
    expect(record).toBe(idOf(["7", "2"]));
    await stage.applied(object, stage.update(object, record, { title: "Nut" }, stage.facts.compareAndSet ? { title: "Bolt" } : {}));
    expect(await stage.user.look("lines", ["7", "2"])).toMatchObject({ title: "Nut" });
    await stage.applied(object, stage.delete(object, record));
    expect(await stage.writeOne(object, stage.update(object, record, { title: "x" }))).toEqual({ kind: "missing" });
  });

  rule("[S30] what the system refuses for good is rejected with its code and without the values", [], async (stage) => {
    const customers = await stage.installed();
    const lines = await stage.open("lines");
    const id = await stage.customer();
    const refused = [
      await stage.writeOne(customers, stage.create(customers, { name: null, note: "private words" })),
      await stage.writeOne(customers, stage.update(customers, id, { name: null, note: "private words" })),
      await stage.writeOne(lines, stage.create(lines, { order_no: "1", line: "1", region: "private words" })),
    ];
    for (const outcome of refused) {
      expect(outcome.kind).toBe("rejected");
      if (outcome.kind !== "rejected") continue;
      expect(outcome.code).not.toBe("");
      expect(outcome.reason).not.toBe("");
      expect(outcome.reason).not.toContain("private words");
    }
    expect((await stage.list(customers)).ids).toEqual([id]);
    expect((await stage.list(lines)).ids).toEqual([]);
    expect(await stage.fields(customers, id)).toMatchObject({ name: "Ada", note: null });
  });

  rule("a record that others refer to cannot be deleted, and stays", [], async (stage) => {
    const object = await stage.installed("regions");
    await stage.user.insert("regions", { code: "north", title: "North" });
    await stage.user.insert("lines", { order_no: "1", line: "1", region: "north" });
    expect((await stage.writeOne(object, stage.delete(object, "north"))).kind).toBe("rejected");
    expect(await stage.image(object, "north")).not.toBeNull();
  });

  rule("[S35] a second create of one entity finds what the first made, also when both come at once", ["externalId"], async (stage) => {
    const object = await stage.installed();
    const { record } = await stage.applied(object, stage.create(object, { name: "Bea" }, 501));
    expect(await stage.writeOne(object, stage.create(object, { name: "Bea" }, 501))).toEqual({ kind: "exists", record });
    const second = await stage.world.connect().open(object.schema.name, object.columns, stage.options);
    for (let entity = 600; entity < 610; entity += 1) {
      const outcomes = await Promise.all(
        [object, second].map((door) => stage.writeOne(door, stage.create(door, { name: "Twin" }, entity))),
      );
      const kinds = outcomes.map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === "applied")).toHaveLength(1);
      // The loser may also learn that it may try again: then it finds the twin.
      expect(["exists", "notSent"]).toContain(kinds.find((kind) => kind !== "applied"));
    }
    expect((await stage.list(object)).ids).toHaveLength(11);
  });

  rule("[S38] an entity whose record a user deleted can be created anew", ["externalId"], async (stage) => {
    const object = await stage.installed();
    const first = await stage.applied(object, stage.create(object, { name: "Bea" }, 501));
    await stage.user.delete("customers", [first.record]);
    const again = await stage.applied(object, stage.create(object, { name: "Bea" }, 501));
    expect(again.record).not.toBe(first.record);
    expect(await stage.writeOne(object, stage.create(object, { name: "Bea" }, 501))).toEqual({ kind: "exists", record: again.record });
  });

  rule("[S29] a write that is to be confirmed is nowhere to be seen before, and asks once", [], async (stage) => {
    const { object, operations, look } = await stageOfThree(stage);
    const before = await look();
    const seen: unknown[] = [];
    const confirm = async (): Promise<void> => {
      seen.push(await look());
    };
    const outcomes = await object.write(operations, { ...stage.options, mark: stage.mark, confirm });
    expect(outcomes.map(({ kind }) => kind)).toEqual(["applied", "applied", "applied"]);
    expect(seen).toEqual([before]);
    const after = await look();
    expect(after.names).toEqual(["Bea", "Cay"]);
    if (stage.facts.proof) expect(after.proven).toBe(3);
  });

  rule("[S29] where the confirmation fails nothing of the write lasts, and it fails likewise", [], async (stage) => {
    const { object, operations, look } = await stageOfThree(stage);
    const before = await look();
    const refusal = new Error("the store is full");
    const confirm = (): Promise<void> => Promise.reject(refusal);
    await expect(object.write(operations, { ...stage.options, mark: stage.mark, confirm })).rejects.toBe(refusal);
    expect(await look()).toEqual(before);
    // Nothing of it stands in the way of the next.
    const outcomes = await stage.write(object, operations);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["applied", "applied", "applied"]);
  });
}

/** A create, an update and a delete, and a look at what came of them by a connection of its own. */
async function stageOfThree(stage: Stage) {
  const object = await stage.installed();
  const [first, second] = [await stage.customer({ name: "Ada" }), await stage.customer({ name: "Dan" })];
  const operations = [stage.create(object, { name: "Bea" }), stage.update(object, first, { name: "Cay" }), stage.delete(object, second)];
  const onlooker = await stage.world.connect().open(object.schema.name, object.columns, stage.options);
  const look = async () => {
    const { images } = await stage.list(onlooker);
    const names = [...images.values()].map((image) => fieldsOf(object, image)["name"] ?? "").toSorted();
    const intents = operations.map(({ intent }) => intent);
    return { names, proven: stage.facts.proof ? (await onlooker.findProofs(intents, stage.options)).size : 0 };
  };
  return { object, operations, look };
}
