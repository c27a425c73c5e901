import { describe, expect, test } from "vitest";
import { textType } from "../../value/text.ts";
import { momentMs } from "./moment.ts";
import { resolveNewest } from "./newest.ts";

const decide = (canonical: readonly [number, number], observed: readonly [number, number], canonicalSide: number | null = 0, side = 1) =>
  resolveNewest(
    { kind: "newest", ranks: [0, 1], clockSkewMs: 100 },
    {
      type: textType,
      base: "x",
      canonical: "a",
      canonicalProvenance: { side: canonicalSide, cause: "user", fromMs: canonical[0], toMs: canonical[1] },
      observed: "b",
      side,
      fromMs: observed[0],
      toMs: observed[1],
      canonicalVerified: undefined,
      observedVerified: undefined,
    },
  ).kind;

describe("newest", () => {
  test("[S18] the later write wins when it certainly is later, whichever was seen first", () => {
    expect(decide([1000, 1000], [2000, 2000])).toBe("observed");
    expect(decide([2000, 2000], [1000, 1000])).toBe("canonical");
  });

  test("[S18] overlapping intervals fall to the ranks", () => {
    expect(decide([1000, 2000], [1500, 3000])).toBe("canonical");
    expect(decide([1000, 2000], [1500, 3000], 1, 0)).toBe("observed");
  });

  test("[S18] a difference within the clocks' skew falls to the ranks", () => {
    expect(decide([1000, 1000], [1099, 1099])).toBe("canonical");
    expect(decide([1000, 1000], [1101, 1101])).toBe("observed");
    expect(decide([1099, 1099], [1000, 1000], 1, 0)).toBe("observed");
  });

  test("[S18, S23] a person's decision outranks a side where times overlap, and is outdated by a later edit", () => {
    expect(decide([1000, 1000], [1000, 1000], null, 0)).toBe("canonical");
    expect(decide([1000, 1000], [2000, 2000], null, 0)).toBe("observed");
  });
});

describe("moments", () => {
  test("[S17, S19] instants, timestamps and dates are read to the millisecond", () => {
    expect(momentMs("1970-01-01T00:00:01.5Z")).toBe(1500);
    expect(momentMs("2024-02-29T12:00:00")).toBe(1_709_208_000_000);
    expect(momentMs("2024-02-29")).toBe(1_709_164_800_000);
    expect([momentMs("infinity"), momentMs("-infinity")]).toEqual([Infinity, -Infinity]);
    expect([momentMs(null), momentMs(undefined), momentMs("soon")]).toEqual([null, null, null]);
  });
});
