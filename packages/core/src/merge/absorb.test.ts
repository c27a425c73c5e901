import { cutting, groupMapping, OWNER, plainMapping, smallImage, smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { isCurrent, isPresent } from "../entity/entity.ts";
import type { Entity } from "../entity/entity.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import { owe } from "../plan/owe.ts";
import { groupParts, groupType } from "../value/group.ts";
import { textType } from "../value/text.ts";
import type { ValueType } from "../value/value-type.ts";
import { absorbRecord } from "./absorb.ts";

const NAME = 0;
const plain = smallSync({ name: {} });

function ack(entity: Entity, side: number): boolean {
  const member = entity.members[side];
  return isPresent(member) && isCurrent(entity, member, NAME);
}

const make = () => groupMapping([0, 1], groupParts);

const image = (street: string | null | undefined, city: string | null | undefined) => smallImage([street, city], "x");

const oneWay = (drift: "revert" | "keep") => smallSync({ credit: { writers: [0], drift } }, { sides: 2 });

describe("the table S13, row by row", () => {
  test("[S13] unchanged and current: nothing happens", () => {
    const world = new SmallWorld(plain, ["Ann", "x"]);
    const before = world.entity;
    world.edit(0, 1, "y");
    world.absorb(0);
    expect(world.entity.fields).toEqual(before.fields);
    expect(world.entity.version).toBe(before.version);
    expect(world.events).toEqual([]);
  });

  test("[S13] unchanged and behind: the engine still owes the side a write", () => {
    const world = new SmallWorld(plain, ["Ann", "x"]);
    world.edit(0, NAME, "Bea");
    world.absorb(0);
    world.edit(1, 1, "y");
    world.absorb(1);
    expect(ack(world.entity, 1)).toBe(false);
    expect(owe(plain, world.entity, 1, NO_REFERENCES)).toMatchObject({ kind: "update", set: [{ column: NAME, cell: "Bea" }] });
  });

  test("[S13] changed and current: the edit is taken with its side and time", () => {
    const world = new SmallWorld(plain, ["Ann", "x"]);
    world.edit(1, NAME, "Bea");
    world.absorb(1);
    expect(world.entity.fields[NAME]).toMatchObject({ value: "Bea", version: 2, provenance: { side: 1, cause: "user" } });
    expect(world.events).toEqual([{ kind: "taken", field: NAME, side: 1, from: "Ann", to: "Bea" }]);
    expect([ack(world.entity, 0), ack(world.entity, 1)]).toEqual([false, true]);
  });

  test("[S13] changed and behind to the same value: both made the same edit", () => {
    const world = new SmallWorld(plain, ["Ann", "x"]);
    world.edit(0, NAME, "Bea");
    world.edit(1, NAME, "Bea");
    world.absorb(0);
    world.absorb(1);
    expect(world.events.at(-1)).toEqual({ kind: "same", field: NAME, side: 1 });
    expect(ack(world.entity, 1)).toBe(true);
    world.settle();
    expect(world.writes).toEqual([]);
  });

  test("[S13] changed and behind to another value: a conflict, whose loser is logged", () => {
    const world = new SmallWorld(plain, ["Ann", "x"]);
    world.edit(0, NAME, "Bea");
    world.edit(1, NAME, "Cid");
    world.absorb(0);
    world.absorb(1);
    expect(world.events.at(-1)).toMatchObject({ kind: "conflict", side: 1, policy: "owner", winner: "canonical", lost: "Cid", to: "Bea" });
    world.settle();
    expect([world.cell(0, NAME), world.cell(1, NAME)]).toEqual(["Bea", "Bea"]);
  });

  test("[S13] a side that came to show the canonical value by itself is up to date", () => {
    const world = new SmallWorld(plain, ["Ann", "x"]);
    world.edit(0, NAME, "Bea");
    world.absorb(0);
    world.edit(1, NAME, "Bea");
    world.absorb(1);
    world.edit(1, NAME, "Cid");
    world.absorb(1);
    expect(world.entity.fields[NAME]?.value).toBe("Cid");
    expect(world.events.at(-1)?.kind).toBe("taken");
  });

  test("[S13] a side that shows the canonical value is up to date even where the value moved away and back without it", () => {
    const world = new SmallWorld(plain, ["Ann", "x"]);
    for (const name of ["Bea", "Ann"]) {
      world.edit(0, NAME, name);
      world.absorb(0);
    }
    expect(ack(world.entity, 1)).toBe(false);
    world.edit(1, NAME, "Cid");
    world.absorb(1);
    expect(world.events.at(-1)).toEqual({ kind: "taken", field: NAME, side: 1, from: "Ann", to: "Cid" });
  });

  test("[S5] an unknown value is never a change, and what was known of it is kept", () => {
    const world = new SmallWorld(plain, ["Ann", "x"]);
    world.records[0] = smallImage([undefined], "y");
    world.absorb(0);
    expect(world.events).toEqual([]);
    expect(world.entity.members[0]).toMatchObject({ image: smallImage(["Ann"], "y"), shadow: ["Ann"] });
  });

  test("[S5] null is a value: an emptied field is an edit", () => {
    const world = new SmallWorld(plain, ["Ann", "x"]);
    world.edit(1, NAME, null);
    world.settle();
    expect(world.cell(0, NAME)).toBe(null);
  });

  test("[S13] equivalent spellings are no change", () => {
    const folding: ValueType = { ...textType, equal: (a, b) => a.toLowerCase() === b.toLowerCase() };
    const world = new SmallWorld(smallSync({ name: { type: folding } }), ["Ann", "x"]);
    world.edit(0, NAME, "ANN");
    world.absorb(0);
    expect(world.events).toEqual([]);
    world.settle();
    expect(world.writes).toEqual([]);
  });
});

describe("echoes and images", () => {
  test("[S14] our own write coming back is no news, though its side was behind before", () => {
    const world = new SmallWorld(plain, ["Ann", "x"]);
    world.edit(0, NAME, "Bea");
    world.absorb(0);
    world.push(1);
    const before = world.entity.fields;
    world.edit(0, NAME, "Cid");
    world.absorb(0);
    const events = world.events.length;
    // The echo of "Bea" arrives with another column changed, while side 1 is behind "Cid".
    world.edit(1, 1, "echo");
    world.absorb(1);
    expect(before[NAME]?.value).toBe("Bea");
    expect(world.entity.fields[NAME]?.value).toBe("Cid");
    expect(world.events.length).toBe(events);
    world.settle();
    expect([world.cell(0, NAME), world.cell(1, NAME)]).toEqual(["Cid", "Cid"]);
  });

  const cut = smallSync({ name: { sides: { 1: cutting(3) } } });

  test("[S15] a side that cuts texts is written once and does not flow back", () => {
    const world = new SmallWorld(cut, ["Ann", "x"]);
    world.edit(0, NAME, "Annabel");
    world.settle();
    expect([world.cell(0, NAME), world.cell(1, NAME), world.writes.length]).toEqual(["Annabel", "Ann", 0]);
    world.edit(0, NAME, "Beatrice");
    world.settle();
    expect([world.cell(0, NAME), world.cell(1, NAME), world.writes.length]).toEqual(["Beatrice", "Bea", 1]);
  });

  test("[S15] an edit where only a part is held goes to review and destroys nothing", () => {
    const world = new SmallWorld(cut, ["Ann", "x"]);
    world.edit(0, NAME, "Beatrice");
    world.settle();
    world.edit(1, NAME, "Bex");
    world.settle();
    expect(world.entity.fields[NAME]).toMatchObject({ value: "Beatrice", review: { candidates: [undefined, "Bex"] } });
    expect([world.cell(0, NAME), world.cell(1, NAME)]).toEqual(["Beatrice", "Bex"]);
  });

  test("[S15] an edit where the whole value is held flows, at a side that could cut", () => {
    const world = new SmallWorld(cut, ["Ann", "x"]);
    world.edit(1, NAME, "Eva");
    world.settle();
    expect(world.cell(0, NAME)).toBe("Eva");
  });

  test("[S15, S29] a value that the system alters against expectation stays at that side, and an edit of it goes to review", () => {
    const world = new SmallWorld(plain, ["Ann", "x"], (side, _column, cell) => (side === 1 ? `${cell ?? ""}!` : cell));
    world.edit(0, NAME, "Bea");
    world.settle();
    expect([world.cell(0, NAME), world.cell(1, NAME), world.writes.length]).toEqual(["Bea", "Bea!", 1]);
    world.edit(1, NAME, "Bex!");
    world.settle();
    expect(world.entity.fields[NAME]?.review).not.toBe(null);
  });
});

describe("groups", () => {
  const address = groupType([
    { name: "street", type: textType },
    { name: "city", type: textType },
  ]);
  const model = smallSync({ address: { type: address, sides: { 0: { make }, 1: { make } } }, other: { sides: { 0: null, 1: null } } });
  const observe = (entity: Entity, seen: string, isReading = false) =>
    absorbRecord(model, entity, 1, { image: seen, position: null, fromMs: 5, toMs: 5, isReading }, NO_REFERENCES);

  test("[S16] half a group is not absorbed: the record must be read", () => {
    const { entity } = new SmallWorld(model, ["Main 1", "Bonn", "x"]);
    const torn = observe(entity, image("Side 2", undefined));
    expect(torn).toMatchObject({ reread: true, events: [] });
    expect(torn.entity).toBe(entity);
  });

  test("[S16] an unknown part beside unchanged ones is no change", () => {
    const { entity } = new SmallWorld(model, ["Main 1", "Bonn", "x"]);
    const seen = observe(entity, image("Main 1", undefined));
    expect(seen).toMatchObject({ reread: false, events: [] });
    expect(seen.entity.members[1]?.image).toBe(image("Main 1", "Bonn"));
  });

  test("[S16, S50] where even a reading lacks the part, only that field waits, and is named", () => {
    const { entity } = new SmallWorld(model, ["Main 1", "Bonn", "x"]);
    const seen = observe(entity, image("Side 2", undefined), true);
    expect(seen).toMatchObject({ reread: false, problems: [[0, "a part of it cannot be read"]] });
    expect(seen.entity.members[1]?.image).toBe(image("Main 1", "Bonn"));
  });

  test("[S16] two edits of different parts are one conflict; the loser is kept whole", () => {
    const world = new SmallWorld(model, ["Main 1", "Bonn", "x"]);
    world.edit(0, 0, "Side 2");
    world.edit(1, 1, "Ulm");
    world.settle();
    expect(world.events).toContainEqual(expect.objectContaining({ kind: "conflict", lost: '["Main 1","Ulm"]' }));
    expect([world.cell(1, 0), world.cell(1, 1)]).toEqual(["Side 2", "Bonn"]);
  });

  test("[S16] compare-and-set covers all columns of a group", () => {
    const world = new SmallWorld(model, ["Main 1", "Bonn", "x"]);
    world.edit(0, 0, "Side 2");
    world.absorb(0);
    const owed = owe(model, world.entity, 1, NO_REFERENCES);
    expect(owed.kind === "update" && owed.expect.map(({ column }) => column)).toEqual([0, 1]);
  });
});

describe("one direction", () => {
  test("[S55] revert: an edit at a side that is no writer is pushed back and listed", () => {
    const world = new SmallWorld(oneWay("revert"), ["100", "x"]);
    world.edit(1, NAME, "7");
    world.settle();
    expect(world.events).toEqual([{ kind: "reverted", field: NAME, side: 1, lost: "7", because: "one-way" }]);
    expect([world.cell(0, NAME), world.cell(1, NAME)]).toEqual(["100", "100"]);
  });

  test("[S55] keep: the edit is left and listed until the writer tells something new", () => {
    const world = new SmallWorld(oneWay("keep"), ["100", "x"]);
    world.edit(1, NAME, "7");
    world.settle();
    expect(world.events).toEqual([{ kind: "drifted", field: NAME, side: 1, value: "7" }]);
    expect([world.cell(0, NAME), world.cell(1, NAME), world.writes.length]).toEqual(["100", "7", 0]);
    world.edit(0, NAME, "200");
    world.settle();
    expect(world.cell(1, NAME)).toBe("200");
  });

  test("[S55] a field that no writer has filled stays unknown: the other side's value is left in peace, and an edit of it is listed", () => {
    const model = oneWay("revert");
    const world = new SmallWorld(model, [null, "x"]);
    expect(world.entity.fields[NAME]?.value).toBe(undefined);
    world.edit(1, NAME, "7");
    world.settle();
    expect(world.events).toEqual([{ kind: "drifted", field: NAME, side: 1, value: "7" }]);
    expect([world.cell(1, NAME), world.writes.length]).toEqual(["7", 0]);
    world.edit(0, NAME, "100");
    world.settle();
    expect(world.cell(1, NAME)).toBe("100");
  });
});

describe("what cannot be understood", () => {
  const digits: ValueType = {
    ...textType,
    parse: (text) => (/^\d+$/.test(text) ? { kind: "value", text } : { kind: "invalid", problem: "no digits" }),
  };
  const model = smallSync({ amount: { type: digits } });

  test("[S50] a value that cannot be understood is unknown, named, and not overwritten", () => {
    const world = new SmallWorld(model, ["1", "x"]);
    const observation = { image: smallImage(["one"], "x"), position: null, fromMs: 5, toMs: 5 };
    const seen = absorbRecord(model, world.entity, 1, observation, NO_REFERENCES);
    expect(seen.problems).toEqual([[0, "no digits"]]);
    expect(seen.entity.fields[0]?.value).toBe("1");
    world.edit(1, 0, "one");
    world.edit(0, 0, "2");
    world.settle();
    expect([world.cell(0, 0), world.cell(1, 0)]).toEqual(["2", "one"]);
    expect(owe(model, world.entity, 1, NO_REFERENCES)).toMatchObject({ kind: "refused", field: 0 });
    world.edit(1, 0, "3");
    world.settle();
    expect(world.events).toContainEqual(expect.objectContaining({ kind: "conflict", lost: "3" }));
    expect(world.cell(1, 0)).toBe("2");
  });

  test("[S36] a value that could not be read when its record joined meets the others by the initial policy: null beats none", () => {
    const late = smallSync({ name: { policy: OWNER } });
    const world = new SmallWorld(late, ["Ann", "x"]);
    const unread = { ...world.entity.members[0], image: smallImage([undefined], "x"), shadow: [undefined], ack: [0] };
    const members = world.entity.members.map((member, side) => (side === 0 && member !== null ? { ...member, ...unread } : member));
    world.entity = { ...world.entity, members };
    world.records[0] = smallImage([null], "x");
    world.settle();
    expect([world.cell(0, NAME), world.cell(1, NAME)]).toEqual(["Ann", "Ann"]);
  });

  test("[S13] a read-only side's value is taken and nothing is ever written there", () => {
    const model2 = smallSync({ name: { sides: { 1: { make: (column) => plainMapping(column, textType, { isReadOnly: true }) } } } });
    const world = new SmallWorld(model2, ["Ann", "x"]);
    world.edit(1, NAME, "Bea");
    world.settle();
    expect(world.cell(0, NAME)).toBe("Bea");
    world.edit(0, NAME, "Cid");
    world.settle();
    expect([world.cell(1, NAME), world.writes.length]).toEqual(["Bea", 1]);
  });
});
