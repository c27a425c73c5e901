import { smallImage, smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { withMember } from "../entity/entity.ts";
import type { Entity, Member } from "../entity/entity.ts";
import type { SyncModel } from "../entity/sync-model.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import type { References } from "../mapping/references.ts";
import { acknowledgeLevel, owe } from "../plan/owe.ts";
import { absorbDelete, revive } from "./absorb-delete.ts";
import { followMerges } from "./follow-merges.ts";
import { decideMerged, mergeEntities, swapRecords, unmerge } from "./merge-entities.ts";
import { settleWrite } from "./settle.ts";

const SHELL = "r2";
const plain = smallSync({ name: {}, phone: {} }, { merged: { 0: { isWritten: false } } });
const writing = smallSync({ name: {}, phone: {} }, { merged: { 0: { isWritten: false }, 1: { isWritten: true } } });

/** An entity whose records `r0` and `r1`, or others of that name, show the same. */
function entityOf(model: SyncModel, id: number, cells: readonly string[], prefix = "r"): Entity {
  const { entity } = new SmallWorld(model, [...cells, "x"]);
  return { ...entity, id, members: entity.members.map((member, side) => member && { ...member, record: `${prefix}${side}` }) };
}

function memberOf(entity: Entity, side: number): Member {
  const member = entity.members[side];
  if (member === null || member === undefined) throw new Error(`no member at ${side}`);
  return member;
}

function merged(model: SyncModel, loser: Entity, winner: Entity, image: string | null = smallImage(["Ann", "1"], SHELL)) {
  return mergeEntities(model, loser, winner, 0, { image, position: null, fromMs: 9, toMs: 9 }, NO_REFERENCES);
}

const ann = (model = plain): Entity => entityOf(model, 1, ["Ann", "1"]);
const anne = (model = plain): Entity => entityOf(model, 2, ["Anne", "2"], "w");
const owes = (model: SyncModel, entity: Entity, references = NO_REFERENCES): string[] =>
  [0, 1].map((side) => owe(model, entity, side, references).kind);

describe("two records become one", () => {
  test("[S41] the loser lives on in the winner and is never deleted; its record elsewhere is neither written nor deleted", () => {
    const { loser, winner, loserEvents, winnerEvents } = merged(plain, ann(), anne());
    expect(loser.life).toEqual({ kind: "merged", into: 2, side: 0, others: "kept" });
    expect(loser.members.map((member) => member?.state)).toEqual(["archived", "live"]);
    expect(owes(plain, loser)).toEqual(["nothing", "nothing"]);
    expect(winner).toEqual(anne());
    expect(loserEvents[0]).toEqual({ kind: "merged", side: 0, record: "r0", into: 2 });
    expect(winnerEvents).toEqual([{ kind: "absorbed", side: 0, other: 1 }]);
  });

  test("[S41, I2] what the loser held and the winner does not is told, an edit that came with the merge among it", () => {
    const { loserEvents } = merged(plain, ann(), anne(), smallImage(["Annie", "2"], SHELL));
    expect(loserEvents.filter(({ kind }) => kind === "taken" || kind === "leftBehind")).toEqual([
      { kind: "taken", field: 0, side: 0, from: "Ann", to: "Annie" },
      { kind: "taken", field: 1, side: 0, from: "1", to: "2" },
      { kind: "leftBehind", field: 0, value: "Annie" },
    ]);
  });

  test("[S41] of a record that is gone nothing is left but its id", () => {
    const { loser } = merged(plain, ann(), anne(), null);
    expect(loser.members[0]).toMatchObject({ state: "deleted", record: "r0", retired: ["r0"] });
    expect(loser.life.kind).toBe("merged");
  });

  test("[S41] what was thought deleted is merged all the same, and its other record is left alone", () => {
    const gone = absorbDelete(plain, ann(), 0, { image: null, position: null, fromMs: 9, toMs: 9 }, NO_REFERENCES).entity;
    expect(owes(plain, gone)).toEqual(["nothing", "delete"]);
    expect(owes(plain, merged(plain, gone, anne(), null).loser)).toEqual(["nothing", "nothing"]);
  });

  test("[S41, I4] a winner that has no record at a side takes over the loser's, and brings it up to date", () => {
    const alone = { ...anne(), members: [anne().members[0] ?? null, null] };
    const { loser, winner, winnerEvents } = merged(plain, ann(), alone);
    expect(loser.members[1]).toMatchObject({ state: "absent", record: null, retired: ["r1"] });
    expect(winnerEvents).toContainEqual({ kind: "handedOver", side: 1, record: "r1", from: 1 });
    expect(owe(plain, winner, 1, NO_REFERENCES)).toMatchObject({ kind: "update", record: "r1", set: [{ cell: "Anne" }, { cell: "2" }] });
    expect(owes(plain, loser)).toEqual(["nothing", "nothing"]);
  });

  test("[S41] a winner that was deleted takes over nothing: what is the loser's stays", () => {
    const dead: Entity = { ...anne(), life: { kind: "deleted", side: 0, atMs: 8 }, members: [null, null] };
    const { loser, winner } = merged(plain, ann(), dead);
    expect([loser.members[1]?.record, winner.members[1]]).toEqual(["r1", null]);
  });

  test("[S41] where Accord may merge, it makes one of the two there as well", () => {
    const { loser } = merged(writing, ann(writing), anne(writing));
    const references: References = {
      ...NO_REFERENCES,
      recordOf: (sync, side, entity) => (sync === "small" && side === 1 && entity === 2 ? "w1" : undefined),
    };
    const owed = owe(writing, loser, 1, references);
    expect(owed).toMatchObject({
      kind: "merge",
      record: "r1",
      set: [{ column: 2, cell: "w1" }],
      expect: [{ cell: "Ann" }, { cell: "1" }, { cell: "x" }],
    });
    if (owed.kind !== "merge") throw new Error(owed.kind);
    const write = { ...owed, image: null, position: "5", atMs: 9 };
    const settled = settleWrite(writing, loser, 1, write, references).entity;
    expect(memberOf(settled, 1)).toMatchObject({ state: "archived", record: "r1" });
    expect(owes(writing, settled, references)).toEqual(["nothing", "nothing"]);
  });

  test("[S41] archive-loser: a person is asked, and nothing is done before", () => {
    const asking: SyncModel = { ...plain, merges: "archive-loser" };
    const { loser } = merged(asking, ann(), anne());
    expect(loser.review?.reason).toContain("merged");
    expect(owes(asking, loser)).toEqual(["nothing", "nothing"]);
    expect(owes(asking, decideMerged(loser, "ended"))).toEqual(["nothing", "delete"]);
    expect(owes(asking, decideMerged(loser, "kept"))).toEqual(["nothing", "nothing"]);
  });

  test("[S41, S59] no undo revives what is another's part", () => {
    const { loser } = merged(plain, ann(), anne());
    expect(revive(plain, loser, null)).toEqual({ entity: loser, events: [] });
  });

  test("[S41] the two were merged the other way round elsewhere: the entity goes on under the record that is left there", () => {
    const { loser, winner } = merged(plain, ann(), anne());
    const { entity, former } = swapRecords(winner, loser, 1, {
      image: smallImage(["Anne", "2"], "r1"),
      position: null,
      fromMs: 9,
      toMs: 9,
    });
    expect(memberOf(entity, 1)).toMatchObject({ state: "live", record: "r1" });
    expect(memberOf(former, 1)).toMatchObject({ state: "archived", record: "w1" });
    expect(owe(plain, entity, 1, NO_REFERENCES)).toMatchObject({ kind: "update", record: "r1", set: [{ cell: "Anne" }, { cell: "2" }] });
    expect(owes(plain, former)).toEqual(["nothing", "nothing"]);
  });

  test("[S40, S41] a merge that was taken back makes an entity of its own again, with what was left to it", () => {
    const { loser } = merged(plain, ann(), anne());
    const { entity, events } = unmerge(loser, 0);
    expect(entity.life).toEqual({ kind: "live" });
    expect(entity.members.map((member) => member?.state)).toEqual(["live", "live"]);
    expect(events).toEqual([{ kind: "unmerged", side: 0, from: 2 }]);
  });

  test("[S40, S41] where Accord merged it, taking the merge back frees the record there", () => {
    const shell = smallImage(["Ann", "1"], "w1");
    const { loser } = merged(writing, ann(writing), anne(writing));
    const there = withMember(loser, 1, { ...memberOf(loser, 1), state: "archived", image: shell, cut: null });
    const { entity } = unmerge(there, 0);
    expect(owe(writing, entity, 1, NO_REFERENCES)).toMatchObject({
      kind: "restore",
      record: "r1",
      set: [{ column: 2, cell: null }],
      expect: [{ column: 2, cell: "w1" }],
    });
  });
});

describe("references", () => {
  const children = smallSync({ parent: { reference: "small" }, note: {} });
  const winners: References = { ...NO_REFERENCES, winnerOf: (entity) => (entity === 1 ? 2 : undefined) };

  test("[S41, S44] what names the loser names the winner, as a new version for every side", () => {
    const child = entityOf(children, 7, ["1", "n"]);
    const followed = followMerges(children, child, winners, 9);
    expect(followed.entity.fields[0]).toMatchObject({ value: "2", version: child.version + 1, provenance: { cause: "policy" } });
    expect(followed.events).toEqual([{ kind: "repointed", field: 0, from: "1", to: "2" }]);
    expect(acknowledgeLevel(children, followed.entity, 0, winners)).toBeNull();
    expect(followMerges(children, followed.entity, winners, 9).events).toEqual([]);
  });

  test("[S41, S46] a winner whose parent was the loser has none then", () => {
    const child = entityOf(children, 2, ["1", "n"]);
    expect(followMerges(children, child, winners, 9).entity.fields[0]?.value).toBeNull();
  });
});
