import { NO_REFERENCES } from "../mapping/references.ts";
import { smallImage, smallSync } from "@accord/testkit";
import { expect, test } from "vitest";
import { absorbRecord } from "./absorb.ts";
import { createEntity, joinMember } from "./join.ts";
import { newPlaces, refusePlace } from "./tree.ts";

const MODEL = smallSync({ name: {}, above: { reference: "small", rules: { tree: true } } });

test("[S46] a place that would make a circle is taken back, and its side's value is the case's candidate", () => {
  const seen = { image: smallImage(["a", "7"]), position: null, fromMs: 1, toMs: 1 };
  const created = createEntity(MODEL, 1, 0, "a", seen, "user", NO_REFERENCES).entity;
  const before = joinMember(MODEL, created, 1, "b", seen, "match", NO_REFERENCES).entity;
  const moved = { ...seen, image: smallImage(["a2", "8"]), fromMs: 3, toMs: 3, isReading: true };
  const after = absorbRecord(MODEL, before, 0, moved, NO_REFERENCES).entity;
  expect(newPlaces(MODEL, before, after)).toEqual([[1, 8]]);
  expect(newPlaces(MODEL, after, after)).toEqual([]);
  expect(newPlaces(MODEL, null, before)).toEqual([[1, 7]]);
  const refused = refusePlace(MODEL, before, after, 1, 0, 3);
  expect(refused.entity.fields.map(({ value }) => value)).toEqual(["a2", "7"]);
  expect(refused.entity.fields[1]?.review).toMatchObject({ candidates: ["8", undefined], openedAtMs: 3 });
  expect(refused.entity.members[0]?.shadow[1]).toBe("8");
  expect(refused.events.map(({ kind }) => kind)).toEqual(["reviewOpened"]);
  // Set back by its user, the case closes by itself.
  const back = { ...seen, image: smallImage(["a2", "7"]), fromMs: 5, toMs: 5, isReading: true };
  const closed = absorbRecord(MODEL, refused.entity, 0, back, NO_REFERENCES);
  expect(closed.entity.fields[1]?.review).toBeNull();
});
