import { smallSync, SmallWorld } from "@accord/testkit";
import { describe, expect, test } from "vitest";
import type { CustomPolicy, CustomResolution } from "../policy.ts";

const custom = (
  constructive: boolean,
  resolve: (base: unknown, canonical: string | null, observed: string | null) => CustomResolution,
): CustomPolicy => ({
  kind: "custom",
  name: "longest",
  version: 1,
  constructive,
  resolve,
});

function conflict(policy: CustomPolicy): SmallWorld {
  const it = new SmallWorld(smallSync({ name: { policy } }), ["base", "x"]);
  it.edit(0, 0, "aa");
  it.edit(1, 0, "bbb");
  it.settle();
  return it;
}

const both = (_base: unknown, canonical: string | null, observed: string | null): CustomResolution => ({
  kind: "value",
  value: `${canonical}+${observed}`,
});

describe("custom", () => {
  test("[S24] the function chooses among base, canonical and observed", () => {
    const longest = custom(false, (_base, canonical, observed) => ({
      kind: "value",
      value: (observed ?? "").length > (canonical ?? "").length ? observed : canonical,
    }));
    expect(conflict(longest).cell(0, 0)).toBe("bbb");
    expect(conflict(custom(false, (_base, canonical) => ({ kind: "value", value: canonical }))).cell(1, 0)).toBe("aa");
    const back = conflict(custom(false, () => ({ kind: "value", value: "base" })));
    expect([back.cell(0, 0), back.cell(1, 0)]).toEqual(["base", "base"]);
  });

  test("[S24, I3] a value that no side holds goes to review, unless the function is declared constructive", () => {
    const refused = conflict(custom(false, both));
    expect(refused.entity.fields[0]?.review?.reason).toContain("longest");
    const made = conflict(custom(true, both));
    expect([made.cell(0, 0), made.cell(1, 0)]).toEqual(["aa+bbb", "aa+bbb"]);
  });

  test("[S24] the function may leave it to a person", () => {
    const asked = conflict(custom(false, () => ({ kind: "review", reason: "unsure" })));
    expect(asked.entity.fields[0]?.review).toMatchObject({ reason: "unsure", candidates: [undefined, "bbb"] });
  });
});
