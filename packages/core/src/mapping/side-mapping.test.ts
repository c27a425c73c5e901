import { plainMapping, smallSync } from "@accord/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Member } from "../entity/entity.ts";
import { cellsOf } from "../entity/entity.ts";
import { writeImage } from "../record/native-image.ts";
import { integerType } from "../value/integer.ts";
import { NO_REFERENCES } from "./references.ts";
import { getRecord } from "./side-mapping.ts";

const model = smallSync({
  name: {},
  count: { type: integerType },
  twin: { sides: { 0: { make: () => ({ ...plainMapping(0, integerType), reads: [0, 1] }) } } },
});
const mapping = model.sides[0]?.mapping;
const cell = fc.constantFrom("1", "01", "x", "", null, undefined);
const cells = fc.tuple(cell, cell, cell, cell);

describe("reading a record that was read before", () => {
  test("[S14] says what reading it anew says, whatever it said before: values, problems and what is unknown", () => {
    if (mapping === undefined) throw new Error("there is no side 0");
    fc.assert(
      fc.property(cells, cells, (before, now) => {
        const known = { cells: before, values: getRecord(mapping, before, NO_REFERENCES).values };
        expect(getRecord(mapping, now, NO_REFERENCES, known)).toEqual(getRecord(mapping, now, NO_REFERENCES));
      }),
    );
  });

  test("[S3] the cells of a member are those of the image that it has, whatever was cut up before", () => {
    const member: Member = {
      state: "live",
      record: "r",
      incarnation: 1,
      image: writeImage(["new", null]),
      shadow: [],
      cut: { image: writeImage(["old", null]), cells: ["old", null] },
      ack: [],
      position: null,
      seenAtMs: 0,
      intent: null,
      retired: [],
    };
    expect(cellsOf(member)).toEqual(["new", null]);
    expect(cellsOf({ ...member, image: writeImage(["old", null]) })).toBe(member.cut?.cells);
    expect(cellsOf({ ...member, image: null })).toBeNull();
  });
});
