import { smallSync } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import { matchKeysOf } from "../entity/sync-model.ts";
import { decideMatch } from "./decide-match.ts";

describe("matching by keys", () => {
  test("[S36] unique on both ends: link", () => {
    expect(decideMatch([{ entities: [7], rivals: 0 }])).toEqual({ kind: "link", entity: 7, rule: 0 });
  });

  test("[S36] no answer: a new entity", () => {
    expect(decideMatch([])).toEqual({ kind: "new" });
    expect(decideMatch([{ entities: [], rivals: 3 }])).toEqual({ kind: "new" });
  });

  test("[S36] two answers on either end: a person decides", () => {
    expect(decideMatch([{ entities: [7, 8], rivals: 0 }])).toEqual({ kind: "ambiguous", entities: [7, 8], rule: 0, rivals: 0 });
    expect(decideMatch([{ entities: [7], rivals: 1 }])).toEqual({ kind: "ambiguous", entities: [7], rule: 0, rivals: 1 });
  });

  test("[S36] keys are tried in order; the first with an answer decides", () => {
    const second = { entities: [9], rivals: 0 };
    expect(decideMatch([{ entities: [], rivals: 0 }, second])).toEqual({ kind: "link", entity: 9, rule: 1 });
    expect(decideMatch([{ entities: [7, 8], rivals: 0 }, second]).kind).toBe("ambiguous");
  });

  test("[S36] a composite key is normalised part by part, and none where a part is missing", () => {
    const model = smallSync({ email: {}, company: {} }, { match: [[0, 1], [0]] });
    expect(matchKeysOf(model, [" Ann@X.org ", "ACME"])).toEqual(['["ann@x.org","acme"]', "ann@x.org"]);
    expect(matchKeysOf(model, ["ann@x.org", null])).toEqual([null, "ann@x.org"]);
    expect(matchKeysOf(model, [undefined, "acme"])).toEqual([null, null]);
  });
});
