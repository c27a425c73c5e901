import { OWNER, referenceMapping, smallImage, smallSync } from "@accord/testkit";
import type { SmallField, SmallOptions } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { Entity } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import type { References } from "../mapping/references.ts";
import { owe } from "../plan/owe.ts";
import { integerType } from "../value/integer.ts";
import { setText, setType } from "../value/set.ts";
import { textType } from "../value/text.ts";
import { absorbRecord } from "./absorb.ts";
import { createEntity, joinMember } from "./join.ts";

const at = (cell: string | null, atMs = 1) => ({ image: smallImage([cell], "x"), position: null, fromMs: atMs, toMs: atMs });

/** Side 0 made the entity with one value at time 1000; side 1 joins with another. */
function meeting(field: SmallField, first: string | null, second: string | null, options: SmallOptions = {}, atMs = 1000) {
  const model = smallSync({ field }, options);
  const created = createEntity(model, 1, 0, "r0", at(first, 1000), "initial", NO_REFERENCES).entity;
  const joined = joinMember(model, created, 1, "r1", at(second, atMs), "match", NO_REFERENCES);
  return { model, joined, entity: joined.entity, value: joined.entity.fields[0]?.value };
}

const owes = (model: SyncModel, entity: Entity) => [0, 1].map((side) => owe(model, entity, side, NO_REFERENCES).kind);

const links = (known: Readonly<Record<string, number>>): References => ({
  entityOf: (_sync, _side, record) => known[record],
  recordOf: (_sync, side, entity) => Object.keys(known).find((record) => known[record] === entity && record.startsWith(`s${side}`)),
  winnerOf: () => undefined,
});

/** The model after the mapping of its one field was changed at a side. */
const remapped = (model: SyncModel, side: number): SyncModel => {
  const sides = model.sides.map((own, place) =>
    place === side
      ? { ...own, mapping: { ...own.mapping, fields: own.mapping.fields.map((field) => field && { ...field, isRemapped: true }) } }
      : own,
  );
  return { ...model, sides };
};

describe("first contact", () => {
  test("[S51] what a side tells by a changed mapping stands in the place of what it told by the former one, and of nothing that a side before it told", () => {
    const { model, entity } = meeting({}, "one", "one");
    const again = (side: number, told: SyncModel) => {
      const members = entity.members.map((member, place) =>
        place === side && member !== null ? { ...member, image: smallImage([undefined], "x"), shadow: [undefined] } : member,
      );
      return absorbRecord(told, { ...entity, members }, side, at("two", 2000), NO_REFERENCES).entity.fields[0]?.value;
    };
    expect([again(0, model), again(0, remapped(model, 0)), again(1, remapped(model, 1))]).toEqual(["one", "two", "one"]);
  });

  test("[S36] a record that matched nothing becomes an entity, owed to the other sides", () => {
    const model = smallSync({ name: {} });
    const created = createEntity(model, 5, 1, "r1", at("Ann"), "user", NO_REFERENCES);
    expect(created.entity).toMatchObject({
      id: 5,
      version: 1,
      life: { kind: "live" },
      fields: [{ value: "Ann", version: 1 }],
      members: [null, { state: "live", ack: [1] }],
    });
    expect(created.events).toEqual([{ kind: "joined", side: 1, record: "r1", by: "new" }]);
    expect(owes(model, created.entity)).toEqual(["create", "nothing"]);
  });

  test("[S36] owner: the side declared first wins, and the other's value is logged and overwritten", () => {
    const { entity, joined, value, model } = meeting({}, "a", "b");
    expect(value).toBe("a");
    expect(joined.events).toContainEqual({
      kind: "conflict",
      field: 0,
      side: 1,
      policy: "initial",
      winner: "canonical",
      from: "a",
      to: "a",
      lost: "b",
    });
    expect(owes(model, entity)).toEqual(["nothing", "update"]);
  });

  test("[S36] a field with an owner of its own keeps that rank from the first moment", () => {
    const { value, entity, model } = meeting(
      { policy: { kind: "owner", ranks: [1, 0], revert: false, fill: false, blanks: [], verified: null } },
      "a",
      "b",
    );
    expect(value).toBe("b");
    expect(owes(model, entity)).toEqual(["update", "nothing"]);
  });

  test("[S36] null never beats a value, under any initial policy", () => {
    for (const initial of ["owner", "non-null", "newest", "review"] as const) {
      expect(meeting({}, null, "b", { initial }).value).toBe("b");
      expect(meeting({}, "a", null, { initial }, 5000).value).toBe("a");
    }
  });

  test("[S36] newest: the later record's value wins where that is certain, else the declared order", () => {
    expect(meeting({}, "a", "b", { initial: "newest" }, 5000).value).toBe("b");
    expect(meeting({}, "a", "b", { initial: "newest" }, 1000).value).toBe("a");
    const policy = { ...OWNER, ranks: [1, 0] } as typeof OWNER;
    expect(meeting({ policy }, "a", "b", { initial: "newest" }, 10).value).toBe("a");
  });

  test("[S36] review: differing values wait for a person, equal ones do not", () => {
    const { entity, value, model } = meeting({}, "a", "b", { initial: "review" });
    expect([value, entity.fields[0]?.review?.candidates]).toEqual(["a", [undefined, "b"]]);
    expect(owes(model, entity)).toEqual(["nothing", "nothing"]);
    expect(meeting({}, "a", "a", { initial: "review" }).entity.fields[0]?.review).toBe(null);
  });

  test("[S36] differing texts go to review; counters take the owner's value, never a sum; sets unite", () => {
    expect(meeting({ policy: { kind: "text" } }, "a", "b").entity.fields[0]?.review).not.toBe(null);
    expect(meeting({ type: integerType, policy: { kind: "counter", floor: null } }, "3", "4").value).toBe("3");
    const tags = { type: setType(textType), policy: { kind: "set" } } as const;
    expect(meeting(tags, setText(["a"]), setText(["b"])).value).toBe(setText(["a", "b"]));
    const folding = {
      ...textType,
      equal: (a: string, b: string) => a.toLowerCase() === b.toLowerCase(),
      hash: (text: string) => text.toLowerCase(),
    };
    expect(meeting({ ...tags, type: setType(folding) }, setText(["A"]), setText(["a"])).value).toBe(setText(["A"]));
  });

  test("[S55] non-writers are ignored at first contact, whichever joins first, and an empty writer fills nothing", () => {
    expect(meeting({ writers: [1] }, "a", "b").value).toBe("b");
    expect(meeting({ writers: [0] }, "a", "b").value).toBe("a");
    const empty = meeting({ writers: [0] }, null, "b");
    expect(empty.value).toBe(undefined);
    expect(owes(empty.model, empty.entity)).toEqual(["nothing", "nothing"]);
  });

  test("[S13] fields that the joining record already shows are acknowledged, whoever wrote them", () => {
    const { entity, model } = meeting({ writers: [0] }, "a", "a");
    expect(entity.members[1]?.ack).toEqual([1]);
    expect(owes(model, entity)).toEqual(["nothing", "nothing"]);
  });

  test("[S38] a side that had a record before keeps the old id retired, one life more", () => {
    const { entity, model } = meeting({}, "a", "a");
    const before = { ...entity.members[1], state: "deleted", retired: ["r1"] } as Entity["members"][number];
    const again = joinMember(model, { ...entity, members: [entity.members[0] ?? null, before] }, 1, "r7", at("a"), "match", NO_REFERENCES);
    expect(again.entity.members[1]).toMatchObject({ record: "r7", incarnation: 2, retired: ["r1"] });
  });

  test("[S36, S44] a reference that is not known yet stays unknown, meets the others later by the initial policy, and is not overwritten before", () => {
    const model = smallSync({
      company: {
        sides: {
          0: { make: (column) => referenceMapping(column, "companies", 0) },
          1: { make: (column) => referenceMapping(column, "companies", 1) },
        },
      },
    });
    const none = links({});
    const created = createEntity(model, 1, 0, "r0", at(null), "initial", none).entity;
    const joined = joinMember(model, created, 1, "r1", at("s1c7"), "match", none);
    expect(joined.waiting).toEqual([0]);
    expect(owe(model, joined.entity, 1, none)).toMatchObject({ kind: "waits", field: 0, entity: null });
    const known = links({ s1c7: 70, s0c7: 70 });
    const later = absorbRecord(model, joined.entity, 1, at("s1c7", 2), known);
    expect(later.entity.fields[0]?.value).toBe("70");
    expect(owe(model, later.entity, 0, known)).toMatchObject({ kind: "update", set: [{ column: 0, cell: "s0c7" }] });
  });

  test("[S44] a reference edited to a record that is not linked yet keeps what was known, and waits", () => {
    const model = smallSync({
      company: {
        sides: {
          0: { make: (column) => referenceMapping(column, "companies", 0) },
          1: { make: (column) => referenceMapping(column, "companies", 1) },
        },
      },
    });
    const refs: References = {
      ...NO_REFERENCES,
      entityOf: (_sync, _side, record) => (record === "new" ? undefined : 70),
      recordOf: () => "c7",
    };
    const created = createEntity(model, 1, 0, "r0", at("c7"), "initial", refs).entity;
    const seen = absorbRecord(model, created, 0, at("new", 2), refs);
    expect(seen).toMatchObject({ waiting: [0], events: [] });
    expect(seen.entity.members[0]?.image).toBe(smallImage(["c7"], "x"));
  });
});
