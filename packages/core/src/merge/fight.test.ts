import { smallImage, smallSync } from "@accord/testkit";
import { expect, test } from "vitest";
import type { Entity } from "../entity/entity.ts";
import { NO_REFERENCES } from "../mapping/references.ts";
import { owe } from "../plan/owe.ts";
import { absorbRecord } from "./absorb.ts";
import { freezeFight, isFight } from "./fight.ts";
import type { Telling } from "./fight.ts";
import { createEntity, joinMember } from "./join.ts";
import { decideField } from "./review.ts";

/** `0a 1b 0a`: sides and values, a second apart; a `-` behind one: it was pushed back. */
function tell(sketch: string, stepMs = 1_000): readonly Telling[] {
  return sketch.split(" ").map((one, place) => ({
    side: Number(one[0]),
    digest: one.slice(1).replace("-", ""),
    isTaken: !one.endsWith("-"),
    atMs: place * stepMs,
  }));
}

test.each([
  ["0a 1b 0a 1b 0a 1b", "two values in turn"],
  ["0a 1b 2c 0a 1b 2c", "a round of three"],
  ["0x 1y 0a 1b 0a 1b 0a 1b", "whatever came before"],
  ["1w- 1w- 1w- 1w- 1w- 1w-", "the same one pushed back"],
  ["1a 1b 1a 1b 1a 1b 1a 1b 1a 1b", "one side that answers itself, by way of another tool"],
  ["0a 1b 0c 1d 0e 1f 0g 1h 0i 1j 0k 1l", "new values, in turn, faster than people"],
])("[S49] %s is a fight: %s", (sketch) => {
  expect(isFight(tell(sketch))).toBe(true);
});

test.each([
  ["0a 1b 0a 1b 0a", "too few"],
  ["0a 0b 0a 0b 0a 0b", "somebody who cannot decide"],
  ["0a 0a 0a 0a 0a 0a 0a 0a 0a 0a", "one and the same, taken"],
  ["0a 1b 0a 1b 0a 1c", "another value at its end"],
  ["1a- 1b- 1c- 1d- 1e- 1f-", "edits that are pushed back, each another"],
  ["0a 1b 0c 1d 0e 1f 0g 1h 0i 1j 0k", "people at two desks"],
])("[S49] %s is none: %s", (sketch) => {
  expect(isFight(tell(sketch))).toBe(false);
});

test("[S49] what takes longer than an hour is people's work", () => {
  expect(isFight(tell("0a 1b 0a 1b 0a 1b", 800_000))).toBe(false);
});

const at = (cell: string) => ({ image: smallImage([cell], "x"), position: null, fromMs: 1, toMs: 1 });

/** Both sides show `a`; then side 1 shows `b`, and the field is frozen as fought over. */
function fought(): { readonly model: ReturnType<typeof smallSync>; readonly entity: Entity } {
  const model = smallSync({ field: {} });
  const created = createEntity(model, 1, 0, "r0", at("a"), "initial", NO_REFERENCES).entity;
  const joined = joinMember(model, created, 1, "r1", at("a"), "match", NO_REFERENCES).entity;
  const { entity } = absorbRecord(model, joined, 1, at("b"), NO_REFERENCES);
  const frozen = freezeFight(model, entity, 0, tell("0a 1b 0a 1b 0a 1b"), 9);
  if (frozen === null) throw new Error("nothing was frozen before");
  expect(frozen.event.reason).toBe(
    "it went back and forth between side0 and side1 6 times within 5 s: a rule or a tool at each of them undoes what the other does",
  );
  return { model, entity: frozen.entity };
}

test("[S23] [S49] a field that is fought over is written nowhere; a side that goes on updates the case, and a decision or the agreement of all ends it", () => {
  const { model, entity } = fought();
  const owed = (one: Entity) => [0, 1].map((side) => owe(model, one, side, NO_REFERENCES).kind);
  expect([owed(entity), entity.fields[0]?.review?.candidates]).toEqual([
    ["nothing", "nothing"],
    ["a", "b"],
  ]);
  const later = absorbRecord(model, entity, 0, at("c"), NO_REFERENCES).entity;
  expect([owed(later), later.fields[0]?.review?.candidates]).toEqual([
    ["nothing", "nothing"],
    ["c", "b"],
  ]);
  const agreed = absorbRecord(model, later, 0, at("b"), NO_REFERENCES).entity;
  expect([agreed.fields[0]?.review, agreed.fields[0]?.value, owed(agreed)]).toEqual([null, "b", ["nothing", "nothing"]]);
  const decided = decideField(model, entity, 0, "a", { side: null, cause: "decision", fromMs: 10, toMs: 10 }).entity;
  expect([decided.fields[0]?.review, owed(decided)]).toEqual([null, ["nothing", "update"]]);
});
