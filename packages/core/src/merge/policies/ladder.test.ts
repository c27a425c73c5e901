import { smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { integerType } from "../../value/integer.ts";
import { textType } from "../../value/text.ts";
import type { LadderPolicy } from "../policy.ts";

const steps: LadderPolicy = { kind: "ladder", direction: "up", steps: ["lead", "customer", "lapsed"] };
const stage = (start: string | null) => new SmallWorld(smallSync({ stage: { type: textType, policy: steps } }, { sides: 3 }), [start, "x"]);
const number = (direction: "up" | "down") =>
  new SmallWorld(smallSync({ best: { type: integerType, policy: { kind: "ladder", direction, steps: null } } }, { sides: 3 }), ["10", "x"]);

describe("ladder, max and min", () => {
  test("[S21] concurrent steps join at the further one, in any order", () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const it = stage("lead");
      it.edit(0, 0, "lapsed");
      it.edit(1, 0, "customer");
      for (const side of order) it.absorb(side);
      it.settle();
      expect([it.cell(0, 0), it.cell(1, 0), it.cell(2, 0)]).toEqual(["lapsed", "lapsed", "lapsed"]);
    }
  });

  test("[S21] moving back is pushed back and logged, emptying is moving back", () => {
    const it = stage("customer");
    it.edit(0, 0, "lead");
    it.settle();
    it.edit(1, 0, null);
    it.settle();
    expect(it.events).toEqual([
      { kind: "reverted", field: 0, side: 0, lost: "lead", because: "ladder" },
      { kind: "reverted", field: 0, side: 1, lost: null, because: "ladder" },
    ]);
    expect([it.cell(0, 0), it.cell(1, 0)]).toEqual(["customer", "customer"]);
  });

  test("[S21] a value that is not on the ladder goes to review", () => {
    const it = stage("lead");
    it.edit(0, 0, "friend");
    it.settle();
    expect(it.entity.fields[0]).toMatchObject({ value: "lead", review: { candidates: ["friend", undefined, undefined] } });
  });

  test("[S21] from a value that is not on the ladder, any step is forward", () => {
    const it = stage("friend");
    it.edit(0, 0, "lead");
    it.settle();
    expect(it.cell(1, 0)).toBe("lead");
  });

  test("[S21] max takes the larger by the type's order, min the smaller", () => {
    const max = number("up");
    max.edit(0, 0, "12");
    max.edit(1, 0, "110");
    max.edit(2, 0, "9");
    max.settle();
    expect(max.cell(0, 0)).toBe("110");
    const min = number("down");
    min.edit(0, 0, "12");
    min.edit(1, 0, "9");
    min.settle();
    expect([min.cell(0, 0), min.cell(2, 0)]).toEqual(["9", "9"]);
  });
});
