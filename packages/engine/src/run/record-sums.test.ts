import fc from "fast-check";
import { expect, test } from "vitest";
import { RecordSums } from "./record-sums.ts";

const records = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 12 }), fc.string({ unit: "binary", maxLength: 40 })), {
  selector: ([record]) => record,
  maxLength: 30,
});

function levelAfter(added: readonly (readonly [string, string])[], removed: readonly (readonly [string, string])[]): boolean {
  const sums = new RecordSums(1);
  for (const [record, image] of added) sums.add(0, record, image);
  for (const [record, image] of removed) sums.remove(0, record, image);
  return sums.isLevel(0);
}

test("[S8] the same records with the same images come to nothing, in whatever order", () => {
  fc.assert(
    fc.property(records, fc.integer(), (some, seed) => {
      const mixed = some.toSorted(([a], [b]) => ((a.charCodeAt(0) * 7 + seed) % 5) - ((b.charCodeAt(0) * 7 + seed) % 5));
      expect(levelAfter(some, mixed)).toBe(true);
    }),
  );
});

test("[S8] one record more, less, or otherwise does not come to nothing", () => {
  fc.assert(
    fc.property(records, fc.nat(), fc.string({ unit: "binary", maxLength: 40 }), (some, at, other) => {
      fc.pre(some.length > 0);
      const one = some[at % some.length] ?? ["", ""];
      fc.pre(one[1] !== other);
      const rest = some.filter((each) => each !== one);
      expect(levelAfter(some, rest)).toBe(false);
      expect(levelAfter(rest, some)).toBe(false);
      expect(levelAfter(some, [...rest, [one[0], other]])).toBe(false);
    }),
  );
});

test("[S8] records that swapped their images are seen, and so are zeros at the end, long texts and every script", () => {
  const [a, b, long] = ["Ada\tnote", "Bob\tnote", "x".repeat(100_000)];
  const pairs: readonly (readonly [readonly (readonly [string, string])[], readonly (readonly [string, string])[]])[] = [
    [
      [
        ["1", a],
        ["2", b],
      ],
      [
        ["1", b],
        ["2", a],
      ],
    ],
    [[["1", "a"]], [["1", "a\0"]]],
    [[["1", ""]], [["1", "\0\0\0\0"]]],
    [[["12", "3"]], [["1", "23"]]],
    [[["1", long]], [["1", `${long.slice(1)}y`]]],
    [[["1", "\u{1F600}"]], [["1", "\u{1F601}"]]],
    [[["é", "1"]], [["e", "1"]]],
  ];
  for (const [added, removed] of pairs) {
    expect(levelAfter(added, removed)).toBe(false);
    expect(levelAfter(added, added)).toBe(true);
  }
});

test("[S8] ranges do not mix", () => {
  const sums = new RecordSums(3);
  sums.add(1, "1", "a");
  sums.remove(2, "1", "a");
  expect([0, 1, 2].map((range) => sums.isLevel(range))).toEqual([true, false, false]);
});
