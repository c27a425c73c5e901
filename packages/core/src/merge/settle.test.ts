import { cutting, OWNER, plainMapping, smallImage, smallSync, SmallWorld } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isCurrent, isPresent, withMember } from "../entity/entity.ts";
import type { Entity } from "../entity/entity.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import { acknowledgeLevel, owe } from "../plan/owe.ts";
import { readImage, writeImage } from "../record/native-image.ts";
import { integerType } from "../value/integer.ts";
import { setText, setType } from "../value/set.ts";
import { textType } from "../value/text.ts";
import { absorbRecord } from "./absorb.ts";
import { settleAsSeen, settleAsTold, settleWrite } from "./settle.ts";
import type { ConfirmedWrite } from "./settle.ts";

const model = smallSync({ name: {}, note: {} });

/** Side 0 wrote a new name; side 1 is owed it. */
function owed(): Entity {
  const it = new SmallWorld(model, ["Ann", "n", "x"]);
  it.edit(0, 0, "Bea");
  it.absorb(0);
  return it.entity;
}

function write(entity: Entity, image: string | null, extra: Partial<ConfirmedWrite> = {}): ConfirmedWrite {
  const due = owe(model, entity, 1, NO_REFERENCES);
  if (due.kind !== "update") throw new Error("nothing is owed");
  return { kind: "update", record: "r1", fields: due.fields, set: due.set, image, position: "p7", atMs: 9_000_000, ...extra };
}

const settle = (entity: Entity, image: string | null) => settleWrite(model, entity, 1, write(entity, image), NO_REFERENCES);
const current = (entity: Entity, field: number) => isPresent(entity.members[1]) && isCurrent(entity, entity.members[1], field);

describe("settling a write", () => {
  test("[S29] the shadow does not move before proof: an owed write leaves the member as it was", () => {
    const entity = owed();
    expect(entity.members[1]).toMatchObject({ image: smallImage(["Ann", "n"], "x"), shadow: ["Ann", "n"] });
    expect(current(entity, 0)).toBe(false);
  });

  test("[S29] with proof, the write's fields are as the image says, acknowledged, and the position is kept", () => {
    const settled = settle(owed(), smallImage(["Bea", "n"], "x"));
    expect(settled).toMatchObject({ events: [], altered: [], reread: false });
    expect(settled.entity.members[1]).toMatchObject({ shadow: ["Bea", "n"], position: "p7", intent: null });
    expect(current(settled.entity, 0)).toBe(true);
  });

  test("[S29] a user's concurrent edit in the same returned image is absorbed, not swallowed as an echo", () => {
    const settled = settle(owed(), smallImage(["Bea", "edited"], "x"));
    expect(settled.events).toEqual([{ kind: "taken", field: 1, side: 1, from: "n", to: "edited" }]);
    expect(settled.entity.fields[1]?.value).toBe("edited");
    expect(owe(model, settled.entity, 0, NO_REFERENCES)).toMatchObject({ kind: "update", set: [{ column: 1, cell: "edited" }] });
  });

  test("[S29] no image: the prediction stands in, and the record is to be read", () => {
    const settled = settle(owed(), null);
    expect(settled.reread).toBe(true);
    expect(settled.entity.members[1]).toMatchObject({ image: smallImage(["Bea", "n"], "x"), shadow: ["Bea", "n"] });
  });

  test("[S57] no position: the record is to be read before an older image of the log can pass for an edit", () => {
    const entity = owed();
    const image = smallImage(["Bea", "n"], "x");
    const settled = settleWrite(model, entity, 1, write(entity, image, { position: null }), NO_REFERENCES);
    expect(settled).toMatchObject({ events: [], altered: [], reread: true });
    expect(settled.entity.members[1]).toMatchObject({ image, shadow: ["Bea", "n"] });
  });

  test("[S29] an altered value sets the shadow, not the canonical value, and is reported", () => {
    const settled = settle(owed(), smallImage(["BEA", "n"], "x"));
    expect(settled.altered).toEqual([0]);
    expect(settled.entity.fields[0]?.value).toBe("Bea");
    expect(settled.entity.members[1]?.shadow[0]).toBe("BEA");
    expect(owe(model, settled.entity, 1, NO_REFERENCES)).toEqual({ kind: "nothing" });
  });

  test("[S5, S29] what a returned image leaves out stays as it was known", () => {
    const settled = settle(owed(), smallImage(["Bea", undefined], "x"));
    expect(settled.entity.members[1]).toMatchObject({ image: smallImage(["Bea", "n"], "x"), shadow: ["Bea", "n"] });
    expect(settled.events).toEqual([]);
  });

  test("[S28, S29] a canonical value that moved on while the write was under way is owed again", () => {
    const entity = owed();
    const under = write(entity, smallImage(["Bea", "n"], "x"));
    const moved = absorbRecord(
      model,
      entity,
      0,
      { image: smallImage(["Cid", "n"], "x"), position: null, fromMs: 1, toMs: 1 },
      NO_REFERENCES,
    ).entity;
    const settled = settleWrite(model, moved, 1, under, NO_REFERENCES);
    expect(current(settled.entity, 0)).toBe(false);
    expect(owe(model, settled.entity, 1, NO_REFERENCES)).toMatchObject({
      kind: "update",
      set: [{ column: 0, cell: "Cid" }],
      expect: [{ column: 0, cell: "Bea" }],
    });
  });

  test("[S29, S59] an undo's write leaves the field unacknowledged: what it restored is not the canonical value", () => {
    const entity = settle(owed(), smallImage(["Bea", "n"], "x")).entity;
    const undo = {
      kind: "undo-update",
      record: "r1",
      fields: [{ field: 0, version: 2 }],
      set: [{ column: 0, cell: "Ann" }],
      position: null,
      atMs: 1,
    } as const;
    const undone = settleWrite(model, entity, 1, { ...undo, image: smallImage(["Ann", "n"], "x") }, NO_REFERENCES);
    expect(undone.entity.members[1]?.shadow[0]).toBe("Ann");
    expect(current(undone.entity, 0)).toBe(false);
  });

  test("[S29] a settled create gives the entity its member, a life more than before, and takes what the system filled in", () => {
    const filled = smallSync({ name: {}, number: { sides: { 0: null } } });
    const it = new SmallWorld(filled, ["Ann", null, "x"]);
    const unborn = { ...it.entity, members: [it.entity.members[0] ?? null, null] };
    const due = owe(filled, unborn, 1, NO_REFERENCES);
    if (due.kind !== "create") throw new Error("no create is owed");
    const create: ConfirmedWrite = {
      kind: "create",
      record: "r9",
      fields: due.fields,
      set: due.set,
      image: smallImage(["Ann", "77"], null),
      position: null,
      atMs: 5,
    };
    const settled = settleWrite(filled, unborn, 1, create, NO_REFERENCES).entity;
    expect(settled.members[1]).toMatchObject({ state: "live", record: "r9", incarnation: 1, shadow: ["Ann", "77"] });
    expect(owe(filled, settled, 1, NO_REFERENCES).kind).toBe("nothing");
  });

  test("[S38] a recreated record begins anew: nothing of its former life counts", () => {
    const entity = owed();
    const gone = { ...entity.members[1], state: "absent", record: null, retired: ["r1"] } as Entity["members"][number];
    const absent = { ...entity, members: [entity.members[0] ?? null, gone] };
    const due = owe(model, absent, 1, NO_REFERENCES);
    if (due.kind !== "create") throw new Error("no create is owed");
    const create: ConfirmedWrite = { kind: "create", record: "r2", fields: due.fields, set: due.set, image: null, position: null, atMs: 5 };
    const settled = settleWrite(model, absent, 1, create, NO_REFERENCES).entity;
    expect(settled.members[1]).toMatchObject({ state: "live", record: "r2", incarnation: 2, retired: ["r1"], shadow: ["Bea", "n"] });
  });

  test("[S38] a settled delete keeps the last image and retires the id; an archive leaves the record", () => {
    const entity = owed();
    const base = { record: "r1", fields: [], set: [], image: null, position: null, atMs: 5 } as const;
    const deleted = settleWrite(
      model,
      { ...entity, life: { kind: "deleted", side: 0, atMs: 4 } },
      1,
      { ...base, kind: "delete" },
      NO_REFERENCES,
    );
    expect(deleted.entity.members[1]).toMatchObject({ state: "deleted", retired: ["r1"], image: smallImage(["Ann", "n"], "x") });
    const archived = settleWrite(model, entity, 1, { ...base, kind: "archive", image: smallImage(["Ann", "n"], "gone") }, NO_REFERENCES);
    expect(archived.entity.members[1]).toMatchObject({ state: "archived", record: "r1", retired: [] });
    const undone = settleWrite(model, entity, 1, { ...base, kind: "undo-delete" }, NO_REFERENCES);
    expect(undone.entity.members[1]).toMatchObject({ state: "absent", record: null, retired: ["r1"] });
  });

  test("[S38] a delete that lands after an update brought the entity back leaves a member that is owed a new record", () => {
    const { entity } = settleWrite(
      model,
      owed(),
      1,
      { kind: "delete", record: "r1", fields: [], set: [], image: null, position: null, atMs: 5 },
      NO_REFERENCES,
    );
    expect(entity.members[1]).toMatchObject({ state: "absent", record: null, retired: ["r1"] });
    expect(owe(model, entity, 1, NO_REFERENCES).kind).toBe("create");
  });
});

describe("an update that landed as it was told", () => {
  const varied = smallSync(
    {
      name: { policy: { ...OWNER, ranks: [1, 0] } as typeof OWNER },
      code: { sides: { 1: cutting(4) } },
      note: { policy: { kind: "review" } },
      stock: { type: integerType, policy: { kind: "counter", floor: null } },
      tags: { type: setType(textType), policy: { kind: "set" } },
      far: { sides: { 2: null } },
      credit: { writers: [0] },
      kept: { writers: [1], drift: "keep" },
      // At one side it is what another field's column says.
      same: { sides: { 1: { make: () => plainMapping(0, textType, { isReadOnly: true }) } } },
    },
    { sides: 3 },
  );
  const cellsOf = [
    ["Ann", "Bea", null],
    ["c", "code", "longer code"],
    ["n", "m", null],
    ["100", "107", "90"],
    [setText(["a"]), setText(["a", "b"]), setText(["b", "c"])],
    ["f", "g", null],
    ["1", "2", null],
    ["k", "l", "m"],
    ["Ann", "own", null],
    ["rest", "other"],
  ] as const;
  const edit = fc.record({
    kind: fc.constant("edit"),
    side: fc.nat({ max: 2 }),
    column: fc.nat({ max: 9 }),
    choice: fc.nat({ max: 2 }),
    isSeen: fc.boolean(),
  });
  const absorb = fc.record({ kind: fc.constant("absorb"), side: fc.nat({ max: 2 }) });
  const push = fc.record({
    kind: fc.constant("push"),
    isMet: fc.boolean(),
    column: fc.nat({ max: 9 }),
    choice: fc.option(fc.nat({ max: 2 }), { freq: 3 }),
  });
  const story = fc.array(fc.oneof({ weight: 4, arbitrary: edit }, { weight: 3, arbitrary: absorb }, { weight: 3, arbitrary: push }), {
    minLength: 10,
    maxLength: 40,
  });

  /** What is owed to the side, made and settled in both ways; returns whether the short one took it. Now and then the record is not as it was when the write was made. */
  function pushBothWays(it: SmallWorld, side: number, column: number, cell: string | null | undefined): boolean {
    const level = acknowledgeLevel(varied, it.entity, side, NO_REFERENCES);
    if (level !== null) it.entity = withMember(it.entity, side, level);
    const due = owe(varied, it.entity, side, NO_REFERENCES);
    if (due.kind !== "update") return false;
    const cells = readImage(it.records[side] ?? "");
    for (const one of due.set) cells[one.column] = one.cell;
    if (cell !== undefined) cells[column] = cell;
    const image = writeImage(cells);
    it.records[side] = image;
    it.nowMs += 1_000;
    const made: ConfirmedWrite = { ...due, kind: "update", image, position: cell === null ? null : "p", atMs: it.nowMs };
    const told = settleAsTold(varied, it.entity, side, made, NO_REFERENCES);
    const { isAsTold: _, ...seen } = settleAsSeen(varied, it.entity, side, made, NO_REFERENCES);
    if (told !== null) {
      expect({ entity: told, events: [], altered: [], reread: false }).toEqual(seen);
      expect(owe(varied, told, side, NO_REFERENCES)).toEqual({ kind: "nothing" });
      expect(acknowledgeLevel(varied, told, side, NO_REFERENCES)).toBeNull();
    }
    it.entity = seen.entity;
    return told !== null;
  }

  test("[S13, S29] it settles as it would field by field, and its side lacks nothing any more, whatever happened before", () => {
    let isShort = 0;
    fc.assert(
      fc.property(story, (steps) => {
        const it = new SmallWorld(
          varied,
          cellsOf.map((choices) => choices[0]),
        );
        for (const step of steps) {
          if (step.kind === "edit") it.edit(step.side, step.column, cellsOf[step.column]?.[step.choice] ?? null);
          if (step.kind === "absorb" || (step.kind === "edit" && step.isSeen)) it.absorb(step.side);
          if (step.kind !== "push") continue;
          const strange = step.choice === null ? undefined : (cellsOf[step.column]?.[step.choice] ?? null);
          for (let side = 0; side < 3; side += 1) {
            if (step.isMet) it.absorb(side);
            isShort += pushBothWays(it, side, step.column, strange) ? 1 : 0;
          }
        }
      }),
      { numRuns: 300 },
    );
    expect(isShort).toBeGreaterThan(100);
  });

  test("[S29] what the record holds otherwise, what is frozen, and what was not read are settled field by field", () => {
    const entity = owed();
    const told = (from: Entity, image: string | null) => settleAsTold(model, from, 1, write(entity, image), NO_REFERENCES);
    expect(told(entity, smallImage(["Bea", "n"], "x"))).not.toBeNull();
    expect(told(entity, null)).toBeNull();
    expect(told(entity, smallImage(["BEA", "n"], "x"))).toBeNull();
    expect(told(entity, smallImage(["Bea", "edited"], "x"))).toBeNull();
    expect(told({ ...entity, life: { kind: "deleted", side: 0, atMs: 1 } }, smallImage(["Bea", "n"], "x"))).toBeNull();
    const review = { openedAtMs: 1, reason: "r", candidates: [] };
    const frozen = { ...entity, fields: entity.fields.map((field) => ({ ...field, review })) };
    expect(told(frozen, smallImage(["Bea", "n"], "x"))).toBeNull();
  });

  test("[S5, S28] where the side lacks something else by now, or a field is not known, it is settled field by field", () => {
    const entity = owed();
    const made = write(entity, smallImage(["Bea", "n"], "x"));
    const told = (from: Entity) => settleAsTold(model, from, 1, made, NO_REFERENCES);
    const withField = (index: number, change: Partial<Entity["fields"][number]>): Entity => ({
      ...entity,
      version: 9,
      fields: entity.fields.map((field, at) => (at === index ? { ...field, ...change } : field)),
    });
    expect(told(withField(0, { value: "Cid", version: 9 }))).toBeNull();
    expect(told(withField(1, { value: "m", version: 9 }))).toBeNull();
    expect(told(withField(1, { value: undefined, version: 0 }))).toBeNull();
    const member = entity.members[1];
    if (!isPresent(member)) throw new Error("there is a record");
    expect(told(withMember(entity, 1, { ...member, shadow: ["Ann", undefined] }))).toBeNull();
    expect(told(entity)).not.toBeNull();
  });
});
